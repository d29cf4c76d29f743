"""Lists in pages: a cursor holds the question, its three times and the place, so that pages fit together for ever."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.problems import Door, Fault, Faulty
from api.question import (
    Asked,
    PlainNumber,
    Times,
    json_bytes,
    min_position,
    parse_question,
    query_of,
    resolve,
    respond,
    times_of,
)
from api.service import Service
from projections.database import ReadModel
from projections.paging import Listing, Page
from projections.visibility import Point

CHECK_BYTES = 8
LONGEST = 4_000


class Paged(Times):
    """What every list takes."""

    limit: Annotated[PlainNumber, Field(ge=1, le=1000)] = Field(default=100, description="Most rows in one answer.")
    cursor: str | None = Field(
        default=None,
        max_length=LONGEST,
        description="`next` of the answer before: goes on with that question, at its three times.",
    )


PagedT = TypeVar("PagedT", bound=Paged)
# Not part of what a cursor goes on with: the size of a page may change on the way.
_OF_THE_PAGE = ("cursor", "limit")
# What a row's key is in JSON: an array with a value of each of these types, or one number.
Key = tuple[type[str] | type[int], ...] | type[int]
# Positions are 64 bits wide in the read model.
_HIGHEST = 2**63 - 1


class Cursor(BaseModel):
    """Where a list goes on: its address, its parameters with the three times resolved, and the last row's key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str
    given: dict[str, str]
    after: str = Field(max_length=1_000)

    def text(self) -> str:
        packed = self.model_dump_json().encode()
        return base64.urlsafe_b64encode(_check(packed) + packed).decode().rstrip("=")


def _check(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:CHECK_BYTES]


def read_cursor(text: str) -> Cursor:
    """A cursor from its text. Raises Faulty if any of it is damaged."""
    try:
        raw = base64.b64decode(text[:LONGEST] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        packed = raw[CHECK_BYTES:]
        if _check(packed) == raw[:CHECK_BYTES]:
            cursor = Cursor.model_validate(json.loads(packed))
            if cursor.text() == text:
                return cursor
    except (ValueError, RecursionError):  # also what binascii, json and pydantic raise
        pass
    raise _not_ours("The cursor is damaged.")


def _not_ours(detail: str) -> Faulty:
    mend = "Take `next` of an answer as it is, or ask again without a cursor."
    return Faulty(Fault(Door.INVALID_CURSOR, detail, mend, parameter="cursor"))


def _is_key(after: str, key: Key) -> bool:
    """Whether a list whose rows have such keys can go on after this; it can't with what somebody made up."""
    try:
        found = json.loads(after)
    except (ValueError, RecursionError):
        return False
    if not isinstance(key, tuple):
        return type(found) is key and after.isdigit() and found <= _HIGHEST
    return isinstance(found, list) and tuple(map(type, found)) == key


async def listing(
    request: Request,
    name: str,
    shape: type[PagedT],
    rows: Callable[[ReadModel, Point, PagedT, Page], Listing],
    key: Key = (str,),
) -> Response:
    """The answer to a question for a list: rows under `name`, totals where there are any, whether there is more.

    `key` is the form of its rows' keys (projections/paging.py), so that a cursor is known to go on somewhere.
    """
    service: Service = request.app.state.service
    given = query_of(request)
    path = request.url.path
    cursor = read_cursor(given["cursor"]) if "cursor" in given else None
    filters = {key: value for key, value in given.items() if key not in _OF_THE_PAGE}
    if cursor:
        if cursor.path != path or not filters.items() <= cursor.given.items():
            raise _not_ours("The cursor belongs to another question.")
        if not _is_key(cursor.after, key):
            raise _not_ours("The cursor goes on nowhere.")
        filters = cursor.given
    paging = {key: given[key] for key in _OF_THE_PAGE if key in given}
    question = parse_question(shape, {**filters, **paging})
    at = await resolve(service, question, min_position(request))
    pinned = None not in (question.as_of, question.known_at, question.position)
    page = Page(limit=question.limit, after=cursor.after if cursor else None)
    to_go_on = {**filters, **{key: str(value) for key, value in times_of(at).items()}}

    def write() -> bytes:
        found = rows(service.model, at, question, page)
        answer: dict[str, Any] = {**times_of(at), name: found.rows}
        if found.totals is not None:
            answer["totals"] = found.totals
        more = None if found.after is None else Cursor(path=path, given=to_go_on, after=found.after).text()
        return json_bytes({**answer, "more": found.more, "next": more})

    body = await service.run(write)
    return respond(request, Asked({**filters, **paging}, at, pinned), body)
