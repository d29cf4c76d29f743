"""The tree by its definition (RFC 6962, 2.1): slow, recursive and obvious. And one that memory keeps as stores do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from ledger.log.tiles import Run, grow

EDGES = (0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537)


@cache
def leaf(index: int) -> bytes:
    """A leaf's hash, of an entry that is its index in words."""
    return sha256(b"\x00entry %d" % index).digest()


@cache
def mth(first: int, end: int) -> bytes:
    """MTH(D[first:end])"""
    if end == first:
        return sha256(b"").digest()
    if end - first == 1:
        return leaf(first)
    middle = first + split(end - first)
    return sha256(b"\x01" + mth(first, middle) + mth(middle, end)).digest()


def split(length: int) -> int:
    """The largest power of two that is smaller."""
    half = 1
    while half * 2 < length:
        half *= 2
    return half


def path(m: int, first: int, end: int) -> list[bytes]:
    """PATH(m, D[first:end])"""
    if end - first == 1:
        return []
    k = split(end - first)
    if m < k:
        return [*path(m, first, first + k), mth(first + k, end)]
    return [*path(m - k, first + k, end), mth(first, first + k)]


def subproof(m: int, first: int, end: int, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[first:end], whole)"""
    if m == end - first:
        return [] if whole else [mth(first, end)]
    k = split(end - first)
    if m <= k:
        return [*subproof(m, first, first + k, whole), mth(first + k, end)]
    return [*subproof(m - k, first + k, end, False), mth(first, first + k)]


def full_node(height: int, index: int) -> bytes:
    """The node over 2^height leaves."""
    return mth(index << height, (index + 1) << height)


def some(size: int) -> list[int]:
    """Numbers from 0 to size where something may go wrong: powers of two, tiles' borders and their neighbours."""
    powers = [1 << height for height in range(size.bit_length() + 1)]
    near = [0, size, *powers, *(size - power for power in powers), size // 256 * 256, size // 3, size * 2 // 3]
    return sorted({n + d for n in near for d in (-1, 0, 1) if 0 <= n + d <= size})


class Memory:
    """What the stores keep, in a dictionary of lists."""

    def __init__(self) -> None:
        self.levels: dict[int, list[bytes]] = {}
        self.runs: list[Run] = []

    @property
    def size(self) -> int:
        return len(self.levels.get(0, []))

    def read(self, level: int, first: int, count: int) -> bytes:
        assert first // 256 == (first + count - 1) // 256, "of one tile"
        return b"".join(self.levels[level][first : first + count])

    def append(self, leaves: Sequence[bytes]) -> None:
        for run in grow(self.size, leaves, self.read):
            hashes = self.levels.setdefault(run.level, [])
            assert len(hashes) == run.first, "in order"
            hashes += [run.hashes[at : at + 32] for at in range(0, len(run.hashes), 32)]
            self.runs.append(run)
