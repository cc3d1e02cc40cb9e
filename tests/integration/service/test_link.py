"""The hot path's connection to the store, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from service.link import Link
from tests.support.valkey import Valkey


def run(url: str, scenario: Callable[[Link], Awaitable[None]]) -> None:
    async def main() -> None:
        link = await Link.open(url)
        try:
            async with asyncio.timeout(10):
                await scenario(link)
        finally:
            link.close()

    asyncio.run(main())


def test_commands_sent_at_once_have_their_own_replies_in_any_size(valkey: Valkey) -> None:
    async def scenario(link: Link) -> None:
        big = b"x" * 3_000_000
        replies = [link.send("SET", f"k{i}", big if i == 5 else str(i)) for i in range(10)]
        replies += [link.send("MGET", f"k{i}", "absent") for i in range(10)]
        found = await asyncio.gather(*replies)
        assert found[:10] == [b"OK"] * 10
        assert [value for value, _ in found[10:]] == [big if i == 5 else b"%d" % i for i in range(10)]
        assert {absent for _, absent in found[10:]} == {None}

    run(valkey.url, scenario)


def test_who_stops_waiting_leaves_the_replies_of_the_others_in_order(valkey: Valkey) -> None:
    async def scenario(link: Link) -> None:
        first, second, third = (link.send("ECHO", word) for word in ("a", "b", "c"))
        second.cancel()
        assert (await first, await third) == (b"a", b"c")

    run(valkey.url, scenario)


def test_a_refused_command_raises_and_the_next_one_is_answered(valkey: Valkey) -> None:
    async def scenario(link: Link) -> None:
        with pytest.raises(ResponseError, match="unknown command"):
            await link.send("NONSENSE")
        assert await link.send("PING") == b"PONG"

    run(valkey.url, scenario)


def test_a_store_that_dies_fails_whoever_waits_and_whoever_comes_later(own_valkey: Valkey) -> None:
    async def scenario(link: Link) -> None:
        own_valkey.freeze()
        waiting = link.send("PING")
        own_valkey.kill()
        with pytest.raises(RedisConnectionError):
            await waiting
        assert link.lost
        with pytest.raises(RedisConnectionError):
            link.send("PING")

    run(own_valkey.url, scenario)


def test_the_url_names_user_password_and_database(own_valkey: Valkey) -> None:
    with own_valkey.client() as client:
        client.config_set("requirepass", "p@ss")

    async def scenario(link: Link) -> None:
        assert await link.send("SET", "here", "1") == b"OK"
        await link.send("SELECT", 0)
        assert await link.send("MGET", "here") == [None]

    run(f"{own_valkey.url}?password=p%40ss&db=3", scenario)
    with pytest.raises(RedisError):
        run(f"{own_valkey.url}?password=wrong", scenario)


def test_where_nobody_listens_opening_is_an_os_error(tmp_path: Path) -> None:
    async def never(_link: Link) -> None:
        raise AssertionError

    with pytest.raises(OSError, match="No such file"):
        run(f"unix://{tmp_path / 'nothing'}", never)
