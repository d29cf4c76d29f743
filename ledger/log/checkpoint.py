"""Checkpoints (C2SP tlog-checkpoint): the size and the root of a log, signed."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.log.merkle import HASH_BYTES, SIZES_END
from ledger.log.note import (
    NotSigned,
    Signature,
    SigningKey,
    VerifierKey,
    decoded,
    encoded,
    parse_decimal,
    parse_note,
)
from ledger.log.tiles import Malformed


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is claimed of a log. The origin is the name of its key: an identity, not a place."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"

    def sign(self, key: SigningKey) -> str:
        """The signed note."""
        return f"{self.text}\n{key.signature(self.text)}"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log has signed, and the note that says so, to the letter."""

    checkpoint: Checkpoint
    note: str
    cosignatures: tuple[Signature, ...] = ()
    """Those by the witnesses that were asked for."""


def parse_text(text: str) -> Checkpoint:
    """Three lines and no more: what further lines meant, nobody who reads them could know."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "" or not lines[0]:
        raise Malformed("a checkpoint has three lines: origin, size and root")
    root = decoded(lines[2])
    if len(root) != HASH_BYTES:
        raise Malformed(f"a root has {HASH_BYTES} bytes, not {len(root)}")
    return Checkpoint(lines[0], parse_decimal(lines[1], SIZES_END), root)


def open_checkpoint(note: bytes, key: VerifierKey, witnesses: tuple[VerifierKey, ...] = ()) -> SignedCheckpoint:
    """Read a checkpoint that this key signed. Raises Malformed, NotSigned, also if a witness's signature is wrong."""
    parsed = parse_note(note)
    parsed.check_signed(key)
    found = parse_text(parsed.text)
    if found.origin != key.name:
        raise NotSigned(f"{key.name} signed a checkpoint of another log, {found.origin[:100]}")
    return SignedCheckpoint(found, note.decode(), tuple(parsed.signed_by(witnesses)))
