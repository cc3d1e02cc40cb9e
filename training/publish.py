"""Publishing: prospects' features from a file to the service's batch route, over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from models.contract import Feature, Scalar
from models.money import MoneyTerms
from training.errors import DataError, PublishError
from training.progress import bar, say
from training.reading.clean import ROW, Role, clean_chunk
from training.reading.files import Chunk, columns_of, read_chunks

PATH, MODEL = "/v1/features/batch", "/v1/model"

BATCH_ENTRIES = 1000
BATCH_BYTES = 3_500_000
"""The service takes at most 1,000 prospects and 4 MB at once."""

ATTEMPTS = 6
TIMEOUT_S = 30.0
LONGEST_WAIT_S = 20.0
"""A batch is tried for at most 6 * (30 + 20) s; replacing features twice does no harm."""

Report = Callable[[str], None]
Body = TypeVar("Body")


class Destination(msgspec.Struct, frozen=True):
    """Where to publish: the service's address and an API key with the scope `features`."""

    url: str
    key: str


class _Model(msgspec.Struct, frozen=True):
    """What the service says of its live model, as far as we need it."""

    features: tuple[Feature, ...]
    id_column: str | None = None


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


_model = msgspec.json.Decoder(_Model)
_answer = msgspec.json.Decoder(_Answer)
_problem = msgspec.json.Decoder(_Problem)
_encode = msgspec.json.Encoder().encode


def publish(
    data: Path, to: Destination, id_column: str | None, *, report: Report, wait: Callable[[float], None] = time.sleep
) -> int:
    """Send every row of `data`, and return how many were not taken.

    Which columns are features, and of which kind, is asked of the service; other columns are not sent.

    Args:
        data: CSV or Parquet.
        to: the service.
        id_column: holds the prospects' ids; if None, the one that the book calls so, else the first column.
        report: told a line for each prospect that was not taken: its id (or row), and why.
        wait: sleeps so many seconds.

    Raises:
        DataError: the file cannot be read, or has no id or no feature column.
        PublishError: the key cannot be one, or the service cannot be reached, or refuses a whole batch.
    """
    there = columns_of(data)
    sent = failed = 0
    with bar("publishing") as progress, _client(to) as client:
        roles = _roles(data, there, _decode(_model, _ask(client, "GET", MODEL, b"", wait)), id_column)
        for chunk in read_chunks(data):
            entries, faults = _entries(chunk, roles)
            for line in faults:
                report(line)
            failed += len(faults)
            for batch in _batches(entries):
                lines = _send(client, batch, wait)
                for line in lines:
                    report(line)
                sent, failed = sent + len(batch) - len(lines), failed + len(lines)
            progress(chunk.share)
    say(f"{sent} prospects published, {failed} not")
    return failed


def _roles(data: Path, there: list[str], model: _Model, id_column: str | None) -> dict[str, Role]:
    """How to read the columns to send; the id comes first."""
    if id_column is None:
        id_column = model.id_column if model.id_column in there else there[0]
    if id_column not in there:
        raise DataError(f"{data}: has no column {id_column!r} for the ids; name one with --id")
    features: dict[str, Role] = {f.name: f.kind for f in model.features if f.name in there and f.name != id_column}
    if not features:
        wanted = ", ".join(feature.name for feature in model.features)
        raise DataError(f"{data}: has no column that is a feature of the live model, which takes {wanted}")
    absent = [feature.name for feature in model.features if feature.name not in there]
    if absent:
        say(f"note: {data} has no column {', '.join(absent)}; the service will take these features as missing")
    return {id_column: "id", **features}


def _entries(chunk: Chunk, roles: dict[str, Role]) -> tuple[list[_Entry], list[str]]:
    """What to send, and a line for each row that cannot be."""
    id_column, *names = roles
    frame, found = clean_chunk(chunk, roles, MoneyTerms())
    bad: dict[int, str] = {}
    for row, column, reason in found["row", "column", "reason"].iter_rows():
        bad.setdefault(row, f"row {row}: {column}: {reason}" if column else f"row {row}: {reason}")
    entries = []
    for row, who, *values in frame.select(ROW, id_column, *names).iter_rows():
        if row not in bad and who is None:
            bad[row] = f"row {row}: {id_column}: expected an id"
        if row not in bad:
            entries.append(_Entry(who, dict(zip(names, values, strict=True))))
    return entries, list(bad.values())


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


def _client(to: Destination) -> httpx.Client:
    if not re.fullmatch(r"[!-~]+", to.key):
        raise PublishError("--key: expected visible ASCII characters and no others; copy the key again")
    try:
        return httpx.Client(base_url=to.url, timeout=TIMEOUT_S, headers={"Authorization": f"Bearer {to.key}"})
    except httpx.InvalidURL as error:
        raise PublishError(f"{to.url}: is not a URL ({error}); correct --url") from error


def _send(client: httpx.Client, batch: list[bytes], wait: Callable[[float], None]) -> list[str]:
    """Post one batch; a line for each entry that the service did not take."""
    response = _ask(client, "POST", PATH, b'{"prospects":[' + b",".join(batch) + b"]}", wait)
    refused = [(entry.prospect_id, entry.error) for entry in _decode(_answer, response).results if entry.error]
    return [f"{who}: {error.path + ': ' if error.path else ''}{error.detail or error.title}" for who, error in refused]


def _ask(client: httpx.Client, method: str, path: str, body: bytes, wait: Callable[[float], None]) -> httpx.Response:
    """A request that the service answers with 200, tried again while the service cannot be reached or is busy."""
    place = str(client.base_url).rstrip("/") + path
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        except httpx.UnsupportedProtocol as error:
            raise PublishError(f"{place}: is not a URL ({error}); correct --url") from error
        except httpx.TransportError as error:
            trouble, pause = f"{type(error).__name__}: {error}", 0.0
        else:
            if response.status_code == httpx.codes.OK:
                return response
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                raise PublishError(f"{place}: answers {response.status_code}{_detail(response)}; check --url and --key")
            trouble, pause = "answers 503", _retry_after(response)
        if attempt < ATTEMPTS:
            wait(min(max(pause, 0.5 * 2 ** (attempt - 1)), LONGEST_WAIT_S))
    raise PublishError(f"{place}: {trouble} after {ATTEMPTS} attempts; check that the service runs and try again")


def _decode(decoder: msgspec.json.Decoder[Body], response: httpx.Response) -> Body:
    try:
        return decoder.decode(response.content)
    except msgspec.DecodeError as error:
        raise PublishError(f"{response.url}: does not answer as Gatekeeper does ({error}); check --url") from error


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
