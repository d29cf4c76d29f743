"""Logs of a few events, whole in memory, whose key was rotated: as it should be, or forged."""

from __future__ import annotations

import json
from pathlib import Path

from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import entry_bytes
from ledger.log.files import CHECKPOINT, HANDOVERS
from ledger.log.handovers import notes_text
from ledger.log.merkle import leaf_hash
from ledger.log.note import SigningKey
from ledger.log.tiles import Edge, bundle_bytes
from ledger.store import Entry
from tests.ledger.log.logs import MemoryFiles

NAME = "ledger.example/deals"
REASON = "Whoever had the key has left."
NEXT, THIRD = SigningKey(NAME, bytes(range(1, 33))), SigningKey(NAME, bytes(range(2, 34)))


def rotated(previous: object, key: object, version: int = 1, type_: str = "key.rotated") -> Entry:
    event_id = f"00000000-0000-4000-8000-{version:012}"
    state = {
        "id": event_id,
        "recorded_at": "2026-11-22T23:59:59.000000Z",
        "data": {"previous": str(previous), "key": str(key), "reason": REASON},
    }
    return Entry("log/key", version, type_, json.dumps(state), event_id, event_id, ("log/key",))


def checkpoint(entries: list[Entry]) -> Checkpoint:
    edge = Edge()
    edge.extend([leaf_hash(entry_bytes(e.stream, e.version, e.type, e.state)) for e in entries])
    return Checkpoint(NAME, len(entries), edge.root())


def signed(entries: list[Entry], *keys: SigningKey) -> str:
    """The checkpoint of these entries, signed by these keys."""
    found = checkpoint(entries)
    return f"{found.text}\n" + "".join(key.signature(found.text) for key in keys)


def log(entries: list[Entry], key: SigningKey, *handovers: str) -> MemoryFiles:
    """A log of less than a tile, whole in itself."""
    contents = [entry_bytes(e.stream, e.version, e.type, e.state) for e in entries]
    return MemoryFiles(
        {
            CHECKPOINT: signed(entries, key).encode(),
            HANDOVERS: notes_text(handovers).encode(),
            f"tile/0/000.p/{len(entries)}": b"".join(map(leaf_hash, contents)),
            f"tile/entries/000.p/{len(entries)}": bundle_bytes(contents),
        }
    )


def written(files: MemoryFiles, folder: Path) -> Path:
    """The files on the disk; without handovers there is no such file."""
    for path, content in files.contents.items():
        if content or path != HANDOVERS:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    return folder
