"""The embedded store: one owner, one server, and nothing that was written is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
import redis

from service import store_server
from service.errors import StoreServerError
from service.store_server import SOCKET_PATH_MAX, StoreServer, binary, id_secret_in
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


def test_a_server_that_cannot_be_started_again_at_first_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store_server, "RETRY_S", 0.05)
    said: list[str] = []

    def refused() -> bool:
        said.append(capsys.readouterr().out)
        return "store.not_restarted" in "".join(said)

    def answers() -> bool:
        try:
            return pid(server) > 0
        except redis.RedisError:
            return False

    with StoreServer(tmp_path) as server:
        with monkeypatch.context() as patched:
            patched.setattr(store_server, "binary", lambda: tmp_path / "gone")
            os.kill(pid(server), signal.SIGKILL)
            eventually(refused)
        eventually(answers)


def test_a_server_that_never_answers_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(store_server, "START_S", 0.0)
        server = StoreServer(tmp_path)
        with pytest.raises(StoreServerError, match="silent"):
            server.__enter__()
    assert server._process is not None
    assert server._process.poll() is not None
    with StoreServer(tmp_path) as another:
        assert pid(another) != server._process.pid


def test_a_server_that_loads_for_long_is_waited_for_no_longer_and_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = 20_000
    with StoreServer(tmp_path) as server, client(server) as connection:
        pipeline = connection.pipeline(transaction=False)
        for n in range(keys):
            pipeline.set(f"key {n}", n)
        pipeline.execute()
    command = [str(binary()), "--port", "0", "--unixsocket", str(tmp_path / "valkey.sock"), "--dir", str(tmp_path)]
    slow = subprocess.Popen([*command, "--appendonly", "yes", "--key-load-delay", "200"], stdout=subprocess.DEVNULL)
    monkeypatch.setattr(store_server, "START_S", 1.0)

    def loaded() -> bool:
        try:
            return bool(connection.ping())
        except redis.BusyLoadingError:
            return False

    eventually((tmp_path / "valkey.sock").exists)
    with StoreServer(tmp_path) as server, client(server) as connection:
        assert not loaded()
        eventually(loaded, within_s=20)
        assert connection.dbsize() == keys
        assert pid(server) == slow.pid
    assert slow.wait(10) == 0


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
