"""The tree of RFC 6962: its hashes, its root at any size, and proofs that an entry is in it or that it only grew.

Heights count from the leaves: the node (height, index) is the root over the 2^height leaves from index·2^height on.
Only full nodes are ever stored, since they never change; the right edge of a tree is folded from them when it is asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
SIZES_END = 2**63  # a size has to fit a signed 64-bit integer wherever it is read

Node = Callable[[int, int], bytes]
"""Gives the full node at (height, index)."""


class NotProven(Exception):
    """The proof doesn't show what it should; the message says how it fails."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


EMPTY_ROOT = sha256(b"").digest()


def full_root(hashes: Sequence[bytes]) -> bytes:
    """The node over a power of two of nodes of one height."""
    while len(hashes) > 1:
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(*[iter(hashes)] * 2, strict=True)]
    return hashes[0]


def root(size: int, node: Node) -> bytes:
    """The root of the first `size` leaves."""
    return _span(0, size, node) if size else EMPTY_ROOT


def _span(first: int, end: int, node: Node) -> bytes:
    """The hash of leaves [first, end), which must be a subtree of some tree: first is a multiple of a power of two
    that is not less than its length."""
    length = end - first
    half = _split(length)
    if length == 1 or half * 2 == length:
        height = length.bit_length() - 1
        return node(height, first >> height)
    return node_hash(_span(first, first + half, node), _span(first + half, end, node))


def _split(length: int) -> int:
    """The largest power of two below the length: where RFC 6962 cuts a tree in two. 0 for one leaf."""
    return (1 << (length - 1).bit_length()) >> 1


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The hashes beside the way from leaf `index` up to the root of the first `size` leaves, the lowest first."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of size {size}")
    first, end, path = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_span(middle, end, node))
            end = middle
        else:
            path.append(_span(first, middle, node))
            first = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """The hashes that lead from the root at size `old` and to the root at size `new`; none if either is trivial."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of size {new} can't have grown from size {old}")
    if old in (0, new):
        return []
    first, end, path, whole = 0, new, [], True  # whether the verifier knows the subtree as the old root itself
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(_span(middle, end, node))
            end = middle
        else:
            path.append(_span(first, middle, node))
            first, whole = middle, False
    return [*([] if whole else [_span(first, end, node)]), *path[::-1]]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected_root: bytes) -> None:
    """RFC 9162, 2.1.3.2. Raises NotProven unless the leaf is at `index` in the tree of that size and root."""
    check_hashes(leaf, expected_root, *proof)
    if not 0 <= index < size:
        raise NotProven(f"leaf {index} is not in a tree of size {size}")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise NotProven("the proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise NotProven("the proof is too short")
    if r != expected_root:
        raise NotProven("the proof leads to another root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162, 2.1.4.2. Raises NotProven unless the tree of the new size and root begins with the old one."""
    check_hashes(old_root, new_root, *proof)
    if not 0 <= old <= new:
        raise NotProven(f"a tree of size {new} can't have grown from size {old}")
    if old in (0, new):
        if proof:
            raise NotProven("the proof is too long")
        if old == new and old_root != new_root:
            raise NotProven("two roots at one size")
        if old == 0 and old_root != EMPTY_ROOT:
            raise NotProven("not the root of an empty tree")
        return
    path = [*([old_root] if old & (old - 1) == 0 else []), *proof]
    if not path:
        raise NotProven("the proof is too short")
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            raise NotProven("the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise NotProven("the proof is too short")
    if fr != old_root:
        raise NotProven("the proof doesn't begin at the old root")
    if sr != new_root:
        raise NotProven("the proof leads to another root")


def check_hashes(*hashes: bytes) -> None:
    """Raises NotProven unless each is 32 bytes: a longer one would let a node pass for a leaf."""
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise NotProven(f"a hash has {HASH_BYTES} bytes, not {len(one)}")
