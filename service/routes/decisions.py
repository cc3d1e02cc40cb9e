"""`/v1/decisions`: what reps do about assessments, taken from them and shown to those who manage them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.response import Stream

from service.decisionwire import LIMIT_MAX, Query, milliseconds, read_decision, read_key
from service.errors import Unauthorized
from service.http import HttpRequest, json_response, read_json, requires
from service.ledger.records import Choice, Row, Wanted
from service.ledger.refusals import summary
from service.popup.access import authorized_decider
from service.popup.tokens import REFUSED
from service.resources import resources_of
from service.scoring import written_at

SUMMED = 20_000
"""Decisions that a summary looks at: some years of a sales team's, and a second's work."""

_WHICH = ("since", "until", "user", "choice")


class Decided(msgspec.Struct, frozen=True):
    """A decision is on record, as of this time."""

    decision_id: str
    choice: Choice
    decided_at: str


class DecisionPage(msgspec.Struct, frozen=True):
    """Decisions, newest first, and what to send as `before` for the next page; null on the last."""

    decisions: list[Row]
    next: int | None


@post("/v1/decisions", status_code=201)
async def post_decision(request: HttpRequest) -> Response[bytes]:
    """Take a decision: 201 once it is on disk, 200 when it was there already under the same Idempotency-Key."""
    resources = resources_of(request)
    now = resources.now()
    decider = authorized_decider(request, now.timestamp())
    key = decider.idempotency_key or read_key(dict(request.scope["headers"]))
    decision = read_decision(await read_json(request, resources.settings.body_limit_bytes))
    if decider.user not in (None, decision.user):
        raise Unauthorized(REFUSED)
    subject = None if decider.prospect_id is None else resources.persons.hidden(decider.prospect_id)
    ledger = await resources.ledger.opened()
    await resources.recording.resend()
    decided_ms, news = await ledger.decisions.decide(decision, key, milliseconds(now), subject)
    decided = Decided(decision.decision_id, decision.choice, written_at(decided_ms / 1000))
    return json_response(decided, 201 if news else 200)


@get("/v1/decisions", guards=[requires("admin")])
async def get_decisions(request: HttpRequest) -> Response[bytes]:
    """Decisions beside their assessments and outcomes, newest first, a page at a time."""
    query = Query(request.scope["query_string"], (*_WHICH, "limit", "before"))
    ledger = await resources_of(request).ledger.opened()
    limit = query.limit()
    rows = await ledger.decisions.find(query.wanted(), limit, query.row())
    return json_response(DecisionPage(rows, rows[-1].id if len(rows) == limit else None))


@get("/v1/decisions/summary", guards=[requires("admin")])
async def get_summary(request: HttpRequest) -> Response[bytes]:
    """Who declined and why, overrides and how they turned out, refusals that proved right."""
    wanted = Query(request.scope["query_string"], _WHICH).wanted()
    rows: list[Row] = []
    async for page in _pages(request, wanted):
        rows += page
        if len(rows) >= SUMMED:
            break
    ledger = await resources_of(request).ledger.opened()
    found = summary(rows, await ledger.decisions.held_out(wanted), await ledger.decisions.warned(wanted))
    return json_response(msgspec.structs.replace(found, truncated=len(rows) >= SUMMED))


@get("/v1/decisions.csv", guards=[requires("admin")])
async def get_csv(request: HttpRequest) -> Stream:
    """All decisions that are asked for, newest first, for a spreadsheet."""
    wanted = Query(request.scope["query_string"], _WHICH).wanted()
    await resources_of(request).ledger.opened()  # what is down is a 503, not half a file
    return Stream(
        _lines(_pages(request, wanted)),
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="decisions.csv"'},
    )


async def _pages(request: HttpRequest, wanted: Wanted) -> AsyncIterator[list[Row]]:
    ledger = await resources_of(request).ledger.opened()
    before: int | None = None
    while rows := await ledger.decisions.find(wanted, LIMIT_MAX, before):
        yield rows
        before = rows[-1].id


_COLUMNS: dict[str, Any] = {
    "decided_at": lambda row: written_at(row.decided_ms / 1000),
    "user": lambda row: row.user,
    "choice": lambda row: row.choice,
    "reason": lambda row: row.reason,
    "decision_id": lambda row: row.decision_id,
    "subject": lambda row: row.subject,
    "scored_at": lambda row: written_at(row.scored_ms / 1000),
    "risk_score": lambda row: row.score,
    "band": lambda row: row.band,
    "net_value": lambda row: row.net_value,
    "action": lambda row: row.action,
    "shown": lambda row: row.shown,
    "held_out": lambda row: row.held_out,
    "propensity": lambda row: row.propensity,
    "rule": lambda row: row.rule,
    "model": lambda row: row.model,
    "version": lambda row: row.version,
    "outcome": lambda row: row.outcome,
    "outcome_at": lambda row: None if row.outcome_ms is None else written_at(row.outcome_ms / 1000),
    "outcome_value": lambda row: row.outcome_value,
}


async def _lines(pages: AsyncIterator[list[Row]]) -> AsyncIterator[str]:
    yield _csv([list(_COLUMNS)])
    async for rows in pages:
        yield _csv([[_cell(column(row)) for column in _COLUMNS.values()] for row in rows])


def _csv(cells: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(cells)
    return text.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula is marked as text (OWASP, CSV injection)."""
    if isinstance(value, str) and value.lstrip()[:1] in ("=", "+", "-", "@", "|", "%"):
        return "'" + value
    return value
