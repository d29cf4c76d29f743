"""What shows a log's checkpoints to the world: it looks at the log now and then, and remembers what it found."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from ledger.log.checkpoint import SignedCheckpoint, parse_text
from ledger.log.note import parse_note
from ledger.log.remade import Fault, Kind
from ledger.log.tiles import Malformed
from ledger.store import Conflict, Store, StoreError, StoreUnavailable

SECONDS_BETWEEN = 10.0
# How long the thread leaves the interpreter to others after each tile of the log, which takes it some 3 ms.
REST_SECONDS = 0.01

Told = Callable[[Fault | None], object]
"""Is told what each cycle found."""


class Cycling(ABC):
    """`newest` is the checkpoint to show, `fault` what the last cycle found. Safe to use from several threads."""

    def __init__(self, store: Store, told: Told = lambda fault: None) -> None:
        self._store = store
        self._told = told
        self._cycling = threading.Lock()
        self._at_leisure = False
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.newest: SignedCheckpoint | None = None
        self.fault: Fault | None = None

    @abstractmethod
    def _look(self, mine: bool) -> None:
        """Bring `newest` up and clear `fault`. `mine`: the right to sign is the caller's. Raises Fault."""

    def _show(self, note: str | None) -> None:
        """Show a checkpoint as it is stored, whoever signed it: that is for others to check."""
        if note is not None:
            try:
                self.newest = SignedCheckpoint(parse_text(parse_note(note.encode()).text), note)
            except Malformed as error:
                raise Fault(Kind.CHECKPOINT, f"the database's last checkpoint can't be read: {error}") from None

    def published(self) -> tuple[str, int] | None:
        """The newest checkpoint's note and its size."""
        newest = self.newest
        return None if newest is None else (newest.note, newest.checkpoint.size)

    def covering(self, position: int) -> SignedCheckpoint | None:
        """The newest checkpoint, once it is of that position: a cycle first if it isn't; None if that doesn't help."""
        if self.newest is None or self.newest.checkpoint.size < position:
            self.cycle()
        return self.newest if self.newest is not None and self.newest.checkpoint.size >= position else None

    def cycle(self, mine: bool = False, *, at_leisure: bool = False) -> Fault | None:
        """Check what is new and sign it, unless there is nothing new, or another process is just doing so. Whoever has
        the right to sign already says that it is `mine`. `at_leisure`: with rests, until somebody else wants one."""
        if not at_leisure:
            self._hurry.set()
        with self._cycling:
            self._at_leisure = at_leisure
            try:
                self._look(mine)
            except Fault as fault:
                self.fault = fault
            except (StoreUnavailable, Conflict) as error:  # another process signed meanwhile
                self.fault = Fault(Kind.STORE, str(error))
            except StoreError as error:
                self.fault = Fault(Kind.DAMAGED, f"the database was changed beside the ledger: {error}")
            except OSError as error:
                self.fault = Fault(Kind.FILE, f"a file of the signer can't be read or written: {error}")
            if not at_leisure:
                self._hurry.clear()
            self._told(self.fault)
            return self.fault

    def _rest(self) -> None:
        """Between the parts of a cycle."""
        if self._at_leisure:
            self._hurry.wait(REST_SECONDS)

    def start(self, seconds_between: float = SECONDS_BETWEEN) -> None:
        """Cycle now and then every so many seconds, in a thread, until `stop`."""
        self.cycle()

        def run() -> None:
            while not self._stopping.wait(seconds_between):
                self.cycle(at_leisure=True)

        self._thread = threading.Thread(target=run, name="signer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and sign what came last."""
        self._stopping.set()
        self._hurry.set()
        if self._thread is not None:
            self._thread.join()
        self.cycle()


class Mirror(Cycling):
    """Shows what others sign, for a server that hasn't the log's key. It checks no signature: whoever asks does."""

    def __init__(self, store: Store, lacking: Fault | None = None, told: Told = lambda fault: None) -> None:
        super().__init__(store, told)
        self._lacking = lacking

    def _look(self, mine: bool) -> None:
        self._show(self._store.checkpoint())
        self.fault = self._lacking
