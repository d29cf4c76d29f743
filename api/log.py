"""The verifiable log: its files as public software reads them, under /log/, and proofs under /v1/proofs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import documented
from api.answers import Root
from api.events import NoParameters
from api.problems import Fault, Faulty
from api.question import EVENT_ID, PINNED, PlainNumber, json_bytes, not_there, parse_question, query_of, unchanged
from api.reasons import Door
from api.service import Service
from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.entry import NotAnEntry, entry_bytes
from ledger.log.files import HANDOVERS, NotThere, StoreFiles
from ledger.log.merkle import leaf_hash
from ledger.log.note import encoded
from ledger.log.proof import Proof
from ledger.log.tiles import Malformed
from ledger.store import Stored, TreeDamaged

router = APIRouter(tags=["log"])

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
# A checkpoint is signed every ten seconds at most: whoever watches the log needs no newer one than this.
SECONDS_KEPT = "public, max-age=5"
NOT_KEPT = "no-cache"
ROOT = "/log/"

_CACHED = {
    "ETag": {"description": "Of the answer's bytes.", "schema": {"type": "string"}},
    "Cache-Control": {"description": "How long it lasts.", "schema": {"type": "string"}},
}


class Inclusion(BaseModel):
    """That an event is in the log: the hashes from its leaf to the root that the checkpoint signs (RFC 9162)."""

    model_config = ConfigDict(extra="forbid")

    id: str
    position: int
    index: Annotated[int, Field(description="Of the leaf, from 0: the position less one.")]
    entry: Annotated[str, Field(description="The bytes that the leaf hashes, in base64: the event as it is stored.")]
    leaf: Annotated[Root, Field(description="The leaf's hash: SHA-256 of 00 and the entry; in base64.")]
    hashes: Annotated[list[Root], Field(description="Those beside the way to the root, the lowest first; in base64.")]
    size: Annotated[int, Field(description="Of the log that the checkpoint signs.")]
    root: Root
    checkpoint: Annotated[str, Field(description="The signed note, verbatim.")]


class ConsistencyQuestion(BaseModel):
    """Two sizes of the log, which are positions."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[PlainNumber, Field(ge=0)] = Field(alias="from", description="The smaller size.")
    to: Annotated[PlainNumber, Field(ge=0)] | None = Field(
        default=None, description="The larger size. Default: that of the newest checkpoint, which then comes along."
    )


class Size(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int
    root: Root


class Consistency(BaseModel):
    """That the log of the larger size begins with that of the smaller one (RFC 9162)."""

    model_config = ConfigDict(extra="forbid")

    from_: Size = Field(alias="from")
    to: Size
    hashes: Annotated[list[Root], Field(description="In base64; none if one of the logs is empty or both are equal.")]
    checkpoint: Annotated[str | None, Field(description="The newest signed note, verbatim; null if `to` was given.")]


# --- files -----------------------------------------------------------------------------------------------------


def _file(description: str, media_type: str) -> Any:
    return {
        "response_model": None,
        "responses": {
            200: {
                "description": description,
                "headers": _CACHED,
                "content": {media_type: {"schema": {"type": "string"}}},
            },
            304: {"description": "The bytes are those of the ETag in If-None-Match."},
            **documented.problems(
                [Door.UNKNOWN_PARAMETER, Door.REPEATED_PARAMETER, Door.NOT_FOUND, Door.NOT_SIGNED, Door.UNAVAILABLE]
            ),
        },
    }


@router.get("/log/checkpoint", **_file("The newest signed checkpoint (C2SP tlog-checkpoint).", TEXT))
async def get_checkpoint(request: Request) -> Response:
    """How many events the log has, and the root of its tree, signed by its key and by its witnesses."""
    parse_question(NoParameters, query_of(request.query_params))
    service: Service = request.app.state.service
    newest = service.signer.newest
    if newest is None:
        raise _not_signed(service, "Nothing of this log has been signed yet.")
    return _answer(request, (await service.run(_cosigned, service, newest)).note.encode(), TEXT, SECONDS_KEPT)


@router.get("/log/handovers", **_file("Signed notes with an empty line between; empty if the key never changed.", TEXT))
async def get_handovers(request: Request) -> Response:
    """How the log's key was handed over whenever it was rotated, oldest first: checkpoints that both keys signed."""
    parse_question(NoParameters, query_of(request.query_params))
    service: Service = request.app.state.service
    files = StoreFiles(service.store, service.signer.published)
    try:
        body = await service.run(files.read, HANDOVERS)
    except NotThere:
        raise _not_signed(service, "Nothing of this log has been signed yet.") from None
    return _answer(request, body, TEXT, SECONDS_KEPT)


@router.get(
    "/log/tile/{level}/{index:path}",
    **_file(
        "The tile: 256 hashes of 32 bytes, or as many as its width says; of `entries` each entry behind its length "
        "in two bytes (C2SP tlog-tiles).",
        BYTES,
    ),
    openapi_extra={
        "parameters": [
            {
                "name": "level",
                "in": "path",
                "required": True,
                "description": "`0` for the leaves and up, or `entries` for the events themselves.",
                "schema": {"type": "string"},
            },
            {
                "name": "index",
                "in": "path",
                "required": True,
                "description": "Which tile, in groups of three digits: `005`, `x001/x234/067`; with `.p/5` so many of "
                "its hashes.",
                "schema": {"type": "string"},
            },
        ]
    },
)
async def get_tile(request: Request) -> Response:
    """A piece of the tree, or of the entries that it is over: it never changes."""
    parse_question(NoParameters, query_of(request.query_params))
    service: Service = request.app.state.service
    if service.signer.newest is None:
        raise _not_signed(service, "Nothing of this log has been signed yet.")
    path = request.scope["raw_path"].decode("latin-1").removeprefix(ROOT)  # as sent: %30 is no way to write a 0
    try:
        body = await service.run(StoreFiles(service.store, service.signer.published).read, path)
    except NotThere as error:
        raise Faulty(Fault(Door.NOT_FOUND, f"{error}.", "Ask for what a log of the checkpoint's size has.")) from None
    except Malformed as error:  # a row that was changed beside the ledger
        raise TreeDamaged(str(error)) from None
    return _answer(request, body, BYTES, PINNED)


def _cosigned(service: Service, signed: SignedCheckpoint) -> SignedCheckpoint:
    """With what witnesses signed of it since."""
    return replace(signed, note=signed.note + "".join(service.store.cosignatures(signed.checkpoint.size)))


def _answer(request: Request, body: bytes, media_type: str, kept: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": kept}
    if unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": media_type})


def _not_signed(service: Service, detail: str) -> Faulty:
    fault = service.signer.fault
    mend = "Ask again in some seconds." if fault is None else f"Until it is mended nothing is signed: {fault}."
    return Faulty(Fault(Door.NOT_SIGNED, detail, mend))


# --- proofs ----------------------------------------------------------------------------------------------------


@router.get(
    "/v1/proofs/{id}",
    response_model=None,
    openapi_extra={
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
    },
    responses={
        200: {
            "model": Inclusion,
            "description": "The proof; with `Accept: text/plain` as a C2SP tlog-proof.",
            "headers": _CACHED,
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        304: {"description": "The bytes are those of the ETag in If-None-Match."},
        **documented.problems(
            [Door.UNKNOWN_PARAMETER, Door.REPEATED_PARAMETER, Door.NOT_FOUND, Door.NOT_SIGNED, Door.UNAVAILABLE]
        ),
    },
)
async def get_proof(request: Request) -> Response:
    """That an event is in the log as it is signed. What isn't signed yet is signed first."""
    parse_question(NoParameters, query_of(request.query_params))
    service: Service = request.app.state.service
    stored, signed, proof = await service.run(_proof, service, request.path_params["id"])
    if accepts(request.headers.getlist("accept")) == "text/plain":
        answer = _answer(request, proof.text.encode(), TEXT, NOT_KEPT)
    else:
        answer = _answer(request, json_bytes(_shown(stored, signed, proof)), JSON, NOT_KEPT)
    answer.headers["Vary"] = "Accept"
    return answer


def _proof(service: Service, event_id: str) -> tuple[Stored, SignedCheckpoint, Proof]:
    """Blocks. Raises Faulty."""
    stored = service.store.by_id(event_id) if event_id.isprintable() else None
    if stored is None:
        raise not_there("No event has this id.", {event_id: EVENT_ID})
    signed = service.signer.covering(stored.position)
    if signed is None:
        raise _not_signed(service, f"The event at position {stored.position} is not under a signed checkpoint yet.")
    signed = _cosigned(service, signed)
    return stored, signed, service.prover.proof(stored.position, signed)


def _shown(stored: Stored, signed: SignedCheckpoint, proof: Proof) -> dict[str, Any]:
    try:
        entry = entry_bytes(stored.stream, stored.version, stored.type, stored.state)
    except NotAnEntry as error:
        raise TreeDamaged(str(error)) from None
    return {
        "id": stored.event_id,
        "position": stored.position,
        "index": proof.index,
        "entry": encoded(entry),
        "leaf": encoded(leaf_hash(entry)),
        "hashes": [encoded(one) for one in proof.hashes],
        "size": signed.checkpoint.size,
        "root": encoded(signed.checkpoint.root),
        "checkpoint": signed.note,
    }


def accepts(accept: list[str]) -> Literal["application/json", "text/plain"]:
    """What is sent to whoever accepts this: text if it is named and JSON isn't, or less."""
    weights = {"application/json": 0.0, "text/plain": 0.0}
    for one in ",".join(accept).split(","):
        kind, *parameters = (part.strip().lower() for part in one.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if kind in weights:
            try:
                weights[kind] = float(quality)
            except ValueError:
                continue
    return "text/plain" if weights["text/plain"] > weights["application/json"] else "application/json"


@router.get(
    "/v1/proofs",
    response_model=None,
    openapi_extra={"parameters": documented.parameters(ConsistencyQuestion)},
    responses={
        200: {"model": Consistency, "description": "The proof.", "headers": _CACHED},
        304: {"description": "The bytes are those of the ETag in If-None-Match."},
        **documented.problems(
            [
                Door.INVALID_QUERY,
                Door.UNKNOWN_PARAMETER,
                Door.REPEATED_PARAMETER,
                Door.NOT_SIGNED,
                Door.UNAVAILABLE,
            ]
        ),
    },
)
async def get_consistency(request: Request) -> Response:
    """That the log only grew: one of its sizes begins with the other."""
    service: Service = request.app.state.service
    asked = parse_question(ConsistencyQuestion, query_of(request.query_params))
    newest = service.signer.newest
    if newest is None:
        raise _not_signed(service, "Nothing of this log has been signed yet.")
    size = newest.checkpoint.size
    old, new = asked.from_, size if asked.to is None else asked.to
    if max(old, new) > size:
        raise _not_signed(service, f"{max(old, new)} is more than the {size} events that are signed.")
    if old > new:
        fault = Fault(Door.INVALID_QUERY, f"from: {old} is more than {new}.", "Give the smaller one.", parameter="from")
        raise Faulty(fault)

    def prove() -> bytes:
        hashes = service.prover.consistency(old, new)
        return json_bytes(
            {
                "from": {"size": old, "root": encoded(service.prover.root(old))},
                "to": {"size": new, "root": encoded(service.prover.root(new))},
                "hashes": [encoded(one) for one in hashes],
                "checkpoint": newest.note if asked.to is None else None,
            }
        )

    return _answer(request, await service.run(prove), JSON, NOT_KEPT if asked.to is None else PINNED)
