"""What events do to the tables: new rows, and the ends of rows that a correction or retraction replaces."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ledger.chains import Member, segments
from ledger.event import CORRECTED, RETRACTED, SCHEMA, TYPES
from ledger.head import Content, member_of
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
from projections.visibility import FACTS, POS_TO, Fact, Table, segment

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
_TABLES_OF = {kind: [table for table in TABLES if kind in table.types] for kind in TYPES}
# Numbers for what tables name very often, in order of first appearance.
NAMES = "names"
NUMBERS = {table.name: table.numbers for table in TABLES if table.numbers}
COLUMNS = {
    events.NAME: events.COLUMNS,
    NAMES: {"no": "INTEGER", "name": "VARCHAR"},
    **{table.name: table.all_columns for table in TABLES},
}
# The name under which an event is set aside that no projection can read.
ALL = "all"

_day = lru_cache(maxsize=65_536)(parse_day)

# A fact and what corrects and retracts it, by position: as stored, and its state.
Chain = Sequence[tuple[Stored, dict[str, Any]]]


@dataclass(slots=True)
class Changes:
    """What a batch of events changes. `ends`: by table, the facts whose open rows end, and the position of that."""

    before: int
    rows: dict[str, list[list[Any]]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    set_aside: list[tuple[int, str, str]] = field(default_factory=list)
    _open: dict[tuple[str, int], list[list[Any]]] = field(default_factory=lambda: defaultdict(list))

    def end(self, table: str, fact_position: int, position: int) -> None:
        """The fact's open rows end at `position`: those of this batch here, those before it in the file."""
        for row in self._open.pop((table, fact_position), ()):
            row[POS_TO] = position
        if fact_position <= self.before:
            self.ends[table].setdefault(fact_position, position)

    def begin(self, table: str, fact_position: int, rows: list[list[Any]]) -> None:
        self.rows[table].extend(rows)
        self._open[table, fact_position].extend(rows)

    def only(self, tables: Iterable[str]) -> Changes:
        """The same changes to some of the tables."""
        return Changes(
            self.before,
            {name: self.rows[name] for name in tables if name in self.rows},
            {name: self.ends[name] for name in tables if name in self.ends},
            self.set_aside,
        )

    @property
    def tables(self) -> list[str]:
        return [name for name in COLUMNS if name in self.rows or name in self.ends]


def changes_of(store: Store, batch: Sequence[Stored]) -> Changes:
    """What the events of a batch, which are in order and without gaps, change.

    An event that can't be read, or not by one projection, is set aside. Raises StoreError only.
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
    chain = [(stored, read_state(stored))]
    if stored.type in (CORRECTED, RETRACTED):
        earlier = [one for one in store.by_chain(stored.chain) if one.position < stored.position]
        chain = [(one, state) for one in earlier if (state := _readable(one)) is not None] + chain
        if chain[0][0].event_id != stored.chain:
            raise ValueError(f"the fact {stored.chain} that it is about can't be read")
    _project(chain, changes)
    try:
        changes.rows[events.NAME].append(events.row(chain))
    except Exception as error:
        changes.set_aside.append((stored.position, events.NAME, _reason(error)))


def _project(chain: Chain, changes: Changes) -> None:
    """Replace the chain's rows in every table by those that it has with its last event."""
    fact, stored = chain[0][0], chain[-1][0]
    members = [member_of(one, state) for one, state in chain]
    facts = {member.event_id: _fact(fact, member, content) for member, content in members if content is not None}
    if len(chain) == 1:
        content = facts[fact.event_id]
        shown = [(content, segment(content, stored.position, content.known, None))]
    else:
        shown = [
            (facts[span.event_id], segment(facts[span.event_id], stored.position, span.known_from, span.known_to))
            for span in segments([member for member, _ in members])
        ]
    for table in _TABLES_OF[fact.type]:
        try:
            rows = [[*head, *columns] for content, head in shown for columns in table.rows(content)]
        except Exception as error:  # one projection that stumbles doesn't hold up the others
            changes.set_aside.append((stored.position, table.name, _reason(error)))
            continue
        if len(chain) > 1:
            changes.end(table.name, fact.position, stored.position)
        if rows:
            changes.begin(table.name, fact.position, rows)


def read_state(stored: Stored) -> dict[str, Any]:
    """An event's state. Raises ValueError, KeyError or TypeError for one that this version can't read."""
    state: dict[str, Any] = json.loads(stored.state)
    if state["schema"] != SCHEMA:
        raise ValueError(f"schema {state['schema']!r} is not one that this version reads")
    if stored.type not in TYPES or state["type"] != stored.type:
        raise ValueError(f"no such event type: {stored.type!r}")
    _day(state["known"]), parse_period(state["effective"])
    return state


def _readable(stored: Stored) -> dict[str, Any] | None:
    try:
        return read_state(stored)
    except Exception:  # it was set aside when it came
        return None


def _fact(fact: Stored, member: Member, content: Content) -> Fact:
    """The fact as a member of its chain has it."""
    return Fact(
        chain=fact.event_id,
        position=fact.position,
        stream=fact.stream,
        type=fact.type,
        effective=content.effective,
        period=parse_period(content.effective),
        known=member.shows_from,
        status=content.status,
        same_as=content.same_as,
        data=content.data,
    )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
