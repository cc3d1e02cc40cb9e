"""Where in the store everything of an event lies; no key holds a person's id.

gk:{tenant}:f:{h}  v:{h}   features and vector, see `features.py`
gk:{tenant}:e:{digest}     the claim of an event: empty while it is under way, then its outcome as JSON
gk:{tenant}:k:{h}          the digests of a person's claims by time, for erasure to find them
gk:{tenant}:w:{h}          hash: the newest write-back that waits, per CRM: rev:, record:, fetch:, why:; and prospect_id
gk:{tenant}:l:{h}          who writes back for this person at the moment
gk:{tenant}:q              stream of jobs; a job names {h}, CRM and revision, and no person
gk:{tenant}:q:later        jobs to try again, by when
gk:{tenant}:q:paused:{crm} there while a CRM has asked to be left alone
gk:{tenant}:q:dead         {h} and CRM of write-backs that were given up, by when; what they were is still in w:{h}
"""

from __future__ import annotations

from service.persons import Persons


class Keyspace(Persons):
    """The keys of one tenant: those of persons, and those of events and jobs."""

    def __init__(self, tenant: str, id_secret: str) -> None:
        super().__init__(tenant, id_secret)
        self.jobs = f"{self._prefix}q"
        self.later = f"{self._prefix}q:later"
        self.dead = f"{self._prefix}q:dead"

    def digest(self, crm: str, event_key: str) -> str:
        """What stands for an event: its key may hold the id of a person."""
        return self._pseudonyms.of(f"{crm}\n{event_key}")

    def lock(self, hidden: str) -> str:
        return f"{self._prefix}l:{hidden}"

    def paused(self, crm: str) -> str:
        return f"{self._prefix}q:paused:{crm}"
