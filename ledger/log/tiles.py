"""The tree in tiles (C2SP tlog-tiles): 256 hashes each, every full one hashed into one hash of the level above.

A hash at level L spans 256^L leaves. The database keeps the levels as runs of consecutive hashes, so what is served as
a tile is what is stored. Bundles hold the entries themselves, 256 to each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger.log.merkle import HASH_BYTES, Node, full_root, node_hash, root

WIDTH = 256
BITS = 8  # of a tile: it is this many heights of the tree high
LEVELS_END = 64

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


class Malformed(Exception):
    """These bytes, or this path, are not of the form that the standards give; the message says why."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of hashes. Partial if its width is less than 256, as the last of a level mostly is."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        return f"tile/{self.level}/{_index_path(self.index, self.width)}"

    def is_in(self, size: int) -> bool:
        """Whether a tree of that size has all its hashes."""
        return self.index * WIDTH + self.width <= size >> (BITS * self.level)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The entries of the tile of level 0 with the same index and width."""

    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        return f"tile/entries/{_index_path(self.index, self.width)}"

    def is_in(self, size: int) -> bool:
        """Whether a log of that size has all its entries."""
        return self.index * WIDTH + self.width <= size


def _index_path(index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    partial = "" if width == WIDTH else f".p/{width}"
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]]) + partial


def parse_path(path: str) -> Tile | Bundle:
    """The tile or bundle at this path; Malformed unless it is written exactly as its own path is."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise Malformed(f"{path[:100]!r} is no path of a tile")
    level, groups, width = match.groups()
    index = int(groups.replace("x", "").replace("/", ""))
    count = WIDTH if width is None else int(width)
    found = Bundle(index, count) if level == "entries" else Tile(int(level), index, count)
    # A width of 256 or more, needless groups of zeros, and whatever else the pattern lets through.
    if found.path != path or count > WIDTH or (isinstance(found, Tile) and found.level >= LEVELS_END):
        raise Malformed(f"{path[:100]!r} is no path of a tile")
    return found


def tiles(size: int) -> Iterator[Tile]:
    """Every tile of a tree of that size, level by level."""
    level = 0
    while count := size >> (BITS * level):
        yield from (Tile(level, index, min(WIDTH, count - index * WIDTH)) for index in range(-(-count // WIDTH)))
        level += 1


def bundles(size: int) -> Iterator[Bundle]:
    """Every bundle of a log of that size."""
    return (Bundle(index, min(WIDTH, size - index * WIDTH)) for index in range(-(-size // WIDTH)))


# --- contents ---------------------------------------------------------------------------------------------------


def split_hashes(tile: bytes, count: int) -> list[bytes]:
    """The hashes of a tile; Malformed unless there are so many."""
    if len(tile) != count * HASH_BYTES:
        raise Malformed(f"a tile of {count} hashes has {count * HASH_BYTES} bytes, not {len(tile)}")
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """Each entry behind its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def split_bundle(bundle: bytes, count: int) -> list[bytes]:
    """The entries of a bundle; Malformed unless there are so many and nothing else."""
    entries, at, end = [], 0, len(bundle)
    while at < end:
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if at > end:
            raise Malformed("the bundle ends within an entry")
        entries.append(bundle[start:at])
        if len(entries) > count:  # however much more there is
            raise Malformed(f"the bundle has more entries than {count}")
    if len(entries) != count:
        raise Malformed(f"the bundle has {len(entries)} entries, not {count}")
    return entries


# --- the tree ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive hashes of one level within one tile, as they were appended together."""

    level: int
    first: int
    hashes: bytes


ReadHashes = Callable[[int, int, int], bytes]
"""Gives `count` hashes of a level from `first` on, all of one tile: (level, first, count)."""


def grow(size: int, leaves: Sequence[bytes], read: ReadHashes) -> list[Run]:
    """What to store as these leaves are appended to a tree of that size: they, and each node above a tile they fill."""
    runs: list[Run] = []
    level, first, hashes = 0, size, list(leaves)
    while hashes:
        above, done = [], 0
        while done < len(hashes):
            at = first + done
            present = at % WIDTH
            piece = hashes[done : done + WIDTH - present]
            runs.append(Run(level, at, b"".join(piece)))
            if present + len(piece) == WIDTH:
                begun = split_hashes(read(level, at - present, present), present) if present else []
                above.append(full_root(begun + piece))
            done += len(piece)
        level, first, hashes = level + 1, first // WIDTH, above
    return runs


Heights = list[list[bytes]]
"""The hashes of a tile, then the full nodes over two of them, over four, and so on."""


def nodes(size: int, read: ReadHashes, kept: dict[tuple[int, int], Heights] | None = None) -> Node:
    """Every full node of a tree of that size, from its tiles; each is read once and hashed up once.

    Of tiles above those of leaves, `kept` is looked at first, for trees of any size, and given what it lacks.
    """
    of_leaves: dict[tuple[int, int], Heights] = {}
    above = {} if kept is None else kept

    def node(height: int, index: int) -> bytes:
        level, over = divmod(height, BITS)
        tile, place = divmod(index, WIDTH >> over)
        width = min(WIDTH, (size >> (BITS * level)) - tile * WIDTH)
        known = above if level else of_leaves
        found = known.get((level, tile))
        if found is None or len(found[0]) < width:
            found = known[level, tile] = _heights(split_hashes(read(level, tile * WIDTH, width), width))
        return found[over][place]

    return node


def _heights(hashes: list[bytes]) -> Heights:
    found = [hashes]
    while len(found[-1]) > 1:
        found.append([node_hash(left, right) for left, right in zip(*[iter(found[-1])] * 2, strict=False)])
    return found


@dataclass(frozen=True, slots=True)
class FullNode:
    """The hash over a full tile, which stands at this index of the level above it."""

    level: int
    index: int
    hash: bytes


class Edge:
    """The last, partial tile of every level: all that a tree has to remember in order to grow and to tell its root.

    It starts empty, or from a tree of some size whose tiles `read` gives.
    """

    def __init__(self, size: int = 0, read: ReadHashes | None = None) -> None:
        self.size = size
        self._partial: list[list[bytes]] = []
        while read is not None and (count := size >> (BITS * len(self._partial))):
            present = count % WIDTH
            tile = read(len(self._partial), count - present, present) if present else b""
            self._partial.append(split_hashes(tile, present))

    def extend(self, leaves: Sequence[bytes]) -> list[FullNode]:
        """Append leaves; gives the nodes over the tiles that they filled."""
        found: list[FullNode] = []
        while leaves:
            room = WIDTH - self.size % WIDTH
            self.size += len(leaves[:room])
            found += self._fill(0, leaves[:room])
            leaves = leaves[room:]
        return found

    def _fill(self, level: int, hashes: Sequence[bytes]) -> list[FullNode]:
        """Put hashes, at most as many as fit, into the tile of this level."""
        if level == len(self._partial):
            self._partial.append([])
        tile = self._partial[level]
        tile += hashes
        if len(tile) < WIDTH:
            return []
        above = FullNode(level + 1, (self.size >> (BITS * (level + 1))) - 1, full_root(tile))
        tile.clear()
        return [above, *self._fill(level + 1, [above.hash])]

    def root(self) -> bytes:
        """The root of the leaves so far. It needs no other tiles: the full ones are in the levels above."""
        return root(self.size, nodes(self.size, lambda level, first, count: b"".join(self._partial[level])))
