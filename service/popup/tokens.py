"""Pop-up tokens: what lets a browser read one prospect's assessment, and decide on it once, for five minutes.

JSON Web Tokens (RFC 7519) under HS256. The company's server asks for one; the browser never sees an API key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Literal

import jwt
import msgspec

from service.errors import Unauthorized

Action = Literal["read", "decide"]

LIFE_S = 300
"""Long enough to read a card and decide, and too short to be worth stealing from a screen."""

SKEW_S = 30
"""How far the clocks of two machines of one deployment may differ."""

KEY_BYTES = 32
"""As many as HMAC-SHA256 makes (RFC 7518, 3.2)."""

REFUSED = "this token is not valid for this, or no longer"

_LONGEST = 8192
"""Characters of the longest token that we make, and more: ids of 128 characters outside ASCII, escaped, in base64."""

_ALGORITHM = "HS256"
_KEY = re.compile(r"(?P<kid>[A-Za-z0-9._-]{1,64}):(?P<secret>[A-Za-z0-9+/_-]+=*)")
_UNCHECKED = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False, "verify_sub": False}
"""What `PopupTokens.read` checks itself, against the time that it is given."""


class PopupToken(msgspec.Struct, frozen=True):
    """What a token says: who (`sub`, an opaque id) may do what (`act`) to which prospect of which company (`aud`).

    Times are seconds since 1970. `jti` is the token's own name: the decision that it is used for is stored under it.
    """

    aud: str
    sub: str
    prospect: str
    act: tuple[Action, ...]
    iat: int
    exp: int
    jti: str


class PopupTokens:
    """Makes tokens of one company, and reads them.

    Args:
        tenant: the company.
        keys: key ids and secrets; the first one signs, all of them verify.
    """

    def __init__(self, tenant: str, keys: Sequence[tuple[str, bytes]]) -> None:
        self._audience = f"gatekeeper:{tenant}"
        self._keys = dict(keys)
        self._signing = keys[0][0]

    def issue(self, prospect_id: str, user: str, actions: tuple[Action, ...], now: float) -> tuple[str, PopupToken]:
        """A new token, and what it says."""
        issued = int(now)
        told = PopupToken(
            self._audience, user, prospect_id, actions, issued, issued + LIFE_S, secrets.token_urlsafe(16)
        )
        headers = {"kid": self._signing}
        return jwt.encode(msgspec.to_builtins(told), self._keys[self._signing], _ALGORITHM, headers), told

    def read(self, token: bytes, action: Action, now: float) -> PopupToken:
        """What a token says that we have made, for this company and this action, and that holds at `now`.

        Raises:
            Unauthorized: it is anything else; which of it, nobody is told.
        """
        told = self._told(token)
        if (
            told is None
            or told.aud != self._audience
            or action not in told.act
            or not told.iat - SKEW_S <= now < told.exp <= told.iat + LIFE_S
        ):
            raise Unauthorized(REFUSED)
        return told

    def _told(self, token: bytes) -> PopupToken | None:
        """The claims of a token that one of our keys has signed."""
        if len(token) > _LONGEST:
            return None
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM], options=_UNCHECKED)  # type: ignore[arg-type]
            return msgspec.convert(claims, PopupToken)
        except (jwt.PyJWTError, msgspec.ValidationError, LookupError, TypeError, ValueError, RecursionError):
            return None


def read_keys(text: str) -> tuple[tuple[str, bytes], ...]:
    """Key ids and secrets that `kid:base64` entries state, separated by white space.

    Raises:
        ValueError: naming every entry that does not read by its number.
    """
    keys: dict[str, bytes] = {}
    faults = []
    for number, entry in enumerate(text.split(), start=1):
        match = _KEY.fullmatch(entry)
        secret = _decoded(match["secret"]) if match else b""
        if match is None or len(secret) < KEY_BYTES or match["kid"] in keys:
            faults.append(str(number))
        else:
            keys[match["kid"]] = secret
    if faults:
        wanted = f"kid:base64 of at least {KEY_BYTES} bytes, each kid once"
        raise ValueError(f"expected {wanted}; not so: {', '.join(faults)}")
    return tuple(keys.items())


def derived_key(id_secret: str) -> tuple[str, bytes]:
    """The key that signs where none is stated: made of the id secret, which all workers share."""
    return "derived", hmac.digest(id_secret.encode(), b"gatekeeper: pop-up tokens", hashlib.sha256)


def _decoded(secret: str) -> bytes:
    plain = secret.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return b""
