"""The application: `create_app(settings)` is its only constructor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog
from litestar import Litestar

from service.errors import ServiceError, SettingsError
from service.hotpath import PATH, HotPath
from service.observe import log_failure, observe
from service.popup.cors import AnyOrigin
from service.problems import answer_problem
from service.resources import Resources, crm_faults
from service.routes import (
    decisions,
    documents,
    events,
    features,
    health,
    history,
    model,
    outcomes,
    pages,
    popup,
    prospects,
    score,
    tokens,
    webhooks,
)
from service.routing import Routed
from service.settings import Settings

log = structlog.get_logger()

ROUTES = [
    score.score_batch,
    features.put_features,
    features.patch_features,
    features.get_features,
    features.delete_features,
    features.put_batch,
    prospects.put_consent,
    prospects.get_consent,
    prospects.export,
    decisions.post_decision,
    decisions.get_decisions,
    decisions.get_summary,
    decisions.get_csv,
    outcomes.post_outcome,
    history.get_history,
    webhooks.take,
    tokens.post_token,
    events.get_events,
    popup.page,
    popup.card,
    pages.decisions,
    pages.mock_crm,
    pages.part,
    model.model,
    health.health_live,
    health.health_ready,
    documents.metrics,
    documents.openapi_json,
    documents.openapi_30_json,
]


def create_app(settings: Settings) -> Litestar:
    """The service as an ASGI application; it connects and loads when its lifespan starts.

    Raises:
        SettingsError: what the settings point at cannot be read, or no store is named.
    """
    resources = Resources(settings)
    app = Litestar(
        ROUTES,
        lifespan=[_lifespan],
        exception_handlers={Exception: answer_problem, ServiceError: answer_problem},
        after_exception=[_log_unexpected],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # http.read_json holds each route to its own limit
    )
    app.state.resources = resources
    app.asgi_handler = AnyOrigin(app.asgi_handler)
    observe(app, resources.metrics)
    app.asgi_handler = Routed(app.asgi_handler, {PATH: HotPath(resources)})
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    """Model, store and what watches them, in this order; closed in reverse."""
    resources: Resources = app.state.resources
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(resources.live.refresh)
        if resources.live.serves and (faults := crm_faults(resources.crms, resources.live.assessor.contract)):
            log.error("crm.refused", faults=faults)  # the server that runs this tells nothing of why
            raise SettingsError("\n".join(faults))
        stack.push_async_callback(resources.ledger.close)
        stack.push_async_callback(resources.durable.close)
        stack.push_async_callback(resources.store.close)
        await resources.store.open()
        if resources.live.serves:
            await resources.scoring.warm_up(resources.live.assessor, resources.now())
        await stack.enter_async_context(_running(resources.store.probe()))
        stack.push_async_callback(resources.recording.resend)  # what could not be sent before
        await stack.enter_async_context(_running(resources.recording.follow()))
        await stack.enter_async_context(_running(resources.erasure.follow()))
        await stack.enter_async_context(_running(resources.live_events.follow()))
        await stack.enter_async_context(_running(resources.live.follow(resources.settings.poll_ms)))
        yield


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task that lives as long as the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _log_unexpected(error: Exception, _scope: Any) -> None:
    if getattr(error, "status_code", 500) >= 500 and not isinstance(error, ServiceError):
        log_failure(error)
