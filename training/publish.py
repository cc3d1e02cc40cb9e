"""Publishing: prospects' features from a file to the service's batch route, over HTTP."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import polars as pl

from models.contract import Contract, Scalar
from models.money import MoneyTerms
from training.clean import ROW, Role, clean_chunk
from training.errors import DataError, PublishError
from training.files import Chunk, columns_of, read_chunks
from training.progress import bar, say

PATH = "/v1/features/batch"

BATCH_ENTRIES = 1000
BATCH_BYTES = 3_500_000
"""The service takes at most 1,000 prospects and 4 MB at once."""

ATTEMPTS = 6
TIMEOUT_S = 30.0
LONGEST_WAIT_S = 20.0
"""A batch is tried for at most 6 * (30 + 20) s; replacing features twice does no harm."""

Report = Callable[[str], None]


class Destination(msgspec.Struct, frozen=True):
    """Where to publish: the service's address and an API key with the scope `features`."""

    url: str
    key: str


class _Entry(msgspec.Struct, frozen=True):
    prospect_id: str
    features: dict[str, Scalar]


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    title: str = ""
    path: str = ""


class _Result(msgspec.Struct, frozen=True):
    prospect_id: str | None = None
    error: _Problem | None = None


class _Answer(msgspec.Struct, frozen=True):
    results: list[_Result]


_answer = msgspec.json.Decoder(_Answer)
_problem = msgspec.json.Decoder(_Problem)
_encode = msgspec.json.Encoder().encode


def publish(
    data: Path,
    to: Destination,
    contract: Contract | None,
    id_column: str | None,
    *,
    report: Report,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Send every row of `data`, and return how many were not taken.

    Args:
        data: CSV or Parquet.
        to: the service.
        contract: says which columns are features and of which kind. None: every column but the id is one; a value in a
            Parquet file is sent as stored, one in a CSV file as a number or true/false where it reads as that.
        id_column: holds the prospects' ids; the first column if None.
        report: told a line for each prospect that was not taken: its id (or row), and why.
        wait: sleeps so many seconds.

    Raises:
        DataError: the file cannot be read, or has no id or no feature column.
        PublishError: the service cannot be reached, or refuses a whole batch.
    """
    roles = _roles(data, contract, id_column)
    sent = failed = 0
    with bar("publishing") as progress, httpx.Client(base_url=to.url, timeout=TIMEOUT_S) as client:
        for chunk in read_chunks(data):
            entries, faults = _entries(chunk, roles, inferred=contract is None)
            for line in faults:
                report(line)
            failed += len(faults)
            for batch in _batches(entries):
                lines = _send(client, to.key, batch, wait)
                for line in lines:
                    report(line)
                sent, failed = sent + len(batch) - len(lines), failed + len(lines)
            progress(chunk.share)
    say(f"{sent} prospects published, {failed} not")
    return failed


def _roles(data: Path, contract: Contract | None, id_column: str | None) -> dict[str, Role]:
    """How to read the columns to send; the id comes first."""
    there = columns_of(data)
    id_column = id_column or there[0]
    if id_column not in there:
        raise DataError(f"{data}: has no column {id_column!r} for the ids; name one with --id")
    features: dict[str, Role] = dict.fromkeys(there, "text")
    if contract is not None:
        features = {f.name: f.kind for f in contract.features if f.name in there}
        lacking = [name for name in contract.names if name not in there]
        if features and lacking:
            say(f"note: {data} has no column {', '.join(lacking)}; the service will take these features as missing")
    features.pop(id_column, None)
    if not features:
        raise DataError(f"{data}: has no column that is a feature; it has {', '.join(there)}")
    return {id_column: "id", **features}


def _entries(chunk: Chunk, roles: dict[str, Role], *, inferred: bool) -> tuple[list[_Entry], list[str]]:
    """What to send, and a line for each row that cannot be."""
    id_column, *names = roles
    read = {id_column: roles[id_column]} if inferred else roles
    frame, found = clean_chunk(chunk, read, MoneyTerms())
    columns = [_inferred(chunk.frame[name]) if inferred else frame[name].to_list() for name in names]
    bad: dict[int, str] = {}
    for row, column, reason in found["row", "column", "reason"].iter_rows():
        bad.setdefault(row, f"row {row}: {column}: {reason}" if column else f"row {row}: {reason}")
    entries = []
    for row, who, *values in zip(frame[ROW], frame[id_column], *columns, strict=True):
        if row not in bad and who is None:
            bad[row] = f"row {row}: {id_column}: expected an id"
        if row not in bad:
            entries.append(_Entry(who, dict(zip(names, values, strict=True))))
    return entries, list(bad.values())


def _inferred(column: pl.Series) -> list[Any]:
    """Values as stored; text as a number or true/false where it reads as that."""
    return [_infer(value) if isinstance(value, str) else value for value in column.to_list()]


def _infer(text: str) -> Scalar:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _batches(entries: list[_Entry]) -> Iterator[list[bytes]]:
    """The entries as JSON, in batches within the service's limits."""
    batch: list[bytes] = []
    size = 0
    for entry in map(_encode, entries):
        if batch and (len(batch) == BATCH_ENTRIES or size + len(entry) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += len(entry) + 1
    if batch:
        yield batch


def _send(client: httpx.Client, key: str, batch: list[bytes], wait: Callable[[float], None]) -> list[str]:
    """Post one batch; a line for each entry that the service did not take."""
    body = b'{"prospects":[' + b",".join(batch) + b"]}"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    place = str(client.base_url).rstrip("/") + PATH
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = client.post(PATH, content=body, headers=headers)
        except httpx.InvalidURL as error:
            raise PublishError(f"{place}: is not a URL ({error}); correct --url") from error
        except httpx.TransportError as error:
            trouble, pause = f"{type(error).__name__}: {error}", 0.0
        else:
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return _lines(response, place)
            trouble, pause = "answers 503", _retry_after(response)
        if attempt < ATTEMPTS:
            wait(min(max(pause, 0.5 * 2 ** (attempt - 1)), LONGEST_WAIT_S))
    raise PublishError(f"{place}: {trouble} after {ATTEMPTS} attempts; check that the service runs and try again")


def _lines(response: httpx.Response, place: str) -> list[str]:
    if response.status_code != httpx.codes.OK:
        raise PublishError(f"{place}: answers {response.status_code}{_detail(response)}; check --url and --key")
    try:
        results = _answer.decode(response.content).results
    except msgspec.DecodeError as error:
        raise PublishError(f"{place}: does not answer as Gatekeeper does ({error}); check --url") from error
    refused = [(result.prospect_id, result.error) for result in results if result.error is not None]
    return [f"{who}: {error.path + ': ' if error.path else ''}{error.detail or error.title}" for who, error in refused]


def _detail(response: httpx.Response) -> str:
    try:
        problem = _problem.decode(response.content)
    except msgspec.DecodeError:
        return ""
    return f" ({problem.detail or problem.title})"


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the service asks for; 0 where it asks for none or for a date."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else 0.0
