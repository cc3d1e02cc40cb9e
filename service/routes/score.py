"""`POST /v1/score` and `/v1/score/batch`."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, post

from service.answers import Answer
from service.errors import BadInput, ServiceError
from service.features import CHUNK
from service.http import HttpRequest, json_response, read_json, requires, style_of
from service.problems import Problem, problem_of
from service.resources import resources_of
from service.wire import ScoreRequest, id_in, read_batch, read_score


class FailedEntry(msgspec.Struct, frozen=True):
    """An entry of a batch that got no answer; its id is null where none could be read."""

    prospect_id: str | None
    error: Problem


class ScoreBatch(msgspec.Struct, frozen=True):
    """One result for each prospect, in their order."""

    results: list[Answer | FailedEntry]  # msgspec encodes this union and cannot decode it, which nothing here does


@post("/v1/score", status_code=200, guards=[requires("score")])
async def score(request: HttpRequest) -> Response[bytes]:
    """Score one prospect."""
    resources = resources_of(request)
    assessor = resources.live.assessor
    style = style_of(request)
    wanted = read_score(await read_json(request, resources.settings.body_limit_bytes))
    [outcome] = await resources.scoring.score(assessor, [(wanted, "$")], style, resources.now())
    if isinstance(outcome, ServiceError):
        raise outcome
    return json_response(outcome)


@post("/v1/score/batch", status_code=200, guards=[requires("score")])
async def score_batch(request: HttpRequest) -> Response[bytes]:
    """Score up to 1,000 prospects; an entry that cannot be scored says why and stands alone."""
    resources = resources_of(request)
    assessor = resources.live.assessor
    style, now = style_of(request), resources.now()
    entries = read_batch(await read_json(request, resources.settings.batch_limit_bytes))
    results: list[Answer | FailedEntry] = []
    for start in range(0, len(entries), CHUNK):
        chunk = entries[start : start + CHUNK]
        read = [_read(entry, f"$.prospects[{start + place}]") for place, entry in enumerate(chunk)]
        scored = iter(
            await resources.scoring.score(assessor, [good for good in read if isinstance(good, tuple)], style, now)
        )
        for entry, good in zip(chunk, read, strict=True):
            outcome = next(scored) if isinstance(good, tuple) else good
            if isinstance(outcome, ServiceError):
                results.append(FailedEntry(id_in(entry), problem_of(outcome)))
            else:
                results.append(outcome)
        await asyncio.sleep(0)  # a lone request waits for one chunk, not for the batch
    return json_response(ScoreBatch(results))


def _read(entry: msgspec.Raw, at: str) -> tuple[ScoreRequest, str] | BadInput:
    try:
        return read_score(entry, at), at
    except BadInput as error:
        return error
