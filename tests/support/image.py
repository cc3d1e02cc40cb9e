"""The image without Docker: the Dockerfile's steps, read from it and carried out below a folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

_ROOTS = re.compile(r"(?<![\w.$-])/(?=(?:app|data|uv)\b)")
"""The start of each absolute path that the Dockerfile writes to."""


class Step(NamedTuple):
    """One instruction of the Dockerfile."""

    name: str
    text: str


class Image(NamedTuple):
    """What the image would hold, and how it would be run.

    root: stands for `/`. environ: of the final stage. command, health_check: arguments.
    """

    root: Path
    environ: dict[str, str]
    command: list[str]
    health_check: list[str]

    @property
    def app(self) -> Path:
        return self.root / "app"

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command in the image's working directory, with `more` variables; its output is kept."""
        return subprocess.run(
            arguments,
            cwd=self.app,
            env={**self.environ, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def build(root: Path) -> Image:
    """Carry out the Dockerfile below `root`; the base image's Python is the one that runs this.

    Copying from stage to stage is left out: both are the same folder.
    """
    base = {name: value for name, value in os.environ.items() if not name.startswith(("GATEKEEPER_", "UV_PROJECT"))}
    for name in ("VIRTUAL_ENV", "PYTHONPATH"):
        base.pop(name, None)
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to(sys.executable)
    base["PATH"] = f"{root / 'bin'}{os.pathsep}{base['PATH']}"
    folder, environ = root, base
    commands: dict[str, list[str]] = {}
    for name, text in _steps():
        if name == "FROM":
            folder, environ = root, dict(base)
        elif name == "WORKDIR":
            folder = root / text.lstrip("/")
            folder.mkdir(exist_ok=True)
        elif name == "ENV":
            pairs = [pair.partition("=") for pair in shlex.split(text)]
            environ |= {key: _below(root, value).replace("$PATH", environ["PATH"]) for key, _, value in pairs}
        elif name == "COPY" and not text.startswith("--from="):
            _copy(text.split(), folder)
        elif name == "RUN":
            subprocess.run(_below(root, text), shell=True, cwd=folder, env=environ, check=True, timeout=300)  # noqa: S602
        elif name in ("CMD", "HEALTHCHECK"):
            commands[name] = json.loads(text[text.index("[") :])
    return Image(root, environ, commands["CMD"], commands["HEALTHCHECK"])


def _steps() -> Iterator[Step]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield Step(name, rest.strip())


def _below(root: Path, text: str) -> str:
    return _ROOTS.sub(f"{root}/", text)


def _copy(names: list[str], folder: Path) -> None:
    """Copy from the checkout what .dockerignore lets through."""
    *sources, target = names
    for name in sources:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("registry", "__pycache__")
            shutil.copytree(source, folder / target, ignore=ignored)
        else:
            shutil.copy(source, folder / target)
