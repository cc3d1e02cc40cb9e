"""The store where no rep waits: more time than a score has, and writes that are on disk when they return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.errors import StoreUnavailable

log = structlog.get_logger()
Answer = TypeVar("Answer")

WAIT_S = 2.0
"""For one round trip, the disk included: less than half of the 5 s after which HubSpot gives up on us."""

DISK_S = 1.5
"""Of it, for the disk."""


class DurableStore:
    """Connections of their own, so that waiting for the disk holds up no score.

    Args:
        url: of the store.
        connections: at most.
        aside: who waits for the disk does so inside one of these.
    """

    def __init__(
        self, url: str, connections: int, aside: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._aside = aside
        self._warned = False
        self.client = Redis.from_pool(
            BlockingConnectionPool.from_url(
                url,
                max_connections=connections,
                timeout=WAIT_S,
                socket_timeout=WAIT_S,
                socket_connect_timeout=WAIT_S,
                retry=Retry(NoBackoff(), 0),
            )
        )

    async def run(self, command: Awaitable[Answer]) -> Answer:
        """The answer of `command`.

        Raises:
            StoreUnavailable: it did not come in time, or was a refusal.
        """
        try:
            return await command
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("store.failed", kind=type(error).__name__)
            raise StoreUnavailable("the store does not answer") from None

    async def written(self, pipeline: Pipeline) -> list[Any]:
        """The answers of the pipeline's commands, once what they wrote is on disk.

        Raises:
            StoreUnavailable: as `run` does; what was written may stay.
        """
        pipeline.execute_command("WAITAOF", 1, 0, int(DISK_S * 1000))
        with self._aside():
            *answers, synced = await self.run(pipeline.execute(raise_on_error=False))
        for answer in answers:
            if isinstance(answer, RedisError):
                log.warning("store.refused", kind=type(answer).__name__)
                raise StoreUnavailable("the store refused the command")
        if isinstance(synced, RedisError):
            self._warn(synced)
        elif synced[0] < 1:
            raise StoreUnavailable("the store's disk is slow")
        return answers

    async def close(self) -> None:
        await self.client.aclose()

    def _warn(self, error: RedisError) -> None:
        """Say once that this store has no disk to wait for; it was warned of at start too."""
        if not self._warned:
            self._warned = True
            log.warning("store.writes_unconfirmed", kind=type(error).__name__)
