"""/livez, /readyz and /metrics: whether the server runs, whether it can answer, and its numbers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import documented
from api.events import NoParameters
from api.question import json_bytes, parse_question, query_of
from api.reasons import MEANINGS, Door
from api.service import Service
from ledger.log.remade import Kind
from ledger.store import StoreError

router = APIRouter(tags=["health"])
NOT_KEPT = {"Cache-Control": "no-store"}


class Alive(BaseModel):
    alive: bool


class SetAside(BaseModel):
    """An event that a projection could not apply; the others went on."""

    position: int
    projection: str
    error: str


class Rebuilding(BaseModel):
    """Why the read model is made again, and how far that is."""

    reason: str
    position: int
    head: int


class Signing(BaseModel):
    """What is signed of the log, and why nothing more is."""

    model_config = ConfigDict(extra="forbid")

    size: Annotated[int | None, Field(description="Events that the newest checkpoint signs.")]
    fault: Annotated[str | None, Field(description="Why the log is not signed.")]
    kind: Annotated[Kind | None, Field(description="What kind of fault that is.")]
    read_only: Annotated[bool, Field(description="Nothing is recorded: the log is not the one that was signed.")]


class Witnessed(BaseModel):
    """A witness that is asked, what it signed, and why it did not sign what is newest."""

    model_config = ConfigDict(extra="forbid")

    name: str
    size: Annotated[int | None, Field(description="Events that the checkpoint signs which it signed last.")]
    failure: str | None


class Ready(BaseModel):
    """Where the log and the read model stand. Not ready: the log cannot be read, it is not what was signed, or a
    rebuild goes on."""

    model_config = ConfigDict(extra="forbid")

    ready: bool
    position: int | None
    applied: int
    lag: int | None
    rebuilding: Annotated[Rebuilding | None, Field(description="The read model is being made again.")]
    failure: Annotated[str | None, Field(description="Why the read model cannot follow the log just now.")]
    set_aside: list[SetAside]
    signing: Signing
    witnesses: Annotated[list[Witnessed], Field(description="None of them keeps the service from being ready.")]


@router.get(
    "/livez",
    response_model=None,
    responses={
        200: {"model": Alive, "description": "The server runs."},
        **documented.problems([Door.UNKNOWN_PARAMETER]),
    },
)
async def get_livez(request: Request) -> Response:
    """Whether the server runs; asks nothing of the log."""
    parse_question(NoParameters, query_of(request.query_params))
    return Response(json_bytes({"alive": True}), headers=NOT_KEPT, media_type="application/json")


@router.get(
    "/readyz",
    response_model=None,
    responses={
        200: {"model": Ready, "description": "Questions are answered."},
        503: {"model": Ready, "description": "Not yet, or not now."},
        **documented.problems([Door.UNKNOWN_PARAMETER]),
    },
)
async def get_readyz(request: Request) -> Response:
    """Whether questions are answered, and how far the read model is."""
    parse_question(NoParameters, query_of(request.query_params))
    service: Service = request.app.state.service
    state = await service.run(readiness, service)
    headers = NOT_KEPT if state["ready"] else {**NOT_KEPT, "Retry-After": "1"}
    status = 200 if state["ready"] else MEANINGS[Door.BEHIND].status
    return Response(json_bytes(state), status_code=status, headers=headers, media_type="application/json")


def readiness(service: Service) -> dict[str, Any]:
    """The state that /readyz shows. Asks the log and the read model, so not for the event loop."""
    head: int | None
    try:
        head = service.store.head()
    except StoreError:
        head = None
    applied = service.model.position
    rebuilding = service.model.rebuilding
    failure = service.follower.failure
    newest, fault = service.signer.newest, service.signer.fault
    return {
        "ready": head is not None and rebuilding is None and failure is None and (fault is None or fault.passing),
        "position": head,
        "applied": applied,
        "lag": None if head is None else max(0, head - applied),
        "rebuilding": rebuilding,
        "failure": failure,
        "set_aside": service.model.set_aside(),
        "signing": {
            "size": None if newest is None else newest.checkpoint.size,
            "fault": None if fault is None else str(fault),
            "kind": None if fault is None else fault.kind,
            "read_only": fault is not None and fault.read_only,
        },
        "witnesses": [
            {"name": one.witness.key.name, "size": one.size, "failure": one.failure} for one in service.witnesses.states
        ],
    }


@router.get(
    "/metrics",
    response_model=None,
    responses={
        200: {"description": "Numbers for Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
async def get_metrics(request: Request) -> Response:
    """Positions, lag, refusals by reason, request times."""
    service: Service = request.app.state.service
    text = await service.run(service.metrics.text)
    return Response(text, headers=NOT_KEPT, media_type="text/plain; version=0.0.4; charset=utf-8")
