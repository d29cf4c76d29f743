"""How fast events go in one by one, beside a route that does nothing and the stock library."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from itertools import count, cycle, islice
from typing import Any

from benchmarks import load, workload
from benchmarks.ground import SMALL, Ground, body_of, record
from benchmarks.processes import Client, Server
from benchmarks.table import Figure, Target, compared, in_turns, percentile

JSON = "application/json"
# Of these many stand each by themselves: they can be sent in any order, as 32 connections do.
ALONE = ("investment.made", "valuation.recorded", "commitment.made", "contract.signed", "rate.published")
# So many requests a second are made beforehand; who answers more of them has less time.
MOST = 5_000
AGAIN = 500  # whoever keeps no ids is sent these again and again
_seeds = count(1_000)


def singles(size: int = SMALL) -> Iterator[dict[str, Any]]:
    """Deals of the workload's kind, without end, none of which rests on another; new ones at each call. They are among
    the parties of a ledger of this size: those of a small one are the largest of a large one."""
    for seed in _seeds:
        for event in workload.events(size, seed):
            data = event["data"]
            if event["type"] not in ALONE or (event["type"] == "investment.made" and "commitment" in data):
                continue
            for name in ("commitment", "contract"):
                if name in data:
                    data[name] = f"{data[name]}-of-{seed}"
            yield event


def posts(path: str) -> Iterator[bytes]:
    """Requests with one event each and a key of its own, ready to be sent."""
    for event in singles():
        body = json.dumps(event, separators=(",", ":")).encode()
        yield load.request("POST", path, body, Content_Type=JSON, Idempotency_Key=str(uuid.uuid4()))


# --- one by one --------------------------------------------------------------------------------------------------


class Single:
    """One server under the load of single requests."""

    def __init__(self, server: Server, path: str, seconds: float, *, peer: bool = False) -> None:
        self.server, self.path, self.seconds = server, path, seconds
        self.again = list(islice(posts(path), AGAIN)) if peer else None
        self.cpu: list[float] = []

    def rate(self) -> float:
        """Requests a second."""
        new = list(islice(posts(self.path), int(self.seconds * MOST))) if self.again is None else []
        ready = cycle(self.again) if self.again else iter(new)
        before = self.server.cpu_seconds()
        done = load.held(self.server.address, ready, self.seconds)
        self.cpu.append((self.server.cpu_seconds() - before) / len(done.latencies) * 1e6)
        if done.refused:
            raise RuntimeError(f"{self.path} refused: {done.refused[0][-600:]!r}")
        return done.rate

    def note(self) -> str:
        return f"{sum(self.cpu) / len(self.cpu):.0f} µs of its processor a request"


def single(ground: Ground) -> Iterator[Figure]:
    """Single POSTs over 32 connections, on both stores; the floor is a route that reads the body and answers."""
    seconds = 0.3 if ground.quick else 3.0
    nothing = Single(ground.peers, "/nothing", seconds, peer=True)
    sqlite = Single(ground.small, "/v1/events", seconds)
    postgres = Single(ground.small_on_postgres, "/v1/events", seconds)
    stock = [Single(ground.peers, f"/stock/{store}", seconds, peer=True) for store in ("sqlite", "postgres")]
    rates = in_turns(ground.rounds(3, 7), *(one.rate for one in (nothing, sqlite, postgres, *stock)))
    floor = rates[0]
    for name, mine, ours, theirs, peer, limit in (
        ("SQLite", rates[1], sqlite, rates[3], stock[0], 0.5),
        ("PostgreSQL", rates[2], postgres, rates[4], stock[1], 0.4),
    ):
        note = f"floor: the route that does nothing; {ours.note()}, the floor's {nothing.note()}"
        target = Target("ratio", "≥", limit)
        yield compared(f"single POST, 32 connections, {name}", "requests/s", (mine, floor), target, note=note)
        note = f"floor: the stock library behind the same door, which checks nothing; {peer.note()}"
        yield compared(f"single POST beside the stock library, {name}", "requests/s", (mine, theirs), note=note)


def latency(ground: Ground) -> Iterator[Figure]:
    """The latency that 99 of 100 single POSTs stay under at half the rate that is held."""
    seconds = 1.0 if ground.quick else 10.0
    for name, server in (("SQLite", ground.small), ("PostgreSQL", ground.small_on_postgres)):
        half = Single(server, "/v1/events", seconds / 2).rate() / 2
        found = []
        for _ in range(ground.rounds(1, 3)):
            ready = iter(list(islice(posts("/v1/events"), int(half * seconds) + 1)))
            done = load.at_rate(server.address, ready, half, seconds)
            if done.refused:
                raise RuntimeError(f"refused: {done.refused[0][-600:]!r}")
            found.append(done.latencies)
        worst = max(percentile(one, 0.99) for one in found) * 1000
        middle = max(percentile(one, 0.5) for one in found) * 1000
        note = f"at {half:.0f} requests/s, each counted from when it was due; median {middle:.1f} ms"
        yield Figure(f"single POST, p99 at half the held rate, {name}", worst, "ms",
                     targets=(Target("value", "≤", 25),), note=note)  # fmt: skip


# --- into a log that holds much already --------------------------------------------------------------------------


def grown(ground: Ground) -> Iterator[Figure]:
    """Whether appending costs more in a log as large as the one that is asked: beside a small one, in turns."""
    seconds = 0.3 if ground.quick else 3.0
    servers = ground.written, ground.small
    large, small = (Single(server, "/v1/events", seconds) for server in servers)
    rates = in_turns(ground.rounds(3, 7), large.rate, small.rate)
    note = f"floor: one of {SMALL:,}; {large.note()}, {small.note()} there"
    yield compared(f"single POST into a log of {ground.size:,} events, SQLite", "requests/s", rates, note=note)
    lines = ground.rounds(500, 5_000)
    into_large, into_small = (_bodies(server, lines) for server in servers)
    rates = in_turns(ground.rounds(3, 7), lambda: next(into_large), lambda: next(into_small))
    note = f"floor: one of {SMALL:,}; bodies of {lines:,}"
    yield compared(f"NDJSON bulk into a log of {ground.size:,} events, SQLite", "events/s", rates, note=note)


def _bodies(server: Server, lines: int) -> Iterator[float]:
    """Events a second of one body after the other."""
    with Client(server.address) as client:
        while True:
            body = body_of(list(islice(singles(), lines)))
            started = time.perf_counter()
            record(client, body)
            yield lines / (time.perf_counter() - started)
