"""When to try a write-back again, and when to give it up."""

from __future__ import annotations

import msgspec

from service.webhooks.job import Job

FIRST_S = 1.0
MOST_S = 3600.0
"""Between two attempts: an outage of hours is not prolonged by us, and is over for us within an hour of its end."""


class Patience(msgspec.Struct, frozen=True):
    """How often a write-back is tried, and for how long after its event."""

    attempts: int
    within_s: float


def try_again_at(job: Job, patience: Patience, now_s: float, after_s: float | None, draw: float) -> float | None:
    """When to try next what has just failed, in seconds since 1970; None: never.

    Twice as long after each failure, half of it at random, so that those which failed together do not come back
    together; and no sooner than the CRM has asked for.

    Args:
        job: as it was before it failed.
        patience: what is at most tried.
        now_s: now.
        after_s: how long the CRM asks us to wait, None where it does not say.
        draw: a random number from 0 to 1.
    """
    wait = min(MOST_S, FIRST_S * 2.0 ** min(job.attempt, 30))
    at = now_s + max(wait * (0.5 + 0.5 * draw), (after_s or 0.0) * (1 + 0.1 * draw))
    if job.attempt + 1 >= patience.attempts or at > job.since + patience.within_s:
        return None
    return at
