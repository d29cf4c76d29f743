"""Faults of requests, and every exception turned into an RFC 9457 problem."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from api.reasons import MEANINGS, Door
from ledger.refusals import Reason, Refusal
from ledger.store import StoreError
from ledger.writer import Unavailable

MEDIA_TYPE = "application/problem+json"
LONGEST_TEXT = 2_000
# Tells api/doorkeeper.py what to count; it goes no further.
PROBLEM = "X-Problem"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: as ledger.refusals.Problem, and for headers and queries the name."""

    reason: Reason | Door
    detail: str
    mend: str
    pointer: str = ""
    parameter: str | None = None

    def json(self) -> dict[str, Any]:
        named = {} if self.parameter is None else {"parameter": self.parameter}
        return {
            "reason": self.reason.value,
            "pointer": readable(self.pointer),
            **named,
            "detail": readable(self.detail),
            "mend": readable(self.mend),
        }


class Faulty(Exception):
    """A request that the door itself turns away; nothing was written."""

    def __init__(self, *faults: Fault, headers: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(f"{fault.reason}: {fault.detail}" for fault in faults))
        self.faults = faults
        self.headers = dict(headers or {})


def not_found(detail: str, mend: str = "Check how it is written, and the three times it is asked at.") -> Faulty:
    return Faulty(Fault(Door.NOT_FOUND, detail, mend))


def unreadable() -> Fault:
    return Fault(Door.UNAVAILABLE, "The log could not be read.", "Ask again later; nothing was changed.")


def unavailable() -> Fault:
    mend = "Send the same body with the same Idempotency-Key again."
    return Fault(Door.UNAVAILABLE, "The log could not be reached, or did not say whether it wrote.", mend)


def faults_of(refusal: Refusal) -> tuple[Fault, ...]:
    """The ledger's problems as faults of the request."""
    return tuple(Fault(p.reason, p.detail, p.mend, p.pointer) for p in refusal.problems)


def readable(text: str) -> str:
    """Bounded text without control characters or lone surrogates, whatever was sent."""
    clean = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text[:LONGEST_TEXT])
    return clean if len(text) <= LONGEST_TEXT else clean + "…"


def status_of(faults: Sequence[Fault]) -> int:
    return MEANINGS[faults[0].reason].status


def problem(faults: Sequence[Fault]) -> dict[str, Any]:
    """The body of RFC 9457 for these faults; the first one gives type and status, `errors` lists all."""
    first = faults[0]
    meaning = MEANINGS[first.reason]
    told = first.json()
    return {
        "type": f"/problems/{first.reason.value}",
        "title": meaning.title,
        "status": meaning.status,
        "detail": told["detail"],
        **{name: told[name] for name in ("reason", "pointer", "parameter", "mend") if name in told},
        "errors": [fault.json() for fault in faults],
    }


def problem_response(faults: Sequence[Fault], headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(problem(faults), ensure_ascii=False).encode()
    shown = {"Cache-Control": "no-store", **(headers or {})}
    if status_of(faults) == HTTPStatus.SERVICE_UNAVAILABLE:
        shown.setdefault("Retry-After", "1")
    response = Response(body, status_code=status_of(faults), headers=shown, media_type=MEDIA_TYPE)
    response.headers[PROBLEM] = faults[0].reason.value
    return response


# --- handlers --------------------------------------------------------------------------------------------------

# What Starlette and FastAPI themselves raise, by status.
_RAISED: dict[int, tuple[Reason | Door, str]] = {
    400: (Door.BAD_REQUEST, "Send a request of HTTP/1.1 with a readable body."),
    404: (Door.NOT_FOUND, "/docs lists the addresses of this service."),
    405: (Door.METHOD_NOT_ALLOWED, "Take one of the methods in Allow."),
    413: (Reason.TOO_LARGE, "Send fewer events in one request."),
    415: (Door.UNSUPPORTED_MEDIA_TYPE, "Send application/json or application/x-ndjson."),
    422: (Door.INVALID_QUERY, "/docs shows the form of each parameter."),
}


def handle(app: FastAPI) -> None:
    """Every exception type that can reach the door becomes a problem."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return problem_response(faults_of(error))

    @app.exception_handler(Faulty)
    async def faulty(request: Request, error: Faulty) -> Response:
        return problem_response(error.faults, error.headers)

    @app.exception_handler(Unavailable)
    @app.exception_handler(StoreError)
    async def away(request: Request, error: Exception) -> Response:
        structlog.get_logger().warning("log_unavailable", error=type(error).__name__)
        return problem_response([unreadable() if request.method in ("GET", "HEAD") else unavailable()])

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return problem_response([Fault(Door.BAD_REQUEST, "The client went away.", "Send the request again.")])

    @app.exception_handler(HTTPException)
    async def raised(request: Request, error: HTTPException) -> Response:
        reason, mend = _RAISED.get(error.status_code, (Door.BAD_REQUEST, "/docs shows what this service takes."))
        detail = MEANINGS[reason].title + "."
        return problem_response([Fault(reason, detail, mend)], error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return problem_response([Fault(Door.INVALID_QUERY, "The request is not of its form.", "See /docs.")])

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        """The last resort: logged under the request's id, nothing of the error shown."""
        request_id = request.state.request_id
        structlog.get_logger().error("internal_error", exc_info=error)
        mend = "Tell whoever runs this server the request's id."
        return problem_response([Fault(Door.INTERNAL, f"Logged under the request's id {request_id}.", mend)])
