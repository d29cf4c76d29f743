"""POST /v1/attachments, a document with its bytes; GET /v1/attachments, what there is; its content, until erased."""

from __future__ import annotations

import json
import mimetypes
import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

import projections.attachments
from api import documented
from api.answers import Answered, DayString, Listed, Part
from api.body import canonical_sha256, read_body
from api.bulk import single
from api.events import JSON, NoParameters, RecordedEvent, idempotency_key, if_match, origin_of
from api.paging import ListQuestion, Paged
from api.problems import Fault, Faulty, faults_of
from api.question import ID, Id, OneQuestion, Times, json_bytes, not_there, parse_question, query_of
from api.reasons import Door
from api.service import Service
from ledger.attachments import ADDED, ERASED, Content, salted
from ledger.event import Event, parse_event
from ledger.head import Chain
from ledger.refusals import Reason, Refusal
from ledger.store import Store, TreeDamaged
from ledger.writer import Accepted
from ledger.writer import Request as Write

router = APIRouter(prefix="/v1", tags=["attachments"])

ANY_BYTES = "application/octet-stream"
# What browsers and curl wrap a file in, or call it, when they are told nothing better.
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_CHARSET = re.compile(r'charset=(?:([A-Za-z0-9._-]{1,40})|"([A-Za-z0-9._-]{1,40})")', re.IGNORECASE)
_SUFFIXES = mimetypes.MimeTypes(filenames=())  # as Python has them, whatever the machine adds


# --- what there is ---------------------------------------------------------------------------------------------


class AttachmentRow(Part):
    """A document as the log has it. `hash` is the SHA-256 of a salt and the bytes, which `content` leads to."""

    attachment: str
    about: Annotated[list[str], Field(description="Ids of events, records or entities.")]
    title: str | None
    media_type: str
    size: Annotated[int, Field(description="In bytes.")]
    hash: str
    effective: str
    known: DayString
    status: str
    recorded_at: str
    recorded_by: str
    event: Annotated[str, Field(description="The event that added it.")]
    erased_by: Annotated[str | None, Field(description="The event that erased it.")]
    erased_at: str | None
    reason: Annotated[str | None, Field(description="Why it was erased.")]
    content: Annotated[str, Field(description="Where its bytes and their salt are.")]


class AttachmentsQuestion(Paged):
    about: Id | None = Field(default=None, description="Only those about this event, record or entity.")


class AttachmentsAnswer(Listed):
    attachments: list[AttachmentRow]


class AttachmentAnswer(Answered):
    attachment: AttachmentRow


ATTACHMENTS = ListQuestion(
    name="attachments",
    path="/v1/attachments",
    about="Documents that are attached to events, records and entities, also those that were erased. In the order of "
    "the log; `as_of` changes nothing here.",
    shape=AttachmentsQuestion,
    answer=AttachmentsAnswer,
    list_name="attachments",
    rows=lambda model, at, asked, page, parts: projections.attachments.attachments(
        model, at, about=asked.about, page=page
    ),
    identity=("event",),
    key=int,
)


def _one(name: str) -> Any:
    return lambda model, at, asked, parts: (
        None if (row := projections.attachments.attachment(model, at, parts[0])) is None else {name: row}
    )


ATTACHMENT = OneQuestion(
    name="attachment",
    path="/v1/attachments/{id}",
    about="One attachment: what it is about, its hash, who added it and who erased it.",
    shape=Times,
    answer=AttachmentAnswer,
    missing="There is no attachment of this id at these three times.",
    forms={"id": ID},
    find=_one("attachment"),
)


# --- attaching -------------------------------------------------------------------------------------------------


class AttachQuestion(BaseModel):
    """What is said of a document; its bytes are the body, and its media type is the body's."""

    model_config = ConfigDict(extra="forbid")

    about: Annotated[
        str,
        Field(
            min_length=1,
            max_length=10_000,
            description="Ids of events, records or entities, with commas between.",
            examples=["aws-anthropic-2023"],
        ),
    ]
    attachment: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Its id, used once for ever. Without it the server makes one.",
    )
    title: str | None = Field(
        default=None, max_length=200, description="It stays in the log for ever, also when the document is erased."
    )
    effective: str | None = Field(default=None, max_length=21, description="The document's own date; else `known`.")
    known: str | None = Field(default=None, max_length=10, description="Since when it is known; else today.")
    source_url: str | None = Field(
        default=None, alias="source.url", max_length=2_000, description="Where it comes from. It stays in the log."
    )
    note: str | None = Field(default=None, max_length=4_000, description="It stays in the log for ever.")


class Attached(BaseModel):
    """What was recorded; asked again with the same Idempotency-Key and the same bytes, the same."""

    position: int
    events: list[RecordedEvent]
    attachment: str
    hash: Annotated[str, Field(description="SHA-256 of the salt that came with its content, and the bytes.")]


_NAMED = {
    "/data/about": "about",
    "/data/attachment": "attachment",
    "/data/title": "title",
    "/data/media_type": "Content-Type",
    "/effective": "effective",
    "/known": "known",
    "/source/url": "source.url",
    "/note": "note",
}


@router.post(
    "/attachments",
    status_code=201,
    response_model=None,
    openapi_extra={
        "parameters": [
            *documented.parameters(AttachQuestion),
            documented.header(
                "Idempotency-Key", "Asked again with the same key and bytes, the first answer is given again."
            ),
        ],
        "requestBody": {
            "required": True,
            "description": "The bytes of the document as they are, with their media type as Content-Type.",
            "content": {ANY_BYTES: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    responses={
        201: {"model": Attached, "description": "Recorded.", "headers": documented.WRITE_HEADERS},
        **documented.problems(
            [one for one in (*Reason, *documented.WRITTEN) if one not in (Reason.MALFORMED, Reason.UNKNOWN_TYPE)]
        ),
    },
)
async def post_attachments(request: Request) -> Response:
    """Attach a document: its hash goes into the log, its bytes beside it, where they can be erased."""
    service: Service = request.app.state.service
    asked = parse_question(AttachQuestion, query_of(request.query_params))
    media_type = _media_type(request)
    key, version = idempotency_key(request), if_match(request)
    settings = service.settings
    body = await read_body(
        request, settings.max_attachment_bytes, settings.idle_seconds, "Attach it in parts, or keep it elsewhere."
    )
    made = f"attachment-{secrets.token_hex(6)}"
    content = await service.run(salted, asked.attachment or made, body)
    said = _said(asked, media_type)
    # Not of the bytes: this digest can't be erased. The writer compares the bytes themselves.
    digest = canonical_sha256([said, asked.attachment, len(body)])
    try:
        write = Write((_event(said, content),), origin_of(request, key), key, False, digest, version, content)
        [outcome] = await service.desk.write([write])
        if isinstance(outcome, Refusal):
            raise single(outcome)
    except Refusal as refusal:
        raise Faulty(*map(_of_parameter, faults_of(refusal))) from None
    accepted = cast(Accepted, outcome)  # the first request of a call is always tried
    service.metrics.accepted.inc(0 if accepted.repeated else len(accepted.events))
    added = await service.run(_added_by, service.store, accepted.events[0]["id"])
    told = {
        "position": accepted.position,
        "events": accepted.events,
        "attachment": added["attachment"],
        "hash": added["hash"],
    }
    headers = {
        "Ledger-Position": str(accepted.position),
        "Cache-Control": "no-store",
        "Location": f"/v1/attachments/{added['attachment']}",
    }
    return Response(json_bytes(told), status_code=201, headers=headers, media_type=JSON)


def _media_type(request: Request) -> str:
    """The document's media type in small letters, with its charset if it has one. Raises Faulty (415)."""
    media, _, parameter = request.headers.get("content-type", ANY_BYTES).partition(";")
    media, parameter = media.strip().lower(), parameter.strip()
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _unsupported("The body is packed.", "Send it without Content-Encoding.")
    if media in FORMS:
        raise _unsupported(
            f"{media} is a form, or no type was given.",
            "Send the bytes themselves with their own Content-Type, like application/pdf.",
        )
    charset = _CHARSET.fullmatch(parameter) if parameter else None
    if parameter and charset is None:
        raise _unsupported("The media type has a parameter that isn't kept.", "Send it with a charset, or with none.")
    return media if charset is None else f"{media};charset={(charset[1] or charset[2]).lower()}"


def _unsupported(detail: str, mend: str) -> Faulty:
    return Faulty(Fault(Door.UNSUPPORTED_MEDIA_TYPE, detail, mend, parameter="Content-Type"))


def _said(asked: AttachQuestion, media_type: str) -> dict[str, Any]:
    """The event, without what its bytes add to it."""
    about = [one.strip() for one in asked.about.split(",")]
    data = {"about": about, "title": asked.title, "media_type": media_type}
    source = None if asked.source_url is None else {"url": asked.source_url}
    event = {"effective": asked.effective, "known": asked.known, "source": source, "note": asked.note}
    return {
        "type": ADDED,
        **{name: value for name, value in event.items() if value is not None},
        "data": {name: value for name, value in data.items() if value is not None},
    }


def _event(said: dict[str, Any], content: Content) -> Event:
    """Raises Refusal."""
    own = {"attachment": content.attachment, "size": len(content.bytes), "hash": content.hash}
    return parse_event({**said, "data": {**said["data"], **own}})


def _of_parameter(fault: Fault) -> Fault:
    """The fault with the name of the parameter that the field came in by."""
    name = next((name for pointer, name in _NAMED.items() if fault.pointer.startswith(pointer)), None)
    return fault if name is None else Fault(fault.reason, fault.detail, fault.mend, parameter=name)


def _added_by(store: Store, event_id: str) -> dict[str, Any]:
    stored = store.by_id(event_id)
    if stored is None:
        raise TreeDamaged(f"the event {event_id} was recorded and isn't there")
    return cast(dict[str, Any], json.loads(stored.state)["data"])


# --- its content -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Document:
    content: Content
    media_type: str
    hash: str


@router.get(
    "/attachments/{id}/content",
    response_model=None,
    openapi_extra={"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]},
    responses={
        200: {
            "description": "The bytes as they were attached, under their own media type; never shown in a page.",
            "content": {ANY_BYTES: {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                "Attachment-Salt": {
                    "description": "In hexadecimal; SHA-256 of it and the bytes is the hash in the log.",
                    "schema": {"type": "string"},
                },
                "Attachment-Hash": {"description": "As the log has it.", "schema": {"type": "string"}},
            },
        },
        **documented.problems(
            [
                Door.UNKNOWN_PARAMETER,
                Door.REPEATED_PARAMETER,
                Door.NOT_FOUND,
                Door.NOT_HELD,
                Door.ERASED,
                Door.UNAVAILABLE,
            ]
        ),
    },
)
async def get_content(request: Request) -> Response:
    """The bytes of a document, and the salt by which anybody checks that they are those the log vouches for."""
    parse_question(NoParameters, query_of(request.query_params))
    service: Service = request.app.state.service
    name = request.path_params["id"]
    document: _Document = await service.run(_document, service.store, name)
    suffix = _SUFFIXES.guess_extension(document.media_type.partition(";")[0]) or ""
    headers = {
        "Content-Type": document.media_type,
        # It may be anything, and say that it is a page: a browser stores it, and doesn't run it.
        "Content-Disposition": f'attachment; filename="{name}{suffix}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",  # no copy outlives the erasure
        "Attachment-Salt": document.content.salt.hex(),
        "Attachment-Hash": document.hash,
    }
    return Response(document.content.bytes, headers=headers)


def _document(store: Store, name: str) -> _Document:
    """What is held of an attachment now, retracted or not. Blocks. Raises Faulty, also for other bytes."""
    events = store.by_key(f"attachment/{name}") if _SLUG.fullmatch(name) else []
    if not events:
        raise not_there("There is no attachment of this id.", {name: ID})
    if erasures := store.by_key(f"erasure/{name}"):
        first = next(one for one in erasures if one.type == ERASED)
        detail = f"It was erased at position {first.position}, by the event {first.event_id}."
        raise Faulty(Fault(Door.ERASED, detail, "Ask whoever attached it; it can come again under another id."))
    content = store.content(name)
    if content is None:
        detail = "It came in as a hash alone, or its bytes were deleted here without an erasure."
        mend = "Ask the ledger that it came from; if it was attached here, bring its row back from a backup."
        raise Faulty(Fault(Door.NOT_HELD, detail, mend))
    chain = Chain(events[-1].chain)
    for one in store.by_chain(chain.id):
        chain.add(one)
    row = chain.row()
    data = chain.contents[chain.id].data if row is None else row.data
    if not content.is_of(data):
        detail = (
            f"The bytes of the attachment {name} aren't those that were added: they were changed beside the ledger."
        )
        mend = "Run `dealledger verify`, which says what else was changed, and bring the bytes back from a backup."
        raise Faulty(Fault(Door.UNAVAILABLE, detail, mend))
    return _Document(content, data["media_type"], data["hash"])
