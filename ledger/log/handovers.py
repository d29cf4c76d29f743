"""Handovers: the log's key gave way to another one, and both signed that it did.

A handover is a checkpoint whose last entry is `key.rotated`, signed by the key that the entry gives up and by the one
that it names. So whoever trusts a key is led to the one that signs today, by nothing but signatures and the tree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, parse_text
from ledger.log.note import LOG, NotSigned, VerifierKey, parse_note, parse_verifier_key
from ledger.log.tiles import Malformed
from ledger.rotations import STREAM, KeyRotated
from ledger.store import Stored
from ledger.store.recorder import Reading


@dataclass(frozen=True, slots=True)
class Handover:
    """From one key to the next: what both signed."""

    checkpoint: Checkpoint
    note: str
    previous: VerifierKey
    key: VerifierKey


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that have signed a log, one after the other, and how each handed over to the next."""

    first: VerifierKey
    handovers: tuple[Handover, ...] = ()

    @property
    def all(self) -> tuple[VerifierKey, ...]:
        return (self.first, *(one.key for one in self.handovers))

    @property
    def newest(self) -> VerifierKey:
        return self.all[-1]

    def at(self, size: int) -> tuple[VerifierKey, ...]:
        """Whose word counts for a log of that size: one key's, and where it hands over the next one's too."""
        sizes = [one.checkpoint.size for one in self.handovers]
        return tuple(
            key
            for key, begins, ends in zip(self.all, [0, *sizes], [*sizes, size], strict=True)
            if begins <= size <= ends
        )

    def open(self, note: bytes, witnesses: tuple[VerifierKey, ...] = ()) -> SignedCheckpoint:
        """Read a checkpoint that was signed by a key of its time. Raises Malformed, NotSigned."""
        parsed = parse_note(note)
        size = parse_text(parsed.text).size
        of_its_time = self.at(size)
        if not parsed.signed_by(of_its_time) and parsed.signed_by(self.all):
            raise NotSigned(f"for {size} events {' and '.join(map(str, of_its_time))} should have signed")
        *others, last = of_its_time
        for key in others:
            try:
                return open_checkpoint(note, key, witnesses)
            except NotSigned:
                continue
        return open_checkpoint(note, last, witnesses)


def rotation_of(state: str) -> tuple[VerifierKey, VerifierKey]:
    """The key that an event `key.rotated` gives up and the one that it names, by its state. Raises Malformed."""
    try:
        data = json.loads(state)["data"]
        previous, key = parse_verifier_key(data["previous"]), parse_verifier_key(data["key"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed("a rotation names the keys that it is from and to") from None
    if (previous.algorithm, key.algorithm) != (LOG, LOG):
        raise Malformed("a rotation is from a key of a log to another")
    return previous, key


def follow(trusted: VerifierKey, claimed: Iterable[tuple[bytes, str]]) -> Keys:
    """The keys that the trusted one leads to, and those before it. `claimed` are the notes of all handovers, oldest
    first, each with the state of the last event that it signs.

    Whether these are the log's events, and the roots those of its tree, is still to be seen.
    Raises Malformed; NotSigned unless each key signed its handover, and the next one took over, in one line.
    """
    handovers: list[Handover] = []
    for note, state in claimed:
        previous, key = rotation_of(state)
        parse_note(note).check_signed(key)
        checkpoint = open_checkpoint(note, previous).checkpoint
        last = handovers[-1] if handovers else None
        if last is not None and (last.key != previous or last.checkpoint.size >= checkpoint.size):
            raise NotSigned(f"the handover at {checkpoint.size} events doesn't follow the one before it")
        if key.name != previous.name:
            raise NotSigned(f"{previous.name} handed over to a key of another name")
        if key in (previous, *(one.previous for one in handovers)):
            raise NotSigned(f"a key that was given up comes back at {checkpoint.size} events")
        handovers.append(Handover(checkpoint, note.decode(), previous, key))
    keys = Keys(handovers[0].previous if handovers else trusted, tuple(handovers))
    if trusted not in keys.all:
        raise NotSigned(f"{trusted} is none of the keys that signed the log: {', '.join(map(str, keys.all))}")
    return keys


# --- of a store -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rotation:
    """An event `key.rotated`, and the note that hands over where it stands; None if nobody signed one."""

    event: Stored
    note: str | None


def rotations(store: Reading) -> list[Rotation]:
    """All of a log, oldest first."""
    found = [event for event in store.by_key(STREAM) if event.type == KeyRotated.type]
    return [Rotation(event, store.checkpoint_of(event.position)) for event in found]


def keys_of(store: Reading, trusted: VerifierKey) -> Keys:
    """The keys of a store's log. Raises Malformed, NotSigned, also for a rotation without its handover."""
    claimed: list[tuple[bytes, str]] = []
    for one in rotations(store):
        if one.note is None:
            raise NotSigned(f"the rotation at position {one.event.position} was never handed over")
        claimed.append((one.note.encode(), one.event.state))
    return follow(trusted, claimed)


# --- as a file --------------------------------------------------------------------------------------------------


def notes_text(notes: Sequence[str]) -> str:
    """The notes of handovers, oldest first, with an empty line between."""
    return "\n".join(notes)


def split_notes(text: bytes) -> list[bytes]:
    """Read them again; Malformed unless that is how they are written. A checkpoint's note has one empty line."""
    parts = text.removesuffix(b"\n").split(b"\n\n")
    notes = [head + b"\n\n" + lines + b"\n" for head, lines in zip(parts[::2], parts[1::2], strict=False)]
    if b"\n".join(notes) != text:
        raise Malformed("handovers are signed notes with an empty line between")
    return notes
