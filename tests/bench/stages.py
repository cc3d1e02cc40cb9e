"""What each stage of one request costs, measured in real requests through the application, with a real store.

The functions are timed where the service calls them, so that the figures are of what it does, and add up.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import uvloop
from litestar import Litestar

from models import assess
from models.contract import Scalar
from models.policy import CompiledPolicy
from models.scorer import Scorer
from service import hotpath, scoring
from service.app import create_app
from service.features import FeatureStore
from tests.support.app import API_KEY, settings_for
from tests.support.valkey import Valkey

STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "auth": ((hotpath, "authorize"),),
    "decode": ((hotpath, "read_score"),),
    "encode": ((hotpath, "checked"),),
    "store": ((FeatureStore, "vectors"),),
    "onnx": ((Scorer, "__call__"),),
    "value": ((assess, "interval"), (assess, "value")),
    "policy": ((CompiledPolicy, "decide"),),
    "response": ((scoring, "answers"), (hotpath, "_encode")),
}
"""Each stage, and where its functions are called from. `store` is a round trip, most of it waiting."""

WHOLE = "whole request"
ROUNDS = 400


def stage_us(
    registry: Path, prospects: Sequence[Mapping[str, Scalar]], together: int, *, sent: bool
) -> dict[str, float]:
    """The median time of each stage, in microseconds a prospect, and of the whole request.

    Args:
        registry: of the model that scores.
        prospects: their features.
        together: how many requests arrive in one turn of the event loop.
        sent: whether the features come with the request, or are read from the store.
    """
    bodies = [
        json.dumps({"prospect_id": f"P-{i}"} | ({"features": features} if sent else {})).encode()
        for i, features in enumerate(prospects)
    ]
    rounds: list[dict[str, float]] = []

    async def measure(app: Litestar) -> None:
        resources = app.state.resources
        stored = {f"P-{i}": features for i, features in enumerate(prospects)}
        await resources.features.put(stored, resources.live.assessor.contract, time.time())
        for start in range(ROUNDS):
            some = [bodies[(start * together + i) % len(bodies)] for i in range(together)]
            with _timed() as spent:
                started = time.perf_counter_ns()
                await asyncio.gather(*(_post(app, body) for body in some))
                whole = time.perf_counter_ns() - started
            rounds.append({name: ns / together / 1000 for name, ns in (*spent.items(), (WHOLE, whole))})

    async def run(url: str) -> None:
        app = create_app(settings_for(registry, url))
        async with app.lifespan():
            await measure(app)

    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        try:
            uvloop.run(run(valkey.url))
        finally:
            valkey.kill()
    return {name: median(each.get(name, 0.0) for each in rounds) for name in (*STAGES, WHOLE)}


@contextmanager
def _timed() -> Iterator[dict[str, int]]:
    """Nanoseconds spent in each stage while the block runs."""
    spent: dict[str, int] = defaultdict(int)
    with ExitStack() as stack:
        for name, places in STAGES.items():
            for owner, function in places:
                stack.enter_context(patch.object(owner, function, _stopwatch(getattr(owner, function), name, spent)))
        yield spent


def _stopwatch(call: Callable[..., Any], name: str, spent: dict[str, int]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(call):

        async def timed_wait(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter_ns()
            try:
                return await call(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter_ns() - started

        return timed_wait

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter_ns()
        try:
            return call(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter_ns() - started

    return timed


async def _post(app: Litestar, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {API_KEY}".encode())]
    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": hotpath.PATH,
        "raw_path": hotpath.PATH.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    statuses = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    assert statuses[0] == 200, f"status {statuses[0]}"
