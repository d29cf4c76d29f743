"""Entities: who takes part, under which names, and in whose group."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

from ledger.entities import entity_names
from projections.paging import Listing, Page, cut
from projections.table import Fact, Said, Table, json_text
from projections.visibility import Point, Rule, Tables, counting

_FIELDS = ("name", "kind", "parent", "manager", "country", "city", "sector", "state", "lei", "aliases", "names")


def _rows(fact: Fact) -> Iterator[Said]:
    yield {"entity": fact.data["entity"], "said": json_text(fact.data)}


TABLE = Table(
    "entities",
    frozenset({"entity.registered", "entity.changed"}),
    {"entity": "VARCHAR", "said": "VARCHAR"},  # `said`: JSON of what the event says, attributes and all
    _rows,
)


def entities(
    model: Tables,
    at: Point,
    *,
    kind: str | None = None,
    parent: str | None = None,
    q: str | None = None,
    page: Page,
) -> Listing:
    """Entities by id: of a kind, of a parent, with a text in their id or one of their names."""
    found = (
        row
        for row in _after(model, at, page)
        if (kind is None or row["kind"] == kind)
        and (parent is None or row["parent"] == parent)
        and (q is None or _mentions(row, _plain(q)))
    )
    rows, after = cut(list(islice(found, page.limit + 1)), page, lambda row: (row["entity"],))
    return Listing(rows, None, after is not None, after)


def entity(model: Tables, at: Point, entity_id: str) -> dict[str, Any] | None:
    """One entity as the list has it; None if it isn't registered at the three times."""
    return next(_entities(model, counting(model, at), entity_id, entity_id), None)


def ever_registered(model: Tables, at: Point, entity_id: str) -> bool:
    """Whether the log has registered the entity by the position, whatever the days."""
    known = "SELECT 1 FROM entities WHERE entity = $entity AND pos_from <= $position LIMIT 1"
    return bool(model.rows(known, {"entity": entity_id, "position": at.position}))


def _after(model: Tables, at: Point, page: Page) -> Iterator[dict[str, Any]]:
    """Those after a page's beginning, by id; as many as it may need are read at first, and then more at a time."""
    rule = counting(model, at)
    [after] = [""] if page.after is None else json.loads(page.after)
    size = page.limit + 1
    while True:
        next_ones = "SELECT DISTINCT entity FROM entities WHERE entity > $after ORDER BY entity LIMIT $size"
        ids = [one for [one] in model.rows(next_ones, {"after": after, "size": size})]
        if ids:
            yield from _entities(model, rule, ids[0], ids[-1])
        if len(ids) < size:
            return
        after, size = ids[-1], size * 10


def _entities(model: Tables, rule: Rule, first: str, last: str) -> Iterator[dict[str, Any]]:
    rows = model.rows(
        f"""SELECT entity, chain, fact_position, type, said FROM entities
        WHERE {rule.sql} AND entity BETWEEN $first AND $last ORDER BY entity, last_day, fact_position""",
        {**rule.values, "first": first, "last": last},
    )
    for its_id, its_rows in groupby(rows, key=lambda row: row[0]):
        row = _fold(its_id, list(its_rows))
        if row is not None:
            yield row


def _fold(entity_id: str, rows: list[tuple[str, str, int, str, str]]) -> dict[str, Any] | None:
    """What the events say of an entity, the later over the earlier; null clears. None before it is registered."""
    said: dict[str, Any] = {}
    for *_, text in sorted(rows, key=lambda row: row[3] != "entity.registered"):
        given = json.loads(text)
        # An entity always has a name and a kind, so null leaves these as they are.
        said |= {field: value for field, value in given.items() if value is not None or field not in ("name", "kind")}
    if all(row[3] != "entity.registered" for row in rows):
        return None
    row = {"entity": entity_id, **{field: said.get(field) for field in _FIELDS}}
    row["state"] = row["state"] or "active"
    row["aliases"] = row["aliases"] or []
    row["events"] = [chain for _, chain, *_ in sorted(rows, key=lambda row: row[2])]
    return row


def _mentions(row: dict[str, Any], text: str) -> bool:
    return any(text in _plain(name) for name in (row["entity"], *entity_names(row)))


def _plain(text: str) -> str:
    """Without the differences that a reader doesn't see or mean."""
    return unicodedata.normalize("NFKC", text).casefold()
