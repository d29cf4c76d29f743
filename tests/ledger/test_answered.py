"""The first answers that are kept for idempotency keys are compared with the events that they name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ledger.answered import check_answers
from ledger.columns import Misplaced
from ledger.event import Origin, parse_event
from ledger.store import Answer, Entry, Store
from ledger.store.sqlite import LOG_FILE, SQLiteStore
from ledger.writer import Request
from tests.facts import entities, ident
from tests.ledger.log.logs import beside
from tests.ledgers import Ledger, taken

NOTHING = '{"position": 3, "events": [], "warnings": []}'


@pytest.fixture
def place(any_ledger: Ledger, request: pytest.FixtureRequest) -> Path | str:
    """Where somebody else opens the store's database."""
    if isinstance(any_ledger.store, SQLiteStore):
        return Path(request.getfixturevalue("tmp_path")) / "ledger" / LOG_FILE
    return str(request.getfixturevalue("database_url"))


def sent(given: str | None, key: str | None, *events: dict[str, Any]) -> Request:
    """What came with a key; the writer goes by `key`, which is the line's where it came in an import."""
    digest = hashlib.sha256(json.dumps(events).encode()).hexdigest()
    origin = Origin("tests", idempotency_key=given)
    return Request(tuple(map(parse_event, events)), origin, key, body_sha256=digest, if_match=None)


@pytest.fixture
def keyed(any_ledger: Ledger) -> Store:
    """Positions 1 without a key, 2 and 3 with one, 4 and 5 lines of an import."""
    one, two, three, four, five = entities("ant", "bee", "cow", "dog", "elk")
    for outcome in any_ledger.submit(
        sent(None, None, one), sent("k", "k", two, three), sent("in", "in:aa:1", four), sent("in", "in:bb:1~2", five)
    ):
        taken(outcome)
    return any_ledger.store


def test_what_the_writer_kept_is_right(keyed: Store) -> None:
    """The control of all below."""
    check_answers(keyed)


def test_many_answers(any_ledger: Ledger) -> None:
    """More than are looked at together."""
    names = entities(*(f"ant-{number}" for number in range(1_100)))
    for outcome in any_ledger.submit(*(sent(f"k{number}", f"k{number}", one) for number, one in enumerate(names))):
        taken(outcome)
    check_answers(any_ledger.store)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM answers", "position 2 came with an idempotency key"),
        ("DELETE FROM answers WHERE key = 'in:bb:1~2'", "position 5 came with an idempotency key"),
        ("UPDATE answers SET key = 'l' WHERE key = 'k'", "kept for l names another event at position 2"),
        ("UPDATE answers SET key = 'kk' WHERE key = 'k'", "kept for kk names another event at position 2"),
        ("UPDATE answers SET key = 'k' WHERE key = 'in:aa:1'; DELETE", "kept for k names another event at position 4"),
        ("UPDATE answers SET answer = replace(answer, 'entity.', 'x.') WHERE key = 'k'", "kept for k names another"),
        (
            "UPDATE answers SET answer = replace(answer, 'id\": \"', 'id\": \"0') WHERE key = 'k'",
            "kept for k names anot",
        ),
        ("UPDATE answers SET position = 4 WHERE key = 'k'", "kept for k can't be read"),
        ("UPDATE answers SET answer = replace(answer, '5', '9'), position = 9 WHERE position = 5", "position 9"),
        ("UPDATE answers SET answer = 'nonsense' WHERE key = 'k'", "kept for k can't be read"),
        ("UPDATE answers SET answer = '{}' WHERE key = 'k'", "kept for k can't be read"),
        ("UPDATE answers SET answer = '[]' WHERE key = 'k'", "kept for k can't be read"),
        ("UPDATE answers SET answer = '{\"position\": 3, \"events\": []}' WHERE key = 'k'", "kept for k can't be read"),
        ("UPDATE answers SET answer = '{\"position\": 3, \"events\": 3}' WHERE key = 'k'", "kept for k can't be read"),
        *(
            (
                f"UPDATE answers SET answer = replace(answer, '{old}', '{new}') WHERE key = 'k'",
                "kept for k can't be read",
            )
            for old, new in (
                ('{"id"', '{"amount": "999", "id"'),
                ('{"position"', '{"hello": "you", "position"'),
                ('"position": 3, "type"', '"position": 3.0, "type"'),
                ('"position": 3, "events"', '"position": 3.0, "events"'),
                ('"position": 3, "events"', '"position": 9, "position": 3, "events"'),
                (', "events"', ',  "events"'),
            )
        ),
        (
            f"INSERT INTO answers SELECT 'l', body_sha256, '{NOTHING}', 3 FROM answers WHERE key = 'k'",
            "kept for l can't be read",
        ),
        (
            "INSERT INTO answers SELECT 'in:cc:1', body_sha256, answer, position FROM answers WHERE position = 5",
            "two answers are kept that name the event at position 5",
        ),
    ],
)
def test_an_answer_that_was_changed(keyed: Store, place: Path | str, change: str, says: str) -> None:
    """Gone, under another key, or of other events."""
    statements = change.split("; ")
    with beside(keyed, place) as shell:
        if len(statements) == 2:  # the key is taken until its own answer is gone
            shell.execute("DELETE FROM answers WHERE key = 'k'")
        shell.execute(statements[0])
    with pytest.raises(Misplaced, match=says):
        check_answers(keyed)


def test_an_event_that_only_speaks_of_keys(keyed: Store, any_ledger: Ledger) -> None:
    """It came with none, so no answer is kept for it."""
    [ant] = entities("fly")
    [outcome] = any_ledger.submit(sent(None, None, {**ant, "note": "Its idempotency_key was lost."}))
    taken(outcome)
    assert any_ledger.store.head() == 6
    check_answers(keyed)


def test_a_key_that_is_no_text(keyed: Store, place: Path | str) -> None:
    """It is found by nobody who asks for it. PostgreSQL takes nothing but text."""
    if isinstance(keyed, SQLiteStore):
        with beside(keyed, place) as shell:
            shell.execute("UPDATE answers SET key = CAST(key AS BLOB) WHERE key = 'k'")
        with pytest.raises(Misplaced, match="can't be read"):
            check_answers(keyed)


@pytest.mark.parametrize("number", [0, 2, 4, None])
def test_the_position_inside_an_answer(keyed: Store, place: Path | str, number: int | None) -> None:
    """Is its own; and its events are told in their order."""
    [answer] = [one for one in keyed.answers_after("", 10) if one.key == "k"]
    said = json.loads(answer.answer)
    assert said["position"] == answer.position == 3
    said |= {"events": said["events"][::-1]} if number is None else {"position": number}
    with beside(keyed, place) as shell:
        shell.execute(f"UPDATE answers SET answer = '{json.dumps(said)}' WHERE key = 'k'")
    with pytest.raises(Misplaced, match="kept for k can't be read"):
        check_answers(keyed)


def test_an_event_that_does_not_say_its_key(any_ledger: Ledger) -> None:
    """As those from before events said so: its answer names it all the same."""
    [outcome] = any_ledger.submit(sent(None, "k", *entities("ant")))
    taken(outcome)
    check_answers(any_ledger.store)


@pytest.mark.parametrize(("given", "good"), [("q", True), ("p", False), (7, False), ([], False)])
def test_what_an_event_says_of_its_key(any_ledger: Ledger, given: object, good: bool) -> None:
    """Its key is the answer's, and text."""
    id_ = ident(9)
    entry = Entry("note/a", 1, "note.made", json.dumps({"id": id_, "idempotency_key": given}), id_, id_, ("note/a",))
    told = Answer.told(1, [{"id": id_, "position": 1, "type": "note.made"}], [])
    with any_ledger.store.write() as transaction:
        transaction.append([entry], answers=[Answer("q", "0" * 64, told, 1)])
    if good:
        check_answers(any_ledger.store)
    else:
        with pytest.raises(Misplaced, match="kept for q names another event at position 1"):
            check_answers(any_ledger.store)
