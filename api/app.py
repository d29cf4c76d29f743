"""The web application of one service: every address, in the order of the contract."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from api import attachments, changes, docs_page, events, feed, health, log, problems, questions
from api.doorkeeper import Doorkeeper
from api.openapi import openapi
from api.service import Service
from api.shortcut import Shortcut
from api.tracing import IdsOfSpan, telemetry


def create_app(service: Service, recorded_by: str = "rest") -> ASGIApp:
    """The doors of a running service. `recorded_by` is what events that come in here are stamped with."""
    app = FastAPI(
        telemetry=telemetry(service.settings.otel),
        version=version("deal-ledger"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # what generated clients call it: get_holdings
    )
    if service.settings.otel:
        app.add_middleware(IdsOfSpan)
    app.state.service = service
    app.state.recorded_by = recorded_by
    problems.handle(app)
    for doors in (events, attachments, questions, changes, feed, log, health, docs_page):
        app.include_router(doors.router)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    way = app if service.settings.otel else Shortcut(app)  # the spans are FastAPI's
    return Doorkeeper(app, service, way)
