"""Files are read row by row, each row with its number, and nothing is dropped without a word."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from training.errors import DataError
from training.reading import files
from training.reading.files import columns_of, read_chunks


def rows_of(path: Path) -> list[tuple[object, ...]]:
    return [
        (row, *values)
        for chunk in read_chunks(path)
        for row, values in zip(chunk.rows, chunk.frame.rows(), strict=True)
    ]


def faults_of(path: Path) -> list[tuple[object, ...]]:
    return [fault for chunk in read_chunks(path) for fault in chunk.faults.rows()]


def written(folder: Path, content: bytes) -> Path:
    path = folder / "d.csv"
    path.write_bytes(content)
    return path


def test_a_csv_is_read_as_text_with_the_row_numbers_of_a_spreadsheet(tmp_path: Path) -> None:
    path = written(tmp_path, b'\xef\xbb\xbfa,b\r\n01,"x, ""y"""\r\n"two\r\nlines",\r\n3,z')
    assert columns_of(path) == ["a", "b"]
    assert rows_of(path) == [(2, "01", 'x, "y"'), (3, "two\r\nlines", None), (4, "3", "z")]


def test_blank_lines_count_and_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n\n3,4\n\n\n")
    assert rows_of(path) == [(2, "1", "2"), (4, "3", "4")]
    assert faults_of(path) == []


def test_a_ragged_record_keeps_its_place_and_is_a_fault(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,2\n3\n4,5,6\n7,8\n9\n")
    assert rows_of(path) == [(2, "1", "2"), (3, None, None), (4, None, None), (5, "7", "8"), (6, None, None)]
    assert faults_of(path) == [
        ("d.csv", 3, "", "3", "expected 2 fields, got 1"),
        ("d.csv", 4, "", "4,5,6", "expected 2 fields, got 3"),
        ("d.csv", 6, "", "9", "expected 2 fields, got 1"),
    ]


def test_row_numbers_hold_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 200)
    lines = [f"{row},x" if row % 7 and row % 50 < 48 else f"{row}" for row in range(2, 1000)]
    path = written(tmp_path, ("a,b\n" + "\n".join(lines) + "\n").encode())
    ragged = [row for row in range(2, 1000) if not (row % 7 and row % 50 < 48)]
    read = rows_of(path)
    assert [row for row, *_ in read] == list(range(2, 1000))
    assert all(str(row) == value for row, value, _ in read if value is not None)
    assert [(row, text) for _, row, _, text, _ in faults_of(path)] == [(row, str(row)) for row in ragged]


def test_a_value_that_is_not_utf8_is_a_fault_of_its_column(tmp_path: Path) -> None:
    path = written(tmp_path, b"a,b\n1,ok\n2,\xff\xfe\n")
    assert faults_of(path) == [("d.csv", 3, "b", "��", "is not UTF-8")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; expected a header row"),
        (b"a,b,a\n1,2,3\n", "has two columns named 'a'; rename one"),
        (b"a\x82\xa0,b\n1,2\n", "is not UTF-8; save it as CSV UTF-8"),
        (b'a,b\n1,2\n"3,4\n5,6\n7,8\n', "row 3 runs over several lines; a quote is left open, close it"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, expected: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        rows_of(path)
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_a_file_with_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(written(tmp_path, b"a,b\n")) == []
    assert rows_of(written(tmp_path, b"a,b")) == []


def test_a_file_that_is_not_there_or_no_parquet_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        columns_of(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"none\.parquet: cannot be read"):
        columns_of(tmp_path / "none.parquet")
    (tmp_path / "d.parquet").write_text("a,b\n")
    with pytest.raises(DataError, match=r"d\.parquet: is not a Parquet file"):
        columns_of(tmp_path / "d.parquet")


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pl.DataFrame({"a": [f"x{row}" for row in range(50_000)]}).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[60:160] = b"\xff" * 100
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"d\.parquet: is damaged \(.*\); write it again"):
        rows_of(path)


def test_a_parquet_file_keeps_its_types_and_counts_rows_from_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK_ROWS", 2)
    path = tmp_path / "d.parquet"
    pl.DataFrame({"a": [1, 2, 3], "b": [True, None, False]}).write_parquet(path)
    assert rows_of(path) == [(1, 1, True), (2, 2, None), (3, 3, False)]
    assert [chunk.share for chunk in read_chunks(path)] == [2 / 3, 1.0]


def test_of_a_parquet_file_only_the_columns_needed_are_read_and_known_texts_in_their_type(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    frame = pl.DataFrame({"a": ["x", None, "x"], "b": [1, 2, 3], "c": ["p", "q", "r"], "d": ["x", "new", "x"]})
    frame.write_parquet(path)
    texts = pl.Enum(["w", "x"])
    [chunk] = read_chunks(path, ["c", "a", "d"], {"a": texts, "b": texts, "d": texts})
    assert chunk.frame.equals(frame.select("c", "a", "d").cast({"a": texts}))
    assert [chunk.frame[name].dtype for name in ("a", "d")] == [texts, pl.String]
