"""`POST /v1/tokens`: a pop-up token, for a company's server to hand to the browser of a rep whom it knows."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from litestar import Response, post

from service.http import HttpRequest, json_response, read_json, requires
from service.popup.tokens import Action
from service.resources import resources_of
from service.scoring import rfc3339
from service.wire import read_token


class Issued(msgspec.Struct, frozen=True):
    """A token, for the fragment of `/popup` or the header `Authorization: Bearer`, and when it ends."""

    token: str
    expires_at: str


@post("/v1/tokens", status_code=200, guards=[requires("decide")])
async def post_token(request: HttpRequest) -> Response[bytes]:
    """Issue a token for one prospect, user and purpose."""
    resources = resources_of(request)
    asked = read_token(await read_json(request, resources.settings.body_limit_bytes))
    actions: tuple[Action, ...] = tuple(dict.fromkeys(asked.actions))
    token, told = resources.tokens.issue(asked.prospect_id, asked.user, actions, resources.now().timestamp())
    answer = json_response(Issued(token, rfc3339(datetime.fromtimestamp(told.exp, UTC))))
    answer.headers["cache-control"] = "no-store"
    return answer
