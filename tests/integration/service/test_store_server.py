"""The embedded store: one owner, one server, and nothing that was written is lost."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
import redis

from service.errors import StoreServerError
from service.store_server import SOCKET_PATH_MAX, StoreServer, id_secret_in
from tests.support.waiting import eventually


def client(server: StoreServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, socket_timeout=5)


def pid(server: StoreServer) -> int:
    with client(server) as connection:
        return int(connection.info("server")["process_id"])


def test_it_listens_on_a_socket_of_its_owner_alone_and_on_no_port(tmp_path: Path) -> None:
    with StoreServer(tmp_path) as server, client(server) as connection:
        assert connection.config_get("port") == {"port": "0"}
        assert connection.config_get("appendonly") == {"appendonly": "yes"}
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert (tmp_path / "valkey.sock").stat().st_mode & 0o077 == 0


def test_a_killed_server_is_started_again_with_all_that_was_written(tmp_path: Path) -> None:
    with StoreServer(tmp_path) as server:
        with client(server) as connection:
            connection.set("kept", "yes")
        first = pid(server)
        os.kill(first, signal.SIGKILL)

        def back() -> bool:
            try:
                return pid(server) != first
            except redis.RedisError:
                return False

        eventually(back)
        with client(server) as connection:
            assert connection.get("kept") == b"yes"


def test_what_was_written_is_there_after_a_stop(tmp_path: Path) -> None:
    with StoreServer(tmp_path) as server, client(server) as connection:
        connection.set("kept", "yes")
    assert not (tmp_path / "valkey.sock").exists()
    with StoreServer(tmp_path) as server, client(server) as connection:
        assert connection.get("kept") == b"yes"


def test_of_several_starters_on_a_stale_socket_one_owns_and_the_rest_are_told(tmp_path: Path) -> None:
    with StoreServer(tmp_path) as server:
        os.kill(pid(server), signal.SIGSTOP)  # its death leaves a stale socket
        server._stopping.set()
        server._watch.join()
        assert server._process is not None
        server._process.kill()
        server._process.wait()
    assert (tmp_path / "valkey.sock").exists()
    outcomes: list[str] = []
    done = threading.Event()
    everyone_tried = threading.Barrier(4)

    def start() -> None:
        try:
            with StoreServer(tmp_path) as server:
                outcomes.append(f"owns {pid(server)}")
                everyone_tried.wait(20)
        except StoreServerError as error:
            outcomes.append(str(error))
            everyone_tried.wait(20)

    starters = [threading.Thread(target=start) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    done.set()
    assert sum(outcome.startswith("owns") for outcome in outcomes) == 1
    assert sum("another Gatekeeper owns this data folder" in outcome for outcome in outcomes) == 3


def test_a_folder_too_deep_for_a_socket_gets_one_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with StoreServer(deep) as server, client(server) as connection:
        assert len(server.url) - len("unix://") <= SOCKET_PATH_MAX
        assert connection.ping()
        assert (deep / "valkey.log").exists()


def test_the_id_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    secrets: list[str] = []
    threads = [threading.Thread(target=lambda: secrets.append(id_secret_in(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["id_secret"]
    assert (tmp_path / "id_secret").stat().st_mode & 0o777 == 0o600


def test_a_server_that_cannot_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("not a folder", "utf-8")
    with pytest.raises(StoreServerError, match=r"valkey\.log"):
        StoreServer(tmp_path).__enter__()
    (tmp_path / "appendonlydir").unlink()
    with StoreServer(tmp_path) as server:
        assert pid(server)
