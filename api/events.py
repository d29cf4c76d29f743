"""POST /v1/events, the one way in over HTTP; GET /v1/events and /v1/events/{id}, the audit trail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, Literal, cast

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

import projections.events
import projections.records
from api import documented
from api.answers import Answered, EventBody, Listed
from api.body import canonical_sha256, content_type, parse, read_body
from api.bulk import Rules, Summary, content_keys, line_keys, lines_of, record_lines, single
from api.paging import ListQuestion, Paged
from api.problems import Fault, Faulty
from api.question import EVENT_ID, SLUG, Form, Id, OneQuestion, Times, json_bytes, parse_question, query_of
from api.reasons import Door
from api.service import Service
from ledger.event import PROBLEMS_TOLD, TYPES, Event, Origin, parse_event
from ledger.fields import Status
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.times import parse_day
from ledger.writer import Accepted
from ledger.writer import Request as Write

router = APIRouter(prefix="/v1", tags=["events"])

JSON = "application/json"
LINES = "application/x-ndjson"
# Above this a body is read in a thread, so that the others need not wait for it.
INLINE_BYTES = 16 * 1024
SPOOL_BYTES = 4 * 1024 * 1024
_KEY = re.compile(r"[!-~]{1,200}")
_VERSION = re.compile(r'"([0-9]{1,15})"')


# The name of an import.
Batch = Annotated[
    str,
    Form(
        "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        "not the name of an import; Write up to 64 letters, digits, points, hyphens and underscores, like deals-2024.",
    ),
]


# --- writing ---------------------------------------------------------------------------------------------------


class NoParameters(BaseModel):
    """One event or an array takes none."""

    model_config = ConfigDict(extra="forbid")


class LinesQuestion(BaseModel):
    """How lines are taken."""

    model_config = ConfigDict(extra="forbid")

    on_error: Literal["stop", "continue"] = Field(
        default="stop", description="Of lines: whether those after the first that is refused are tried."
    )
    dry_run: Literal["true", "false"] = Field(
        default="false", description="Of lines: check them all, in order, and write nothing."
    )
    keys: Literal["line", "content"] = Field(
        default="line",
        description="Of lines with an Idempotency-Key: whether each line's own key is made from its number, or from "
        "what it says, so that a file can be mended and sent again. In the latter case what was retracted since "
        "counts as not yet recorded.",
    )
    batch: Batch | None = Field(
        default=None,
        description="Of lines: the name of this import, by which all of it can be found, and undone.",
        examples=["deals-2024"],
    )


class RecordedEvent(BaseModel):
    id: str
    position: int
    type: str


class Warned(BaseModel):
    """What is worth a second look; it was recorded all the same."""

    event: Annotated[str, Field(description="The id of the event.")]
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the event.")]
    detail: str
    mend: Annotated[str, Field(description="What to do if it is a slip.")]


class Recorded(BaseModel):
    """What was recorded; asked again with the same Idempotency-Key, the same."""

    position: Annotated[int, Field(description="The last event's position.")]
    events: list[RecordedEvent]
    warnings: list[Warned] | None = None


@router.post("/events", status_code=201, **documented.write(LinesQuestion, Recorded))
async def post_events(request: Request) -> Response:
    """Record one event, an array of events (all or none), or lines of events (each for itself)."""
    service: Service = request.app.state.service
    query = query_of(request.query_params) if request.scope["query_string"] else {}
    if content_type(request, JSON, LINES) == LINES:
        return await _post_lines(request, service, parse_question(LinesQuestion, query))
    if query:
        parse_question(NoParameters, query)
    key, version = idempotency_key(request), if_match(request)
    body = await read_body(request, service.settings.max_body_bytes, service.settings.idle_seconds)
    given = (body, service.settings.max_events, origin_of(request, key), key, version)
    write, alone = read_write(*given) if len(body) <= INLINE_BYTES else await service.run(read_write, *given)
    [outcome] = await service.desk.write([write])
    if isinstance(outcome, Refusal):
        raise single(outcome) if alone else outcome
    accepted = cast(Accepted, outcome)  # the first request of a call is always tried
    service.metrics.accepted.inc(0 if accepted.repeated else len(accepted.events))
    told: dict[str, Any] = {"position": accepted.position, "events": accepted.events}
    if accepted.warnings:
        told["warnings"] = accepted.warnings
    headers = {"Ledger-Position": str(accepted.position), "Cache-Control": "no-store"}
    if alone:
        headers["Location"] = f"/v1/events/{accepted.events[0]['id']}"
    return Response(json_bytes(told), status_code=201, headers=headers, media_type=JSON)


def read_write(
    body: bytes, max_events: int, origin: Origin, key: str | None, if_match: int | None
) -> tuple[Write, bool]:
    """The write that a body asks for, and whether it is a single event. Raises Refusal."""
    value = parse(body)
    alone = not isinstance(value, list)
    submitted = [value] if alone else value
    if not submitted:
        raise refuse(Reason.INVALID, "", "An empty array records nothing.", "Send at least one event.")
    if len(submitted) > max_events:
        detail = f"{len(submitted)} events; at most {max_events} in one array."
        raise refuse(Reason.TOO_LARGE, "", detail, f"Send them as lines ({LINES}), or in several arrays.")
    events: list[Event] = []
    problems: list[Problem] = []
    for index, one in enumerate(submitted):
        try:
            events.append(parse_event(one))
        except Refusal as refusal:
            problems.extend((refusal if alone else refusal.under(f"/{index}")).problems)
        if len(problems) >= PROBLEMS_TOLD:
            break
    if problems:
        raise Refusal(*problems)
    return Write(tuple(events), origin, key, body_sha256=canonical_sha256(value), if_match=if_match), alone


async def _post_lines(request: Request, service: Service, asked: LinesQuestion) -> Response:
    """The whole body first, then a line out for each line in: what is read late inside an answer gets lost."""
    if "if-match" in request.headers:
        mend = "Send a single event or an array with it."
        raise Faulty(Fault(Door.INVALID_HEADER, "Lines have no version in common.", mend, parameter="If-Match"))
    key = idempotency_key(request)
    body = await read_body(request, service.settings.max_lines_bytes, service.settings.idle_seconds)
    origin = origin_of(request, key, asked.batch)
    rules = Rules(origin, stop=asked.on_error == "stop", dry_run=asked.dry_run == "true")
    if key is not None and asked.keys == "line":
        rules = replace(rules, key_of=line_keys(key))
    elif key is not None:
        rules = replace(rules, key_of=content_keys(key), while_it_stands=True)
    summary = Summary(dry_run=rules.dry_run)
    # Closed when it is read to its end, or else when it is collected.
    spool: IO[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115
    async for told in record_lines(service, lines_of(body), rules):
        for one in told:
            summary.count(one)
            if "problem" in one:
                service.metrics.refused.labels(one["problem"]["reason"]).inc()
        await service.run(spool.writelines, [json_bytes(one) + b"\n" for one in told])
    summary.position = service.writer.head
    spool.write(json_bytes({"summary": summary.json()}) + b"\n")
    if not rules.dry_run:
        service.metrics.accepted.inc(summary.accepted - summary.repeated)
    headers = {"Ledger-Position": str(summary.position), "Cache-Control": "no-store"}
    return StreamingResponse(_spooled(spool), headers=headers, media_type=LINES)


def _spooled(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        spool.seek(0)
        while block := spool.read(64 * 1024):
            yield block


def origin_of(request: Request, key: str | None, batch: str | None = None) -> Origin:
    """How what a request brings came in."""
    return Origin(request.app.state.recorded_by, batch, key, request.state.trace_id)


def idempotency_key(request: Request) -> str | None:
    """Raises Faulty."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        mend = "Send one key of 1 to 200 visible ASCII characters, like a UUID."
        raise Faulty(Fault(Door.INVALID_HEADER, "Not a key.", mend, parameter="Idempotency-Key"))
    return given[0]


def if_match(request: Request) -> int | None:
    """The version that the record must have. Raises Faulty."""
    given = request.headers.getlist("if-match")
    if not given:
        return None
    match = _VERSION.fullmatch(given[0].strip())
    if len(given) > 1 or not match:
        mend = 'Send the version that /v1/records/… shows, in quotes: If-Match: "3".'
        raise Faulty(Fault(Door.INVALID_HEADER, "Not one version.", mend, parameter="If-Match"))
    return int(match[1])


# --- reading ---------------------------------------------------------------------------------------------------


def _moment(text: str) -> str:
    """A recorded day or moment (UTC), as given."""
    day, _, clock = text.partition("T")
    try:
        parse_day(day)
    except ValueError:
        raise ValueError("not a day or a moment like 2026-11-22T10:00:00Z") from None
    if clock and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z", clock):
        raise ValueError("not a moment like 2026-11-22T10:00:00Z")
    if text.endswith("T"):
        raise ValueError("not a moment like 2026-11-22T10:00:00Z")
    return text


def _type(text: str) -> str:
    if text not in TYPES:
        raise ValueError(f"no such event type; one of {', '.join(TYPES)}")
    return text


# Kinds whose records have a slug each, as events show them; the others have a form of their own.
_KINDS = (*projections.records.KINDS, "valuation", "event")
RECORD_NAME = Form(
    f"((({'|'.join(_KINDS)})/)?{SLUG}|holding/{SLUG}/{SLUG}/[a-z_]+|distribution/{SLUG}/{SLUG}"
    "|rate/[A-Z]{3}/[A-Z]{3}|log/key)",
    f"not the name of a record; Write its id, or its kind and id like commitment/aws-anthropic-2023. The kinds are"
    f" {', '.join(_KINDS)}, and holding/HOLDER/ISSUER/INSTRUMENT, distribution/PAYER/HOLDER, rate/EUR/USD.",
)
Moment = Annotated[str, Field(max_length=27), AfterValidator(_moment)]


class EventsQuestion(Paged):
    entity: Id | None = Field(default=None, description="Only events that name this entity.")
    record: Annotated[str, RECORD_NAME, Field(max_length=400)] | None = Field(
        default=None, description="Only events of this record: `commitment/aws-anthropic-2023`, or its id alone."
    )
    type: Annotated[str, AfterValidator(_type)] | None = Field(
        default=None, description="Only events of this type.", json_schema_extra={"enum": list(TYPES)}
    )
    recorded_by: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Only events that came in by this door: `rest`, `import`, `undo` or `example`."
    )
    batch: Batch | None = Field(default=None, description="Only events of the import of this name.")
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Only events that came in under this Idempotency-Key."
    )
    trace_id: Annotated[str, Form("[0-9a-f]{32}", "not a trace id; Write its 32 digits, 0-9 and a-f.")] | None = Field(
        default=None, description="Only events that came in under this trace (W3C Trace Context)."
    )
    status: Status | None = Field(default=None, description="Only events of this status.")
    source: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Only events whose source has this in its title, publisher or address."
    )
    live: Literal["true", "false"] | None = Field(
        default=None, description="Only events that no live retraction names (`true`), or only those that one does."
    )
    from_: Moment | None = Field(
        default=None, alias="from", description="Recorded on this day or moment (UTC), or later."
    )
    to: Moment | None = Field(default=None, description="Recorded on this day or moment (UTC), or earlier.")
    order: Literal["newest", "position"] = Field(
        default="newest", description="`newest` recorded first, or by `position` from the first on."
    )


class EventsAnswer(Listed):
    events: list[EventBody]


class EventAnswer(Answered):
    event: EventBody
    corrections: list[EventBody]
    retractions: list[EventBody]
    reviews: list[EventBody]


EVENTS = ListQuestion(
    name="events",
    path="/v1/events",
    about="The audit trail: what was recorded, when and by which door. Newest first, or by position; "
    "`as_of` changes nothing here.",
    shape=EventsQuestion,
    answer=EventsAnswer,
    list_name="events",
    rows=lambda model, at, asked, page, parts: projections.events.events(
        model,
        at,
        entity=asked.entity,
        record=asked.record,
        type=asked.type,
        recorded_by=asked.recorded_by,
        batch=asked.batch,
        idempotency_key=asked.idempotency_key,
        trace_id=asked.trace_id,
        status=asked.status,
        source=asked.source,
        live=None if asked.live is None else asked.live == "true",
        from_=asked.from_,
        to=asked.to,
        order=asked.order,
        page=page,
    ),
    identity=("id",),
    key=int,
)

EVENT = OneQuestion(
    name="event",
    path="/v1/events/{id}",
    about="One event, and those that correct, retract or review it.",
    shape=Times,
    answer=EventAnswer,
    missing="No event with this id is known at these three times.",
    forms={"id": EVENT_ID},
    find=lambda model, at, asked, parts: projections.events.event(model, at, *parts),
    identities=dict.fromkeys(("corrections", "retractions", "reviews"), ("id",)),
)
