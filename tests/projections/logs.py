"""A log in a list: what read models need of a store, and facts put into it without the checks of the append path."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from ledger.event import ABOUT_EVENTS, SCHEMA, TYPES
from ledger.store import Store, Stored
from ledger.times import parse_period
from tests.facts import Fact, ident

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class ListedLog:
    """Events by position, in memory. `store` is the log as the read model takes it."""

    place = None

    def __init__(self) -> None:
        self.events: list[Stored] = []
        self._place: dict[str, int] = {}
        self._chains: dict[str, list[Stored]] = {}
        self._versions: dict[str, int] = {}

    @property
    def store(self) -> Store:
        return cast(Store, self)

    def given(self, *facts: Fact) -> list[str]:
        """Append facts as the writer would. `known` is the end of `effective` unless it is said. Gives their ids."""
        return [self._append(fact) for fact in facts]

    def _append(self, fact: Fact) -> str:
        position = len(self.events) + 1
        event_id = fact.get("id") or ident(position)
        kind, data = fact["type"], fact["data"]
        known = fact.get("known") or str(parse_period(fact["effective"]).last)
        effective = fact.get("effective") or (known if kind in ABOUT_EVENTS else None)
        state: dict[str, Any] = {
            "schema": SCHEMA,
            "id": event_id,
            "type": kind,
            "effective": effective,
            "known": known,
            **{name: fact[name] for name in ("source", "same_as", "note") if name in fact},
            "status": fact.get("status", "reported"),
            "data": data,
            "recorded_at": (EPOCH + timedelta(seconds=position)).isoformat(timespec="microseconds")[:-6] + "Z",
            "recorded_by": "tests",
        }
        text = json.dumps(state, ensure_ascii=False)
        about = self.by_id(data["event"]) if kind in ("event.corrected", "event.retracted") else None
        stream = about.stream if about else TYPES[kind].stream(data, event_id)
        return self.put(kind, text, event_id, stream, about.chain if about else event_id)

    def put(self, kind: str, state: str, event_id: str, stream: str, chain: str) -> str:
        """Append an event with any text for its state."""
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        stored = Stored(len(self.events) + 1, stream, version, kind, state, event_id, chain)
        self._place[event_id] = len(self.events)
        self._chains.setdefault(chain, []).append(stored)
        self.events.append(stored)
        return event_id

    # What read models ask of a store.

    def head(self) -> int:
        return len(self.events)

    def read(self, after: int, limit: int) -> list[Stored]:
        return self.events[after : after + limit]

    def states(self, positions: Iterable[int]) -> dict[int, str]:
        return {position: self.events[position - 1].state for position in positions}

    def by_id(self, event_id: str) -> Stored | None:
        place = self._place.get(event_id)
        return None if place is None else self.events[place]

    def by_chain(self, chain: str) -> list[Stored]:
        return list(self._chains.get(chain, ()))


def log_of(facts: Iterable[Fact]) -> ListedLog:
    log = ListedLog()
    log.given(*facts)
    return log


def state_of(stored: Stored) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(stored.state))
