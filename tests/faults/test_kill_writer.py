"""The process that writes is killed while the one that answers goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.killing import Server, Told, faults, prepare, send_again, writing

ROUNDS = 3
SECONDS_OF_WRITING = (0.05, 0.5)

# A server that says "recorded" of what it asked a process that is gone.
TRUSTING = """
import json
from ledger.requests import Accepted
from ledger.scribe import Scribe, _Process

ask, sent = _Process.ask, {}

def remember(self, forbidden, asked):
    sent.update({id(done): call for call, done in asked})
    return ask(self, forbidden, asked)

def trust(self, asked):
    for done in asked.values():
        events = json.loads(sent[id(done)].asked.body)
        told = [{"id": "", "position": self.head, "type": one["type"]} for one in events]
        done.set_result([Accepted(self.head, told, [])])
    self.answered()

_Process.ask, Scribe._give_up = remember, trust
from api.cli import main
main()
"""


def kill_while_writing(server: Server, told: Told, seed: int) -> None:
    """Kill the process that writes, and those that follow it, until no client is left that was answered each time."""
    choose = random.Random(seed)
    with writing(server, told, seed) as clients:
        while any(one.is_alive() for one in clients):
            time.sleep(choose.uniform(*SECONDS_OF_WRITING))
            for writer in server.children():
                os.kill(writer, signal.SIGKILL)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_killed_writer_loses_and_doubles_nothing(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    """Given clients that write; when the process that writes is killed; then they are told 503, whoever asks again is
    answered by the next process, and every request is there once or not at all, as it was acknowledged."""
    url = request.getfixturevalue("database_url") if database == "postgres" else None
    server, told, unanswered = Server(tmp_path / "ledger", url), Told(), 0
    server.start()
    try:
        prepare(server, told)
        for seed in range(ROUNDS):
            kill_while_writing(server, told, seed)
            unanswered += len(told.open)
            send_again(server, told)
            told.surprises.clear()  # whoever came first may have met the end of the process that was killed
            send_again(server, told)
            assert told.open == {}
            assert faults(server.log(), told) == []
    finally:
        server.kill()
    assert unanswered


def test_a_server_that_trusts_a_killed_process_is_caught(tmp_path: Path) -> None:
    """The control: given a server that takes what the killed process was asked last as written; then it shows."""
    server, told, found = Server(tmp_path / "ledger", program=TRUSTING), Told(), []
    for seed in range(5):
        server.start()
        try:
            if seed == 0:
                prepare(server, told)
            with writing(server, told, seed):
                time.sleep(0.5)
                for writer in server.children():
                    os.kill(writer, signal.SIGKILL)
                time.sleep(0.5)
                server.kill()
            found = faults(server.log(), told)
        finally:
            server.kill()
        if found:
            break
    assert any("was acknowledged" in one for one in found)
