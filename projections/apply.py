"""What events do to the tables: new rows, and the ends of rows that a correction or retraction replaces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from ledger.chains import segments
from ledger.event import CORRECTED, RETRACTED, SCHEMA, TYPES
from ledger.head import Content, content_of, member_of
from ledger.store import Reading, Stored, StoreError
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
from projections.amounts import AMOUNT_COLUMNS, BOUNDS, amounts_of
from projections.amounts import WORKED_OUT as AMOUNTS_WORKED_OUT
from projections.changes import Changes, Making, Row
from projections.table import SEGMENT_COLUMNS, SEGMENTS, Fact, Table, View
from projections.visibility import ADDITIVE, FACTS

NO_END = 2**63 - 1
FOREVER = date.max.toordinal()

VIEWS: tuple[View, ...] = (
    FACTS,
    commitments.TABLE,
    holdings.TABLE,
    contracts.TABLE,
    valuations.TABLE,
    performance.TABLE,
    flows.TABLE,
)
TABLES: tuple[Table, ...] = (entities.TABLE, rates.TABLE, records.TABLE, reviews.TABLE, attachments.TABLE)
# Numbers for what flows name, in order of first appearance.
NAMES = "names"
COLUMNS: dict[str, Mapping[str, str]] = {
    events.NAME: events.COLUMNS,
    NAMES: {"no": "INTEGER", "name": "VARCHAR"},
    SEGMENTS: {
        **SEGMENT_COLUMNS,
        "effective": "VARCHAR",
        "known": "DATE",
        **AMOUNT_COLUMNS,
        **{name: kind for view in VIEWS for name, kind in view.adds.items()},
    },
    **{table.name: table.all_columns for table in TABLES},
}
# Columns that tables work out of others, and don't keep.
WORKED_OUT = {events.NAME: events.WORKED_OUT, SEGMENTS: AMOUNTS_WORKED_OUT}
# The name under which an event is set aside that no projection can read.
ALL = "all"

_NOTHING: Row = dict.fromkeys(COLUMNS[SEGMENTS])
_VIEWS = {kind: tuple(view for view in VIEWS if kind in view.types) for kind in TYPES}
_TABLES = {kind: tuple(table for table in TABLES if kind in table.types) for kind in TYPES}

# A fact and what corrects and retracts it, by position: as stored, and its state.
Chain = Sequence[tuple[Stored, dict[str, Any]]]


# What a fact says, the day from which it shows, and from when until before when the log is known like that.
_Span = tuple[Content, int, int, int]


def changes_of(log: Reading, batch: Sequence[Stored]) -> Changes:
    """What the events of a batch, which are in order and without gaps, change.

    An event that can't be read is set aside. Raises StoreError only.
    """
    changes = Making(batch[0].position - 1)
    for stored in batch:
        try:
            _change(log, stored, changes)
        except StoreError:
            raise
        except Exception as error:  # whatever is wrong with an event, the others go on
            changes.set_aside.append((stored.position, ALL, _reason(error)))
    return changes.made(batch)


def _change(log: Reading, stored: Stored, changes: Making) -> None:
    state = read_state(stored)
    if stored.type in (CORRECTED, RETRACTED):
        chain = _chain(log, stored, state)
        _stand_anew(chain, changes)
    else:
        chain = [(stored, state)]
        known = _day(state["known"])
        failed = _stand(stored, stored.position, [(content_of(state), known, known, FOREVER)], changes)
        if failed:
            changes.set_aside += ((stored.position, name, _reason(error)) for name, error in failed.items())
    try:
        changes.events.append(events.row(chain))
    except Exception as error:
        changes.set_aside.append((stored.position, events.NAME, _reason(error)))


def _chain(log: Reading, stored: Stored, state: dict[str, Any]) -> Chain:
    """The chain of a correction or retraction, up to that."""
    earlier = [(one, _readable(one)) for one in log.by_chain(stored.chain) if one.position < stored.position]
    chain = [*((one, its_state) for one, its_state in earlier if its_state is not None), (stored, state)]
    if chain[0][0].event_id != stored.chain:
        raise ValueError(f"the fact {stored.chain} that it is about can't be read")
    return chain


def _stand_anew(chain: Chain, changes: Making) -> None:
    """The fact of a chain stands differently with the chain's last event. In a projection that can't take that, the
    fact stands as it stood before."""
    fact, position = chain[0][0], chain[-1][0].position
    spans = _spans(chain)
    changes.tables[SEGMENTS].end(fact, position, changes.before)
    failed = _stand(fact, position, spans, changes, again=True)
    changes.set_aside += ((position, name, _reason(error)) for name, error in failed.items())
    while failed and len(chain) > 1:
        chain = chain[:-1]
        failed = _stand(fact, position, _spans(chain), changes, only=failed)


def _spans(chain: Chain) -> list[_Span]:
    """How the fact of a chain stands with the chain's last event."""
    members = [member_of(one, state) for one, state in chain]
    contents = {member.event_id: (member, content) for member, content in members if content is not None}
    spans: list[_Span] = []
    for span in segments([member for member, _ in members]):
        member, content = contents[span.event_id]
        until = FOREVER if span.known_to is None else span.known_to.toordinal()
        spans.append((content, member.shows_from.toordinal(), span.known_from.toordinal(), until))
    return spans


def _stand(
    fact: Stored,
    position: int,
    spans: Sequence[_Span],
    changes: Making,
    *,
    again: bool = False,
    only: Mapping[str, Exception] | None = None,
) -> dict[str, Exception]:
    """The fact stands like this from a position on: rows in `segments`, with what its views say, or those views that
    are in `only`; and in other tables, where it stood before if `again`. What can't read it, by name, and why."""
    views = _VIEWS[fact.type] if only is None else [view for view in _VIEWS[fact.type] if view.name in only]
    tables = _TABLES[fact.type] if only is None else ()
    facts: list[Fact] = []
    rows: list[Row] = []
    failed: dict[str, Exception] = {}
    for span in spans:
        row, of_span = _segment(fact, position, span)
        for view in views:
            try:
                said = view.said(of_span)
            except Exception as error:  # whatever it can't read
                failed[view.name] = error
            else:
                if said is not None:
                    row.update(said)
        facts.append(of_span)
        rows.append(row)
    if failed:  # it has no span of a fact, or all
        for row in rows:
            row.update((view.mark, None) for view in views if view.name in failed)
    if views:
        changes.tables[SEGMENTS].begin(fact, rows)
    for table in tables:
        try:
            own = [
                {**{name: row[name] for name in SEGMENT_COLUMNS}, **said}
                for row, one in zip(rows, facts, strict=True)
                for said in table.rows(one)
            ]
        except Exception as error:  # whatever it can't read
            failed[table.name] = error
            continue
        if again:
            changes.tables[table.name].end(fact, position, changes.before)
        changes.tables[table.name].begin(fact, own)
    return failed


def _segment(fact: Stored, position: int, span: _Span) -> tuple[Row, Fact]:
    """A row of `segments` in which no view has said anything yet, and what views and tables read."""
    content, shows_from, known_from, known_to = span
    kind = fact.type
    amounts, faults = amounts_of(kind, content.data)
    first, last = _days(content.effective)
    row: Row = {
        **_NOTHING,
        "chain": fact.event_id,
        "fact_position": fact.position,
        "pos_from": position,
        "pos_to": NO_END,
        "known_from": known_from,
        "known_to": known_to,
        "first_day": first,
        "last_day": last,
        "seen_from": first if kind in ADDITIVE else last,
        "type": kind,
        "status": content.status,
        "same_as": content.same_as,
        "effective": content.effective,
        "known": shows_from,
        **amounts,
    }
    for bound in BOUNDS:
        row.pop(bound, None)
    return row, Fact(kind, fact.stream, content.effective, content.data, amounts, faults)


class _Wary(dict[str, Any]):
    """A part of an event that may hold texts that aren't valid Unicode; it doesn't give them out, for no table takes
    them. Raises UnicodeEncodeError."""

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - that is this method

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                text.encode()
        return value


@lru_cache(maxsize=65_536)
def _day(text: str) -> int:
    return parse_day(text).toordinal()


@lru_cache(maxsize=65_536)
def _days(text: str) -> tuple[int, int]:
    period = parse_period(text)
    return period.first.toordinal(), period.last.toordinal()


def read_state(stored: Stored) -> dict[str, Any]:
    """An event's state. Raises ValueError, KeyError or TypeError for one that this version can't read."""
    state: dict[str, Any]
    try:
        state = from_json(stored.state, cache_strings="keys")
    except ValueError:
        state = json.loads(stored.state, object_hook=_Wary)
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
