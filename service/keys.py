"""API keys: 32 random bytes, kept as SHA-256, several at once for rotation, each with scopes."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from service.errors import Forbidden, SettingsError, Unauthorized
from service.settings import Settings

Scope = Literal["score", "features", "decide", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What a key may do; admin implies the rest."""

DEV_KEY = "dev"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64}):(?P<scopes>[a-z,]+):(?P<digest>[0-9a-f]{64})")


class ApiKey(msgspec.Struct, frozen=True):
    """A key that we know by its digest."""

    name: str
    scopes: frozenset[str]


class Keyring(msgspec.Struct, frozen=True):
    """Every key that is accepted, by SHA-256; `dev` says whether the key `dev` is, from loopback."""

    by_digest: dict[bytes, ApiKey]
    dev: bool = False

    def authorize(self, authorization: bytes, scope: Scope, client: str | None, *, proxied: bool) -> str:
        """The name of the key that `authorization` carries, if it may do `scope`.

        A digest is looked up, not a key compared, so time tells nothing about the keys.

        Args:
            authorization: the header's value, empty where there is none.
            scope: what the route needs.
            client: address of the peer.
            proxied: whether the request says that it came through a proxy, so that the peer is not the caller.

        Raises:
            Unauthorized: there is no such key.
            Forbidden: the key lacks the scope.
        """
        kind, _, key = authorization.partition(b" ")
        if kind.lower() != b"bearer" or not key:
            raise Unauthorized("send an API key as `Authorization: Bearer KEY`")
        if self.dev and key == DEV_KEY.encode():
            if proxied or not _is_loopback(client):
                raise Unauthorized("the key `dev` is accepted from loopback only")
            return DEV_KEY
        found = self.by_digest.get(hashlib.sha256(key).digest())
        if found is None:
            raise Unauthorized("this API key is not known")
        if scope not in found.scopes and "admin" not in found.scopes:
            raise Forbidden(scope)
        return found.name


def new_key(name: str, scopes: Iterable[str]) -> tuple[str, str]:
    """A new key to hand out, and the line that makes the service accept it.

    Raises:
        SettingsError: a name or scope that a line cannot hold.
    """
    key = "gk_" + secrets.token_urlsafe(32)
    line = f"{name}:{','.join(scopes)}:{digest(key)}"
    keyring_from(line)
    return key, line


def keyring_from(text: str, *, dev: bool = False) -> Keyring:
    """Read lines `name:scopes:sha256`, separated by white space; `#` starts a comment.

    Raises:
        SettingsError: listing every entry that does not read.
    """
    by_digest: dict[bytes, ApiKey] = {}
    faults = []
    entries = [entry for line in text.splitlines() for entry in line.partition("#")[0].split()]
    for number, entry in enumerate(entries, start=1):
        match = _LINE.fullmatch(entry)
        if match is None or not set(scopes := match["scopes"].split(",")) <= set(SCOPES):
            faults.append(f"API key {number}: expected name:scopes:sha256 with scopes out of {','.join(SCOPES)}")
        else:
            by_digest[bytes.fromhex(match["digest"])] = ApiKey(match["name"], frozenset(scopes))
    if faults:
        raise SettingsError("\n".join(faults))
    return Keyring(by_digest, dev)


def read_keys(settings: Settings) -> Keyring:
    """The keys that the settings and their file state.

    Raises:
        SettingsError: the file cannot be read, or a line does not parse.
    """
    text = settings.api_keys
    if settings.api_keys_file is not None:
        try:
            text += "\n" + settings.api_keys_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"GATEKEEPER_API_KEYS_FILE: {settings.api_keys_file}: {error}") from error
    return keyring_from(text, dev=settings.dev_key)


def digest(key: str) -> str:
    """SHA-256 of a key, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


@lru_cache(maxsize=1024)
def _is_loopback(client: str | None) -> bool:
    try:
        return client is not None and ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
