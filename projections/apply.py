"""What events do to the tables: new rows, and the ends of rows that a correction or retraction replaces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from ledger.chains import segments
from ledger.event import CORRECTED, RETRACTED, SCHEMA, TYPES
from ledger.head import Content, content_of, member_of
from ledger.store import Store, Stored, StoreError
from ledger.times import parse_day, parse_period
from projections import (
    attachments,
    commitments,
    contracts,
    entities,
    events,
    flows,
    holdings,
    performance,
    rates,
    records,
    reviews,
    valuations,
)
from projections.amounts import is_up_to, money_values, stake_values, unit_values
from projections.table import KNOWN_FROM, KNOWN_TO, POS_TO, Table
from projections.visibility import ADDITIVE, FACTS

NO_END = 2**63 - 1
FOREVER = date.max.toordinal()

TABLES: tuple[Table, ...] = (
    FACTS,
    entities.TABLE,
    commitments.TABLE,
    holdings.TABLE,
    contracts.TABLE,
    valuations.TABLE,
    rates.TABLE,
    performance.TABLE,
    records.TABLE,
    reviews.TABLE,
    flows.TABLE,
    attachments.TABLE,
)
INSERTS = {table.name: table.insert for table in TABLES}
# Numbers for what flows name, in order of first appearance.
NAMES = "names"
COLUMNS = {
    events.NAME: events.COLUMNS,
    NAMES: {"no": "INTEGER", "name": "VARCHAR"},
    **{table.name: table.all_columns for table in TABLES},
}
# The name under which an event is set aside that no projection can read.
ALL = "all"

# The fields of amounts that aren't called amount, and of what stands as `more` beside them.
_AMOUNTS = {"investment.sold": "proceeds", "valuation.recorded": "value"}
_MORE = {"distribution.paid": "recallable", "valuation.recorded": "price"}

# A fact and what corrects and retracts it, by position: as stored, and its state.
Chain = Sequence[tuple[Stored, dict[str, Any]]]


@dataclass(slots=True)
class Changes:
    """What a batch of events changes in every table that takes facts of their types, and in the table of events."""

    before: int
    facts: list[list[Any]] = field(default_factory=list)
    """The facts of the batch as they stand, for the columns of `fresh`; days are numbers, as in date.toordinal."""
    ends: dict[int, int] = field(default_factory=dict)
    """Earlier facts whose open rows end, and the positions of that."""
    types: set[str] = field(default_factory=set)
    """The types of all these facts."""
    events: list[list[Any]] = field(default_factory=list)
    set_aside: list[tuple[int, str, str]] = field(default_factory=list)
    _open: dict[int, list[list[Any]]] = field(default_factory=dict)

    def begin(self, fact: Stored, rows: list[list[Any]]) -> None:
        """The fact stands like this from now on."""
        self.types.add(fact.type)
        self.facts += rows
        self._open[fact.position] = rows

    def end(self, fact: Stored, position: int) -> None:
        """As the fact stood, it stands no more: in rows of this batch, or in those before it in the file."""
        self.types.add(fact.type)
        for row in self._open.pop(fact.position, ()):
            row[POS_TO] = position
        if fact.position <= self.before:
            self.ends.setdefault(fact.position, position)

    @property
    def tables(self) -> list[Table]:
        """The tables that they may change."""
        return [table for table in TABLES if not self.types.isdisjoint(table.types)]


def changes_of(store: Store, batch: Sequence[Stored]) -> Changes:
    """What the events of a batch, which are in order and without gaps, change.

    An event that can't be read is set aside. Raises StoreError only.
    """
    changes = Changes(batch[0].position - 1)
    for stored in batch:
        try:
            _change(store, stored, changes)
        except StoreError:
            raise
        except Exception as error:  # whatever is wrong with an event, the others go on
            changes.set_aside.append((stored.position, ALL, _reason(error)))
    return changes


def _change(store: Store, stored: Stored, changes: Changes) -> None:
    state = read_state(stored)
    if stored.type in (CORRECTED, RETRACTED):
        chain = _chain(store, stored, state)
        fact = chain[0][0]
        rows = _standing(chain)
        changes.end(fact, stored.position)
        changes.begin(fact, rows)
    else:
        chain = [(stored, state)]
        changes.begin(stored, [_row(stored, content_of(state), stored.position, _day(state["known"]), stored.state)])
    try:
        changes.events.append(events.row(chain))
    except Exception as error:
        changes.set_aside.append((stored.position, events.NAME, _reason(error)))


def _chain(store: Store, stored: Stored, state: dict[str, Any]) -> Chain:
    """The chain of a correction or retraction, up to that."""
    earlier = [(one, _readable(one)) for one in store.by_chain(stored.chain) if one.position < stored.position]
    chain = [*((one, its_state) for one, its_state in earlier if its_state is not None), (stored, state)]
    if chain[0][0].event_id != stored.chain:
        raise ValueError(f"the fact {stored.chain} that it is about can't be read")
    return chain


def _standing(chain: Chain) -> list[list[Any]]:
    """How the fact of a chain stands with its last event: a row for each span of knowledge."""
    fact, stored = chain[0][0], chain[-1][0]
    members = [member_of(one, state) for one, state in chain]
    contents = {member.event_id: (member, content) for member, content in members if content is not None}
    rows = []
    for span in segments([member for member, _ in members]):
        member, content = contents[span.event_id]
        row = _row(fact, content, stored.position, member.shows_from.toordinal(), json.dumps({"data": content.data}))
        row[KNOWN_FROM] = span.known_from.toordinal()
        row[KNOWN_TO] = FOREVER if span.known_to is None else span.known_to.toordinal()
        rows.append(row)
    return rows


def _row(fact: Stored, content: Content, position: int, known: int, state: str) -> list[Any]:
    """The values of FRESH_COLUMNS for a fact that stands like this from a position on, for whoever knows it."""
    first, last = _days(content.effective)
    data = content.data
    money = data.get(_AMOUNTS.get(fact.type, "amount"))
    return [
        fact.event_id,
        fact.position,
        position,
        NO_END,
        known,
        FOREVER,
        first,
        last,
        first if fact.type in ADDITIVE else last,
        fact.type,
        content.status,
        content.same_as,
        known,
        content.effective,
        fact.stream,
        state,
        *money_values(money),
        is_up_to(money),
        *unit_values(money),
        *money_values(data.get(_MORE.get(fact.type, ""))),
        *stake_values(data.get("stake")),
        *map(_text, flows.flowing(fact.type, fact.stream, data)),
    ]


def _text(name: Any) -> str | None:
    """A name as DuckDB can take it. (In the JSON it fails where it can't, in the tables that need it.)"""
    if name is None or (isinstance(name, str) and name.isascii()):
        return name
    return str(name).encode("utf-8", "replace").decode()


@lru_cache(maxsize=65_536)
def _day(text: str) -> int:
    return parse_day(text).toordinal()


@lru_cache(maxsize=65_536)
def _days(text: str) -> tuple[int, int]:
    period = parse_period(text)
    return period.first.toordinal(), period.last.toordinal()


def read_state(stored: Stored) -> dict[str, Any]:
    """An event's state. Raises ValueError, KeyError or TypeError for one that this version can't read."""
    state: dict[str, Any] = json.loads(stored.state)
    if state["schema"] != SCHEMA:
        raise ValueError(f"schema {state['schema']!r} is not one that this version reads")
    if stored.type not in TYPES or state["type"] != stored.type:
        raise ValueError(f"no such event type: {stored.type!r}")
    _day(state["known"]), _days(state["effective"])
    return state


def _readable(stored: Stored) -> dict[str, Any] | None:
    try:
        return read_state(stored)
    except Exception:  # it was set aside when it came
        return None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
