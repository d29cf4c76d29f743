"""Portfolios: what one holder has, from the rows that are kept by holder, is what it is from everybody's."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from projections import holdings, portfolios, writing
from projections.changes import Columns
from projections.follower import Follower
from projections.paging import EVERYTHING
from projections.portfolio_rows import TABLES
from projections.portfolios import Portfolios
from projections.table import SEGMENTS
from projections.visibility import Point
from projections.writing import Writing
from tests.facts import commit, correct, distribute, eur, ident, invest, mark, observe, rate, retract, sell, stake, usd
from tests.projections.conftest import Books

HOLDERS, ISSUERS = ("acme", "beta", "gamma"), ("delta", "eps", "zeta", "acme")
FIRST_DAY = date(2020, 1, 1)
DAYS = 1_500


def some_fact(chance: random.Random, earlier: dict[str, str]) -> Any:
    """Any fact that has to do with holdings, now and then amending or repeating an earlier one."""
    holder, issuer = chance.choice(HOLDERS), chance.choice(ISSUERS)
    day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
    more: dict[str, Any] = {"on": chance.choice([str(day), str(day)[:7], f"{day.year}-Q2"]), "known": str(day)}
    more["known"] = str(day + timedelta(days=chance.randrange(200)))
    if chance.randrange(5) == 0:
        more["status"] = chance.choice(["rumoured", "denied"])
    number = f"{chance.randrange(1, 10**6)}{chance.choice(['', '', '.50', '.000005'])}"
    amount = chance.choice([usd, eur])(number, chance.choice([None, None, "about", "up_to"]))
    share: dict[str, Any] = {"stake": stake("0.01", **({"qualifier": "about"} if chance.randrange(2) else {}))}
    units: dict[str, Any] = {"units": str(chance.randrange(1, 9))}
    nothing: dict[str, Any] = {}
    said = chance.choice([share, units, nothing])
    made = [
        lambda: invest(holder, issuer, amount, **said, **more),
        lambda: invest(holder, issuer, amount, instrument=chance.choice(["debt", "grant"]), **more),
        lambda: sell(
            holder, issuer, amount, **chance.choice([share, units, {"fraction": "0.5"}, {"all": True}]), **more
        ),
        lambda: observe(holder, issuer, **(said or units), **more),
        lambda: distribute(issuer, holder, amount, chance.choice(["dividend", "interest"]), **more),
        lambda: distribute(issuer, holder, amount, commitment=chance.choice(["fund", "loan"]), **more),
        lambda: mark(issuer, amount, chance.choice(["post_money", "fair_value", "target"]), **more),
        lambda: mark(issuer, amount, "nav", holder=holder, **more),
        lambda: mark(
            issuer, chance.choice([amount, {}]), chance.choice(["fair_value", "implied"]), holder=holder, **more
        ),
        lambda: mark(
            issuer, {}, chance.choice(["traded", "post_money"]), price=usd(str(chance.randrange(1, 90))), **more
        ),
        lambda: invest(holder, issuer, amount, commitment=chance.choice(["fund", "loan"]), **more),
    ]
    fact = chance.choice(made)()
    alike = [event_id for event_id, kind in earlier.items() if kind == fact["type"]]
    if alike and chance.randrange(8) == 0:
        return correct(chance.choice(alike), fact, known=fact["known"])
    if earlier and chance.randrange(15) == 0:
        return retract(chance.choice([*earlier]), known=fact["known"])
    if alike and chance.randrange(15) == 0:
        fact["same_as"] = chance.choice(alike)
    return fact


def record(books: Books, chance: random.Random, count: int) -> None:
    """So many facts, of which the follower takes in some at a time."""
    earlier: dict[str, str] = {}
    while books.log.head() < count:
        facts = [some_fact(chance, earlier) for _ in range(chance.randrange(1, 12))]
        ids = books.given(*facts)
        earlier |= {event_id: fact["type"] for event_id, fact in zip(ids, facts, strict=True) if "effective" in fact}
        if chance.randrange(3) == 0:
            books.model.portfolios.reach(books.model, books.log.head())


def points(books: Books, chance: random.Random, count: int) -> Iterator[Point]:
    for _ in range(count):
        as_of, known = (FIRST_DAY + timedelta(days=chance.randrange(DAYS + 200)) for _ in range(2))
        position = chance.randrange(books.log.head() + 1)
        yield Point(as_of, known, position, chance.choice([None, "USD"]), chance.random() < 0.3)


class Elsewhere(Portfolios):
    """Portfolios that never have what is asked for."""

    def reach(self, *_: Any) -> bool:
        return False


def ask(books: Books, at: Point, holder: str, issuer: str | None = None) -> Any:
    return holdings.holdings(books.model, at, holder=holder, issuer=issuer, page=EVERYTHING)


@pytest.mark.parametrize(("seed", "step", "remembered"), [(1, 50_000, 5_000), (2, 50_000, 0), (5, 7, 0), (4, 7, 15)])
def test_what_is_kept_by_holder_is_what_is_found_by_a_search(
    books: Books, monkeypatch: pytest.MonkeyPatch, seed: int, step: int, remembered: int
) -> None:
    """Given facts of all kinds, corrected, retracted and repeated, taken in at any pace, from memory or from the
    read model; when a holder is asked for at any point; then the answer is the one that the read model's own tables
    give."""
    monkeypatch.setattr(portfolios, "_STEP", step)
    monkeypatch.setattr(writing, "RECENT", remembered)
    chance = random.Random(seed)
    books.given(
        commit("fund", "acme", "delta", purpose="fund", on="2020-01-02"),
        commit("loan", "beta", "eps", purpose="loan", on="2020-01-02"),
        rate("EUR", "USD", "1.1", on="2020-01-01"),
    )
    record(books, chance, 150)
    rows = 0
    for at in points(books, chance, 20):
        for holder in HOLDERS:
            issuer = chance.choice([None, None, *ISSUERS])
            assert books.model.portfolios.reach(books.model, at.position)
            found = ask(books, at, holder, issuer)
            with monkeypatch.context() as patched:
                patched.setattr(books.model, "portfolios", Elsewhere(books.folder))
                assert found == ask(books, at, holder, issuer)
            rows += len(found.rows)
    assert rows > 25


def kept(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the file, by table."""
    with closing(sqlite3.connect(path / portfolios.FILE)) as shell:
        return {table.name: shell.execute(f"SELECT * FROM {table.name}").fetchall() for table in TABLES}


@pytest.mark.parametrize("seed", [6, 7])
def test_rows_are_the_same_from_what_is_remembered_and_from_the_read_model(
    books: Books, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    """Given facts of all kinds; when they are taken in as they come, and once more from the read model; then both files
    hold the same to the byte, and something in every table."""
    books.given(commit("fund", "acme", "delta", purpose="fund", on="2020-01-02"))
    record(books, random.Random(seed), 150)
    assert books.model.portfolios.reach(books.model, books.log.head())
    found = kept(books.folder)

    (tmp_path / "again").mkdir()
    again = Portfolios(tmp_path / "again")
    monkeypatch.setattr(books.model, "changes_after", lambda _: None)
    assert again.reach(books.model, books.log.head())
    assert kept(tmp_path / "again") == found
    again.close()
    assert all(found.values())
    assert {row[9] for row in found["marks"]} == {"position", "unit", "whole"}
    assert any("|" in str(row) for row in found["deals"])


@pytest.mark.parametrize(
    ("refusing", "expected"), [("", [1, 2, 3, 4]), (SEGMENTS, [1, 3, 4]), ("events", [1, 2, 3, 4])]
)
def test_what_the_tables_do_not_take_is_not_taken_from_memory(
    books: Books, monkeypatch: pytest.MonkeyPatch, refusing: str, expected: list[int]
) -> None:
    """Given an event among others whose row a table refuses; when its holder is asked for; then it isn't in the answer,
    unless another table refused it, and what comes before and after it is."""
    insert = Writing._insert

    def insert_unless_refused(self: Writing, table: str, values: Columns) -> None:
        if table == refusing and any(ident(2) in column for column in values):
            raise ValueError("refused")
        insert(self, table, values)

    monkeypatch.setattr(Writing, "_insert", insert_unless_refused)
    bought = books.given(*(invest("acme", "delta", usd("10"), id=ident(number)) for number in (1, 2, 3)))
    bought += books.given(invest("acme", "delta", usd("10"), id=ident(4)))
    assert [one["projection"] for one in books.follower.set_aside] == ([refusing] if refusing else [])
    [row] = ask(books, books.at(), "acme").rows
    assert row["events"] == [bought[number - 1] for number in expected]


def test_a_row_that_is_missing_or_left_over_would_be_noticed(books: Books) -> None:
    """The control: an answer comes from the file, and isn't what it should be once the file isn't."""
    [bought] = books.given(invest("acme", "delta", usd("10")))
    at = books.at()
    assert [row["events"] for row in ask(books, at, "acme").rows] == [[bought]]
    with sqlite3.connect(books.folder / portfolios.FILE) as shell:
        shell.execute("DELETE FROM deals")
    shell.close()
    assert ask(books, at, "acme").rows == []


def test_a_question_takes_in_a_little_and_leaves_much_to_the_follower(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the follower has taken it in, the read model answers; and the follower leaves a little to questions."""
    monkeypatch.setattr(portfolios, "AT_ONCE", 3)
    monkeypatch.setattr(writing, "RECENT", 0)
    books.given(*(invest("acme", "delta", usd("10")) for _ in range(3)))
    assert books.model.portfolios.reach(books.model, 3)
    books.given(*(invest("acme", "eps", usd("10")) for _ in range(4)))
    assert not books.model.portfolios.reach(books.model, 7)
    assert books.model.portfolios.reach(books.model, 3)  # a point in the past is there all the same
    assert [len(row["events"]) for row in ask(books, books.at(), "acme").rows] == [3, 4]
    monkeypatch.setattr(portfolios, "WORTHWHILE", 5)
    assert not books.model.portfolios.follow(books.model)
    assert not books.model.portfolios.reach(books.model, 7)
    monkeypatch.setattr(portfolios, "WORTHWHILE", 4)
    monkeypatch.setattr(portfolios, "_STEP", 2)
    assert [books.model.portfolios.follow(books.model) for _ in range(2)] == [True, False]
    assert books.model.portfolios.reach(books.model, 7)


def test_the_follower_takes_in_all_that_there_is(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more events than a question would take in; when the follower runs; then they are there."""
    monkeypatch.setattr(portfolios, "AT_ONCE", 0)
    monkeypatch.setattr(portfolios, "WORTHWHILE", 1)
    books.log.given(*(invest("acme", "delta", usd("10")) for _ in range(20)))
    follower = Follower(books.log.store, books.model)
    follower.start()
    deadline = threading.Event()
    for _ in range(1_000):
        if books.model.portfolios.reach(books.model, 20):
            break
        deadline.wait(0.01)
    follower.stop()
    assert books.model.portfolios.reach(books.model, 20)


def test_a_file_that_was_left_is_made_anew(tmp_path: Path) -> None:
    """A process that was killed leaves its file: the next one doesn't believe it, and takes its own away."""
    (tmp_path / portfolios.FILE).write_bytes(b"what was here before")
    books = Books(tmp_path)
    books.follower.catch_up()
    [bought] = books.given(invest("acme", "delta", usd("10")))
    assert [row["events"] for row in ask(books, books.at(), "acme").rows] == [[bought]]
    books.model.close()
    assert not (tmp_path / portfolios.FILE).exists()


def test_without_the_file_the_read_model_answers(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a disk that takes no file; when a holder is asked for; then the answer is as ever, and the log says why."""

    def refuse(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("the disk is full")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    [bought] = books.given(invest("acme", "delta", usd("10")))
    for _ in range(2):
        assert [row["events"] for row in ask(books, books.at(), "acme").rows] == [[bought]]
    assert caplog.text.count("the portfolios can't follow the read model") == 1


def test_a_file_that_is_taken_away_is_not_missed(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    """Given portfolios that were asked; when somebody removes their file and another thread asks; then the answer is as
    ever, also after the next event, and the log says so once."""
    expected = [[one] for one in books.given(invest("acme", "delta", usd("10")))]
    assert [row["events"] for row in ask(books, books.at(), "acme").rows] == expected
    for path in Path(books.model.path).parent.glob(f"{portfolios.FILE}*"):
        path.unlink()
    for issuer in ("eps", "zeta"):
        with ThreadPoolExecutor(1) as another:
            assert [row["events"] for row in another.submit(ask, books, books.at(), "acme").result().rows] == expected
        expected += [[one] for one in books.given(invest("acme", issuer, usd("10")))]
    assert caplog.text.count("the portfolios can't be read") == 1
