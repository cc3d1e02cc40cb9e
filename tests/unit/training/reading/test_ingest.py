"""Every customer of a book is clean, or rejected with row, column, value and reason."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest

from models.money import BOUNDS
from tests.support.books import DATES, DATES_HEADER, DATES_ROWS, TENURE, TENURE_HEADER, TENURE_ROWS, write_book
from training.errors import DataError
from training.reading import files
from training.reading.book import read_book
from training.reading.clean import AS_OF, FILE, ROW
from training.reading.ingest import ID, Ingested, ingest

Reject = tuple[str, int, str, str | None, str]


def tenure(folder: Path, *rows: str, toml: str = TENURE) -> Ingested:
    return ingest(read_book(write_book(folder, toml, TENURE_HEADER, *TENURE_ROWS, *rows)))


def dates(folder: Path, *rows: str, toml: str = DATES) -> Ingested:
    return ingest(read_book(write_book(folder, toml, DATES_HEADER, *DATES_ROWS, *rows)))


def test_clean_customers_keep_their_order_and_their_missing_values(tmp_path: Path) -> None:
    read = tenure(tmp_path)
    assert read.rejected == 0
    assert read.rejects.is_empty()
    assert read.frame[ID].to_list() == ["a", "b", "c"]
    assert read.frame["contract"].to_list() == ["Monthly", "Yearly", None]
    assert read.frame["charges"].to_list() == [20.5, 30.0, None]
    assert read.frame["paperless"].to_list() == [True, False, None]
    assert read.frame["gender"].to_list() == ["f", "m", None]


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"),
    [
        (",5,0,Yes,M,1,1,f", "id", None, "expected an id"),
        (" a ,5,0,Yes,M,1,1,f", "id", " a ", "the id of an earlier row"),
        ("d,x,0,Yes,M,1,1,f", "tenure", "x", "expected a number"),
        ("d,,0,Yes,M,1,1,f", "tenure", None, "expected a tenure"),
        ("d,-2,0,Yes,M,1,1,f", "tenure", "-2", "expected 0 or more"),
        ("d,2.5,0,Yes,M,1,1,f", "tenure", "2.5", "expected a whole number"),
        ("d,1e9,0,Yes,M,1,1,f", "tenure", "1e9", "expected at most 100000"),
        ("d,0,0,Yes,M,1,1,f", "tenure", "0", 'expected 1 or more, since tenure_counts = "started"'),
        ("d,5,5,Yes,M,1,1,f", "entry", "5", "observation began after the last period, see tenure"),
        ("d,5,,Yes,M,1,1,f", "entry", None, "expected the periods that had passed when observation began"),
        ("d,5,0,,M,1,1,f", "churn", None, "expected an outcome"),
        ("d,5,0,Yes,M,abc,1,f", "charges", "abc", "expected a number"),
        ("d,5,0,Yes,M,nan,1,f", "charges", "nan", "expected a finite number"),
        ("d,5,0,Yes,M,-inf,1,f", "charges", "-inf", "expected a finite number"),
        ("d,5,0,Yes,M,1e39,1,f", "charges", "1e39", "expected a number of at most 3.4e38"),
        ("d,5,0,Yes,M,-1,1,f", "charges", "-1", f"revenue: expected a value from 0 to {BOUNDS['revenue'][1]:g}"),
        ("d,5,0,Yes,M,1,maybe,f", "paperless", "maybe", "expected true, false, 1, 0, yes or no"),
        ('d,5,0,Yes,"M\nx",1,1,f', "contract", "M\nx", "runs over several lines; is a quote left open?"),
        ("d,5,0,Yes,M,1,1", "", "d,5,0,Yes,M,1,1", "expected 8 fields, got 7"),
    ],
)
def test_a_bad_row_is_rejected_with_row_column_value_and_reason(
    tmp_path: Path, row: str, column: str, value: str | None, reason: str
) -> None:
    read = tenure(tmp_path, row, "e,5,0,Yes,M,1,1,f")
    assert [
        (file, at, name, None if shown is None else shown.strip(), why)
        for file, at, name, shown, why in read.rejects.rows()
    ] == [("small.csv", 5, column, None if value is None else value.strip(), reason)]
    assert read.rejected == 1
    assert read.frame[ID].to_list() == ["a", "b", "c", "e"]


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"),
    [
        ("d,,2025-04-14,churned,3", "start", None, "expected a date"),
        ("d,2025-02-30,,,3", "start", "2025-02-30", "expected a date such as 2026-03-31"),
        ("d,1/2/2025,,,3", "start", "1/2/2025", "expected a date such as 2026-03-31"),
        ("d,2026-04-01,,,3", "start", "2026-04-01", "is after observed_until (2026-03-31)"),
        ("d,2025-04-01,2026-04-01,churned,3", "end", "2026-04-01", "is after observed_until (2026-03-31)"),
        ("d,2025-04-01,2025-03-01,churned,3", "end", "2025-03-01", "is before start"),
        (
            "d,2024-04-01,2024-12-31,churned,3",
            "end",
            "2024-12-31",
            "is before observed_from (2025-01-01): never observed",
        ),
        ("d,2025-04-01,,churned,3", "end", None, "expected a date, since why says churned"),
    ],
)
def test_a_bad_date_is_rejected_with_row_column_value_and_reason(
    tmp_path: Path, row: str, column: str, value: str | None, reason: str
) -> None:
    read = dates(tmp_path, row)
    assert read.rejects.rows() == [("small.csv", 5, column, value, reason)]
    assert read.frame[ID].to_list() == ["a", "b", "c"]


def test_a_row_with_several_faults_lists_each_and_counts_once(tmp_path: Path) -> None:
    read = tenure(tmp_path, "d,x,0,Yes,M,abc,2,f")
    assert [(row, column) for _, row, column, _, _ in read.rejects.rows()] == [
        (5, "charges"),
        (5, "paperless"),
        (5, "tenure"),
    ]
    assert read.rejected == 1


def test_not_utf8_is_rejected_in_its_column(tmp_path: Path) -> None:
    book = write_book(tmp_path, TENURE, TENURE_HEADER, *TENURE_ROWS)
    with (tmp_path / "small.csv").open("ab") as file:
        file.write(b"d,5,0,Yes,\x96\xbc,1,1,f\n")
    assert [(row, column, why) for _, row, column, _, why in ingest(read_book(book)).rejects.rows()] == [
        (5, "contract", "is not UTF-8")
    ]


def test_full_width_and_padded_categories_are_one_category(tmp_path: Path) -> None:
    read = tenure(tmp_path, "d,5,0,YES, \uff2donthly\u3000,1,yes,f")
    assert read.frame["contract"].to_list() == ["Monthly", "Yearly", None, "Monthly"]
    assert read.frame["churn"].to_list() == ["yes", "no", "no", "yes"]


def test_too_many_rejects_stop_the_run_and_are_counted_by_reason(tmp_path: Path) -> None:
    toml = TENURE.replace("max_reject_share = 0.9", "max_reject_share = 0.5")
    book = read_book(
        write_book(tmp_path, toml, TENURE_HEADER, *TENURE_ROWS, *(f"x{i},-1,0,No,,,," for i in range(3)), ",1,0,No,,,,")
    )
    rejects = tmp_path / "out" / "rejects.csv"
    with pytest.raises(DataError) as caught:
        ingest(book, rejects=rejects)
    assert str(caught.value) == (
        "small.csv: 4 of 7 rows rejected, 57.1% where book.max_reject_share allows 50.0%: "
        f"3 x tenure: expected 0 or more, 1 x id: expected an id; see {rejects}"
    )
    assert rejects.read_text().splitlines()[:2] == [
        "file,row,column,value,reason",
        "small.csv,5,tenure,-1,expected 0 or more",
    ]


def test_a_share_of_rejects_up_to_the_limit_is_let_pass(tmp_path: Path) -> None:
    toml = TENURE.replace("max_reject_share = 0.9", "max_reject_share = 0.25")
    assert tenure(tmp_path, "d,-1,0,No,,,,", toml=toml).rejected == 1


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    book = write_book(tmp_path, TENURE.replace("charges = {", "charge = {"), TENURE_HEADER, *TENURE_ROWS)
    with pytest.raises(
        DataError, match=re.escape(f"has no column 'charge', which {book} names; did you mean 'charges'?")
    ):
        ingest(read_book(book))


def test_a_book_without_data_or_without_customers_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no customers"):
        ingest(read_book(write_book(tmp_path, TENURE, TENURE_HEADER)))
    with pytest.raises(DataError, match="holds no customers"):
        ingest(read_book(write_book(tmp_path, TENURE, TENURE_HEADER, ",,,,,,,", ",,,,,,,")))
    book = read_book(write_book(tmp_path, TENURE.replace("small.csv", "other-*.csv"), TENURE_HEADER))
    with pytest.raises(DataError, match=r"other-\*\.csv: no such file; correct data in \[book\]"):
        ingest(book)


def test_parquet_and_a_glob_of_files_are_read_like_one_csv(tmp_path: Path) -> None:
    expected = tenure(tmp_path).frame
    typed = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "tenure": [5.0, 9.0, 3.0],
            "entry": [0, 2, 0],
            "churn": pl.Series(["Yes", "No", "No"], dtype=pl.Categorical()),
            "contract": ["Monthly", "Yearly", None],
            "charges": pl.Series([20.5, 30.0, None], dtype=pl.Float32),
            "paperless": [True, False, None],
            "gender": ["f", "m", None],
        }
    )
    typed.head(1).write_parquet(tmp_path / "part-1.parquet")
    typed.tail(2).write_parquet(tmp_path / "part-2.parquet")
    book = read_book(write_book(tmp_path, TENURE.replace("small.csv", "part-*.parquet"), TENURE_HEADER))
    read = ingest(book).frame
    assert read.drop(FILE, ROW).equals(expected.drop(FILE, ROW))
    assert read.select(FILE, ROW).rows() == [
        ("part-1.parquet", 1),
        ("part-2.parquet", 1),
        ("part-2.parquet", 2),
    ]


def test_an_id_repeated_in_another_file_is_rejected_there(tmp_path: Path) -> None:
    book = write_book(tmp_path, TENURE.replace("small.csv", "s*.csv"), TENURE_HEADER, *TENURE_ROWS)
    (tmp_path / "small2.csv").write_text(f"{TENURE_HEADER}\nb,5,0,Yes,,,,\n")
    assert ingest(read_book(book)).rejects.rows() == [("small2.csv", 2, "id", "b", "the id of an earlier row")]


def test_columns_may_be_called_as_they_like(tmp_path: Path) -> None:
    toml, header = TENURE, TENURE_HEADER
    for old, new in (("contract", "__file"), ("charges", "__row"), ("paperless", "__id")):
        toml, header = toml.replace(f"{old} = {{", f"{new} = {{"), header.replace(old, new)
    toml = toml.replace('revenue = "charges"', 'revenue = "__row"')
    read = ingest(read_book(write_book(tmp_path, toml, header, *TENURE_ROWS, "d,5,0,Yes,M,x,1,f")))
    assert read.frame[ID].to_list() == ["a", "b", "c"]
    assert read.frame["__row"].to_list() == [20.5, 30.0, None]
    assert read.rejects.rows() == [("small.csv", 5, "__row", "x", "expected a number")]


def test_files_of_one_name_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    toml = TENURE.replace("small.csv", "*/small.csv").replace('id = "id"\n', "")
    book = write_book(tmp_path, toml, TENURE_HEADER)
    for folder, bad in (("north", "d,5,0,Yes,M,1,1"), ("south", "d,-1,0,Yes,M,1,1,f")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "small.csv").write_text("\n".join((TENURE_HEADER, *TENURE_ROWS[:2], bad)) + "\n")
    read = ingest(read_book(book))
    assert read.frame[ID].to_list() == [f"{folder}/small.csv:{row}" for folder in ("north", "south") for row in (2, 3)]
    assert [(file, row) for file, row, *_ in read.rejects.rows()] == [("north/small.csv", 4), ("south/small.csv", 4)]
    assert read.rejected == 2


def test_without_an_id_the_row_number_is_one(tmp_path: Path) -> None:
    read = tenure(tmp_path, "b,0,0,Yes,M,1,1,f", "b,1,0,Yes,M,1,1,f", toml=TENURE.replace('id = "id"\n', ""))
    assert read.frame[ID].to_list() == ["2", "3", "4", "6"]


def test_dates_may_carry_a_time_or_slashes(tmp_path: Path) -> None:
    read = dates(tmp_path, "d,2025-04-01T10:00:00Z,2025/5/2 09:00,churned,3")
    assert [str(day) for day in read.frame["start", "end", AS_OF].row(3)] == ["2025-04-01", "2025-05-02", "2025-04-01"]


FOUNDED = DATES + 'founded = { kind = "date" }\n'


def founded(folder: Path, *days: str) -> Ingested:
    rows = (f"{n},2025-06-01,,,3,{day}" for n, day in enumerate(days))
    return ingest(read_book(write_book(folder, FOUNDED, DATES_HEADER + ",founded", *rows)))


def test_a_date_that_none_is_is_rejected_with_what_was_expected(tmp_path: Path) -> None:
    read = founded(tmp_path, "2001-04-01", "", "2023-02-29", "0000-00-00", "0000-01-01", "1.4.2001", "2001/4/1 9:00")
    assert read.rejects.select("row", "column", "reason").rows() == [
        (row, "founded", "expected a date such as 2026-03-31") for row in (4, 5, 6, 7)
    ]
    assert [str(day) for day in read.frame["founded"]] == ["2001-04-01", "None", "2001-04-01"]


def test_a_date_after_sign_up_stays_and_is_told(tmp_path: Path) -> None:
    read = founded(tmp_path, "2001-04-01", "2025-06-02", "2025-06-03", "9999-12-31")
    assert read.rejected == 0
    [note] = read.notes
    told = "features.founded: 2 of 4 dates are after start, not known at sign-up; read as missing"
    assert note == f"{tmp_path / 'small.toml'}: {told}"
    assert founded(tmp_path, "2001-04-01").notes == ()


def test_a_date_of_a_parquet_file_is_one_that_python_can_write_too(tmp_path: Path) -> None:
    start = dt.date(2025, 6, 1)
    days = pl.Series("founded", [0, 10**7, None], dtype=pl.Int32).cast(pl.Date)
    pl.DataFrame([pl.Series("start", [start] * 3), days]).with_columns(
        id=pl.int_range(pl.len()), end=pl.lit(None, pl.Date), why=pl.lit(None, pl.String), seats=pl.lit(3)
    ).write_parquet(tmp_path / "small.parquet")
    (tmp_path / "p.toml").write_text(FOUNDED.replace("small.csv", "small.parquet"), "utf-8")
    read = ingest(read_book(tmp_path / "p.toml"))
    assert read.rejects["reason"].to_list() == ["expected a date such as 2026-03-31"]
    assert read.frame["founded"].to_list() == [dt.date(1970, 1, 1), None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([[1]]), "holds List(Int64); expected one value per row"),
        (pl.Series([dt.timedelta(1)]), "holds Duration(time_unit='us'); expected text, numbers, flags or dates"),
        (pl.Series([dt.time(9)]), "holds Time; expected text, numbers, flags or dates"),
        (pl.Series([b"\xff"]), "holds bytes that are not UTF-8; expected text"),
    ],
)
@pytest.mark.parametrize("column", ["seats", "start", "why"])
def test_a_column_of_a_type_without_a_meaning_is_refused(
    tmp_path: Path, column: str, values: pl.Series, expected: str
) -> None:
    book = write_book(tmp_path, DATES.replace("small.csv", "small.parquet"), DATES_HEADER)
    sound = {"id": "a", "start": "2025-01-01", "end": "2025-02-01", "why": "churned", "seats": 1}
    pl.DataFrame({name: [value] for name, value in sound.items()} | {column: values}).write_parquet(
        tmp_path / "small.parquet"
    )
    with pytest.raises(DataError, match=re.escape(f"small.parquet: column '{column}' {expected}")):
        ingest(read_book(book))


def test_a_category_of_floats_is_spelled_the_same_whatever_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK_ROWS", 2)
    book = write_book(tmp_path, TENURE.replace("small.csv", "small.parquet"), TENURE_HEADER)
    plain = {"tenure": 3, "entry": 0, "churn": "No", "charges": 1.0, "paperless": True, "gender": "f"}
    codes = [1.0, 2.5, 1.0, 2.0, 1e20, float("nan")]
    frame = pl.DataFrame({"id": [*"abcdef"], "contract": codes}).with_columns(
        **{k: pl.lit(v) for k, v in plain.items()}
    )
    frame.write_parquet(tmp_path / "small.parquet")
    assert ingest(read_book(book)).frame["contract"].to_list() == ["1", "2.5", "1", "2", "1e+20", None]
