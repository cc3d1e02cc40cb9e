"""Importing the service does nothing, and pulls in nothing of the training side."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
IMPORT_ALL = """
import importlib, pkgutil, sys, threading, service
for module in pkgutil.walk_packages(service.__path__, "service."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import service.__main__
"""
TRAINING = ("sklearn", "pandas", "polars", "skl2onnx", "onnx", "sksurv", "pyarrow", "scipy")


def test_importing_the_service_pulls_in_no_training_dependency() -> None:
    check = f"loaded = [name for name in {TRAINING!r} if name in sys.modules]; assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", IMPORT_ALL + check], cwd=ROOT, check=True, timeout=60)


def test_a_server_starts_without_what_the_worker_alone_needs() -> None:
    check = "import service.worker, sys; loaded = {'httpx', 'taskiq'} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, timeout=60)


def test_importing_the_service_reads_no_setting_and_starts_no_thread() -> None:
    check = "assert threading.active_count() == 1"
    environ = {**os.environ, "GATEKEEPER_PORT": "nonsense", "GATEKEEPER_TYPO": "1"}
    subprocess.run([sys.executable, "-c", IMPORT_ALL + check], cwd=ROOT, env=environ, check=True, timeout=60)
