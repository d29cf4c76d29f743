"""Proves what a store's log holds: roots at any size, that an event is in it, that it only grew."""

from __future__ import annotations

from functools import lru_cache

from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.merkle import consistency_proof, inclusion_proof, root
from ledger.log.proof import Proof
from ledger.log.tiles import Heights, nodes
from ledger.store import Store

ROOTS_KEPT = 4096


class Prover:
    """Answers from the stored tiles, some three of them to a question. Safe to use from several threads.

    Every method raises what the store does: TreeDamaged for a size that the log doesn't have, StoreUnavailable.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._above: dict[tuple[int, int], Heights] = {}  # 33 KB to 65,536 events
        self.root = lru_cache(ROOTS_KEPT)(self._root)
        """The root of the first `size` leaves, which is the log's at that position. It never changes."""

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The way from an event's leaf to the root at that size."""
        return inclusion_proof(position - 1, size, nodes(size, self._store.hashes))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """That the log of the new size begins with the one of the old."""
        return consistency_proof(old, new, nodes(new, self._store.hashes))

    def proof(self, position: int, signed: SignedCheckpoint) -> Proof:
        """Of one event, under a checkpoint that is not older than it."""
        return Proof(position - 1, tuple(self.inclusion(position, signed.checkpoint.size)), signed.note)

    def _root(self, size: int) -> bytes:
        return root(size, nodes(size, self._store.hashes, self._above))
