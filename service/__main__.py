"""The command line: `python -m service serve | worker | dev | backup | dead-letters | key new | crm NAME install`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

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
        if given.command == "crm":
            from service.crm.install import install  # noqa: PLC0415 - the other commands need none of it

            fields = install(given.name, settings_from(os.environ), create=given.create)
            print(msgspec.json.format(msgspec.json.encode(fields), indent=1).decode())
            return 0
        if given.command in ("worker", "backup"):
            return _work() if given.command == "worker" else _backup(given.out)
        if given.command == "dead-letters":
            return _dead_letters(given.dead_letters_command, getattr(given, "id", None))
        return _serve(_settings(given), background=given.command == "dev")
    except GatekeeperError as error:
        print(error, file=sys.stderr)
        return 2


def _serve(settings: Settings, *, background: bool) -> int:
    with launched(settings) as launch:
        import structlog  # noqa: PLC0415 - the workers are on their way: what is slow to import comes now

        from service import logs  # noqa: PLC0415
        from service.crm.reading import read_accounts  # noqa: PLC0415
        from service.supervisor import supervise  # noqa: PLC0415

        logs.configure(settings.log_level)
        if settings.crm_dir is not None:
            read_accounts(settings.crm_dir)  # a fault in it is told once, not by each worker
        if settings.dev_key:
            structlog.get_logger().warning(
                "dev_key", text=f"no API keys are configured: the key is `{DEV_KEY}`, accepted from loopback only"
            )
        return supervise(settings, launch, background=background)


def _work() -> int:
    from service import background, logs  # noqa: PLC0415 - the other commands need none of it

    settings = _beside_a_server()
    logs.configure(settings.log_level)
    return background.run(settings)


def _backup(out: Path) -> int:
    from service.ledger.backup import backup  # noqa: PLC0415

    print(f"{out}: {backup(settings_from(os.environ), out)} bytes")
    return 0


def _dead_letters(what: str, letter: str | None) -> int:
    from service import logs  # noqa: PLC0415
    from service.webhooks import deadletters  # noqa: PLC0415

    settings = _beside_a_server()
    logs.configure(settings.log_level)
    told = deadletters.command(settings, what, letter)
    print(*told.lines, sep="\n")
    return 0 if told.complete else 1


def _beside_a_server() -> Settings:
    """The settings of a command that speaks to the store which servers use.

    Raises:
        SettingsError: there is no store to speak to.
    """
    from service.store_server import embedded_url, id_secret_in  # noqa: PLC0415

    settings = settings_from(os.environ)
    if settings.redis_url is not None:
        return settings
    url = embedded_url(settings.data)
    if url is None:
        raise SettingsError(
            f"no store: set GATEKEEPER_REDIS_URL, or start `python -m service serve` with the data in {settings.data}"
        )
    return msgspec.structs.replace(settings, redis_url=url, id_secret=settings.id_secret or id_secret_in(settings.data))


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
        ("dev", "store, service and worker in one, for one machine; without API keys the key is `dev`"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("--workers", metavar="N", help="processes; default: GATEKEEPER_WORKERS")
        command.add_argument("--host", help="address; default: GATEKEEPER_HOST")
        command.add_argument("--port", help="port; default: GATEKEEPER_PORT")
    commands.add_parser(
        "worker", help="write assessments back into CRMs, and into the ledger; beside `serve`, on the same store"
    )
    letters = commands.add_parser("dead-letters", help="write-backs that were given up")
    what = letters.add_subparsers(dest="dead_letters_command", required=True)
    what.add_parser("list", help="one a line, as JSON")
    replay = what.add_parser("replay", help="try again").add_mutually_exclusive_group(required=True)
    replay.add_argument("id", nargs="?", help="as `list` prints it")
    replay.add_argument("--all", action="store_true", help="each of them")
    what.add_parser("drop", help="forget one").add_argument("id", help="as `list` prints it")
    copy = commands.add_parser("backup", help="copy the ledger while it is being written")
    copy.add_argument("--out", metavar="FILE", type=Path, required=True, help="a file that does not exist yet")
    key = commands.add_parser("key", help="API keys").add_subparsers(dest="key_command", required=True)
    new = key.add_parser("new", help="make a key; the service keeps only its SHA-256")
    new.add_argument("--scopes", default="score", help=f"comma-separated, out of {', '.join(SCOPES)}")
    new.add_argument("--name", default="unnamed", help="what the key is for")
    crm = commands.add_parser("crm", help="CRMs")
    crm.add_argument("name", help="hubspot, salesforce or kintone")
    of_crm = crm.add_subparsers(dest="crm_command", required=True)
    fields = of_crm.add_parser("install", help="print the fields that assessments are written into")
    fields.add_argument("--create", action="store_true", help="create them, with the account's token")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
