"""While much is written, rows are made in a process beside this one; they are the same, whatever happens to it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest

from ledger.store import Store, Stored
from projections import making
from projections.apply import changes_of
from projections.beside import Beside, Gone
from projections.database import ReadModel
from projections.follower import Follower
from projections.making import Helper, _Process
from tests.projections.logs import ListedLog
from tests.projections.test_making import SECONDS, alive, full_log, kept, one_by_one, rows

STEP = 20  # events that come at a time


class Growing:
    """A store of which only a beginning is there so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.last = 0

    def head(self) -> int:
        return self.last

    def read(self, after: int, limit: int) -> list[Stored]:
        return self._store.read(after, min(limit, self.last - after)) if after < self.last else []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Following:
    """A read model that follows a log as it grows."""

    def __init__(self, folder: Path, log: ListedLog, store: Store) -> None:
        self.log, self._store = log, Growing(store)
        self.model = ReadModel(folder)
        self.model.prepare(ListedLog().store)
        self.follower = Follower(cast(Store, self._store), self.model)

    @property
    def process(self) -> _Process | None:
        return self.model._helper._process

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process._process.pid

    def step(self, count: int = STEP) -> None:
        """So many more events come, and are followed."""
        self._store.last = min(self._store.last + count, self.log.head())
        self.follower.catch_up()

    def all(self) -> None:
        while self.model.position < self.log.head():
            self.step()

    def started(self) -> None:
        """Enough has come for a process, which is there now."""
        self.step()
        self.step()
        process = self.process
        assert process is not None
        assert becomes(process.ready)


@pytest.fixture
def following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    """A process is worth its start after a first batch, and makes what comes at least five at a time."""
    monkeypatch.setattr(making, "WORTH", STEP)
    monkeypatch.setattr(making, "MANY", 5)
    log = full_log(7)
    with kept(tmp_path / "log", log) as store:
        found = Following(tmp_path / "log", log, store)
        yield found
        found.model.close()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events this process made at a time."""
    counts: list[int] = []

    def counted(log: Any, batch: Any) -> Any:
        counts.append(len(batch))
        return changes_of(log, batch)

    monkeypatch.setattr(making, "changes_of", counted)
    return counts


def becomes(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_rows_are_the_same_from_beside_and_one_by_one(tmp_path: Path, following: Following, here: list[int]) -> None:
    """Given a log with corrections and with events that can't be read or written; when all but its beginning, and few
    events at a time, is made beside; then all rows, and what is set aside, are those of events taken one by one."""
    following.started()
    assert here == [STEP, STEP]
    following.step(4)
    assert here == [STEP, STEP, 4]
    following.all()
    assert here == [STEP, STEP, 4]
    assert rows(following.model) == one_by_one(tmp_path / "right", following.log)


def test_nobody_waits_until_it_has_started(following: Following, here: list[int]) -> None:
    """What comes meanwhile is made here; and its start takes no processor from those who need it."""
    following.started()
    assert os.getpriority(os.PRIO_PROCESS, following.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    os.kill(following.pid, signal.SIGSTOP)
    cast(_Process, following.process)._started = False
    following.step()
    assert here == [STEP] * 3


def test_what_comes_at_once_is_no_reason_to_start_one(following: Following) -> None:
    """A log that is caught up with in one go starts none, nor do many events that come one by one. The control: more
    that come many at a time do."""
    following.step(STEP * 4)
    assert following.process is None
    following.model._helper._lately = 0
    for _ in range(STEP + 1):
        following.step(1)
    assert following.process is None
    following.step()
    following.step()
    assert following.process is not None


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_one_that_is_gone_changes_nothing(
    tmp_path: Path,
    following: Following,
    here: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    """Given a process that is killed, or hangs; then what it should make is made here, which is told, and it has
    ended; once it is worth it, another one is started."""
    following.started()
    first = following.pid
    if how == "killed":
        os.kill(first, signal.SIGKILL)
    else:
        monkeypatch.setattr(making, "PATIENCE_SECONDS", 0.1)
        os.kill(first, signal.SIGSTOP)
    with caplog.at_level(logging.WARNING, "projections"):
        following.step()
    assert "the process that makes rows of the read model is gone" in caplog.text
    assert here == [STEP] * 3
    assert not alive(first)
    assert following.process is None
    monkeypatch.setattr(making, "PATIENCE_SECONDS", SECONDS)
    following.started()
    assert following.pid != first
    following.all()
    assert rows(following.model) == one_by_one(tmp_path / "right", following.log)


def test_one_that_can_t_be_started_changes_nothing(
    following: Following, here: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a machine that has no room for another process; then rows are made here, which is told, and later it is
    tried again."""

    def failing(*_: Any, **__: Any) -> None:
        raise OSError("no room")

    with monkeypatch.context() as full, caplog.at_level(logging.WARNING, "projections"):
        full.setattr(subprocess, "Popen", failing)
        following.step()
        following.step()
    assert "no room" in caplog.text
    assert here == [STEP] * 2
    following.step()
    assert following.process is not None


def test_whoever_stops_does_not_wait_for_one_that_hangs(
    following: Following, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a follower that waits for a process that hangs; when it is stopped; then it ends at once, and nothing is
    told, for nothing is wrong. The control: it was waiting."""
    monkeypatch.setattr(making, "PATIENCE_SECONDS", 3_600)
    following.started()
    os.kill(following.pid, signal.SIGSTOP)
    waiting = Thread(target=following.step)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    with caplog.at_level(logging.WARNING, "projections"):
        following.follower.stop()
        waiting.join(SECONDS)
    assert not waiting.is_alive()
    assert caplog.text == ""


@pytest.mark.parametrize("how", ["idle", "closed"])
def test_it_ends_when_nothing_comes_and_with_the_read_model(
    following: Following, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Then the next events have to be worth its start anew. The control: it was there all the time till then."""
    following.started()
    pid = following.pid
    following.step(0)
    following.step(1)
    assert (alive(pid), following.pid) == (True, pid)
    if how == "closed":
        following.model.close()
    else:
        monkeypatch.setattr(making, "IDLE_SECONDS", 0)
        following.step(0)
        monkeypatch.setattr(making, "IDLE_SECONDS", 60)
        following.step()
        assert following.process is None
    assert not alive(pid)


def test_a_log_in_memory_is_read_here_alone() -> None:
    """No other process can."""
    log, helper = full_log(8), Helper()
    for _ in range(making.WORTH // 100 + 1):
        helper.making(log.store, 100)
    assert helper.making(log.store, 100)((0, 5)).last == 5
    assert helper._process is None


# --- a process beside this one, whatever it does --------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    """It answers what it is told; `None` makes it answer with a part of an answer."""
    (tmp_path / "echo.py").write_text(ECHO)
    monkeypatch.syspath_prepend(tmp_path)
    found = Beside("echo")
    yield found
    found.end()


ECHO = """
import os, sys, time
from projections.beside import serve
def answer(told):
    if told == "partly":
        os.write(3, b"\\0\\0\\0\\0\\0\\0\\1\\0half")
        time.sleep(3600)
    if told == "nonsense":
        os.write(3, b"\\0\\0\\0\\0\\0\\0\\0\\4half")
        time.sleep(3600)
    if told == "fail":
        raise ValueError(told)
    print("not an answer", flush=True)
    return told
serve(answer)
"""


def test_it_answers_whatever_is_printed_there(beside: Beside) -> None:
    """Also what is longer than a pipe takes at a time."""
    long = "x" * 3_000_000
    assert [beside.ask(told, SECONDS) for told in ("first", long, None)] == ["first", long, None]
    assert beside.ready()


@pytest.mark.parametrize("told", ["partly", "nonsense", "fail"])
def test_one_that_gives_no_answer_is_gone(beside: Beside, told: str) -> None:
    """It stops in the middle, says what isn't an answer, or ends; then it isn't asked again. The control: it answered
    before."""
    assert beside.ask("first", SECONDS) == "first"
    with pytest.raises(Gone):
        beside.ask(told, 0.2 if told == "partly" else SECONDS)
    assert beside._process.wait(SECONDS) != 0
    with pytest.raises(Gone):
        beside.ask("first", SECONDS)


def test_one_that_takes_nothing_is_gone(beside: Beside) -> None:
    """It hangs, and what it is told is more than a pipe takes. The control: when it didn't hang it took that."""
    long = "x" * 3_000_000
    assert beside.ask(long, SECONDS) == long
    os.kill(beside._process.pid, signal.SIGSTOP)
    with pytest.raises(Gone):
        beside.tell(long, 0.2)
    assert beside._process.wait(SECONDS) == -signal.SIGKILL


def test_one_that_does_not_start_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks whether it is ready is told."""
    found = Beside("no_such_module")
    found._process.wait(SECONDS)
    with pytest.raises(Gone):
        found.ready()
    found.end()


def test_it_ends_when_nothing_is_asked_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: one that may be idle for longer is still there then."""
    for name, seconds in (("short", 0.05), ("long", 60)):
        (tmp_path / f"{name}.py").write_text(f"from projections.beside import serve\nserve(str, {seconds})")
    monkeypatch.syspath_prepend(tmp_path)
    short, long = Beside("short"), Beside("long")
    assert long.ask(1, SECONDS) == "1"
    assert short._process.wait(SECONDS) == 0
    assert short.ended
    assert not long.ended
    assert long.ask(2, SECONDS) == "2"
    short.end()
    long.end()


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Also when that is killed. The control: it was there."""
    (tmp_path / "echo.py").write_text(ECHO)
    code = """import sys, time
sys.path.insert(0, sys.argv[1])
from projections.beside import Beside
process = Beside("echo")
process.ask("first", 20)
print(process._process.pid, flush=True)
time.sleep(3600)"""
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as starting:
        assert starting.stdout is not None
        pid = int(starting.stdout.readline())
        assert alive(pid)
        starting.kill()
    assert becomes(lambda: not alive(pid))
