"""Tells open cards that something about their prospect has changed, whoever changed it (`news_script.py`).

What travels over the store's pub/sub is an empty message on a channel named after the prospect's HMAC: no id, no
features, no score. Who hears it scores from the store, so that what was missed while a connection was lost is made up
for by scoring once it is back.

    gk:{tenant}:n:{hmac}   channel
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator

import hiredis
from redis.exceptions import RedisError

from service.errors import Overloaded
from service.link import Link, Reply
from service.metrics import Metrics

RECONNECT_S = 0.25
"""Between attempts to reach the store."""

SILENT_S = 5.0
"""A store that says nothing for so long, though asked, has lost the connection."""


class Listener:
    """Someone who wants to know when one prospect changes."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        """Set once to begin with, when all that is written from then on is heard."""


class LiveEvents:
    """The worker's ears: one connection, whose subscriptions are the prospects that somebody listens to.

    Args:
        url: of the store.
        tenant: part of every channel.
        hide: makes of an id what stands for it in keys and channels.
        most: listeners at once; each costs a score per change.
        metrics: where listeners are counted.
    """

    def __init__(self, url: str, tenant: str, hide: Callable[[str], str], most: int, metrics: Metrics) -> None:
        self._url = url
        self._prefix = f"gk:{tenant}:n:"
        self._hide = hide
        self._most = most
        self._metrics = metrics
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._count = 0
        self._ear: _Ear | None = None
        self._subscribed: set[str] = set()
        self.closed = False

    @contextlib.contextmanager
    def listening(self, prospect_id: str) -> Iterator[Listener]:
        """Hear of this prospect's changes as long as the block lasts.

        Raises:
            Overloaded: as many listen as may.
        """
        if self._count >= self._most or self.closed:
            raise Overloaded("as many live connections are open as may be")
        channel, listener = self._prefix + self._hide(prospect_id), Listener()
        self._count += 1
        self._listeners[channel].add(listener)
        if channel in self._subscribed:
            listener.changed.set()
        elif len(self._listeners[channel]) == 1:
            self._say("SUBSCRIBE", channel)
        self._metrics.listening(self._count)
        try:
            yield listener
        finally:
            self._count -= 1
            self._listeners[channel].discard(listener)
            if not self._listeners[channel]:
                del self._listeners[channel]
                self._subscribed.discard(channel)
                self._say("UNSUBSCRIBE", channel)
            self._metrics.listening(self._count)

    def close(self) -> None:
        """Let all who listen know that this is the end."""
        self.closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.changed.set()

    async def follow(self) -> None:
        """Keep the connection up, until cancelled."""
        while True:
            with contextlib.suppress(OSError, RedisError, TimeoutError):
                async with asyncio.timeout(SILENT_S):
                    ear = await _Ear.open(self._url)
                await self._listen(ear)
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, ear: _Ear) -> None:
        """Hear until the connection is lost or silent."""
        self._ear, ear.hear = ear, self._heard
        try:
            if self._listeners:
                self._say("SUBSCRIBE", *self._listeners)
            heard = -1
            while not ear.gone.is_set() and heard != ear.heard:
                heard = ear.heard
                self._say("PING")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ear.gone.wait(), SILENT_S)
        finally:
            self._ear = None
            self._subscribed.clear()
            ear.close()

    def _heard(self, reply: Reply) -> None:
        """Take a message; that a subscription holds is one too, after which what was missed before is looked at."""
        if not isinstance(reply, list) or reply[0] not in (b"message", b"subscribe"):
            return
        channel = reply[1].decode()
        if channel in self._listeners:
            self._subscribed.add(channel)
            for listener in self._listeners[channel]:
                listener.changed.set()

    def _say(self, *command: str) -> None:
        if self._ear is not None:
            self._ear.say(*command)


class _Ear(Link):
    """A connection on which the store speaks unasked."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()
        self.heard = 0
        self.hear: Callable[[Reply], None] | None = None

    def say(self, *command: str) -> None:
        """Write a command whose reply `hear` will get, if the connection is still there."""
        if self._transport is not None and not self.lost:
            self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub wants a tuple of one

    def data_received(self, data: bytes) -> None:
        """Hand on each reply."""
        if self.hear is None:
            super().data_received(data)
            return
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self.heard += 1
            self.hear(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.gone.set()
