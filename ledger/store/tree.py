"""How the database keeps the tree over the log: what every store writes for it beside the events, and reads of it.

Table `tree_runs` holds the hashes of each level of tiles in the order of their index, cut into rows as they were
appended together; no row crosses the border of a tile. Level 0 are the leaves, one for each event, so that the leaf at
index n is that of position n + 1. Rows are never changed: a tile grows by further rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ledger.log.entry import ENTRY_BYTES, NotAnEntry, entry_bytes
from ledger.log.merkle import HASH_BYTES, leaf_hash
from ledger.log.tiles import WIDTH, Run, grow
from ledger.store.errors import NoLeaf, TreeDamaged

BACKFILL = 20 * WIDTH  # events that are hashed at a time when a log from before the tree gets one

Rows = Callable[..., list[tuple[Any, ...]]]
"""Asks the database: the query with `?` for each value, and the values."""
Told = Callable[[int, int], None]
"""Is told how far some long work is: so many events of so many."""


class Hashed(Protocol):
    """An event as its leaf hashes it."""

    @property
    def stream(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def state(self) -> str: ...


class Placed(Hashed, Protocol):
    """The same, with its place in the log."""

    @property
    def position(self) -> int: ...


def leaf_of(event: Hashed) -> bytes:
    """The leaf's hash; NoLeaf if the event has no entry or one that is too long."""
    try:
        entry = entry_bytes(event.stream, event.version, event.type, event.state)
    except NotAnEntry as error:
        raise NoLeaf(str(error)) from None
    if len(entry) > ENTRY_BYTES:
        raise NoLeaf(f"the event takes {len(entry)} bytes in the log, and it holds {ENTRY_BYTES}")
    return leaf_hash(entry)


@dataclass(frozen=True, slots=True)
class Heads:
    """How far the log and its tree go. One query tells both, since it is asked in every transaction."""

    position: int
    """The last event's, 0 in an empty log."""
    leaves: int
    """As many, unless somebody wrote beside the store."""


def heads(rows: Rows) -> Heads:
    return Heads(
        *rows(
            f"""SELECT coalesce((SELECT max(position) FROM events), 0), coalesce((SELECT first + length(hashes) /
            {HASH_BYTES} FROM tree_runs WHERE level = 0 ORDER BY first DESC LIMIT 1), 0)"""
        )[0]
    )


def hashes(rows: Rows, level: int, first: int, count: int) -> bytes:
    """`count` hashes of a level from `first` on, all of one tile. Raises TreeDamaged if they are not all there."""
    start = first - first % WIDTH
    found = rows(
        "SELECT first, hashes FROM tree_runs WHERE level = ? AND first >= ? AND first < ? ORDER BY first",
        level,
        start,
        first + count,
    )
    tile, at = b"", start
    for run_first, run in found:
        if run_first != at:
            break
        tile += run
        at += len(run) // HASH_BYTES
    wanted = tile[(first - start) * HASH_BYTES : (first - start + count) * HASH_BYTES]
    if len(wanted) != count * HASH_BYTES:
        raise TreeDamaged(f"the tree lacks hashes of level {level} between {first} and {first + count}")
    return wanted


def grown(rows: Rows, before: Heads, events: Iterable[Hashed]) -> list[Run]:
    """The rows to store as these events are appended to what there was before. Raises TreeDamaged, NoLeaf."""
    if before.leaves != before.position:
        raise TreeDamaged(
            f"the log has {before.position} events and the tree {before.leaves} leaves: one of them was changed beside"
            " the ledger. Nothing more is written; restore both from one backup"
        )
    return grow(before.leaves, [leaf_of(event) for event in events], partial(hashes, rows))


def fill(
    rows: Rows,
    read: Callable[[int, int], Sequence[Placed]],
    store: Callable[[Sequence[Run]], object],
    told: Told,
) -> None:
    """Give the tree to a log from before it had one, inside the transaction that makes the table."""
    head, done = heads(rows).position, 0
    while done < head:
        events = read(done, BACKFILL)
        if [event.position for event in events] != list(range(done + 1, done + 1 + len(events))):
            raise TreeDamaged(f"the log lacks an event after position {done}, so no tree can be made of it")
        store(grown(rows, Heads(done, heads(rows).leaves), events))
        done += len(events)
        told(done, head)
