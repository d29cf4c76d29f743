"""Who signs the log of a store when several servers start at once: whoever has the key that one of them makes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.log import signing
from ledger.log.cycling import Cycling, Mirror
from ledger.log.keys import load_key
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.signing import signer_of
from ledger.store import Store


def starting(store: Store, folder: Path, threads: ThreadPoolExecutor) -> Future[Cycling]:
    """A server on this database that is just starting."""
    return threads.submit(signer_of, store, folder, folder / HIGH_WATER_FILE, None, alone=False)


def test_a_server_that_starts_while_another_makes_the_key_in_the_folder_of_both(store: Store, tmp_path: Path) -> None:
    """Signs with that key too, not only after it was started again."""
    with ThreadPoolExecutor(1) as threads:
        with store.signing() as mine:
            assert mine
            late = starting(store, tmp_path, threads)
            with pytest.raises(TimeoutError):
                late.result(0.2)
            winner = Signer(store, load_key(tmp_path), tmp_path / HIGH_WATER_FILE)
            assert winner.cycle(mine) is None
        found = late.result(10)
    assert isinstance(found, Signer)
    assert found.cycle() is None
    assert found.published() == winner.published()


def test_a_server_that_finds_the_key_just_made(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its look for the key and the one at the log: it is the same key."""
    first = signing._first

    def late(*arguments: object) -> Cycling | None:
        if not (tmp_path / "log.key").exists():
            Signer(store, load_key(tmp_path), tmp_path / HIGH_WATER_FILE).cycle()
        return first(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(signing, "_first", late)
    assert isinstance(signer_of(store, tmp_path, tmp_path / HIGH_WATER_FILE, None, alone=False), Signer)


def test_a_server_with_another_folder_shows_what_the_first_signs(store: Store, tmp_path: Path) -> None:
    """It makes no key, however long it waited. The test above is the control."""
    with ThreadPoolExecutor(1) as threads:
        with store.signing() as mine:
            late = starting(store, tmp_path / "other", threads)
            winner = Signer(store, load_key(tmp_path / "own"), tmp_path / "own" / HIGH_WATER_FILE)
            assert winner.cycle(mine) is None
        found = late.result(10)
    assert isinstance(found, Mirror)
    assert found.cycle() is None
    assert found.published() == winner.published()
    assert not (tmp_path / "other" / "log.key").exists()


def test_a_first_signing_that_takes_long(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not waited for: the server answers questions meanwhile."""
    monkeypatch.setattr(signing, "FIRST_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as threads, store.signing() as mine:
        assert mine
        assert isinstance(starting(store, tmp_path, threads).result(10), Mirror)
