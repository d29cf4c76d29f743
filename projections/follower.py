"""Follows the log: one thread that reads what is new, in batches, and applies it to the read model."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from ledger.store import Store
from projections.database import ReadModel

BATCH = 2_500
# How long to wait before looking again when nobody says that there is news: another server may have written.
POLL_SECONDS = 0.2
# How long news may gather while nobody waits for it, and how many events: a transaction of the read model costs much
# the same for one event as for a hundred, and takes its time from those who write.
GATHER_SECONDS = 0.3
GATHER_EVENTS = 5_000
# How long to wait when the log or the file can't be used.
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Follower:
    """Keeps a read model up with a store. `wake` says that there is news, `hurry` that somebody waits for it."""

    def __init__(self, store: Store, model: ReadModel) -> None:
        self._store = store
        self._model = model
        self._news = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._asked = False
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self.failure: str | None = None
        """Why the last attempt to follow failed; None while all goes well."""

    @property
    def set_aside(self) -> list[dict[str, Any]]:
        """The events that a projection could not apply: {position, projection, error}."""
        return self._model.set_aside()

    def start(self) -> None:
        self._thread.start()

    def wake(self, head: int = 0) -> None:
        """There is news, up to the head."""
        if head - self._model.position >= GATHER_EVENTS:
            self._hurry.set()
        self._news.set()

    def hurry(self) -> None:
        """Somebody waits for what is new."""
        self._asked = True
        self._hurry.set()
        self._news.set()

    def stop(self) -> None:
        self._stopping.set()
        self.hurry()
        self._model.cancel()
        if self._thread.is_alive():
            self._thread.join()

    def catch_up(self) -> None:
        """Open or rebuild the read model, and apply all that the log holds. Raises StoreError and DuckDB's errors."""
        self._model.prepare(self._store)
        self._model.follow(self._store, BATCH, self._stopping)

    def _run(self) -> None:
        while not self._stopping.is_set():
            asked, self._asked = self._asked, False
            self._news.clear()
            self._hurry.clear()
            began = time.monotonic()
            try:
                self.catch_up()
                self.failure = None
                wait = 0 if self._model.portfolios.follow(self._model) else POLL_SECONDS
            except Exception as error:  # the log is away, the disk is full: it may get better
                if self.failure is None:
                    log.exception("the read model can't follow the log")
                self.failure = f"{type(error).__name__}: {error}"
                wait = RETRY_SECONDS
            # Who asked for what is new, and may have written it, is likely to do so again.
            if self._news.wait(wait) and not asked:
                self._hurry.wait(max(0, began + GATHER_SECONDS - time.monotonic()))
