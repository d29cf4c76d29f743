"""A page of a list, deep in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator

from api.paging import read_cursor
from benchmarks.ground import Ground
from benchmarks.holdings import asking
from benchmarks.points import at_position, head
from benchmarks.processes import Client
from benchmarks.table import Figure, Target, compared, in_turns

PAGE = 100
LIST = "/v1/events"


def page(ground: Ground) -> Iterator[Figure]:
    """A page of a hundred events from the middle of the log on, beside the first one."""
    with ground.log() as log, Client(ground.asked.address) as ours:
        last = head(log)
        for order in ("position", "newest"):
            query = at_position(log, last).query(order=order, limit=PAGE)
            first = f"{LIST}?{query}"
            deep = f"{LIST}?{query}&cursor={_after(ours, first, last // 2)}"
            found = in_turns(ground.rounds(5, 20), asking(ours, deep), asking(ours, first))
            note = f"from position {last // 2:,} on; floor: the first page"
            target = Target("value", "≤", 50, 10_000_000)
            yield compared(f"list page deep in the log, {order}", "ms", found, target, note=note)


def _after(ours: Client, first: str, place: int) -> str:
    """The cursor that goes on after a position, as an answer's `next` would after very many pages."""
    cursor = read_cursor(json.loads(ours.get(first))["next"])
    return cursor.model_copy(update={"after": str(place)}).text()
