"""Signs what the log holds, after having made sure that it still is what was signed before.

Nothing is believed: the root at the last signed size is computed again, every entry since then is built again from the
stored event and compared with its leaf, and every node with what it is hashed from. Whatever doesn't fit stops the
signing; the last good checkpoint stays the one that is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from ledger.log.cycling import Cycling, Told
from ledger.log.keys import write_atomically
from ledger.log.note import NotSigned, SigningKey
from ledger.log.remade import Fault, Kind, check_root, remade
from ledger.log.tiles import Malformed
from ledger.store import Store

HIGH_WATER_FILE = "log.highwater"


@dataclass(frozen=True, slots=True)
class _Signed:
    """What was signed last: in the database, and in the file beside it."""

    stored: SignedCheckpoint | None
    kept: SignedCheckpoint | None

    def newest(self) -> SignedCheckpoint | None:
        both = [one for one in (self.stored, self.kept) if one is not None]
        return max(both, key=lambda one: one.checkpoint.size, default=None)


class Signer(Cycling):
    """Signs a store's log with a key. `high_water` is a file outside the database, best on another disk."""

    def __init__(self, store: Store, key: SigningKey, high_water: Path, told: Told = lambda fault: None) -> None:
        super().__init__(store, told)
        self._key = key
        self._high_water = high_water

    def _look(self) -> None:
        with self._store.signing() as mine:
            if mine:
                self._sign()
            else:
                self.newest = self._last_signed().stored

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
        newest = signed.stored
        if newest is None or newest.checkpoint.size < edge.size:
            newest = self._commit(Checkpoint(self._key.name, edge.size, edge.root()), signed.stored)
        if signed.kept is None or signed.kept.note != newest.note:
            write_atomically(self._high_water, newest.note)
        self.newest = newest
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
