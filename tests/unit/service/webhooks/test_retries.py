"""When a write-back is tried again: later each time, never together, not before the CRM allows, and not for ever."""

from __future__ import annotations

import pytest

from service.webhooks.job import Job
from service.webhooks.retries import FIRST_S, MOST_S, Patience, try_again_at

SINCE = 1_790_000_000.0
PATIENCE = Patience(attempts=40, within_s=86_400)


def wait(attempt: int, draw: float, after_s: float | None = None, waited_s: float = 0.0) -> float | None:
    now_s = SINCE + waited_s
    at = try_again_at(Job("h", "hubspot", "r", attempt, SINCE), PATIENCE, now_s, after_s, draw)
    return None if at is None else at - now_s


@pytest.mark.parametrize("attempt", range(12))
def test_waits_double_and_half_of_each_is_random(attempt: int) -> None:
    whole = min(MOST_S, FIRST_S * 2**attempt)
    assert wait(attempt, 0.0) == pytest.approx(whole / 2)
    assert wait(attempt, 1.0) == pytest.approx(whole)


def test_no_try_comes_before_the_crm_allows_one() -> None:
    for draw in (0.0, 0.5, 1.0):
        asked = wait(0, draw, after_s=120.0)
        assert asked is not None
        assert asked >= 120.0


def test_the_last_attempt_and_the_last_hour_end_it() -> None:
    assert wait(38, 0.0) is not None
    assert wait(39, 0.0) is None
    assert wait(1, 0.0, waited_s=86_400) is None
    assert wait(1, 0.0, after_s=90_000.0) is None


def test_shipped_settings_try_for_a_whole_day() -> None:
    waited, attempt = 0.0, 0
    while (pause := wait(attempt, 1.0, waited_s=waited)) is not None:
        waited, attempt = waited + pause, attempt + 1
    assert waited > 22 * 3600
