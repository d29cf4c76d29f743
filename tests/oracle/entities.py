"""Entities: who they are at a point in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.oracle.rows import Log, by_position, counting_rows, question


def entities(
    log: Log,
    as_of: str,
    known_at: str,
    position: int,
    currency: str | None = None,
    include: Iterable[str] = (),
) -> dict[str, Any]:
    q = question(log, as_of, known_at, position, currency, include)
    rows = counting_rows(q)
    found = []
    for registered in rows:
        if registered.type != "entity.registered":
            continue
        slug = registered.data["entity"]
        changes = [row for row in rows if row.type == "entity.changed" and row.data["entity"] == slug]
        state = dict(registered.data)
        for row in sorted(changes, key=lambda row: row.order):
            state.update(row.data)
        found.append({**state, "events": by_position([registered, *changes])})
    found.sort(key=lambda entity: entity["entity"])
    return {**q.header(), "entities": found}
