"""A question to the read model: the three times resolved and waited for, the answer's bytes, and how long they last."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema, to_json
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from api.answers import Answered
from api.problems import Fault, Faulty, not_found
from api.reasons import Door
from api.service import Service
from ledger.log.note import encoded
from ledger.money import Currency
from ledger.times import parse_day, today
from projections.behind import NOTHING, Behind, Seen
from projections.database import ReadModel
from projections.visibility import Point

PINNED = "public, max-age=31536000, immutable"
NOT_PINNED = "no-cache"
# How often a question that waits looks whether it still may.
LOOK_SECONDS = 0.1
_DIGITS = re.compile(r"[0-9]{1,15}")


def _plain_number(text: object) -> int:
    if isinstance(text, str) and _DIGITS.fullmatch(text):
        return int(text)
    raise PydanticCustomError("number", "not a whole number in plain digits")


def _plain_day(text: object) -> date:
    try:
        return parse_day(str(text))
    except ValueError:
        raise PydanticCustomError("day", "not a day of the calendar like 2023-11-05") from None


def some_of(*words: str) -> AfterValidator:
    """Text that is one or several of the words, with commas between."""

    def check(text: str) -> str:
        given = text.split(",")
        if set(given) <= set(words) and len(set(given)) == len(given):
            return text
        raise PydanticCustomError(
            "words", "not one or several, with commas between, of {words}", {"words": ", ".join(words)}
        )

    return AfterValidator(check)


@dataclass(frozen=True, slots=True)
class Form:
    """Text that a pattern describes to programs, and words, which end in how to mend it, to people."""

    pattern: str
    words: str

    def fits(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _checked(self, text: str) -> str:
        if not self.fits(text):
            raise PydanticCustomError("form", "{words}", {"words": self.words})
        return text


PlainNumber = Annotated[int, BeforeValidator(_plain_number)]
PlainDay = Annotated[date, BeforeValidator(_plain_day)]
SLUG = "[a-z0-9][a-z0-9-]*"
ID = Form(
    SLUG,
    "not an id; Ids are lower-case letters, digits and hyphens, like anthropic or aws-anthropic-2023."
    " GET /v1/entities?q= finds an entity's by its name.",
)
EVENT_ID = Form(
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "not an event's id; It is a UUID in lower case, like 7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11. GET /v1/events lists"
    " events with their ids.",
)
Id = Annotated[str, ID, Field(max_length=100)]


class Times(BaseModel):
    """What every question takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: PlainDay | None = Field(
        default=None, description="What was true on this day. Default: today (UTC).", examples=["2023-11-05"]
    )
    known_at: PlainDay | None = Field(
        default=None, description="What one could know on this day, not after today. Default: today (UTC)."
    )
    position: Annotated[PlainNumber, Field(ge=0)] | None = Field(
        default=None, description="What this ledger held after so many events. Default: all it holds now."
    )
    currency: Currency | None = Field(
        default=None, description="Convert every figure to this currency (ISO 4217), each at the rate of its day."
    )
    include: Annotated[str, some_of("rumoured"), Field(json_schema_extra={"enum": ["rumoured"]})] | None = Field(
        default=None, description="`rumoured`: let rumours count as well."
    )


class Tabled(Times):
    """What every question with rows takes."""

    format: Literal["json", "jsonl", "csv", "xlsx", "parquet"] | None = Field(
        default=None, description="`jsonl`, `csv`, `xlsx` or `parquet`: all rows as a file."
    )


ShapeT = TypeVar("ShapeT", bound=BaseModel)
TimesT = TypeVar("TimesT", bound=Times)


def parse_question(shape: type[ShapeT], given: Mapping[str, str]) -> ShapeT:
    """The parameters as `shape` has them. Raises Faulty with one fault for each that is wrong."""
    try:
        return shape.model_validate(dict(given))
    except ValidationError as error:
        raise Faulty(*(_fault(shape, one) for one in error.errors(include_url=False, include_input=False))) from None


def _fault(shape: type[BaseModel], error: Any) -> Fault:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        names = [field.alias or name for name, field in shape.model_fields.items()]
        near = get_close_matches(name, names, 1, cutoff=0.5)
        mend = f"Did you mean {near[0]}?" if near else f"Those that there are: {', '.join(names)}."
        return Fault(Door.UNKNOWN_PARAMETER, "There is no such parameter here.", mend, parameter=name[:100])
    detail, _, mend = error["msg"].partition("; ")
    return Fault(Door.INVALID_QUERY, f"{name}: {detail}.", mend or "/docs shows the form of it.", parameter=name)


def query_of(given: QueryParams) -> dict[str, str]:
    """The query's parameters, each given once. Raises Faulty."""
    found: dict[str, str] = {}
    for name, value in given.multi_items():
        if name in found:
            fault = Fault(Door.REPEATED_PARAMETER, "It is given more than once.", "Give it once.", parameter=name[:100])
            raise Faulty(fault)
        found[name] = value
    return found


def min_position(request: Request) -> int:
    """The position that an answer must at least include, from the Min-Position header; 0 without one."""
    text = request.headers.get("min-position")
    if text is None:
        return 0
    if not _DIGITS.fullmatch(text):
        mend = "Send the Ledger-Position that a write answered, in plain digits."
        raise Faulty(Fault(Door.INVALID_HEADER, "Not a position.", mend, parameter="Min-Position"))
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(Point):
    """A point that the log has reached, so that the root of its tree there can be told."""

    root_at: Callable[[int], bytes] = field(compare=False, repr=False)

    @property
    def root(self) -> str:
        """As a checkpoint of that size writes it. May block; raises StoreError."""
        return encoded(self.root_at(self.position))


async def resolve(service: Service, times: Times, at_least: int) -> Resolved:
    """The three times as the answer will state them, once the read model has reached the position.

    Raises Faulty: a known_at after today, a position above the head, or 503 if the read model takes too long.
    """
    day = today()
    if times.known_at is not None and times.known_at > day:
        fault = Fault(Door.FUTURE_KNOWN_AT, f"Today is {day}.", "Ask for today or earlier.", parameter="known_at")
        raise Faulty(fault)
    head = await service.head(times.position or 0)
    position = max(head, at_least) if times.position is None else times.position
    if times.position is not None and position > head:
        fault = Fault(
            Door.FUTURE_POSITION, f"The head is at {head}.", "Leave it out for the head.", parameter="position"
        )
        raise Faulty(fault)
    await _reached(service, max(position, at_least))
    return Resolved(
        as_of=times.as_of or day,
        known_at=times.known_at or day,
        position=position,
        currency=times.currency,
        include_rumoured="rumoured" in (times.include or "").split(","),
        root_at=service.prover.root,
    )


async def _reached(service: Service, position: int) -> None:
    """Return when the read model has applied `position`. Those who wait hold no thread."""
    model, deadline = service.model, time.monotonic() + service.settings.wait_seconds
    if model.position >= position:
        return
    reached = asyncio.Event()
    with model.when(position, _telling(asyncio.get_running_loop(), reached)):
        service.follower.hurry()
        while not reached.is_set():
            if time.monotonic() > deadline or service.stopping.is_set():
                fault = Fault(
                    Door.BEHIND,
                    f"Asked for {position}, applied so far: {model.position}.",
                    "Ask again in a second, or see /readyz.",
                )
                raise Faulty(fault, headers={"Retry-After": "1"})
            with suppress(TimeoutError):
                await asyncio.wait_for(reached.wait(), LOOK_SECONDS)


def _telling(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> Callable[[], None]:
    """What sets an event of a loop from another thread; by then the loop may have ended."""

    def tell() -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(event.set)

    return tell


def times_of(at: Point) -> dict[str, Any]:
    """The three times, by which a question can be asked again."""
    return {"as_of": at.as_of.isoformat(), "known_at": at.known_at.isoformat(), "position": at.position}


def stated(at: Resolved) -> dict[str, Any]:
    """What every answer begins with: the three times, and the root of the log at the position. May block."""
    return {**times_of(at), "root": at.root}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question put to a service: its parameters as given, its times as resolved, and whether all were given."""

    given: dict[str, str]
    times: dict[str, Any]
    pinned: bool

    def address(self, path: str) -> str:
        """The address that will give the same bytes for ever."""
        times = {name: str(value) for name, value in self.times.items()}
        others = {name: self.given[name] for name in sorted(self.given) if name not in times}
        return f"{path}?{urlencode({**times, **others})}"


def not_there(missing: str, forms: Mapping[str, Form]) -> Faulty:
    """What isn't there; and of the first of the texts that isn't of its form, the form that it would have."""
    for text, form in forms.items():
        if not form.fits(text):
            detail, _, mend = form.words.partition("; ")
            return not_found(f"{text[:100]!r} is {detail}.", mend)
    return not_found(missing)


@dataclass(frozen=True, kw_only=True)
class Question(Generic[TimesT]):
    """A question as a value; its route, its documentation and its command all follow from it (api/questions.py)."""

    name: str
    """Of the command; the route is called get_<name>."""
    path: str
    about: str
    """The first sentence is for the list of commands."""
    shape: type[TimesT]
    """The parameters that it takes."""
    answer: type[Answered]
    missing: str = ""
    """What a 404 says, if what the path names isn't there."""
    forms: Mapping[str, Form] = field(default_factory=dict)
    """Of what the path leaves open, by name: a 404 says it of what isn't of its form."""
    list_name: str = ""
    """Of the rows in the answer, which can be had as a file; a question without rows has none."""
    identities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of lists in the answer, the fields that tell their rows apart, so that /v1/changes compares row by row."""
    behind: Callable[[ReadModel, Point, TimesT, Seen], Behind] = lambda model, at, asked, one: NOTHING
    """What a row rests on beside the events that it names, so that /v1/changes finds what changed it."""
    every_status: bool = False
    """Whether it shows what is rumoured or denied too."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of what the path leaves open."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    def not_there(self, parts: Sequence[str]) -> Faulty:
        """That what the path names isn't there, or can't be."""
        return not_there(self.missing, {text: self.forms[name] for name, text in zip(self.parts, parts, strict=True)})

    def whole(self, model: ReadModel, at: Point, asked: TimesT, parts: Sequence[str]) -> dict[str, Any] | None:
        """What comes after the three times, all of it; None if what the path names isn't there."""
        raise NotImplementedError

    async def respond(self, request: Request) -> Response:
        """The answer to a request."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class OneQuestion(Question[TimesT]):
    """A question without pages. `find` takes the model, the point, the parameters and the parts of the path."""

    find: Callable[[ReadModel, Point, TimesT, Sequence[str]], dict[str, Any] | None]

    def whole(self, model: ReadModel, at: Point, asked: TimesT, parts: Sequence[str]) -> dict[str, Any] | None:
        return self.find(model, at, asked, parts)

    async def respond(self, request: Request) -> Response:
        service: Service = request.app.state.service
        given = query_of(request.query_params)
        asked = parse_question(self.shape, given)
        at = await resolve(service, asked, min_position(request))
        parts = [request.path_params[part] for part in self.parts]

        def write() -> bytes:
            found = self.find(service.model, at, asked, parts)
            if found is None:
                raise self.not_there(parts)
            return json_bytes({**stated(at), **found})

        return respond(request, Asked(given, times_of(at), pinned(asked)), await service.run(write))


def pinned(asked: Times) -> bool:
    """Whether all three times are given, so that the answer is for ever."""
    return None not in (asked.as_of, asked.known_at, asked.position)


def json_bytes(answer: Mapping[str, Any]) -> bytes:
    """The one way in which answers are written: keys in the order of the contract, no spaces, UTF-8."""
    return to_json(answer)


def respond(request: Request, asked: Asked, body: bytes) -> Response:
    """The answer with an ETag of its bytes; for ever if pinned, else with the address that is."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = headers_of(asked, request.url.path, tag)
    if unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def headers_of(asked: Asked, path: str, tag: str) -> dict[str, str]:
    """How long an answer lasts, and where it lasts for ever."""
    headers = {"ETag": tag, "Cache-Control": PINNED if asked.pinned else NOT_PINNED}
    if not asked.pinned:
        headers["Content-Location"] = asked.address(path)
    return headers


def unchanged(request: Request, tag: str) -> bool:
    """Whether the client has these bytes. If-None-Match compares weakly (RFC 9110 §13.1.2)."""
    given = request.headers.getlist("if-none-match")
    tags = [one.strip().removeprefix("W/") for line in given for one in line.split(",")]
    return "*" in tags or tag in tags
