"""A job: one write-back to try, as it lies in the queue; it names no person."""

from __future__ import annotations

import msgspec

TASK = "write_back"
"""What the queue's library knows the work by."""


class Job(msgspec.Struct, frozen=True, array_like=True):
    """Write back for the prospect `hidden`, unless `revision` is no longer its newest.

    attempt: how often it has failed.
    since: when its event was taken, in seconds since 1970.
    """

    hidden: str
    crm: str
    revision: str
    attempt: int
    since: float

    @property
    def letter(self) -> str:
        """How the list of dead letters calls what this job is to write."""
        return f"{self.hidden}:{self.crm}"


class _Message(msgspec.Struct, frozen=True):
    """taskiq's `TaskiqMessage`."""

    task_id: str
    task_name: str
    labels: dict[str, str]
    labels_types: None
    args: Job
    kwargs: dict[str, str]


def message_of(job: Job) -> bytes:
    """The job as taskiq sends it, so that a script of ours can queue it; the same job is the same bytes."""
    return msgspec.json.encode(_Message(job.revision, TASK, {}, None, job, {}))
