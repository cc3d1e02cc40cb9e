"""The queue of jobs: taskiq on a stream of the store, and what keeps it going when store or workers die.

taskiq's receiver runs the jobs, so many at a time, and finishes them when it is told to stop. What it leaves to us:

- its stream keeps what was acknowledged, so a job is deleted as it is acknowledged;
- it acknowledges a job that was cut off as done, so ours acknowledge themselves, last;
- it looks for what dead workers left only when something new arrives, and for nothing that is due later: `tend` does;
- told to stop while it looks, it goes on until something new arrives, so `listen` is ours;
- it ends when the connection does, so it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from taskiq import AckableMessage, AcknowledgeType, Context, TaskiqDepends
from taskiq.receiver import Receiver
from taskiq_redis import RedisStreamBroker

from service.durable import WAIT_S, DurableStore
from service.errors import StoreUnavailable
from service.webhooks.delivery_script import TEND
from service.webhooks.job import TASK, Job
from service.webhooks.keyspace import Keyspace

log = structlog.get_logger()

GROUP = "workers"
BLOCK_MS = 1000
"""A read waits so long for a job; its connection lives a good deal longer."""

TEND_S = 0.1
"""Between looks for jobs that are due."""

RETRY_S = 0.25
"""Before a store that does not answer is spoken to again."""


class Broker(RedisStreamBroker):
    """taskiq's broker on streams, which deletes what is acknowledged and ends soon after `stop`."""

    stop: asyncio.Event

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._redis = Redis(connection_pool=self.connection_pool)

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Jobs as they arrive."""
        while not self.stop.is_set():
            read: Any = await self._redis.xreadgroup(
                GROUP, self.consumer_name, {self.queue_name: ">"}, block=self.block, count=self.count
            )
            for _, entries in read:
                for entry, fields in entries:
                    yield AckableMessage(data=fields[b"data"], ack=self._ack_generator(entry, self.queue_name))

    def _ack_generator(self, id: str, queue_name: str) -> Callable[[], Awaitable[None]]:  # noqa: A002 - its name there
        async def acknowledge() -> None:
            async with self._redis.pipeline() as pipeline:
                pipeline.xack(queue_name, GROUP, id)
                pipeline.xdel(queue_name, id)
                await pipeline.execute()

        return acknowledge


class Queue:
    """Hands jobs to `deliver`, each at least once.

    Args:
        url: of the store.
        store: the same store, for tending.
        keys: where the queue lies.
        deliver: does one job; raises StoreUnavailable where it is to be done again.
        at_once: jobs at a time.
        job_s: what is not acknowledged after so long is given to another worker.
    """

    def __init__(
        self,
        url: str,
        store: DurableStore,
        keys: Keyspace,
        deliver: Callable[[Job], Awaitable[None]],
        *,
        at_once: int,
        job_s: float,
    ) -> None:
        self._store = store
        self._keys = keys
        self._job_ms = int(job_s * 1000)
        self._broker = Broker(
            url,
            queue_name=keys.jobs,
            consumer_group_name=GROUP,
            consumer_id="0",  # what was queued before the first worker ever started, too
            max_connection_pool_size=at_once + 2,
            xread_block=BLOCK_MS,
            xread_count=at_once,
            socket_timeout=WAIT_S + BLOCK_MS / 1000,
        )
        self._broker.is_worker_process = True

        async def write_back(
            hidden: str,
            crm: str,
            revision: str,
            attempt: int,
            since: float,
            context: Context = TaskiqDepends(),  # noqa: B008 - how taskiq is asked
        ) -> None:
            with contextlib.suppress(StoreUnavailable, RedisError, OSError):
                await deliver(Job(hidden, crm, revision, attempt, since))
                await context.ack()

        self._broker.register_task(write_back, TASK)
        self._receiver = Receiver(
            self._broker,
            validate_params=False,  # JSON has the types that we wrote
            max_async_tasks=at_once,
            ack_type=AcknowledgeType.MANUAL,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Do jobs until `stop`, then finish those that have begun."""
        self._broker.stop = stop
        while not stop.is_set():
            try:
                await self._receiver.listen(stop)
            except* (RedisError, OSError) as errors:
                log.warning("queue.store_lost", kind=type(errors.exceptions[0]).__name__)
                await _pause(stop, RETRY_S)
        await self._broker.shutdown()

    async def tend(self, stop: asyncio.Event, clock: Callable[[], datetime]) -> None:
        """Until `stop`, queue again what is due, and what a worker took and did not finish."""
        while not stop.is_set():
            with contextlib.suppress(StoreUnavailable):
                words = (self._keys.later, self._keys.jobs, repr(clock().timestamp()), GROUP, self._job_ms)
                left = await self._store.run(self._store.client.eval(TEND, 2, *words))
                if left:
                    log.warning("queue.taken_over", jobs=left)
            await _pause(stop, TEND_S)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
