"""The signer signs what it has checked, once, in an order that a crash can't turn round."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.cycling import Cycling, Mirror
from ledger.log.files import StoreFiles
from ledger.log.keys import PRIVATE_FILE, PUBLIC_FILE, KeyRefused, load_key, parse_key, write_key
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.note import LOG, WITNESS, SigningKey, parse_verifier_key
from ledger.log.remade import Fault, Kind, remade
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.signing import signer_of
from ledger.log.tiles import Edge, Malformed
from ledger.log.verify import verify
from ledger.store import Conflict, Store, StoreUnavailable, open_store
from ledger.store.sqlite import LOG_FILE
from tests.ledger.log.logs import KEY, append, beside


@pytest.fixture
def high_water(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere" / "log.highwater"


@pytest.fixture
def signer(store: Store, high_water: Path) -> Signer:
    high_water.parent.mkdir()
    return Signer(store, KEY, high_water)


def size(signer: Signer) -> int:
    published = signer.published()
    assert published is not None
    return published[1]


def test_nothing_is_shown_before_it_is_signed(store: Store, signer: Signer) -> None:
    """No checkpoint until the first cycle, which signs the empty log too."""
    assert signer.published() is None
    assert signer.cycle() is None
    assert signer.newest is not None
    assert signer.newest.checkpoint == Checkpoint(KEY.name, 0, EMPTY_ROOT)


@pytest.mark.parametrize("counts", [[1], [255, 1, 1], [256], [600], [1, 2, 253, 300, 1]])
def test_a_log_is_signed_as_it_grows(store: Store, signer: Signer, high_water: Path, counts: list[int]) -> None:
    """Each cycle signs all that is there; the checkpoint is in the database, in the file beside it, and it verifies."""
    notes: list[bytes] = []
    for count in counts:
        append(store, count)
        assert signer.cycle() is None
        assert signer.newest is not None
        assert size(signer) == store.head()
        assert store.checkpoint() == high_water.read_text() == signer.newest.note
        verify(StoreFiles(store, signer.published), KEY.verifier, notes)
        notes.append(signer.newest.note.encode())


def test_what_did_not_grow_is_not_signed_again(store: Store, signer: Signer) -> None:
    """A cycle without news writes nothing."""
    append(store, 3)
    signer.cycle()
    first = signer.newest
    assert signer.cycle() is None
    assert signer.newest == first
    with pytest.raises(Conflict), store.write() as transaction:
        transaction.add_checkpoint(3, "another")


def test_a_signer_starts_where_the_last_one_stopped(store: Store, signer: Signer, high_water: Path) -> None:
    """The checkpoint is shown again after a restart, and the next one follows it."""
    append(store, 300)
    signer.cycle()
    append(store, 300)
    again = Signer(store, KEY, high_water)
    assert again.cycle() is None
    assert size(again) == 600
    verify(StoreFiles(store, again.published), KEY.verifier, [signer.newest.note.encode()] if signer.newest else [])


def test_a_crash_between_the_row_and_the_file(store: Store, signer: Signer, high_water: Path) -> None:
    """The file is behind the database, or not there at all: the next cycle brings it up."""
    append(store, 300)
    signer.cycle()
    older = high_water.read_text()
    append(store, 1)
    signer.cycle()
    newer = high_water.read_text()
    for left in (older, None):
        high_water.unlink()
        if left is not None:
            high_water.write_text(left)
        again = Signer(store, KEY, high_water)
        assert again.cycle() is None
        assert high_water.read_text() == newer


def test_one_signs_at_a_time(store: Store, signer: Signer) -> None:
    """While somebody else has the right to sign, a cycle does nothing; then it signs."""
    append(store, 3)
    with store.signing() as mine:
        assert mine
        with store.signing() as second:
            assert not second
        assert signer.cycle() is None
        assert signer.published() is None
    assert signer.cycle() is None
    assert size(signer) == 3


def test_one_signs_at_a_time_also_of_two_processes(database_url: str, tmp_path: Path) -> None:
    """Two servers on one PostgreSQL database, each with a signer of its own and the same key."""
    first, second = open_store(None, database_url), open_store(None, database_url)
    with first.signing() as mine:
        assert mine
        with second.signing() as theirs:
            assert not theirs
    with second.signing() as theirs:
        assert theirs
    append(first, 3)
    signers = [Signer(first, KEY, tmp_path / "a"), Signer(second, KEY, tmp_path / "b")]
    for signer in signers:
        assert signer.cycle() is None
        assert size(signer) == 3
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()
    append(second, 3)
    for signer in reversed(signers):
        assert signer.cycle() is None
        assert size(signer) == 6
    first.close()
    second.close()


def test_a_signer_without_the_right_is_noticed(store: Store, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one that didn't ask for the right signs in between, this one doesn't sign the same once more."""
    append(store, 3)
    grown = remade

    def meanwhile(store: Store, size: int, end: int, rest: Callable[[], object]) -> Edge:
        with store.write() as transaction:
            transaction.add_checkpoint(2, "somebody's")
        return grown(store, size, end)

    monkeypatch.setattr("ledger.log.signer.remade", meanwhile)
    fault = signer.cycle()
    assert fault is not None
    assert fault.kind == Kind.CHECKPOINT
    assert store.checkpoint() == "somebody's"


def test_another_key_does_not_go_on(store: Store, signer: Signer, high_water: Path) -> None:
    """A log whose checkpoints another key signed isn't signed; what it did sign is shown. With a high-water file of its
    own or without any it's the same."""
    append(store, 3)
    signer.cycle()
    append(store, 3)
    for name, file in ((KEY.name, high_water), ("ledger.example/other", high_water.with_name("none"))):
        stranger = Signer(store, SigningKey(name, bytes(32)), file)
        fault = stranger.cycle()
        assert fault is not None
        assert (fault.kind, fault.read_only) == (Kind.KEY, False)
        assert "isn't signed with the key that is here" in str(fault)
        assert stranger.newest == signer.newest
        assert not high_water.with_name("none").exists()
    assert signer.cycle() is None
    assert size(signer) == 6


def test_a_first_key_is_made_by_one_of_several(database_url: str, tmp_path: Path) -> None:
    """Servers that start at once on an empty database: one makes a key and signs with it before anybody else may; the
    others make none, and show what it signs."""
    count = 4
    stores = [open_store(None, database_url) for _ in range(count)]
    at_once = threading.Barrier(count)

    def started(number: int) -> Cycling:
        folder = tmp_path / str(number)
        at_once.wait()
        return signer_of(stores[number], folder, folder / HIGH_WATER_FILE, None, alone=False)

    with ThreadPoolExecutor(count) as threads:
        found = list(threads.map(started, range(count)))
    assert sorted(type(one).__name__ for one in found) == ["Mirror"] * (count - 1) + ["Signer"]
    assert [(tmp_path / str(number) / PRIVATE_FILE).exists() for number in range(count)] == [
        isinstance(one, Signer) for one in found
    ]
    append(stores[0], 3)
    assert [one.cycle() for one in sorted(found, key=lambda one: isinstance(one, Mirror))] == [None] * count
    [note] = {one.newest.note for one in found if one.newest is not None}
    assert note == stores[0].checkpoint()
    for store in stores:
        store.close()


@pytest.mark.parametrize("damage", [b"", b"\xff", b"nonsense\n", None])
def test_a_damaged_file_stops_the_signing(store: Store, signer: Signer, high_water: Path, damage: bytes | None) -> None:
    """Nobody knows what it said, so somebody has to look. The newest good checkpoint is shown still."""
    append(store, 3)
    signer.cycle()
    good = high_water.read_bytes()
    append(store, 3)
    high_water.write_bytes(good.replace(b"\n3\n", b"\n4\n") if damage is None else damage)
    fault = signer.cycle()
    assert fault is not None
    assert fault.kind == Kind.CHECKPOINT
    assert "log.highwater" in str(fault)
    assert size(signer) == 3
    high_water.write_bytes(good)
    assert signer.cycle() is None
    assert size(signer) == 6


def test_a_last_checkpoint_that_was_damaged(sqlite_store: Store, tmp_path: Path) -> None:
    """The one before it is shown still, or what is kept beside the database, also by a signer that starts then."""
    high_water = tmp_path / "log.highwater"
    signer = Signer(sqlite_store, KEY, high_water)
    for _ in range(2):
        append(sqlite_store, 3)
        assert signer.cycle() is None
    note = sqlite_store.checkpoint()
    assert note is not None
    head, _, signature = note.rpartition(" ")
    bad = signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute(f"UPDATE checkpoints SET note = '{head} {bad}' WHERE size = 6")
    for newest in (6, 3):
        starting = Signer(sqlite_store, KEY, high_water)
        fault = starting.cycle()
        assert fault is not None
        assert fault.kind == Kind.CHECKPOINT
        assert size(starting) == newest
        high_water.unlink(missing_ok=True)


def test_hashes_that_are_gone_stop_the_signing(sqlite_store: Store, tmp_path: Path) -> None:
    """Of what was signed: nobody can say any more whether it is the same."""
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    append(sqlite_store, 3)
    assert signer.cycle() is None
    append(sqlite_store, 3)
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute("DELETE FROM tree_runs WHERE first = 0")
    fault = signer.cycle()
    assert fault is not None
    assert (fault.kind, "lacks hashes" in str(fault)) == (Kind.TREE, True)
    assert size(signer) == 3


def test_a_store_that_is_away_is_a_fault_too(sqlite_store: Store, tmp_path: Path) -> None:
    """It is told, and the next cycle tries again."""
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    sqlite_store.close()
    fault = signer.cycle()
    assert fault is not None
    assert fault.kind == Kind.STORE
    with pytest.raises(StoreUnavailable):
        sqlite_store.head()


def test_a_text_that_is_none_is_damage(sqlite_store: Store, tmp_path: Path) -> None:
    """Somebody wrote bytes into the newest event that are no text: that isn't a store that is away. The control is the
    event as it was."""
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    append(sqlite_store, 2)
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        [(state,)] = shell.execute("SELECT state FROM events WHERE position = 2").fetchall()
        shell.execute("UPDATE events SET state = CAST(x'7bff7d' AS TEXT) WHERE position = 2")
    fault = signer.cycle()
    assert fault is not None
    assert (fault.kind, fault.passing) == (Kind.DAMAGED, False)
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute("UPDATE events SET state = ? WHERE position = 2", (state,))
    assert signer.cycle() is None


def test_the_thread_signs_now_and_then_and_at_the_end(store: Store, signer: Signer, until: Callable[..., None]) -> None:
    """At the start, after some time, and when it is stopped."""
    others = set(threading.enumerate())
    append(store, 1)
    signer.start(0.01)
    assert size(signer) == 1
    append(store, 1)
    until(lambda: size(signer) == 2)
    signer.stop()
    append(store, 1)
    signer.stop()
    assert size(signer) == 3
    assert not {thread for thread in threading.enumerate() if thread.name == "signer"} - others


@pytest.mark.parametrize("hurrying", [lambda signer: signer.covering(300), Signer.stop], ids=["asked", "stopped"])
def test_the_thread_rests_until_somebody_waits(
    store: Store,
    signer: Signer,
    monkeypatch: pytest.MonkeyPatch,
    hurrying: Callable[[Signer], object],
) -> None:
    """Between the tiles of a log that has grown; who asks for a checkpoint, or stops it, needn't wait for that."""
    rest, resting = signer._hurry.wait, threading.Event()

    def long(seconds: float) -> bool:
        resting.set()
        return rest(3_600)

    monkeypatch.setattr(signer._hurry, "wait", long)
    signer.start(0.01)
    append(store, 300)
    assert resting.wait(10)
    assert size(signer) == 0
    hurrying(signer)
    assert size(signer) == 300
    signer.stop()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for something to become true."""

    def wait(true: Callable[[], bool]) -> None:
        for _ in range(500):
            if true():
                return
            threading.Event().wait(0.01)
        pytest.fail("it never became true")

    return wait


def test_a_fault_tells_whether_the_log_may_be_written() -> None:
    """A log that goes on from a past other than the signed one only makes it worse."""
    assert {kind for kind in Kind if Fault(kind, "").read_only} == {Kind.BEHIND, Kind.REWRITTEN}
    assert {kind for kind in Kind if Fault(kind, "").passing} == {Kind.STORE}


# --- the key ----------------------------------------------------------------------------------------------------


def test_a_key_is_made_at_the_first_start(tmp_path: Path) -> None:
    """In a file that its owner alone may read, with the public key beside it; and read again at the next."""
    key = load_key(tmp_path / "new")
    private, public = tmp_path / "new" / PRIVATE_FILE, tmp_path / "new" / PUBLIC_FILE
    assert private.stat().st_mode & 0o777 == 0o600
    assert parse_verifier_key(public.read_text().removesuffix("\n")) == key.verifier
    assert load_key(tmp_path / "new") == key
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [PRIVATE_FILE, PUBLIC_FILE]
    assert load_key(tmp_path / "other").verifier != key.verifier
    assert load_key(tmp_path / "named", "ledger.example/deals").name == "ledger.example/deals"


def test_the_public_key_is_written_again(tmp_path: Path) -> None:
    """If it is gone, or another's."""
    key = load_key(tmp_path)
    public = tmp_path / PUBLIC_FILE
    public.write_text("somebody's\n")
    load_key(tmp_path)
    assert public.read_text() == f"{key.verifier}\n"
    public.unlink()
    load_key(tmp_path)
    assert public.read_text() == f"{key.verifier}\n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o644, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With what to do; after that it is taken, the control."""
    load_key(tmp_path)
    (tmp_path / PRIVATE_FILE).chmod(mode)
    with pytest.raises(KeyRefused, match="chmod 600"):
        load_key(tmp_path)
    (tmp_path / PRIVATE_FILE).chmod(0o600)
    load_key(tmp_path)


def test_a_key_keeps_its_name(tmp_path: Path) -> None:
    """Asked for under another, it is refused."""
    load_key(tmp_path, "ledger.example/deals")
    load_key(tmp_path, "ledger.example/deals")
    with pytest.raises(KeyRefused, match="keeps its name"):
        load_key(tmp_path, "ledger.example/other")


TEXT = "PRIVATE+KEY+ledger.example/deals+4104bc6c+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def test_a_private_key_is_written_as_others_write_it() -> None:
    """The form of Go's sumdb."""
    assert write_key(KEY) == TEXT
    assert parse_key(TEXT) == parse_key(TEXT + "\n") == KEY
    witness = SigningKey("witness.example/w1", bytes(32), WITNESS)
    assert parse_key(write_key(witness)) == witness


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[1:],
        "x" + TEXT,
        TEXT + "\n\n",
        TEXT[:-1],
        TEXT + "A",
        TEXT.replace("4104bc6c", "4104bc6d"),
        TEXT.replace("4104bc6c", "4104BC6C"),
        TEXT.replace("deals", "other"),
        TEXT.replace("deals", "a b"),
        TEXT.replace("AQAB", "BAAB"),
        TEXT.replace("AQAB", "AgAB"),
        "PRIVATE+KEY+ledger.example/deals+4104bc6c+",
        str(KEY.verifier),
    ],
)
def test_what_is_no_private_key(text: str) -> None:
    """A key whose id isn't its own is none either."""
    with pytest.raises(KeyRefused):
        parse_key(text)


def test_a_witness_does_not_sign_a_log(tmp_path: Path) -> None:
    """Its key is of another type."""
    path = tmp_path / PRIVATE_FILE
    path.write_text(write_key(SigningKey("witness.example/w1", bytes(32), WITNESS)) + "\n")
    path.chmod(0o600)
    with pytest.raises(KeyRefused, match="a witness with 04"):
        load_key(tmp_path)


def test_a_witness_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Of its type, in files of its own, beside a log's if need be; with a name that a key can have."""
    log, witness = load_key(tmp_path), load_key(tmp_path, "witness.example/w1", WITNESS)
    assert (log.algorithm, witness.algorithm) == (LOG, WITNESS)
    assert load_key(tmp_path, "witness.example/w1", WITNESS) == witness
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "witness.vkey").read_text() == f"{witness.verifier}\n"
    assert load_key(tmp_path) == log
    with pytest.raises(Malformed):
        load_key(tmp_path / "other", "two words")
    assert not (tmp_path / "other").exists()


def test_a_checkpoint_of_this_key_opens() -> None:
    """What the signer writes is what everybody reads."""
    checkpoint = Checkpoint(KEY.name, 0, EMPTY_ROOT)
    assert open_checkpoint(checkpoint.sign(KEY).encode(), KEY.verifier).checkpoint == checkpoint
