"""The queue: taskiq reads what our script writes, each job is done at least once, and none is kept when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from taskiq.formatters.json_formatter import JSONFormatter

from service.durable import DurableStore
from service.errors import StoreUnavailable
from service.webhooks.job import TASK, Job, message_of
from service.webhooks.keyspace import Keyspace
from service.webhooks.queue import GROUP, Queue
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

JOB = Job("0f" * 16, "hubspot", "a1b2", 2, 1_790_000_000.25)
KEYS = Keyspace("default", "a secret of the tests alone")


def add(valkey: Valkey, *jobs: Job) -> None:
    with valkey.client() as redis:
        for job in jobs:
            redis.xadd(KEYS.jobs, {"data": message_of(job)})


def work(
    valkey: Valkey,
    deliver: Callable[[Job], Awaitable[None]],
    until: Callable[[], bool],
    *,
    job_s: float = 60.0,
    at_once: int = 4,
) -> None:
    """Have a queue work until something is so."""

    async def run() -> None:
        store = DurableStore(valkey.url, 2)
        queue = Queue(valkey.url, store, KEYS, deliver, at_once=at_once, job_s=job_s)
        stop = asyncio.Event()
        tasks = asyncio.gather(queue.run(stop), queue.tend(stop, lambda: datetime.now(UTC)))
        try:
            await asyncio.to_thread(eventually, until)
        finally:
            stop.set()
            await tasks
            await store.close()

    asyncio.run(run())


def left(valkey: Valkey) -> int:
    with valkey.client() as redis:
        return int(redis.xlen(KEYS.jobs))


def test_taskiq_reads_a_job_as_we_write_it() -> None:
    read = JSONFormatter().loads(message_of(JOB))
    assert (read.task_name, read.kwargs, read.labels) == (TASK, {}, {})
    assert Job(*read.args) == JOB


def test_what_was_queued_before_any_worker_is_done_once_and_deleted(valkey: Valkey) -> None:
    jobs = [Job(f"{n:032x}", "hubspot", f"r{n}", 0, 0.5) for n in range(50)]
    add(valkey, *jobs)
    done: list[Job] = []

    async def deliver(job: Job) -> None:
        await asyncio.sleep(0)
        done.append(job)

    work(valkey, deliver, lambda: left(valkey) == 0)
    assert sorted(done, key=lambda job: job.hidden) == jobs
    with valkey.client() as redis:
        pending: Any = redis.xpending(KEYS.jobs, GROUP)
    assert pending["pending"] == 0


def test_no_more_jobs_are_done_at_a_time_than_allowed(valkey: Valkey) -> None:
    add(valkey, *(Job(f"{n:032x}", "hubspot", "r", 0, 0.5) for n in range(30)))
    running, most = 0, 0
    three = asyncio.Barrier(3)

    async def deliver(_: Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await three.wait()
        running -= 1

    work(valkey, deliver, lambda: left(valkey) == 0, at_once=3)
    assert most == 3


def test_a_job_that_a_dead_worker_took_is_done_by_another_though_nothing_new_arrives(valkey: Valkey) -> None:
    add(valkey, JOB)
    with valkey.client() as redis:
        redis.xgroup_create(KEYS.jobs, GROUP, id="0")
        assert redis.xreadgroup(GROUP, "dead", {KEYS.jobs: ">"})
    done: list[Job] = []

    async def deliver(job: Job) -> None:
        done.append(job)

    work(valkey, deliver, lambda: left(valkey) == 0, job_s=0.2)
    assert done == [JOB]


def test_a_job_for_which_the_store_failed_is_done_again(valkey: Valkey) -> None:
    add(valkey, JOB)
    tries = 0

    async def deliver(_: Job) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreUnavailable("the store does not answer")

    work(valkey, deliver, lambda: left(valkey) == 0, job_s=0.2)
    assert tries == 2


def test_a_job_that_was_cut_off_is_not_lost(valkey: Valkey) -> None:
    add(valkey, JOB)

    async def cancelled(_: Job) -> None:
        raise asyncio.CancelledError

    tried = False

    def seen() -> bool:
        nonlocal tried
        with valkey.client() as redis:
            groups: Any = redis.xinfo_groups(KEYS.jobs)
        tried = tried or bool(groups and groups[0]["pending"])
        return tried

    work(valkey, cancelled, seen)
    assert left(valkey) == 1


def test_jobs_are_done_when_the_store_is_back(own_valkey: Valkey) -> None:
    done: list[Job] = []

    async def deliver(job: Job) -> None:
        done.append(job)

    restarted = False

    def until() -> bool:
        nonlocal restarted
        if not restarted:
            own_valkey.kill()
            own_valkey.start()
            add(own_valkey, JOB)
            restarted = True
        return left(own_valkey) == 0

    work(own_valkey, deliver, until)
    assert done == [JOB]


def test_what_is_due_later_is_done_when_it_is_due_and_the_same_job_only_once(valkey: Valkey) -> None:
    with valkey.client() as redis:
        redis.zadd(KEYS.later, {message_of(JOB): 0.0})
        redis.zadd(KEYS.later, {message_of(JOB): 1.0})
        redis.zadd(KEYS.later, {message_of(Job("f" * 32, "hubspot", "r", 0, 0.5)): 4e9})
    done: list[Job] = []

    async def deliver(job: Job) -> None:
        done.append(job)

    work(valkey, deliver, lambda: bool(done) and left(valkey) == 0)
    assert done == [JOB]
    with valkey.client() as redis:
        assert redis.zcard(KEYS.later) == 1
