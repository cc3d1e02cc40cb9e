from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from loadtest.memory import Sample, drawn, fitted
from loadtest.soak import verdicts

SVG = "{http://www.w3.org/2000/svg}"


def samples(worker_mb_per_million: float, requests: int = 1_000_000) -> list[Sample]:
    """Memory that grows so much, with a saw-tooth of 1 MB on it; the store's does not."""
    step = requests // 100
    return [
        Sample(number, {"worker": 100 + worker_mb_per_million * number / 1e6 + (number // step) % 2, "store": 8.0})
        for number in range(step, requests + 1, step)
    ]


def test_the_line_finds_the_growth_under_the_saw_tooth() -> None:
    lines = fitted(samples(50.0))
    assert lines["worker"].mb_per_million == pytest.approx(50.0, abs=0.1)
    assert lines["store"].mb_per_million == pytest.approx(0.0, abs=1e-6)
    assert lines["store"].end_mb == pytest.approx(8.0)


def test_sixteen_bytes_kept_of_every_request_are_found() -> None:
    worker, store, answers = verdicts(fitted(samples(16.0)), {})
    assert [worker.met, store.met, answers.met] == [False, True, True]


def test_memory_that_stays_meets_its_bar_in_a_long_run_and_in_a_short_one() -> None:
    for requests in (1_000_000, 20_000):
        assert all(verdict.met for verdict in verdicts(fitted(samples(1.0, requests)), {}))


def test_an_answer_of_a_wrong_status_fails_the_run() -> None:
    *_, answers = verdicts(fitted(samples(0.0)), {"stored: 500": 2})
    assert not answers.met
    assert answers.bar.why == "2 x stored: 500"


def test_the_picture_holds_every_sample_from_zero_upwards() -> None:
    taken = samples(50.0)
    picture = ET.fromstring(drawn("Memory", taken, fitted(taken)))  # noqa: S314
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert "0" in texts
    assert any(text and text.startswith("worker") for text in texts)
    longest = max((line.attrib["points"].split() for line in picture.iter(f"{SVG}polyline")), key=len)
    assert len(longest) == len(taken)
