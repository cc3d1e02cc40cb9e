"""Models meet on the same customers; what differs has an interval, and who cannot play is left out with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.support.customers import CATEGORICAL, customers
from training.errors import DataError
from training.evaluation import compare as comparing
from training.evaluation import contest
from training.evaluation.compare import Comparison, compare, tables
from training.evaluation.contest import OURS, Heat, Played, last_period, play, rank
from training.evaluation.measure import within
from training.evaluation.peers import PEERS, Peer, Predict, Task
from training.model.hazard import AdditiveHazardClassifier
from training.model.selection import Selected
from training.reading.customers import fingerprint
from training.reading.lifetimes import Lifetimes, kaplan_meier
from training.simulate import simulate, write_simulated

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NAMED = {peer.name: peer for peer in PEERS}


def heat(n: int = 1200, seed: int = 0, *, late: bool = True) -> Heat:
    """Two thirds to learn from, one to judge; one in five was observed late, unless left out."""
    x, y = customers(n, seed)
    if not late:
        x, y = x[y["entry"] == 0], y[y["entry"] == 0]
    n = len(x)
    lives = Lifetimes(y["entry"].astype(np.int32), y["time"].astype(np.int32), y["event"], np.zeros(n, np.bool_))
    train, test = np.arange(n) % 3 > 0, np.arange(n) % 3 == 0
    ours = AdditiveHazardClassifier(horizon=6, periods=24, categorical=CATEGORICAL)
    return Heat(
        Task(x[train], lives.take(train), np.ones(train.sum()), ours), x[test], lives.take(test), np.ones(test.sum())
    )


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_peer_gives_curves_that_fall_and_fit_what_kaplan_meier_sees(peer: Peer) -> None:
    task = heat(2400, late=False).task
    curve = peer.fit(task)(task.x)
    told = ~np.isnan(curve).all(axis=0)
    assert curve.shape == (len(task.x), 24)
    assert ((curve[:, told] >= 0) & (curve[:, told] <= 1)).all()
    assert (np.diff(curve[:, told], axis=1) <= 1e-9).all()
    churned = task.lives.event & (task.lives.exit <= 6)
    assert (1 - curve[churned, 5]).mean() > (1 - curve[~churned, 5]).mean()
    assert curve[:, 5].mean() == pytest.approx(kaplan_meier(task.lives, 24)[5], abs=0.03)


def test_dropping_the_immature_overstates_the_risk() -> None:
    task = heat(2400, late=False).task
    churned = 1 - kaplan_meier(task.lives, 6)[-1]
    assert 1 - NAMED["horizon classifier"].fit(task)(task.x)[:, 5].mean() > 1.05 * churned


def test_a_model_loses_nothing_to_itself_and_much_to_one_that_knows_the_outcome() -> None:
    one = heat()
    chance = np.tile(0.95 ** np.arange(1, 25), (len(one.lives), 1)) ** np.random.default_rng(0).random(
        (len(one.lives), 1)
    )
    knows = np.where(within(one.lives, 12)[:, None], 0.2, 0.9) * chance
    played = Played(
        {OURS: [chance], "the same": [chance], "knows": [knows]}, dict.fromkeys((OURS, "the same", "knows"), 1.0), {}
    )
    ours, same, better = rank([one], played, last_period([one]))
    assert ours.loss_auc_at_horizon is None
    assert same.loss_auc_at_horizon is not None
    assert (same.loss_auc_at_horizon.value, same.loss_auc_at_horizon.high) == (0.0, 0.0)
    assert better.loss_c_index_ipcw is not None
    assert better.loss_integrated_brier is not None
    assert better.loss_c_index_ipcw.low > 0.1
    assert better.loss_integrated_brier.low > 0.0


def test_who_cannot_be_fitted_is_left_out_with_a_reason_and_the_others_play_on() -> None:
    def fails(task: Task) -> Predict:
        raise ValueError(f"no {len(task.ours.categorical)} for me")

    played = play([heat()], (Peer("fails", fails, takes_entry=True), NAMED["horizon classifier"]))
    assert played.left_out == {"fails": "could not be fitted (no 1 for me)"}
    assert list(played.survival) == [OURS, "horizon classifier"]


def test_a_peer_that_knows_no_late_entry_learns_from_the_others() -> None:
    seen: list[Lifetimes] = []

    def remembers(task: Task) -> Predict:
        seen.append(task.lives)
        return lambda x: np.full((len(x), 24), 0.5)

    one = heat()
    play([one], (Peer("old", remembers, takes_entry=False), Peer("new", remembers, takes_entry=True)))
    assert (one.task.lives.entry > 0).any()
    assert [(lives.entry > 0).any() for lives in seen] == [False, True]


def test_a_book_is_compared_on_its_splits_by_sign_up_and_kept_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(comparing, "PEERS", (NAMED["horizon classifier"],))
    monkeypatch.setattr(contest, "select", lambda estimator, *_: Selected(estimator.set_params(max_iter=20), {}))
    shares: list[float] = []
    found = compare(write_simulated(tmp_path, simulate(2500, 0)), NOW, 2000, shares.append)
    assert (found.name, found.split, found.splits, found.horizon) == ("saas", "sign-up time", 4, 12)
    assert (found.customers, shares[-1]) == (2500, 1.0)
    assert [row.name for row in found.rows] == [OURS, "horizon classifier"]
    assert found.rows[1].mean_risk > found.kaplan_meier_churn
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found
    Console(width=80).print(tables(found))
    assert {OURS, "horizon", "classifier"} <= set(capsys.readouterr().out.split())


def test_a_comparison_on_a_handful_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"compare: 50 customers are too few to tell models apart; take 300 or more"):
        compare(tmp_path / "none.toml", NOW, 50)


def test_the_fingerprint_tells_other_data_apart() -> None:
    task = heat(300).task
    other = task.x.copy()
    other[0, 1] += 1
    assert fingerprint(task.x, task.lives) == fingerprint(task.x.copy(), task.lives)
    assert fingerprint(task.x, task.lives) != fingerprint(other, task.lives)
    assert len(fingerprint(task.x, task.lives)) == 64


def test_a_part_with_too_few_churners_to_learn_from_is_refused() -> None:
    one = heat()
    few = np.flatnonzero(one.task.lives.event)[:10]
    task = one.task._replace(x=one.task.x[few], lives=one.task.lives.take(few), weight=one.task.weight[few])
    with pytest.raises(DataError, match=r"compare: 10 churners to learn from, where it takes 20 in one of 1 parts"):
        play([one._replace(task=task)], ())
