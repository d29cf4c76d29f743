"""GET /v1/changes: what differs between two points in the three times, for any question, and what caused it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api import documented
from api.answers import DayString, Part, Root
from api.paging import OF_THE_PAGE, Cursor, ListQuestion, goes_on
from api.problems import Fault, Faulty
from api.question import (
    Asked,
    PlainDay,
    PlainNumber,
    Resolved,
    json_bytes,
    min_position,
    parse_question,
    query_of,
    resolve,
    respond,
    stated,
    times_of,
)
from api.questions import Named, find
from api.reasons import Door
from api.service import Service
from projections.causes import Causes
from projections.database import ReadModel
from projections.differences import Difference, differences
from projections.moves import Cause

router = APIRouter(tags=["changes"])

TIMES = ("as_of", "known_at", "position")
PATH = "/v1/changes"
MOST_CAUSES = 100
_LATER = "Default: as for every question (today, today, all that it holds)."
_SAME = "Default: that of the second point."


class ChangesQuestion(BaseModel):
    """A question and two points in the three times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str = Field(
        max_length=2_000,
        description="The address of a question with its filters, percent-encoded, without its three times.",
        examples=["/v1/holdings?holder=amazon"],
    )
    from_as_of: PlainDay | None = Field(default=None, description=f"The first point's as_of. {_SAME}")
    from_known_at: PlainDay | None = Field(default=None, description=f"The first point's known_at. {_SAME}")
    from_position: Annotated[PlainNumber, Field(ge=0)] | None = Field(
        default=None, description=f"The first point's position. {_SAME}"
    )
    to_as_of: PlainDay | None = Field(default=None, description=f"The second point's as_of. {_LATER}")
    to_known_at: PlainDay | None = Field(default=None, description=f"The second point's known_at. {_LATER}")
    to_position: Annotated[PlainNumber, Field(ge=0)] | None = Field(
        default=None, description=f"The second point's position. {_LATER}"
    )
    limit: Annotated[PlainNumber, Field(ge=1, le=1000)] = Field(
        default=100, description="Most differences in one answer."
    )
    cursor: str | None = Field(
        default=None, max_length=4_000, description="`next` of the answer before: goes on with its differences."
    )


class PointInTime(Part):
    """One of the two points as resolved, and whether what the question names is there."""

    as_of: DayString
    known_at: DayString
    position: int
    root: Root
    found: bool


class CauseOfChange(Part):
    """An event that isn't the same at both points and bears on the row; of `time` no event but the day itself."""

    event: str | None
    why: Literal["effective", "became_known", "recorded", "corrected", "retracted", "time"]
    type: str | None = Field(description="Of the event.")
    fact: str | None = Field(description="The fact that it is, corrects or retracts, as rows have it in `events`.")


class Change(Part):
    """A row, or a field of a single answer, that isn't the same."""

    in_: str = Field(alias="in", description="The field of the answer: a list's name, totals, or a figure's.")
    key: dict[str, Any] | None = Field(description="What tells the row from the others; null for a field.")
    change: Literal["added", "removed", "changed"]
    fields: list[str] = Field(description="What differs in it.")
    before: Any
    after: Any
    place: int | None = Field(description="The row's place in the second answer's list, from 0.")
    causes: list[CauseOfChange]
    more_causes: int = Field(description=f"How many more there are than the {MOST_CAUSES} that are listed.")


class ChangesAnswer(Part):
    from_: PointInTime = Field(alias="from")
    to: PointInTime
    of: str
    changes: list[Change]
    more: bool
    next: str | None


_REASONS = (*documented.ASKED, Door.UNKNOWN_QUESTION, Door.INVALID_CURSOR, Door.NOT_FOUND)


@router.get(PATH, **documented.answered(ChangesQuestion, ChangesAnswer, _REASONS))
async def get_changes(request: Request) -> Response:
    """What differs between two answers to one question, and the events that caused each difference."""
    service: Service = request.app.state.service
    given = query_of(request.query_params)
    filters, after = goes_on(PATH, given, int)
    asked = parse_question(ChangesQuestion, {**filters, **{name: given[name] for name in OF_THE_PAGE if name in given}})
    named = _named(asked.of)
    at_least = min_position(request)
    to = await _point(service, named, asked, "to", {}, at_least)
    from_ = await _point(service, named, asked, "from", times_of(to), at_least)
    times = {
        f"{side}_{name}": value for side, at in (("from", from_), ("to", to)) for name, value in times_of(at).items()
    }
    to_go_on = {"of": asked.of, **{name: str(value) for name, value in times.items()}}

    def write() -> bytes:
        body = changes(service.model, named, from_, to, int(after or 0), asked.limit)
        reached = int(after or 0) + len(body["changes"])
        more = Cursor(path=PATH, given=to_go_on, after=str(reached)).text() if body["more"] else None
        return json_bytes({**body, "next": more})

    pinned = all(getattr(asked, name) is not None for name in times)
    return respond(request, Asked({**filters, "limit": str(asked.limit)}, times, pinned), await service.run(write))


def changes(
    model: ReadModel, named: Named, from_: Resolved, to: Resolved, start: int = 0, limit: int | None = None
) -> dict[str, Any]:
    """The answer but its cursor: at most `limit` differences, from the `start`th on. Blocks. Raises Faulty (404)."""
    question = named.question
    answers = [question.whole(model, at, named.asked, named.parts) for at in (from_, to)]
    if answers == [None, None]:
        raise question.not_there(named.parts)
    before, after = (answer or {} for answer in answers)
    lists = dict(question.identities)
    if isinstance(question, ListQuestion):
        lists |= {question.list_name: question.identity, "totals": ("currency",)}
        before, after = (
            {name: value for name, value in one.items() if name not in ("more", "next")} for one in (before, after)
        )
    found = differences(before, after, lists)
    shown = found[start:] if limit is None else found[start : start + limit]
    causes = Causes(
        model,
        from_,
        to,
        (before, after),
        lists,
        lambda at, seen: question.behind(model, at, named.asked, seen),
        question.every_status,
    )
    return {
        "from": {**stated(from_), "found": answers[0] is not None},
        "to": {**stated(to), "found": answers[1] is not None},
        "of": _address(named),
        "changes": [_shown(one, its) for one, its in zip(shown, causes.of_all(shown), strict=True)],
        "more": start + len(shown) < len(found),
    }


def _shown(one: Difference, causes: Sequence[Cause]) -> dict[str, Any]:
    return {
        "in": one.in_,
        "key": one.key,
        "change": one.change,
        "fields": one.fields,
        "before": one.before,
        "after": one.after,
        "place": one.place,
        "causes": [
            {"event": cause.event, "why": cause.why, "type": cause.type, "fact": cause.fact}
            for cause in causes[:MOST_CAUSES]
        ],
        "more_causes": max(0, len(causes) - MOST_CAUSES),
    }


def _named(of: str) -> Named:
    """The question inside. Its times are the two points'."""
    named = find(of)
    for name in (*TIMES, "format"):
        if name in named.given:
            mend = f"Give from_{name} and to_{name} instead." if name in TIMES else "Leave it out."
            raise Faulty(Fault(Door.INVALID_QUERY, f"{name}: not in here.", mend, parameter="of"))
    return named


def _address(named: Named) -> str:
    """The question inside as an address."""
    path = named.question.path.format(
        **{name: quote(part, safe="") for name, part in zip(named.question.parts, named.parts, strict=True)}
    )
    return f"{path}?{urlencode(named.given)}" if named.given else path


async def _point(
    service: Service, named: Named, asked: ChangesQuestion, side: str, default: dict[str, Any], at_least: int
) -> Resolved:
    """One of the two points. What the first leaves out is the second's, so that only what is named differs."""
    given = {name: getattr(asked, f"{side}_{name}") for name in TIMES}
    times = {name: default_of if (default_of := given[name]) is not None else default.get(name) for name in TIMES}
    known = parse_question(type(named.asked), {**named.given, **{k: str(v) for k, v in times.items() if v is not None}})
    try:
        return await resolve(service, known, at_least)
    except Faulty as faulty:
        renamed = (
            replace(fault, parameter=f"{side}_{fault.parameter}") if fault.parameter in TIMES else fault
            for fault in faulty.faults
        )
        raise Faulty(*renamed, headers=faulty.headers) from None
