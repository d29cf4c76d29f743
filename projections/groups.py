"""Groups: the ultimate parent of every party as of a day, from what was read of parents once for many days."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from projections.parties import OF_GROUPS
from projections.visibility import Point, Tables, counting


@dataclass(frozen=True, slots=True)
class Groups:
    """On a day: whose parent is whom, for all who have one, and whom nobody named."""

    parents: Mapping[str, str]
    unnamed: Sequence[str]

    def roots(self) -> Iterator[tuple[str, str]]:
        """Everybody who has a parent, with the ultimate one. Of a circle the first by name (see Parties.root)."""
        known: dict[str, str] = {}
        for entity in self.parents:
            line: dict[str, None] = {}
            above = entity
            while above not in known and above not in line and above in self.parents:
                line[above] = None
                above = self.parents[above]
            if above in line:  # a circle, which corrections can close in the past
                circle = list(line)[list(line).index(above) :]
                known.update(dict.fromkeys(circle, min(circle)))
            root = known.get(above, above)
            for one in line:
                known.setdefault(one, root)
            yield entity, known[entity]


@dataclass(frozen=True, slots=True)
class Parentage:
    """What events say of parents and of unnamed parties: of whom, seen from which day, and what; in order."""

    said: Sequence[tuple[str, date, dict[str, Any]]]

    def names(self) -> Iterator[str]:
        """All that any of it is said of."""
        for entity, _, said in self.said:
            yield entity
            if (parent := said.get("parent")) is not None:
                yield parent

    def moved(self, day: date, later: date) -> bool:
        """Whether something of it is seen on a later day and wasn't yet on a day."""
        return any(day < seen_from <= later for _, seen_from, _ in self.said)

    def on(self, day: date) -> Groups:
        parents: dict[str, str | None] = {}
        kinds: dict[str, str | None] = {}
        for entity, seen_from, said in self.said:
            if seen_from <= day:
                if "parent" in said:
                    parents[entity] = said["parent"]
                if "kind" in said:
                    kinds[entity] = said["kind"]
        named = {entity: parent for entity, parent in parents.items() if parent is not None}
        return Groups(named, [entity for entity, kind in kinds.items() if kind == "undisclosed"])


def parentage(model: Tables, at: Point) -> Parentage:
    """What counts at a point of who belongs to whom. Most events of entities say nothing of it, and aren't read."""
    rule = counting(model, at)
    rows = model.rows(
        f"""SELECT entity, seen_from, said FROM entities
        WHERE {rule.sql} AND {OF_GROUPS}
        ORDER BY type <> 'entity.registered', last_day, fact_position""",
        rule.values,
    )
    return Parentage([(entity, seen_from, json.loads(said)) for entity, seen_from, said in rows])
