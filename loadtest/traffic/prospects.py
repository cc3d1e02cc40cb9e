"""Made-up prospects: what a CRM could send to the live model, read off the model's own description."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import httpx
import msgspec

Scalar = bool | float | str
Features = dict[str, Scalar]

BATCH = 1000
"""Prospects that the service takes at once."""

TIMEOUT_S = 30.0
ERASERS = 8


class Feature(msgspec.Struct, frozen=True):
    """What `GET /v1/model` says of a feature, as far as a value can be made up from it."""

    name: str
    kind: Literal["number", "category", "flag", "date"]
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


class Model(msgspec.Struct, frozen=True):
    """The features that the live model takes."""

    features: tuple[Feature, ...]


def made_up(model: Model, count: int, seed: int = 0) -> list[Features]:
    """`count` prospects whose features are drawn evenly from what training has seen."""
    chance = random.Random(seed)  # noqa: S311  nothing is kept secret by it
    return [{feature.name: _value(feature, chance) for feature in model.features} for _ in range(count)]


def _value(feature: Feature, chance: random.Random) -> Scalar:
    if feature.kind == "number":
        return chance.uniform(feature.low or 0.0, feature.high or 0.0)
    if feature.kind == "category":
        return chance.choice(feature.categories)
    if feature.kind == "flag":
        return chance.random() < 0.5
    return f"{chance.randint(2015, 2024)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


class Api:
    """The routes that a load run needs before and after its traffic."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)

    def model(self) -> Model:
        """The live model."""
        return msgspec.json.decode(self._client.get("/v1/model").raise_for_status().content, type=Model)

    def publish(self, prospects: Sequence[tuple[str, Features]]) -> None:
        """Store each prospect's features under its id.

        Raises:
            ValueError: the service refused some.
        """
        for start in range(0, len(prospects), BATCH):
            entries = [{"prospect_id": name, "features": values} for name, values in prospects[start : start + BATCH]]
            answer = self._client.post("/v1/features/batch", json={"prospects": entries}).raise_for_status()
            refused = [result for result in answer.json()["results"] if "error" in result]
            if refused:
                raise ValueError(f"the service refused {len(refused)} prospects; the first: {refused[0]}")

    def erase(self, ids: Iterator[str]) -> None:
        """Delete what is stored under each id, a few at a time: each waits for the network more than for anything."""
        with ThreadPoolExecutor(ERASERS) as pool:
            for answer in pool.map(self._client.delete, (f"/v1/prospects/{each}/features" for each in ids)):
                answer.raise_for_status()

    def close(self) -> None:
        self._client.close()
