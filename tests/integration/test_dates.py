"""A date goes the whole way: book, fit, scores of a file and over HTTP, sent and stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from models.bundle import Bundle, open_bundle
from models.registry import activate
from tests.support.app import client_of, resources_in, settings_for
from tests.support.books import DATES, write_book
from tests.support.valkey import Valkey
from training import fit as fitting
from training.audit.leakage import check_leaks
from training.errors import DataError
from training.evaluation.evaluate import evaluate_bundle
from training.reading.book import read_book
from training.reading.encode import build_contract, encode
from training.reading.ingest import ingest
from training.reading.lifetimes import lifetimes
from training.score import score

Client = TestClient[Litestar]
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
PATH = "/v1/prospects/L/features"
FOUNDED = 'founded = { kind = "date", label = { en = "Founded", ja = "設立" } }\n'
BOOK = DATES.replace("observed_from = 2025-01-01\n", "") + FOUNDED
CUSTOMERS, HORIZON, YOUNG_DAYS = 2000, 6, 730


def hazard(founded: date, signed_up: date) -> float:
    """The chance to churn in a month: higher for whom was founded in spring, and for the young."""
    spring, young = founded.month in {3, 4, 5}, (signed_up - founded).days < YOUNG_DAYS
    return float(1 / (1 + np.exp(4.0 - 1.5 * spring - 1.5 * young)))


def customers(seed: int = 0) -> Iterator[str]:
    """Rows of the book; every 20th company does not say when it was founded, every 50th says a day after sign-up."""
    rng = np.random.default_rng(seed)
    until = date(2026, 3, 31)
    for n in range(CUSTOMERS):
        start = date(2022, 1, 1) + timedelta(int(rng.integers(0, 1400)))
        founded = start - timedelta(int(rng.integers(0, 2000)))
        end = start + timedelta(int(30.4 * (rng.geometric(hazard(founded, start)) - 0.5)))
        gone = f"{end},churned" if end <= until else ","
        told = "" if n % 20 == 0 else start + timedelta(60) if n % 50 == 1 else founded
        yield f"c{n},{start},{gone},{rng.integers(1, 50)},{told}"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(tmp_path_factory.mktemp("dates"), BOOK, "id,start,end,why,seats,founded", *customers())


@pytest.fixture(scope="module")
def fitted(book: Path) -> tuple[Bundle, list[str]]:
    """The bundle, and what its fit told."""
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "say", told.append)
        return open_bundle(fitting.fit(book, book.parent / "registry", NOW)), told


@pytest.fixture(scope="module")
def bundle(fitted: tuple[Bundle, list[str]]) -> Bundle:
    return fitted[0]


@pytest.fixture
def client(bundle: Bundle, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A service of the bundle whose clock stands at NOW."""
    activate(bundle.folder)
    with client_of(settings_for(bundle.folder.parents[1], valkey.url)) as client:
        stop_clock(client, NOW, monkeypatch)
        yield client


def stop_clock(client: Client, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources_in(client), "now", lambda: now)


def ask(client: Client, founded: object = None, lang: str = "en", **more: object) -> dict[str, Any]:
    """The answer to a company that says when it was founded, or of which all is stored."""
    features = {} if founded is None else {"features": {"founded": founded, "seats": 20, **more}}
    response = client.post(f"/v1/score?reasons=all&lang={lang}", json={"prospect_id": "L", **features})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def reasons(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {reason["feature"]: reason for reason in answer["reasons"]}


def test_what_month_and_age_do_is_learned(client: Client) -> None:
    for founded in (date(2026, 4, 15), date(2023, 4, 14), date(2026, 9, 10), date(2023, 9, 12)):
        true = 1 - (1 - hazard(founded, NOW.date())) ** HORIZON
        assert ask(client, str(founded))["risk"]["score"] == pytest.approx(true, abs=0.08)


def test_reasons_name_the_parts_and_add_up(client: Client) -> None:
    answer = ask(client, "2026-04-15")
    found = reasons(answer)
    assert [(found[name]["label"], found[name]["value"]) for name in sorted(found) if name != "seats"] == [
        ("Founded: age at sign-up in days", 220),
        ("Founded: month", "4"),
        ("Founded: weekday", "Wed"),
    ]
    points = sum(reason["points"] for reason in answer["reasons"])
    assert points == pytest.approx(100 * (answer["risk"]["score"] - answer["risk"]["base"]), abs=0.05)
    assert found["founded.month"]["points"] > 3
    assert abs(found["founded.weekday"]["points"]) < 3
    in_japanese = reasons(ask(client, "2026-04-15", lang="ja"))
    assert in_japanese["founded.age"]["label"] == "設立：契約時の経過日数"  # noqa: RUF001 - Japanese has a colon of its own


def test_a_missing_date_an_old_one_and_one_to_come_are_named(client: Client) -> None:
    parts = ["founded.month", "founded.weekday", "founded.age"]
    assert ask(client, "")["missing"] == parts
    assert ask(client, "2027-01-05")["missing"] == parts
    assert ask(client, "1899-12-31T00:00:00Z")["out_of_range"] == ["founded.age"]


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("founded", "2023-02-29", "expected a date such as 2026-03-31, got a string"),
        ("founded", "1.4.2001", "expected a date such as 2026-03-31, got a string"),
        ("founded", 986083200000, "expected a date such as 2026-03-31, got another number"),
        ("founded.age", 30, "is made of a date; send that as 'founded'"),
    ],
)
def test_what_is_no_date_is_refused_with_its_place_everywhere(
    client: Client, name: str, value: object, detail: str
) -> None:
    features = {name: value}
    path = f".{name}" if name == "founded" else f'["{name}"]'
    sent: list[tuple[Any, str]] = [
        (client.post("/v1/score", json={"prospect_id": "L", "features": features}), "$.features"),
        (client.put(PATH, json=features), "$"),
        (client.patch(PATH, json={"features": features}), "$.features"),
    ]
    for response, at in sent:
        assert (response.status_code, response.json()["path"], response.json()["detail"]) == (400, at + path, detail)
    for route in ("/v1/score/batch", "/v1/features/batch"):
        good = {"prospect_id": "A", "features": {"founded": "2024-02-29"}}
        prospects = [good, {"prospect_id": "B", "features": features}]
        first, second = client.post(route, json={"prospects": prospects}).json()["results"]
        assert "error" not in first
        assert second["error"]["path"] == f"$.prospects[1].features{path}"


def test_the_date_is_kept_as_it_was_sent_and_scores_as_if_it_were_sent_now(client: Client) -> None:
    client.put(PATH, json={"founded": "2026/4/15 9:30", "seats": 20})
    assert client.get(PATH).json()["features"] == {"founded": "2026/4/15 9:30", "seats": 20}
    assert reasons(ask(client)) == reasons(ask(client, "2026-04-15"))
    client.patch(PATH, json={"founded": "2023-09-12"})
    assert reasons(ask(client)) == reasons(ask(client, "2023-09-12"))
    client.patch(PATH, json={"founded": None})
    assert client.get(PATH).json()["features"] == {"seats": 20}
    assert reasons(ask(client)) == reasons(ask(client, ""))


def test_a_stored_lead_grows_older_while_it_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.put(PATH, json={"founded": "2025-04-15", "seats": 20})
    early = ask(client)
    stop_clock(client, NOW + timedelta(300), monkeypatch)
    late = ask(client)
    assert [reasons(answer)["founded.age"]["value"] for answer in (early, late)] == [585, 885]
    assert late["risk"]["score"] < early["risk"]["score"]
    assert late["features_as_of"] == early["features_as_of"]


def test_the_model_lists_the_date_as_it_is_sent(client: Client) -> None:
    assert client.get("/v1/model").json()["features"][1] == {
        "name": "founded",
        "kind": "date",
        "label": {"en": "Founded", "ja": "設立"},
        "missing_seen": True,
    }
    assert (
        "date" in client.get("/openapi.json").json()["components"]["schemas"]["Feature"]["properties"]["kind"]["enum"]
    )


def test_a_file_scores_as_the_same_leads_do_over_http(client: Client, bundle: Bundle, tmp_path: Path) -> None:
    days = ["2026-04-15", "2023/9/12", "", "2027-01-05", "2024-02-29 10:00", "1868-10-23"]
    lines = ["id,founded,seats", *(f"{n},{day},20" for n, day in enumerate(days)), "x,29.2.2024,20"]
    (tmp_path / "leads.csv").write_text("\n".join(lines))
    assert score(bundle, tmp_path / "leads.csv", tmp_path / "scores.csv", NOW) == 1
    scores = pl.read_csv(tmp_path / "scores.csv")
    online = [ask(client, day) for day in days]
    assert scores["risk_score"].to_list()[:-1] == pytest.approx([a["risk"]["score"] for a in online], abs=1e-6)
    assert scores["reason_1"].to_list()[:-1] == [answer["reasons"][0]["feature"] for answer in online]
    assert scores["risk_score"][-1] is None
    assert "expected a date such as 2026-03-31" in (tmp_path / "scores.rejects.csv").read_text()


def test_a_policy_reads_the_parts(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("id,founded,seats\na,2026-04-15,20\nb,2023-04-14,20\nc,2026-09-10,20\n")
    rule = '[[rules]]\nname = "young"\naction = "review"\nall = ["founded.age < 730", "founded.month == \'4\'"]\n'
    (tmp_path / "p.toml").write_text(rule)
    score(bundle, tmp_path / "leads.csv", tmp_path / "s.csv", NOW, policy_file=tmp_path / "p.toml")
    assert pl.read_csv(tmp_path / "s.csv")["action"].to_list() == ["review", "proceed", "proceed"]


def test_a_bundle_with_ages_is_judged_on_the_days_of_sign_up_or_not_at_all(book: Path, bundle: Bundle) -> None:
    found = evaluate_bundle(bundle, book, NOW).overall
    assert found.expected_events == pytest.approx(found.observed_events, rel=0.05)
    plain = BOOK.replace('start = "start"\nend = "end"\n', "").replace("observed_until = 2026-03-31\n", "")
    (book.parent / "plain.toml").write_text(plain, "utf-8")
    with pytest.raises(
        DataError, match=r"plain.toml: lifetime.start is missing, and the bundle reads the age of 'founded'"
    ):
        evaluate_bundle(bundle, book.parent / "plain.toml", NOW)


def test_fit_tells_how_many_dates_were_not_known(fitted: tuple[Bundle, list[str]]) -> None:
    told = f"features.founded: {CUSTOMERS // 50} of {CUSTOMERS} dates are after start, not known at sign-up;"
    assert [note for note in fitted[1] if note.startswith("note: ") and told in note]


def test_a_date_that_the_leak_guard_doubts_passes_for_the_reason_of_its_row(tmp_path: Path) -> None:
    toml = BOOK.replace(FOUNDED, 'last_seen = { kind = "date", allow_leak = "asked before signing" }\n')
    book = read_book(write_book(tmp_path, toml, "id,start,end,why,seats,last_seen", *customers()))
    frame = ingest(book).frame
    contract = build_contract(book.features, frame)
    leaks = check_leaks(book, frame, contract, encode(contract, frame), lifetimes(book, frame))
    assert {row.verdict for row in leaks.features if row.feature.startswith("last_seen.")} == {"allowed"}
