"""What the tree costs: the same events appended with it and without, in turns, on SQLite and PostgreSQL.

python -m benchmarks.tree [--events N] [--rounds N]     prints a table, then a JSON line for each row of it

The store is called without the checks that a writer makes first, so the share of the tree is the largest that it can
be. Each pair appends the same bytes to two fresh logs, now the one first, now the other; the ratio is the median of the
pairs'.
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
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import psycopg

from ledger.store import Entry, Store, open_store, tree
from tests.stores import postgres_server


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


def seconds(store: Store, entries: list[Entry], batch: int) -> float:
    """How long these events take, so many to a commit."""
    started = time.perf_counter()
    for at in range(0, len(entries), batch):
        with store.write() as transaction:
            transaction.append(entries[at : at + batch])
    return time.perf_counter() - started


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


def pair(database: Callable[[], object], entries: list[Entry], batch: int, *, tree_first: bool) -> tuple[float, float]:
    """Seconds with the tree and without it."""
    took = {}
    for with_tree in (tree_first, not tree_first):
        with database() as store:  # type: ignore[attr-defined]
            if with_tree:
                took[True] = seconds(store, entries, batch)
            else:
                with mock.patch.object(tree, "grown", return_value=[]):
                    took[False] = seconds(store, entries, batch)
    return took[True], took[False]


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
            pairs = [pair(database, entries, batch, tree_first=bool(round_ % 2)) for round_ in range(options.rounds)]
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
