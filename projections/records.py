"""Records: the state of one commitment, contract, guarantee, claim, restriction or entity, and its history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ledger.attachments import ADDED, ERASED
from ledger.money import Bounds
from projections.amounts import MONEY_COLUMNS
from projections.attachments import attachments_of
from projections.commitments import commitment
from projections.contracts import contract
from projections.doubles import doubles
from projections.entities import entity
from projections.events import of_record, version
from projections.figures import Part, own_currency, shown, summed, with_missing
from projections.rates import exchange
from projections.table import Fact, Said, Table, json_text
from projections.visibility import Point, Tables, counts, duplicates, visible


def _rows(fact: Fact) -> Iterator[Said]:
    fact.needs("low")
    yield {
        "stream": fact.stream,
        "effective": fact.effective,
        "data": json_text(fact.data),
        **{name: fact.amounts.get(name) for name in MONEY_COLUMNS},
    }


# The kinds that have no list of their own.
TABLE = Table(
    "records",
    frozenset(
        {
            *("guarantee.given", "guarantee.called", "claim.published", "restriction.imposed", "restriction.lifted"),
            *(ADDED, ERASED),
        }
    ),
    {"stream": "VARCHAR", "effective": "VARCHAR", "data": "VARCHAR", **MONEY_COLUMNS},  # `data` is JSON
    _rows,
)
_MAKES = ("guarantee.given", "claim.published", "restriction.imposed", ADDED)
_STATES = {"commitment": commitment, "contract": contract, "entity": entity}
KINDS = (*_STATES, "guarantee", "claim", "restriction", "attachment")
# Each takes the record's state twice.
CHANGES_TOLD = 50


def record(model: Tables, at: Point, kind: str, record_id: str) -> dict[str, Any] | None:
    """A record's version, its state (null if it isn't there on `as_of`), its history and its events.

    None if none is known. The history is of the newest CHANGES_TOLD events; `earlier` is the position at which to ask
    for what came before them.
    """
    if kind not in KINDS:
        return None
    stream = f"{kind}/{record_id}"
    events = of_record(model, at, stream)
    if not events:
        return None
    told = events[-CHANGES_TOLD:]
    return {
        "kind": kind,
        "id": record_id,
        "version": version(model, at, stream),
        "state": _state_of(model, at, kind, record_id),
        "history": _history(model, at, kind, record_id, told),
        "earlier": told[0]["position"] - 1 if len(events) > len(told) else None,
        "attachments": attachments_of(model, at, [record_id])[record_id],
        "events": events,
    }


def _history(
    model: Tables, at: Point, kind: str, record_id: str, events: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What recording each event changed in the record's state as it is on `as_of`, with what was known by `known_at`.

    The state at its position against that at the position before, so that anybody can ask for both.
    """
    history = []
    position, state = -1, None
    for event in events:
        if position != event["position"] - 1:
            state = _state_of(model, replace(at, position=event["position"] - 1), kind, record_id)
        before, position = state, event["position"]
        state = _state_of(model, replace(at, position=position), kind, record_id)
        named = {name: event[name] for name in ("position", "type", "effective", "known", "recorded_at", "recorded_by")}
        history.append({"event": event["id"], **named, "changes": _changes(before or {}, state or {})})
    return history


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields that differ, by name, since some states have theirs in the order that they were sent in.

    What isn't there is null. `events` tell themselves.
    """
    return [
        {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted({*after, *before})
        if name != "events" and before.get(name) != after.get(name)
    ]


def _state_of(model: Tables, at: Point, kind: str, record_id: str) -> dict[str, Any] | None:
    return _STATES[kind](model, at, record_id) if kind in _STATES else _state(model, at, f"{kind}/{record_id}")


def _state(model: Tables, at: Point, stream: str) -> dict[str, Any] | None:
    """What made the record says, with its status, and what became of it: `called`, `lifted` or `erased`.

    What became of its doubles became of it.
    """
    rule = visible(at)
    of_doubles = [double for double, first in doubles(model, at).records.items() if first == stream]
    columns = ", ".join(["chain", "fact_position", "first_day", "last_day", "type", "status", "effective", "data"])
    rows = model.rows(
        f"""SELECT {columns}, {", ".join(MONEY_COLUMNS)} FROM records
        WHERE {rule.sql} AND (stream = $stream
            OR list_contains($doubles::VARCHAR[], stream) AND NOT list_contains($makes::VARCHAR[], type))
        ORDER BY last_day, fact_position""",
        {**rule.values, "stream": stream, "doubles": of_doubles, "makes": sorted(_MAKES)},
    )
    made = max((row for row in rows if row[4] in _MAKES), key=lambda row: row[1], default=None)
    if made is None:
        return None
    repeated = duplicates(model, at)
    after = [row for row in rows if row[4] not in _MAKES and counts(row[5], at) and row[0] not in repeated]
    state = {**json.loads(made[7]), "status": made[5]}
    figures = []
    if made[4] == "guarantee.given":
        converting = exchange(model, at)
        figures = [called := summed(_part(row).figure(converting) for row in after)]
        state["called"] = shown(called, converting.target or own_currency(called) or made[8])
    elif made[4] == "restriction.imposed":
        state["lifted"] = after[0][6] if after else None
    elif made[4] == ADDED:
        state["erased"] = after[0][6] if after else None
    state["events"] = [row[0] for row in sorted([made, *after], key=lambda row: row[1])]
    return with_missing(state, figures)


def _part(row: tuple[Any, ...]) -> Part:
    low: Decimal
    _, _, first_day, last_day, _, _, _, _, currency, low, stated, high = row
    return Part(currency, Bounds(low, stated, high), first_day, last_day)
