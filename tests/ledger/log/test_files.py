"""A log's files, wherever they are: what is there, what isn't there, and what nobody has signed yet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import pytest

from ledger.log.entry import entry_bytes
from ledger.log.files import (
    CHECKPOINT,
    HANDOVERS,
    Files,
    FolderFiles,
    NotThere,
    StoreFiles,
    ZipFiles,
    paths,
    read_handovers,
)
from ledger.log.tiles import WIDTH, Malformed, Tile, bundle_bytes, parse_path
from ledger.log.verify import Kind, NotVerified, verify
from ledger.rotations import STREAM
from ledger.store import Entry, Store
from ledger.store.sqlite import LOG_FILE
from tests.facts import ident
from tests.ledger.log.logs import KEY, MemoryFiles, append, beside, entry, expected
from tests.ledger.log.test_verify import CONTENTS as CONTENTS_OF_A_LOG
from tests.ledger.log.test_verify import log

NOTE = "as it was signed"


def signed(store: Store, size: int) -> StoreFiles:
    """The files of a store, whose first events are signed."""
    return StoreFiles(store, lambda: (NOTE, size))


def rotation(version: int) -> Entry:
    id_ = ident(1_000_000 + version)
    return Entry(STREAM, version, "key.rotated", f'{{"id": "{id_}"}}', id_, id_, (STREAM,))


# --- of a store -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 299, 300])
def test_the_files_of_a_store(store: Store, size: int) -> None:
    """Each is what the tree and the events are, up to what is signed; nothing beyond that is given out."""
    append(store, 300)
    files, tree = signed(store, size), expected(300)
    assert files.read(CHECKPOINT) == NOTE.encode()
    listed = list(paths(size))
    assert len(listed) == {0: 0, 1: 2, 255: 2, 256: 3, 257: 5, 299: 5, 300: 5}[size]
    for path in listed:
        found, content = parse_path(path), files.read(path)
        if isinstance(found, Tile):
            assert content == tree.read(found.level, found.index * WIDTH, found.width)
        else:
            events = [entry(found.index * WIDTH + n) for n in range(1, found.width + 1)]
            assert content == bundle_bytes([entry_bytes(e.stream, e.version, e.type, e.state) for e in events])
    beyond = set(paths(300)) - set(listed) if size < 300 else {"tile/0/001.p/45", "tile/entries/001.p/45", "tile/1/001"}
    if size < 256:
        assert "tile/1/000.p/1" in beyond
    for path in beyond:
        with pytest.raises(NotThere, match=f"is beyond the {size} entries"):
            files.read(path)


@pytest.mark.parametrize("path", ["", "log", "tile/0/0", "tile/0/000.p/256", "tile/0/000.p/0", "../checkpoint"])
def test_what_is_no_path_is_not_there(store: Store, path: str) -> None:
    append(store, 300)
    with pytest.raises(NotThere, match="is no path of a tile"):
        signed(store, 300).read(path)


def test_nothing_is_there_before_it_is_signed(store: Store) -> None:
    """Neither the checkpoint nor anything else."""
    append(store, 3)
    for path in (CHECKPOINT, HANDOVERS, *paths(3)):
        with pytest.raises(NotThere, match="nothing of this log has been signed yet"):
            StoreFiles(store, lambda: None).read(path)


def test_the_handovers_up_to_what_is_signed(store: Store) -> None:
    """Those that both keys signed; none of a rotation that nobody handed over."""
    with store.write() as transaction:
        for version in (1, 2, 3):
            transaction.append([rotation(version)])
            if version != 2:
                transaction.add_checkpoint(version, f"{version}\n")
    for size, notes in enumerate([b"", b"1\n", b"1\n", b"1\n\n3\n"]):
        assert signed(store, size).read(HANDOVERS) == notes


@pytest.mark.parametrize(
    "change",
    [
        "version = -1",
        "version = 9007199254740992",
        "state = printf('%.70000c', 'x')",
        "stream = CAST(stream AS BLOB)",
    ],
)
def test_an_event_that_was_changed_to_no_entry(sqlite_store: Store, tmp_path: Path, change: str) -> None:
    """It has no bytes to give out; the other files are there."""
    append(sqlite_store, 300)
    files = signed(sqlite_store, 300)
    before = {path: files.read(path) for path in paths(300)}
    with beside(sqlite_store, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute(f"UPDATE events SET {change} WHERE position = 300")
    with pytest.raises(Malformed, match="changed beside the ledger"):
        files.read("tile/entries/001.p/44")
    del before["tile/entries/001.p/44"]
    assert {path: files.read(path) for path in before} == before


# --- on the disk ------------------------------------------------------------------------------------------------

CONTENTS = {"log/checkpoint": b"c", "log/tile/0/000": b"t", "log.vkey": b"k\xff", "proofs/1.json": b"1",
            "proofs/2.json": b"2", "answers/1.json": b"a"}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, content in CONTENTS.items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(content)
    return tmp_path / "copy"


@pytest.fixture
def zipped(folder: Path, tmp_path: Path) -> Path:
    with ZipFile(tmp_path / "copy.zip", "w") as file:
        file.mkdir("proofs")
        for path, content in CONTENTS.items():
            file.writestr(path, content)
    return tmp_path / "copy.zip"


def read(files: Files) -> None:
    """What is there is read, and what isn't isn't there, whatever lies in the way."""
    assert files.read("checkpoint") == b"c"
    assert files.read("tile/0/000") == b"t"
    for path in ("nothing", "tile", "tile/0", "checkpoint/x", "tile/0/000.p/1"):
        with pytest.raises(NotThere, match=path):
            files.read(path)
    assert read_handovers(files) == b""


def test_the_files_of_a_folder(folder: Path) -> None:
    read(FolderFiles(folder / "log"))
    with pytest.raises(NotThere):
        FolderFiles(folder / "elsewhere").read("checkpoint")
    (folder / "log" / HANDOVERS).write_bytes(b"h")
    assert read_handovers(FolderFiles(folder / "log")) == b"h"


def test_the_files_of_a_zip(zipped: Path) -> None:
    """And those beside the log, by their names; folders are no files."""
    with closing(ZipFiles(zipped, "log")) as files:
        read(files)
        assert files.beside("proofs") == {"1.json": b"1", "2.json": b"2"}
        assert files.beside("answers") == {"1.json": b"a"}
        assert files.beside("nothing") == {}
        assert files.text("log.vkey") == "k\N{REPLACEMENT CHARACTER}"
        assert files.text("nothing") is None


def test_what_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"nonsense")
    with pytest.raises(BadZipFile):
        ZipFiles(tmp_path / "no.zip", "log")


def crc(data: bytes) -> bytes:
    """The stored byte of the checkpoint is another than it was."""
    return data.replace(b"log/checkpointc", b"log/checkpointd")


def method(data: bytes) -> bytes:
    """A way to compress that nobody has."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 10] + b"\x63\x00" + data[at + 12 :]


def locked(data: bytes) -> bytes:
    """It is said to need a password."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 8] + b"\x01\x00" + data[at + 10 :]


def longer(data: bytes) -> bytes:
    """It is said to have more bytes than the zip."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 20] + b"\xff\xff\0\0" * 2 + data[at + 28 :]


@pytest.mark.parametrize("damage", [crc, method, locked, longer])
def test_a_zip_that_is_damaged(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """It opens; what is damaged in it can't be read, and is told."""
    path = tmp_path / "copy.zip"
    with ZipFile(path, "w") as file:
        file.writestr("log/checkpoint", b"c")
    with closing(ZipFiles(path, "log")) as files:
        assert files.read(CHECKPOINT) == b"c"
    assert damage(path.read_bytes()) != path.read_bytes()
    path.write_bytes(damage(path.read_bytes()))
    with closing(ZipFiles(path, "log")) as files, pytest.raises(Malformed, match="log/checkpoint can't be read"):
        files.read(CHECKPOINT)


@pytest.mark.parametrize("at", [0, 5, 400])
def test_a_zip_whose_compressed_bytes_were_changed(tmp_path: Path, at: int) -> None:
    """Wherever it is."""
    path, content = tmp_path / "copy.zip", bytes(range(256)) * 40
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("log/checkpoint", content)
    data = bytearray(path.read_bytes())
    start = data.index(b"log/checkpoint") + len(b"log/checkpoint")
    data[start + min(at, 300)] ^= 0xFF
    path.write_bytes(data)
    with closing(ZipFiles(path, "log")) as files, pytest.raises(Malformed, match="can't be read"):
        files.read(CHECKPOINT)


def test_a_file_that_cannot_be_read_is_not_verified() -> None:
    """Whichever it is, as where a zip is damaged."""
    whole = log(CONTENTS_OF_A_LOG[:257])
    verify(whole, KEY.verifier)

    class Damaged(MemoryFiles):
        def read(self, path: str) -> bytes:
            if path == damaged:
                raise Malformed("it can't be read")
            return super().read(path)

    for damaged in (CHECKPOINT, HANDOVERS, *paths(257)):
        with pytest.raises(NotVerified, match="it can't be read") as caught:
            verify(Damaged(whole.contents), KEY.verifier)
        assert (caught.value.kind, damaged in str(caught.value)) == (Kind.MALFORMED, True)
