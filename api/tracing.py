"""Trace ids: whose request this is part of, as W3C Trace Context says it, or the first of a trace of its own.

With OpenTelemetry on, FastAPI makes the spans, and the ids are theirs. Off, none of its packages is imported.
"""

from __future__ import annotations

import re
import secrets
from importlib.util import find_spec

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

# trace id, parent id, flags. Of zeros alone neither is an id. Version ff is none; later ones than 00 may add parts.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-[!-~]*)?"
)


def trace_id_of(headers: Headers) -> str:
    """The trace id (32 hexadecimal digits) of a valid `traceparent`, else a new one."""
    given = headers.getlist("traceparent")
    found = _TRACEPARENT.fullmatch(given[0].strip(" \t")) if len(given) == 1 else None
    if found is None or (found["more"] is not None and given[0].strip().startswith("00")):
        return secrets.token_hex(16)
    return found[1]


# --- OpenTelemetry ----------------------------------------------------------------------------------------------

# Asked all day by machines: nobody looks for these.
NOT_TRACED = ("/livez", "/readyz", "/metrics")


def has_packages() -> bool:
    """Whether the extra `otel` is installed."""
    try:
        return None not in (find_spec("opentelemetry.sdk.trace"), find_spec("opentelemetry.exporter.otlp.proto.http"))
    except ImportError:
        return False


def telemetry(on: bool) -> TelemetryConfig:
    """What FastAPI tells the collector: spans and request times. Not its logs, which have what exceptions say."""
    if not on:
        return {"tracing": False, "metrics": False, "logs": False}
    from api.spans import provider  # here, since it imports what isn't there without the extra

    return {
        "auto_configure": True,
        "tracer_provider": provider(),
        "logs": False,
        "exclude": lambda scope: scope["path"] in NOT_TRACED,
    }


class IdsOfSpan:
    """ASGI middleware inside FastAPI's span: the request's trace id is the span's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span().get_span_context()
        if scope["type"] == "http" and span.is_valid:
            trace_id = scope["state"]["trace_id"] = trace.format_trace_id(span.trace_id)
            structlog.contextvars.bind_contextvars(trace_id=trace_id)
        await self._app(scope, receive, send)
