"""What the ledger takes: memory, disk, and time to start."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice

from benchmarks.ground import LOG_FILE, READ_MODEL_FILE, Ground, body_of, record
from benchmarks.holdings import MILLION, wait_until_kept_by_holder
from benchmarks.points import at_position, head, nearest, past, state
from benchmarks.processes import Client
from benchmarks.table import Figure, Target, compared, in_turns
from benchmarks.writing import singles
from projections import portfolios

GIB = 2**30
PACKING_SECONDS = 3  # until the rows by holder are packed, once they are all there
SAMPLE = 10_000
# What the log has of an event beside what was sent.
OF_THE_SERVER = frozenset({"schema", "recorded_at", "recorded_by", "trace_id"})
TEN_MILLION = 10_000_000


def memory(ground: Ground) -> Iterator[Figure]:
    """The most that a server had resident while it started, took some events, and answered questions."""
    chance = random.Random(3)
    with ground.log() as log:
        last = head(log)
        holder, _ = nearest(ground.portfolios(last), 1_000)
        points = [at_position(log, last), past(log, last * 3 // 4, chance)]
    ground.leave()  # what counts is a server's whole life
    with Client(ground.written.address) as client:
        server = ground.written
        started = server.memory()
        record(client, body_of(list(islice(singles(), 2_000))))
        for at in points:
            client.get(f"/v1/events?{at.query(limit=1000)}")
            client.get(f"/v1/holdings?{at.query(holder=holder, limit=1000)}")
            client.get(f"/v1/commitments?{at.query(limit=1000, **{'from': holder})}")
            client.get(f"/v1/contracts?{at.query(limit=1000, customer=holder)}")
            client.get(f"/v1/exposures?{at.query(limit=100)}")
        most = server.memory()
    limit = 4 if last >= TEN_MILLION else 1
    note = f"after the start alone {started / GIB:.2f} GiB"
    yield Figure("resident memory, at most", most / GIB, "GiB",
                 targets=(Target("value", "≤", limit, TEN_MILLION if limit == 4 else MILLION),), note=note)  # fmt: skip


def disk(ground: Ground) -> Iterator[Figure]:
    """Bytes of log and read model, with the rows that are kept by holder while a server runs, beside the events' own
    JSON as it was sent."""
    with ground.log() as log:
        events = head(log)
        length = _length_sent(log, events)
    with Client(ground.asked.address) as client:
        wait_until_kept_by_holder(client, events)
    time.sleep(PACKING_SECONDS)
    files = LOG_FILE, READ_MODEL_FILE, portfolios.FILE
    log_, model, by_holder = ((ground.ledger / name).stat().st_size / events for name in files)
    size = TEN_MILLION if events >= TEN_MILLION else MILLION
    note = f"log {log_:.0f}, read model {model:.0f}, by holder {by_holder:.0f}; floor: the event's JSON"
    total = log_ + model + by_holder
    yield Figure("bytes on disk an event, log and read model", total, "B", length, total / length,
                 (Target("ratio", "≤", 3, size),), note)  # fmt: skip


def _length_sent(log: sqlite3.Connection, last: int) -> float:
    """The bytes of an event as it was sent, over events from all of the log: its first are parties, which are short."""
    sent = []
    for position in range(1, last + 1, max(1, last // SAMPLE)):
        event = json.loads(state(log, position))
        sent.append({name: value for name, value in event.items() if name not in OF_THE_SERVER})
    return len(body_of(sent)) / len(sent) - 1


def start(ground: Ground) -> Iterator[Figure]:
    """From the command to the first answer that it is ready, with the read model of the log there."""
    _ = ground.copy

    def full() -> float:
        ground.leave()
        started = time.perf_counter()
        _ = ground.written.address
        return time.perf_counter() - started

    def empty() -> float:
        ground.leave()
        started = time.perf_counter()
        _ = ground.serve().address
        seconds = time.perf_counter() - started
        ground.row.close()
        return seconds

    found = in_turns(ground.rounds(1, 5), full, empty)
    note = "floor: with an empty ledger, which is what Python and its imports take"
    target = Target("value", "≤", 3, MILLION)
    yield compared("start to ready, read model there", "s", found, target, note=note)
