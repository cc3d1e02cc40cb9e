"""Every metric, documented once; summed over all workers when the supervisor gave them a folder to count in."""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Bucket bounds: dense around the budget of a few milliseconds."""


class Described(NamedTuple):
    """One row of docs/metrics.md."""

    kind: type[Counter | Gauge | Histogram]
    labels: tuple[str, ...]
    meaning: str


TABLE: dict[str, Described] = {
    "gatekeeper_requests_total": Described(
        Counter, ("route", "method", "status"), "answers, by route pattern and status"
    ),
    "gatekeeper_request_seconds": Described(
        Histogram, ("route",), "time from the request's first byte in the application to the end of its answer"
    ),
    "gatekeeper_assessments_total": Described(
        Counter, ("action", "band", "degraded"), "prospects assessed, alone or in a batch; degraded: no, or why"
    ),
    "gatekeeper_assessments_unrecorded_total": Described(
        Counter, (), "answers that are not in the ledger: the store was down, or refused them, for too long"
    ),
    "gatekeeper_assessments_undrained": Described(
        Gauge, (), "runs of the model whose answers wait in the store for the ledger; asked when this page is"
    ),
    "gatekeeper_not_scored_total": Described(
        Counter, ("because",), "prospects asked about and not assessed, for want of consent or because they were erased"
    ),
    "gatekeeper_store_failures_total": Described(Counter, ("kind",), "store commands that timed out or failed"),
    "gatekeeper_store_given_up": Described(Gauge, (), "workers whose breaker is open: they answer without the store"),
    "gatekeeper_vectors_reencoded_total": Described(Counter, (), "vectors made anew from raw features"),
    "gatekeeper_raw_values_refused_total": Described(
        Counter, (), "stored raw values that the live contract refuses, treated as missing"
    ),
    "gatekeeper_model_swaps_total": Described(Counter, (), "bundles or policies that went live in a worker"),
    "gatekeeper_model_refusals_total": Described(Counter, (), "bundles or policies that a worker refused"),
    "gatekeeper_overload_refusals_total": Described(
        Counter, (), "requests refused unread because too many were in flight; they are no answers of a route"
    ),
    "gatekeeper_webhooks_forged_total": Described(Counter, ("crm",), "webhooks that nothing proved"),
    "gatekeeper_webhook_events_total": Described(
        Counter, ("crm", "status"), "events taken: scored, queued, stale, told again, no_consent or erased"
    ),
    "gatekeeper_write_backs_total": Described(
        Counter,
        ("crm", "outcome"),
        "jobs done: done, superseded by a newer one, barred, later, busy or paused and so put off, dead",
    ),
    "gatekeeper_live_connections": Described(Gauge, (), "cards that wait for news of their prospect"),
    "gatekeeper_auth_refusals_total": Described(Counter, ("status",), "requests refused for their API key"),
}


class Metrics:
    """The metrics of one process.

    prometheus_client decides once per process, from PROMETHEUS_MULTIPROC_DIR, whether values live in shared files; the
    supervisor sets that together with the folder named here.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        for name, row in TABLE.items():
            if row.kind is Counter:
                self._counters[name] = Counter(name, row.meaning, row.labels, registry=self._registry)
        seconds, given_up = TABLE["gatekeeper_request_seconds"], TABLE["gatekeeper_store_given_up"]
        self._seconds = Histogram(
            "gatekeeper_request_seconds", seconds.meaning, seconds.labels, buckets=SECONDS, registry=self._registry
        )
        self._counter = lru_cache(maxsize=1024)(self._labelled)  # looking up labels costs more than counting
        self._timer = lru_cache(maxsize=64)(self._seconds.labels)
        self._given_up = Gauge(
            "gatekeeper_store_given_up", given_up.meaning, multiprocess_mode="livesum", registry=self._registry
        )
        undrained = TABLE["gatekeeper_assessments_undrained"]
        self._undrained = Gauge(
            "gatekeeper_assessments_undrained",
            undrained.meaning,
            multiprocess_mode="mostrecent",
            registry=self._registry,
        )

        self._listening = Gauge(
            "gatekeeper_live_connections",
            TABLE["gatekeeper_live_connections"].meaning,
            multiprocess_mode="livesum",
            registry=self._registry,
        )

    def render(self) -> bytes:
        """The exposition text, summed over all workers."""
        if self._folder is None:
            return generate_latest(self._registry)
        summed = CollectorRegistry()
        MultiProcessCollector(summed, path=os.fspath(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(summed)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._counter("gatekeeper_requests_total", route, method, status).inc()
        self._timer(route).observe(seconds)
        if status in (401, 403):
            self._counter("gatekeeper_auth_refusals_total", status).inc()

    def assessed(self, kinds: Iterable[tuple[str, str, str]]) -> None:
        """Count assessments of these actions, bands, and reasons to be degraded."""
        for kind, count in Tally(kinds).items():
            self._counter("gatekeeper_assessments_total", *kind).inc(count)

    def unrecorded(self, count: int) -> None:
        self._counter("gatekeeper_assessments_unrecorded_total").inc(count)

    def undrained(self, runs: int) -> None:
        self._undrained.set(runs)

    def not_scored(self, because: str) -> None:
        self._counter("gatekeeper_not_scored_total", because).inc()

    def forged(self, crm: str) -> None:
        self._counter("gatekeeper_webhooks_forged_total", crm).inc()

    def webhook_event(self, crm: str, status: str) -> None:
        self._counter("gatekeeper_webhook_events_total", crm, status).inc()

    def write_back(self, crm: str, outcome: str) -> None:
        self._counter("gatekeeper_write_backs_total", crm, outcome).inc()

    def overloaded(self) -> None:
        self._counter("gatekeeper_overload_refusals_total").inc()

    def store_failed(self, kind: str) -> None:
        self._counter("gatekeeper_store_failures_total", kind).inc()

    def store_given_up(self, *, given_up: bool) -> None:
        self._given_up.set(1 if given_up else 0)

    def listening(self, cards: int) -> None:
        self._listening.set(cards)

    def reencoded(self, vectors: int, refused_values: int) -> None:
        self._counter("gatekeeper_vectors_reencoded_total").inc(vectors)
        self._counter("gatekeeper_raw_values_refused_total").inc(refused_values)

    def swapped(self) -> None:
        self._counter("gatekeeper_model_swaps_total").inc()

    def refused(self) -> None:
        self._counter("gatekeeper_model_refusals_total").inc()

    def _labelled(self, name: str, *labels: str | int) -> Counter:
        counter = self._counters[name]
        return counter.labels(*labels) if labels else counter
