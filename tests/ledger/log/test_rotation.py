"""The log's key is rotated: an event, a handover that both keys sign, another key in place; whatever is cut short goes
on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ledger.log.bundle import verify as alone
from ledger.log.checkpoint import parse_text
from ledger.log.cycling import Mirror
from ledger.log.files import CHECKPOINT, HANDOVERS, StoreFiles
from ledger.log.handovers import keys_of, rotations
from ledger.log.keys import NEXT_FILE, PRIVATE_FILE, PUBLIC_FILE, KeyRefused, load_key, make_key, read_key
from ledger.log.note import VerifierKey, parse_note, parse_verifier_key
from ledger.log.remade import Kind
from ledger.log.rotating import NotRotated, Rotated, finish, rotate
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.signing import signer_of
from ledger.log.verify import Kind as Wrong
from ledger.log.verify import NotVerified, verify
from ledger.refusals import Refusal
from ledger.store import Store, StoreUnavailable, open_store
from ledger.store.sqlite import LOG_FILE, SQLiteStore
from tests.ledger.log.handed_over import NAME, NEXT, REASON, rotated, written
from tests.ledger.log.logs import KEY, MemoryFiles, append, beside, entry, files_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the key and the high-water file."""
    return tmp_path / "keys"


def signer(store: Store, folder: Path) -> Signer:
    """With the key that is there; it has signed what there is."""
    found = signer_of(store, folder, folder / HIGH_WATER_FILE, NAME, alone=True)
    assert isinstance(found, Signer)
    assert found.cycle() is None
    return found


def turn(store: Store, folder: Path, **more: object) -> Rotated:
    return rotate(store, folder, folder / HIGH_WATER_FILE, REASON, **more)  # type: ignore[arg-type]


# --- what is done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 255, 256, 300])
def test_a_key_is_rotated(store: Store, folder: Path, count: int) -> None:
    """What there was is signed with the old key, the event is the last that it signs, and the new one goes on."""
    append(store, count)
    old = signer(store, folder)
    first = load_key(folder)
    append(store, 2)
    done = turn(store, folder)
    new = load_key(folder)
    assert done == Rotated(count + 3, first.verifier, new.verifier)
    assert new.name == first.name
    [stored] = store.read(count + 2, 10)
    state = json.loads(stored.state)
    assert (stored.stream, stored.version, stored.type) == ("log/key", 1, "key.rotated")
    assert state["data"] == {"previous": str(first.verifier), "key": str(new.verifier), "reason": REASON}
    assert state["recorded_by"] == "key"
    assert state["recorded_at"] > json.loads(entry(count + 2).state)["recorded_at"]
    note = store.checkpoint()
    assert note is not None
    assert parse_text(parse_note(note.encode()).text).size == count + 3
    assert len(parse_note(note.encode()).signed_by([first.verifier, new.verifier])) == 2
    assert (folder / HIGH_WATER_FILE).read_text() == note
    before = store.checkpoint_of(count + 2)
    assert before is not None
    parse_note(before.encode()).check_signed(first.verifier)
    append(store, 300)
    signed = signer(store, folder).newest
    assert signed is not None
    assert signed.checkpoint.size == count + 303
    parse_note(signed.note.encode()).check_signed(new.verifier)
    assert not parse_note(signed.note.encode()).signed_by([first.verifier])
    assert old.newest is not None


def test_the_files_of_the_keys(store: Store, folder: Path) -> None:
    """The new private key is its owner's alone; the old one is gone; both public keys are there."""
    signer(store, folder)
    first = load_key(folder)
    turn(store, folder)
    new = load_key(folder)
    assert (folder / PRIVATE_FILE).stat().st_mode & 0o777 == 0o600
    assert (folder / PUBLIC_FILE).read_text() == f"{new.verifier}\n"
    kept = f"log.{first.verifier.id.hex()}.vkey"
    assert (folder / kept).read_text() == f"{first.verifier}\n"
    assert sorted(one.name for one in folder.iterdir()) == sorted([HIGH_WATER_FILE, PRIVATE_FILE, PUBLIC_FILE, kept])
    assert not any(first.secret.hex() in one.read_text() for one in folder.iterdir())


def test_a_key_is_rotated_more_than_once(store: Store, folder: Path) -> None:
    """Whoever trusts any of the keys is led to the newest, and old checkpoints of all of them count."""
    notes: list[bytes] = []
    keys: list[VerifierKey] = []
    for _ in range(3):
        append(store, 200)
        newest = signer(store, folder).newest
        assert newest is not None
        notes.append(newest.note.encode())
        keys.append(load_key(folder).verifier)
        turn(store, folder)
        note = store.checkpoint()
        assert note is not None
        notes.append(note.encode())
    keys.append(load_key(folder).verifier)
    append(store, 5)
    now = signer(store, folder)
    files = StoreFiles(store, now.published)
    for key in keys:
        verified = verify(files, key, notes)
        assert verified.keys.all == tuple(keys)
        assert verified.keys.newest == keys[-1]
        assert [one.checkpoint.size for one in verified.old] == [200, 201, 401, 402, 602, 603]
    assert [len(verified.keys.at(size)) for size in (0, 200, 201, 202, 402, 602, 603, 604, 10_000)] == [
        1, 1, 2, 1, 2, 1, 2, 1, 1
    ]  # fmt: skip
    with pytest.raises(NotVerified) as caught:
        verify(files, KEY.verifier)
    assert caught.value.kind == Wrong.KEY


def test_the_first_event_of_a_log_may_be_a_rotation(store: Store, folder: Path, tmp_path: Path) -> None:
    """And its last; the verifier in bundles knows as well."""
    signer(store, folder)
    first = load_key(folder).verifier
    assert turn(store, folder).position == 1
    files = StoreFiles(store, signer(store, folder).published)
    assert verify(files, first).keys.newest == load_key(folder).verifier
    paths = (CHECKPOINT, HANDOVERS, "tile/0/000.p/1", "tile/entries/000.p/1")
    copied = written(MemoryFiles({path: files.read(path) for path in paths}), tmp_path / "copy")
    assert alone.verify(copied, alone.Key(str(first)), [])[0] == 1


def test_a_log_without_a_rotation_has_no_handovers(store: Store, folder: Path) -> None:
    """The file is there and empty."""
    append(store, 3)
    now = signer(store, folder)
    assert StoreFiles(store, now.published).read(HANDOVERS) == b""
    assert keys_of(store, KEY.verifier).all == (KEY.verifier,)


def test_what_is_not_published_is_not_handed_out(store: Store, folder: Path) -> None:
    """A server that still shows an older checkpoint shows no later handover."""
    append(store, 3)
    before = signer(store, folder).published()
    turn(store, folder)
    assert StoreFiles(store, lambda: before).read(HANDOVERS) == b""
    assert StoreFiles(store, signer(store, folder).published).read(HANDOVERS) == (store.checkpoint() or "").encode()


def test_files_of_a_rotated_log_are_served(store: Store, folder: Path) -> None:
    """As any log's, with its handovers."""
    append(store, 3)
    signer(store, folder)
    first = load_key(folder).verifier
    turn(store, folder)
    files = files_of(store, signer(store, folder))
    with pytest.raises(NotVerified):
        verify(files, first)
    files.contents[HANDOVERS] = StoreFiles(store, signer(store, folder).published).read(HANDOVERS)
    verify(files, first)


# --- what stops it ----------------------------------------------------------------------------------------------


def test_a_reason_must_be_one(store: Store, folder: Path) -> None:
    """As of any event; nothing is recorded."""
    signer(store, folder)
    for reason in ("", " ", "x" * 4_001, "\0"):
        with pytest.raises(Refusal):
            rotate(store, folder, folder / HIGH_WATER_FILE, reason)
    assert store.head() == 0
    turn(store, folder)


def test_it_needs_the_key(store: Store, folder: Path) -> None:
    """The one that the log has, readable by its owner alone; with it, the control, it is done."""
    with pytest.raises(NotRotated, match="needs the key"):
        turn(store, folder)
    append(store, 3)
    signer(store, folder)
    mine = (folder / PRIVATE_FILE).read_bytes()
    (folder / PRIVATE_FILE).unlink()
    make_key(folder / PRIVATE_FILE, NAME)
    with pytest.raises(NotRotated, match="isn't signed with the key that is here"):
        turn(store, folder)
    (folder / PRIVATE_FILE).write_bytes(mine)
    (folder / PRIVATE_FILE).chmod(0o640)
    with pytest.raises(KeyRefused, match="chmod 600"):
        turn(store, folder)
    (folder / PRIVATE_FILE).chmod(0o600)
    with store.signing() as held:
        assert held
        with pytest.raises(NotRotated, match="try again"):
            turn(store, folder)
    assert store.head() == 3
    assert turn(store, folder).position == 4


def test_a_log_that_was_changed_is_not_handed_over(sqlite_store: SQLiteStore, folder: Path) -> None:
    """Neither what was signed already, nor what was recorded since; nothing is recorded, and nobody signs."""
    append(sqlite_store, 3)
    signer(sqlite_store, folder)
    append(sqlite_store, 2)
    other = open_store(folder.parent / "other", None)
    append(other, 5, amount="2.5")
    with pytest.raises(NotRotated, match="another root"):
        turn(other, folder)
    assert other.head() == 5
    other.close()
    with beside(sqlite_store, folder.parent / "ledger" / LOG_FILE) as shell:
        shell.execute("UPDATE events SET state = replace(state, '1.5', '2.5') WHERE position = 5")
    with pytest.raises(NotRotated, match="position 5"):
        turn(sqlite_store, folder)
    with pytest.MonkeyPatch.context() as patch:  # even if it was changed after the old key looked
        patch.setattr(Signer, "cycle", lambda self: None)
        with pytest.raises(NotRotated, match="position 5"):
            turn(sqlite_store, folder)
    assert sqlite_store.head() == 5
    assert load_key(folder).verifier == parse_verifier_key((folder / PUBLIC_FILE).read_text().removesuffix("\n"))


# --- cut short --------------------------------------------------------------------------------------------------

STEPS = ["made", "recorded", "kept", "old public key kept", "in place"]


class Cut(Exception):
    """The power went."""


@pytest.mark.parametrize("again", ["command", "service"])
@pytest.mark.parametrize("step", STEPS)
def test_a_rotation_that_was_cut_short(store: Store, folder: Path, step: str, again: str) -> None:
    """At each step: the next start of the service or the command again ends with one key, which the log follows. Only
    before the event was recorded nothing has happened, and the service goes on with the old key."""
    append(store, 3)
    note = signer(store, folder).newest
    assert note is not None
    first = load_key(folder).verifier
    reached: list[str] = []

    def cut(at: str) -> None:
        reached.append(at)
        if at == step:
            raise Cut

    with pytest.raises(Cut):
        turn(store, folder, reached=cut)
    assert reached == STEPS[: STEPS.index(step) + 1]
    if again == "service":
        now = signer(store, folder)
        rotated = step != "made"
    else:
        done = turn(store, folder)
        now, rotated = signer(store, folder), True
        assert done.previous == (load_key_named(folder, first) if step == "in place" else first)
    assert len(rotations(store)) == (2 if (again, step) == ("command", "in place") else int(rotated))
    assert (load_key(folder).verifier != first) == rotated
    assert (folder / NEXT_FILE).exists() == (again == "service" and step == "made")
    append(store, 3)
    assert now.cycle() is None
    assert (
        verify(StoreFiles(store, now.published), first, [note.note.encode()]).keys.newest == load_key(folder).verifier
    )
    assert (folder / HIGH_WATER_FILE).read_text() == store.checkpoint()


def load_key_named(folder: Path, first: VerifierKey) -> VerifierKey:
    """The key between the first and the newest, by its public file."""
    [found] = [one for one in folder.glob("log.*.vkey") if one.read_text() != f"{first}\n"]
    return parse_verifier_key(found.read_text().removesuffix("\n"))


def test_a_next_key_that_was_never_used_is_taken_by_the_next_rotation(store: Store, folder: Path) -> None:
    """And never by itself."""
    append(store, 3)
    signer(store, folder)
    make_key(folder / NEXT_FILE, NAME)
    waiting = read_key(folder / NEXT_FILE)
    assert finish(store, folder) is None
    assert signer(store, folder).newest is not None
    assert turn(store, folder).key == waiting.verifier


def test_a_commit_of_which_nobody_knows(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was kept or not: the command again ends well, with one rotation."""
    append(store, 3)
    signer(store, folder)
    first = load_key(folder).verifier

    def lost(*_: object) -> str:
        raise StoreUnavailable("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr("ledger.log.rotating._hand_over", lost)
        with pytest.raises(StoreUnavailable):
            turn(store, folder)
    assert load_key(folder).verifier == first
    assert turn(store, folder).previous == first
    assert len(rotations(store)) == 1


# --- servers that have the old key ------------------------------------------------------------------------------


def test_a_signer_with_the_old_key_says_so_and_signs_no_more(store: Store, folder: Path, tmp_path: Path) -> None:
    """It shows what the one with the new key signs. Given the new key, it signs again."""
    append(store, 3)
    old = signer(store, folder)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    second = signer(store, elsewhere)
    turn(store, folder)
    new = signer(store, folder)
    append(store, 3)
    for one in (old, second):
        fault = one.cycle()
        assert fault is not None
        assert (fault.kind, fault.read_only) == (Kind.KEY, False)
        assert "the log's key was rotated at position 4" in str(fault)
        assert str(load_key(folder).verifier) in str(fault)
        assert one.newest is not None
        assert one.newest.checkpoint.size == 4
    assert store.head() == 7
    assert new.cycle() is None
    assert old.cycle() is not None
    assert old.newest == new.newest
    again = signer_of(store, elsewhere, elsewhere / HIGH_WATER_FILE, None, alone=False)
    assert again.cycle() is not None
    shutil.copyfile(folder / PRIVATE_FILE, elsewhere / PRIVATE_FILE)
    append(store, 1)
    mended = signer(store, elsewhere)
    assert mended.newest is not None
    assert mended.newest.checkpoint.size == 8


def test_an_old_backup_of_before_the_rotation(tmp_path: Path, folder: Path) -> None:
    """It is behind what the new key signed: nothing may be recorded in it."""
    ledger = tmp_path / "ledger"
    store = open_store(ledger, None)
    append(store, 3)
    signer(store, folder)
    store.close()
    shutil.copytree(ledger, tmp_path / "backup")
    store = open_store(ledger, None)
    turn(store, folder)
    store.close()
    backup = open_store(tmp_path / "backup", None)
    fault = Signer(backup, load_key(folder), folder / HIGH_WATER_FILE).cycle()
    assert fault is not None
    assert (fault.kind, fault.read_only) == (Kind.BEHIND, True)
    backup.close()


def test_a_rotation_that_was_never_handed_over_is_not_signed(store: Store, folder: Path) -> None:
    """Somebody recorded the event beside the command."""
    append(store, 3)
    now = signer(store, folder)
    with store.write() as transaction:
        transaction.append([rotated(load_key(folder).verifier, NEXT.verifier)])
    fault = now.cycle()
    assert fault is not None
    assert fault.kind == Kind.KEY
    assert "never handed over" in str(fault)
    assert now.newest is not None
    assert now.newest.checkpoint.size == 3


def test_a_server_without_the_key_goes_on_showing(store: Store, folder: Path, tmp_path: Path) -> None:
    """It never had one."""
    append(store, 3)
    signer(store, folder)
    mirror = signer_of(store, tmp_path / "none", tmp_path / "none" / HIGH_WATER_FILE, None, alone=False)
    assert isinstance(mirror, Mirror)
    turn(store, folder)
    assert mirror.cycle() is None
    assert mirror.newest is not None
    assert mirror.newest.checkpoint.size == 4
