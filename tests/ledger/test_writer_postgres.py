"""Writers on PostgreSQL: several at once, and replies to COMMIT that are lost."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.store import Store, open_store
from ledger.writer import Unavailable
from tests.facts import commit, entities, invest, usd
from tests.ledger.cases import PARTIES
from tests.ledger.test_store_postgres import Wire
from tests.ledger.written import stamps, states, strictly_rise
from tests.ledgers import Ledger, taken


class OneCut(Wire):
    """Cuts one line, then lets everything through."""

    def hang_up(self, *lines: Any) -> None:
        self.cut = "never"
        super().hang_up(*lines)


@pytest.mark.parametrize("cut", ["after", "before"])
def test_a_lost_reply_to_commit_is_answered_once(database_url: str, cut: Any) -> None:
    """Whether the server did it or not: the writer finds out, answers once, and the event is there once."""
    wire = OneCut(database_url)
    store = open_store(None, wire.url)
    ledger = Ledger(store)
    ledger.given(*PARTIES)
    wire.cut = cut
    outcome = taken(ledger.ask(invest("acme", "beta"), invest("acme", "gamma"), key="once"))
    assert wire.cuts == 1
    assert (outcome.position, outcome.repeated) == (5, False)
    assert [stored.event_id for stored in store.read(3, 9)] == [one["id"] for one in outcome.events]
    assert ledger.ask(invest("acme", "beta"), invest("acme", "gamma"), key="once") == replace(outcome, repeated=True)
    ledger.close()
    store.close()
    wire.listener.close()


def test_replies_that_stay_lost_are_unavailable(database_url: str) -> None:
    """The control of the test above: while every reply is lost nobody is told that the event is stored."""
    wire = Wire(database_url)
    store = open_store(None, wire.url)
    ledger = Ledger(store)
    ledger.given(*PARTIES)
    wire.cut = "after"
    with pytest.raises(Unavailable):
        ledger.ask(invest("acme", "beta"), key="once")
    wire.cut = "never"
    again = taken(ledger.ask(invest("acme", "beta"), key="once"))
    assert (again.position, again.repeated, store.head()) == (4, True, 4)
    ledger.close()
    store.close()
    wire.listener.close()


PROCESS = """
import json, sys
from ledger.head import Head
from ledger.store import open_store
from ledger.writer import Accepted, Writer
from tests.facts import invest, sell, usd
from tests.ledgers import request

url, investor, mode = sys.argv[1:]
if mode == "blind":
    begin = Head.begin
    def blind(self, store):
        begin(self, store)
        Head.begin = lambda self, store: (self._forget_pending(), setattr(self, "_store", store))
    Head.begin = blind
store = open_store(None, url)
writer = Writer(store, lambda position: None)
told = []
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    batch = [invest(investor, "beta", usd("3"), commitment="pledge")]
    if mode != "blind":  # of one record: its version alone would show that others wrote
        batch += [sell("gamma", "beta", units="3"), invest("gamma", "acme")]
    futures = [writer.submit([request(one)]) for one in batch]
    for [outcome] in (future.result(60) for future in futures):
        told += outcome.events if isinstance(outcome, Accepted) else []
writer.close()
store.close()
print(json.dumps(told))
"""


INVESTORS = ("one", "two", "three")


def contend(database_url: str, mode: str) -> tuple[Store, list[dict[str, Any]]]:
    """Three processes, each an investor of its own, draw 3 at a time on a commitment of 100, and all sell 3 at a time
    of gamma's 100 units. Gives the store that they wrote to and what they were told."""
    store = open_store(None, database_url)
    ledger = Ledger(store)
    ledger.given(*PARTIES, *entities(*INVESTORS), commit("pledge", "acme", "beta", usd("100")))
    ledger.given(invest("gamma", "beta", units="100", on="2022"))
    ledger.close()
    root = Path(__file__).parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": root, "text": True}
    processes: list[subprocess.Popen[str]] = [
        subprocess.Popen([sys.executable, "-c", PROCESS, database_url, name, mode], **pipes)  # type: ignore[call-overload]
        for name in INVESTORS
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = []
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        told += json.loads(out)
    return store, told


def drawn_and_sold(store: Store) -> tuple[int, int]:
    found = states(store)
    draws = [state for state in found if state["data"].get("commitment") and state["type"] == "investment.made"]
    return 3 * len(draws), 3 * sum(state["type"] == "investment.sold" for state in found)


def test_writers_in_several_processes_keep_the_rules_and_the_order(database_url: str) -> None:
    """Positions have no gap, stamps rise with them, each answer is true, and together they neither overdraw a
    commitment nor oversell a holding."""
    store, told = contend(database_url, "as it is")
    events = store.read(0, 10_000)
    assert [stored.position for stored in events] == list(range(1, len(events) + 1))
    assert strictly_rise(stamps(store))
    at = {stored.event_id: stored.position for stored in events}
    assert {one["id"]: one["position"] for one in told} == {name: place for name, place in at.items() if place > 8}
    assert len(told) == len(events) - 8 == 33 + 33 + 75
    assert drawn_and_sold(store) == (99, 99)
    versions = [stored.version for stored in events if stored.stream == "holding/gamma/beta/equity"]
    assert versions == list(range(1, 35))
    store.close()


def test_writers_that_do_not_look_would_overdraw(database_url: str) -> None:
    """The control: with heads that don't see what others wrote, the rule doesn't hold."""
    store, _ = contend(database_url, "blind")
    assert drawn_and_sold(store)[0] > 100
    store.close()
