"""Handovers are read to the letter; nothing but a rotation of the key is one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.log.handovers import keys_of, rotation_of, rotations, split_notes
from ledger.log.note import SigningKey
from ledger.log.signer import Signer
from ledger.log.tiles import Malformed
from ledger.rotations import STREAM
from ledger.store import Entry, Store
from tests.ledger.log.logs import KEY, append

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
