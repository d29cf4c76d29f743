"""Imports: the events that came in under one name, and how many of them are retracted since."""

from __future__ import annotations

import json

from projections.events import gone
from projections.paging import Listing, Page
from projections.visibility import RECORDED, Point, Tables


def imports(model: Tables, at: Point, *, page: Page) -> Listing:
    """The names under which events known by `known_at` came in, by name; `as_of` doesn't matter."""
    after = "" if page.after is None else json.loads(page.after)[0]
    retracted, values = gone(model, at)
    rows = model.rows(
        f"""WITH retracted AS ({retracted})
        SELECT batch, count(*), count(retracted.id), min(position), max(position),
            strftime(min(recorded_at), '%Y-%m-%dT%H:%M:%S.%fZ'), strftime(max(recorded_at), '%Y-%m-%dT%H:%M:%S.%fZ')
        FROM events LEFT JOIN retracted ON retracted.id = event_id
        WHERE {RECORDED} AND batch > $after GROUP BY batch ORDER BY batch LIMIT {page.limit + 1:d}""",
        {**values, "after": after},
    )
    names = ("batch", "events", "retracted", "first_position", "last_position", "first_recorded_at", "last_recorded_at")
    more = len(rows) > page.limit
    shown = [dict(zip(names, row, strict=True)) for row in rows[: page.limit]]
    return Listing(shown, None, more, json.dumps([shown[-1]["batch"]]) if more else None)
