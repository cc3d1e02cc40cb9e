"""Admission: bursts get in, a standing queue is kept short."""

from __future__ import annotations

from service.admission import STANDING_S, Admission


def admitted(admission: Admission, in_flight: int, now_s: float) -> bool:
    admission.in_flight = in_flight
    return admission.admits(now_s)


def test_a_burst_gets_in_up_to_its_limit() -> None:
    admission = Admission(burst=5, standing=2)
    assert [admitted(admission, in_flight, 10.0) for in_flight in range(7)] == [True] * 5 + [False] * 2


def test_a_queue_that_does_not_drain_is_kept_short_until_it_has() -> None:
    admission = Admission(burst=50, standing=20)
    assert admitted(admission, 4, 10.0)
    assert admitted(admission, 40, 10.0 + STANDING_S)
    late = 10.0 + 2 * STANDING_S
    assert [admitted(admission, in_flight, late) for in_flight in (5, 19, 20, 40)] == [True, True, False, False]
    assert admitted(admission, 4, late)
    assert admitted(admission, 40, late)


def test_a_queue_stands_where_run_after_run_is_long_though_nobody_is_in_flight_between_two() -> None:
    admission = Admission(burst=50, standing=20)
    for half in range(4):
        now_s = 10.0 + half * STANDING_S / 2
        admission.ran(30, now_s)
        assert admitted(admission, 0, now_s)
    assert [admitted(admission, in_flight, now_s) for in_flight in (19, 20)] == [True, False]
    admission.ran(4, now_s)
    assert admitted(admission, 0, now_s)
    assert admitted(admission, 40, now_s)


def test_a_long_run_says_nothing_of_a_queue_long_after() -> None:
    admission = Admission(burst=50, standing=20)
    admission.ran(30, 10.0)
    assert admitted(admission, 0, 60.0)
    assert admitted(admission, 40, 60.0)


def test_who_finds_nobody_gets_in_whatever_came_before() -> None:
    admission = Admission(burst=1, standing=1)
    assert all(admitted(admission, 0, now_s) for now_s in (0.0, 50.0, 50.0, 1e9))


def test_who_waits_for_a_disk_takes_nobodys_turn() -> None:
    admission = Admission(burst=1, standing=1)
    admission.in_flight = 1
    assert not admission.admits(10.0)
    with admission.aside():
        assert admission.admits(10.0)
    assert not admission.admits(10.0)
