"""Person-periods are counted as a plain enumeration would repeat them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.model.personperiods import TimeGrid, count_person_periods, survival_target


def structured(rows: list[tuple[int, int, bool]]) -> np.ndarray:
    """Rows of (entry, time, event)."""
    y = np.zeros(len(rows), dtype=[("event", bool), ("time", np.int64), ("entry", np.int64)])
    y["entry"], y["time"], y["event"] = zip(*rows, strict=True)
    return y


@st.composite
def lifetimes(draw: st.DrawFn) -> list[tuple[int, int, bool]]:
    """Customers with delayed entry, at least one of them with an event."""
    rows = [(0, draw(st.integers(1, 30)), True)]
    for _ in range(draw(st.integers(0, 40))):
        entry = draw(st.integers(0, 20))
        time = entry + draw(st.integers(0, 20))
        rows.append((entry, time, time > entry and draw(st.booleans())))
    return rows


@given(lifetimes(), st.integers(1, 12), st.integers(1, 10))
def test_counted_rows_stand_for_every_trial_once(rows: list[tuple[int, int, bool]], segments: int, tail: int) -> None:
    target = survival_target(structured(rows), len(rows))
    grid = TimeGrid.over(target, horizon=5, periods=40, max_segments=segments, tail=tail)
    segment_of = np.minimum(np.searchsorted(grid.ends, np.arange(1, 60)), grid.segments - 1)
    slow: Counter[tuple[int, int, int]] = Counter()
    for customer, (entry, time, event) in enumerate(rows):
        for period in range(entry + 1, time + 1):
            slow[customer, int(segment_of[period - 1]), int(event and period == time)] += 1
    counted = count_person_periods(target, grid)
    fast = {
        (int(c), int(g), int(label)): int(n)
        for c, g, label, n in zip(counted.customer, counted.segment, counted.label, counted.trials, strict=True)
    }
    assert fast == slow
    assert len(fast) == len(counted.trials)


@given(lifetimes(), st.integers(1, 12), st.integers(1, 10), st.integers(1, 20), st.integers(1, 50))
def test_the_grid_covers_every_period_once_and_knows_how_far_it_is_supported(
    rows: list[tuple[int, int, bool]], segments: int, tail: int, horizon: int, periods: int
) -> None:
    target = survival_target(structured(rows), len(rows))
    grid = TimeGrid.over(target, horizon=horizon, periods=periods, max_segments=segments, tail=tail)
    last = max(time for _, time, _ in rows)
    at_risk = [sum(entry < t <= time for entry, time, _ in rows) for t in range(1, last + 1)]
    assert grid.supported_periods == max((t for t, n in enumerate(at_risk, 1) if n >= tail), default=0)
    assert grid.segments <= segments
    assert (np.diff(grid.ends) > 0).all()
    assert grid.periods == max(periods, horizon)
    assert grid.periods_until[:, -1].sum() == grid.periods
    assert grid.periods_in_horizon.sum() == horizon


def test_plain_labels_are_one_period() -> None:
    target = survival_target(np.array(["stays", "leaves", "stays"]), 3)
    assert target.event.tolist() == [True, False, True]  # the label that comes last in order is the event
    grid = TimeGrid.over(target, horizon=12, periods=60, max_segments=16, tail=1)
    assert (grid.horizon, grid.periods) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 3, False)], "no customer has an event"),
        ([(4, 3, True)], "0 <= entry <= time"),
        ([(-1, 3, True)], "0 <= entry <= time"),
        ([(3, 3, True)], "outside the periods at risk"),
    ],
)
def test_lifetimes_that_make_no_sense_are_refused(rows: list[tuple[int, int, bool]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        survival_target(structured(rows), len(rows))


def test_a_target_without_its_fields_or_with_broken_periods_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        survival_target(np.zeros(2, dtype=[("time", int)]), 2)
    fractional = np.zeros(1, dtype=[("event", bool), ("time", float)])
    fractional["time"], fractional["event"] = 1.5, True
    with pytest.raises(ValueError, match="whole periods"):
        survival_target(fractional, 1)
    with pytest.raises(ValueError, match="X has 3 customers, y has 1"):
        survival_target(structured([(0, 1, True)]), 3)
