"""The image holds what serves and nothing else, runs its command, and knows when it is not well."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
from pathlib import Path

from service.keys import new_key
from tests.support.image import ROOT, Image
from tests.support.server import free_port
from tests.support.waiting import eventually


def test_every_source_file_has_its_bytecode(image: Image) -> None:
    version = image.run("python", "-c", "import sys; print(sys.implementation.cache_tag)").stdout.strip()
    sources = [path for package in ("models", "service") for path in (image.app / package).rglob("*.py")]
    assert {path.relative_to(image.app) for path in sources} == {
        path.relative_to(ROOT) for package in ("models", "service") for path in (ROOT / package).rglob("*.py")
    }
    cached = [importlib.util.cache_from_source(str(path), optimization="") for path in sources]
    assert all(Path(path).name.endswith(f".{version}.pyc") and Path(path).exists() for path in cached)


def test_neither_registry_nor_training_nor_uv_is_in_the_image(image: Image) -> None:
    assert {path.name for path in image.app.iterdir()} == {".venv", "models", "service", "pyproject.toml", "uv.lock"}
    assert not (image.app / "models" / "registry").exists()
    assert not (image.app / ".venv" / "bin" / "uv").exists()


def test_its_command_serves_and_its_health_check_says_so(image: Image, small_registry: Path, tmp_path: Path) -> None:
    port = free_port()
    _, line = new_key("tests", ["score"])
    place = {
        "GATEKEEPER_PORT": port,
        "GATEKEEPER_REGISTRY": str(small_registry),
        "GATEKEEPER_API_KEYS": line,
        "GATEKEEPER_DATA": str(tmp_path / "data"),
        "http_proxy": "http://127.0.0.1:1",
    }
    assert image.run(*image.health_check, **place).returncode == 1
    service = subprocess.Popen(
        image.command,
        cwd=image.app,
        env={**image.environ, **place},
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: image.run(*image.health_check, **place).returncode == 0, 20)
        os.kill(service.pid, signal.SIGTERM)
        assert service.wait(20) == 0
    finally:
        service.kill()
        service.wait()
    assert image.run(*image.health_check, **place).returncode == 1
