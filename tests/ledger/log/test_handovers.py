"""Handovers are read to the letter; nothing but a rotation of the key is one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import entry_bytes
from ledger.log.files import CHECKPOINT, HANDOVERS
from ledger.log.handovers import keys_of, rotation_of, rotations, split_notes
from ledger.log.merkle import leaf_hash
from ledger.log.note import SigningKey
from ledger.log.signer import Signer
from ledger.log.tiles import Bundle, Malformed, Tile, bundle_bytes
from ledger.log.verify import Kind, NotVerified, verify
from ledger.rotations import STREAM
from ledger.store import Entry, Store
from tests.ledger.log.logs import KEY, MemoryFiles, append

NEXT = SigningKey(KEY.name, bytes(range(1, 33)))


def event(type_: str) -> Entry:
    """In the stream of the rotations, and naming two keys as they do."""
    event_id = "00000000-0000-4000-8000-000000000001"
    data = {"previous": str(KEY.verifier), "key": str(NEXT.verifier), "reason": "Why not?"}
    return Entry(STREAM, 1, type_, json.dumps({"id": event_id, "data": data}), event_id, event_id, (STREAM,))


@pytest.mark.parametrize("type_", ["key.rotated", "key.changed"])
def test_an_event_of_another_type_is_no_rotation(store: Store, tmp_path: Path, type_: str) -> None:
    """Wherever it is found, it takes no key away. One of the type does, as somebody wrote it without a handover."""
    append(store, 3)
    with store.write() as transaction:
        transaction.append([event(type_)])
    fault = Signer(store, KEY, tmp_path / "log.highwater").cycle()
    if type_ == "key.rotated":
        assert [one.event.type for one in rotations(store)] == [type_]
        assert "never handed over" in str(fault)
    else:
        assert rotations(store) == []
        assert keys_of(store, KEY.verifier).all == (KEY.verifier,)
        assert fault is None


def test_a_state_that_is_too_deep_is_no_rotation() -> None:
    """As anything that can't be read."""
    assert rotation_of(event("key.rotated").state) == (KEY.verifier, NEXT.verifier)
    with pytest.raises(Malformed):
        rotation_of("[" * 100_000)


def test_a_file_without_a_handover_is_empty() -> None:
    """A line feed is none, and no handover either."""
    assert split_notes(b"") == []
    for text in (b"\n", b"\n\n", b" ", b"\0"):
        with pytest.raises(Malformed):
            split_notes(text)


def test_a_rotation_that_can_be_read_only_at_first() -> None:
    """A server gives the keys that it likes while they are followed, and an event that names none when all is read."""
    good = event("key.rotated")
    entries = [entry_bytes(good.stream, good.version, good.type, state) for state in (good.state, "{}")]
    claimed = Checkpoint(KEY.name, 1, leaf_hash(entries[1]))
    note = claimed.sign(KEY) + NEXT.signature(claimed.text)
    bundles = [bundle_bytes([one]) for one in entries]

    class Two(MemoryFiles):
        def read(self, path: str) -> bytes:
            return bundles.pop(0) if path == Bundle(0, 1).path else super().read(path)

    files = Two({CHECKPOINT: note.encode(), HANDOVERS: note.encode(), Tile(0, 0, 1).path: leaf_hash(entries[1])})
    with pytest.raises(NotVerified, match="names other keys") as caught:
        verify(files, KEY.verifier)
    assert (caught.value.kind, bundles) == (Kind.KEY, [])
