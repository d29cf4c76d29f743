"""Parties: what is said of an entity on a day, and the groups that it is in."""

from __future__ import annotations

from datetime import date

from tests.oracle.rows import Row


def attribute(rows: list[Row], entity: str, name: str, day: date) -> str | None:
    """What holds on a day. What an entity is registered with holds from the beginning of time."""
    registrations = [row for row in rows if row.type == "entity.registered" and row.data["entity"] == entity]
    changes = [row for row in rows if row.type == "entity.changed" and row.data["entity"] == entity and row.last <= day]
    value = None
    for row in [*sorted(registrations, key=lambda row: row.order), *sorted(changes, key=lambda row: row.order)]:
        if name in row.data:
            value = row.data[name]
    return value


def line(rows: list[Row], entity: str, day: date) -> list[str]:
    """The entity, its parent, the parent of that, and so on."""
    found: list[str] = []
    above: str | None = entity
    while above is not None and above not in found:
        found.append(above)
        above = attribute(rows, above, "parent", day)
    return found


def inherited(rows: list[Row], entity: str, name: str, day: date) -> str | None:
    """What holds of the entity, else of the nearest parent of whom something is said."""
    for one in line(rows, entity, day):
        value = attribute(rows, one, name, day)
        if value is not None:
            return value
    return None
