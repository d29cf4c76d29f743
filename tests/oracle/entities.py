"""Entities: who they are at a point in time, by what was said of them last."""

from __future__ import annotations

from typing import Any

from tests.oracle.rows import Question, by_position, counting_rows

# What an entity is of which nobody said anything.
UNSAID: dict[str, Any] = {
    "name": None,
    "kind": None,
    "parent": None,
    "manager": None,
    "country": None,
    "city": None,
    "sector": None,
    "state": "active",
    "lei": None,
    "aliases": [],
    "names": None,
}


def entities(
    q: Question,
    kind: str | None = None,
    parent: str | None = None,
) -> dict[str, Any]:
    rows = counting_rows(q)
    found = []
    for registered in rows:
        if registered.type != "entity.registered":
            continue
        slug = registered.data["entity"]
        changes = [row for row in rows if row.type == "entity.changed" and row.data["entity"] == slug]
        changes.sort(key=lambda row: row.order)
        entity: dict[str, Any] = {"entity": slug, **UNSAID}
        for row in [registered, *changes]:
            for name in UNSAID:
                if row.data.get(name) is not None:
                    entity[name] = row.data[name]
                elif name in row.data and name not in ("name", "kind"):
                    # A null clears: the entity is in no group, say, from that day on. A name and a kind it always has.
                    entity[name] = UNSAID[name]
        entity["events"] = by_position([registered, *changes])
        if (kind is None or entity["kind"] == kind) and (parent is None or entity["parent"] == parent):
            found.append(entity)
    found.sort(key=lambda entity: entity["entity"])
    return {**q.header(), "entities": found}
