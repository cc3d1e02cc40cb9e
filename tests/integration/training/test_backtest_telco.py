"""The back-test of the sample book, whose customers the model has seen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from training.__main__ import main
from training.backtest.backtest import Backtest


def test_on_its_own_book_nobody_is_judged_by_a_model_that_has_seen_him(
    telco: Path, telco_book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "backtest.json"
    assert main(["backtest", str(telco), str(telco_book), "--out", str(out)]) == 0
    tested = msgspec.json.decode(out.read_bytes(), type=Backtest)
    assert "had not seen it, split by" in capsys.readouterr().out
    assert tested.place.gain.low_95 > 0
    assert tested.curves[0].best.beats_nobody
    avoid = tested.rules[0]
    assert avoid.paid_back is not None
    assert avoid.paid_back.value < 0.1
