"""Where in the store everything of an event lies, beside what `persons.py` names.

    gk:{tenant}:e:{digest}      claim of an event: empty while it is under way, then its outcome as JSON
    gk:{tenant}:w:{h}           newest write-back that waits: rev:, record:, fetch:, why: per CRM, and prospect_id
    gk:{tenant}:l:{h}           who writes back for this person at the moment
    gk:{tenant}:q               stream of jobs; a job names {h}, CRM and revision, and no person
    gk:{tenant}:q:later         jobs to try again, by when
    gk:{tenant}:q:paused:{crm}  there while a CRM has asked to be left alone
    gk:{tenant}:q:dead          {h} and CRM of write-backs that were given up, by when; what they were is in w:{h}

No key holds a person's id, and nothing of the queue does: an erasure need not look there.
"""

from __future__ import annotations

from service.persons import Persons


class Keyspace(Persons):
    """The keys of one tenant; `hidden` is how a person stands in them."""

    def __init__(self, tenant: str, id_secret: str) -> None:
        super().__init__(tenant, id_secret)
        self.jobs = f"{self._prefix}q"
        self.later = f"{self.jobs}:later"
        self.dead = f"{self.jobs}:dead"

    def digest(self, crm: str, event_key: str) -> str:
        """What stands for an event, whose key may hold the id of a person."""
        return self.hidden(f"{crm}\n{event_key}")

    def lock(self, hidden: str) -> str:
        return f"{self._prefix}l:{hidden}"

    def paused(self, crm: str) -> str:
        return f"{self.jobs}:paused:{crm}"
