"""The command line: `python -m service serve | dev | key new`."""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from models.errors import GatekeeperError
from service.errors import SettingsError
from service.keys import DEV_KEY, SCOPES, new_key, read_keys
from service.launch import launched
from service.settings import PREFIX, Settings, settings_from


def main(arguments: list[str]) -> int:
    """Run one command; its exit code. A refusal is told on standard error, without a stack trace."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "key":
            key, line = new_key(given.name, given.scopes.split(","))
            print(f"key:  {key}\nline: {line}")
            print("Hand out the key; add the line to GATEKEEPER_API_KEYS or GATEKEEPER_API_KEYS_FILE.", file=sys.stderr)
            return 0
        return _serve(_settings(given))
    except GatekeeperError as error:
        print(error, file=sys.stderr)
        return 2


def _serve(settings: Settings) -> int:
    with launched(settings) as launch:
        import structlog  # noqa: PLC0415 - the workers are on their way: what is slow to import comes now

        from service import logs  # noqa: PLC0415
        from service.supervisor import supervise  # noqa: PLC0415

        logs.configure(settings.log_level)
        if settings.dev_key:
            structlog.get_logger().warning(
                "dev_key", text=f"no API keys are configured: the key is `{DEV_KEY}`, accepted from loopback only"
            )
        return supervise(settings, launch)


def _settings(given: argparse.Namespace) -> Settings:
    overrides = {f"{PREFIX}{name.upper()}": getattr(given, name) for name in ("host", "port", "workers")}
    os.environ.update({name: value for name, value in overrides.items() if value is not None})
    settings = msgspec.structs.replace(settings_from(os.environ), dev_key=False)
    if read_keys(settings).by_digest:
        return settings
    if given.command == "dev":
        return msgspec.structs.replace(settings, dev_key=True)
    raise SettingsError(
        "no API keys are configured: make one with `python -m service key new` and put its line into "
        "GATEKEEPER_API_KEYS or GATEKEEPER_API_KEYS_FILE; or run `python -m service dev` on your own machine"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, help_text in (
        ("serve", "serve HTTP; needs API keys"),
        ("dev", "store and service in one, for one machine; without API keys the key is `dev`"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("--workers", metavar="N", help="processes; default: GATEKEEPER_WORKERS")
        command.add_argument("--host", help="address; default: GATEKEEPER_HOST")
        command.add_argument("--port", help="port; default: GATEKEEPER_PORT")
    key = commands.add_parser("key", help="API keys").add_subparsers(dest="key_command", required=True)
    new = key.add_parser("new", help="make a key; the service keeps only its SHA-256")
    new.add_argument("--scopes", default="score", help=f"comma-separated, out of {', '.join(SCOPES)}")
    new.add_argument("--name", default="unnamed", help="what the key is for")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
