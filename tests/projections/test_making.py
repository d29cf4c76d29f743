"""Rows made in processes are those that are made here one by one, whatever happens to the processes."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.store import Entry, Store, open_store
from projections import making
from projections.apply import COLUMNS
from projections.database import FILE, ReadModel
from projections.follower import Follower
from tests.facts import ident, invest, usd
from tests.projections.logs import ListedLog, log_of, state_of
from tests.projections.test_writing import random_log

SECONDS = 20
Rows = dict[str, list[tuple[Any, ...]]]


def full_log(seed: int) -> ListedLog:
    """Events of all types, corrected and retracted, and among them some that nobody can read, that one projection
    can't read, and that a table doesn't take."""
    log, faulty = ListedLog(), iter(range(10**6))
    for stored in random_log(seed).events:
        log.put(stored.type, stored.state, stored.event_id, stored.stream, stored.chain)
        if stored.position % 17 == 0:
            event_id = ident(3 * 10**6 + stored.position)
            state = state_of(log_of([invest("acme", "beta", usd("9"), id=event_id)]).events[0])
            kind = next(faulty) % 3
            if kind == 0:
                state["schema"] = 2
            elif kind == 1:
                state["data"]["units"] = "many"
            else:
                state["recorded_at"] = "yesterday"
            log.put("investment.made", json.dumps(state), event_id, f"holding/acme/beta/{event_id}", event_id)
    return log


@contextmanager
def kept(folder: Path, log: ListedLog) -> Iterator[Store]:
    """The log in a store, where processes can read it."""
    store = open_store(folder, None)
    with store.write() as transaction:
        transaction.append(
            [Entry(e.stream, e.version, e.type, e.state, e.event_id, e.chain, (e.stream,)) for e in log.events]
        )
    yield store
    store.close()


def rows(model: ReadModel) -> Rows:
    return {name: model.rows(f"SELECT * FROM {name} ORDER BY ALL", {}) for name in ("set_aside", "meta", *COLUMNS)}


def one_by_one(folder: Path, log: ListedLog) -> Rows:
    folder.mkdir()
    model = ReadModel(folder)
    model.prepare(ListedLog().store)
    for stored in log.events:
        so_far = ListedLog()
        so_far.events, so_far._chains = log.events[: stored.position], log._chains
        Follower(so_far.store, model).catch_up()
    found = rows(model)
    model.close()
    return found


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Few events are far already; made in slices of a size, with transactions of a size."""

    def patch(size: int, transaction: int) -> None:
        monkeypatch.setattr(making, "FAR", 1)
        monkeypatch.setattr(making, "SLICE", size)
        monkeypatch.setattr("projections.database.LARGE", transaction)

    return patch


@pytest.mark.parametrize(
    ("seed", "size", "transaction"),
    [
        (1, 3, 20),
        (2, 20, 1000),
        pytest.param(3, 50, 1, marks=pytest.mark.slow),
        pytest.param(4, 1000, 1000, marks=pytest.mark.slow),
    ],
)
def test_rows_are_the_same_from_processes_and_one_by_one(
    tmp_path: Path, in_processes: Callable[[int, int], None], seed: int, size: int, transaction: int
) -> None:
    """Given any log; when a model is built by processes, and another that is open follows with them; then all rows,
    and what is set aside and why, are those of a model that took the events one by one."""
    log = full_log(seed)
    right = one_by_one(tmp_path / "right", log)
    assert {reason.partition(":")[0] for _, _, reason in right["set_aside"]} >= {"ValueError", "ConversionException"}
    in_processes(size, transaction)
    with kept(tmp_path / "log", log) as store:
        model = ReadModel(tmp_path / "log")
        model.rebuild(store, "it is compared")
        assert rows(model) == right
        model.close()
        (tmp_path / "follows").mkdir()
        follows = ReadModel(tmp_path / "follows")
        follows.prepare(ListedLog().store)
        Follower(store, follows).catch_up()
        assert (follows.position, rows(follows)) == (log.head(), right)
        follows.close()


def test_they_are_made_in_processes(
    tmp_path: Path, in_processes: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the above: with a log that is far this process makes nothing; one that isn't needs no other."""
    here: list[str] = []
    there: list[str] = []
    monkeypatch.setattr(making, "changes_of", lambda *_: here.append("made"))
    monkeypatch.setattr(making._Process, "__init__", lambda *_: there.append("started"))
    monkeypatch.setattr(making._Process, "end", lambda *_: None)
    monkeypatch.setattr(making._Process, "make", lambda *_: there.append("made"))
    with kept(tmp_path / "log", random_log(1)) as store:
        assert list(making.made(store, 0, store.head(), 1000)) == [None]
        assert (here, there) == (["made"], [])
        in_processes(store.head() // 2 + 1, 1)
        assert list(making.made(store, 0, store.head(), 1000)) == [None, None]
        assert (here, there[-2:]) == (["made"], ["made", "made"])


def test_a_process_that_dies_changes_nothing(
    tmp_path: Path,
    in_processes: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given processes of which one is killed now and then; when a model is built; then its rows are the log's, and
    the processes' end is told."""
    log = full_log(5)
    right = one_by_one(tmp_path / "right", log)
    in_processes(10, 30)
    make, asked = making._Process.make, iter(range(10**6))

    def make_or_die(process: making._Process, wanted: making.Slice) -> Any:
        if next(asked) == 3:
            process._process.kill()
        return make(process, wanted)

    monkeypatch.setattr(making._Process, "make", make_or_die)
    with kept(tmp_path / "log", log) as store, caplog.at_level(logging.WARNING, "projections"):
        model = ReadModel(tmp_path / "log")
        model.rebuild(store, "it is compared")
        assert rows(model) == right
        model.close()
    assert "a process that made rows of the read model is gone" in caplog.text


def test_a_rebuild_that_is_given_up_waits_for_nothing(
    tmp_path: Path, in_processes: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given processes that would take for ever; when no more is wanted; then they have ended, and what they had in
    hand wasn't made here either. The control: they were at work."""
    log = full_log(5)
    in_processes(10, 30)
    here: list[str] = []
    processes: list[subprocess.Popen[bytes]] = []
    make = making._Process.make

    def make_one_and_hang(process: making._Process, wanted: making.Slice) -> Any:
        if wanted[0] > 0:
            processes.append(process._process)
            process._from.read()  # nobody has asked it for anything, so it says nothing
        return make(process, wanted)

    monkeypatch.setattr(making._Process, "make", make_one_and_hang)
    monkeypatch.setattr(making, "changes_of", lambda *_: here.append("made"))
    with kept(tmp_path / "log", log) as store:
        batches = making.made(store, 0, store.head(), 1000)
        assert next(batches).last == 10
        while not processes:
            time.sleep(0.01)
        assert processes[0].poll() is None
        batches.close()
    assert [one.returncode for one in processes] == [-signal.SIGKILL] * len(processes)
    assert here == []


REBUILD = """
import sys, time
from pathlib import Path
from ledger.store import open_store
from projections import making
from projections.database import ReadModel
making.FAR, making.SLICE = 1, 10
def slowly(process, wanted, make=making._Process.make):
    print(process._process.pid, flush=True)
    time.sleep(0.2)
    return make(process, wanted)
making._Process.make = slowly
folder = Path(sys.argv[1])
ReadModel(folder).rebuild(open_store(folder, None), "it is killed")
"""


def test_a_rebuild_that_is_killed_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    """Given a rebuild that makes rows in processes; when it is killed; then they end, too; there is nothing that would
    be taken for a read model; and the next start builds it. The control: it had begun, and the processes lived."""
    log, folder = full_log(6), tmp_path / "log"
    with kept(folder, log):
        pass
    with subprocess.Popen([sys.executable, "-c", REBUILD, folder], stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        made = {int(killed.stdout.readline()) for _ in range(6)}
        assert all(alive(process) for process in made)
        killed.send_signal(signal.SIGKILL)
    ending = time.monotonic()
    while any(alive(process) for process in made):
        assert time.monotonic() - ending < SECONDS
        time.sleep(0.05)
    assert [path.name for path in folder.glob(FILE + "*") if path.suffix != ".wal"] == [FILE + ".building"]
    store = open_store(folder, None)
    model = ReadModel(folder)
    Follower(store, model).catch_up()
    assert rows(model) == one_by_one(tmp_path / "right", log)
    model.close()
    store.close()


def becomes(true: Callable[[], bool]) -> bool:
    """Whether it is so before long."""
    deadline = time.monotonic() + SECONDS
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
