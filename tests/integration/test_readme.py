"""What the READMEs tell a newcomer to type exists, and what they show is what comes back."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

import service.__main__
import training.__main__
from models.assess import readable
from models.contract import Contract
from models.policy import DEFAULT, read_policy
from service.settings import PREFIX, TABLE
from tests.support.readme import ROOT, Page
from training.reading.book import read_book

README, JAPANESE = Page(ROOT / "README.md"), Page(ROOT / "README.ja.md")
DEPTH = {"key": 2, "dead-letters": 2, "crm": 3}
"""Of commands that take more than one word to name, how many."""

MAIN: dict[str, Callable[[Sequence[str]], int]] = {
    "training": training.__main__.main,
    "service": lambda arguments: service.__main__.main(list(arguments)),
}


@pytest.mark.parametrize("target", sorted(README.make_targets()))
def test_make_knows_every_target(target: str) -> None:
    subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True, timeout=30)


def test_every_target_of_the_makefile_is_explained() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony is not None
    assert README.make_targets() == JAPANESE.make_targets() == set(phony[1].split())


@pytest.mark.parametrize("package", MAIN)
def test_every_command_exists_with_its_options(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands = README.commands(package)
    assert commands
    for command in sorted(commands):
        words = list(itertools.takewhile(str.islower, command[: DEPTH.get(command[0], 1)]))
        with pytest.raises(SystemExit) as left:
            MAIN[package]([*words, "--help"])
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert not [option for option in command if option.startswith("--") and option not in shown], command


def test_every_command_of_the_command_line_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for package, main in MAIN.items():
        with pytest.raises(SystemExit):
            main(["--help"])
        described = set(re.findall(r"^    ([a-z-]+)\b", capsys.readouterr().out, re.MULTILINE))
        assert described == {command[0] for command in README.commands(package)}


def test_both_languages_name_the_same_code() -> None:
    for package in MAIN:
        assert README.commands(package) == JAPANESE.commands(package)
    assert _uncommented(README.blocks("toml")) == _uncommented(JAPANESE.blocks("toml"))
    assert README.text.count("\n#") == JAPANESE.text.count("\n#")


def _uncommented(blocks: list[str]) -> list[list[str]]:
    return [[line.partition("#")[0].strip() for line in block.splitlines()] for block in blocks]


@pytest.mark.parametrize("page", [README, JAPANESE], ids=["en", "ja"])
def test_the_answer_shown_has_the_keys_of_a_real_one(page: Page, client: TestClient[Litestar]) -> None:
    [shown] = [json.loads(block) for block in page.blocks("json")]
    features = {"contract": "One year", "monthly_charges": 70}
    answer = client.post("/v1/score", json={"prospect_id": "L-1001", "features": features}).json()
    assert keys(shown) == keys(answer)


def keys(value: Any) -> Any:
    """The names in an answer, at every depth; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: keys(below) for name, below in value.items()}
    return keys(value[0]) if isinstance(value, list) and value else None


def test_the_example_book_and_policy_read(tmp_path: Path) -> None:
    example, policy = README.blocks("toml")
    path = tmp_path / "acme.toml"
    path.write_text(example, "utf-8")
    book = read_book(path)
    rules = read_policy(policy)
    rules.compile(readable(Contract(book.features), book.money))
    assert rules.rules[1].all == DEFAULT.rules[0].all
    assert rules.rules[2].any[:2] == DEFAULT.rules[1].any


@pytest.mark.parametrize(
    "path", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_resolve_and_settings_exist(path: Path) -> None:
    page = Page(path)
    assert not [link for link in page.links() if not (path.parent / link).exists()]
    known = {PREFIX + name.upper() for name in TABLE}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", page.text)) <= known
