"""Batch scoring: a file of prospects in, a file of assessments out, in the same order and in flat memory."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.assess import BANDS, Assessments, Assessor
from models.bundle import Bundle
from models.errors import PolicyError
from models.policy import ACTIONS, Policy, read_policy
from models.registry import live_policy
from training.errors import DataError
from training.progress import bar, say
from training.reading.clean import AS_OF, ROW, Role, check_columns, clean_chunk, money_columns
from training.reading.encode import encode, known_texts
from training.reading.files import columns_of, read_chunks

REASONS = 3

INTERVALS = ("risk_low", "risk_high", "net_value_low", "net_value_high", "net_negative_probability")

ASSESSED = 2048
"""Prospects assessed at once; of 512, calls cost more, and of 8,192, what is computed leaves the cache of a core."""


def score(
    bundle: Bundle,
    data: Path,
    out: Path,
    now: datetime,
    *,
    policy_file: Path | None = None,
    intervals: bool = False,
    curves: bool = False,
) -> int:
    """Assess every row of `data` as of `now`, write a row for each to `out`, return how many could not be assessed.

    Data and output are CSV or Parquet by their endings. A row with a bad value keeps its place in `out`, with its id
    and nothing else, and is listed in `<out>.rejects.csv`. The id is the book's id column, or the row number where
    `data` has none. A column of the book's money that `data` lacks leaves the value unknown. `intervals` appends
    INTERVALS and support, `curves` the survival curve; what is not known is empty. `out` appears when it is complete.

    Raises:
        DataError: the file cannot be read or lacks a feature, or an ending is neither .csv nor .parquet.
        PolicyError: the policy does not parse or does not fit the model.
    """
    assessor = Assessor(bundle, live_policy(bundle.folder.parent) if policy_file is None else _policy(policy_file))
    roles = _roles(bundle, data)
    known = known_texts(bundle.contract)
    id_column = bundle.manifest.id_column
    draft = out.with_name(f".{out.name}.draft")
    rejects = out.with_name(f"{out.stem}.rejects.csv")
    rejects.unlink(missing_ok=True)
    failed = 0
    try:
        with (
            bar("scoring") as progress,
            _Writer(draft, out, _schema(bundle, intervals=intervals, curves=curves)) as writer,
        ):
            for chunk in read_chunks(data, roles, known):
                frame, found = clean_chunk(chunk, roles, bundle.manifest.money, known)
                frame = frame.with_columns(pl.lit(now.date()).alias(AS_OF))
                ids = frame[id_column] if id_column in roles else chunk.rows.cast(pl.String)
                bad = frame[ROW].is_in(found["row"].implode())
                answers = _answers(assessor, frame, writer.schema)
                if bad.any():
                    answers = answers.select(pl.when(~bad).then(pl.all()))
                writer.write(answers.insert_column(0, ids.alias("id")))
                if len(found):
                    with rejects.open("ab") as file:
                        found.sort("row", maintain_order=True).write_csv(file, include_header=not failed)
                    failed += int(bad.sum())
                progress(chunk.share)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    if failed:
        say(f"{failed} rows not assessed; listed in {rejects}")
    return failed


def _policy(path: Path) -> Policy:
    try:
        return read_policy(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: is not UTF-8") from error


def _roles(bundle: Bundle, data: Path) -> dict[str, Role]:
    """How to clean each column of `data` that the bundle reads."""
    manifest = bundle.manifest
    features: dict[str, Role] = {feature.name: feature.kind for feature in manifest.contract.sent}
    check_columns(data, features, bundle.folder)
    there = set(columns_of(data))
    money = money_columns(manifest.money)
    others: dict[str, Role] = {name: "number" if name in money else "text" for name in sorted(manifest.money.columns)}
    lacking = [name for name in others if name not in features and name not in there]
    if lacking:
        say(f"note: {data} has no column {', '.join(lacking)}, from which the book reads its money")
    id_column = manifest.id_column
    roles = {name: role for name, role in others.items() if name in there} | features
    return roles | ({id_column: "id"} if id_column in there and id_column not in roles else {})


def _answers(assessor: Assessor, frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """What is found of clean rows, in the columns of the schema but for the id; a bad value counts as missing."""
    x = encode(assessor.contract, frame)
    money = _money_columns(assessor, frame)
    parts = []
    for start in range(0, len(x), ASSESSED):
        rows = slice(start, start + ASSESSED)
        found = assessor.assess(x[rows], {name: values[rows] for name, values in money.items()})
        parts.append(_columns(assessor, found))
    columns = []
    for name, kind in schema.items():
        if name == "id":
            continue
        if name not in parts[0]:
            column = pl.repeat(None, len(x), dtype=kind, eager=True)
        elif isinstance(kind, pl.Enum):
            column = pl.Series(kind.categories, dtype=kind)[_joined(parts, name)]
        else:
            column = pl.Series(_joined(parts, name), nan_to_null=True).cast(kind)
        columns.append(column.alias(name))
    return pl.DataFrame(columns)


def _joined(parts: list[dict[str, NDArray[Any]]], name: str) -> NDArray[Any]:
    return np.concatenate([part[name] for part in parts])


def _columns(assessor: Assessor, found: Assessments) -> dict[str, NDArray[Any]]:
    """Assessments column by column: numbers, NaN where there is none, and the places of texts in their lists."""
    value = found.value
    return {
        "risk_score": found.risk,
        "band": found.band,
        "pltv": value.pltv,
        "net_value": value.net_value,
        "pltv_to_cpa": value.pltv_to_cpa,
        "break_even": np.where(value.break_even > 0, value.break_even, np.nan),
        "loss_probability": value.loss_probability,
        "ltv_minus": np.where(value.known, value.ltv_minus, np.nan),
        "action": found.action,
        **_reasons(assessor, found),
        "risk_low": found.risk_low,
        "risk_high": found.risk_high,
        "net_value_low": value.net_value_low,
        "net_value_high": value.net_value_high,
        "net_negative_probability": value.net_negative_probability,
        "support": found.support,
        **{f"s_{t}": column for t, column in enumerate(found.survival.T, 1)},
    }


def _money_columns(assessor: Assessor, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """What the money terms read and is no feature."""
    manifest = assessor.bundle.manifest
    names = [name for name in manifest.money.columns if name in frame.columns and name not in manifest.contract.index]
    return {
        name: frame[name].fill_null("").to_numpy() if frame[name].dtype == pl.String else frame[name].to_numpy()
        for name in names
    }


def _reasons(assessor: Assessor, found: Assessments) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for place, top in enumerate(assessor.top_reasons(found, REASONS).T, 1):
        columns[f"reason_{place}"] = top
        columns[f"points_{place}"] = found.points[np.arange(len(top)), top]
    return columns


def _schema(bundle: Bundle, *, intervals: bool, curves: bool) -> pl.Schema:
    """The columns of the output, in their order."""
    number, feature = pl.Float64(), pl.Enum(bundle.contract.names)
    kinds: dict[str, pl.DataType] = {"id": pl.String(), "risk_score": number, "band": pl.Enum(BANDS)}
    kinds |= dict.fromkeys(("pltv", "net_value", "pltv_to_cpa"), number)
    kinds |= {
        "break_even": pl.Int64(),
        "loss_probability": number,
        "ltv_minus": pl.Boolean(),
        "action": pl.Enum(ACTIONS),
    }
    for place in range(1, REASONS + 1):
        kinds |= {f"reason_{place}": feature, f"points_{place}": pl.Float32()}
    if intervals:
        kinds |= dict.fromkeys(INTERVALS, number) | {"support": pl.Int64()}
    if curves:
        kinds |= {f"s_{t}": pl.Float32() for t in range(1, bundle.manifest.periods + 1)}
    return pl.Schema(kinds)


class _Writer:
    """Appends frames of one schema to the file `draft`, in the format that the ending of `out` names."""

    def __init__(self, draft: Path, out: Path, schema: pl.Schema) -> None:
        if out.suffix not in (".csv", ".parquet"):
            raise DataError(f"{out}: expected an ending of .csv or .parquet; rename it")
        self.schema = schema
        self._parquet = out.suffix == ".parquet"
        self._path = draft

    def __enter__(self) -> Self:
        empty = self.schema.to_frame()
        if self._parquet:
            repeating = [name for name, kind in self.schema.items() if isinstance(kind, pl.Enum)]
            texts = [name for name, kind in self.schema.items() if kind in (pl.String, pl.Enum)]
            # Numbers as they are: to pack them takes a fifth of the writing and saves a sixth of the file.
            # No statistics: the rows stand in the order of the data, so nobody can leave out a part by them. Nor the
            # schema of Arrow: those columns are read as texts.
            self._file: Any = pq.ParquetWriter(
                self._path,
                empty.to_arrow().schema,
                use_dictionary=repeating,
                compression={name: "snappy" if name in texts else "none" for name in self.schema},
                write_statistics=False,
                store_schema=False,
            )
        else:
            self._file = self._path.open("wb")
            empty.write_csv(self._file)
        return self

    def write(self, frame: pl.DataFrame) -> None:
        if self._parquet:
            self._file.write_table(frame.to_arrow())
        else:
            frame.write_csv(self._file, include_header=False)

    def __exit__(self, *_: object) -> None:
        self._file.close()
