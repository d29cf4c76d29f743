"""How fast many events go in at once, and late: beside the bare databases and the stock library."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

import psycopg

from benchmarks import workload
from benchmarks.ground import LINES, Ground, body_of, record
from benchmarks.processes import Client, Server
from benchmarks.table import Figure, Target, compared, in_turns


class _Bulk:
    """The same lines for everybody, a body at a time. Each method takes the next body of its own; events a second."""

    def __init__(self, ground: Ground, events: int, bodies: int) -> None:
        servers = ground.serve(), ground.serve(ground.database())
        made = list(workload.events(events))
        self.lines = [made[at : at + events // bodies] for at in range(0, events, events // bodies)]
        self.bodies = [body_of(lines) for lines in self.lines]
        self.stock_lines = 100 if ground.quick else 1_000
        self._next: dict[str, Iterator[int]] = {}
        self.sqlite, self.postgres = (Client(one.address) for one in servers)
        self.peers = Client(ground.peers.address)
        self.raw = sqlite3.connect(ground.work / "raw.sqlite", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE events (position INTEGER PRIMARY KEY, state TEXT NOT NULL)",
        ):
            self.raw.execute(statement)
        self.copied = psycopg.connect(ground.database(), autocommit=True)
        self.copied.execute("CREATE TABLE events (position bigint PRIMARY KEY, state bytea NOT NULL)")

    def _body(self, who: str) -> int:
        return next(self._next.setdefault(who, iter(range(len(self.bodies)))))

    def over_http(self, client: Client) -> float:
        place = self._body(str(id(client)))
        started = time.perf_counter()
        record(client, self.bodies[place])
        return len(self.lines[place]) / (time.perf_counter() - started)

    def on_sqlite(self) -> float:
        return self.over_http(self.sqlite)

    def on_postgres(self) -> float:
        return self.over_http(self.postgres)

    def executemany(self) -> float:
        """One statement and one commit for a body."""
        lines = self.bodies[self._body("executemany")].split(b"\n")[:-1]
        started = time.perf_counter()
        self.raw.execute("BEGIN IMMEDIATE")
        self.raw.executemany("INSERT INTO events (state) VALUES (?)", ((line,) for line in lines))
        self.raw.execute("COMMIT")
        return len(lines) / (time.perf_counter() - started)

    def copy(self) -> float:
        """One binary COPY and one commit for a body; what is sent is put together beforehand."""
        place = self._body("copy")
        lines = self.bodies[place].split(b"\n")[:-1]
        first = sum(len(one) for one in self.lines[:place]) + 1
        rows = b"".join(
            b"\x00\x02\x00\x00\x00\x08" + at.to_bytes(8, "big") + len(line).to_bytes(4, "big") + line
            for at, line in enumerate(lines, first)
        )
        header = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
        started = time.perf_counter()
        with self.copied.cursor().copy("COPY events (position, state) FROM STDIN (FORMAT binary)") as copying:
            copying.write(header + rows + b"\xff\xff")
        return len(lines) / (time.perf_counter() - started)

    def stock(self, store: str, batch: int) -> float:
        """The stock library behind the same kind of door: a part of the body, since it takes so long."""
        count = self.stock_lines * (1 if batch == 1 else 10)
        body = body_of(self.lines[self._body(f"{store} {batch}")][:count])
        started = time.perf_counter()
        self.peers.post(f"/stock/{store}?batch={batch}", body, content_type=LINES)
        return body.count(b"\n") / (time.perf_counter() - started)


def bulk(ground: Ground) -> Iterator[Figure]:
    """NDJSON over HTTP into an empty ledger, beside the same bytes put into the bare databases."""
    bodies = ground.rounds(4, 8)
    them = _Bulk(ground, min(ground.size, 5_000 * bodies) if not ground.quick else 6_000, bodies)
    found = in_turns(
        bodies,
        them.on_sqlite,
        them.executemany,
        lambda: them.stock("sqlite", 1),
        lambda: them.stock("sqlite", 500),
        them.on_postgres,
        them.copy,
        lambda: them.stock("postgres", 1),
        lambda: them.stock("postgres", 500),
    )
    for store, (ours, raw, stock, batched), limit, bare in (
        ("SQLite", found[:4], 0.20, "executemany"),
        ("PostgreSQL", found[4:], 0.15, "binary COPY"),
    ):
        note = f"floor: {bare} of the same bytes, committed {len(them.lines[0]):,} at a time, ours each 500"
        least = Target("ratio", "≥", limit)
        yield compared(f"NDJSON bulk over HTTP, {store}", "events/s", (ours, raw), least, note=note)
        name = f"NDJSON bulk beside the stock library, {store}"
        note = "floor: the stock library behind the same door, a save for each line"
        yield compared(name, "events/s", (ours, stock), Target("ratio", "≥", 8), note=note)
        note = "floor: the same, 500 aggregates in a save; it checks nothing and has no tree"
        yield compared(f"{name}, in batches", "events/s", (ours, batched), note=note)


def backdated(ground: Ground) -> Iterator[Figure]:
    """The time until events are recorded and can be asked about, half of them back-dated, and none."""
    size, bodies = (2_400, 4) if ground.quick else (min(ground.size, 100_000), 10)

    def taking(server: Server, share: float) -> Iterator[float]:
        client = Client(server.address)
        made = list(workload.events(size, back_dated=share))
        for at in range(0, size, size // bodies):
            body = body_of(made[at : at + size // bodies])
            started = time.perf_counter()
            position = record(client, body)
            client.get("/v1/entities?limit=1", min_position=str(position))
            yield (time.perf_counter() - started) * 1e6 / (size // bodies)

    late, ordered = taking(ground.serve(), 0.5), taking(ground.serve(), 0.0)
    found = in_turns(bodies, lambda: next(late), lambda: next(ordered))
    note = "floor: the same load without any; both until a question can see them"
    target = Target("ratio", "≤", 1.2)
    yield compared("back-dated inserts, 50 % of the load", "µs an event", found, target, note=note)
