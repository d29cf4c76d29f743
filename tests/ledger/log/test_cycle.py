"""Who signs a log, what the signer looks at and writes, and what it goes on to show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.log.cycling import Mirror
from ledger.log.handovers import rotations
from ledger.log.keys import load_key
from ledger.log.note import SigningKey, parse_note
from ledger.log.remade import Kind
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.signing import signer_of
from ledger.rotations import STREAM
from ledger.store import Entry, Store, Stored
from ledger.store.sqlite import LOG_FILE
from tests.ledger.log.logs import KEY, append, beside


@pytest.fixture
def high_water(tmp_path: Path) -> Path:
    return tmp_path / HIGH_WATER_FILE


@pytest.fixture
def signer(store: Store, high_water: Path) -> Signer:
    """It has signed three events."""
    append(store, 3)
    found = Signer(store, KEY, high_water)
    assert found.cycle() is None
    return found


def size(signer: Signer) -> int:
    published = signer.published()
    assert published is not None
    return published[1]


def test_a_first_key_has_signed_when_it_is_there(store: Store, tmp_path: Path) -> None:
    """Whoever makes it signs while nobody else may, so that whoever comes next finds that the log has a key."""
    append(store, 3)
    found = signer_of(store, tmp_path, tmp_path / HIGH_WATER_FILE, KEY.name, alone=False)
    note = store.checkpoint()
    assert note is not None
    parse_note(note.encode()).check_signed(load_key(tmp_path).verifier)
    assert found.published() == (note, 3)
    assert (tmp_path / HIGH_WATER_FILE).read_text() == note


def test_what_was_signed_is_not_made_again(store: Store, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its root is enough: only the events since then are read."""
    append(store, 2)
    read, asked = store.read, list[int]()

    def reading(after: int, limit: int) -> list[Stored]:
        asked.append(after)
        return read(after, limit)

    monkeypatch.setattr(store, "read", reading)
    assert signer.cycle() is None
    assert size(signer) == 5
    assert asked == [3]


def test_a_cycle_without_news_leaves_the_file_alone(store: Store, signer: Signer, high_water: Path) -> None:
    """With news, it is another file."""
    before = high_water.stat().st_ino
    assert signer.cycle() is None
    assert high_water.stat().st_ino == before
    (high_water.parent / "held").hardlink_to(high_water)  # so that nothing else gets its number
    append(store, 1)
    assert signer.cycle() is None
    assert high_water.stat().st_ino != before


def test_a_rotation_that_cannot_be_read(store: Store, signer: Signer) -> None:
    """Nobody knows whose the log is then: it isn't signed, and what is stored is shown."""
    event_id = "00000000-0000-4000-8000-000000000001"
    state = json.dumps({"id": event_id, "data": {"previous": str(KEY.verifier), "key": "nonsense"}})
    with store.write() as transaction:
        transaction.append([Entry(STREAM, 1, "key.rotated", state, event_id, event_id, (STREAM,))])
        note = store.checkpoint()
        assert note is not None
        transaction.add_checkpoint(4, note)
    assert [one.note for one in rotations(store)] == [note]
    fault = signer.cycle()
    assert fault is not None
    assert (fault.kind, "(the key is empty)" in str(fault)) == (Kind.KEY, True)
    assert size(signer) == 3


def test_what_is_shown_stays_though_its_row_was_damaged(sqlite_store: Store, tmp_path: Path, high_water: Path) -> None:
    """Also if nothing else has it any more: it was signed. One that starts then shows the one before it."""
    signer = Signer(sqlite_store, KEY, high_water)
    for _ in range(2):
        append(sqlite_store, 3)
        assert signer.cycle() is None
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute("UPDATE checkpoints SET note = 'nonsense' WHERE size = 6")
    high_water.unlink()
    starting = Signer(sqlite_store, KEY, high_water)
    for one, shows in ((signer, 6), (starting, 3)):
        fault = one.cycle()
        assert fault is not None
        assert (fault.kind, size(one)) == (Kind.CHECKPOINT, shows)


def test_the_newest_good_checkpoint_is_shown(sqlite_store: Store, tmp_path: Path, high_water: Path) -> None:
    """Where the last one's row was damaged: the one before it, though the file beside the database is older still. If
    there is none, none; and none that isn't of this log any more."""
    signer = Signer(sqlite_store, KEY, high_water)
    for count in (3, 6, 9):
        append(sqlite_store, 3)
        assert signer.cycle() is None
        if count == 3:
            oldest = high_water.read_text()
    high_water.write_text(oldest)

    def starting(sql: str) -> tuple[Kind, int | None]:
        """What is wrong after this was done besides, and what is shown."""
        with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
            shell.execute(sql)
        found = Signer(sqlite_store, KEY, high_water)
        fault = found.cycle()
        assert fault is not None
        return fault.kind, None if found.newest is None else found.newest.checkpoint.size

    assert starting("UPDATE checkpoints SET note = 'nonsense' WHERE size = 9") == (Kind.CHECKPOINT, 6)
    assert starting("DELETE FROM checkpoints WHERE size = 6") == (Kind.CHECKPOINT, 3)
    high_water.unlink()
    assert starting("DELETE FROM checkpoints WHERE size = 6") == (Kind.CHECKPOINT, 3)
    assert starting("UPDATE tree_runs SET hashes = zeroblob(length(hashes))") == (Kind.REWRITTEN, None)
    assert starting("DELETE FROM checkpoints WHERE size = 3") == (Kind.CHECKPOINT, None)


@pytest.mark.parametrize("kept", ["both", "the file", "the row"])
def test_a_log_that_is_behind_what_was_signed(sqlite_store: Store, tmp_path: Path, high_water: Path, kept: str) -> None:
    """By the file beside the database, or by the last checkpoint's own row: nothing may be written. What is in the
    database is shown."""
    signer = Signer(sqlite_store, KEY, high_water)
    for _ in range(2):
        append(sqlite_store, 3, batch=3)
        assert signer.cycle() is None
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute("DELETE FROM events WHERE position > 3")
        shell.execute("DELETE FROM tree_runs WHERE first >= 3")
        if kept == "the file":
            shell.execute("DELETE FROM checkpoints WHERE size = 6")
    if kept == "the row":
        high_water.unlink()
    found = Signer(sqlite_store, KEY, high_water)
    fault = found.cycle()
    assert fault is not None
    assert (fault.kind, fault.read_only) == (Kind.BEHIND, True)
    assert "of 6 events was signed, and the log has 3" in str(fault)
    assert size(found) == (3 if kept == "the file" else 6)


def test_whose_key_it_is_not_is_told_without_a_reason_if_there_is_none(store: Store, signer: Signer) -> None:
    """No handover is wrong: it is just another key."""
    fault = Signer(store, SigningKey(KEY.name, bytes(32)), Path("none")).cycle()
    assert fault is not None
    assert "(" not in str(fault)


@pytest.mark.parametrize("why", ["no key", "no text", "no file", "no name", "no secret"])
def test_a_key_that_cannot_be_used(store: Store, tmp_path: Path, why: str) -> None:
    """The server starts, shows what others sign, and says what is wrong; the log isn't signed."""
    folder, name = tmp_path / "keys", KEY.name
    load_key(folder, name)
    private = folder / "log.key"
    if why == "no key":
        private.write_text("nonsense")
    elif why == "no text":
        private.write_bytes(b"\xff")
    elif why == "no file":
        private.unlink()
        private.mkdir(mode=0o700)
    elif why == "no name":
        folder, name = tmp_path / "other", "two words"
    else:
        private.chmod(0o644)
    append(store, 3)
    found = signer_of(store, folder, tmp_path / HIGH_WATER_FILE, name, alone=True)
    fault = found.cycle()
    assert (type(found), None if fault is None else fault.kind) == (Mirror, Kind.KEY)
    assert store.checkpoint() is None


@pytest.mark.parametrize("alone", [True, False])
def test_a_key_that_is_gone(store: Store, tmp_path: Path, alone: bool) -> None:
    """The log was signed with it: what was signed is shown, no other key is made, and if nobody else has it, that is a
    fault."""
    append(store, 3)
    signed = signer_of(store, tmp_path, tmp_path / HIGH_WATER_FILE, KEY.name, alone=alone).published()
    (tmp_path / "log.key").unlink()
    found = signer_of(store, tmp_path, tmp_path / HIGH_WATER_FILE, KEY.name, alone=alone)
    fault = found.cycle()
    assert (found.published(), (tmp_path / "log.key").exists()) == (signed, False)
    assert (fault is None) == (not alone)
    assert fault is None or (fault.kind, "put it back" in str(fault)) == (Kind.KEY, True)
