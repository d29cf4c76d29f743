"""The rotation of a log's key: an event in the log, a handover that both keys sign, and another key in its place.

The new key is on the disk before anything says that it is the log's; the event and the handover are one transaction;
then the files change places, which `finish` does too, whenever and wherever the rotation was cut short.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.event import Event, Origin, parse_event, state_text
from ledger.log.checkpoint import Checkpoint, parse_text
from ledger.log.handovers import keys_of
from ledger.log.keys import (
    NEXT_FILE,
    PRIVATE_FILE,
    PUBLIC_FILE,
    KeyRefused,
    load_key,
    make_key,
    read_key,
    sync_folder,
    write_atomically,
)
from ledger.log.note import NotSigned, SigningKey, VerifierKey, parse_note
from ledger.log.remade import Fault, remade
from ledger.log.signer import Signer
from ledger.log.tiles import Malformed
from ledger.rotations import STREAM, KeyRotated
from ledger.store import Entry, Store, WriteTransaction
from ledger.times import today

RECORDED_BY = "key"

Reached = Callable[[str], object]
"""Is told each step that is done, when it is on the disk."""


class NotRotated(Exception):
    """Nothing was changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done: the log is signed by `key` after the event at this position."""

    position: int
    previous: VerifierKey
    key: VerifierKey


def rotate(store: Store, folder: Path, high_water: Path, reason: str, reached: Reached = lambda step: None) -> Rotated:
    """Give the log of the store another key. `folder` has its key. If an earlier rotation was cut short, it is
    finished, and that is all. Raises NotRotated, KeyRefused, Refusal for the reason, OSError, and what the store does.
    """
    if (finished := finish(store, folder)) is not None:
        return finished
    if not (folder / PRIVATE_FILE).exists():
        raise NotRotated(f"there is no {folder / PRIVATE_FILE}: the rotation needs the key that is given up")
    old = load_key(folder)
    signer = Signer(store, old, high_water)
    if (fault := signer.cycle()) is not None:
        raise NotRotated(f"the log can't be signed: {fault}")
    make_key(folder / NEXT_FILE, old.name)
    new = read_key(folder / NEXT_FILE)
    event = _event(old, new, reason)
    reached("made")
    with store.signing() as mine:
        if not mine:
            raise NotRotated("another server is signing the log at this very moment: try again")
        try:
            with store.write() as transaction:
                note = _hand_over(transaction, old, new, event)
        except Fault as fault:
            raise NotRotated(f"the log can't be signed: {fault}") from None
    reached("recorded")
    write_atomically(high_water, note)
    reached("kept")
    position = parse_text(parse_note(note.encode()).text).size
    _put_in_place(folder, old, new, reached)
    return Rotated(position, old.verifier, new.verifier)


def finish(store: Store, folder: Path) -> Rotated | None:
    """Put the next key in its place if the log has been handed over to it; what was done, None if nothing.

    A next key that the log wasn't handed over to is left where it is: the next rotation takes it.
    """
    if not (folder / NEXT_FILE).exists() or not (folder / PRIVATE_FILE).exists():
        return None
    old, new = read_key(folder / PRIVATE_FILE), read_key(folder / NEXT_FILE)
    try:
        keys = keys_of(store, old.verifier)
    except (Malformed, NotSigned) as error:
        raise KeyRefused(f"the log isn't that of the key in {folder}: {error}") from None
    if keys.newest != new.verifier:
        return None
    _put_in_place(folder, old, new, lambda step: None)
    return Rotated(keys.handovers[-1].checkpoint.size, old.verifier, new.verifier)


def _hand_over(transaction: WriteTransaction, old: SigningKey, new: SigningKey, event: Event) -> str:
    """Record the event and what both keys sign with it; the note. Looks at all that isn't signed yet, once more."""
    note = transaction.checkpoint()
    signed = 0 if note is None else keys_of(transaction, old.verifier).open(note.encode()).checkpoint.size
    transaction.append([_entry(transaction, event)])
    size = transaction.heads().leaves
    checkpoint = Checkpoint(old.name, size, remade(transaction, signed, size).root())
    note = checkpoint.sign(old) + new.signature(checkpoint.text)
    transaction.add_checkpoint(size, note)
    return note


def _event(old: SigningKey, new: SigningKey, reason: str) -> Event:
    data = {"previous": str(old.verifier), "key": str(new.verifier), "reason": reason}
    return parse_event({"type": KeyRotated.type, "effective": today().isoformat(), "data": data})


def _entry(transaction: WriteTransaction, event: Event) -> Entry:
    now = datetime.now(UTC)
    if transaction.last_recorded_at is not None:
        now = max(now, datetime.fromisoformat(transaction.last_recorded_at) + timedelta(microseconds=1))
    stamp = now.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    event_id, day = str(uuid.uuid4()), event.body["effective"]
    state = state_text(event, event_id, day, day, stamp, Origin(RECORDED_BY))
    version = transaction.version(STREAM) + 1
    return Entry(STREAM, version, event.type, state, event_id, event_id, (STREAM,))


def _put_in_place(folder: Path, old: SigningKey, new: SigningKey, reached: Reached) -> None:
    """The old private key is gone after this, and the old public one has a file that is named after its id."""
    write_atomically(folder / f"log.{old.verifier.id.hex()}.vkey", f"{old.verifier}\n")
    reached("old public key kept")
    os.replace(folder / NEXT_FILE, folder / PRIVATE_FILE)
    sync_folder(folder)
    reached("in place")
    write_atomically(folder / PUBLIC_FILE, f"{new.verifier}\n")
