"""Whatever is done to the log beside the ledger is caught, by the check that is there for it; and if nothing is done,
nothing is found."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from ledger.log import verify as verifying
from ledger.log.checkpoint import Checkpoint
from ledger.log.files import StoreFiles
from ledger.log.merkle import consistency_proof
from ledger.log.note import WITNESS, SigningKey
from ledger.log.remade import Kind
from ledger.log.signer import Signer
from ledger.log.tiles import nodes
from ledger.log.verify import NotVerified, Seen, verify
from ledger.log.witness import Request, judge
from ledger.store import Store, open_store
from ledger.store.sqlite import SQLiteStore
from tests.ledger.log.logs import KEY, append, beside

W1 = SigningKey("witness.example/w1", bytes(range(32, 64)), WITNESS)

SWAP = ["UPDATE events SET position = -1 WHERE position = 400", "UPDATE events SET position = 400 WHERE position = 401"]
SWAP += ["UPDATE events SET position = 401 WHERE position = -1"]
TURN = ((399, -1), (400, 399), (-1, 400))
# What somebody does to position 400, or to the tree around it, and what finds it: the signer, if it isn't signed yet;
# whoever verifies the log, if it is.
TAMPERING: dict[str, tuple[list[str], Kind, verifying.Kind | None]] = {
    "an amount": (
        ["UPDATE events SET state = replace(state, '1.5', '2.5') WHERE position = 400"],
        Kind.EVENT,
        verifying.Kind.EVENT,
    ),
    "a space in the state": (
        ["UPDATE events SET state = replace(state, ': ', ':') WHERE position = 400"],
        Kind.EVENT,
        verifying.Kind.EVENT,
    ),
    "the type": (
        ["UPDATE events SET type = 'commitment.closed' WHERE position = 400"],
        Kind.EVENT,
        verifying.Kind.EVENT,
    ),
    "the record": (
        ["UPDATE events SET stream = 'commitment/z' WHERE position = 400"],
        Kind.EVENT,
        verifying.Kind.EVENT,
    ),
    "the version": (["UPDATE events SET version = 9 WHERE position = 400"], Kind.EVENT, verifying.Kind.EVENT),
    "removed": (["DELETE FROM events WHERE position = 400"], Kind.EVENT, verifying.Kind.EVENT),
    "swapped": (SWAP, Kind.EVENT, verifying.Kind.EVENT),
    "the last removed": (["DELETE FROM events WHERE position = 600"], Kind.TREE, verifying.Kind.MALFORMED),
    "one inserted at the end": (
        [
            "INSERT INTO events SELECT 601, stream, 9, type, state, 'new', chain FROM events WHERE position = 1",
        ],
        Kind.TREE,
        None,  # it is beyond what is signed
    ),
    "one inserted for another": (
        [
            "DELETE FROM events WHERE position = 400",
            "INSERT INTO events SELECT 400, stream, 9, type, state, 'new', chain FROM events WHERE position = 1",
        ],
        Kind.EVENT,
        verifying.Kind.EVENT,
    ),
}


def place_of(store: Store, request: pytest.FixtureRequest) -> Path | str:
    if isinstance(store, SQLiteStore):
        return Path(request.getfixturevalue("tmp_path")) / "ledger" / "ledger.sqlite"
    return str(request.getfixturevalue("database_url"))


def tamper(store: Store, place: Path | str, statements: list[str]) -> None:
    with beside(store, place) as shell:
        if not isinstance(store, SQLiteStore):
            shell.execute("ALTER TABLE events DROP CONSTRAINT events_position_check")
        else:
            shell.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            changed = shell.execute(statement)
            assert changed.rowcount == 1, "it must harm something"


def found_by(store: Store, signer: Signer, old: list[bytes]) -> verifying.Kind | None:
    try:
        verify(StoreFiles(store, signer.published), KEY.verifier, old)
    except NotVerified as error:
        return error.kind
    return None


@pytest.fixture
def place(store: Store, request: pytest.FixtureRequest) -> Path | str:
    """Where somebody else opens the store's database."""
    return place_of(store, request)


@pytest.fixture
def signer(store: Store, tmp_path: Path) -> Signer:
    """Of a log whose first 300 events are signed."""
    signer = Signer(store, KEY, tmp_path / "log.highwater")
    append(store, 300)
    assert signer.cycle() is None
    return signer


@pytest.mark.parametrize("name", TAMPERING)
def test_an_event_that_is_not_signed_yet(store: Store, signer: Signer, place: Path | str, name: str) -> None:
    """The signer finds it before it signs, keeps the checkpoint that it had, and says where."""
    statements, kind, _ = TAMPERING[name]
    append(store, 300)
    tamper(store, place, statements)
    before = store.checkpoint()
    fault = signer.cycle()
    assert fault is not None
    assert fault.kind == kind
    assert signer.newest is not None
    assert store.checkpoint() == before == signer.newest.note
    assert signer.cycle() is not None


@pytest.mark.parametrize("name", TAMPERING)
def test_an_event_that_is_signed(store: Store, signer: Signer, place: Path | str, name: str) -> None:
    """Whoever verifies the log finds it."""
    statements, _, kind = TAMPERING[name]
    append(store, 300)
    assert signer.cycle() is None
    tamper(store, place, statements)
    assert found_by(store, signer, []) == kind


def test_nothing_is_found_where_nothing_was_done(store: Store, signer: Signer, place: Path | str) -> None:
    """The control of the two tests above: signed and verified, with the triggers switched off and on again."""
    append(store, 300)
    with beside(store, place):
        pass
    assert signer.cycle() is None
    assert found_by(store, signer, []) is None


def flip(store: Store, place: Path | str, level: int, index: int) -> None:
    """Change one bit of a hash in the tree."""
    sign = "?" if isinstance(store, SQLiteStore) else "%s"
    with beside(store, place) as shell:
        [(first, hashes)] = shell.execute(
            f"SELECT first, hashes FROM tree_runs WHERE level = {level} AND first <= {index}"
            f" AND first + length(hashes) / 32 > {index}"
        ).fetchall()
        at = (index - first) * 32
        changed = hashes[:at] + bytes([hashes[at] ^ 1]) + hashes[at + 1 :]
        statement = f"UPDATE tree_runs SET hashes = {sign} WHERE level = {level} AND first = {first}"
        shell.execute(statement, (changed,))


@pytest.mark.parametrize(
    ("level", "index", "signers", "verifiers"),
    [
        (0, 399, Kind.EVENT, verifying.Kind.EVENT),
        (0, 599, Kind.EVENT, verifying.Kind.EVENT),
        (1, 1, Kind.TREE, verifying.Kind.TREE),
        (0, 280, Kind.REWRITTEN, verifying.Kind.EVENT),
        (1, 0, Kind.REWRITTEN, verifying.Kind.TREE),
    ],
)
def test_a_hash_of_the_tree(
    store: Store, signer: Signer, place: Path | str, level: int, index: int, signers: Kind, verifiers: verifying.Kind
) -> None:
    """A leaf or a node that was changed is found by both; of what is signed, the signer looks at all that the next
    root is made of."""
    append(store, 300)
    flip(store, place, level, index)
    fault = signer.cycle()
    assert fault is not None
    assert fault.kind == signers
    flip(store, place, level, index)
    assert signer.cycle() is None
    assert found_by(store, signer, []) is None
    flip(store, place, level, index)
    assert found_by(store, signer, []) == verifiers


def test_a_swap_of_leaves_and_events_together(store: Store, signer: Signer, place: Path | str) -> None:
    """Events moved with their leaves fit each other, and are in order; the root that was signed is another."""
    append(store, 300)
    assert signer.cycle() is None
    tamper(store, place, [f"UPDATE events SET position = {to} WHERE position = {at}" for at, to in TURN])
    sign = "?" if isinstance(store, SQLiteStore) else "%s"
    with beside(store, place) as shell:
        [(hashes,)] = shell.execute("SELECT hashes FROM tree_runs WHERE level = 0 AND first = 300").fetchall()
        turned = hashes[:-64] + hashes[-32:] + hashes[-64:-32]
        shell.execute(f"UPDATE tree_runs SET hashes = {sign} WHERE level = 0 AND first = 300", (turned,))
    assert found_by(store, signer, []) == verifying.Kind.ROOT


# --- history rewritten with the real key ------------------------------------------------------------------------


def rewritten(tmp_path: Path, count: int) -> tuple[Store, Signer]:
    """A log of its own, with other amounts from the first event on, signed with the ledger's own key."""
    store = open_store(tmp_path / "rewritten", None)
    append(store, count, amount="2.5")
    signer = Signer(store, KEY, tmp_path / "rewritten" / "log.highwater")
    assert signer.cycle() is None
    return store, signer


@pytest.mark.parametrize("count", [300, 301, 600])
def test_history_rewritten_and_signed_again(store: Store, signer: Signer, tmp_path: Path, count: int) -> None:
    """It passes every check of its own. An older checkpoint, or a witness that saw one, finds it; the ledger that only
    grew, the control, passes both."""
    assert signer.newest is not None
    old = signer.newest
    judged = judge(Request(0, (), old.note).text.encode(), KEY.verifier, None, W1, 1)
    assert judged.status == 200
    append(store, count - 300)
    assert signer.cycle() is None
    other, its_signer = rewritten(tmp_path, count)
    for log, signed, kind, status in (
        (store, signer, None, 200),
        (other, its_signer, verifying.Kind.FORKED, 409 if count == 300 else 422),
    ):
        assert found_by(log, signed, []) is None
        assert found_by(log, signed, [old.note.encode()]) == kind
        assert signed.newest is not None
        proof = tuple(consistency_proof(300, count, nodes(count, log.hashes)))
        request = Request(300, proof, signed.newest.note)
        assert judge(request.text.encode(), KEY.verifier, old.checkpoint, W1, 2).status == status
    other.close()


def test_a_log_that_shrank(signer: Signer, tmp_path: Path) -> None:
    """A log that is shorter than an older checkpoint is found by it alone."""
    assert signer.newest is not None
    old = signer.newest.note.encode()
    other, its_signer = rewritten(tmp_path, 299)
    assert found_by(other, its_signer, []) is None
    assert found_by(other, its_signer, [old]) == verifying.Kind.SHRUNK
    other.close()


def test_an_older_checkpoint_is_checked_itself(store: Store, signer: Signer) -> None:
    """One that somebody else signed, or that can't be read, is no witness."""
    assert signer.newest is not None
    stranger = SigningKey(KEY.name, bytes(32))
    forged = Checkpoint(KEY.name, 3, bytes(32)).sign(stranger)
    assert found_by(store, signer, [forged.encode()]) == verifying.Kind.UNSIGNED
    assert found_by(store, signer, [b"nonsense"]) == verifying.Kind.MALFORMED
    assert found_by(store, signer, [signer.newest.note.encode()]) is None


def test_what_was_verified_once_is_the_old_checkpoint_of_the_next_time(
    store: Store, signer: Signer, tmp_path: Path
) -> None:
    """The verifier remembers, log by log."""
    seen = Seen(tmp_path / "seen")
    assert seen.checkpoint(KEY.verifier) is None
    seen.keep(KEY.verifier, verify(StoreFiles(store, signer.published), KEY.verifier).signed)
    kept = seen.checkpoint(KEY.verifier)
    assert signer.newest is not None
    assert kept == signer.newest.note.encode()
    other, its_signer = rewritten(tmp_path, 300)
    assert found_by(other, its_signer, [kept]) == verifying.Kind.FORKED
    assert seen.checkpoint(SigningKey(KEY.name, bytes(32)).verifier) is None
    other.close()


def test_two_checkpoints_of_one_size(store: Store, signer: Signer, tmp_path: Path) -> None:
    """Both are signed; verifying the log of either against the other finds them out, and a witness signs only one."""
    other, its_signer = rewritten(tmp_path, 300)
    for log, signed, against in ((store, signer, its_signer), (other, its_signer, signer)):
        assert against.newest is not None
        assert signed.newest is not None
        assert found_by(log, signed, [signed.newest.note.encode()]) is None
        assert found_by(log, signed, [against.newest.note.encode()]) == verifying.Kind.FORKED
        request = Request(300, (), signed.newest.note)
        judged = judge(request.text.encode(), KEY.verifier, against.newest.checkpoint, W1, 1)
        assert (judged.status, judged.body) == (409, "300\n")
    other.close()


# --- backups ----------------------------------------------------------------------------------------------------


def test_an_old_backup_that_is_restored(tmp_path: Path) -> None:
    """The file beside the database knows that more was signed: nothing is signed, and nothing may be written. Also
    after others have written to it; also if the tree was made anew. The newer state, the control, is signed."""
    ledger, high_water = tmp_path / "ledger", tmp_path / "log.highwater"
    store = open_store(ledger, None)
    append(store, 300)
    assert Signer(store, KEY, high_water).cycle() is None
    store.close()
    shutil.copytree(ledger, tmp_path / "backup")
    store = open_store(ledger, None)
    append(store, 100)
    assert Signer(store, KEY, high_water).cycle() is None
    store.close()

    store = open_store(tmp_path / "backup", None)
    restored = Signer(store, KEY, high_water)
    for more in (0, 99):
        append(store, more, amount="2.5")
        fault = restored.cycle()
        assert fault is not None
        assert (fault.kind, fault.read_only) == (Kind.BEHIND, True)
        assert restored.published() is not None
    append(store, 1, amount="2.5")
    for more in (0, 200):
        append(store, more, amount="2.5")
        fault = restored.cycle()
        assert fault is not None
        assert (fault.kind, fault.read_only) == (Kind.REWRITTEN, True)
    assert Signer(store, KEY, tmp_path / "nothing").cycle() is None  # it is that file which finds it
    store.close()

    store = open_store(ledger, None)
    append(store, 100)
    assert Signer(store, KEY, high_water).cycle() is None
    store.close()


def test_a_backup_that_only_lacks_checkpoints(store: Store, signer: Signer, place: Path | str) -> None:
    """If the events are those that were signed, nothing is lost: they are signed once more, with the same words."""
    before = store.checkpoint()
    with beside(store, place) as shell:
        shell.execute("DELETE FROM checkpoints")
    assert signer.cycle() is None
    assert store.checkpoint() == before


def test_a_tree_made_anew_over_events_that_were_changed(tmp_path: Path) -> None:
    """Whoever drops the tree's tables as well gets a tree over what is there, and no signature for it."""
    store = open_store(tmp_path / "ledger", None)
    append(store, 300)
    assert Signer(store, KEY, tmp_path / "log.highwater").cycle() is None
    with beside(store, tmp_path / "ledger" / "ledger.sqlite") as shell:
        shell.execute("UPDATE events SET state = replace(state, '1.5', '2.5') WHERE position = 7")
    store.close()
    with sqlite3.connect(tmp_path / "ledger" / "ledger.sqlite") as shell:
        for table in ("tree_runs", "cosignatures", "checkpoints"):
            shell.execute(f"DROP TABLE {table}")
    store = open_store(tmp_path / "ledger", None)
    fault = Signer(store, KEY, tmp_path / "log.highwater").cycle()
    assert fault is not None
    assert fault.kind == Kind.REWRITTEN
    store.close()
