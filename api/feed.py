"""GET /v1/feed: the log from a position on, as Server-Sent Events or by long polling, in our form or as CloudEvents."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import documented
from api.answers import EventBody
from api.problems import Fault, Faulty
from api.question import PlainNumber, json_bytes, parse_question, query_of
from api.reasons import Door
from api.service import Service
from api.tail import POLL_SECONDS
from ledger.store import Store, Stored, StoreError
from projections.events import shown

router = APIRouter(prefix="/v1", tags=["events"])

JSON = "application/json"
STREAM = "text/event-stream"
CLOUDEVENTS = "application/cloudevents+json"
CLOUDEVENTS_BATCH = "application/cloudevents-batch+json"
# Where CloudEvents come from. With their id it is the address of the event, at whichever address the ledger is served.
SOURCE = "/v1/events"
# Digits of a CloudEvent's sequence, which is compared as text.
SEQUENCE_DIGITS = 15
# After how long without news the other side is told that the connection lives, in seconds.
HEARTBEAT_SECONDS = 15.0
# When a client whose connection broke may come again, in milliseconds.
RETRY_MILLISECONDS = 2_000
# What is read and held for one client at a time: so many events, or as many as take so many bytes.
BATCH = 500
BATCH_BYTES = 256 * 1024
# Never kept, and passed on at once by proxies.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"}

_POSITION = re.compile(r"[0-9]{1,15}")

Form = Literal["events", "cloudevents"]


class StreamQuestion(BaseModel):
    """From where on, and in which form."""

    model_config = ConfigDict(extra="forbid")

    position: PlainNumber = Field(
        default=0,
        ge=0,
        description="What you have: the feed goes on after it. Default: 0, so from the first event on. The header "
        "Last-Event-ID counts before it.",
    )
    format: Form | None = Field(
        default=None, description="`events`, as /v1/events shows them, or `cloudevents` (CloudEvents 1.0)."
    )


class FeedQuestion(StreamQuestion):
    limit: Annotated[PlainNumber, Field(ge=1, le=1000)] = Field(
        default=100, description="Of long polling: most events in one answer."
    )
    wait: Annotated[PlainNumber, Field(ge=0, le=3600)] = Field(
        default=0,
        description="Of long polling: wait so many seconds for news, if there is none yet; no longer than the service "
        "allows.",
    )


class FeedAnswer(BaseModel):
    """Long polling: the events after the position, each as it was when it was recorded."""

    model_config = ConfigDict(extra="forbid")

    position: Annotated[int, Field(description="Ask again with this one.")]
    events: list[EventBody]
    more: Annotated[bool, Field(description="Whether there are more already.")]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events after a position in the form that they are sent in; the last one's position, if there is any."""

    last: int
    texts: list[str]
    events: list[Stored]

    @property
    def messages(self) -> bytes:
        """As Server-Sent Events."""
        return b"".join(
            format_sse_event(data_str=text, event=event.type, id=str(event.position))
            for text, event in zip(self.texts, self.events, strict=True)
        )


@router.get(
    "/feed",
    response_model=None,
    openapi_extra={
        "parameters": [
            *documented.parameters(FeedQuestion),
            documented.header("Last-Event-ID", "The last `id` that you have: the feed goes on after it."),
        ]
    },
    responses={
        200: {
            "model": FeedAnswer,
            "description": "With `Accept: text/event-stream` a stream that stays open: for each event its position as "
            "`id`, its type as `event`, itself as `data`. Otherwise what there is after the position.",
            "content": {
                STREAM: {"schema": {"type": "string"}},
                CLOUDEVENTS_BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
            },
        },
        **documented.problems(
            [
                Door.INVALID_QUERY,
                Door.UNKNOWN_PARAMETER,
                Door.REPEATED_PARAMETER,
                Door.INVALID_HEADER,
                Door.FUTURE_POSITION,
                Door.UNAVAILABLE,
            ]
        ),
    },
)
async def get_feed(request: Request) -> Response:
    """What is recorded, from a position on, in order, each event once."""
    service: Service = request.app.state.service
    accepted = media_type_of(request.headers.getlist("accept"))
    question: StreamQuestion
    if accepted == STREAM:
        question = parse_question(StreamQuestion, query_of(request.query_params))
    else:
        question = parse_question(FeedQuestion, query_of(request.query_params))
    asked: Form = "cloudevents" if accepted in (CLOUDEVENTS, CLOUDEVENTS_BATCH) else "events"
    form: Form = question.format or asked
    after, head = await _start(request, service, question.position)
    if isinstance(question, FeedQuestion):
        return await _poll(service, question, after, head, form)
    if request.state.method == "HEAD":
        return Response(headers=HEADERS, media_type=STREAM)
    return _Stream(service, after, head, form)


async def _start(request: Request, service: Service, position: int) -> tuple[int, int]:
    """The position to go on after, and the head. Raises Faulty if it isn't one, or this log has never been there.

    Whoever comes with a position that the log doesn't have has it from another ledger, or from this one before it was
    set back to a backup: it would wait for news and miss what is recorded up to there.
    """
    name = "position"
    given = request.headers.getlist("last-event-id")
    if given:
        name = "Last-Event-ID"
        if len(given) > 1 or not _POSITION.fullmatch(given[0]):
            mend = "Send one `id` that this feed gave, in plain digits; or none, for the whole log."
            raise Faulty(Fault(Door.INVALID_HEADER, "Not a position.", mend, parameter=name))
        position = int(given[0])
    head = await service.head(position)
    if position > head:
        mend = (
            "You have it from another ledger, or from this one before it was restored: compare what you have with "
            "/v1/events, and start from a position that both have."
        )
        raise Faulty(Fault(Door.FUTURE_POSITION, f"The head is at {head}.", mend, parameter=name))
    return position, head


def media_type_of(accept: list[str]) -> str:
    """What is sent to whoever accepts this: the type it likes best, JSON if it names none of ours."""
    best, found = 0.0, JSON
    for one in ",".join(accept).split(","):
        kind, *parameters = (part.strip().lower() for part in one.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            continue
        if kind in (STREAM, CLOUDEVENTS_BATCH, CLOUDEVENTS, JSON) and weight > best:
            best, found = weight, kind
    return found


# --- long polling -----------------------------------------------------------------------------------------------


async def _poll(service: Service, question: FeedQuestion, after: int, head: int, form: Form) -> Response:
    seconds = min(question.wait, service.settings.feed_wait_seconds)
    with service.tail.following(head, service.head):
        if head == after and seconds:
            await service.tail.more(after, seconds)
        batch = await service.run(read_batch, service.store, after, question.limit, form)
        head = await service.head()
    again = {**question.model_dump(exclude_unset=True), "position": batch.last}
    headers = {**HEADERS, "Link": f'</v1/feed?{urlencode(again)}>; rel="next"'}
    if form == "cloudevents":
        return Response(f"[{','.join(batch.texts)}]", headers=headers, media_type=CLOUDEVENTS_BATCH)
    body = f'{{"position":{batch.last},"events":[{",".join(batch.texts)}],"more":{json.dumps(head > batch.last)}}}'
    return Response(body, headers=headers, media_type=JSON)


# --- Server-Sent Events -----------------------------------------------------------------------------------------


class _Stream(EventSourceResponse):
    """An open feed, counted as long as it is."""

    def __init__(self, service: Service, after: int, head: int, form: Form) -> None:
        super().__init__(_messages(service, after, form), headers=HEADERS)
        self._following = service.tail.following(head, service.head)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._following:
            await super().__call__(scope, receive, send)


async def _messages(service: Service, after: int, form: Form) -> AsyncIterator[bytes]:
    """Everything after the position until the service stops. The next batch is read when the last one is on its way,
    so a client that reads slowly costs no more than one of them."""
    tail = service.tail

    async def read() -> tuple[int, bytes]:
        return await service.run(_read_messages, service.store, after, form)

    yield format_sse_event(retry=RETRY_MILLISECONDS)
    while not service.stopping.is_set():
        if not await tail.more(after, HEARTBEAT_SECONDS):
            yield KEEPALIVE_COMMENT
            continue
        try:
            last, messages = await tail.together((after, form), read)
        except StoreError:  # it may come back; the position is still good
            last, messages = after, b""
        if messages:
            yield messages
            after = last
        else:
            await asyncio.sleep(POLL_SECONDS)


def _read_messages(store: Store, after: int, form: Form) -> tuple[int, bytes]:
    batch = read_batch(store, after, BATCH, form)
    return batch.last, batch.messages


def read_batch(store: Store, after: int, limit: int, form: Form) -> Batch:
    """The next events of the log, as many as may be held at once. Blocks."""
    batch = Batch(after, [], [])
    size = 0
    for stored in store.read(after, limit):
        event = cloudevent(stored) if form == "cloudevents" else _shown(stored)
        # These two end a line for some readers of lines.
        text = json_bytes(event).decode().replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        size += len(text)
        if batch.events and size > BATCH_BYTES:
            break
        batch.texts.append(text)
        batch.events.append(stored)
    return Batch(batch.events[-1].position if batch.events else after, batch.texts, batch.events)


def cloudevent(stored: Stored) -> dict[str, Any]:
    """An event as CloudEvents 1.0 has it, in the JSON event format: what it is about is its record."""
    event = _shown(stored)
    return {
        "specversion": "1.0",
        "id": stored.event_id,
        "source": SOURCE,
        "type": stored.type,
        "subject": stored.stream,
        "time": event["recorded_at"],
        "datacontenttype": JSON,
        "sequence": f"{stored.position:0{SEQUENCE_DIGITS}d}",
        "data": event,
    }


def _shown(stored: Stored) -> dict[str, Any]:
    """An event as the audit trail shows it at its own position."""
    return shown(stored.position, stored.stream, stored.version, stored.state)
