"""A rotation: its event, and what it needs, finds and leaves where log or folder are not as they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.log.keys import NEXT_FILE, PRIVATE_FILE, KeyRefused, load_key, make_key, read_key
from ledger.log.note import parse_note
from ledger.log.rotating import Rotated, finish, rotate
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.signing import signer_of
from ledger.store import Entry, Store
from ledger.times import today
from tests.facts import ident
from tests.ledger.log.logs import append

NAME = "ledger.example/deals"
REASON = "Whoever had the key has left."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a key that signed three events, and of the high-water file."""
    found = tmp_path / "keys"
    load_key(found, NAME)
    return found


@pytest.fixture
def signed(store: Store, folder: Path) -> Store:
    append(store, 3)
    assert Signer(store, load_key(folder), folder / HIGH_WATER_FILE).cycle() is None
    return store


def turn(store: Store, folder: Path) -> Rotated:
    return rotate(store, folder, folder / HIGH_WATER_FILE, REASON)


def state(store: Store, position: int) -> dict[str, object]:
    [stored] = store.read(position - 1, 1)
    found: dict[str, object] = json.loads(stored.state)
    return found


def test_the_event_is_recorded_after_what_was_recorded_before(signed: Store, folder: Path) -> None:
    """Though the clock went back. It takes effect today, and is known since then."""
    id_, late = "note/a@1", '{"recorded_at": "2999-01-01T00:00:00.000000Z"}'
    with signed.write() as transaction:
        transaction.append([Entry("note/a", 1, "note.made", late, id_, id_, ("note/a",))])
    turn(signed, folder)
    said = state(signed, 5)
    assert said["recorded_at"] == "2999-01-01T00:00:00.000001Z"
    assert (said["effective"], said["known"], said["status"]) == (today().isoformat(), today().isoformat(), "reported")


def test_rotations_are_one_stream(signed: Store, folder: Path) -> None:
    """Each the next of it, in a log that had no event before as well."""
    for _ in range(3):
        turn(signed, folder)
    stored = signed.read(3, 10)
    assert [(one.stream, one.version) for one in stored] == [("log/key", 1), ("log/key", 2), ("log/key", 3)]
    assert [one.event_id for one in stored] == [one.chain for one in stored]
    assert len({one.event_id for one in stored}) == 3
    assert signed.by_key("log/key") == stored


def test_a_log_that_nobody_has_signed_is_handed_over(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another server is about to: all of it is made again, and both keys sign it."""
    append(store, 3)
    old = load_key(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Signer, "cycle", lambda self: None)
        done = turn(store, folder)
    assert (done.position, done.previous, done.key) == (4, old.verifier, load_key(folder).verifier)
    note = store.checkpoint()
    assert note is not None
    assert len(parse_note(note.encode()).signed_by([done.previous, done.key])) == 2


def test_nothing_is_finished_without_both_keys(signed: Store, folder: Path) -> None:
    """Nor if the next one isn't the log's yet; then it stays where it is."""
    assert finish(signed, folder) is None
    make_key(folder / NEXT_FILE, NAME)
    assert finish(signed, folder) is None
    assert (folder / NEXT_FILE).exists()
    (folder / PRIVATE_FILE).rename(folder / "elsewhere")
    assert finish(signed, folder) is None
    (folder / "elsewhere").rename(folder / PRIVATE_FILE)
    assert turn(signed, folder).key == load_key(folder).verifier


def test_nothing_is_finished_on_another_log(signed: Store, folder: Path, tmp_path: Path) -> None:
    """A rotation that was cut short in one ledger isn't finished on another; the service there shows, and says why."""
    turn(signed, folder)
    other = tmp_path / "other"
    load_key(other, NAME)
    make_key(other / NEXT_FILE, NAME)
    before = [read_key(other / name) for name in (PRIVATE_FILE, NEXT_FILE)]
    with pytest.raises(KeyRefused, match="isn't that of the key in"):
        finish(signed, other)
    found = signer_of(signed, other, other / HIGH_WATER_FILE, None, alone=True)
    fault = found.cycle()
    assert fault is not None
    assert "isn't that of the key in" in str(fault)
    assert found.published() == (signed.checkpoint(), 4)
    assert [read_key(other / name) for name in (PRIVATE_FILE, NEXT_FILE)] == before


def test_nothing_is_finished_on_a_log_whose_rotations_cannot_be_read(signed: Store, folder: Path) -> None:
    """Nobody can say whose it is."""
    make_key(folder / NEXT_FILE, NAME)
    id_, note = ident(99), signed.checkpoint()
    assert note is not None
    broken = json.dumps({"id": id_, "data": {"previous": "nonsense", "key": "nonsense"}})
    with signed.write() as transaction:
        transaction.append([Entry("log/key", 1, "key.rotated", broken, id_, id_, ("log/key",))])
        transaction.add_checkpoint(4, note)
    with pytest.raises(KeyRefused, match=r"isn't that of the key in .*the key is empty"):
        finish(signed, folder)
    assert (folder / NEXT_FILE).exists()
