"""A store whose commits can be held back, and fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ledger.store import Store, WriteTransaction
from tests.ledger.cases import PARTIES
from tests.ledgers import WAIT_SECONDS, Ledger


class Slow:
    """A store whose write transactions can be held back, and fail when told to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.commits = 0
        self.waits = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self.failures: list[tuple[str, Exception]] = []
        """What to do at the next transactions: raise "instead of" committing, or "after" it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def held(self) -> Iterator[None]:
        self.waits.clear()
        self._free.clear()
        yield
        self._free.set()

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        self.waits.set()
        assert self._free.wait(WAIT_SECONDS)
        when, failure = self.failures.pop(0) if self.failures else ("never", None)
        with self._store.write() as transaction:
            yield transaction
            if failure is not None and when == "instead of":
                raise failure
        self.commits += 1
        if failure is not None:
            raise failure


@pytest.fixture
def slow(sqlite_store: Store) -> Any:
    return Slow(sqlite_store)


@pytest.fixture
def slow_ledger(slow: Any) -> Iterator[Ledger]:
    ledger = Ledger(slow)
    ledger.given(*PARTIES)
    yield ledger
    ledger.close()
