"""Virtual environments for peers whose libraries do not go together with ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtest.errors import LoadtestError


def environment(folder: Path, requirements: Sequence[str]) -> Path:
    """The `bin` folder of an environment with `requirements`, made by uv unless it is there.

    Raises:
        LoadtestError: it cannot be made.
    """
    wanted, marker = "\n".join(requirements), folder / "requirements.txt"
    if not marker.exists() or marker.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        uv = os.environ.get("UV", "uv")
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *requirements)
        marker.write_text(wanted, "utf-8")
    return folder.resolve() / "bin"


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise LoadtestError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise LoadtestError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-1000:]}")
