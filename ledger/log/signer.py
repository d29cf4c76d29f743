"""Signs what the log holds, after having made sure that it still is what was signed before.

Nothing is believed: the root at the last signed size is computed again, every entry since then is built again from the
stored event and compared with its leaf, and every node with what it is hashed from. Whatever doesn't fit stops the
signing; the last good checkpoint stays the one that is shown.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from ledger.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from ledger.log.keys import write_atomically
from ledger.log.note import NotSigned, SigningKey
from ledger.log.remade import Fault, Kind, check_root, remade
from ledger.log.tiles import Malformed
from ledger.store import Store, StoreError

HIGH_WATER_FILE = "log.highwater"
SECONDS_BETWEEN = 10.0


@dataclass(frozen=True, slots=True)
class _Signed:
    """What was signed last: in the database, and in the file beside it."""

    stored: SignedCheckpoint | None
    kept: SignedCheckpoint | None

    def newest(self) -> SignedCheckpoint | None:
        both = [one for one in (self.stored, self.kept) if one is not None]
        return max(both, key=lambda one: one.checkpoint.size, default=None)


class Signer:
    """Signs a store's log with a key. `high_water` is a file outside the database, best on another disk.

    `newest` is the checkpoint to show, `fault` what the last cycle found. Safe to use from several threads.
    """

    def __init__(self, store: Store, key: SigningKey, high_water: Path) -> None:
        self._store = store
        self._key = key
        self._high_water = high_water
        self._cycling = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.newest: SignedCheckpoint | None = None
        self.fault: Fault | None = None

    def published(self) -> tuple[str, int] | None:
        """The newest checkpoint's note and its size."""
        newest = self.newest
        return None if newest is None else (newest.note, newest.checkpoint.size)

    def cycle(self) -> Fault | None:
        """Check what is new and sign it, unless there is nothing new, or another process is just doing so."""
        with self._cycling:
            try:
                with self._store.signing() as mine:
                    if mine:
                        self._sign()
            except Fault as fault:
                self.fault = fault
            except StoreError as error:
                self.fault = Fault(Kind.STORE, str(error))
            return self.fault

    def start(self, seconds_between: float = SECONDS_BETWEEN) -> None:
        """Cycle now and then every so many seconds, in a thread, until `stop`."""
        self.cycle()

        def run() -> None:
            while not self._stopping.wait(seconds_between):
                self.cycle()

        self._thread = threading.Thread(target=run, name="signer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and sign what came last."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.cycle()

    def _sign(self) -> None:
        signed = self._last_signed()
        self.newest = signed.stored
        base = signed.newest()
        heads = self._store.heads()
        if base is not None and base.checkpoint.size > heads.leaves:
            raise Fault(
                Kind.BEHIND,
                f"a checkpoint of {base.checkpoint.size} events was signed, and the log has {heads.leaves}: an older"
                f" state of it was restored. Restore the newer one; {self._high_water} tells what was signed",
            )
        if heads.position != heads.leaves:
            raise Fault(Kind.TREE, f"the log has {heads.position} events and its tree {heads.leaves} leaves")
        for one in (signed.stored, signed.kept):
            if one is not None:
                check_root(self._store, one.checkpoint)
        edge = remade(self._store, 0 if base is None else base.checkpoint.size, heads.leaves)
        if signed.stored is None or signed.stored.checkpoint.size < edge.size:
            self.newest = self._commit(Checkpoint(self._key.name, edge.size, edge.root()), signed.stored)
        if self.newest is not None and (signed.kept is None or signed.kept.note != self.newest.note):
            write_atomically(self._high_water, self.newest.note)
        self.fault = None

    def _last_signed(self) -> _Signed:
        note = self._store.checkpoint()
        stored = None if note is None else self._open(note.encode(), "the database's last checkpoint")
        try:
            kept = self._open(self._high_water.read_bytes(), str(self._high_water))
        except FileNotFoundError:
            kept = None
        return _Signed(stored, kept)

    def _open(self, note: bytes, where: str) -> SignedCheckpoint:
        try:
            return open_checkpoint(note, self._key.verifier)
        except (Malformed, NotSigned) as error:
            raise Fault(Kind.CHECKPOINT, f"{where} is not one of this log: {error}") from None

    def _commit(self, checkpoint: Checkpoint, last: SignedCheckpoint | None) -> SignedCheckpoint:
        """Sign and keep it, unless somebody without the right to sign has signed in between."""
        note = checkpoint.sign(self._key)
        with self._store.write() as transaction:
            if transaction.checkpoint() != (None if last is None else last.note):
                raise Fault(Kind.CHECKPOINT, "another signer is at work on this log")
            transaction.add_checkpoint(checkpoint.size, note)
        return SignedCheckpoint(checkpoint, note)
