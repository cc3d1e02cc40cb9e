"""From a CRM's fields to features: converted where it is plain what was meant, else refused without the value."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract import Contract, Feature, Scalar
from service.crm.account import Account, Field
from service.crm.interface import Value
from service.crm.mapping import changes, faults

CONTRACT = Contract(
    (
        Feature(name="monthly_charges", kind="number"),
        Feature(name="contract", kind="category", categories=("Month-to-month", "One year", "2"), rare=("Two year",)),
        Feature(name="paperless", kind="flag"),
        Feature(name="since_month", kind="category", categories=tuple("123456789"), source="since", part="month"),
        Feature(name="since_age", kind="number", source="since", part="age"),
    )
)
FEATURES = {
    "monthly_charges": Field("fee"),
    "contract": Field("type", {"月額": "Month-to-month", "3": "One year"}),
    "paperless": Field("bills", {"paper": False, "e-mail": True}),
    "since": Field("since"),
}
ACCOUNT = Account(crm="hubspot", secrets=("s" * 16,), features=FEATURES)


def one(field: str, value: Value) -> Scalar:
    """What the one feature made of a field becomes."""
    found = changes(ACCOUNT, CONTRACT, {field: value})
    assert not found.refused
    ((_, made),) = found.features.items()
    return made


@pytest.mark.parametrize(
    ("field", "value", "made"),
    [
        ("fee", "70.5", 70.5),
        ("fee", " -1e3 ", -1000.0),
        ("fee", ".5", 0.5),
        ("fee", 70, 70),
        ("fee", "", None),
        ("fee", "  ", None),
        ("fee", None, None),
        ("type", "One year", "One year"),
        ("type", "月額", "Month-to-month"),
        ("type", 3, "One year"),
        ("type", 3.0, "One year"),
        ("type", 2, "2"),
        ("type", "never seen", "never seen"),
        ("type", True, "true"),
        ("type", "", None),
        ("bills", "true", True),
        ("bills", "FALSE", False),
        ("bills", "1", True),
        ("bills", "0", False),
        ("bills", "paper", False),
        ("bills", True, True),
        ("bills", 1, 1),
        ("since", "2026-03-31", "2026-03-31"),
        ("since", "2026-03-31T23:59:59.000Z", "2026-03-31T23:59:59.000Z"),
        ("since", "1774915200000", "2026-03-31"),
        ("since", 1774915200000, "2026-03-31"),
        ("since", 1774915200000.0, "2026-03-31"),
        ("since", "", None),
    ],
)
def test_a_value_becomes_what_its_kind_takes(field: str, value: Value, made: Scalar) -> None:
    assert one(field, value) == made
    assert type(one(field, value)) is type(made)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fee", "1,234.5"), ("fee", "nan"), ("fee", "1e999"), ("fee", "\uff17\uff10"), ("fee", "12 USD"), ("fee", True),
        ("fee", 1e39), ("bills", "yes"), ("bills", 2), ("since", "31.03.2026"), ("since", "2026"), ("since", 2026),
        ("since", "2026-02-30"), ("since", "9" * 15), ("since", True), ("since", float("nan")),
    ],
)  # fmt: skip
def test_what_the_contract_does_not_take_is_left_out_and_its_field_named(field: str, value: Value) -> None:
    found = changes(ACCOUNT, CONTRACT, {field: value, "type": "One year"})
    assert found.features == {"contract": "One year"}
    assert found.refused == [field]


def test_fields_that_no_feature_is_made_of_are_passed_over() -> None:
    found = changes(ACCOUNT, CONTRACT, {"email": "person@example.com"})
    assert (found.features, found.refused) == ({}, [])


def test_one_field_may_be_several_features() -> None:
    twice = Account(
        crm="hubspot", secrets=("s" * 16,), features={"monthly_charges": Field("a"), "contract": Field("a")}
    )
    assert changes(twice, CONTRACT, {"a": "2"}).features == {"monthly_charges": 2.0, "contract": "2"}


def test_without_a_mapping_the_names_are_the_contracts_own() -> None:
    sender = Account(crm="standard", secrets=("s" * 16,))
    found = changes(sender, CONTRACT, {"monthly_charges": 70.5, "since": "2026-03-31", "colour": "red", "since_age": 3})
    assert found.features == {"monthly_charges": 70.5, "since": "2026-03-31"}
    assert found.refused == ["colour", "since_age"]


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    st.dictionaries(
        st.sampled_from([field.field for field in FEATURES.values()]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.from_regex(r"[-+.eE0-9]{1,20}")),
    )
)
def test_whatever_a_crm_sends_is_taken_or_refused_and_what_is_taken_the_contract_encodes(
    fields: dict[str, Value],
) -> None:
    found = changes(ACCOUNT, CONTRACT, fields)
    CONTRACT.encode(found.features)
    taken = {FEATURES[name].field for name in found.features}
    assert taken | set(found.refused) == set(fields)
    assert not taken & set(found.refused)


def test_a_mapping_that_fits_has_no_faults() -> None:
    assert faults(ACCOUNT, CONTRACT) == []


def test_a_wrong_mapping_is_told_with_the_nearest_right_name() -> None:
    wrong = Account(
        crm="hubspot",
        secrets=("s" * 16,),
        features={
            "monthly_charge": Field("fee"),
            "contract": Field("type", {"月額": "Month to month", "年額": "One year", "旧": ""}),
            "paperless": Field("bills", {"paper": "never"}),
            "since_age": Field("since"),
        },
    )
    category = "'Month to month' is no category of this feature; did you mean 'Month-to-month'?"
    assert faults(wrong, CONTRACT) == [
        "hubspot.toml: features.monthly_charge: is not a feature of this model; did you mean 'monthly_charges'?",
        f"hubspot.toml: features.contract.values.月額: {category}",
        "hubspot.toml: features.paperless.values.paper: expected true or false, got a string",
        "hubspot.toml: features.since_age: is made of a date; send that as 'since'",
    ]
