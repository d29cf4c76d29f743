"""The log as files: no byte of any can be changed, and what is signed must be a ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.log import verify as verifying
from ledger.log.checkpoint import Checkpoint
from ledger.log.files import CHECKPOINT, NotThere, StoreFiles
from ledger.log.merkle import leaf_hash
from ledger.log.signer import Signer
from ledger.log.tiles import Edge, Tile, bundle_bytes, split_bundle
from ledger.log.verify import NotVerified, verify
from ledger.store import Store
from tests.ledger.log.logs import KEY, MemoryFiles, append, files_of


def verdict(files: MemoryFiles, old: list[bytes]) -> verifying.Kind | None:
    try:
        verify(files, KEY.verifier, old)
    except NotVerified as error:
        return error.kind
    return None


def test_no_byte_of_any_file_can_be_changed(sqlite_store: Store, tmp_path: Path) -> None:
    """Every byte of a small log, one after the other, and each file cut, lengthened or gone. As they were, they
    verify."""
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    append(sqlite_store, 3)
    assert signer.cycle() is None
    whole = files_of(sqlite_store, signer).contents
    assert verdict(MemoryFiles(whole), []) is None
    assert sorted(whole) == ["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"]
    for path, content in whole.items():
        for at in range(len(content)):
            changed = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
            assert verdict(MemoryFiles(whole | {path: changed}), []) is not None, (path, at)
        for changed in (content[:-1], content + b"\0", content + b"\n", b"", content * 2):
            assert verdict(MemoryFiles(whole | {path: changed}), []) is not None, path
        missing = {other: content for other, content in whole.items() if other != path}
        assert verdict(MemoryFiles(missing), []) == verifying.Kind.MISSING


def test_no_file_of_a_larger_log_can_be_changed(sqlite_store: Store, tmp_path: Path) -> None:
    """A byte in the middle of every file of a log whose tree has two levels; and any two files of one kind
    exchanged."""
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    append(sqlite_store, 700)
    assert signer.cycle() is None
    whole = files_of(sqlite_store, signer).contents
    assert verdict(MemoryFiles(whole), []) is None
    for path, content in whole.items():
        for at in (0, len(content) // 2, len(content) - 1):
            changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
            assert verdict(MemoryFiles(whole | {path: changed}), []) is not None, (path, at)
        for other, its_content in whole.items():
            if other != path:
                assert verdict(MemoryFiles(whole | {path: its_content, other: content}), []) is not None, (path, other)


def resigned(entries: list[bytes]) -> MemoryFiles:
    """A log of these entries, whole in itself and signed."""
    edge, leaves = Edge(), [leaf_hash(entry) for entry in entries]
    edge.extend(leaves)
    return MemoryFiles(
        {
            CHECKPOINT: Checkpoint(KEY.name, len(entries), edge.root()).sign(KEY).encode(),
            f"tile/0/000.p/{len(entries)}": b"".join(leaves),
            f"tile/entries/000.p/{len(entries)}": bundle_bytes(entries),
        }
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: [entries[1], entries[0], *entries[2:]],
        lambda entries: [*entries, entries[0]],
        lambda entries: [entries[0], *entries[2:]],
        lambda entries: entries[1:],
        lambda entries: [*entries, b"no event"],
        lambda entries: [*entries, entries[0].replace(b'"stream"', b'"Stream"')],
        lambda entries: [b" " + entries[0], *entries[1:]],
    ],
)
def test_what_is_signed_must_be_a_ledger(
    sqlite_store: Store, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    """Entries that aren't events, or not the next of their record, though all hashes fit. In order, they verify."""
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    append(sqlite_store, 6)
    assert signer.cycle() is None
    entries = split_bundle(files_of(sqlite_store, signer).contents["tile/entries/000.p/6"], 6)
    assert verdict(resigned(entries), []) is None
    assert verdict(resigned(change(entries)), []) == verifying.Kind.ORDER


def test_a_root_that_is_not_the_leaves(sqlite_store: Store, tmp_path: Path) -> None:
    """A checkpoint that signs another root than the files have."""
    append(sqlite_store, 3)
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    assert signer.cycle() is None
    files = files_of(sqlite_store, signer)
    files.contents[CHECKPOINT] = Checkpoint(KEY.name, 3, bytes(32)).sign(KEY).encode()
    assert verdict(files, []) == verifying.Kind.ROOT
    files.contents[CHECKPOINT] = Checkpoint("other.example/log", 3, bytes(32)).sign(KEY).encode()
    assert verdict(files, []) == verifying.Kind.UNSIGNED


def test_nothing_beyond_what_is_signed_is_given_out(sqlite_store: Store, tmp_path: Path) -> None:
    """Neither tiles nor entries, though the store has them; nor is anything at a path that isn't one."""
    append(sqlite_store, 300)
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    files = StoreFiles(sqlite_store, signer.published)

    def there(path: str) -> bool:
        try:
            return bool(files.read(path))
        except NotThere:
            return False

    assert not any(map(there, (CHECKPOINT, "tile/0/000", "tile/entries/000.p/1")))
    assert signer.cycle() is None
    append(sqlite_store, 300)
    assert all(map(there, (CHECKPOINT, "tile/0/000", "tile/0/001.p/44", "tile/0/001.p/1", "tile/1/000.p/1")))
    assert all(map(there, ("tile/entries/000", "tile/entries/001.p/44")))
    assert not any(
        map(there, ("tile/0/001.p/45", "tile/0/001", "tile/1/000.p/2", "tile/entries/001.p/45", "tile/2/000.p/1"))
    )
    assert not any(map(there, ("", "Checkpoint", "checkpoint/", "tile/0/0", "tile/0/000.p/256", "../ledger.sqlite")))
    assert there(Tile(0, 0, 3).path)


def test_progress_is_told(sqlite_store: Store, tmp_path: Path) -> None:
    """So many of so many, to the end."""
    append(sqlite_store, 600)
    signer = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    assert signer.cycle() is None
    told: list[Any] = []
    verify(StoreFiles(sqlite_store, signer.published), KEY.verifier, told=lambda *far: told.append(far))
    assert told == [(256, 600), (512, 600), (600, 600)]
