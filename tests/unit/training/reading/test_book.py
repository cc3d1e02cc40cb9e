"""The book says what each column is; whatever is wrong in it is named by file and key."""

# ruff: noqa: E501 - a case is read best in one line

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from models.contract import Feature
from models.money import Segment
from tests.support.books import DATES, TENURE
from training.errors import BookError
from training.reading.book import Book, read_book


def read(folder: Path, toml: str) -> Book:
    (folder / "b.toml").write_text(toml, "utf-8")
    return read_book(folder / "b.toml")


def refusal(folder: Path, toml: str) -> str:
    with pytest.raises(BookError) as caught:
        read(folder, toml)
    return str(caught.value).removeprefix(f"{folder / 'b.toml'}: ")


def test_every_key_of_a_tenure_book_is_read(tmp_path: Path) -> None:
    toml = TENURE.replace('period = "month"', 'period = "quarter"') + (
        '[segments]\nchannel = "source"\n[value.segments.source.partner]\nclosing_cost = 10\ncost_to_serve = "support"\n'
    )
    book = read(
        tmp_path,
        toml.replace("horizon = 12", "horizon = [4, 8]", 1).replace(
            "[lifetime]", '[lifetime]\nexited_when = ["moved", "bankrupt"]'
        ),
    )
    assert (book.source.name, book.source.id, book.source.currency, book.source.period) == (
        "small",
        "id",
        "USD",
        "quarter",
    )
    assert book.source.max_reject_share == 0.9
    assert book.lifetime.kind == "tenure"
    assert book.lifetime.columns == ("tenure", "entry", "churn")
    assert book.lifetime.churned_outcomes == {"yes"}
    assert book.lifetime.exited_outcomes == {"moved", "bankrupt"}
    assert (book.lifetime.horizons, book.lifetime.value_horizon, book.periods) == ((4, 8), 60, 60)
    assert book.money.terms == {"revenue": "charges", "gross_margin": 0.6}
    assert book.money.segments == (Segment("source", "partner", {"closing_cost": 10.0, "cost_to_serve": "support"}),)
    assert book.features[0] == Feature(name="contract", kind="category", label={"en": "Contract", "ja": "契約形態"})
    assert book.features[1].unit == "USD"
    assert book.protected == ("gender",)
    assert (book.fairness.max_ratio, book.fairness.action) == (1.25, "warn")
    assert book.segments == {"channel": "source"}
    assert book.notes == ()


def test_every_key_of_a_dates_book_is_read(tmp_path: Path) -> None:
    life = read(tmp_path, DATES).lifetime
    assert life.kind == "dates"
    assert life.columns == ("start", "end", "why")
    assert (life.observed_until, life.observed_from) == (dt.date(2026, 3, 31), dt.date(2025, 1, 1))


def test_horizons_default_to_one_year_and_five_in_the_period_of_the_book(tmp_path: Path) -> None:
    toml = TENURE.replace("horizon = 12\nvalue_horizon = 60\n", "")
    for period, one, five in (
        ("month", 12, 60),
        ("quarter", 4, 20),
        ("year", 1, 5),
        ("week", 52, 261),
        ("day", 365, 1826),
    ):
        life = read(tmp_path, toml.replace('"month"', f'"{period}"')).lifetime
        assert (life.horizons, life.value_horizon) == ((one,), five)


def test_churned_when_defaults_to_true_1_or_yes_in_any_case(tmp_path: Path) -> None:
    assert read(tmp_path, TENURE.replace('churned_when = "Yes"\n', "")).lifetime.churned_outcomes == {
        "true",
        "1",
        "yes",
    }


def test_a_date_has_no_age_in_a_book_without_the_day_of_sign_up_which_says_so(tmp_path: Path) -> None:
    founded = 'founded = { kind = "date" }\n'
    assert read(tmp_path, DATES + founded).notes == ()
    [note] = read(tmp_path, TENURE.replace("[features]\n", "[features]\n" + founded)).notes
    assert note.endswith("b.toml: features.founded: no age at sign-up without lifetime.start")


PLAIN = TENURE.replace('tenure = "tenure"\ntenure_counts = "started"\n', "").replace('entry = "entry"\n', "")


def test_a_book_without_time_has_one_period_and_says_so(tmp_path: Path) -> None:
    book = read(tmp_path, PLAIN)
    assert (book.lifetime.kind, book.lifetime.horizons, book.periods) == ("plain", (1,), 1)
    assert [note.partition(": ")[2] for note in book.notes] == [
        f"lifetime.{key}: a book without tenure or dates has one period; read as 1"
        for key in ("horizon", "value_horizon")
    ]
    assert read(tmp_path, PLAIN.replace("horizon = 12\nvalue_horizon = 60\n", "")).notes == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[book]", "[bok]", "bok: is not a key of a book; did you mean 'book'?"),
        ('name = "small"\n', "", "book.name: is missing, expected text"),
        ('name = "small"', "name = 3", "book.name: expected text, got 3"),
        ('name = "small"', 'name = "a/b"', "book.name: expected letters, digits, '.', '_' or '-', since it names a folder, got 'a/b'"),
        ('id = "id"', 'idd = "id"', "book.idd: is not a key of [book]; did you mean 'id'?"),
        ('"USD"\np', '"usd"\np', "book.currency: expected a currency code of three capitals, such as USD or JPY, got 'usd'"),
        ('"month"', '"months"', "book.period: expected one of day, week, month, quarter, year, got 'months'; did you mean 'month'?"),
        ('"small.csv"', '"small.xlsx"', "book.data: expected a file, or a glob of files, that ends in .csv or .parquet, got 'small.xlsx'"),
        ("share = 0.9", "share = 5", "book.max_reject_share: expected number <= 1.0, got 5"),
        ("tenure_counts", "tenure_count", "lifetime.tenure_count: is not a key of [lifetime]; did you mean 'tenure_counts'?"),
        ('"started"', '"begun"', "lifetime.tenure_counts: expected one of completed, started, got 'begun'"),
        ('churned = "churn"\n', "", "lifetime.churned: is missing, expected a column's name"),
        ('churned = "churn"', "churned = true", "lifetime.churned: expected text, got True"),
        ('churned_when = "Yes"', "churned_when = 1.5", "lifetime.churned_when: expected true/false or whole number or text or list, got 1.5"),
        ('churned_when = "Yes"', 'churned_when = "Yes"\nexited_when = "yes"', "lifetime.exited_when: expected outcomes that are not in churned_when too, got 'yes'"),
        ("horizon = 12\n", "horizon = 0\n", "lifetime.horizon: expected whole number >= 1, got 0"),
        ("horizon = 12\n", "horizon = [12, 12]\n", "lifetime.horizon: expected horizons that differ, got [12, 12]"),
        ("horizon = 12\n", "horizon = 1000000000000\n", "lifetime.horizon: expected whole number <= 3650, got 1000000000000"),
        ("horizon = 12\n", "horizon = [12, 3651]\n", "lifetime.horizon: expected whole number <= 3650 at [1], got [12, 3651]"),
        ("value_horizon = 60", "value_horizon = 3651", "lifetime.value_horizon: expected whole number <= 3650, got 3651"),
        ("value_horizon = 60", "value_horizon = 0", "lifetime.value_horizon: expected whole number >= 1, got 0"),
        ('entry = "entry"', 'start = "s"', "lifetime.start: expected tenure or dates, not both, got 's'; leave out tenure, or start and end"),
        ('entry = "entry"', 'end = "e"', "lifetime.end: belongs to a book with dates, got 'e'; leave it out"),
        ('tenure = "tenure"\n', "", "lifetime.tenure_counts: belongs to a book with tenure, got 'started'; add tenure, or start and end"),
        ("gross_margin = 0.6", "discount = 1.6", "value.discount: expected a number between 0 and 1, or a column's name, got 1.6"),
        ("gross_margin = 0.6", "gros_margin = 0.6", "value.gros_margin: is not a key of [value]; did you mean 'gross_margin'?"),
        ("gross_margin = 0.6", "discount = nan", "value.discount: expected a number between 0 and 1, or a column's name, got nan"),
        ("gross_margin = 0.6", "order_value = 3", "value.revenue: expected revenue, or order_value and orders_per_period, not both, got 'charges'"),
        ('revenue = "charges"', "order_value = 3", "value.orders_per_period: is missing, expected a constant or a column's name, which order_value needs"),
        ('revenue = "charges"', 'revenue = "contract"', "value.revenue: expected a column of numbers, the feature is a category, got 'contract'"),
        ('revenue = "charges"', 'revenue = "tenure"', "value.revenue: 'tenure' is a column of [lifetime], unknown when the lead arrives; take it out here or there"),
        ("[features]", "[value.segments.gender.f]\ndiscount = 0.1\n[features]", "value.segments.gender: 'gender' is protected and must not decide; take it out here or there"),
        ("[features]", "[value.segments.charges.low]\ndiscount = 0.1\n[features]", "value.segments.charges.low: expected a number as the last key, since the feature 'charges' is one"),
        ("[features]", "[value.segments.channel.web]\ndiscont = 0.1\n[features]", "value.segments.channel.web.discont: is not a key of [value.segments.channel.web]; did you mean 'discount'?"),
        ('kind = "flag"', 'kind = "flg"', "features.paperless.kind: expected one of number, category, flag, date, got 'flg'; did you mean 'flag'?"),
        ('"flag" }', '"date", monotone = "increasing" }', "features.paperless.monotone: expected a number or a flag; categories and dates have no order, got 'increasing'"),
        ('"flag" }', '"date" }\n"paperless.month" = { kind = "number" }', "features.paperless.month: 'paperless.month' is what a part of the date 'paperless' is called; take it out here or there"),
        ("[features]", "[value.segments.founded.2001]\ndiscount = 0.1\n[features]\nfounded = { kind = 'date' }", "value.segments.founded.2001: expected segments of a category, a flag or a number, 'founded' is a date, got a table"),
        ('revenue = "charges"\ngross_margin = 0.6\n\n[features]', 'revenue = "founded"\n\n[features]\nfounded = { kind = "date" }', "value.revenue: expected a column of numbers, the feature is a date, got 'founded'"),
        ('{ kind = "flag" }', '"flag"', "features.paperless: expected a table, got 'flag'"),
        ('"number", unit', '"number", monotone = "up", unit', "features.charges.monotone: expected one of increasing, decreasing, got 'up'"),
        ('"category", label', '"category", monotone = "increasing", label', "features.contract.monotone: expected a number or a flag; categories and dates have no order, got 'increasing'"),
        ('ja = "契約形態"', 'jp = "契約形態"', "features.contract.label.jp: is not a key of [features.contract.label]; expected one of en, ja"),
        ("paperless = {", "churn = {", "features.churn: 'churn' is a column of [lifetime], unknown when the lead arrives; take it out here or there"),
        ("paperless = {", "gender = {", "features.gender: 'gender' is protected and must not decide; take it out here or there"),
        ("paperless = {", "id = {", "features.id: 'id' is book.id, which says nothing about the next customer"),
        ('["gender"]', '"gender"', "protected.columns: expected list, got 'gender'"),
        ('["gender"]', '["gender", 3]', "protected.columns: expected text at [1], got ['gender', 3]"),
        ("[protected]", "[fairness]\nmax_ratio = 1\n[protected]", "fairness.max_ratio: expected number > 1.0, got 1"),
        ("[protected]", "[fairness]\nmax_ratio = nan\n[protected]", "fairness.max_ratio: expected number > 1.0, got nan"),
        ("[protected]", "[fairness]\nmax_ratio = inf\n[protected]", "fairness.max_ratio: expected number <= 100.0, got inf"),
        ("[protected]", '[fairness]\naction = "stop"\n[protected]', "fairness.action: expected one of warn, refuse, got 'stop'"),
        ('[protected]\ncolumns = ["gender"]', "[fairness]\nmax_ratio = 2", "fairness: audits the columns under [protected], got a table; name some there, or leave it out"),
    ],
)  # fmt: skip
def test_a_fault_names_its_key_what_was_expected_and_what_was_found(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in TENURE
    assert refusal(tmp_path, TENURE.replace(old, new, 1)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("observed_until = 2026-03-31\n", "", "lifetime.observed_until: is missing, expected a date"),
        ("= 2026-03-31", "= 2026-03-31T10:00:00", "lifetime.observed_until: expected date, got 2026-03-31 10:00:00"),
        ("= 2025-01-01", "= 2026-03-31", "lifetime.observed_from: expected a date before observed_until, got 2026-03-31"),
        ('end = "end"\n', "", "lifetime.end: is missing, expected a column's name"),
        ('end = "end"', 'end = "end"\nexited_when = "x"', "lifetime.exited_when: belongs to a book with tenure, got 'x'; leave it out"),
        ("seats = {", "end = {", "features.end: 'end' is a column of [lifetime], unknown when the lead arrives; take it out here or there"),
        ('[features]\nseats = { kind = "number" }', "[features]", "features: expected at least one, something that is known when the lead arrives"),
        ('[features]\nseats = { kind = "number" }', "", "features: is missing, expected a table"),
    ],
)  # fmt: skip
def test_a_fault_of_a_dates_book_names_its_key_too(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in DATES
    assert refusal(tmp_path, DATES.replace(old, new, 1)) == expected


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "[book").startswith("is not TOML: ")
    (tmp_path / "b.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(BookError, match="is not UTF-8; save it as UTF-8"):
        read_book(tmp_path / "b.toml")
    with pytest.raises(BookError, match=r"none\.toml: cannot be read"):
        read_book(tmp_path / "none.toml")


def test_monotone_features_and_weights_are_read(tmp_path: Path) -> None:
    text = TENURE.replace('"number", unit', '"number", monotone = "decreasing", unit')
    book = read(tmp_path, text.replace('id = "id"', 'id = "id"\nweight = "n"', 1))
    assert book.monotone == {"charges": "decreasing"}
    assert book.source.weight == "n"
