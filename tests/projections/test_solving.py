"""What a process beside this one solves of a network is what is found here, whatever happens to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from random import Random
from threading import Thread

import numpy as np
import pytest

from projections import solving
from projections.beside import Beside
from projections.solver import Part
from tests.projections.test_making import SECONDS, becomes


def parts_of(seed: int) -> list[Part]:
    """Parts with many circles, the third with amounts beyond 64 bits, and the last with nothing that counts."""
    chance = Random(seed)
    parts = []
    for number in range(4):
        ways = [(i, j) for i in range(12) for j in range(12) if i != j and chance.random() < 0.5]
        amounts = [chance.randrange(1, 10 ** (25 if number == 2 else 6)) for _ in ways]
        units = np.array(amounts, np.object_ if number == 2 else np.int64)
        some = np.array([chance.random() < 0.4 and number != 3 for _ in ways])
        payer, payee = np.array(ways, np.int32).T
        parts.append(Part(payer, payee, units, (np.ones(len(ways), np.bool_), some)))
    return parts


def here(parts: list[Part]) -> list[list[int]]:
    return [part.most_carried() for part in parts]


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Iterator[solving._Helper]:
    """A process of the test's own, for parts of any size."""
    helper = solving._Helper()
    monkeypatch.setattr(solving, "_WORTH", 0)
    monkeypatch.setattr(solving, "_helper", helper)
    yield helper
    helper.end()


@pytest.fixture
def ready(helper: solving._Helper) -> solving._Helper:
    assert becomes(lambda: helper._ready() is not None)
    return helper


@pytest.mark.parametrize("seed", range(5))
def test_both_processes_together_find_what_one_does(ready: solving._Helper, seed: int) -> None:
    parts = parts_of(seed)
    given = ready.give(parts[:2])
    assert given is not None
    assert ready.take(given, SECONDS) == here(parts[:2])
    assert solving.solved(parts) == here(parts)


def test_a_small_network_starts_no_process(helper: solving._Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "_WORTH", 10**6)
    assert solving.solved(parts_of(1)) == here(parts_of(1))
    assert helper._process is None


def test_nobody_waits_until_it_has_started(helper: solving._Helper) -> None:
    parts = parts_of(2)
    assert helper.give(parts) is None
    assert helper._process is not None
    assert not helper._taken.locked()


def test_a_question_that_finds_it_busy_is_answered_without(ready: solving._Helper) -> None:
    parts = parts_of(3)
    given = ready.give(parts)
    assert given is not None
    assert ready.give(parts) is None
    assert solving.solved(parts) == here(parts)
    assert ready.take(given, SECONDS) == here(parts)


@pytest.mark.parametrize("killed_while", ["idle", "solving"])
def test_answers_are_right_though_it_is_killed(
    ready: solving._Helper, killed_while: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parts, process = parts_of(4), ready._ready()
    assert process is not None

    def kill() -> None:
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait(SECONDS)

    if killed_while == "idle":
        kill()
    else:
        os.kill(process._process.pid, signal.SIGSTOP)
        take = ready.take

        def take_after(given: Beside, seconds: float) -> list[list[int]] | None:
            kill()
            return take(given, seconds)

        monkeypatch.setattr(ready, "take", take_after)
    assert solving.solved(parts) == here(parts)
    assert ("is gone" in caplog.text) == (killed_while == "solving")
    monkeypatch.undo()
    assert_comes_back(ready, process, parts)


def test_a_process_that_hangs_is_given_up(
    ready: solving._Helper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    parts, process = parts_of(5), ready._ready()
    assert process is not None
    monkeypatch.setattr(solving, "_PATIENCE_SECONDS", 0.2)
    os.kill(process._process.pid, signal.SIGSTOP)
    assert solving.solved(parts) == here(parts)
    assert "doesn't answer" in caplog.text
    monkeypatch.undo()
    assert_comes_back(ready, process, parts)


def assert_comes_back(helper: solving._Helper, gone: Beside, parts: list[Part]) -> None:
    """Another process is started, and solves these."""
    assert becomes(lambda: helper._ready() is not None)
    given = helper.give(parts)
    assert given is not None
    assert given is not gone
    assert helper.take(given, SECONDS) == here(parts)


def test_what_can_t_be_solved_is_an_error_here(ready: solving._Helper) -> None:
    """Whatever ends the process is found by the one that asks: nothing is lost in between."""
    broken = Part(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), ())
    with pytest.raises(ValueError, match="zero-size"):
        solving.solved([broken, broken])
    with pytest.raises(ValueError, match="zero-size"):
        here([broken])
    assert not ready._taken.locked()


def test_many_questions_at_once(ready: solving._Helper) -> None:
    found: dict[int, list[list[int]]] = {}

    def ask(seed: int) -> None:
        found[seed] = solving.solved(parts_of(seed))

    threads = [Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert found == {seed: here(parts_of(seed)) for seed in range(8)}
