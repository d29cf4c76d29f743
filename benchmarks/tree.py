"""What the tree costs: the same events appended with it and without, in turns, on SQLite and PostgreSQL.

python -m benchmarks.tree [--events N] [--rounds N]     prints a table, then a JSON line for each row of it

The store is called without the checks that a writer makes first, so the share of the tree is the largest that it can
be. Each round appends the same bytes to two fresh logs, commit by commit in turns, and each two commits of the same
events give a ratio; a row's is the median of them all, for one wait for the disk can cost more than a whole round's
tree. That of all seconds, waits and all, is printed beside it. The PostgreSQL server is the tests', which waits for no
disk: with durability on, each commit costs more, and the tree the same.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import psycopg

from ledger.store import Entry, Store, open_store, tree
from tests.stores import postgres_server

Database = Callable[[], AbstractContextManager[Store]]

LOT = random.Random(0)


def events(count: int) -> list[Entry]:
    """Events as long as real ones (some 450 bytes), three to a stream, each touching two records."""
    made = []
    for n in range(count):
        name = str(uuid.UUID(int=n))
        state = {
            "schema": 1,
            "id": name,
            "type": "investment.made",
            "effective": "2023-Q3",
            "known": "2023-11-05",
            "source": {"url": f"https://example.com/news/{n}", "title": "A company invests in another"},
            "status": "reported",
            "data": {
                "investor": f"investor-{n % 997}",
                "issuer": f"issuer-{n % 89}",
                "instrument": "equity",
                "amount": {"currency": "USD", "amount": f"{n}000000", "qualifier": "about"},
            },
            "recorded_at": f"2026-11-22T10:{n // 60_000_000:02}:{n // 1_000_000 % 60:02}.{n % 1_000_000:06}Z",
            "recorded_by": "rest",
        }
        stream = f"holding/{n // 3}"
        text = json.dumps(state, separators=(",", ":"))
        made.append(Entry(stream, n % 3 + 1, "investment.made", text, name, name, (stream, f"entity/{n % 89}")))
    return made


@contextmanager
def sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder:
        store = open_store(Path(folder), None)
        yield store
        store.close()


@contextmanager
def postgres() -> Iterator[Store]:
    server, name = postgres_server(), f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        store = open_store(None, server.replace("/postgres?", f"/{name}?"))
        yield store
        store.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def pairs(database: Database, entries: list[Entry], batch: int) -> list[tuple[float, float]]:
    """Seconds that each commit of so many of these events takes with the tree and without it.

    Each commit is made to the one log and then to the other, or the other way round, by lot, so that whatever else the
    machine and the server do now and then (a new file for PostgreSQL's log, every third commit) falls on both alike.
    """
    found = []
    with database() as one, database() as other:
        for at in range(0, len(entries), batch):
            took = {}
            for with_tree in LOT.sample((True, False), 2):
                took[with_tree] = seconds(one if with_tree else other, entries[at : at + batch], with_tree)
            found.append((took[True], took[False]))
    return found


def seconds(store: Store, entries: list[Entry], with_tree: bool) -> float:
    """How long one commit takes."""
    without = nullcontext() if with_tree else mock.patch.object(tree, "grown", return_value=[])
    with without:
        started = time.perf_counter()
        with store.write() as transaction:
            transaction.append(entries)
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = []
    for name, database in (("sqlite", sqlite), ("postgres", postgres)):
        for batch in (5_000, 100, 1):
            count = min(options.events, 400 * batch)
            entries = events(count)
            commits = [one for _ in range(options.rounds) for one in pairs(database, entries, batch)]
            ratio = statistics.median(with_tree / without for with_tree, without in commits)
            value, floor = (statistics.median(one) / batch * 1e6 for one in zip(*commits, strict=True))
            with_tree, without = (sum(one) for one in zip(*commits, strict=True))
            row = {"name": f"append {name}, {batch} a commit", "value": value, "unit": "µs an event", "floor": floor}
            rows.append(row | {"ratio": ratio})
            print(
                f"{row['name']:<34} {value:9.1f} µs with, {floor:9.1f} µs without: × {ratio:.2f}"
                f" (of all seconds × {with_tree / without:.2f})",
                flush=True,
            )
    for row in rows:
        json.dump(row, sys.stdout, ensure_ascii=False)
        print()


if __name__ == "__main__":
    main()
