"""The verifier of a log, check by check: each is given what nothing else of it would find, and says so by its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import entry_bytes
from ledger.log.files import CHECKPOINT, HANDOVERS
from ledger.log.merkle import EMPTY_ROOT, leaf_hash
from ledger.log.note import WITNESS, SigningKey
from ledger.log.tiles import WIDTH, Bundle, Edge, Tile, bundle_bytes, bundles, tiles
from ledger.log.verify import Kind, NotVerified, Seen, verify
from ledger.store import Entry
from tests.ledger.log.handed_over import NEXT, rotated, signed
from tests.ledger.log.logs import KEY, MemoryFiles, entry

EVENTS = 258
TRUSTED = KEY.verifier
CONTENTS = [entry_bytes(e.stream, e.version, e.type, e.state) for e in map(entry, range(1, EVENTS + 1))]


def log(contents: list[bytes], key: SigningKey = KEY) -> MemoryFiles:
    """A log of these entries, whole in itself."""
    leaves, edge = [leaf_hash(one) for one in contents], Edge()
    nodes = {0: leaves, 1: [node.hash for node in edge.extend(leaves)]}
    files = {CHECKPOINT: Checkpoint(KEY.name, len(contents), edge.root()).sign(key).encode()}
    for tile in tiles(len(contents)):
        files[tile.path] = b"".join(nodes[tile.level][tile.index * WIDTH :][: tile.width])
    for bundle in bundles(len(contents)):
        files[bundle.path] = bundle_bytes(contents[bundle.index * WIDTH :][: bundle.width])
    return MemoryFiles(files)


def old(size: int, root: bytes | None = None, key: SigningKey = KEY) -> bytes:
    """A checkpoint of the first events, or one that says that they have another root."""
    edge = Edge()
    edge.extend([leaf_hash(one) for one in CONTENTS[:size]])
    return Checkpoint(KEY.name, size, edge.root() if root is None else root).sign(key).encode()


def found(files: MemoryFiles, *before: bytes, witnesses: tuple[SigningKey, ...] = ()) -> tuple[Kind, str]:
    """What is wrong with it."""
    with pytest.raises(NotVerified) as caught:
        verify(files, TRUSTED, before, tuple(one.verifier for one in witnesses))
    return caught.value.kind, str(caught.value)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 258])
def test_a_log_that_is_whole(count: int) -> None:
    """It is told how far it is, and what was signed before comes in the order of its size."""
    told: list[tuple[int, int]] = []
    before = [old(size) for size in (count, 0, count // 2)]
    done = verify(log(CONTENTS[:count]), TRUSTED, before, told=lambda at, of: told.append((at, of)))
    assert done.signed.checkpoint.size == count
    assert [one.checkpoint.size for one in done.old] == [0, count // 2, count]
    assert told == [(end, count) for end in ([count] if 0 < count <= WIDTH else [WIDTH, count] if count else [])]


def test_every_file_is_needed() -> None:
    """And it is told which one isn't there."""
    files = log(CONTENTS)
    for path in list(files.contents):
        content = files.contents.pop(path)
        assert found(files) == (Kind.MISSING, path)
        files.contents[path] = content
    verify(files, TRUSTED)


def test_a_file_of_another_form() -> None:
    """Longer or shorter than it should be, or none that can be read; the word says which."""
    files = log(CONTENTS)
    for path in list(files.contents):
        content = files.contents[path]
        for changed in (content + b"\0", content[:-1], b""):
            files.contents[path] = changed
            kind, says = found(files)
            assert kind == Kind.MALFORMED, (path, changed[:50])
            assert (path if path != CHECKPOINT else "the checkpoint can't be read") in says
        files.contents[path] = content
    verify(files, TRUSTED)


def test_what_is_signed_by_others() -> None:
    """The checkpoint, an older one, and a known witness's signature that is wrong. A witness need not have signed."""
    stranger, witness = SigningKey(KEY.name, bytes(32)), SigningKey("w.example", bytes(32), WITNESS)
    assert found(log(CONTENTS, stranger))[0] == Kind.UNSIGNED
    files = log(CONTENTS)
    kind, says = found(files, old(3), old(4, key=stranger))
    assert kind == Kind.UNSIGNED
    assert "older checkpoint 2" in says
    kind, says = found(files, b"nonsense")
    assert kind == Kind.MALFORMED
    assert "older checkpoint 1" in says
    note = files.contents[CHECKPOINT].decode()
    text = note.partition("\n\n")[0] + "\n"
    verify(files, TRUSTED, witnesses=(witness.verifier,))
    files.contents[CHECKPOINT] = (note + witness.signature(text, 7)).encode()
    assert len(verify(files, TRUSTED, witnesses=(witness.verifier,)).signed.cosignatures) == 1
    files.contents[CHECKPOINT] = (note + witness.signature(text.replace("258", "259"), 7)).encode()
    assert found(files, witnesses=(witness,))[0] == Kind.UNSIGNED
    verify(files, TRUSTED)


def test_a_log_that_lost_its_end() -> None:
    """One event is enough; as long as it was is long enough."""
    verify(log(CONTENTS[:257]), TRUSTED, [old(257)])
    kind, says = found(log(CONTENTS[:257]), old(3), old(258))
    assert kind == Kind.SHRUNK
    assert "257" in says
    assert "258" in says


@pytest.mark.parametrize("size", [0, 1, 3, 255, 256, 257, 258])
def test_a_log_with_another_past(size: int) -> None:
    """An older checkpoint has another root, whatever its size, and also beside one of that size that is right."""
    files = log(CONTENTS)
    verify(files, TRUSTED, [old(size), old(size)])
    for before in ([old(size, bytes(32))], [old(size), old(size, bytes(32))], [old(size, bytes(32)), old(size)]):
        kind, says = found(files, *before)
        assert kind == Kind.FORKED
        assert f"the first {size} events" in says


def test_the_root_of_an_empty_log() -> None:
    """Is that of no leaves."""
    files = log([])
    assert verify(files, TRUSTED, [old(0)]).signed.checkpoint.root == EMPTY_ROOT
    assert found(files, old(0, bytes(32)))[0] == Kind.FORKED
    files.contents[CHECKPOINT] = old(0, bytes(32))
    assert found(files)[0] == Kind.ROOT


def test_what_leads_to_another_root_than_is_signed() -> None:
    """All the files fit each other."""
    files = log(CONTENTS)
    files.contents[CHECKPOINT] = old(EVENTS, bytes(32))
    assert found(files)[0] == Kind.ROOT


@pytest.mark.parametrize("position", [1, 256, 257, 258])
def test_an_event_that_is_another_than_its_leaf(position: int) -> None:
    """Whichever of the two was changed, the position is told."""
    changed = [one.replace(b"1.5", b"2.5") if at == position else one for at, one in enumerate(CONTENTS, 1)]
    files, forged = log(CONTENTS), log(changed)
    index = (position - 1) // WIDTH
    bundle = Bundle(index, min(WIDTH, EVENTS - index * WIDTH))
    leaves = Tile(0, index, bundle.width)
    for path in (bundle.path, leaves.path):
        mixed = MemoryFiles({**files.contents, path: forged.contents[path]})
        assert found(mixed) == (Kind.EVENT, f"the event at position {position} isn't the one that its leaf was made of")


def test_a_node_that_is_another_than_its_tile() -> None:
    """Nothing else is made of it: only a proof would be."""
    files = log(CONTENTS)
    path = Tile(1, 0, 1).path
    files.contents[path] = bytes(32)
    assert found(files) == (Kind.TREE, f"{path} isn't what the tiles below are hashed to")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda all_: [*all_[:256], all_[257], all_[256]], "position 257 holds version 3"),
        (lambda all_: [*all_, all_[0]], "position 259 holds version 1"),
        (lambda all_: all_[1:], "position 1 holds version 2"),
        (lambda all_: [all_[0].replace(b'"version":1', b'"version":0'), *all_[3:]], "position 1 holds version 0"),
        (lambda all_: [*all_, b"nonsense"], "position 259 holds no event"),
    ],
)
def test_what_is_signed_must_be_a_ledger(change: Callable[[list[bytes]], list[bytes]], says: str) -> None:
    """Its owner signed something else, and all hashes fit."""
    kind, why = found(log(change(CONTENTS)))
    assert kind == Kind.ORDER
    assert says in why


# --- handovers --------------------------------------------------------------------------------------------------


def turned(position: int, count: int) -> tuple[MemoryFiles, list[Entry]]:
    """A log whose key is rotated there."""
    first = [*map(entry, range(1, position)), rotated(KEY.verifier, NEXT.verifier)]
    made = [*first, *map(entry, range(position, count))]
    files = log([entry_bytes(e.stream, e.version, e.type, e.state) for e in made], NEXT)
    files.contents[HANDOVERS] = signed(first, KEY, NEXT).encode()
    return files, first


@pytest.mark.parametrize("position", [1, 2, 255, 256, 257, 258, 259])
def test_a_key_is_rotated_anywhere(position: int) -> None:
    """At the borders of tiles and elsewhere; without the handover nobody is led to the new key."""
    files, _ = turned(position, 259)
    assert verify(files, TRUSTED).keys.all == (TRUSTED, NEXT.verifier)
    assert verify(files, NEXT.verifier).keys.all == (TRUSTED, NEXT.verifier)
    del files.contents[HANDOVERS]
    assert found(files)[0] == Kind.UNSIGNED


def test_a_rotation_without_its_handover() -> None:
    """The key that was to be given up goes on."""
    made = [entry(1), rotated(KEY.verifier, NEXT.verifier), entry(2)]
    kind, says = found(log([entry_bytes(e.stream, e.version, e.type, e.state) for e in made]))
    assert (kind, says) == (Kind.KEY, "position 2 rotates the log's key, and nobody handed it over")


def test_a_handover_whose_event_cannot_be_read() -> None:
    """It isn't there, is none, or says nothing of keys."""
    files, first = turned(3, 5)
    path = Bundle(0, 5).path
    contents = [entry_bytes(e.stream, e.version, e.type, e.state) for e in first]
    rest = [b"x", b"x"]
    files.contents[path] = bundle_bytes([*contents[:2], b"nonsense", *rest])
    assert found(files)[0] == Kind.MALFORMED
    files.contents[path] = bundle_bytes([*contents[:2], entry_bytes("log/key", 1, "key.rotated", "{}"), *rest])
    assert found(files)[0] == Kind.MALFORMED
    files.contents[path] = bundle_bytes([*contents[:2], entry_bytes("log/key", 1, "key.changed", "{}"), *rest])
    assert found(files) == (
        Kind.KEY,
        "the log's key wasn't handed over as it should be: the event at position 3"
        " rotates no key, and a handover says so",
    )
    del files.contents[path]
    assert found(files) == (Kind.MISSING, path)


# --- what was seen before ---------------------------------------------------------------------------------------


def test_what_was_seen_is_kept(tmp_path: Path) -> None:
    """For each key its own, the newest only; a folder that isn't there yet is made."""
    seen = Seen(tmp_path / "not" / "yet")
    assert (seen.checkpoint(TRUSTED), seen.all()) == (None, [])
    for count in (3, 5):
        seen.keep(TRUSTED, verify(log(CONTENTS[:count]), TRUSTED).signed)
        assert seen.checkpoint(TRUSTED) == old(count)
        assert seen.all() == [old(count)]
    assert seen.checkpoint(NEXT.verifier) is None
    seen.keep(NEXT.verifier, verify(log(CONTENTS[:7]), TRUSTED).signed)
    assert sorted(seen.all()) == sorted([old(5), old(7)])
