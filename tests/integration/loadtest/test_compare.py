"""`make compare` in its short form: that it runs, tells, and refuses what is not a fair comparison."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from loadtest import compare
from loadtest.comparison import field
from loadtest.comparison.ground import Ground
from loadtest.errors import LoadtestError
from loadtest.stage import Prepared

pytestmark = [
    pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (Debian: apt-get install wrk)"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the server and wrk need a core each"),
]


@pytest.fixture
def prepared(telco: Path) -> Iterator[Prepared]:
    """A bundle that is there already; in the end the process' own cores and signals again."""
    cores, terminated = os.sched_getaffinity(0), signal.getsignal(signal.SIGTERM)
    yield Prepared(telco.parents[2] / "telco.csv", telco.parents[1], telco)
    os.sched_setaffinity(0, cores)
    signal.signal(signal.SIGTERM, terminated)


def test_a_short_comparison_has_a_row_of_everybody_and_judges_every_bar(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = dict(islice(prepared.prospects().items(), 1100))
    monkeypatch.setattr(Prepared, "prospects", lambda _: few)
    monkeypatch.setattr(compare, "prepare", lambda _: prepared)
    monkeypatch.setattr(compare, "HERE", tmp_path)
    monkeypatch.setattr(compare, "OUT", tmp_path / "compare.json")
    code = compare.main(["--seconds", "1", "--rounds", "1"])
    told, rows = capsys.readouterr(), msgspec.json.decode((tmp_path / "compare.json").read_bytes())
    assert [row["name"] for row in rows] == [
        "bare-asgi", "gatekeeper-stored", "gatekeeper-sent", "gatekeeper-batch", "gatekeeper-2workers",
        "fastapi-onnx", "fastapi-sklearn", "bare-asgi-1conn", "gatekeeper-stored-1conn",
    ]  # fmt: skip
    assert all(value > 0 for row in rows for name, value in row.items() if name != "name")
    assert code == ("MISSED" in told.out)
    assert told.out.count("(>= ") + told.out.count("(<= ") >= 6
    assert "100 answers of fastapi-sklearn agree with Gatekeeper's" in told.err


def test_answers_that_differ_are_refused_by_the_name_of_their_prospect(prepared: Prepared, tmp_path: Path) -> None:
    with ExitStack() as stack:
        ground = Ground(prepared, dict(islice(prepared.prospects().items(), 100)), 0, tmp_path, stack)
        running = field.service(ground, "gatekeeper", [0])
        right = field.right_answers(running, list(ground.prospects))
        parrot = field.bare(ground, running)  # gives everybody the answer of the first
        with pytest.raises(LoadtestError, match="bare-asgi answers otherwise for telco-0012: risk"):
            parrot.check(right)


def test_answers_that_fail_fail_the_round(prepared: Prepared, tmp_path: Path) -> None:
    with ExitStack() as stack:
        ground = Ground(prepared, dict(islice(prepared.prospects().items(), 100)), 0, tmp_path, stack)
        stranger = field.ours(ground, field.service(ground, "gatekeeper", [0]))["stored"]._replace(headers={})
        with pytest.raises(LoadtestError, match="answers failed"):
            stranger.play(1)


def test_what_is_missing_is_told_with_its_remedy(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare, "prepare", lambda _: prepared)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert compare.main(["--seconds", "1"]) == 2
    assert "apt-get install wrk" in capsys.readouterr().err
