"""Durable single appends beside UmaDB, an event store written in Rust."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import load
from benchmarks.ground import Ground
from benchmarks.table import CannotMeasure, Figure, compared, in_turns
from benchmarks.writing import Single, singles


def umadb(ground: Ground) -> Iterator[Figure]:
    """Durable appends of one event at a time by 32 callers, beside UmaDB, an event store written in Rust."""
    try:
        import umadb as package
    except ImportError:
        raise CannotMeasure("the package umadb isn't installed") from None
    seconds = 0.3 if ground.quick else 3.0
    ours = Single(ground.small, "/v1/events", seconds)
    with _umadb_server(ground.folder("umadb")) as url, ThreadPoolExecutor(load.CONNECTIONS) as threads:
        clients = [package.Client(url) for _ in range(load.CONNECTIONS)]

        def appended() -> float:
            ready = [
                package.Event(event["type"], json.dumps(event, separators=(",", ":")).encode(), [])
                for event in islice(singles(), int(seconds * 8_000))
            ]
            numbers = iter(range(len(ready)))
            started = time.perf_counter()

            def append(client: Any) -> int:
                done = 0
                while time.perf_counter() - started < seconds and (number := next(numbers, None)) is not None:
                    client.append([ready[number]])
                    done += 1
                return done

            return sum(threads.map(append, clients)) / (time.perf_counter() - started)

        found = in_turns(ground.rounds(3, 7), ours.rate, appended)
    note = "floor: UmaDB over gRPC, which checks nothing; its Python client takes part of the same two cores"
    yield compared("durable single appends beside UmaDB, SQLite", "events/s", found, note=note)


@contextmanager
def _umadb_server(path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "umadb"), "--listen", f"127.0.0.1:{port}", "--db-path", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
