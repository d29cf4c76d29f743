"""What the tree costs: the same events appended with it and without, in turns, on SQLite and PostgreSQL.

python -m benchmarks.tree [--events N] [--rounds N]     prints a table, then a JSON line for each row of it

The store is called without the checks that a writer makes first, so the share of the tree is the largest that it can
be. Each round appends the same bytes to two fresh logs, commit by commit in turns; the ratio is the median of the
rounds'. The PostgreSQL server is the tests', which waits for no disk: with durability on, a commit of a few events
costs more, and the tree the same.
"""

from __future__ import annotations

import argparse
import json
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


def pair(database: Database, entries: list[Entry], batch: int) -> tuple[float, float]:
    """Seconds that all these events take with the tree and without it, so many to a commit.

    Each commit is made to the one log and then to the other, or the other way round, so that whatever else the machine
    does falls on both alike.
    """
    took = {True: 0.0, False: 0.0}
    with database() as one, database() as other:
        for number, at in enumerate(range(0, len(entries), batch)):
            for with_tree in (True, False) if number % 2 else (False, True):
                took[with_tree] += seconds(one if with_tree else other, entries[at : at + batch], with_tree)
    return took[True], took[False]


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
            pairs = [pair(database, entries, batch) for _ in range(options.rounds)]
            ratio = statistics.median(with_tree / without for with_tree, without in pairs)
            best = [min(one[which] for one in pairs) / count * 1e6 for which in (0, 1)]
            rows.append(
                {
                    "name": f"append {name}, {batch} a commit",
                    "value": best[0],
                    "unit": "µs an event",
                    "floor": best[1],
                    "ratio": ratio,
                }
            )
            print(
                f"{rows[-1]['name']:<34} {best[0]:9.1f} µs with, {best[1]:9.1f} µs without: × {ratio:.2f}", flush=True
            )
    for row in rows:
        json.dump(row, sys.stdout, ensure_ascii=False)
        print()


if __name__ == "__main__":
    main()
