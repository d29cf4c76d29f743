"""The log as the files that it is made of, by their paths: the checkpoint, tiles and bundles of C2SP tlog-tiles.

Whoever verifies reads these from anywhere: a folder, a web server, a bundle, or straight from the store.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile

from ledger.log.entry import NotAnEntry, entry_bytes
from ledger.log.handovers import notes_text, rotations
from ledger.log.tiles import WIDTH, Bundle, Malformed, Tile, bundle_bytes, bundles, parse_path, tiles
from ledger.store import Store

CHECKPOINT = "checkpoint"
HANDOVERS = "handovers"
"""The notes of all handovers of the log's key; not there, or empty, if it never changed."""


class NotThere(Exception):
    """The log has no such file, or not yet."""


class Files(Protocol):
    """Gives a file's bytes by its path, e.g. `tile/0/x001/234.p/5`. Raises NotThere."""

    def read(self, path: str) -> bytes: ...


def read_handovers(files: Files) -> bytes:
    """Empty if the log has none."""
    try:
        return files.read(HANDOVERS)
    except NotThere:
        return b""


class FolderFiles:
    """The files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        found = self._folder / path
        if not found.is_file():  # a pipe would be waited for
            raise NotThere(f"there is no file {path} in {self._folder}")
        return found.read_bytes()


class ZipFiles:
    """The files in a folder of a zip, and what lies beside it. Raises BadZipFile if it is none."""

    def __init__(self, path: Path, folder: str) -> None:
        self._zip = ZipFile(path)
        self._folder = folder
        self._names = set(self._zip.namelist())

    def read(self, path: str) -> bytes:
        """Raises Malformed if the zip is damaged there."""
        name = f"{self._folder}/{path}"
        if name not in self._names:
            raise NotThere(f"there is no {name} in the zip")
        return self._read(name)

    def text(self, name: str) -> str | None:
        """A file at the top of the zip, if it is there."""
        return self._read(name).decode(errors="replace") if name in self._names else None

    def beside(self, folder: str) -> dict[str, bytes]:
        """The files of another folder of the zip, by their names."""
        inside = [name for name in self._names if name.startswith(f"{folder}/") and not name.endswith("/")]
        return {name.removeprefix(f"{folder}/"): self._read(name) for name in inside}

    def _read(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise Malformed(f"{name} can't be read from the zip: {error}") from None

    def close(self) -> None:
        self._zip.close()


class StoreFiles:
    """The files as the store holds them, made when they are asked for.

    `published` gives the note and the size of the newest checkpoint that anybody may see; nothing beyond that size is
    given out, for nobody has signed it yet.
    """

    def __init__(self, store: Store, published: Callable[[], tuple[str, int] | None]) -> None:
        self._store = store
        self._published = published

    def read(self, path: str) -> bytes:
        """Raises NotThere, also for a path that isn't written as it should be, and what the store raises."""
        published = self._published()
        if published is None:
            raise NotThere("nothing of this log has been signed yet")
        note, size = published
        if path == CHECKPOINT:
            return note.encode()
        if path == HANDOVERS:
            return self.handovers(size)
        try:
            asked = parse_path(path)
        except Malformed as error:
            raise NotThere(str(error)) from None
        if not asked.is_in(size):
            raise NotThere(f"{path} is beyond the {size} entries that are signed")
        return self.bundle(asked) if isinstance(asked, Bundle) else self.tile(asked)

    def handovers(self, size: int) -> bytes:
        """Of a log of that size."""
        found = [one.note for one in rotations(self._store) if one.note is not None and one.event.position <= size]
        return notes_text(found).encode()

    def tile(self, tile: Tile) -> bytes:
        return self._store.hashes(tile.level, tile.index * WIDTH, tile.width)

    def bundle(self, bundle: Bundle) -> bytes:
        """From the events as they are stored now: their leaves say whether they still are what they were.

        Raises Malformed if one was changed to what no entry can be.
        """
        events = self._store.read(bundle.index * WIDTH, bundle.width)
        try:
            return bundle_bytes([entry_bytes(one.stream, one.version, one.type, one.state) for one in events])
        except (NotAnEntry, OverflowError, TypeError) as error:
            raise Malformed(f"an event in it was changed beside the ledger: {error}") from None


def paths(size: int) -> Iterator[str]:
    """The paths of all files of a log of that size, but for the checkpoint."""
    yield from (tile.path for tile in tiles(size))
    yield from (bundle.path for bundle in bundles(size))
