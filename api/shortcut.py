"""The short way to the function that most requests of a busy ledger are for."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.events import post_events, router


class Shortcut:
    """ASGI application: POST /v1/events goes to its function at once, all else through FastAPI.

    FastAPI documents that function, and has nothing to find out for one that takes just the request; to find that out
    costs it as much as reading the event does. What it raises is answered by FastAPI's own handlers.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._handlers = app.exception_handlers
        [self._route] = [route for route in router.routes if getattr(route, "name", "") == post_events.__name__]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/v1/events" and scope["method"] == "POST":
            scope["app"], scope["route"] = self._app, self._route
            response = await self._post(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _post(self, request: Request) -> Response:
        try:
            return await post_events(request)
        except Exception as error:  # there is a handler for every kind, and for those that nobody foresaw
            handler: Any = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
            response: Response = await handler(request, error)
            return response
