"""Lists in pages: a cursor holds the question, its three times and the place, so that pages fit together for ever."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.problems import Fault, Faulty
from api.question import (
    Asked,
    PlainNumber,
    Question,
    Tabled,
    json_bytes,
    min_position,
    parse_question,
    pinned,
    query_of,
    resolve,
    respond,
    stated,
    times_of,
)
from api.reasons import Door
from api.service import Service
from projections.database import ReadModel
from projections.paging import EVERYTHING, Listing, Page
from projections.visibility import Point

CHECK_BYTES = 8
LONGEST = 4_000


class Paged(Tabled):
    """What every list takes."""

    limit: Annotated[PlainNumber, Field(ge=1, le=1000)] = Field(default=100, description="Most rows in one answer.")
    cursor: str | None = Field(
        default=None,
        max_length=LONGEST,
        description="`next` of the answer before: goes on with that question, at its three times.",
    )


PagedT = TypeVar("PagedT", bound=Paged)
# Not part of what a cursor goes on with: the size of a page may change on the way.
OF_THE_PAGE = ("cursor", "limit", "format")
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


def goes_on(path: str, given: dict[str, str], key: Key) -> tuple[dict[str, str], str | None]:
    """The question that is asked, without what only the page takes, and the key after which its rows go on.

    Raises Faulty for a cursor that isn't this question's.
    """
    filters = {name: value for name, value in given.items() if name not in OF_THE_PAGE}
    if "cursor" not in given:
        return filters, None
    cursor = read_cursor(given["cursor"])
    if cursor.path != path or not filters.items() <= cursor.given.items():
        raise _not_ours("The cursor belongs to another question.")
    if not _is_key(cursor.after, key):
        raise _not_ours("The cursor goes on nowhere.")
    return cursor.given, cursor.after


@dataclass(frozen=True, kw_only=True)
class ListQuestion(Question[PagedT]):
    """A question for a list: rows, totals where there are any, whether there is more."""

    rows: Callable[[ReadModel, Point, PagedT, Page, Sequence[str]], Listing | None]
    """Takes the model, the point, the parameters, the page, and the parts of the path."""
    identity: tuple[str, ...]
    """The fields that tell one row from the others, whatever the point."""
    key: Key = (str,)
    """The form of the rows' keys (projections/paging.py), so that a cursor is known to go on somewhere."""

    def whole(self, model: ReadModel, at: Point, asked: PagedT, parts: Sequence[str]) -> dict[str, Any] | None:
        found = self.rows(model, at, asked, EVERYTHING, parts)
        return None if found is None else self._body(found, None)

    async def respond(self, request: Request) -> Response:
        service: Service = request.app.state.service
        given = query_of(request.query_params)
        path = request.url.path
        filters, after = goes_on(path, given, self.key)
        paging = {name: given[name] for name in OF_THE_PAGE if name in given}
        asked = parse_question(self.shape, {**filters, **paging})
        at = await resolve(service, asked, min_position(request))
        page = Page(limit=asked.limit, after=after)
        parts = [request.path_params[part] for part in self.parts]
        to_go_on = {**filters, **{name: str(value) for name, value in times_of(at).items()}}

        def write() -> bytes:
            found = self.rows(service.model, at, asked, page, parts)
            if found is None:
                raise self.not_there(parts)
            more = None if found.after is None else Cursor(path=path, given=to_go_on, after=found.after).text()
            return json_bytes({**stated(at), **self._body(found, more)})

        return respond(request, Asked({**filters, **paging}, times_of(at), pinned(asked)), await service.run(write))

    def _body(self, found: Listing, next_: str | None) -> dict[str, Any]:
        totals = {} if found.totals is None else {"totals": found.totals}
        return {self.list_name: found.rows, **totals, "more": found.more, "next": next_}
