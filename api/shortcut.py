"""The short way to the function that most requests of a busy ledger are for."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.events import post_events, router


class Shortcut:
    """ASGI application: POST /v1/events goes to its function at once, all else through FastAPI.

    FastAPI documents that function, and has nothing to find out for one that takes just the request; to find that out
    costs it as much as reading the event does. What it raises is answered by FastAPI's own handlers.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        [self._route] = [route for route in router.routes if getattr(route, "name", "") == post_events.__name__]
        raised = {kind: handler for kind, handler in app.exception_handlers.items() if kind is not Exception}
        unforeseen = app.exception_handlers[Exception]
        self._posting = ServerErrorMiddleware(ExceptionMiddleware(_post, raised), handler=unforeseen)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/v1/events" and scope["method"] == "POST":
            scope["app"], scope["route"] = self._app, self._route
            await self._posting(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _post(scope: Scope, receive: Receive, send: Send) -> None:
    response = await post_events(Request(scope, receive, send))
    await response(scope, receive, send)
