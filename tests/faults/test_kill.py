"""A server that is killed in the middle of writing loses nothing that it acknowledged and leaves nothing by half."""

from __future__ import annotations

import copy
import json
import os
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.killing import (
    Log,
    Server,
    Told,
    faults,
    prepare,
    read_model_faults,
    send_again,
    writing,
)

# How often each kind of store is killed; LEDGER_KILLS=200 for the figure that counts.
KILLS = int(os.environ.get("LEDGER_KILLS", "3"))
KILLS_PER_LEDGER = 20
SECONDS_OF_WRITING = (0.05, 0.7)

# A server that tells its clients before it commits.
EARLY = """
import time
from ledger.writer import Writer

def commit(self, group, jobs):
    with self._store.write() as transaction:
        group.take(transaction, jobs)
        for job, outcome in zip(jobs, group.outcomes):
            job.done.set_result(outcome)
        self.answered()
        time.sleep(0.05)
    self._records.commit()

Writer._commit = commit
Writer._answer = lambda self, jobs: self._settle(jobs)
from api.cli import main
main()
"""


def kill_while_writing(server: Server, told: Told, seed: int) -> None:
    with writing(server, told, seed):
        time.sleep(random.Random(seed).uniform(*SECONDS_OF_WRITING))
        server.kill()


def rounds(server: Server, kills: int, temporary: Path, seed: int) -> dict[str, int]:
    """Kill, look, send again, look again; so many times. Gives the figures."""
    told = Told()
    server.start()
    prepare(server, told)
    unanswered = stored = 0
    for number in range(kills):
        kill_while_writing(server, told, seed + number)
        assert number % 5 or read_model_faults(server, temporary) == []
        server.start()
        log = server.log()
        assert faults(log, told) == []
        stored += len(told.open.keys() & log.answers.keys())
        unanswered += send_again(server, told)
        assert told.open == {}
        again = server.log()
        assert faults(again, told) == []
        assert again.events[: len(log.events)] == log.events
    server.kill()
    assert read_model_faults(server, temporary) == []
    return {"events": len(again.events), "answered": len(told.answered), "unanswered": unanswered, "stored": stored}


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def test_a_killed_server_keeps_what_it_acknowledged(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    """Every acknowledged event is there exactly once, where its answer says; every request whole, with its index and
    its answer, or not at all; who got no answer gets one, and the event is there once; the read model that was left
    catches up to what the log alone would give."""
    figures = []
    kills = KILLS if database == "sqlite" else min(KILLS, KILLS_PER_LEDGER)  # one database a test
    for first in range(0, kills, KILLS_PER_LEDGER):
        url = request.getfixturevalue("database_url") if database == "postgres" else None
        server = Server(tmp_path / f"ledger-{first}", url)
        try:
            figures.append(rounds(server, min(KILLS_PER_LEDGER, kills - first), tmp_path / "copy", 1000 * first))
        finally:
            server.kill()
    totals = {name: sum(one[name] for one in figures) for name in figures[0]}
    print(f"{database}: {kills} kills: {totals}")  # noqa: T201 - the figures are what the long run is for
    assert totals["unanswered"] > 0


@pytest.mark.slow
def test_a_server_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    """The control: the same killing finds what such a server loses."""
    server, told = Server(tmp_path / "ledger", program=EARLY), Told()
    server.start()
    prepare(server, told)
    time.sleep(0.2)
    found: list[str] = []
    for seed in range(10):
        kill_while_writing(server, told, seed)
        server.start()
        found = faults(server.log(), told)
        if found:
            break
    server.kill()
    assert any("was acknowledged" in one for one in found)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Log, Told]:
    """A log that nothing is wrong with, of a server that was killed once, and what its clients know."""
    server, told = Server(tmp_path_factory.mktemp("kill") / "ledger"), Told()
    server.start()
    prepare(server, told)
    with writing(server, told, 1):
        time.sleep(0.7)
        server.kill()
    server.start()
    try:
        send_again(server, told)
        log = server.log()
    finally:
        server.kill()
    assert faults(log, told) == []
    return log, told


def test_the_look_at_the_log_sees_every_kind_of_fault(written: tuple[Log, Told]) -> None:
    """The other control: a log that lost, doubled, tore or mixed up something doesn't pass."""
    log, told = written
    events = list(log.events)
    batch = max((sent for sent, _ in told.answered.values()), key=lambda sent: len(sent.events))
    assert len(batch.events) > 1
    place = next(n for n, one in enumerate(events) if json.loads(one.state)["note"] == batch.events[0]["note"])
    renumbered = [one._replace(position=n) for n, one in enumerate([*events[:place], *events[place + 1 :]], 1)]
    correction = next(n for n, one in enumerate(events) if one.type == "event.corrected")
    moved = [*events]
    moved[correction] = events[correction]._replace(chain=events[correction].event_id)
    swapped = [*events]
    swapped[5:7] = [events[6]._replace(position=6), events[5]._replace(position=7)]
    wrong = {
        "the last event lost": replace(log, events=events[:-1]),
        "an event lost, positions closed up": replace(log, events=renumbered),
        "a gap": replace(log, events=[*events[:place], *events[place + 1 :]]),
        "an event twice": replace(log, events=[*events, events[-1]._replace(position=len(events) + 1)]),
        "two events swapped": replace(log, events=swapped),
        "an answer lost": replace(log, answers={k: v for k, v in log.answers.items() if k != batch.key}),
        "an index row lost": replace(log, keys=log.keys - {("entity/acme", 1)}),
        "an index row too many": replace(log, keys=log.keys | {("entity/acme", len(events) + 1)}),
        "a correction out of its chain": replace(log, events=moved),
    }
    for what, one in wrong.items():
        assert faults(one, told), what
    forgetful = copy.copy(told)
    forgetful.answered = {key: value for key, value in told.answered.items() if key != batch.key}
    assert any("nobody sent it" in one for one in faults(log, forgetful))
