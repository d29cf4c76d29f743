"""Round every request: its ids, its log line, its numbers, HEAD and OPTIONS."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import PROBLEM
from api.reasons import Door
from api.service import Service
from api.tracing import trace_id_of

METHODS = ("GET", "POST")
# Whatever else is sent as a method is counted and logged as one: it is anybody's text.
_NAMED = (*METHODS, "HEAD", "OPTIONS")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def allowed(app: FastAPI, scope: Scope) -> list[str]:
    """The methods that an address takes; none if there is no such address."""
    taken = [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.router.routes)
    ]
    if "GET" in taken:
        taken.append("HEAD")
    return [*taken, "OPTIONS"] if taken else []


class Doorkeeper:
    """ASGI middleware. Log lines say who asked what and how it went, never what was in it."""

    def __init__(self, app: FastAPI, service: Service, way: ASGIApp | None = None) -> None:
        self._app = app  # which knows all addresses
        self._way = way or app  # to them
        self._service = service
        self._log = structlog.get_logger("request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._way(scope, receive, send)
            return
        method = scope["method"]
        sent = Headers(scope=scope)
        given = sent.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        ids = {"request_id": request_id, "trace_id": trace_id_of(sent)}
        inner: Scope = {**scope, "method": "GET"} if method == "HEAD" else scope
        inner["state"] = {**scope.get("state", {}), **ids, "method": method}
        with structlog.contextvars.bound_contextvars(**ids):  # for every log line on the way
            await self._attend(inner, receive, send, request_id, method)

    async def _attend(self, scope: Scope, receive: Receive, send: Send, request_id: str, method: str) -> None:
        """Answer the request, whose method was `method` as sent; count it and log it."""
        started = time.perf_counter()
        status = 0
        reason: str | None = None

        async def answer(message: Message) -> None:
            nonlocal status, reason
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.append("X-Request-Id", request_id)
                headers.append("X-Content-Type-Options", "nosniff")
                if status >= 400:
                    reason = headers.get(PROBLEM)
                    del headers[PROBLEM]  # between us
                if status == 405:
                    headers["Allow"] = ", ".join(allowed(self._app, scope))
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            if method == "OPTIONS" and (methods := allowed(self._app, scope)):
                await Response(status_code=204, headers={"Allow": ", ".join(methods)})(scope, receive, answer)
            else:
                await self._way(scope, receive, answer)
        except Exception:
            # Starlette raises it again after the last resort (api/problems.py) has answered and logged it. In the
            # middle of an answer there is none, and the connection has to break.
            if reason != Door.INTERNAL:
                raise
        seconds = time.perf_counter() - started
        route = getattr(scope.get("route"), "path", "none")
        metrics = self._service.metrics
        named = method if method in _NAMED else "other"
        metrics.requests.labels(named, route, str(status)).observe(seconds)
        if reason is not None:
            metrics.refused.labels(reason).inc()
        self._log.info(
            "request",
            method=named,
            path=scope["path"][:200],
            status=status,
            reason=reason,
            milliseconds=round(seconds * 1000, 1),
        )
