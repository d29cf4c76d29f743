"""Signs what the log holds, after having made sure that it still is what was signed before.

Nothing is believed: the root at the last signed size is computed again, every entry since then is built again from the
stored event and compared with its leaf, and every node with what it is hashed from. Whatever doesn't fit stops the
signing; the last good checkpoint stays the one that is shown.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.log.checkpoint import Checkpoint, SignedCheckpoint
from ledger.log.cycling import Cycling, Told
from ledger.log.handovers import Keys, keys_of
from ledger.log.keys import write_atomically
from ledger.log.note import NotSigned, SigningKey, parse_note
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
    """Signs a store's log with a key. `high_water` is a file outside the database, best on another disk.

    If the log has another key by now, it signs nothing, says so, and shows what others sign.
    """

    def __init__(self, store: Store, key: SigningKey, high_water: Path, told: Told = lambda fault: None) -> None:
        super().__init__(store, told)
        self._key = key
        self._high_water = high_water

    def _look(self, mine: bool) -> None:
        if mine:
            self._sign(self._last_signed())
            return
        with self._store.signing() as now_mine:
            if now_mine:
                self._sign(self._last_signed())
            else:
                self.newest = self._last_signed().stored

    def _sign(self, signed: _Signed) -> None:
        self.newest = signed.stored
        base, heads = signed.newest(), self._store.heads()
        if heads.position != heads.leaves:
            raise Fault(Kind.TREE, f"the log has {heads.position} events and its tree {heads.leaves} leaves")
        for one in (signed.stored, signed.kept):
            if one is not None:
                check_root(self._store, one.checkpoint)
        edge = remade(self._store, 0 if base is None else base.checkpoint.size, heads.leaves, self._rest)
        newest = signed.stored
        if newest is None or newest.checkpoint.size < edge.size:
            newest = self._commit(Checkpoint(self._key.name, edge.size, edge.root()), signed.stored)
        if signed.kept is None or signed.kept.note != newest.note:
            write_atomically(self._high_water, newest.note)
        self.newest = newest
        self.fault = None

    def _last_signed(self) -> _Signed:
        """Raises Fault also if the log is shorter than that, or has another key by now."""
        note = self._store.checkpoint()
        keys, astray = Keys(self._key.verifier), None
        try:
            keys = keys_of(self._store, self._key.verifier)
        except (Malformed, NotSigned) as error:
            astray = error
        ours = astray is None and (note is None or _of(note, keys))
        kept = None
        try:
            kept = self._open(self._high_water.read_bytes(), str(self._high_water), keys)
        except FileNotFoundError:
            pass
        except Fault:
            if ours:
                raise
        self._check_not_behind(kept, note)  # first: an old backup may have another key than the newer log that it was
        if not ours or keys.newest != self._key.verifier:
            self._show(note)
            raise Fault(Kind.KEY, self._not_ours(keys, astray))
        try:
            stored = None if note is None else self._open(note.encode(), "the database's last checkpoint", keys)
        except Fault:
            if self.newest is None:
                self._show_last_good(kept, keys)
            raise
        self._check_not_behind(stored, note)
        return _Signed(stored, kept)

    def _show_last_good(self, kept: SignedCheckpoint | None, keys: Keys) -> None:
        """The newest checkpoint that is one of this log: it was signed, whatever became of a later one's row."""
        good = kept
        for note in self._store.checkpoints():
            with suppress(Malformed, NotSigned):
                stored = keys.open(note.encode())
                if good is None or good.checkpoint.size < stored.checkpoint.size:
                    good = stored
                break
        if good is not None:
            check_root(self._store, good.checkpoint)
            self.newest = good

    def _check_not_behind(self, signed: SignedCheckpoint | None, note: str | None) -> None:
        leaves = self._store.heads().leaves
        if signed is not None and signed.checkpoint.size > leaves:
            with suppress(Fault):
                self._show(note)
            raise Fault(
                Kind.BEHIND,
                f"a checkpoint of {signed.checkpoint.size} events was signed, and the log has {leaves}: an older"
                f" state of it was restored. Restore the newer one; {self._high_water} tells what was signed",
            )

    def _not_ours(self, keys: Keys, astray: Exception | None) -> str:
        """Why this key has no say."""
        if keys.newest != self._key.verifier:
            last = keys.handovers[-1].checkpoint.size
            return (
                f"the log's key was rotated at position {last}, and is {keys.newest} now: give this server the new one,"
                " log.key from where `dealledger key --rotate` ran, and start it again"
            )
        why = "" if astray is None else f" ({astray})"
        return (
            f"the log isn't signed with the key that is here, {self._key.verifier}{why}: put the log's own in its"
            " place, or take this one away to show what others sign"
        )

    def _open(self, note: bytes, where: str, keys: Keys) -> SignedCheckpoint:
        try:
            return keys.open(note)
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


def _of(note: str, keys: Keys) -> bool:
    """Whether one of the keys is said to have signed it; also if it can't be read, which is another fault."""
    try:
        signers = {(one.name, one.key_id) for one in parse_note(note.encode()).signatures}
    except Malformed:
        return True
    return not signers.isdisjoint((key.name, key.id) for key in keys.all)
