"""Tiles: their paths are read in one way only, and their contents are whole or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log.tiles import (
    Bundle,
    Malformed,
    Tile,
    bundle_bytes,
    bundles,
    parse_path,
    split_bundle,
    split_hashes,
    tiles,
)
from tests.ledger.log.trees import EDGES, Memory, leaf, mth

INDEXES = st.integers(0, 1000) | st.integers(0, 2**40)
WIDTHS = st.integers(1, 256)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(1, 999, 1), "tile/1/999.p/1"),
        (Tile(63, 1000, 255), "tile/63/x001/000.p/255"),
        (Bundle(5), "tile/entries/005"),
        (Bundle(70_000, 112), "tile/entries/x070/000.p/112"),
    ],
)
def test_paths(tile: Tile | Bundle, path: str) -> None:
    """Three digits to a step, all but the last with an x; the width only if it is partial."""
    assert tile.path == path
    assert parse_path(path) == tile


@given(st.integers(0, 63), INDEXES, WIDTHS)
def test_every_path_is_read_back(level: int, index: int, width: int) -> None:
    """Whatever the level, index and width."""
    for one in (Tile(level, index, width), Bundle(index, width)):
        assert parse_path(one.path) == one


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "checkpoint",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/1_0/000",
        "tile/٣/000",
        "tile/0/٠٠٠",
        "tile/0/001/x234",
        "tile/0/001/234",
        "tile/0/x000/001",
        "tile/0/x000/x001/234",
        "tile/0/X001/234",
        "tile/0/x001/234.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/",
        "tile/0/000.P/1",
        "tile/0/000.p/١",
        "tile/8/0/000",
        "tile/entries/0",
        "tile/entries/x000/000",
        "tile/Entries/000",
        "tile/data/000",
        "tile/0/../000",
        "tile/0/000?x=1",
        "tile/0/000 ",
    ],
)
def test_what_is_no_path(path: str) -> None:
    """A path that is written in any other way leads nowhere."""
    with pytest.raises(Malformed):
        parse_path(path)


@pytest.mark.parametrize("size", [*EDGES, 3, 70_000])
def test_the_tiles_of_a_tree(size: int) -> None:
    """Each hash of each level is in one tile; the partial one of level l has floor(size / 256^l) mod 256 hashes."""
    found = list(tiles(size))
    for level in range(4):
        count = size // 256**level
        mine = [tile for tile in found if tile.level == level]
        assert [tile.index for tile in mine] == list(range((count + 255) // 256))
        assert sum(tile.width for tile in mine) == count
        assert [tile.width for tile in mine if tile.width < 256] == ([count % 256] if count % 256 else [])
    assert [(b.index, b.width) for b in bundles(size)] == [(t.index, t.width) for t in found if t.level == 0]


def test_the_tiles_that_the_standard_counts() -> None:
    """A tree of 70,000 is its example."""
    partial = [(tile.level, tile.width) for tile in tiles(70_000) if tile.width < 256]
    full = [sum(tile.level == level and tile.width == 256 for tile in tiles(70_000)) for level in (0, 1, 2)]
    assert (partial, full) == ([(0, 112), (1, 17), (2, 1)], [273, 1, 0])


@pytest.mark.parametrize("size", EDGES)
def test_what_is_in_a_tree_is_what_it_has_all_of(size: int) -> None:
    """One hash more than there is, and the tile isn't in the tree; narrower ones are."""
    for tile in tiles(size):
        assert tile.is_in(size)
        assert Tile(tile.level, tile.index, 1).is_in(size)
        if tile.width < 256:
            assert not Tile(tile.level, tile.index, tile.width + 1).is_in(size)
            assert not Tile(tile.level, tile.index).is_in(size)
        assert not Tile(tile.level, tile.index + size, 1).is_in(size)
    for bundle in bundles(size):
        assert bundle.is_in(size)
        assert bundle.width == 256 or not Bundle(bundle.index, bundle.width + 1).is_in(size)
    assert not Bundle(size // 256, size % 256 + 1).is_in(size)
    assert not Tile(9, 0, 1).is_in(size)


def test_a_hash_of_a_level_is_the_root_of_a_full_tile_below() -> None:
    """By the recursive definition, for two levels."""
    tree = Memory()
    tree.append([leaf(n) for n in range(65_537)])
    assert tree.read(1, 3, 2) == mth(768, 1024) + mth(1024, 1280)
    assert tree.read(2, 0, 1) == mth(0, 65_536)


@given(st.lists(st.binary(max_size=300) | st.just(b"x" * 65_535), max_size=5))
def test_bundles_are_read_back(entries: list[bytes]) -> None:
    """Entry by entry, also empty ones and those of the greatest length."""
    assert split_bundle(bundle_bytes(entries), len(entries)) == entries


def test_the_bundle_that_the_standard_gives() -> None:
    """Two bytes of length before each."""
    assert bundle_bytes([b"a", b"b", b"c"]).hex() == "000161000162000163"


def test_an_entry_that_is_too_long_has_no_bundle() -> None:
    """65,536 bytes don't fit two bytes of length."""
    with pytest.raises(OverflowError):
        bundle_bytes([b"x" * 65_536])


@pytest.mark.parametrize("bundle", ["00", "0001", "00016100", "000261", "0001610001620001", "00016100016200016300"])
def test_a_bundle_that_is_cut_is_refused(bundle: str) -> None:
    """Also where only the length of the next entry is begun."""
    for count in range(5):
        with pytest.raises(Malformed):
            split_bundle(bytes.fromhex(bundle), count)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_bundle_of_another_number_is_refused(count: int) -> None:
    """As many as its width says, or none."""
    with pytest.raises(Malformed, match=r"has (3 entries|more entries than)"):
        split_bundle(bytes.fromhex("000161000162000163"), count)


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65, 96])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    """32 bytes to each hash that its width says."""
    assert split_hashes(bytes(64), 2) == [bytes(32)] * 2
    with pytest.raises(Malformed):
        split_hashes(bytes(length), 2)
