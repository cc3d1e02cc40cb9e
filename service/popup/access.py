"""Who may read or decide on a prospect: a server with an API key, or a browser with a pop-up token."""

from __future__ import annotations

from typing import Any, NamedTuple

from litestar.connection import ASGIConnection

from service.errors import Unauthorized
from service.http import authorize
from service.keys import Scope
from service.popup.tokens import LIFE_S, REFUSED, Action, PopupToken
from service.resources import Resources, resources_of

Connection = ASGIConnection[Any, Any, Any, Any]


class Decider(NamedTuple):
    """Who decides.

    A browser decides for the one user and on the one prospect that its token names, and under the token's own key, so
    that a token is used up by the decision that it makes. A server says all three itself: they are None.
    """

    user: str | None = None
    prospect_id: str | None = None
    idempotency_key: str | None = None


def may_read(connection: Connection, prospect_id: str, now: float) -> float:
    """When the right to read this prospect's assessments ends, in seconds since 1970.

    An API key has to be shown as often as a token: one that was withdrawn must not go on reading.

    Raises:
        Unauthorized: no key that we know, or no token that is valid for this.
        Forbidden: the key lacks the scope.
    """
    token = _admitted(connection, "score", "read", now)
    if token is None:
        return now + LIFE_S
    if token.prospect != prospect_id:
        raise Unauthorized(REFUSED)
    return token.exp


def authorized_decider(connection: Connection, now: float) -> Decider:
    """Who asks to record a decision.

    Raises:
        Unauthorized: no key that we know, or no token that is valid for this.
        Forbidden: the key lacks the scope.
    """
    token = _admitted(connection, "decide", "decide", now)
    return Decider() if token is None else Decider(token.sub, token.prospect, f"token:{token.jti}")


def _admitted(connection: Connection, scope: Scope, action: Action, now: float) -> PopupToken | None:
    """The token that the request carries, None where it carries an API key; neither is let pass without the right."""
    resources: Resources = resources_of(connection)
    headers = dict(connection.scope["headers"])
    kind, _, credential = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() != b"bearer" or credential.count(b".") != 2:  # API keys hold no dots
        authorize(resources.keyring, headers, connection.scope["client"], scope)
        return None
    return resources.tokens.read(credential, action, now)
