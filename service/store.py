"""The connection to the store: every command bounded in time, and a breaker in front of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.breaker import Breaker
from service.errors import SettingsError, StoreUnavailable
from service.link import Link
from service.metrics import Metrics
from service.settings import Settings

log = structlog.get_logger()
Answer = TypeVar("Answer")

SECOND_LOOK_S = 0.001
"""An event loop that was held up runs its timers before it reads what has come meanwhile; this lets it read."""

_DOWN = (RedisConnectionError, RedisTimeoutError, OSError, TimeoutError)
"""What says that the store is down or slow; other errors are answers: it refuses one command, not every one."""


class Store:
    """A Redis or Valkey that may be down: commands answer in time or raise `StoreUnavailable`.

    Nothing is retried here: a rep is waiting. Once given up on, the store is probed in the background, so that no
    request pays for finding out that it is back.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        if settings.redis_url is None:
            raise SettingsError("GATEKEEPER_REDIS_URL: unset, and no supervisor started a store")
        self._timeout_s = settings.store_timeout_ms / 1000
        self._probe_s = settings.breaker_probe_ms / 1000
        self._metrics = metrics
        self._breaker = Breaker(settings.breaker_failures)
        self._checked = False
        self._url = settings.redis_url
        self._link: Link | None = None
        self._linking = asyncio.Lock()
        self.client = Redis.from_pool(
            BlockingConnectionPool.from_url(
                settings.redis_url,
                max_connections=settings.store_connections,
                timeout=2 * self._timeout_s,
                socket_timeout=2 * self._timeout_s,  # `_in_time` comes first
                socket_connect_timeout=2 * self._timeout_s,
                retry=Retry(NoBackoff(), 0),
            )
        )

    @property
    def given_up(self) -> bool:
        return self._breaker.open

    async def run(self, command: Awaitable[Answer]) -> Answer:
        """The answer of `command`, which must come within the time-out.

        Raises:
            StoreUnavailable: it did not, or the store refused it, or it was given up on before.
        """
        if self._breaker.open:
            _discard(command)
            raise StoreUnavailable("the store does not answer")
        try:
            answer = await self._in_time(command)
        except _DOWN as error:
            self._failed(error)
            raise StoreUnavailable("the store does not answer") from None
        except RedisError as error:
            raise self.refused(error) from None
        if not self._breaker.open:  # opened while this one was on its way: the probe alone closes it
            self._breaker.succeeded()
        return answer

    async def values(self, keys: Sequence[str]) -> list[bytes | None]:
        """What the store holds under each of the keys, None where nothing, in one round trip.

        Raises:
            StoreUnavailable: as `run` does.
        """
        values: list[bytes | None] = await self.run(self._values(keys))
        return values

    def tell(self, *command: str | bytes | int, failed: Callable[[], None]) -> None:
        """Send a command over the hot path's connection; nobody waits for its reply, `failed` is called without one."""
        if self._breaker.open or self._link is None or self._link.lost:
            failed()
            return

        def replied(reply: asyncio.Future[object]) -> None:
            error = reply.exception()
            if error is None:
                return
            if isinstance(error, _DOWN):  # those who wait for an answer tell the breaker
                self._metrics.store_failed(type(error).__name__)
            elif isinstance(error, RedisError):
                self.refused(error)
            failed()

        self._link.send(*command).add_done_callback(replied)

    def refused(self, error: RedisError) -> StoreUnavailable:
        """What to make of a refusal: it is counted, and says nothing of other commands."""
        kind = type(error).__name__
        self._metrics.store_failed(kind)
        log.warning("store.refused", kind=kind)
        return StoreUnavailable("the store refused the command")

    async def open(self) -> None:
        """Knock once; a store that is down does not stop the start."""
        if not await self._answers():
            self._breaker.trip()
            self._metrics.store_given_up(given_up=True)
            log.warning("store.down", at="start")

    async def probe(self) -> None:
        """While the store is given up on, knock every `breaker_probe_ms`, until cancelled."""
        while True:
            await asyncio.sleep(self._probe_s)
            if self._breaker.open and await self._answers():
                await self.client.connection_pool.disconnect(inuse_connections=False)
                self._breaker.succeeded()
                self._metrics.store_given_up(given_up=False)
                log.info("store.back")

    async def close(self) -> None:
        self._unlink()
        await self.client.aclose()

    async def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        link = self._link
        if link is None or link.lost:
            async with self._linking:
                link = self._link
                if link is None or link.lost:
                    link = self._link = await Link.open(self._url)
        values: list[bytes | None] = await link.send("MGET", *keys)
        return values

    def _unlink(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    async def _in_time(self, command: Awaitable[Answer]) -> Answer:
        """The answer of `command`, or a TimeoutError when it takes too long, unless it was us who were held up."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            timer = loop.call_later(self._timeout_s, lambda: limit.reschedule(loop.time() + SECOND_LOOK_S))
            try:
                return await command
            finally:
                timer.cancel()

    def _failed(self, error: Exception) -> None:
        kind = (
            "timeout" if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__ else type(error).__name__
        )
        self._metrics.store_failed(kind)
        was_open = self._breaker.open
        self._breaker.failed()
        if self._breaker.open and not was_open:
            self._unlink()  # its other end may be gone without a word
            self._metrics.store_given_up(given_up=True)
            log.warning("store.given_up", kind=kind)

    async def _answers(self) -> bool:
        try:
            await self._in_time(self.client.ping())
        except (RedisError, OSError, TimeoutError):
            return False
        if not self._checked:
            self._checked = True
            await self._warn_of_loss()
        return True

    async def _warn_of_loss(self) -> None:
        """Warn of a store that forgets on restart, or that throws features away when it is full."""
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
        try:
            found = await self._in_time(self.client.config_get(*wanted))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("store.durability_unknown", kind=type(error).__name__, wanted=wanted)
            return
        for name, value in wanted.items():
            if found.get(name) != value:
                log.warning("store.may_lose_features", setting=name, found=found.get(name), wanted=value)


def _discard(command: Awaitable[object]) -> None:
    """Close a coroutine that will not be awaited."""
    close = getattr(command, "close", None)
    if close is not None:
        close()
