"""The background process: writes assessments back into CRMs and into the ledger, and what else no caller waits for.

Started as `python -m service worker`; the supervisor of `dev` starts it as `python -m service.background LIFELINE_FD`,
as it does its workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Self

import msgspec
import structlog
import uvloop

from service import logs
from service.crm.account import Name
from service.crm.catalogue import CRMS
from service.crm.client import api_client
from service.errors import SettingsError
from service.ledger.drain import drain
from service.resources import Resources
from service.settings import Settings, settings_from
from service.webhooks.delivery import MARGIN, Connected, Delivery, Terms
from service.webhooks.job import Job
from service.webhooks.queue import Queue
from service.webhooks.retries import Patience

log = structlog.get_logger()

STORE_TIMEOUT_MS = 1000
"""No rep waits for what this process scores: a store that is slow for a moment is no reason to try all of it again."""


def run(settings: Settings, lifeline: int | None = None) -> int:
    """Work until SIGTERM or SIGINT, or until the other end of `lifeline` closes; the exit code.

    Raises:
        SettingsError: what the settings point at cannot be read, or no store is named.
    """
    return uvloop.run(_work(settings, lifeline))


async def _work(settings: Settings, lifeline: int | None) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    async with opened(settings) as resources, Connections(resources) as connections:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, connections.reread)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # blocked by a supervisor until now
        if lifeline is not None:
            loop.add_reader(lifeline, _hung_up, loop, lifeline, stop)
        work = [asyncio.ensure_future(each) for each in duties(resources, connections, stop)]
        log.info("working", pid=os.getpid(), crms=sorted(resources.crms))
        told = asyncio.ensure_future(stop.wait())
        await asyncio.wait([told, *work], return_when=asyncio.FIRST_COMPLETED)
        stop.set()  # where one has failed, all end, and whoever started us starts us again
        done, late = await asyncio.wait(work, timeout=settings.drain_s)
        for task in (told, *late):
            task.cancel()
        await asyncio.gather(told, *late, return_exceptions=True)
        for task in done:
            task.result()
    return 0


def duties(resources: Resources, connections: Connections, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    """Everything that this process does until `stop`."""
    settings = resources.settings
    patience = Patience(settings.write_back_attempts, settings.write_back_hours * 3600)
    delivery = Delivery(
        resources.durable,
        resources.persons,
        resources.scoring,
        connections.by_crm,
        Terms(settings.write_back_s, patience, resources.life),
        resources.metrics,
        lambda: resources.live.assessor,
    )

    async def deliver(job: Job) -> None:
        await delivery.deliver(job, resources.now)

    queue = Queue(
        settings.redis_url or "",
        resources.durable,
        resources.persons,
        deliver,
        at_once=settings.write_backs_at_once,
        job_s=settings.write_back_s * MARGIN,
    )
    return [queue.run(stop), queue.tend(stop, resources.now), drain(resources, stop)]


class Connections:
    """The CRMs' interfaces, `by_crm`; closed in the end, even where SIGHUP has put others in their place."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._closing = contextlib.AsyncExitStack()
        self.by_crm: dict[Name, Connected] = {}
        self._connect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    def reread(self) -> None:
        """Take over what the folder of CRM accounts says now."""
        try:
            self._resources.reread_crms()
        except SettingsError as error:
            log.error("crms.refused", why=str(error))  # noqa: TRY400
        else:
            self._connect()
            log.info("crms.read")

    def _connect(self) -> None:
        self.by_crm.clear()
        for name, account in self._resources.crms.items():
            client = api_client(account)
            self._closing.push_async_callback(client.aclose)
            self.by_crm[name] = Connected(account, CRMS[name], client)


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Resources]:
    """The same as a server's: the live model, followed, and the store, probed; but nobody waits for a score."""
    patient = max(settings.store_timeout_ms, STORE_TIMEOUT_MS)
    resources = Resources(msgspec.structs.replace(settings, store_timeout_ms=patient))
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(resources.live.refresh)
        stack.push_async_callback(resources.ledger.close)
        stack.push_async_callback(resources.durable.close)
        stack.push_async_callback(resources.store.close)
        await resources.store.open()
        for work in (resources.store.probe(), resources.recording.follow(), resources.live.follow(settings.poll_ms)):
            stack.callback(asyncio.ensure_future(work).cancel)
        yield resources


def _hung_up(loop: asyncio.AbstractEventLoop, lifeline: int, stop: asyncio.Event) -> None:
    loop.remove_reader(lifeline)
    stop.set()


def main(lifeline: int) -> int:
    """The process that a supervisor starts."""
    settings = settings_from(os.environ)
    logs.configure(settings.log_level)
    return run(settings, lifeline)


if __name__ == "__main__":
    if told := sys.stdin.read():  # as in `worker.py`
        os.environ.update(json.loads(told))
        sys.exit(main(int(sys.argv[1])))
