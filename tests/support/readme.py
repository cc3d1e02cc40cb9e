"""The code in a Markdown page: what a reader copies from it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`(?P<code>[^`\n]+)`")


class Page:
    """A Markdown page of the repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text("utf-8")

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of a language."""
        return [found["code"] for found in _FENCE.finditer(self.text) if found["language"] == language]

    def code(self) -> list[str]:
        """Lines of shell blocks without their comments, continued ones joined, and everything between backticks."""
        lines = [re.sub(r"\s#.*", "", line) for block in self.blocks("sh") for line in _joined(block).splitlines()]
        return lines + [found["code"] for found in _SPAN.finditer(_FENCE.sub("", self.text))]

    def make_targets(self) -> set[str]:
        """What the page has `make` make."""
        return {target for line in self.code() for target in re.findall(r"\bmake ([a-z-]+)", line)}

    def commands(self, package: str) -> set[tuple[str, ...]]:
        """Each `python -m package ...` of the page: its arguments."""
        found = [re.search(rf"python -m {package} (?P<rest>.+)", line) for line in self.code()]
        return {tuple(shlex.split(match["rest"])) for match in found if match}

    def links(self) -> set[str]:
        """Relative links, without what follows `#`."""
        targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", self.text)}
        return {target for target in targets if target and "://" not in target}


def _joined(block: str) -> str:
    return block.replace("\\\n", " ")
