"""The simulated company's book, which says what each column of its data is."""

from __future__ import annotations

from training.simulator.scenario import Scenario
from training.simulator.truth import (
    CLOSING_COST,
    DISCOUNT_RATE,
    GROSS_MARGIN,
    HORIZON,
    PARTNER_MARGIN,
    VALUE_HORIZON,
)

# ruff: noqa: E501 - one line per feature

BOOK = """\
# A made-up company that sells software to Japanese businesses, one row per customer. Whoever leaves does so on the last
# day of a month of its contract. truth.parquet holds what no company knows: each customer's true risk and value.

[book]
name = "saas"
data = "{data}"
id = "customer_id"
currency = "JPY"
period = "month"

[lifetime]
start = "signed_up"
end = "left"                  # empty: a customer still
observed_until = {until}
{observed_from}horizon = {horizon}                  # the risk is the probability to churn within so many months
value_horizon = {value_horizon}            # the predicted lifetime value counts so many

[value]
revenue = "monthly_price"     # per month, at list price
discount = "requested_discount"
gross_margin = {gross_margin}
cost_to_serve = "cost_to_serve"   # per month; estimated at the offer, from seats and special demands
acquisition_spent = "cpa"     # spent before the lead arrives, by channel and campaign
closing_cost = {closing_cost}       # still to be spent if we sell: selling, setting up, training
annual_discount_rate = {discount_rate}

# A partner keeps its share of what a customer pays.
[value.segments.channel.partner]
gross_margin = {partner_margin}

{plans}
# Only what is known when the lead arrives. Left out on purpose:
#   nps        asked half a year after sign-up, and known of those who stayed that long
#   founded    company_age says it as of sign-up, and does not move with the calendar
#   cpa, cost_to_serve   money, not a reason
[features]
industry = {{ kind = "category", label = {{ en = "Industry", ja = "業種" }} }}
prefecture = {{ kind = "category", label = {{ en = "Prefecture", ja = "都道府県" }} }}
employees = {{ kind = "number", label = {{ en = "Employees", ja = "従業員数" }} }}
company_age = {{ kind = "number", unit = "years", label = {{ en = "Company age", ja = "業歴" }} }}
channel = {{ kind = "category", label = {{ en = "Acquisition channel", ja = "獲得チャネル" }} }}
campaign = {{ kind = "category", label = {{ en = "Campaign", ja = "キャンペーン" }} }}
sales_rep = {{ kind = "category", label = {{ en = "Sales rep", ja = "営業担当" }} }}
closing_pressure = {{ kind = "number", label = {{ en = "Calls in the last week before closing", ja = "成約前1週間の連絡回数" }} }}
requested_discount = {{ kind = "number", label = {{ en = "Requested discount", ja = "希望値引率" }} }}
special_demands = {{ kind = "number", label = {{ en = "Special demands", ja = "個別要望の数" }} }}
plan = {{ kind = "category", label = {{ en = "Plan", ja = "プラン" }} }}
contract = {{ kind = "category", label = {{ en = "Contract", ja = "契約期間" }} }}
seats = {{ kind = "number", label = {{ en = "Seats", ja = "利用席数" }} }}
monthly_price = {{ kind = "number", unit = "JPY", label = {{ en = "Monthly price", ja = "月額料金" }} }}
days_to_close = {{ kind = "number", unit = "days", label = {{ en = "Days to close", ja = "成約までの日数" }} }}
{planted}
# Never a feature: nobody is turned away for these. They are kept to audit fairness.
[protected]
columns = ["representative_gender", "representative_over_65"]

[segments]
channel = "channel"
campaign = "campaign"
rep = "sales_rep"
product = "plan"
"""

PLAN = """\
[value.segments.plan.{plan}]
closing_cost = {closing_cost}
"""

LEAK = """\
# Planted: no lead can have these. The one adds up with tenure, the other is known after leaving.
logins_total = { kind = "number", label = { en = "Logins in total", ja = "累計ログイン数" } }
left_why = { kind = "category", label = { en = "Reason for leaving", ja = "解約理由" } }
"""

PROXY = """\
# Planted: it stands in for the representative's gender.
women_in_business_member = { kind = "flag", label = { en = "Member of Women in Business", ja = "女性経営者団体の会員" } }
"""


def book_text(data: str, scenario: Scenario) -> str:
    """The book of the data file `data`, as TOML."""
    since = scenario.observed_from
    standard = CLOSING_COST["standard"]
    others = [plan for plan in CLOSING_COST if plan != "standard"]
    return BOOK.format(
        data=data,
        until=scenario.observed_until,
        observed_from="" if since is None else f"observed_from = {since}    # who had left before is not in the book\n",
        horizon=HORIZON,
        value_horizon=VALUE_HORIZON,
        gross_margin=GROSS_MARGIN,
        closing_cost=standard,
        discount_rate=DISCOUNT_RATE,
        partner_margin=PARTNER_MARGIN,
        plans="\n".join(PLAN.format(plan=plan, closing_cost=CLOSING_COST[plan]) for plan in others),
        planted=LEAK * scenario.leak + PROXY * scenario.proxy,
    )
