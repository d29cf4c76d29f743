"""The tree and its proofs are those of RFC 6962, at every size; and what is no proof is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.log.merkle import (
    EMPTY_ROOT,
    NotProven,
    consistency_proof,
    full_root,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from ledger.log.tiles import Edge, nodes
from tests.ledger.log.trees import EDGES, Memory, full_node, leaf, mth, path, some, subproof

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize(("size", "expected"), list(enumerate(ROOTS)))
def test_the_roots_that_the_standards_tests_give(size: int, expected: str) -> None:
    """The trees of 0 to 8 well-known inputs have their well-known roots."""
    leaves = [leaf_hash(bytes.fromhex(one)) for one in INPUTS[:size]]
    tree = Memory()
    tree.append(leaves)
    assert root(size, nodes(size, tree.read)).hex() == expected


def test_the_root_of_every_size() -> None:
    """For 0 to 600 leaves and around 65,536 the root is the one of the recursive definition."""
    for size in (*range(601), *range(65_530, 65_545), 65_791, 65_792, 65_793):
        assert root(size, full_node) == mth(0, size), size


@pytest.mark.parametrize("batch", [1, 7, 256, 1000])
def test_the_tree_that_is_kept_is_the_tree_of_every_size(batch: int) -> None:
    """However many leaves come at a time, the tiles give the root of each size from 0 to 600, also of the past ones."""
    tree = Memory()
    for first in range(0, 601, batch):
        tree.append([leaf(n) for n in range(first, min(first + batch, 600))])
    for size in range(601):
        assert root(size, nodes(size, tree.read)) == mth(0, size), size


def test_the_tree_that_is_kept_around_full_tiles() -> None:
    """Where tiles of two levels fill up, whatever the batches were."""
    tree = Memory()
    chance = random.Random(1)
    while tree.size < 65_800:
        count = min(chance.choice([1, 3, 255, 256, 257, 5000]), 65_800 - tree.size)
        tree.append([leaf(n) for n in range(tree.size, tree.size + count)])
    assert {level: len(hashes) for level, hashes in tree.levels.items()} == {0: 65_800, 1: 257, 2: 1}
    for size in (*EDGES, 65_791, 65_792, 65_793, 65_800):
        node = nodes(size, tree.read)
        assert root(size, node) == mth(0, size), size
        for n in some(size):
            if n < size:
                assert inclusion_proof(n, size, node) == path(n, 0, size)
            if n:
                assert consistency_proof(n, size, node) == subproof(n, 0, size, True)


def test_proofs_of_every_size() -> None:
    """For 0 to 600 leaves every proof is the one of the recursive definition, and is accepted."""
    for size in range(601):
        for n in some(size):
            if n < size:
                inclusion = inclusion_proof(n, size, full_node)
                assert inclusion == path(n, 0, size)
                verify_inclusion(n, size, leaf(n), inclusion, mth(0, size))
            consistency = consistency_proof(n, size, full_node)
            assert consistency == (subproof(n, 0, size, True) if n else [])
            verify_consistency(n, size, mth(0, n), mth(0, size), consistency)


def test_every_proof_of_the_smallest_trees() -> None:
    """Up to 40 leaves without an exception."""
    for size in range(41):
        for n in range(size):
            verify_inclusion(n, size, leaf(n), inclusion_proof(n, size, full_node), mth(0, size))
        for n in range(size + 1):
            verify_consistency(n, size, mth(0, n), mth(0, size), consistency_proof(n, size, full_node))


@pytest.mark.parametrize("size", [size for size in EDGES if size])
def test_what_is_asked_beyond_the_tree_is_a_mistake(size: int) -> None:
    """There is no proof of a leaf that isn't there, nor of a tree that shrank."""
    for index in (-1, size):
        with pytest.raises(ValueError, match="not in a tree"):
            inclusion_proof(index, size, full_node)
    for old in (-1, size + 1):
        with pytest.raises(ValueError, match="grown"):
            consistency_proof(old, size, full_node)


@pytest.mark.parametrize("batch", [1, 7, 256, 1000])
def test_the_edge_of_a_tree_tells_its_root(batch: int) -> None:
    """However many leaves come at a time, and from whatever size on; with each node over a tile that they fill."""
    whole = Memory()
    whole.append([leaf(n) for n in range(70_000)])
    for first in (0, 1, 255, 256, 257, 600, 65_535, 65_536, 65_537):
        edge, filled = Edge(first, whole.read), []
        end = first + 1000
        for at in range(first, end, batch):
            filled += edge.extend([leaf(n) for n in range(at, min(at + batch, end))])
            assert edge.root() == root(edge.size, nodes(edge.size, whole.read))
        assert [(node.level, node.index) for node in filled] == [
            (level, index)
            for position in range(first + 1, end + 1)
            for level, index in ((1, position // 256 - 1), (2, position // 65_536 - 1))
            if position % 256**level == 0
        ]
        assert all(node.hash == whole.read(node.level, node.index, 1) for node in filled)
    assert Edge().root() == EMPTY_ROOT


@pytest.mark.parametrize("count", [3, 5, 6, 7, 255])
def test_a_full_node_is_over_a_power_of_two(count: int) -> None:
    """Over any other number of nodes there is none."""
    assert full_root([leaf(n) for n in range(4)]) == mth(0, 4)
    with pytest.raises(ValueError, match="zip"):
        full_root([leaf(n) for n in range(count)])


# --- what is no proof -------------------------------------------------------------------------------------------


def damaged(proof: list[bytes], chance: random.Random) -> list[list[bytes]]:
    """The proof with one thing wrong, in each way that there is."""
    found = [[*proof, chance.randbytes(32)], [chance.randbytes(32), *proof]]
    for at in range(len(proof)):
        bit = 1 << chance.randrange(8)
        byte = chance.randrange(32)
        flipped = proof[at][:byte] + bytes([proof[at][byte] ^ bit]) + proof[at][byte + 1 :]
        found += [[*proof[:at], flipped, *proof[at + 1 :]], [*proof[:at], *proof[at + 1 :]]]
        if at and proof[at] != proof[at - 1]:
            found.append([*proof[: at - 1], proof[at], proof[at - 1], *proof[at + 1 :]])
    return found


@settings(deadline=None)  # a tree of 65,537 is made once, and then remembered
@given(st.data())
def test_a_damaged_proof_proves_nothing(data: st.DataObject) -> None:
    """A bit flipped, a hash too many or too few, two swapped: none is accepted. As it was made, each is."""
    size = data.draw(st.integers(1, 600) | st.sampled_from([65_535, 65_536, 65_537]))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    chance = random.Random(size)
    inclusion = inclusion_proof(index, size, full_node)
    verify_inclusion(index, size, leaf(index), inclusion, mth(0, size))
    for wrong in damaged(inclusion, chance):
        with pytest.raises(NotProven):
            verify_inclusion(index, size, leaf(index), wrong, mth(0, size))
    consistency = consistency_proof(old, size, full_node)
    verify_consistency(old, size, mth(0, old), mth(0, size), consistency)
    for wrong in damaged(consistency, chance):
        with pytest.raises(NotProven):
            verify_consistency(old, size, mth(0, old), mth(0, size), wrong)


@given(st.integers(2, 600), st.data())
def test_a_proof_is_of_its_leaf_its_place_and_its_roots(size: int, data: st.DataObject) -> None:
    """Another leaf, another index, another root, another old root: not proven."""
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    proof = inclusion_proof(index, size, full_node)
    for asked in (
        (index, leaf(other), mth(0, size)),
        (other, leaf(index), mth(0, size)),
        (index, leaf(index), mth(0, size + 1)),
    ):
        with pytest.raises(NotProven):
            verify_inclusion(asked[0], size, asked[1], proof, asked[2])
    old = data.draw(st.integers(1, size - 1))
    proof = consistency_proof(old, size, full_node)
    for roots in ((mth(0, old + 1), mth(0, size)), (mth(0, old), mth(0, size + 1)), (mth(1, old + 1), mth(0, size))):
        with pytest.raises(NotProven):
            verify_consistency(old, size, *roots, proof)


H = [leaf(n) for n in range(4)]
H01, H23 = node_hash(H[0], H[1]), node_hash(H[2], H[3])
X = bytes(32)


@pytest.mark.parametrize(
    ("index", "size", "leaf_", "proof", "root_", "says"),
    [
        (0, 2, H[0], [H[1]], H01, None),
        (0, 1, H[1], [H[0]], H01, "too long"),  # the tree of two, said to be of one
        (0, 2, H01, [], H01, "too short"),  # a node, said to be a leaf
        (1, 1, H[0], [], H[0], "not in a tree"),
        (-1, 1, H[0], [], H[0], "not in a tree"),
        (0, 0, H[0], [], H[0], "not in a tree"),
        (0, 2, H[0], [H[1]], H23, "another root"),
        (0, 2, H[0][:31], [H[0][31:] + H[1]], H01, "32 bytes"),  # the same bytes, cut elsewhere
        (0, 2, H[0], [H[1]], H01 + X, "32 bytes"),
    ],
)
def test_false_inclusion(
    index: int, size: int, leaf_: bytes, proof: list[bytes], root_: bytes, says: str | None
) -> None:
    """Each check of the verifier has a proof that would pass without it. The first is true, the control."""
    if says is None:
        verify_inclusion(index, size, leaf_, proof, root_)
        return
    with pytest.raises(NotProven, match=says):
        verify_inclusion(index, size, leaf_, proof, root_)


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof", "says"),
    [
        (3, 4, mth(0, 3), mth(0, 4), [H[2], H[3], H01], None),
        (5, 3, mth(0, 5), mth(0, 3), [], "grown"),
        (-1, 3, EMPTY_ROOT, mth(0, 3), [], "grown"),
        (3, 3, mth(0, 3), mth(0, 3), [X], "too long"),
        (3, 3, mth(0, 3), mth(1, 4), [], "two roots"),
        (0, 3, EMPTY_ROOT, mth(0, 3), [X], "too long"),
        (0, 3, X, mth(0, 3), [], "empty"),
        (0, 0, X, X, [], "empty"),
        (3, 4, mth(0, 3), mth(0, 4), [], "too short"),
        (3, 4, node_hash(X, mth(0, 3)), node_hash(X, mth(0, 4)), [H[2], H[3], H01, X], "too long"),
        (1, 4, H[0], H01, [H[1]], "too short"),
        (3, 4, mth(1, 4), mth(0, 4), [H[2], H[3], H01], "old root"),
        (3, 4, mth(0, 3), mth(1, 5), [H[2], H[3], H01], "another root"),
        (3, 4, mth(0, 3), mth(0, 4), [H[2], H[3], H01[:31]], "32 bytes"),
        (1, 2, H[0][:31], node_hash(H[0][:31], H[0][31:] + H[1]), [H[0][31:] + H[1]], "32 bytes"),
    ],
)
def test_false_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes], says: str | None
) -> None:
    """Each check of the verifier has a proof that would pass without it. The first is true, the control."""
    if says is None:
        verify_consistency(old, new, old_root, new_root, proof)
        return
    with pytest.raises(NotProven, match=says):
        verify_consistency(old, new, old_root, new_root, proof)
