"""What lies beside the log of attachments is what the log has the hash of: every row is looked at."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ledger.attachments import ADDED, ERASED, Content, salted
from ledger.store import Entry, Store
from ledger.vouched import NotVouched, Vouched, vouched
from tests.facts import ident

SECRET = b"the terms that nobody was to see"


def event(number: int, type_: str, name: str, **data: object) -> Entry:
    id_, stream = ident(number), f"attachment/{name}"
    version = 2 if type_ == ERASED else 1
    state = json.dumps({"id": id_, "data": {"attachment": name, **data}})
    return Entry(stream, version, type_, state, id_, id_, (stream,))


def added(number: int, content: Content, **more: object) -> Entry:
    said = {"hash": content.hash, "size": len(content.bytes), **more}
    return event(number, ADDED, content.attachment, **said)


def put(store: Store, *entries: Entry, contents: tuple[Content, ...] = (), erased: tuple[str, ...] = ()) -> None:
    with store.write() as transaction:
        transaction.append(entries, contents=contents, erased=erased)


@pytest.fixture
def kept(store: Store) -> Store:
    """Two whose bytes are there, one that was erased, three of which the hash alone came in; other events between."""
    one, two, gone = (salted(name, SECRET) for name in ("one", "two", "gone"))
    put(store, added(1, one), event(2, "note.made", "x"), added(3, gone), contents=(one, gone))
    put(store, event(4, ERASED, "gone"), added(5, two), erased=("gone",), contents=(two,))
    put(store, *(added(6 + n, salted(f"far-{n}", SECRET)) for n in range(3)))
    return store


def test_all_are_what_was_attached(kept: Store) -> None:
    """The control of all below."""
    assert vouched(kept) == Vouched(held=2, erased=1, missing=3)


def test_an_erasure_of_what_never_was_here(kept: Store) -> None:
    """It is erased, not missing."""
    put(kept, event(9, ERASED, "far-0"))
    assert vouched(kept) == Vouched(held=2, erased=2, missing=2)


def test_bytes_that_were_erased_and_are_there(kept: Store) -> None:
    """An erasure in the log that nobody carried out, or undid."""
    put(kept, event(9, ERASED, "two"))
    with pytest.raises(NotVouched, match="two was erased at position 9, and its bytes are there"):
        vouched(kept)


def test_bytes_that_no_event_added(kept: Store) -> None:
    """Whoever put them there didn't ask the ledger."""
    put(kept, event(9, "note.made", "y"), contents=(salted("stray", SECRET),))
    with pytest.raises(NotVouched, match="stray, which no event added"):
        vouched(kept)


@pytest.mark.parametrize("what", ["bytes", "salt", "both", "size"])
def test_bytes_that_are_not_those_of_the_hash(kept: Store, what: str) -> None:
    """Other bytes, another salt, where one ends and the other begins; or another size than the event has."""
    true = salted("three", SECRET)
    harmed = {
        "bytes": replace(true, bytes=SECRET + b"."),
        "salt": replace(true, salt=bytes(len(true.salt))),
        "both": replace(true, salt=true.salt + SECRET[:1], bytes=SECRET[1:]),
        "size": true,
    }[what]
    size = len(harmed.bytes) if what != "size" else len(SECRET) + 1
    put(kept, added(9, true, size=size if what != "both" else len(SECRET)), contents=(harmed,))
    with pytest.raises(NotVouched, match="three aren't those that position 9 has the hash of"):
        vouched(kept)


@pytest.mark.parametrize("type_", [ADDED, ERASED])
@pytest.mark.parametrize("state", ["nonsense", "{}", '{"data": []}', '{"data": null}', '{"data": {}}'])
def test_an_event_that_says_of_no_attachment(kept: Store, type_: str, state: str) -> None:
    """No writer writes it; whoever did, nobody can tell what it is about."""
    put(kept, Entry("attachment/z", 1, type_, state, ident(9), ident(9), ("attachment/z",)))
    with pytest.raises(NotVouched, match="position 9 lacks what an event of its type has"):
        vouched(kept)


@pytest.mark.parametrize("lacking", ["hash", "size"])
def test_an_addition_without_a_hash_or_a_size(kept: Store, lacking: str) -> None:
    """An erasure has neither, the control."""
    said = {"hash": "sha256:0", "size": 1}
    put(kept, event(20, ERASED, "far-0", **{lacking: 1}))
    assert vouched(kept).erased == 2
    del said[lacking]
    put(kept, event(21, ADDED, "three", **said))
    with pytest.raises(NotVouched, match="position 10 lacks what"):
        vouched(kept)
