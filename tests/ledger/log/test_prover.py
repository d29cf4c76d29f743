"""What a store's log holds is proven from its tiles, and the proofs are those of the recursive definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.log.entry import entry_bytes
from ledger.log.merkle import NotProven, inclusion_proof, root, verify_consistency
from ledger.log.prover import Prover
from ledger.log.signer import Signer
from ledger.log.tiles import Heights, nodes
from ledger.store import Store, TreeDamaged
from tests.ledger.log.logs import KEY, append, entry, expected


def test_roots_and_proofs(store: Store) -> None:
    """At every size, as by a tree in memory; also of sizes that were passed, and the log keeps growing."""
    prover, tree = Prover(store), expected(600)
    for count, batch in ((300, 7), (300, 1000)):
        append(store, count, batch)
        for size in (0, 1, 2, 255, 256, 257, 299, 300):
            assert prover.root(size) == root(size, nodes(size, tree.read))
    for size in (301, 512, 600):
        assert prover.root(size) == root(size, nodes(size, tree.read))
        for position in (1, 2, 256, 257, size):
            assert prover.inclusion(position, size) == inclusion_proof(position - 1, size, nodes(size, tree.read))
        for old in (0, 1, 255, 256, 300, size):
            verify_consistency(old, size, prover.root(old), prover.root(size), prover.consistency(old, size))


def test_tiles_above_those_of_leaves_are_kept() -> None:
    """Given trees of many sizes, asked for in any order; then their roots are those of trees that are read anew, and a
    tile above those of leaves is read again only for what it lacked."""
    tree = expected(70_000)
    kept: dict[tuple[int, int], Heights] = {}
    read: list[tuple[int, int, int]] = []

    def reading(level: int, first: int, count: int) -> bytes:
        read.append((level, first, count))
        return tree.read(level, first, count)

    for size in (66_000, 300, 70_000, 65_536, 69_999, 65_537, 66_000, 513, 1):
        assert root(size, nodes(size, reading, kept)) == root(size, nodes(size, tree.read))
    assert [one for one in read if one[0]] == [(2, 0, 1), (1, 256, 1), (1, 0, 1), (1, 256, 17), (1, 0, 2)]


def test_the_proof_of_an_event(store: Store, tmp_path: Path) -> None:
    """Verifies under the newest checkpoint, of its event and of no other."""
    append(store, 600)
    signer = Signer(store, KEY, tmp_path / "log.highwater")
    signer.cycle()
    assert signer.newest is not None
    for position in (1, 256, 257, 600):
        proof = Prover(store).proof(position, signer.newest)
        one, other = (entry(n) for n in (position, position % 600 + 1))
        proof.verify(entry_bytes(one.stream, one.version, one.type, one.state), KEY.verifier)
        with pytest.raises(NotProven):
            proof.verify(entry_bytes(other.stream, other.version, other.type, other.state), KEY.verifier)


def test_what_is_beyond_the_log_has_no_root(store: Store) -> None:
    """And no proof."""
    append(store, 3)
    prover = Prover(store)
    for size in (4, 300):
        with pytest.raises(TreeDamaged):
            prover.root(size)
    with pytest.raises(ValueError, match="not in a tree"):
        prover.inclusion(4, 3)
