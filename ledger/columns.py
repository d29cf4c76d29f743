"""What the store keeps beside each entry of the log, made again from the entries: ids, facts, keys.

No leaf covers these columns and rows, and the rules and every answer go by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from ledger.event import CORRECTED, RETRACTED, keys_of
from ledger.store import Stored
from ledger.store.recorder import Reading
from ledger.store.tree import Hashed

AMENDING = (CORRECTED, RETRACTED)
BATCH = 1_000


class Misplaced(Exception):
    """What is kept beside an entry doesn't follow from it; the message says where."""


class Columns:
    """Compares the columns `id` and `chain` of events with what their entries say. Take them in the log's order."""

    def __init__(self, store: Reading) -> None:
        self._store = store
        self._facts: dict[str, str] = {}  # by the id of a correction or a retraction, the fact that it is about

    def check(self, event: Stored) -> None:
        """Raises Misplaced."""
        state = state_of(event)
        if id_of(event, state) != event.event_id:
            raise Misplaced(
                f"the event at position {event.position} has another id inside than in the column `id`, by which it is"
                " found"
            )
        fact = event.event_id
        if event.type in AMENDING:
            fact = self._facts[event.event_id] = self._fact(named_in(state), event.position)
        if fact != event.chain:
            raise Misplaced(
                f"the event at position {event.position} is about the fact {fact}, and the column `chain` says"
                f" {event.chain}"
            )

    def _fact(self, event_id: str | None, before: int) -> str:
        """The fact that a named event is, corrects or retracts, by the entries alone."""
        while event_id is not None:
            if event_id in self._facts:
                return self._facts[event_id]
            named = self._store.by_id(event_id)
            if named is None or named.position >= before:
                break
            state = state_of(named)
            if id_of(named, state) != event_id:
                break
            if named.type not in AMENDING:
                return event_id
            event_id, before = named_in(state), named.position
        raise Misplaced(f"an event that the one at position {before} amends isn't in the log before it")


def check_columns(store: Reading) -> None:
    """The columns of all events. Raises Misplaced."""
    columns = Columns(store)
    for batch in batches(store):
        for event in batch:
            columns.check(event)


def check_keys(store: Reading) -> None:
    """Every event is found under the keys of all that its fact ever said, and nothing is under any other.

    Raises Misplaced. The columns must have been checked.
    """
    said: dict[str, set[str]] = {}  # by fact, for those that were amended
    for event in store.by_type(*AMENDING):
        said.setdefault(event.chain, set()).update(_keys(event))
    count = 0
    for batch in batches(store):
        expected: set[tuple[str, int]] = set()
        for event in batch:
            keys = set(_keys(event))
            if event.chain in said:
                said[event.chain] |= keys  # a fact comes before what amends it
                keys = said[event.chain]
            expected |= {(key, event.position) for key in store.layout.keys(event.stream, keys)}
        found = store.indexed({key for key, _ in expected}, batch[0].position, batch[-1].position)
        if lacking := expected - found:
            position, key = min((position, key) for key, position in lacking)
            raise Misplaced(f"the event at position {position} isn't found under {key} in the table event_keys")
        count += len(expected)
    if (kept := store.indexed_count()) != count:
        raise Misplaced(f"the table event_keys has {kept} rows, and from the events follow {count}")


def batches(store: Reading) -> Iterator[list[Stored]]:
    """All events, in the log's order."""
    position = 0
    while batch := store.read(position, BATCH):
        yield batch
        position = batch[-1].position


def state_of(event: Hashed) -> dict[str, Any]:
    """What an event's state says; nothing if it can't be read, which for half a surrogate pair holds too."""
    try:
        state = from_json(event.state)
    except ValueError:
        state = {}
    return state if isinstance(state, dict) else {}


def id_of(event: Hashed, state: dict[str, Any]) -> str | None:
    """The id that an event says it has. One from the event store library's own API is named by its place."""
    said = state.get("id", f"{event.stream}@{event.version}")
    return said if isinstance(said, str) else None


def named_in(state: dict[str, Any]) -> str | None:
    """The event that a correction or a retraction names."""
    data = state.get("data")
    named = data.get("event") if isinstance(data, dict) else None
    return named if isinstance(named, str) else None


def _keys(event: Stored) -> list[str]:
    """What an event itself says: the keys of a fact or of a correction's replacement. A retraction has none."""
    state = state_of(event)
    if "id" not in state:  # it came through the event store library's own API
        return [event.stream]
    try:
        said = state["data"]["replacement"] if event.type == CORRECTED else state
        return keys_of(said["type"], said["data"])
    except (KeyError, TypeError, AttributeError):
        raise Misplaced(f"the event at position {event.position} lacks what an event of its type has") from None
