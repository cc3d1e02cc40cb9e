"""Settings: environment variables `GATEKEEPER_*` in one frozen struct, every fault reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from service.errors import SettingsError
from service.popup.tokens import read_keys

PREFIX = "GATEKEEPER_"

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
"""Of titles, messages and labels."""

SECRET_BYTES = 16
"""The fewest bytes of an id secret: what HMAC-SHA256 needs so that nobody finds it by trying."""


class Setting(NamedTuple):
    """One row of the table: how the text is read, the default, the unit and the reason."""

    read: Callable[[str], Any]
    default: Any
    unit: str
    reason: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of the service is told. Field x is read from GATEKEEPER_X; see TABLE for the reasons."""

    tenant: str
    registry: Path
    model: str | None
    data: Path
    redis_url: str | None
    id_secret: str | None
    api_keys: str
    api_keys_file: Path | None
    dev_key: bool
    token_keys: tuple[tuple[str, bytes], ...]
    frame_ancestors: tuple[str, ...]
    host: str
    port: int
    workers: int
    language: Language
    crm_dir: Path | None
    write_back_s: int
    write_backs_at_once: int
    write_back_attempts: int
    write_back_hours: int
    dead_letters_days: int
    features_ttl_days: int
    database_url: str | None
    ledger_days: int
    holdout_percent: float
    answers_ttl_days: int
    tombstone_days: int
    store_timeout_ms: int
    store_connections: int
    breaker_failures: int
    breaker_probe_ms: int
    body_limit_bytes: int
    batch_limit_bytes: int
    receive_timeout_s: int
    burst_requests: int
    standing_requests: int
    deadline_ms: int
    live_connections: int
    poll_ms: int
    drain_s: int
    metrics_dir: Path | None
    log_level: str


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"expected {expected}")
        return text

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,12}", text) is None or not low <= int(text) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(text)

    return read


def _share(high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) is None or float(text) > high:
            raise ValueError(f"expected a number from 0 to {high:g}")
        return float(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    return _matching("|".join(words), "one of " + ", ".join(words))


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(text.split())
    if not all(re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin) for origin in origins):
        raise ValueError("expected origins such as https://crm.example.com or https://*.example.com")
    return origins


def _secret(text: str) -> str:
    if len(text.encode()) < SECRET_BYTES:
        raise ValueError(f"expected at least {SECRET_BYTES} bytes")
    return text


_DATABASE_URL = _matching(r"postgresql://.+", "postgresql://user:password@host/database")
_STORE_URL = _matching(r"(redis|rediss|unix)://.+", "redis://, rediss:// or unix://")

TABLE: dict[str, Setting] = {
    "tenant": Setting(
        _matching(r"[a-z0-9][a-z0-9-]{0,62}", "lower case letters, digits and hyphens"),
        "default",
        "",
        "the one company this deployment serves; part of every key in the store",
    ),
    "registry": Setting(Path, Path("models/registry"), "folder", "where `training fit` writes bundles"),
    "model": Setting(
        _matching(r"[^/\s.][^/\s]*", "a folder's name"),
        None,
        "",
        "the model to serve; unset: the only live one in the registry",
    ),
    "data": Setting(Path, Path("data"), "folder", "the embedded store's files and the id secret; one owner at a time"),
    "redis_url": Setting(
        _STORE_URL,
        None,
        "URL",
        "Redis >= 7.2 or Valkey that appends to disk and never evicts; unset: an embedded Valkey",
    ),
    "id_secret": Setting(
        _secret,
        None,
        "text",
        "HMAC key that keeps person ids out of the store's keys; unset: made in the data folder; REDIS_URL needs it",
    ),
    "api_keys": Setting(str, "", "lines", "API keys as name:scopes:sha256, as `python -m service key new` prints them"),
    "api_keys_file": Setting(Path, None, "file", "the same lines in a file, read again on SIGHUP"),
    "dev_key": Setting(
        lambda text: _one_of("0", "1")(text) == "1",
        False,
        "0 or 1",
        "set by `dev` for its workers when there are no keys: accept the key `dev` from loopback; `serve` clears it",
    ),
    "token_keys": Setting(
        read_keys,
        (),
        "entries",
        "what pop-up tokens are signed with, as kid:base64 of at least 32 bytes: the first signs, all verify, so that "
        "a new one can take over; unset: made of the id secret",
    ),
    "frame_ancestors": Setting(
        _origins,
        (),
        "origins",
        "whose pages may show `/popup` in a frame, beside our own; separated by blanks",
    ),
    "host": Setting(str, "127.0.0.1", "address", "loopback unless told otherwise: TLS belongs to the proxy in front"),
    "port": Setting(_whole(0, 65535), 8000, "", "0 takes a free one, which the log names"),
    "workers": Setting(_whole(1, 64), 1, "processes", "one per core; --workers overrides it"),
    "language": Setting(
        _one_of(*LANGUAGES), "en", "", "of titles and messages when a request asks for none that we have"
    ),
    "crm_dir": Setting(Path, None, "folder", "one TOML file per CRM, see docs/crm.md; unset: no webhooks"),
    "write_back_s": Setting(
        _whole(1, 600),
        30,
        "s",
        "for one try, of at most three requests to a CRM; after 1.5 times that others take it over",
    ),
    "write_backs_at_once": Setting(_whole(1, 100), 8, "per worker", "HubSpot allows 10 requests a second and more"),
    "write_back_attempts": Setting(
        _whole(1, 1000), 40, "", "with waits that double up to an hour, more than a day's; then it is a dead letter"
    ),
    "write_back_hours": Setting(_whole(1, 720), 24, "h", "a rep has decided by then: what is older is a dead letter"),
    "dead_letters_days": Setting(_whole(1, 365), 30, "days", "to find out why, mend it and replay them"),
    "features_ttl_days": Setting(
        _whole(1, 3650), 400, "days", "a lead that nobody touched for over a year is forgotten; renewed on every write"
    ),
    "database_url": Setting(
        _DATABASE_URL, None, "URL", "the ledger's PostgreSQL; unset: SQLite in the data folder, for one machine"
    ),
    "ledger_days": Setting(
        _whole(30, 36_500),
        1095,
        "days",
        "a year to sell in, a year to see who stays, a year to learn from both; older rows of the ledger are deleted",
    ),
    "holdout_percent": Setting(
        _share(50),
        0.0,
        "%",
        "of would-be warnings shown as `review`: the only proof of what warnings do. It lets some bad leads by, so a "
        "company says it itself; 5 is enough",
    ),
    "answers_ttl_days": Setting(
        _whole(2, 90), 7, "days", "a CRM sends a webhook again for a day; a repeat within this gets the stored answer"
    ),
    "tombstone_days": Setting(
        _whole(30, 36_500),
        3650,
        "days",
        "keeps an erased person from coming back with an old export or backup, for as long as companies keep those; a "
        "consent that was given stays on record as long",
    ),
    "store_timeout_ms": Setting(
        _whole(1, 5000), 50, "ms", "a rep waits for the score: past this, score without the store and say so"
    ),
    "store_connections": Setting(_whole(1, 1000), 32, "per worker", "bounds what a burst asks of the store at once"),
    "breaker_failures": Setting(_whole(1, 100), 3, "in a row", "after so many a request no longer waits for the store"),
    "breaker_probe_ms": Setting(
        _whole(10, 10_000), 250, "ms", "between probes of a store given up on: back within 1 s"
    ),
    "body_limit_bytes": Setting(_whole(1024, 1 << 20), 64 << 10, "bytes", "a lead's features are a few KB"),
    "batch_limit_bytes": Setting(_whole(1024, 64 << 20), 4 << 20, "bytes", "1,000 entries of 4 KB"),
    "receive_timeout_s": Setting(
        _whole(1, 300), 10, "s", "for a request's header and then its body: a full batch at 4 Mbit/s; a 408 after it"
    ),
    "burst_requests": Setting(
        _whole(1, 100_000), 256, "in flight, per worker", "a burst that drains is answered; more at once is a 503"
    ),
    "standing_requests": Setting(
        _whole(1, 100_000),
        32,
        "in flight, per worker",
        "where a quarter of it was in flight, or shared a run, for 20 ms, more is a 503: those let in are in time",
    ),
    "deadline_ms": Setting(
        _whole(1, 60_000), 500, "ms", "who has waited so long for a turn is refused with a 503: too late for a pop-up"
    ),
    "live_connections": Setting(
        _whole(1, 100_000),
        512,
        "per worker",
        "open cards; more are refused with a 503: each costs a score whenever its prospect changes",
    ),
    "poll_ms": Setting(_whole(10, 60_000), 2000, "ms", "between looks at `current` and `policy.toml`"),
    "drain_s": Setting(_whole(0, 300), 10, "s", "what requests in flight get to finish on SIGTERM"),
    "metrics_dir": Setting(
        Path, None, "folder", "set by the supervisor for its workers: where their counts are summed"
    ),
    "log_level": Setting(_one_of("debug", "info", "warning", "error"), "info", "", "debug logs every request"),
}


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` states; an empty variable counts as unset.

    Raises:
        SettingsError: listing every fault there is.
    """
    faults: list[str] = []
    read: dict[str, Any] = {}
    for name, setting in TABLE.items():
        text = environ.get(PREFIX + name.upper(), "")
        read[name] = setting.default
        if text:
            try:
                read[name] = setting.read(text)
            except ValueError as error:
                faults.append(f"{PREFIX}{name.upper()}: {error}")
    known = {PREFIX + name.upper() for name in TABLE}
    faults += [f"{name}: no such setting" for name in sorted(environ) if name.startswith(PREFIX) and name not in known]
    settings = Settings(**read)
    faults += _contradictions(settings)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _contradictions(settings: Settings) -> list[str]:
    faults = []
    if settings.redis_url and not settings.id_secret:
        faults.append(
            "GATEKEEPER_ID_SECRET: required with GATEKEEPER_REDIS_URL; all that share the store must share it"
        )
    if settings.batch_limit_bytes < settings.body_limit_bytes:
        faults.append("GATEKEEPER_BATCH_LIMIT_BYTES: smaller than GATEKEEPER_BODY_LIMIT_BYTES")
    if settings.standing_requests > settings.burst_requests:
        faults.append("GATEKEEPER_STANDING_REQUESTS: more than GATEKEEPER_BURST_REQUESTS")
    if settings.breaker_probe_ms < settings.store_timeout_ms:
        faults.append("GATEKEEPER_BREAKER_PROBE_MS: shorter than GATEKEEPER_STORE_TIMEOUT_MS, so probes would overlap")
    return faults
