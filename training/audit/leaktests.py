"""The tests of the leak guard: each looks at one feature for one kind of leak, and says what it found."""

# ruff: noqa: RUF001 - Japanese has its own brackets

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Feature
from training.audit.association import Bools, auc, bounds, correlation, crossed, groups, learned, ranks
from training.model.personperiods import Floats, Ints

Test = Literal["accumulates", "known_later", "snapshot", "drifts", "predicts_alone", "one_sided", "name"]

ACCUMULATES, MOVES = 0.5, 0.25
"""Correlation with the time stayed, among those still here and among those who left, from which a feature stops and
warns. What only tells the time of sign-up reaches 0.5 among those who left: sign-ups and stays fill a triangle."""

ALONE_STOPS, ALONE_WARNS = 0.9, 0.8
"""AUC of one feature. The whole of the Telco sample's honest features reaches 0.89 at its horizon."""

RARELY, MOSTLY, SURELY = 0.5, 0.9, 0.95
"""A value that all churned customers share stops where less than this share of the others has it, and warns; it stops
only where they are so many that as large a share of the next ones would have it, too."""

LATER, EARLY, LATE = 0.15, 0.05, 0.2
"""Correlation of being known with the time stayed, among those who left, that warns; it stops where besides so few of
the shortest of their stays, and so many of the longest, have the value known."""

CHANCE = 0.001
"""Nothing is said of a value that so many customers share by chance with a higher probability than this."""

ENOUGH = 20
"""Customers of a group, below which nothing is said of it."""

NAMES = re.compile(
    r"(?:^|[^a-z])(?:left|leav\w*|churn\w*|cancel\w*|terminat\w*|quit|resign\w*|end_?(?:date|ed|reason)|exit\w*"
    r"|closed_at|last_(?:seen|active|activity|login|order|payment|purchase|visit)|total|cumulative|lifetime|ltv|tenure"
    r"|to_date)(?=[^a-z]|$)|解約|退会|離脱|退職|累計|通算|在籍期間|継続期間|契約終了"
)


class Evidence(msgspec.Struct, frozen=True):
    """What one test found. `figures` are shares, correlations or AUCs, 0..1; `en` and `ja` say them in a sentence."""

    test: Test
    verdict: Literal["warn", "stop"]
    figures: dict[str, float]
    en: str
    ja: str


class Customers(NamedTuple):
    """n customers as the tests look at them.

    exit: last period at risk. churned; here: customers still (the others left). cohort: of the sign-up, customers of
    one being compared with each other; all 0 where the book has no dates. weight: how many of the book each stands for.
    certain: the mass that each stands for among those who churned within the horizon, and among those who survived it,
    censoring weighted out (training.evaluation.metrics); 0 where its outcome is not known.
    """

    exit: Ints
    churned: Bools
    here: Bools
    cohort: Ints
    weight: Floats
    horizon: int
    certain: Floats


def run_tests(feature: Feature, column: NDArray[np.float32], customers: Customers) -> tuple[Evidence, ...]:
    """Everything that is found about one feature, given as encoded; nothing where it is as it should be."""
    group = groups(column, category=feature.kind == "category")
    later = tuple(_known_later(feature.name, ~np.isnan(column), customers))
    return (
        *later,
        *(() if later else _time_stayed(feature.name, group, customers)),
        *_predicts_alone(feature.name, group, customers),
        *_one_sided(feature.name, column, customers),
        *_name(feature),
    )


def _time_stayed(name: str, group: Ints, customers: Customers) -> Iterator[Evidence]:
    """Does the value tell how long a customer has stayed, of those still here and by the same rule of those who left?

    Among those still here, the time stayed is the time since sign-up: what has changed over the years goes with it.
    Among those who left, in one sign-up cohort, only what grows with the stay does, or what predicts it.
    """
    here, left = customers.here, ~customers.here
    if min(here.sum(), left.sum()) < ENOUGH:
        return
    stayed = ranks(customers.exit[here])
    among_here = correlation(crossed(group[here], stayed), stayed)
    told = learned(group[here], stayed, group[left])
    among_left = correlation(told, ranks(customers.exit[left]), customers.cohort[left])
    figures = {"still_here": among_here.value, "left": among_left.value}
    numbers = f"{among_here.value:.2f}", f"{among_left.value:.2f}"
    en = "correlation {} among customers still here, {} among those who left".format(*numbers)
    ja = "相関は在籍中の顧客で{}、離脱した顧客で{}".format(*numbers)
    if min(among_here.low, among_left.low) >= ACCUMULATES:
        yield Evidence(
            "accumulates",
            "stop",
            figures,
            f"{name} tells how long a customer has stayed, as what adds up over the stay does ({en})",
            f"{name}は在籍期間を言い当てます。在籍とともに積み上がる値と考えられます（{ja}）",
        )
    elif among_here.low >= MOVES:
        drifts = bool(customers.cohort.any()) and among_left.low < MOVES / 2
        yield Evidence(
            "drifts" if drifts else "snapshot",
            "warn",
            figures,
            f"{name} changes with the date of sign-up ({en})"
            if drifts
            else f"{name} goes with the time stayed ({en}): is it as of sign-up, or as of the day the data were taken?",
            f"{name}は契約時期によって変わります（{ja}）"
            if drifts
            else f"{name}は在籍期間とともに変わります（{ja}）。契約時点の値か、データ抽出日の値かを確かめてください",
        )


def _known_later(name: str, known: Bools, customers: Customers) -> Iterator[Evidence]:
    """Is it missing for short stays and there for long ones, among those still here and among those who left?"""
    here, left = customers.here, ~customers.here
    if min(here.sum(), left.sum()) < ENOUGH or known.all():
        return
    among_here = correlation(known[here].astype(np.float64), ranks(customers.exit[here]))
    known, stay = known[left], ranks(customers.exit[left])
    among_left = correlation(known.astype(np.float64), stay, customers.cohort[left])
    if among_left.low < LATER or among_here.low < LATER / 2:
        return
    short, long = known[stay <= np.quantile(stay, 0.25)], known[stay >= np.quantile(stay, 0.75)]
    certain = bounds(short)[1] <= EARLY and bounds(long)[0] >= LATE
    early, late = float(short.mean()), float(long.mean())
    yield Evidence(
        "known_later",
        "stop" if certain else "warn",
        {"known_short": early, "known_long": late, "still_here": among_here.value, "left": among_left.value},
        f"{name} is known later than at sign-up: known for {early:.0%} of the quarter with the shortest stays among"
        f" those who left, for {late:.0%} of that with the longest",
        f"{name}は契約後に分かる値です。離脱した顧客のうち在籍の短い4分の1では{early:.0%}、長い4分の1では"
        f"{late:.0%}で値があります",
    )


def _predicts_alone(name: str, group: Ints, customers: Customers) -> Iterator[Evidence]:
    """Does the feature alone part those who churned from the others, or early churn from longer stays, too well?"""
    either, known = customers.churned | customers.here, customers.certain > 0
    best = max(
        (_auc(group, customers.churned, either, customers.weight, customers.cohort), "event"),
        (
            _auc(
                group,
                customers.churned & (customers.exit <= customers.horizon),
                known,
                customers.weight * customers.certain,
                customers.cohort,
            ),
            "horizon",
        ),
    )
    (value, low), what = best
    if low < ALONE_WARNS:
        return
    en = "churned customers from those still here" if what == "event" else "churn within the horizon from longer stays"
    ja = "解約した顧客と在籍中の顧客" if what == "event" else "期間内の解約とそれより長い在籍"
    yield Evidence(
        "predicts_alone",
        "stop" if low >= ALONE_STOPS else "warn",
        {f"auc_{what}": value},
        f"{name} alone tells {en} with an AUC of {value:.2f}, which is too good for what a lead can have",
        f"{name}だけで{ja}をAUC {value:.2f}で見分けます。見込み客の段階で分かる値としては良すぎます",
    )


def _auc(group: Ints, case: Bools, among: Bools, weight: Floats, cohort: Ints) -> tuple[float, float]:
    case, group = case[among], group[among]
    if min(case.sum(), (~case).sum()) < ENOUGH:
        return 0.5, 0.0
    return auc(crossed(group, case.astype(np.float64)), case, weight[among], cohort[among])


def _one_sided(name: str, column: NDArray[np.float32], customers: Customers) -> Iterator[Evidence]:
    """Do all churned customers share a value, or its absence, that the others need not have; or the other way round?"""
    churned, here = customers.churned, customers.here
    if min(churned.sum(), here.sum()) < ENOUGH:
        return
    for values in (np.isnan(column).astype(np.float32), column):
        for one, other, en, ja in (
            (churned, here, "every churned customer, and for {:.0%} of those still here", ("解約した", "在籍中の")),
            (here, churned, "every customer still here, and for {:.0%} of those who churned", ("在籍中の", "解約した")),
        ):
            first = values[one][0]
            same = np.isnan(values) if np.isnan(first) else values == first
            if not same[one].all():
                continue
            above, sure = bounds(same[other])[1], bounds(same[one])[0] >= SURELY
            if above <= MOSTLY and above ** int(one.sum()) <= CHANCE:
                share = float(same[other].mean())
                yield Evidence(
                    "one_sided",
                    "stop" if above <= RARELY and sure else "warn",
                    {"share_of_others": share},
                    f"{name} is the same for " + en.format(share),
                    f"{name}は{ja[0]}顧客の全員で同じですが、{ja[1]}顧客では{share:.0%}です",
                )
                return


def _name(feature: Feature) -> Iterator[Evidence]:
    """Does the name, or a label, speak of leaving or of a sum over the stay?"""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", feature.name)
    for text in (spaced, *feature.label.values()):
        found = NAMES.search(text.lower())
        if found:
            word = found.group().strip("_- .")
            yield Evidence(
                "name",
                "warn",
                {},
                f"{feature.name} is named after what only time tells ({word!r})",
                f"{feature.name}の名前は、後になって分かることを示しています（「{word}」）",
            )
            return
