# ruff: noqa: N818  "BadInput" is an error already; a suffix would say so twice
"""What the service refuses; `problems.py` makes HTTP answers of it.

    GatekeeperError
    ├── SettingsError             settings that contradict themselves or are out of bounds
    ├── StoreServerError          the embedded store cannot be started
    ├── CrmError                  a CRM's own interface has refused us
    │   ├── TryAgain              for now: busy, too many requests, not reached
    │   └── Rejected              for good: this request will fare no better
    └── ServiceError              has an HTTP status
        ├── BadInput          400 the caller's mistake, with the path of the first fault
        ├── Unauthorized      401 no key, or one that we do not know
        │   └── Forged            a webhook that its CRM did not send, or did too long ago
        ├── Forbidden         403 a key without the scope
        ├── UnknownProspect   404 nothing is stored for this prospect
        ├── UnknownDecision   404 no assessment has this decision id
        ├── UnknownCrm        404 no account with this CRM
        ├── TooSlow           408 a request that does not arrive in time
        ├── Conflict          409 the same idempotency key with another body
        ├── Erased            410 this prospect was erased, nothing may be stored of them
        ├── TooLarge          413 a body over its limit
        ├── UnsupportedMedia  415 a body that is not JSON
        ├── ClientGone        400 the connection closed before the body's end; nobody reads the answer
        ├── Overloaded        503 more is asked than can be answered in time
        ├── StoreUnavailable  503 the store is down or slow, where there is no answer without it
        ├── LedgerUnavailable 503 the ledger's database is down, locked or of another version
        └── NoModel           503 no bundle serves

Details never repeat a value that was sent: it may be personal. Names of keys are repeated, cut to a readable length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from models.errors import GatekeeperError

NAME_SHOWN = 100
"""Characters of a key that an error repeats: enough to find it, and a bound on the answer."""


class SettingsError(GatekeeperError):
    """Settings that must not be started with; the text lists every fault."""


class StoreServerError(GatekeeperError):
    """The embedded store cannot be started or is owned by another process."""


class CrmError(GatekeeperError):
    """A CRM's own interface has refused us."""


class TryAgain(CrmError):
    """It is busy, limits us, or cannot be reached; `after_s` is how long it asks us to wait, if it does."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class Rejected(CrmError):
    """It will not have this request, however often it is sent."""


class ServiceError(GatekeeperError):
    """A refusal with an HTTP status; `headers` go with it."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    slug = "internal"
    title = "Internal error"
    headers: Mapping[str, str] = {}


class BadInput(ServiceError):
    """The caller's mistake at `path`, such as `$.features.contract`."""

    status, slug, title = HTTPStatus.BAD_REQUEST, "bad-input", "Bad input"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


class Unauthorized(ServiceError):
    """No API key, or one that we do not know."""

    status, slug, title = HTTPStatus.UNAUTHORIZED, "unauthorized", "Unauthorized"
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="gatekeeper"'}


class Forged(Unauthorized):
    """A webhook that its CRM did not send, or not to this account, or too long ago: which of them, nobody is told."""

    slug, title = "forged", "Not proved"
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        super().__init__("nothing proves that the CRM has sent this")


class Forbidden(ServiceError):
    """A known key without the scope that the route needs."""

    status, slug, title = HTTPStatus.FORBIDDEN, "forbidden", "Forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key lacks the scope {scope!r}")
        self.headers = {"WWW-Authenticate": f'Bearer realm="gatekeeper", error="insufficient_scope", scope="{scope}"'}


class UnknownProspect(ServiceError):
    """Nothing is stored for this prospect."""

    status, slug, title = HTTPStatus.NOT_FOUND, "unknown-prospect", "Unknown prospect"


class UnknownDecision(ServiceError):
    """No assessment has this decision id."""

    status, slug, title = HTTPStatus.NOT_FOUND, "unknown-decision", "Unknown decision"


class Conflict(ServiceError):
    """An idempotency key that was used with another body."""

    status, slug, title = HTTPStatus.CONFLICT, "conflict", "Conflict"


class UnknownCrm(ServiceError):
    """No account with this CRM is configured."""

    status, slug, title = HTTPStatus.NOT_FOUND, "unknown-crm", "Unknown CRM"


class TooSlow(ServiceError):
    """A request that does not arrive in time."""

    status, slug, title = HTTPStatus.REQUEST_TIMEOUT, "too-slow", "Request too slow"
    headers: Mapping[str, str] = {"Connection": "close"}


class Erased(ServiceError):
    """This prospect was erased: nothing is stored of them unless they come back by their own wish."""

    status, slug, title = HTTPStatus.GONE, "erased", "Erased"

    def __init__(self) -> None:
        super().__init__(
            "this prospect was erased and nothing is stored of them; if they have come back by their own wish, "
            'send {"granted": true} to PUT /v1/prospects/{id}/consent first'
        )


class TooLarge(ServiceError):
    """A body over its limit."""

    status, slug, title = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "Body too large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body of this route is at most {limit_bytes} bytes")


class UnsupportedMedia(ServiceError):
    """A body that is not declared as JSON."""

    status, slug, title = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type"


class ClientGone(ServiceError):
    """The connection closed before the body's end."""

    status, slug, title = HTTPStatus.BAD_REQUEST, "client-gone", "Client gone"


class Overloaded(ServiceError):
    """More is asked than can be answered in time."""

    status, slug, title = HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "Overloaded"
    headers: Mapping[str, str] = {"Retry-After": "1"}


class StoreUnavailable(ServiceError):
    """The store is down or slow, and the request means nothing without it."""

    status, slug, title = HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", "Store unavailable"
    headers: Mapping[str, str] = {"Retry-After": "1"}


class LedgerUnavailable(ServiceError):
    """The ledger's database is down, locked or of another version."""

    status, slug, title = HTTPStatus.SERVICE_UNAVAILABLE, "ledger-unavailable", "Ledger unavailable"
    headers: Mapping[str, str] = {"Retry-After": "1"}


class NoModel(ServiceError):
    """No bundle serves yet."""

    status, slug, title = HTTPStatus.SERVICE_UNAVAILABLE, "no-model", "No model"
    headers: Mapping[str, str] = {"Retry-After": "2"}


def key_path(parent: str, key: str) -> str:
    """The path of `key` below `parent`: `$.features.contract`, quoted where needed: `$.features["monthly fee"]`."""
    shown = key[:NAME_SHOWN]
    return f"{parent}.{shown}" if shown.isidentifier() else f"{parent}[{json.dumps(shown, ensure_ascii=False)}]"
