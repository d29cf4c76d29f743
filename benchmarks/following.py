"""How fast the read model follows the log, is built anew, and shows what was just written."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from benchmarks.ground import Ground
from benchmarks.processes import Client
from benchmarks.table import Figure, Target, compared, in_turns, percentile
from benchmarks.writing import JSON, singles
from ledger.store import Store, Stored, open_store
from projections.database import ReadModel
from projections.follower import BATCH, Follower

MOST = 200_000  # events that the follower is given, of whatever log
LONG = 1_000_000  # events: a rebuild of more tells enough when it is done once


class _Head:
    """A store that ends early."""

    def __init__(self, store: Store, last: int) -> None:
        self._store, self._last = store, min(last, store.head())

    def head(self) -> int:
        return self._last

    def read(self, after: int, limit: int) -> list[Stored]:
        return self._store.read(after, min(limit, self._last - after)) if after < self._last else []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@contextmanager
def _store(ground: Ground, most: int | None = None) -> Iterator[tuple[Store, int]]:
    """The log, or no more than its beginning, in this process, which only reads it, and how many events that is."""
    folder = ground.ledger
    ground.leave()
    store = open_store(folder, None)
    read = store if most is None else cast(Store, _Head(store, most))
    yield read, read.head()
    store.close()


def _reading(store: Store) -> float:
    """Seconds to read all events, as the follower reads them."""
    started = time.perf_counter()
    after = 0
    while batch := store.read(after, BATCH):
        after = batch[-1].position
    return time.perf_counter() - started


def follower(ground: Ground) -> Iterator[Figure]:
    """Events a second that the follower brings into a read model on the disk, from the first event on."""
    with _store(ground, MOST) as (store, events):

        def following() -> float:
            folder = ground.folder("follower")
            empty = open_store(folder, None)
            model = ReadModel(folder)
            model.prepare(empty)  # an empty one: what follows is not a rebuild
            started = time.perf_counter()
            Follower(store, model).catch_up()
            seconds = time.perf_counter() - started
            model.close()
            empty.close()
            return events / seconds

        found = in_turns(ground.rounds(2, 3), following, lambda: events / _reading(store))
    note = f"floor: reading the same {events:,} events from the store"
    yield compared("follower, durable", "events/s", found, Target("ratio", "≥", 0.4), note=note)


def rebuild(ground: Ground) -> Iterator[Figure]:
    """Events a second at which all projections are built anew."""
    with _store(ground) as (store, events):

        def rebuilding() -> float:
            folder = ground.folder("rebuild")
            folder.mkdir()
            model = ReadModel(folder)
            started = time.perf_counter()
            model.rebuild(store, "it is measured")
            seconds = time.perf_counter() - started
            model.close()
            shutil.rmtree(folder)
            return events / seconds

        found = in_turns(1 if events > LONG else 2, rebuilding, lambda: events / _reading(store))
    targets = (Target("value", "≥", 50_000), Target("ratio", "≥", 0.35))
    note = f"floor: reading the same {events:,} events from the store"
    yield compared("rebuild of all projections", "events/s", found, *targets, note=note)


def after_write(ground: Ground) -> Iterator[Figure]:
    """Write an event, then ask for a holder's list that holds it: how much longer that takes than the write."""
    import json

    ground.written.rest()
    with Client(ground.written.address) as client:
        writes, reads = [], []
        made = (event for event in singles(ground.size) if event["type"] == "investment.made")
        for event in (next(made) for _ in range(ground.rounds(40, 300))):
            started = time.perf_counter()
            body = json.dumps(event).encode()
            position = json.loads(client.post("/v1/events", body, content_type=JSON))["position"]
            written = time.perf_counter()
            client.get(f"/v1/holdings?holder={event['data']['investor']}&limit=1", min_position=str(position))
            writes.append((written - started) * 1000)
            reads.append((time.perf_counter() - written) * 1000)
    yield _waiting(reads, writes)


def _waiting(reads: Sequence[float], writes: Sequence[float]) -> Figure:
    value, floor = percentile(reads, 0.5), percentile(writes, 0.5)
    note = f"the read of the holder's list, after the write of {floor:.1f} ms; p99 {percentile(reads, 0.99):.1f} ms"
    targets = (Target("value", "≤", 10),)
    return Figure("write, then read with Min-Position: more than the write", value, "ms", floor, value / floor,
                  targets, note)  # fmt: skip
