"""The follower: it applies what is new, sets aside what can't be applied, and goes on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from ledger.store import Store, Stored, StoreUnavailable
from projections.apply import COLUMNS
from projections.database import ReadModel
from projections.follower import BATCH, GATHER_EVENTS, Follower
from projections.writing import Writing
from tests.facts import commit, correct, draw, entity, ident, invest, mark, retract, stake, usd
from tests.projections.conftest import Books
from tests.projections.figures import sure
from tests.projections.logs import ListedLog, log_of, state_of

SECONDS = 20


def spoiled(books: Books, kind: str = "investment.made", **changes: Any) -> None:
    """Append an investment whose state is changed in these fields, at any depth: `data_amount` is amount of data."""
    [event_id] = ListedLog().given(invest("acme", "beta", usd("9"), id=ident(1000 + books.log.head())))
    log = log_of([invest("acme", "beta", usd("9"), id=event_id)])
    state = state_of(log.events[0])
    for name, value in changes.items():
        part = state["data"] if name.startswith("data_") else state
        part[name.removeprefix("data_")] = value
    books.log.put(kind, json.dumps(state), event_id, "holding/acme/beta/equity", event_id)


def test_what_no_projection_can_read_is_set_aside_and_the_others_go_on(books: Books) -> None:
    """Another schema, an unknown type, no JSON, JSON of another form, a date that is none."""
    spoiled(books, schema=2)
    spoiled(books, kind="investment.dreamt")
    books.log.put("investment.made", '{"schema": 1, "id": ', ident(900), "holding/a/b/c", ident(900))
    books.log.put("investment.made", "[]", ident(901), "holding/a/b/c", ident(901))
    spoiled(books, effective="2023-02-30")
    books.given(invest("acme", "beta", usd("5")))
    assert books.holding()["cost"] == sure("5")
    assert [event["position"] for event in books.trail().rows] == [6]
    aside = books.follower.set_aside
    assert [(one["position"], one["projection"]) for one in aside] == [(number, "all") for number in range(1, 6)]
    assert "schema 2" in aside[0]["error"]
    assert "investment.dreamt" in aside[1]["error"]
    assert books.model.position == 6


@pytest.mark.parametrize(
    ("changes", "projections"),
    [
        ({"data_units": "many"}, ["holdings"]),
        ({"data_units": "9" * 40}, ["holdings"]),
        ({"data_amount": 7, "data_stake": {"share": "0.1"}, "data_commitment": "pledge"}, None),
        ({"data_stake": {"share": "x"}}, ["holdings", "valuations"]),
        ({"recorded_at": "yesterday"}, ["events"]),
        ({"data_investor": "\ud800"}, ["events", "flows", "holdings", "performance"]),
    ],
)
def test_what_one_projection_cannot_apply_the_others_do(
    books: Books, changes: dict[str, Any], projections: list[str] | None
) -> None:
    """In one batch with good events, whether it fails in Python or in the tables; each is named."""
    books.log.given(commit("pledge", "acme", "beta"), mark("beta", usd("100")))
    spoiled(books, **changes)
    books.given(invest("acme", "beta", usd("5"), stake=stake("0.5")))
    aside = books.follower.set_aside
    assert {one["position"] for one in aside} == {3}
    assert [one["projection"] for one in aside] == (
        projections or ["commitments", "flows", "holdings", "performance", "valuations"]
    )
    row = books.holding()
    cost = sure("5") if "holdings" in [one["projection"] for one in aside] else sure("14")
    assert (row["cost"], row["value"]) == (cost, sure("50"))
    assert books.model.position == 4


def test_a_correction_that_cannot_be_applied_leaves_what_it_corrects(books: Books) -> None:
    """It is set aside where it fails, and only there."""
    books.given(invest("acme", "beta", usd("5")))
    books.given(correct(ident(1), invest("acme", "beta", usd("6"), units="many"), known="2024-01-01"))
    assert books.holding()["cost"] == sure("5")
    assert [(one["position"], one["projection"]) for one in books.follower.set_aside] == [(2, "holdings")]
    assert [event["position"] for event in books.trail(record="holding/acme/beta/equity").rows] == [2, 1]


def test_what_is_about_an_event_that_was_set_aside_is_set_aside_too(books: Books) -> None:
    books.log.put("investment.made", "{}", ident(900), "holding/acme/beta/equity", ident(900))
    books.log.put(
        "event.retracted",
        json.dumps({**state_of(log_of([retract_of(ident(900))]).events[-1])}),
        ident(901),
        "holding/acme/beta/equity",
        ident(900),
    )
    books.given(entity("acme"))
    assert [one["position"] for one in books.follower.set_aside] == [1, 2]
    assert [row["entity"] for row in books.entities()] == ["acme"]


def retract_of(event_id: str) -> dict[str, Any]:
    """A retraction in a log where nothing has that id."""
    fact = retract(event_id, known="2024-01-01")
    return {**fact, "type": "review.recorded", "data": {"events": [event_id], "verdict": "rejected"}}


def in_batches(folder: Path, log: ListedLog, tables: Sequence[str]) -> list[list[list[tuple[Any, ...]]]]:
    """The rows of these tables when the log is applied one by one, by seven and at once."""
    found = []
    for size in (1, 7, 1_000):
        (folder / str(size)).mkdir()
        model = ReadModel(folder / str(size))
        model.prepare(ListedLog().store)
        model.follow(log.store, size, threading.Event())
        found.append([model.rows(f"SELECT * FROM {name} ORDER BY ALL", {}) for name in tables])
        model.close()
    return found


def test_one_by_one_or_in_batches_makes_no_difference(tmp_path: Path) -> None:
    """Chains that grow within one batch, across batches, and each event by itself give the same rows."""
    facts = []
    for number in range(30):
        facts.append(invest("acme", "beta", usd("5"), id=ident(100 * number + 50), units=str(number)))
        replacement = invest("acme", "beta", usd(str(number)))
        facts.append(correct(ident(100 * number + 50), replacement, id=ident(100 * number + 51), known="2024-01-01"))
        if number >= 10:
            facts.append(retract(ident(100 * (number - 10) + 51), id=ident(100 * number + 52), known="2024-02-01"))
    log = log_of(facts)
    found = in_batches(tmp_path, log, ("facts", "holdings", "events"))
    assert found[0] == found[1] == found[2]
    assert len(found[0][1]) > len(facts) / 2


def test_names_have_the_same_numbers_whatever_the_batches(tmp_path: Path) -> None:
    """Numbers are given in order of first appearance, also where a correction brings in a name."""
    facts = []
    for number in range(30):
        facts.append(invest(f"fund-{number % 7}", f"maker-{number % 5}", usd("5"), id=ident(100 * number + 50)))
        replacement = invest(f"fund-{number % 7}", f"maker-{number % 5}", usd("5"), commitment=f"pledge-{number % 3}")
        facts.append(correct(ident(100 * number + 50), replacement, id=ident(100 * number + 51), known="2024-01-01"))
    log = log_of(facts)
    found = in_batches(tmp_path, log, ("flows", "names"))
    assert found[0] == found[1] == found[2]
    names = [name for _, name in found[0][1]]
    assert names[:3] == ["fund-0", "maker-0", "commitment/pledge-0"]
    assert [number for number, _ in found[0][1]] == list(range(1, len(names) + 1))


def test_in_a_large_batch_only_what_cannot_be_applied_is_set_aside(books: Books) -> None:
    """The first, the last and two in the middle; the other 196 are applied as ever."""
    spoiled_ones = (1, 100, 101, 200)
    for number in range(1, 201):
        if number in spoiled_ones:
            spoiled(books, data_units="many")
        else:
            books.log.given(invest("acme", "beta", usd("1"), id=ident(number)))
    books.follower.catch_up()
    assert [(one["position"], one["projection"]) for one in books.follower.set_aside] == [
        (number, "holdings") for number in spoiled_ones
    ]
    assert books.holding()["cost"] == sure("196")
    assert len(books.trail().rows) == 200


@pytest.mark.parametrize("fails", [True, False])
def test_a_batch_that_the_file_does_not_take_leaves_nothing_behind(
    books: Books, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """The disk is full as the last table is written: the position and all tables are those of before. And the control,
    where it isn't."""
    books.given(invest("acme", "beta", usd("5")))
    books.log.given(
        invest("acme", "beta", usd("7")), correct(ident(1), invest("acme", "beta", usd("6")), known="2024-01-01")
    )
    before = held(books)
    with monkeypatch.context() as patched:
        if fails:
            insert = Writing._insert

            def insert_till_full(writing: Writing, table: str, rows: Sequence[Any]) -> None:
                insert(writing, table, rows)
                if table == "events":
                    raise duckdb.IOException("the disk is full")

            patched.setattr(Writing, "_insert", insert_till_full)
            with pytest.raises(duckdb.Error, match="the disk is full"):
                books.follower.catch_up()
        else:
            books.follower.catch_up()
    assert (held(books) == before) == fails
    books.follower.catch_up()
    assert books.model.position == 3
    assert books.holding()["cost"] == sure("13")


def held(books: Books) -> list[Any]:
    """All rows of the file."""
    return [books.model.rows(f"SELECT * FROM {name} ORDER BY ALL", {}) for name in ("meta", *COLUMNS)]


class Faulty(ListedLog):
    """A log that can't be read for a while."""

    away = True

    def read(self, after: int, limit: int) -> list[Stored]:
        if self.away:
            raise StoreUnavailable("the database is away")
        return super().read(after, limit)


def test_a_log_that_is_away_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.follower.RETRY_SECONDS", 0.01)
    log = Faulty()
    log.given(entity("acme"))
    model = ReadModel(tmp_path)
    follower = Follower(cast(Store, log), model)
    follower.start()
    for _ in range(SECONDS * 100):
        if follower.failure:
            break
        threading.Event().wait(0.01)
    assert failures(follower) == ["StoreUnavailable: the database is away"]
    log.away = False
    assert model.wait_for(1, SECONDS)
    follower.stop()
    assert failures(follower) == []
    model.close()


def failures(follower: Follower) -> list[str]:
    return [] if follower.failure is None else [follower.failure]


def test_news_is_applied_at_once_when_told_and_soon_when_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server's events come without a word: the follower looks for them by itself."""
    monkeypatch.setattr("projections.follower.POLL_SECONDS", 600)
    log = ListedLog()
    model = ReadModel(tmp_path)
    follower = Follower(log.store, model)
    follower.start()
    log.given(*(entity(f"e{number}") for number in range(2 * BATCH + 1)))
    follower.wake()
    assert model.wait_for(2 * BATCH + 1, SECONDS)
    assert not model.wait_for(2 * BATCH + 2, 0.01)
    follower.stop()
    monkeypatch.setattr("projections.follower.POLL_SECONDS", 0.01)
    again = Follower(log.store, model)
    again.start()
    log.given(entity("last"))
    assert model.wait_for(2 * BATCH + 2, SECONDS)
    again.stop()
    model.close()


def gathering(log: ListedLog, model: ReadModel, follower: Follower) -> None:
    """Give events till one isn't applied at once: the first ones may come in time for what goes on already."""
    for number in range(1, 10):
        log.given(entity(f"e{number}"))
        follower.wake()
        if not model.wait_for(number, SECONDS if number == 1 else 1):
            return


def test_news_gathers_while_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a follower that has just applied something; when there is more news; then it waits for still more, unless
    somebody waits for it; and ends at once when it is told to."""
    monkeypatch.setattr("projections.follower.GATHER_SECONDS", 600)
    monkeypatch.setattr("projections.follower.POLL_SECONDS", 600)
    log = ListedLog()
    model = ReadModel(tmp_path)
    follower = Follower(log.store, model)
    follower.start()
    gathering(log, model, follower)
    waiting = model.position + 1
    assert waiting == log.head()
    follower.hurry()
    assert model.wait_for(waiting, SECONDS)
    log.given(entity("last"))
    follower.wake()
    began = time.monotonic()
    follower.stop()
    assert time.monotonic() - began < SECONDS
    model.close()


def test_many_events_are_applied_though_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a follower that gathers; when so many events are there that more would save nothing; then it applies them;
    the control: with one fewer it doesn't."""
    monkeypatch.setattr("projections.follower.GATHER_SECONDS", 600)
    monkeypatch.setattr("projections.follower.POLL_SECONDS", 600)
    log = ListedLog()
    model = ReadModel(tmp_path)
    follower = Follower(log.store, model)
    follower.start()
    gathering(log, model, follower)
    missing = model.position + GATHER_EVENTS - log.head()
    log.given(*(entity(f"more-{number}") for number in range(missing - 1)))
    follower.wake(log.head())
    assert not model.wait_for(log.head(), 0.3)
    log.given(entity("last"))
    follower.wake(log.head())
    assert model.wait_for(log.head(), SECONDS)
    follower.stop()
    model.close()


def test_who_asks_for_what_is_new_is_not_kept_waiting_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given somebody who waited for an event; when the next one comes; then it is applied before anybody asks."""
    monkeypatch.setattr("projections.follower.GATHER_SECONDS", 600)
    log = ListedLog()
    model = ReadModel(tmp_path)
    follower = Follower(log.store, model)
    follower.start()
    log.given(entity("first"))
    follower.hurry()
    assert model.wait_for(1, SECONDS)
    log.given(entity("second"))
    follower.wake(log.head())
    assert model.wait_for(2, SECONDS)
    follower.stop()
    model.close()


def test_who_waits_for_a_position_is_told_once_it_is_applied(books: Books) -> None:
    """At once if it is already; each once, nobody before his position, and nobody who has given up."""
    told: list[int] = []
    with ExitStack() as waiting:
        for position in (3, 1, 2, 1):
            waiting.enter_context(books.model.when(position, partial(told.append, position)))
        with books.model.when(1, partial(told.append, -1)):
            pass
        assert told == []
        books.given(entity("acme"), entity("beta"))
        assert sorted(told) == [1, 1, 2]
        books.given(entity("gamma"))
        assert told[3:] == [3]
        waiting.enter_context(books.model.when(2, partial(told.append, 22)))
        assert told[4:] == [22]
    assert books.model._waiting == []


def test_questions_are_answered_while_events_are_applied(tmp_path: Path) -> None:
    """At a position that is applied the answer is the same, whatever goes on."""
    log = ListedLog()
    log.given(commit("pledge", "acme", "beta", usd("1000")))
    books = Books(tmp_path, log)
    books.follower.start()
    assert books.model.wait_for(1, SECONDS)
    wrong: list[Any] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            position = books.model.position
            drawn = books.commitment(position=position)["drawn"]
            if drawn != sure(str(position - 1)):
                wrong.append((position, drawn))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        log.given(draw("pledge", usd("1")))
        books.follower.wake()
    assert books.model.wait_for(201, SECONDS)
    done.set()
    for thread in threads:
        thread.join()
    books.follower.stop()
    books.model.close()
    assert wrong == []
