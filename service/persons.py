"""Where the store keeps what it knows of one person."""

from __future__ import annotations

from typing import NamedTuple

from service.ids import Pseudonyms


class PersonKeys(NamedTuple):
    """The keys of one person.

    features, vector: see `features.py`.
    consent: hash; `granted` 1 or 0, `at` in seconds since 1970, `source`. After an erasure `at` alone: when it was.
    claims: sorted set of the digests of this person's webhook events by time; each is a key after `Persons.claim`.
    write_back: hash of the newest assessment that waits to be written into a CRM, see `webhooks/keyspace.py`.
    """

    features: str
    vector: str
    consent: str
    claims: str
    write_back: str


class Persons:
    """Names keys; they hold an HMAC of the person's id, never the id."""

    def __init__(self, tenant: str, id_secret: str) -> None:
        self._prefix = f"gk:{tenant}:"
        self._pseudonyms = Pseudonyms(id_secret.encode())
        self.claim = f"{self._prefix}e:"
        self.rewrite_due = f"{self._prefix}rewrite"

    def hidden(self, prospect_id: str) -> str:
        """How the person stands in keys, and wherever else somebody must be told from others and not known."""
        return self._pseudonyms.of(prospect_id)

    def keys(self, prospect_id: str) -> PersonKeys:
        """The keys of one person."""
        return self.keys_of(self.hidden(prospect_id))

    def keys_of(self, hidden: str) -> PersonKeys:
        """The keys of one person, who is known by what `hidden` makes of the id."""
        return PersonKeys(*(f"{self._prefix}{kind}:{hidden}" for kind in "fvckw"))
