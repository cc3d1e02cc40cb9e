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
from training.reading.encode import encode
from training.reading.files import columns_of, read_chunks

REASONS = 3

INTERVALS = ("risk_low", "risk_high", "net_value_low", "net_value_high", "net_negative_probability")

ASSESSED = 4096
"""Prospects assessed at once; more would not be faster and would only take memory."""


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
            for chunk in read_chunks(data):
                frame, found = clean_chunk(chunk, roles, bundle.manifest.money)
                frame = frame.with_columns(pl.lit(now.date()).alias(AS_OF))
                good = ~frame[ROW].is_in(found["row"].implode())
                ids = frame[id_column] if id_column in roles else chunk.rows.cast(pl.String)
                answers = [_answers(assessor, part, curves=curves) for part in frame.filter(good).iter_slices(ASSESSED)]
                writer.write(_in_place(ids, good, answers, writer.schema))
                if len(found):
                    with rejects.open("ab") as file:
                        found.sort("row", maintain_order=True).write_csv(file, include_header=not failed)
                    failed += len(good) - int(good.sum())
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


def _answers(assessor: Assessor, frame: pl.DataFrame, *, curves: bool) -> pl.DataFrame:
    """The answers for sound rows, column by column, of which the schema takes what was asked for."""
    contract = assessor.contract
    found = assessor.assess(encode(contract, frame), _money_columns(assessor, frame))
    value = found.value
    columns: dict[str, Any] = {
        "risk_score": found.risk,
        "band": np.array(BANDS)[found.band],
        "pltv": value.pltv,
        "net_value": value.net_value,
        "pltv_to_cpa": value.pltv_to_cpa,
        "break_even": np.where(value.break_even > 0, value.break_even, np.nan),
        "loss_probability": value.loss_probability,
        "ltv_minus": np.where(value.known, value.ltv_minus, np.nan),
        "action": np.array(ACTIONS)[found.action],
    }
    columns |= _reasons(assessor, found)
    columns |= {
        "risk_low": found.risk_low,
        "risk_high": found.risk_high,
        "net_value_low": value.net_value_low,
        "net_value_high": value.net_value_high,
        "net_negative_probability": value.net_negative_probability,
        "support": found.support,
    }
    if curves:
        columns |= {f"s_{t}": found.survival[:, t - 1] for t in range(1, found.survival.shape[1] + 1)}
    return pl.DataFrame(columns, nan_to_null=True)


def _money_columns(assessor: Assessor, frame: pl.DataFrame) -> dict[str, NDArray[np.generic]]:
    """What the money terms read and is no feature."""
    manifest = assessor.bundle.manifest
    names = [name for name in manifest.money.columns if name in frame.columns and name not in manifest.contract.index]
    return {
        name: frame[name].fill_null("").to_numpy() if frame[name].dtype == pl.String else frame[name].to_numpy()
        for name in names
    }


def _reasons(assessor: Assessor, found: Assessments) -> dict[str, Any]:
    names = np.array(assessor.contract.names)
    top = assessor.top_reasons(found, REASONS)
    rows = np.arange(len(found))
    columns: dict[str, Any] = {}
    for place in range(top.shape[1]):
        columns[f"reason_{place + 1}"] = names[top[:, place]]
        columns[f"points_{place + 1}"] = found.points[rows, top[:, place]]
    return columns


def _in_place(ids: pl.Series, good: pl.Series, answers: list[pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    """The answers beside their ids, with empty cells in the rows that have none."""
    place = pl.when(good).then(good.cast(pl.UInt32).cum_sum() - 1)
    whole = pl.concat(answers) if answers else pl.DataFrame()
    where = pl.select(place).to_series()
    columns = [
        (whole[name].gather(where) if name in whole.columns else pl.repeat(None, len(ids), eager=True))
        .cast(kind)
        .alias(name)
        for name, kind in schema.items()
        if name != "id"
    ]
    return pl.DataFrame([ids.alias("id"), *columns])


def _schema(bundle: Bundle, *, intervals: bool, curves: bool) -> pl.Schema:
    """The columns of the output, in their order."""
    number, text = pl.Float64(), pl.String()
    kinds: dict[str, pl.DataType] = {"id": text, "risk_score": number, "band": text}
    kinds |= dict.fromkeys(("pltv", "net_value", "pltv_to_cpa"), number)
    kinds |= {"break_even": pl.Int64(), "loss_probability": number, "ltv_minus": pl.Boolean(), "action": text}
    for place in range(1, REASONS + 1):
        kinds |= {f"reason_{place}": text, f"points_{place}": pl.Float32()}
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
            self._file: Any = pq.ParquetWriter(self._path, empty.to_arrow().schema)
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
