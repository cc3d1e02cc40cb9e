"""The wire: what requests hold, read from raw bytes, every malformed body being one `BadInput` with a path."""

from __future__ import annotations

import contextlib
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from models.contract import Scalar
from service.errors import BadInput, key_path
from service.popup.tokens import Action

BATCH_MAX = 1000
"""Entries of a batch: what one core answers well within a second."""

ID_MAX = 128
SOURCE_MAX = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCKS_APART = timedelta(minutes=5)
"""A time that somebody sends may be ahead of ours by so much; it counts as now."""

MoneyScalar = bool | float | str | None
Body = TypeVar("Body")


class ScoreRequest(msgspec.Struct, frozen=True):
    """A prospect to score. What `features` holds overrides what is stored; `value` overrides the book's money terms."""

    prospect_id: str
    features: dict[str, Scalar] = {}
    value: dict[str, MoneyScalar] = {}


class FeaturesRequest(msgspec.Struct, frozen=True):
    """A prospect's features to store."""

    prospect_id: str
    features: dict[str, Scalar]


class ConsentRequest(msgspec.Struct, frozen=True):
    """What a person has said about being scored, when (null: now), and where or how."""

    granted: bool
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    source: Annotated[str, msgspec.Meta(max_length=SOURCE_MAX)] | None = None


class TokenRequest(msgspec.Struct, frozen=True):
    """Who is to see which prospect's card: `user` is an opaque id of the rep, never a name or an address."""

    prospect_id: str
    user: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
    actions: tuple[Action, ...] = ("read", "decide")


class Batch(msgspec.Struct, frozen=True):
    """Entries kept raw, so that one that does not read fails alone."""

    prospects: list[msgspec.Raw]


class _Wrapped(msgspec.Struct, frozen=True):
    features: dict[str, Scalar]


class _Key:
    """A key of a mapping, which msgspec hands to a hook as it reads it."""


class _KeyedFeatures(msgspec.Struct, frozen=True):
    features: dict[_Key, Scalar]


class _KeyedValue(msgspec.Struct, frozen=True):
    value: dict[_Key, MoneyScalar]


_KEYED = {"": dict[_Key, Scalar], ".features": _KeyedFeatures, ".value": _KeyedValue}
"""Every place of a mapping, and a shape that reads it and passes over the rest."""

_score = msgspec.json.Decoder(ScoreRequest)
_entry = msgspec.json.Decoder(FeaturesRequest)
_token = msgspec.json.Decoder(TokenRequest)
_batch = msgspec.json.Decoder(Batch)
_consent = msgspec.json.Decoder(ConsentRequest)
_features = msgspec.json.Decoder(dict[str, Scalar])
_wrapped = msgspec.json.Decoder(_Wrapped)
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_score(body: bytes | msgspec.Raw, at: str = "$") -> ScoreRequest:
    """The request in `body`, which lies at the path `at`.

    Raises:
        BadInput: it does not read, or its id is none.
    """
    request = read_as(_score, body, at)
    check_id(request.prospect_id, f"{at}.prospect_id")
    return request


def read_entry(body: bytes | msgspec.Raw, at: str) -> FeaturesRequest:
    """One entry of a features batch, which lies at the path `at`.

    Raises:
        BadInput: it does not read, or its id is none.
    """
    entry = read_as(_entry, body, at)
    check_id(entry.prospect_id, f"{at}.prospect_id")
    return entry


def read_token(body: bytes) -> TokenRequest:
    """The request for a pop-up token.

    Raises:
        BadInput: it does not read, or an id is none.
    """
    request = read_as(_token, body, "$")
    check_id(request.prospect_id, "$.prospect_id")
    check_id(request.user, "$.user")  # the pattern's `$` passes over a line's end
    if not request.actions:
        raise BadInput("$.actions", "expected at least one")
    return request


def read_features(body: bytes) -> tuple[dict[str, Scalar], str]:
    """Features sent bare or as `{"features": {...}}`, and the path where they lay: no feature's value is an object.

    Raises:
        BadInput: it does not read.
    """
    try:
        return _features.decode(body), "$"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if not _is_wrapped(body):
            return read_as(_features, body, "$"), "$"
    return read_as(_wrapped, body, "$").features, "$.features"


def read_consent(body: bytes, now: datetime) -> tuple[ConsentRequest, datetime]:
    """The consent in `body`, and when it was said.

    Raises:
        BadInput: it does not read, or is of a time to come or before 1970.
    """
    consent = read_as(_consent, body, "$")
    at = consent.at or now
    if not EPOCH <= at <= now + CLOCKS_APART:
        raise BadInput("$.at", "expected a time since 1970 that is past")
    return consent, min(at, now)


def read_batch(body: bytes) -> list[msgspec.Raw]:
    """The raw entries of a batch.

    Raises:
        BadInput: it does not read, or there are too many.
    """
    prospects = read_as(_batch, body, "$").prospects
    if len(prospects) > BATCH_MAX:
        raise BadInput("$.prospects", f"expected at most {BATCH_MAX} entries, got {len(prospects)}")
    return prospects


def id_in(entry: msgspec.Raw) -> str | None:
    """The id of an entry that does not read, where it has one, so that its error can be told from its neighbours'."""
    try:
        found = msgspec.json.decode(_keys.decode(entry).get("prospect_id", msgspec.Raw(b"null")), type=str)
        check_id(found, "$")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BadInput):
        return None
    return found


def url_id(segment: str, path: str) -> str:
    """The id that a URL's percent-encoded `segment` holds.

    Raises:
        BadInput: at `path`: it is not UTF-8, or no id.
    """
    try:
        prospect_id = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise BadInput(path, "expected percent-encoded UTF-8") from None
    check_id(prospect_id, path)
    return prospect_id


def check_id(prospect_id: str, path: str) -> None:
    """Refuse an id that is empty, long, or has characters that no person can see, or that no URL can hold.

    Raises:
        BadInput: at `path`.
    """
    if not 1 <= len(prospect_id) <= ID_MAX:
        raise BadInput(path, f"expected 1 to {ID_MAX} characters, got {len(prospect_id)}")
    if not prospect_id.isprintable() and any(unicodedata.category(c) == "Cc" for c in prospect_id):
        raise BadInput(path, "expected no control characters")
    if prospect_id in {".", ".."}:
        raise BadInput(path, "expected more than dots: clients take them out of a URL")


def read_as(decoder: msgspec.json.Decoder[Body], body: bytes | msgspec.Raw, at: str) -> Body:
    """What `decoder` reads of `body`, which lies at the path `at`.

    Raises:
        BadInput: it does not read.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise BadInput(at + _with_key(body, path[:-1]), reason) from None
    except msgspec.DecodeError as error:
        raise BadInput(at, str(error)) from None
    except UnicodeDecodeError:
        raise BadInput(at, "expected JSON in UTF-8") from None
    except RecursionError:
        raise BadInput(at, "nested too deeply") from None


def _with_key(body: bytes | msgspec.Raw, path: str) -> str:
    """`path` with the key named where msgspec writes `[...]` for a mapping's value: the last key before the fault."""
    parent, anonymous, _ = path.partition("[...]")
    if not anonymous:
        return path
    read: list[str] = []

    def note(_: type, key: str) -> _Key:
        read.append(key)
        return _Key()

    with contextlib.suppress(msgspec.ValidationError):
        msgspec.json.decode(body, type=_KEYED[parent], dec_hook=note)
    return key_path(parent, read[-1])


def _is_wrapped(body: bytes) -> bool:
    try:
        return bytes(_keys.decode(body).get("features", b"")).lstrip()[:1] == b"{"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
