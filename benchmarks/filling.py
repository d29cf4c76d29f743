"""Fills a log with the workload, straight into its tables: the rows, index and tree that the service would have left.

The workload is known to be taken whole, so nothing is checked, and nothing waits for the disk until all is there: for a
million events this takes the writer minutes. One process makes the events and what the log keeps beside them; this one
appends them, with the store's own code. The service then makes the read model and signs, as it does with any log.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import workload
from ledger.event import CORRECTED, RETRACTED, Event, Origin, keys_of, state_text
from ledger.store import Entry
from ledger.store.sqlite import LOG_FILE, Datastore, Recorder

REQUEST_LINES = 20_000  # events that share a trace id, as the lines of one request do
ALONE = 100_000  # up to so many events, a second process takes longer to start than it saves
BATCHES_AHEAD = 3
# The indexes are touched all over, for ids are random: what doesn't fit is written and read again, time after time.
CACHE_KIB = 2_000_000
# Of so many events the fact is known. The workload has 2,000 facts at a time that may be corrected, and each new one
# takes the place of any, so none of them is nearly as old.
FACTS_KEPT = 500_000

Row = tuple[str, int, str, str, str, str, tuple[str, ...]]
"""An Entry's fields: a tuple comes from one process to another in a fraction of the time."""
Fact = tuple[str, str, tuple[str, ...]]
"""The id of the fact that an event is or is about, its stream, and the keys of the records that it touches."""


def rows(events: Iterator[dict[str, Any]]) -> Iterator[Row]:
    """What the writer appends for these events, if the log is empty and takes them all."""
    versions: dict[str, int] = {}
    facts: dict[str, Fact] = {}  # by event
    last = datetime.min.replace(tzinfo=UTC)
    while request := list(islice(events, REQUEST_LINES)):
        origin = Origin("rest", trace_id=uuid.uuid4().hex)
        for body in request:
            event, event_id = Event(body["type"], body), body["id"]
            chain, stream, keys = facts[event_id] = _fact(event, event_id, facts)
            version = versions[stream] = versions.get(stream, 0) + 1
            last = max(datetime.now(UTC), last + timedelta(microseconds=1))
            stamp = last.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
            state = state_text(event, event_id, body["effective"], body["known"], stamp, origin)
            yield stream, version, event.type, state, event_id, chain, keys
        for event_id in list(islice(facts, max(0, len(facts) - FACTS_KEPT))):
            del facts[event_id]


def _fact(event: Event, event_id: str, facts: Mapping[str, Fact]) -> Fact:
    data = event.data
    if event.type == RETRACTED:
        return facts[data["event"]]
    if event.type == CORRECTED:
        fact, new = facts[data["event"]], data["replacement"]
        if not set(keys_of(new["type"], new["data"])) <= set(fact[2]):
            raise NotImplementedError("the workload has begun to move facts to other records, and this doesn't yet")
        return fact
    return event_id, event.model.stream(data, event_id), tuple(keys_of(event.type, data))


def fill(folder: Path, size: int, told: Callable[[int], object] = lambda done: None, *, mixed: bool = False) -> None:
    """Make a log of so many events of the workload in a folder that isn't there yet. `told` is how many are done."""
    folder.mkdir(parents=True)
    datastore = Datastore(folder / LOG_FILE)
    recorder = Recorder(datastore)
    recorder.create_table()
    done = 0
    with datastore.get_connection(commit=True) as connection:
        with connection.cursor() as settings:
            for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
                settings.execute(f"PRAGMA {setting}")
        with connection.transaction(commit=True) as cursor:
            for batch in _made(size, mixed):
                recorder.insert(cursor, [Entry(*row) for row in batch])
                done += len(batch)
                told(done)
        with connection.cursor() as settings:
            settings.execute("PRAGMA journal_mode = WAL")
    datastore.close()
    with (folder / LOG_FILE).open("rb") as file:
        os.fsync(file.fileno())


# --- the process that makes the rows ------------------------------------------------------------------------------

_rows: Iterator[Row]


def _made(size: int, mixed: bool) -> Iterator[list[Row]]:
    """The rows of the workload in batches; many of them are made ahead in a process of their own."""
    if size <= ALONE:
        made = rows(workload.events(size, mixed=mixed))
        yield from iter(lambda: list(islice(made, REQUEST_LINES)), [])
        return
    alone = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, alone, initializer=_begin, initargs=(size, mixed)) as maker:
        coming: deque[Future[list[Row]]] = deque(maker.submit(_next) for _ in range(BATCHES_AHEAD))
        while batch := coming.popleft().result():
            coming.append(maker.submit(_next))
            yield batch


def _begin(size: int, mixed: bool) -> None:
    global _rows
    gc.disable()  # it would look through millions of streams again and again, and find no circle
    _rows = rows(workload.events(size, mixed=mixed))


def _next() -> list[Row]:
    return list(islice(_rows, REQUEST_LINES))
