"""Attachments in the log and beside it: what is taken, what is kept, and what an erasure leaves, on every store."""

from __future__ import annotations

import json
import random
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.attachments import SALT_BYTES, Content, salted
from ledger.event import Origin, parse_event
from ledger.log.entry import entry_bytes
from ledger.refusals import Reason, Refusal
from ledger.store import Conflict, Entry, Store, open_store
from ledger.store.sqlite import ConnectionPool, SQLiteStore
from ledger.writer import Accepted, Outcome, Request
from tests.facts import attachment, commit, correct, entities, erase, ident, invest, retract
from tests.ledgers import Ledger, taken

SECRET = b"the terms that nobody was to see"
FACT = ident(1)


def attached(name: str, body: bytes = SECRET, *about: str, key: str | None = None, **more: Any) -> Request:
    """A document with its bytes, as a door hands it in."""
    content = salted(name, body)
    event = attachment(name, *(about or ["acme"]), size=len(body), hash=content.hash.removeprefix("sha256:"), **more)
    return Request((parse_event(event),), Origin("tests"), key, body_sha256="of what it says", content=content)


def attach(ledger: Ledger, *given: Any, **more: Any) -> Accepted:
    [outcome] = ledger.submit(attached(*given, **more))
    return taken(outcome)


def refusal(outcome: Outcome) -> Reason:
    assert isinstance(outcome, Refusal), outcome
    return outcome.problems[0].reason


def leaves(store: Store) -> bytes:
    return b"".join(entry_bytes(one.stream, one.version, one.type, one.state) for one in store.read(0, 1_000))


@pytest.fixture
def acme(any_ledger: Ledger) -> Ledger:
    """A ledger with two parties and a deal of theirs, on each store."""
    any_ledger.given(*entities("acme", "beta"), invest("acme", "beta", id=FACT), commit("pledge", "acme", "beta"))
    return any_ledger


# --- what is kept -----------------------------------------------------------------------------------------------


def test_the_log_has_the_hash_and_the_table_salt_and_bytes(acme: Ledger) -> None:
    """Given a document; when it is attached; then no leaf has its bytes or its salt, and both give the hash."""
    attach(acme, "terms")
    held = acme.store.content("terms")
    assert held is not None
    assert (held.bytes, len(held.salt)) == (SECRET, SALT_BYTES)
    [stored] = acme.store.by_key("attachment/terms")
    assert held.is_of(json.loads(stored.state)["data"])
    assert not held.is_of({**json.loads(stored.state)["data"], "size": 1})
    assert SECRET not in leaves(acme.store)
    assert held.salt.hex().encode() not in leaves(acme.store)


def test_equal_documents_have_unequal_hashes(acme: Ledger) -> None:
    """Given two equal notes; when both are attached; then nobody sees from the log that they are equal."""
    for name in ("one", "two"):
        attach(acme, name, b"yes")
    hashes = {json.loads(one.state)["data"]["hash"] for one in acme.store.read(4, 2)}
    assert len(hashes) == 2


def test_an_erasure_deletes_salt_and_bytes_and_nothing_else(acme: Ledger) -> None:
    """Given two documents; when one is erased; then its event is as it was, and the other is there."""
    for name in ("terms", "other"):
        attach(acme, name)
    before = acme.store.read(0, 100)
    acme.given(erase("terms"))
    assert acme.store.content("terms") is None
    other = acme.store.content("other")
    assert other is not None
    assert other.bytes == SECRET
    assert [one.attachment for one in acme.store.contents()] == ["other"]
    assert acme.store.read(0, len(before)) == before
    assert acme.store.heads().leaves == len(before) + 1


def test_an_empty_document_and_every_byte(acme: Ledger) -> None:
    """Given no bytes, and all that there are; when they are attached; then they are given back as they were."""
    for name, body in (("empty", b""), ("every", bytes(range(256)) * 5_000)):
        attach(acme, name, body)
        held = acme.store.content(name)
        assert held is not None
        assert held.bytes == body


# --- what is refused --------------------------------------------------------------------------------------------


def test_an_id_stands_for_one_document_for_ever(acme: Ledger) -> None:
    """Given a document; when another one comes under its id, before or after a retraction; then it is refused."""
    [added] = [one["id"] for one in attach(acme, "terms").events]
    assert [refusal(one) for one in acme.submit(attached("terms", b"other"))] == [Reason.RECORD_EXISTS]
    acme.given(retract(added))
    assert [refusal(one) for one in acme.submit(attached("terms", b"other"))] == [Reason.RECORD_EXISTS]
    held = acme.store.content("terms")
    assert held is not None
    assert held.bytes == SECRET


def test_what_is_erased_stays_erased(acme: Ledger) -> None:
    """Given an erasure; when it is repeated or retracted, or the id used again; then it is refused."""
    [added] = [one["id"] for one in attach(acme, "terms").events]
    [erased] = acme.given(erase("terms"))
    for again in (erase("terms"), retract(erased), attachment("terms", "acme")):
        assert acme.refused(again).reason == Reason.ALREADY_ERASED
    acme.given(retract(added))
    assert acme.refused(attachment("terms", "acme")).reason == Reason.ALREADY_ERASED
    assert acme.refused(erase("nothing")).reason == Reason.UNKNOWN_RECORD


@pytest.mark.parametrize("status", ["denied", "rumoured"])
def test_an_erasure_is_certain(acme: Ledger, status: str) -> None:
    """Given a document; when its erasure is denied or a rumour, or corrected to be so; then it is refused. A
    confirmed one is taken."""
    attach(acme, "terms")
    for said in (erase("terms", status=status), correct(ident(9), erase("terms", on="2024", status=status))):
        problem = acme.refused(said)
        assert (problem.reason, problem.pointer.endswith("/status")) == (Reason.INVALID, True)
    assert acme.store.content("terms") is not None
    assert "longer than 4000 characters" in acme.refused(attachment("x", "acme", note="x" * 4001)).detail
    acme.given(erase("terms", status="confirmed"))
    assert acme.store.content("terms") is None


def test_a_retraction_keeps_the_bytes_until_they_are_erased(acme: Ledger) -> None:
    """Given a document whose adding was retracted; when it is erased; then that is taken, and the bytes are gone."""
    [added] = [one["id"] for one in attach(acme, "terms").events]
    acme.given(retract(added))
    assert acme.store.content("terms") is not None
    acme.given(erase("terms"))
    assert acme.store.content("terms") is None


def test_a_correction_says_everything_anew_but_what_the_bytes_are(acme: Ledger) -> None:
    """Given a document; when its event is corrected; then title and subject change, and hash and size never do."""
    fact = attachment("terms", "acme", id=ident(9), on="2024")
    acme.given(fact)
    for name, value in (("hash", f"sha256:{'1' * 64}"), ("size", 99)):
        problem = acme.refused(correct(ident(9), {**fact, "data": {**fact["data"], name: value}}))
        assert (problem.reason, problem.pointer) == (Reason.DIFFERENT_RECORD, f"/0/data/replacement/data/{name}")
    acme.given(correct(ident(9), {**fact, "data": {**fact["data"], "title": "Terms", "about": ["beta"]}}))


def test_an_attachment_is_of_something_that_is_there_and_holds_up_nothing(acme: Ledger) -> None:
    """Given a document about a deal, a record and a party; when these are retracted; then it is in nobody's way."""
    assert acme.refused(attachment("terms", "nobody")).reason == Reason.UNKNOWN_RECORD
    assert acme.refused(attachment("terms", ident(77))).reason == Reason.UNKNOWN_EVENT
    acme.given(*entities("gamma"))
    [retraction] = acme.given(retract(FACT))
    attach(acme, "terms", SECRET, FACT, retraction, "pledge", "gamma")
    for stored in acme.store.read(3, 2):
        acme.given(retract(stored.event_id))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("media_type", "Text/HTML"),
        ("media_type", "text/html\r\nX-Injected: 1"),
        ("media_type", "text/html; charset=utf-8"),
        ("media_type", "text"),
        ("media_type", f"text/{'x' * 200}"),
        ("hash", "sha256:short"),
        ("hash", "0" * 64),
        ("size", -1),
        ("size", "12"),
        ("size", 2**53),
        ("title", "two\nlines"),
        ("about", []),
        ("attachment", "../etc/passwd"),
    ],
)
def test_what_is_of_another_form_is_refused(acme: Ledger, field: str, value: object) -> None:
    """Given an event with a field that isn't of its form; when it comes; then the field is named."""
    fact = attachment("terms", "acme")
    assert (
        acme.refused({**fact, "data": {**fact["data"], field: value}}).pointer.partition("/data/")[2].startswith(field)
    )


# --- all or nothing ---------------------------------------------------------------------------------------------


def test_a_hash_that_comes_alone_is_taken_and_said(acme: Ledger) -> None:
    """Given another ledger's event; when it comes without its bytes; then it is recorded, with a warning."""
    accepted = taken(acme.ask(attachment("terms", "acme")))
    [warning] = accepted.warnings
    assert (warning["pointer"], acme.store.content("terms")) == ("/data/hash", None)
    assert attach(acme, "other").warnings == []


def test_a_refused_request_and_a_dry_run_leave_no_bytes(acme: Ledger) -> None:
    """Given requests that write nothing; when they had bytes with them; then none are there, nor erased."""
    attach(acme, "there")
    [outcome] = acme.submit(attached("dry"), dry_run=True)
    taken(outcome)
    acme.submit(attached("refused", SECRET, "nobody"), attached("taken"))
    taken(acme.submit_dry(erase("there")))
    acme.refused(erase("there"), invest("acme", "nobody"))
    assert [one.attachment for one in acme.store.contents()] == ["there", "taken"]


def test_a_transaction_that_fails_leaves_neither_event_nor_bytes(acme: Ledger) -> None:
    """Given a transaction that breaks after its append; when it ends; then event, bytes and erasure are undone."""
    attach(acme, "there")
    head = acme.store.head()
    stored = acme.store.read(head - 1, 1)[0]
    entry = Entry("event/x", 1, stored.type, stored.state, ident(99), ident(99), ())
    seen: list[str] = []

    def append_and_break() -> None:
        with acme.store.write() as transaction:
            transaction.append([entry], (), (), [salted("new", SECRET)], ["there"])
            seen.extend(one.attachment for one in transaction.contents())
            raise KeyError

    with pytest.raises(KeyError):
        append_and_break()
    assert seen == ["new"]  # the control: inside, it was so
    assert (acme.store.head(), [one.attachment for one in acme.store.contents()]) == (head, ["there"])


def test_an_append_that_the_table_refuses_takes_the_event_with_it(acme: Ledger) -> None:
    """Given a row that is there already; when an event would bring bytes for it; then neither is written."""
    attach(acme, "there")
    head = acme.store.head()
    entry = Entry("event/x", 1, "attachment.added", "{}", ident(99), ident(99), ())
    with pytest.raises(Conflict), acme.store.write() as transaction:
        transaction.append([entry], (), (), [salted("there", b"other")])
    held = acme.store.content("there")
    assert held is not None
    assert (acme.store.head(), held.bytes) == (head, SECRET)


def test_a_key_gets_the_first_answer_for_the_same_bytes_alone(acme: Ledger) -> None:
    """Given a document under a key; when it comes again; then the first answer, and never for other or erased ones."""
    first = attach(acme, "terms", key="k")
    again = attach(acme, "other-id", key="k")
    assert (again.repeated, again.events) == (True, first.events)
    assert [refusal(one) for one in acme.submit(attached("terms", b"x" * len(SECRET), key="k"))] == [Reason.KEY_REUSED]
    acme.given(erase("terms"))
    assert [refusal(one) for one in acme.submit(attached("terms", key="k"))] == [Reason.KEY_REUSED]
    answer = acme.store.answer("k")
    assert answer is not None
    assert answer.body_sha256 == "of what it says"


def test_two_of_one_key_in_one_commit(acme: Ledger) -> None:
    """Given the same document twice in one group; when it is committed; then it is there once."""
    first, again, other = acme.submit(
        attached("terms", key="k"), attached("terms", key="k"), attached("terms", b"other", key="k")
    )
    assert taken(again).events == taken(first).events
    assert refusal(other) == Reason.KEY_REUSED
    assert [one.attachment for one in acme.store.contents()] == ["terms"]


# --- the tables -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE attachments SET bytes = salt",
        "UPDATE attachments SET id = 'other'",
        "DELETE FROM attachments",
        "UPDATE attachments SET salt = NULL",
    ],
)
def test_the_table_is_only_ever_blanked(tmp_path: Path, database_url: str, change: str) -> None:
    """Given a document on each store; when somebody changes its row with a shell; then the database refuses."""
    for store in (open_store(tmp_path, None), open_store(None, database_url)):
        with closing(store):
            ledger = Ledger(store)
            ledger.given(*entities("acme"))
            attach(ledger, "terms")
            ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as shell, pytest.raises(sqlite3.Error):
        shell.execute(change)
    with psycopg.connect(database_url) as session, pytest.raises(psycopg.Error):
        session.execute(change.encode())


def opened(folder: Path, database_url: str | None) -> Store:
    return open_store(None if database_url else folder, database_url)


def test_a_ledger_from_before_gets_the_table(tmp_path: Path, database_url: str) -> None:
    """Given ledgers without the table; when they are opened; then documents can be attached."""
    for url in (None, database_url):
        with closing(opened(tmp_path, url)) as store:
            ledger = Ledger(store)
            ledger.given(*entities("acme"))
            ledger.close()
        if url is None:
            with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as shell:
                shell.execute("DROP TABLE attachments")
        else:
            with psycopg.connect(url) as session:
                session.execute("DROP TABLE attachments; DROP FUNCTION refuse_change_of_attachments")
        with closing(opened(tmp_path, url)) as store:
            ledger = Ledger(store)
            attach(ledger, "terms")
            ledger.close()
            assert store.content("terms") is not None


# --- what is left in the files ----------------------------------------------------------------------------------


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def remains(content: Content, found: bytes) -> bool:
    """Whether a piece of the salt or of the bytes is in the files."""
    pieces = (content.salt[:12], content.salt[-12:], content.bytes[:16], content.bytes[-16:])
    return any(piece in found for piece in pieces if len(piece) >= 12)


def churn(store: Store, seed: int) -> tuple[list[Content], list[Content]]:
    """Documents of many sizes come and go; those that are there in the end, and those that were erased."""
    choose = random.Random(seed)
    there: dict[str, Content] = {}
    gone: list[Content] = []
    for step in range(120):
        fresh = [
            salted(f"a-{step}-{number}", secrets.token_bytes(choose.choice([16, 60, 400, 1_800, 4_100, 40_000])))
            for number in range(choose.choice([0, 1, 1, 3]))
        ]
        erased = choose.sample(sorted(there), min(len(there), choose.choice([0, 0, 1, 2])))
        with store.write() as transaction:
            entry = Entry(f"event/{step}", 1, "any", "{}", ident(step), ident(step), ())
            transaction.append([entry], (), (), fresh, erased)
        there.update((one.attachment, one) for one in fresh)
        gone += [there.pop(name) for name in erased]
    return list(there.values()), gone


def test_what_is_erased_is_in_no_file_of_the_folder(tmp_path: Path) -> None:
    """Given documents that came and went; when the folder's files are searched, the ledger open; then only those that
    are there are found (the control), and of those erased not a piece."""
    for seed in range(3):
        folder = tmp_path / str(seed)
        with closing(open_store(folder, None)) as store:
            there, gone = churn(store, seed)
            found = files(folder)
        assert len(gone) > 30
        assert all(remains(one, found) for one in there)
        assert not [one.attachment for one in gone if remains(one, found)]


@pytest.fixture(params=["secure_delete", "checkpoint"])
def careless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that leaves out one of the two things that make bytes go away."""
    if request.param == "checkpoint":
        monkeypatch.setattr(SQLiteStore, "_settle_erasures", lambda self: None)
    else:
        connect = ConnectionPool._create_connection

        def create(self: ConnectionPool) -> Any:
            connection = connect(self)
            connection._sqlite_conn.execute("PRAGMA secure_delete = OFF")
            return connection

        monkeypatch.setattr(ConnectionPool, "_create_connection", create)


def test_the_search_finds_what_a_careless_store_leaves(tmp_path: Path, careless: None) -> None:
    """Control: given a store without one of the two; when the same is done; then the search finds what is left."""
    with closing(open_store(tmp_path, None)) as store:
        _, gone = churn(store, 0)
        found = files(tmp_path)
    assert any(remains(one, found) for one in gone)


def test_a_reader_of_the_past_delays_it_and_no_more(tmp_path: Path) -> None:
    """Given somebody's shell that reads an older state; when a document is erased; then it is gone from the files with
    the first write after the shell is done, and the erasure was acknowledged all the while."""
    with closing(open_store(tmp_path, None)) as store:
        ledger = Ledger(store)
        ledger.given(*entities("acme"))
        attach(ledger, "terms")
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as shell:
            shell.execute("BEGIN")
            shell.execute("SELECT count(*) FROM attachments").fetchall()
            ledger.given(erase("terms"))
            assert store.content("terms") is None
            assert SECRET in files(tmp_path)  # the control: it isn't gone by itself
        ledger.given(*entities("beta"))
        assert SECRET not in files(tmp_path)
        ledger.close()


def test_an_erasure_before_a_crash_is_settled_when_the_folder_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a process that died between an erasure's commit and the end of the WAL; when the folder is opened; then
    the bytes are gone."""
    folder, copy = tmp_path / "ledger", tmp_path / "crashed"
    copy.mkdir()
    with closing(open_store(folder, None)) as store:
        monkeypatch.setattr(SQLiteStore, "_settle_erasures", lambda self: None)
        ledger = Ledger(store)
        ledger.given(*entities("acme"))
        attach(ledger, "terms")
        ledger.given(erase("terms"))
        for path in folder.glob("ledger.sqlite*"):  # as they lie on the disk at this moment
            (copy / path.name).write_bytes(path.read_bytes())
        ledger.close()
    monkeypatch.undo()
    assert SECRET in files(copy)
    with closing(open_store(copy, None)) as store:
        assert store.content("terms") is None
        assert SECRET not in files(copy)


def test_an_id_of_no_form_finds_nothing(acme: Ledger) -> None:
    """Given any text; when its content is asked for; then there is none."""
    for name in ("", "nothing", "'; DROP TABLE attachments; --", "é" * 1_000):
        assert acme.store.content(name) is None
