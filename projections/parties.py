"""Parties: what is said of entities on any day, and the groups that they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from projections.visibility import Point, Tables, counting


@dataclass(frozen=True, slots=True)
class Parties:
    """By entity, what its events say of it and from which day on, in order; and whose parent it ever was.

    What an entity is registered with holds from the beginning of time: many were dealt with before.
    """

    said: dict[str, list[tuple[date, dict[str, Any]]]]
    children: dict[str, set[str]]

    def attribute(self, entity: str, name: str, day: date) -> str | None:
        """What holds of an entity on a day."""
        value: str | None = None
        for since, said in self.said.get(entity, ()):
            if since <= day and name in said:
                value = said[name]
        return value

    def line(self, entity: str, day: date) -> list[str]:
        """The entity and its parents on a day, the nearest first."""
        line: list[str] = []
        above: str | None = entity
        while above is not None and above not in line:  # corrections can close a circle in the past
            line.append(above)
            above = self.attribute(above, "parent", day)
        return line

    def root(self, entity: str, day: date) -> str:
        """The ultimate parent on a day; of a circle, which corrections can close in the past, the first by name."""
        line = self.line(entity, day)
        above = self.attribute(line[-1], "parent", day)
        return line[-1] if above is None else min(line[line.index(above) :])

    def inherited(self, entity: str, name: str, day: date) -> str | None:
        """What holds of an entity on a day; where nothing is said of it, what holds of its nearest parent."""
        values = (self.attribute(one, name, day) for one in self.line(entity, day))
        return next((value for value in values if value is not None), None)

    def ever_below(self, entities: Iterable[str]) -> set[str]:
        """The entities, and everyone who had one of them for a parent at any time."""
        found = set(entities)
        waiting = list(found)
        while waiting:
            new = self.children.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found


# Of events of entities those that may say whose parent is whom, and who is undisclosed, or no longer.
OF_GROUPS = """(contains(said, '"parent"') OR contains(said, '"undisclosed"')
    OR type = 'entity.changed' AND contains(said, '"kind"'))"""


def parties(model: Tables, at: Point, *, of_groups: bool = False) -> Parties:
    """Everyone who takes part at the three times; or, with `of_groups`, only what events say that say who has which
    parent and who is undisclosed: most say neither, and need not be read to find the groups."""
    rule = counting(model, at)
    rows = model.rows(
        f"""SELECT entity, CASE WHEN type = 'entity.registered' THEN DATE '0001-01-01' ELSE last_day END, said
        FROM entities WHERE {rule.sql} AND {OF_GROUPS if of_groups else "true"}
        ORDER BY type <> 'entity.registered', last_day, fact_position""",
        rule.values,
    )
    events: dict[str, list[tuple[date, dict[str, Any]]]] = {}
    children: dict[str, set[str]] = {}
    for entity, since, text in rows:
        said = json.loads(text)
        events.setdefault(entity, []).append((since, said))
        if said.get("parent") is not None:
            children.setdefault(said["parent"], set()).add(entity)
    return Parties(events, children)
