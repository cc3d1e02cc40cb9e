"""The book: one TOML file that says what each column of a company's customer data is."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from models.contract import Feature, Kind, normalize
from models.dates import PARTS
from models.money import MoneyTerms
from models.value import PERIODS_PER_YEAR, Period
from training.errors import BookError
from training.reading.keys import Place, read_toml
from training.reading.money import money_keys, read_money

MAX_PERIODS = 3650
"""Longest horizon, ten years of days: each customer's curve has a value for every period."""

Column = Annotated[str, msgspec.Meta(min_length=1)]
Horizon = Annotated[int, msgspec.Meta(ge=1, le=MAX_PERIODS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Outcome = str | bool | int
Monotone = Literal["increasing", "decreasing"]

VALUE_HORIZON_YEARS = 5
"""How far pLTV counts where the book does not say; the risk then looks one year ahead."""

EASTERNMOST = dt.timedelta(hours=14)
"""How far the day is ahead of UTC where it begins first: a company there may well have closed its books of today."""

BELONGS_TO = {
    **dict.fromkeys(("tenure", "tenure_counts", "entry", "exited_when"), "tenure"),
    **dict.fromkeys(("start", "end", "observed_until", "observed_from"), "dates"),
}
"""Which kind of book a key of `[lifetime]` belongs to; the others belong to every kind."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """`[book]`: where the customers are. `max_reject_share` of the rows may be bad before nothing is fitted at all.

    `weight` is a column that says for how many customers a row stands.
    """

    name: str
    data: Column
    id: Column | None = None
    currency: str
    period: Period
    max_reject_share: Share = 0.05
    weight: Column | None = None


class Lifetime(msgspec.Struct, frozen=True, kw_only=True):
    """`[lifetime]`: how long each customer stayed, and who churned. Horizons are counted in the book's period.

    `exited_when` are the outcomes that ended a tenure for another reason than churn (competing exits); every other
    outcome than churn is a customer still. With dates, every `end` whose outcome is not in `churned_when` is
    a competing exit.
    """

    tenure: Column | None = None
    tenure_counts: Literal["completed", "started"] = "completed"
    entry: Column | None = None
    start: Column | None = None
    end: Column | None = None
    observed_until: dt.date | None = None
    observed_from: dt.date | None = None
    churned: Column | None = None
    churned_when: Outcome | tuple[Outcome, ...] = (True, 1, "yes")
    exited_when: Outcome | tuple[Outcome, ...] = ()
    horizon: Horizon | tuple[Horizon, ...] = ()
    value_horizon: Horizon = 0

    @property
    def kind(self) -> Literal["tenure", "dates", "plain"]:
        """`plain` is a yes/no book: one period, churned in it or not."""
        if self.start is not None:
            return "dates"
        return "plain" if self.tenure is None else "tenure"

    @property
    def columns(self) -> tuple[str, ...]:
        named = (self.tenure, self.entry, self.start, self.end, self.churned)
        return tuple(column for column in named if column is not None)

    @property
    def churned_outcomes(self) -> frozenset[str]:
        return _outcomes(self.churned_when)

    @property
    def exited_outcomes(self) -> frozenset[str]:
        return _outcomes(self.exited_when)

    @property
    def horizons(self) -> tuple[int, ...]:
        return self.horizon if isinstance(self.horizon, tuple) else (self.horizon,)


class FairnessTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`[fairness]`: how many times as often a group may be wrongly warned as another, and what happens beyond that."""

    max_ratio: Annotated[float, msgspec.Meta(gt=1, le=100)] = 1.25
    action: Literal["warn", "refuse"] = "warn"


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A book that makes sense in itself; whether its columns exist is for ingest to see.

    `monotone` names the features with which the risk may only rise, or only fall; `allow_leak` those that the leak
    guard is to let pass, each with its reason.
    `notes` are sentences for whoever fits the book: what was read otherwise than written.
    """

    path: Path
    source: Source
    lifetime: Lifetime
    money: MoneyTerms
    features: tuple[Feature, ...]
    monotone: dict[str, Monotone] = {}
    allow_leak: dict[str, str] = {}
    protected: tuple[str, ...] = ()
    fairness: FairnessTerms = FairnessTerms()
    segments: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    @property
    def periods(self) -> int:
        """T, the length of the survival curve."""
        return max(*self.lifetime.horizons, self.lifetime.value_horizon)


def outcome(value: Outcome) -> str:
    """The one spelling of an outcome; capitals do not count, so that `Yes` in the book meets `yes` in the data."""
    return normalize(str(value)).casefold()


def read_book(path: Path) -> Book:
    """Read a book.

    Raises:
        BookError: the file, the key, what was expected and what was found.
    """
    top = Place(str(path), (), read_toml(path))
    top.only("book", "lifetime", "value", "features", "protected", "fairness", "segments")
    source = _source(top.at("book"))
    features, monotone, allow_leak = _features(top.at("features"))
    lifetime, notes = _lifetime(top.at("lifetime"), source.period)
    ageless = [feature.name for feature in features if feature.kind == "date" and lifetime.start is None]
    notes += tuple(f"{path}: features.{name}: no age at sign-up without lifetime.start" for name in ageless)
    protected = top.at("protected", default={})
    protected.only("columns")
    book = Book(
        path=path,
        source=source,
        lifetime=lifetime,
        money=read_money(top.at("value", default={}), {feature.name: feature.kind for feature in features}),
        features=features,
        monotone=monotone,
        allow_leak=allow_leak,
        protected=protected.at("columns", default=[]).read(tuple[Column, ...]),
        fairness=top.at("fairness", default={}).struct(FairnessTerms),
        segments=top.at("segments", default={}).read(dict[str, Column]),
        notes=notes,
    )
    _keep_apart(book)
    if top.has("fairness") and not book.protected:
        raise top.at("fairness").error("audits the columns under [protected]", "name some there, or leave it out")
    return book


def refuse_future(book: Book, now: dt.datetime) -> None:
    """See that the day of observation has come, since customers are credited with every day up to it.

    Raises:
        BookError: it is tomorrow or later, wherever the company may be.
    """
    until = book.lifetime.observed_until
    if until is not None and until > (now + EASTERNMOST).date():
        reason = f"expected a day that has come, got {until}; give the day on which the data were taken"
        raise BookError(str(book.path), "lifetime.observed_until", reason)


def _source(place: Place) -> Source:
    source = place.struct(Source)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", source.name):
        raise place.at("name").error("expected letters, digits, '.', '_' or '-', since it names a folder")
    if not re.fullmatch(r"[A-Z]{3}", source.currency):
        raise place.at("currency").error("expected a currency code of three capitals, such as USD or JPY")
    if not source.data.endswith((".csv", ".parquet")):
        raise place.at("data").error("expected a file, or a glob of files, that ends in .csv or .parquet")
    return source


def _lifetime(place: Place, period: Period) -> tuple[Lifetime, tuple[str, ...]]:
    lifetime = place.struct(Lifetime)
    if lifetime.tenure is not None and lifetime.start is not None:
        raise place.at("start").error("expected tenure or dates, not both", "leave out tenure, or start and end")
    for key in place.names():
        if BELONGS_TO.get(key, lifetime.kind) != lifetime.kind:
            remedy = "leave it out" if lifetime.kind != "plain" else "add tenure, or start and end"
            raise place.at(key).error(f"belongs to a book with {BELONGS_TO[key]}", remedy)
    for key in ("end", "observed_until") if lifetime.kind == "dates" else ("churned",):
        if not place.has(key):
            raise place.absent(key, "a date" if key == "observed_until" else "a column's name")
    if len(set(lifetime.horizons)) < len(lifetime.horizons):
        raise place.at("horizon").error("expected horizons that differ")
    both = lifetime.churned_outcomes & lifetime.exited_outcomes
    if both:
        raise place.at("exited_when").error("expected outcomes that are not in churned_when too")
    if lifetime.observed_from and lifetime.observed_until and lifetime.observed_from >= lifetime.observed_until:
        raise place.at("observed_from").error("expected a date before observed_until")
    return _with_horizons(place, lifetime, PERIODS_PER_YEAR[period])


def _with_horizons(place: Place, lifetime: Lifetime, year: float) -> tuple[Lifetime, tuple[str, ...]]:
    """Horizons as the book states them, else one year and five; a plain book has one period to look at."""
    if lifetime.kind != "plain":
        horizons = lifetime.horizon or round(year)
        value_horizon = lifetime.value_horizon or round(VALUE_HORIZON_YEARS * year)
        return msgspec.structs.replace(lifetime, horizon=horizons, value_horizon=value_horizon), ()
    notes = tuple(
        f"{place.file}: lifetime.{key}: a book without tenure or dates has one period; read as 1"
        for key in ("horizon", "value_horizon")
        if place.has(key) and place.at(key).value not in (1, [1])
    )
    return msgspec.structs.replace(lifetime, horizon=1, value_horizon=1), notes


class _Label(msgspec.Struct, frozen=True):
    en: str | None = None
    ja: str | None = None


class _Declared(msgspec.Struct, frozen=True):
    """One row of `[features]`."""

    kind: Kind
    label: dict[str, object] = {}
    unit: str | None = None
    monotone: Monotone | None = None
    allow_leak: str | None = None


def _features(place: Place) -> tuple[tuple[Feature, ...], dict[str, Monotone], dict[str, str]]:
    features, monotone, allow_leak = [], {}, {}
    for declared in place.tables():
        row = declared.struct(_Declared)
        label = msgspec.structs.asdict(declared.at("label", default={}).struct(_Label))
        label = {lang: text for lang, text in label.items() if text}
        features.append(Feature(name=declared.name, kind=row.kind, label=label, unit=row.unit))
        if row.monotone and row.kind in ("category", "date"):
            raise declared.at("monotone").error("expected a number or a flag; categories and dates have no order")
        if row.monotone:
            monotone[declared.name] = row.monotone
        if row.allow_leak is not None:
            if not row.allow_leak.strip():
                raise declared.at("allow_leak").error("expected the reason why a lead can have it, in words")
            allow_leak[declared.name] = row.allow_leak.strip()
    if not features:
        raise BookError(place.file, "features", "expected at least one, something that is known when the lead arrives")
    return tuple(features), monotone, allow_leak


def _keep_apart(book: Book) -> None:
    """What tells the future, and what must not decide, stays out of features and money."""
    forbidden = dict.fromkeys(book.lifetime.columns, "is a column of [lifetime], unknown when the lead arrives")
    forbidden |= dict.fromkeys(book.protected, "is protected and must not decide")
    dates = [feature.name for feature in book.features if feature.kind == "date"]
    forbidden |= {
        f"{date}.{part}": f"is what a part of the date {date!r} is called" for date in dates for part in PARTS
    }
    used = [(f"features.{feature.name}", feature.name) for feature in book.features]
    for key, column in (*used, *money_keys(book.money)):
        if column in forbidden:
            raise BookError(str(book.path), key, f"{column!r} {forbidden[column]}; take it out here or there")
        if column == book.source.id and key.startswith("features"):
            raise BookError(str(book.path), key, f"{column!r} is book.id, which says nothing about the next customer")


def _outcomes(values: Outcome | tuple[Outcome, ...]) -> frozenset[str]:
    return frozenset(outcome(value) for value in (values if isinstance(values, tuple) else (values,)))
