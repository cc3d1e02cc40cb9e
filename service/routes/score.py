"""`POST /v1/score/batch`; `/v1/score` itself is `hotpath.py`."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, post

from models.assess import Assessor
from service.answers import Answer, Style
from service.errors import BadInput
from service.features import CHUNK
from service.http import HttpRequest, json_response, read_json, requires, style_of
from service.problems import Problem, problem_of
from service.resources import resources_of
from service.scoring import Asked, checked
from service.wire import id_in, read_batch, read_score


class FailedEntry(msgspec.Struct, frozen=True):
    """An entry of a batch that got no answer; its id is null where none could be read."""

    prospect_id: str | None
    error: Problem


class ScoreBatch(msgspec.Struct, frozen=True):
    """One result for each prospect, in their order."""

    results: list[Answer | FailedEntry]  # msgspec encodes this union and cannot decode it, which nothing here does


@post("/v1/score/batch", status_code=200, guards=[requires("score")])
async def score_batch(request: HttpRequest) -> Response[bytes]:
    """Score up to 1,000 prospects; an entry that cannot be scored says why and stands alone."""
    resources = resources_of(request)
    assessor = resources.live.assessor
    style, now = style_of(request), resources.now()
    entries = read_batch(await read_json(request, resources.settings.batch_limit_bytes))
    results: list[Answer | FailedEntry] = []
    for start in range(0, len(entries), CHUNK):
        read = [
            _checked(assessor, entry, style, f"$.prospects[{place}]")
            for place, entry in enumerate(entries[start : start + CHUNK], start)
        ]
        good = [each for each in read if isinstance(each, Asked)]
        scored = iter(await resources.scoring.score(assessor, good, now) if good else [])
        results += [next(scored) if isinstance(each, Asked) else each for each in read]
        await asyncio.sleep(0)  # a lone request waits for one chunk, not for the batch
    return json_response(ScoreBatch(results))


def _checked(assessor: Assessor, entry: msgspec.Raw, style: Style, at: str) -> Asked | FailedEntry:
    try:
        return checked(assessor, read_score(entry, at), style, at)
    except BadInput as error:
        return FailedEntry(id_in(entry), problem_of(error))
