"""A process beside this one answers what it is told, and whoever asks is told whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.beside import Beside, Gone
from tests.projections.test_making import SECONDS, alive, becomes


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
