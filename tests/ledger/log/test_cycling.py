"""What shows checkpoints: when it looks at the log, what it makes of what it finds there, and what it tells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.log.cycling import Cycling, Mirror
from ledger.log.remade import Fault, Kind
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.tiles import Malformed
from ledger.store import Conflict, Store, StoreError, StoreUnavailable
from ledger.store.sqlite import LOG_FILE
from tests.ledger.log.logs import KEY, append, beside


class Looking(Cycling):
    """Does at each look what it is told to, and counts them."""

    def __init__(self, store: Store, look: Callable[[Looking], object] = lambda looking: None) -> None:
        self.told: list[Fault | None] = []
        super().__init__(store, self.told.append)
        self.look = look
        self.looks = 0
        self.looked = threading.Semaphore(0)

    def _look(self, mine: bool) -> None:
        self.looks += 1
        self.looked.release()
        self.look(self)


def signed(store: Store, tmp_path: Path, count: int) -> str:
    """The note of so many events, with those that were there."""
    append(store, count)
    assert Signer(store, KEY, tmp_path / HIGH_WATER_FILE).cycle() is None
    note = store.checkpoint()
    assert note is not None
    return note


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Fault(Kind.REWRITTEN, "it was found"), Kind.REWRITTEN),
        (StoreUnavailable("it was found"), Kind.STORE),
        (Conflict("it was found"), Kind.STORE),
        (StoreError("it was found"), Kind.DAMAGED),
        (PermissionError("it was found"), Kind.FILE),
    ],
)
def test_a_look_that_fails(sqlite_store: Store, error: Exception, kind: Kind) -> None:
    """It is a fault of its kind, which stays and is told; what is shown stays too. The next good look clears it."""

    def failing(looking: Looking) -> None:
        if looking.looks == 1:
            raise error
        looking.fault = None

    cycling = Looking(sqlite_store, failing)
    found = cycling.cycle()
    assert found is not None
    assert (found.kind, "it was found" in str(found), cycling.fault) == (kind, True, found)
    assert cycling.told == [found]
    assert cycling.cycle() is None
    assert cycling.told == [found, None]


def test_a_mistake_of_ours_is_no_fault_of_the_log(sqlite_store: Store) -> None:
    """The control: nothing else is taken for one."""

    def failing(looking: Looking) -> None:
        raise Malformed("it was found")

    with pytest.raises(Malformed):
        Looking(sqlite_store, failing).cycle()


def test_what_is_shown(sqlite_store: Store, tmp_path: Path) -> None:
    """Nothing before something is signed, then its note as it is stored."""
    mirror = Mirror(sqlite_store)
    assert (mirror.cycle(), mirror.published()) == (None, None)
    note = signed(sqlite_store, tmp_path, 3)
    assert (mirror.cycle(), mirror.published()) == (None, (note, 3))


def test_a_note_that_is_none_is_not_shown(sqlite_store: Store, tmp_path: Path) -> None:
    """It is a fault, and the one before it is shown on."""
    mirror = Mirror(sqlite_store)
    note = signed(sqlite_store, tmp_path, 3)
    mirror.cycle()
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute("UPDATE checkpoints SET note = 'nonsense'")
    fault = mirror.cycle()
    assert fault is not None
    assert (fault.kind, "can't be read" in str(fault)) == (Kind.CHECKPOINT, True)
    assert mirror.published() == (note, 3)


def test_what_a_mirror_lacks_is_told_of_it(sqlite_store: Store) -> None:
    lacking = Fault(Kind.KEY, "it has no key")
    assert Mirror(sqlite_store, lacking).cycle() is lacking


@pytest.mark.parametrize(("position", "looks"), [(0, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 1)])
def test_the_checkpoint_that_covers_a_position(sqlite_store: Store, tmp_path: Path, position: int, looks: int) -> None:
    """Given a checkpoint of 3 events that is shown, and one of 5 that was signed since; when one is asked for; then
    the log is looked at only if that may help, and what doesn't cover it isn't given."""
    signed(sqlite_store, tmp_path, 3)
    cycling = Looking(sqlite_store, lambda looking: looking._show(sqlite_store.checkpoint()))
    cycling.cycle()
    signed(sqlite_store, tmp_path, 2)
    found = cycling.covering(position)
    assert (None if found is None else found.checkpoint.size) == {0: 3, 2: 3, 3: 3, 4: 5, 5: 5, 6: None}[position]
    assert cycling.looks == 1 + looks


@pytest.mark.parametrize("position", [0, 1, 3])
def test_the_first_checkpoint_that_is_asked_for(sqlite_store: Store, tmp_path: Path, position: int) -> None:
    """Where none was shown yet; where none was signed there is none."""
    cycling = Looking(sqlite_store, lambda looking: looking._show(sqlite_store.checkpoint()))
    assert (cycling.covering(position), cycling.looks) == (None, 1)
    signed(sqlite_store, tmp_path, 3)
    found = cycling.covering(position)
    assert found is not None
    assert (found.checkpoint.size, cycling.looks) == (3, 2)


def test_it_looks_now_and_then_and_once_more_as_it_ends(sqlite_store: Store) -> None:
    others = threading.enumerate()
    cycling = Looking(sqlite_store)
    cycling.start(0.01)
    assert [one.name for one in threading.enumerate() if one not in others] == ["signer"]
    for _ in range(3):
        assert cycling.looked.acquire(timeout=10)
    cycling.stop()
    looks = cycling.looks
    assert [one.name for one in threading.enumerate() if one not in others] == []
    assert looks > 3


def test_it_looks_at_its_start_and_as_it_ends(sqlite_store: Store) -> None:
    """Also where no time was between, or it never started."""
    cycling = Looking(sqlite_store)
    cycling.stop()
    assert cycling.looks == 1
    cycling = Looking(sqlite_store)
    cycling.start(60)
    assert cycling.looks == 1
    cycling.stop()
    assert cycling.looks == 2
