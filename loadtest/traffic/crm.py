"""The clients of a CRM: what each asks for, how often, and what it takes for a right answer."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from locust import FastHttpUser, between, constant, task

from loadtest.traffic import answers
from loadtest.traffic.prospects import Features

KNOWN = 2000
"""Prospects that the store holds from the start: more than any cache of seconds could make a difference for."""

UNKNOWN_SHARE = 0.05
"""Scores of prospects that nothing is stored of: records opened before the CRM has sent them."""

MALFORMED_SHARE = 0.01
"""Requests that are nobody's prospect: an integration half finished, or half broken."""

RETRY_SHARE = 0.1
"""Leads that the CRM delivers once more: it gave up on the first answer, which we had given all the same."""

RETRY_AFTER_S = 1.0
"""A CRM waits about a minute; the day here is 720 times as fast as a real one, which would leave no wait at all."""

DOUBLED_SHARE = 0.3
"""Retries that come twice in a row, as when two of the CRM's queues hold the same delivery."""

BURST_MAX = 10
"""Leads of a burst at most: a trade fair's list, or what a form collected while the CRM was not looking."""

NIGHT_BATCH = 100
"""Prospects in a request of the nightly re-scoring."""

MALFORMED = (
    b'{"prospect_id": "load-0", "features": {"a"',  # cut off
    b'{"prospect_id": "load-0", "features": {"no such feature": 1}}',
    b'{"prospect_id": 7}',
    b'{"prospect_id": "load-0", "value": {"discount": NaN}}',
    b"[]",
    b"",
)

known: list[Features] = []
"""The features of the prospects `load-0`, `load-1`, ...: published before the first client comes."""

new_ids = itertools.count(KNOWN)
"""Numbers of the leads that come in."""

Checked = TypeVar("Checked")
_encode = msgspec.json.encode


def key() -> str:
    """The API key that all clients send."""
    return os.environ.get("LOADTEST_KEY", "dev")


class Lead(NamedTuple):
    """A lead that was scored, and will be again at `due`."""

    due: float
    prospect_id: str
    features: Features
    score: float


class Crm(FastHttpUser):
    """What the kinds of traffic share."""

    abstract = True
    concurrency = 1

    def on_start(self) -> None:
        """Draw from a sequence of one's own."""
        self.chance = random.Random()  # noqa: S311  nothing is kept secret by it
        self.headers = {"Authorization": f"Bearer {key()}", "Content-Type": "application/json"}

    def ask(
        self, name: str, method: str, path: str, body: bytes, check: Callable[[bytes], Checked], status: int = 200
    ) -> Checked | None:
        """Send one request; what `check` makes of the answer, or None after a failure, which locust counts."""
        sent = self.client.request(
            method,
            path,
            name=name,
            data=body,  # type: ignore[arg-type]  # bytes are what it wants in the end
            headers=self.headers,
            catch_response=True,
        )
        with sent as response:
            content = response.content or b""
            if response.status_code != status:
                response.failure(f"status {response.status_code} where {status} belongs: {content[:200]!r}")
                return None
            try:
                checked = check(content)
            except answers.WrongAnswerError as error:
                response.failure(str(error))
                return None
            response.success()
            return checked

    def score(self, name: str, prospect_id: str, *, stored: bool = True) -> answers.Answer | None:
        """Score a prospect by its id alone, as a CRM does whose features are in the store."""
        body = _encode({"prospect_id": prospect_id})
        return self.ask(name, "POST", "/v1/score", body, lambda got: answers.scored(got, prospect_id, known=stored))

    def spoil(self) -> bool:
        """Send a malformed request once in a hundred; whether this was the once."""
        if self.chance.random() >= MALFORMED_SHARE:
            return False
        body = self.chance.choice(MALFORMED)
        self.ask("malformed", "POST", "/v1/score", body, answers.refused, status=400)
        return True


class Rep(Crm):
    """Opens a record, reads, opens the next.

    A rep opens one in a minute or so. One of these opens two in a second, and so stands for about a hundred reps.
    """

    weight = 3
    wait_time = between(0.3, 0.7)

    @task
    def open_record(self) -> None:
        """Look one prospect up."""
        if self.spoil():
            return
        if self.chance.random() < UNKNOWN_SHARE:
            self.score("score unknown", f"load-unknown-{self.chance.randrange(KNOWN)}", stored=False)
        else:
            self.score("score stored", f"load-{self.chance.randrange(KNOWN)}")


class LeadSource(Crm):
    """A form, a list, a campaign: leads come in bursts, and each is sent and scored as it comes."""

    weight = 1
    wait_time = between(1.0, 3.0)

    def on_start(self) -> None:
        """Nothing is to be retried yet."""
        super().on_start()
        self.retries: deque[Lead] = deque()

    @task
    def burst(self) -> None:
        """Leads one after another, and before them the retries that are due."""
        while self.retries and self.retries[0].due <= time.monotonic():
            lead = self.retries.popleft()
            for _ in range(2 if self.chance.random() < DOUBLED_SHARE else 1):
                self.redeliver(lead)
        for _ in range(self.chance.randint(1, BURST_MAX)):
            if not self.spoil():
                self.new_lead()

    def new_lead(self) -> None:
        """Write a lead's features, then score it."""
        prospect_id, features = f"load-{next(new_ids)}", self.chance.choice(known)
        self.write("write new lead", prospect_id, features)
        answer = self.score("score new lead", prospect_id)
        if answer is not None and self.chance.random() < RETRY_SHARE:
            due = time.monotonic() + RETRY_AFTER_S
            self.retries.append(Lead(due, prospect_id, features, answer.risk.score))

    def redeliver(self, lead: Lead) -> None:
        """The same lead again: the same features must get the same score."""
        self.write("write retried lead", lead.prospect_id, lead.features)

        def same(body: bytes) -> None:
            score = answers.scored(body, lead.prospect_id, known=True).risk.score
            if score != lead.score:
                raise answers.WrongAnswerError(f"scored {score} after {lead.score} for the same features")

        self.ask("score retried lead", "POST", "/v1/score", _encode({"prospect_id": lead.prospect_id}), same)

    def write(self, name: str, prospect_id: str, features: Features) -> None:
        """Store a prospect's features."""
        path = f"/v1/prospects/{prospect_id}/features"
        self.ask(name, "PUT", path, _encode(features), lambda got: answers.stored(got, prospect_id))


class NightBatch(Crm):
    """Scores the whole book of prospects again, a hundred at a time, as fast as it is answered: nobody is waiting."""

    wait_time = constant(0)

    @task
    def rescore(self) -> None:
        """One batch, in which an entry fares as a single request would: some are unknown, some do not read."""
        entries: list[dict[str, Any]] = []
        unknown, malformed = set(), set()
        for place in range(NIGHT_BATCH):
            drawn, prospect_id = self.chance.random(), f"load-{self.chance.randrange(KNOWN)}"
            if drawn < MALFORMED_SHARE:
                malformed.add(place)
                entries.append({"prospect_id": prospect_id, "features": {"no such feature": 1}})
            elif drawn < MALFORMED_SHARE + UNKNOWN_SHARE:
                unknown.add(place)
                entries.append({"prospect_id": f"load-unknown-{place}"})
            else:
                entries.append({"prospect_id": prospect_id})
        ids = [entry["prospect_id"] for entry in entries]
        self.ask(
            f"score batch of {NIGHT_BATCH}",
            "POST",
            "/v1/score/batch",
            _encode({"prospects": entries}),
            lambda got: answers.scored_batch(got, ids, unknown, malformed),
        )
