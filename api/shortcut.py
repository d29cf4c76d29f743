"""The short way to the functions that most requests of a busy ledger are for."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api import events, questions


class Shortcut:
    """ASGI application: POST /v1/events, and questions whose path leaves nothing open, go to their functions at once,
    all else through FastAPI.

    FastAPI documents these functions, and has nothing to find out for one that takes just the request; to find that out
    costs it as much as reading an event does. What they raise is answered by FastAPI's own handlers.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._handlers = app.exception_handlers
        self._routes = {
            (method, route.path): route
            for route in (*events.router.routes, *questions.router.routes)
            if isinstance(route, Route) and "{" not in route.path
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
        else:
            scope["app"], scope["route"] = self._app, route
            response = await self._answer(route, Request(scope, receive, send))
            await response(scope, receive, send)

    async def _answer(self, route: Route, request: Request) -> Response:
        response: Response
        try:
            response = await route.endpoint(request)
        except Exception as error:  # there is a handler for every kind, and for those that nobody foresaw
            handler: Any = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
            response = await handler(request, error)
        return response
