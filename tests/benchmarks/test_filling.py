"""A log that was filled fast is the one that the service would have left, so what is measured on it holds for any."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks import filling, workload
from ledger.event import Origin, parse_event
from ledger.store import open_store
from ledger.store.sqlite import LOG_FILE
from ledger.writer import Accepted, Request, Writer

SIZE = 4_000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the workload, through the writer and its checks."""
    folder = tmp_path_factory.mktemp("written")
    store = open_store(folder, None)
    writer = Writer(store, on_commit=lambda head: None)
    origin = Origin("rest", trace_id="0" * 32)
    outcomes = writer.submit([Request((parse_event(one),), origin) for one in workload.events(SIZE)]).result()
    assert all(isinstance(one, Accepted) for one in outcomes)
    writer.close()
    store.close()
    return folder


@pytest.fixture(scope="module", params=["alone", "two processes"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same, filled fast, by one process or two."""
    folder = tmp_path_factory.mktemp("filled") / "ledger"
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "two processes":
            patch.setattr(filling, "ALONE", 0)
        filling.fill(folder, SIZE)
    return folder


def test_it_has_the_same_rows_and_the_same_index(written: Path, filled: Path):
    """Given the workload through the writer, and filled fast; when both files are read; then every event, its place in
    its stream, its fact and the records it is found by are the same, and only the stamps differ."""
    columns = "position, stream, version, type, id, chain"
    for query in (f"SELECT {columns} FROM events ORDER BY 1", "SELECT * FROM event_keys ORDER BY 1, 2"):
        assert _asked(filled, query) == _asked(written, query)
    assert [_unstamped(text) for (text,) in _asked(filled, "SELECT state FROM events ORDER BY position")] == [
        _unstamped(text) for (text,) in _asked(written, "SELECT state FROM events ORDER BY position")
    ]


def test_it_is_as_hard_to_change(written: Path, filled: Path):
    """Given both files; when their tables, indexes and triggers are compared; then none is missing, and the file is
    kept safe in the same way."""
    schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"
    assert _asked(filled, schema) == _asked(written, schema)
    for pragma in ("journal_mode", "user_version", "page_size", "integrity_check"):
        assert _asked(filled, f"PRAGMA {pragma}") == _asked(written, f"PRAGMA {pragma}")


def test_the_stamps_go_up(filled: Path):
    """Given a log that was filled fast; when its stamps are read; then each is later than the one before."""
    stamps = [
        json.loads(text)["recorded_at"] for (text,) in _asked(filled, "SELECT state FROM events ORDER BY position")
    ]
    assert stamps == sorted(set(stamps))


def test_it_verifies(filled: Path):
    """Given a log that was filled fast; when a server signs it and it is verified; then tree, columns, index and read
    model are all found right. And when one state is another; then they aren't."""
    dealledger = str(Path(sys.executable).parent / "dealledger")
    from benchmarks import processes

    with processes.ledger(filled, None, filled.parent / "log") as server:
        assert server.ask("/readyz")["position"] == SIZE
    verify = [dealledger, "verify", "--data", str(filled)]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0
    with sqlite3.connect(filled / LOG_FILE) as log:
        log.execute("DROP TRIGGER event_keys_no_delete")
        log.execute("DELETE FROM event_keys WHERE position = (SELECT max(position) FROM event_keys)")
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 1


def test_a_correction_that_moves_a_fact_is_not_taken():
    """Given a correction that names another investor; when the rows are made; then there are none, since the writer
    would index more than these."""
    first = list(islice(workload.events(200), 30))
    deal = next(one for one in workload.events(200) if one["type"] == "investment.made")
    replacement = {name: deal[name] for name in ("type", "effective")} | {"data": deal["data"] | {"investor": "x"}}
    moved: dict[str, Any] = {
        **deal,
        "id": "00000000-0000-4000-8000-000000000001",
        "type": "event.corrected",
        "data": {"event": deal["id"], "replacement": replacement, "reason": "slip"},
    }
    with pytest.raises(NotImplementedError, match="other records"):
        list(filling.rows(chain(first, iter([deal, moved]))))


def _asked(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / LOG_FILE)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def _unstamped(state: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(state).items() if name not in ("recorded_at", "trace_id")}
