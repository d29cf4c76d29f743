"""The proof of one event (C2SP tlog-proof): where it stands, the way to the root, and the checkpoint that signs it."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.log.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.log.merkle import HASH_BYTES, SIZES_END, leaf_hash, verify_inclusion
from ledger.log.note import NOTE_BYTES, VerifierKey, decoded, encoded, parse_decimal
from ledger.log.tiles import Malformed

FIRST_LINE = "c2sp.org/tlog-proof@v1"
HASHES = 63  # no tree is higher


@dataclass(frozen=True, slots=True)
class Proof:
    """`index` counts from 0: the event at position p has index p - 1."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    """The signed note, verbatim."""

    @property
    def text(self) -> str:
        lines = [FIRST_LINE, f"index {self.index}", *map(encoded, self.hashes), "", self.checkpoint]
        return "\n".join(lines)

    def verify(self, entry: bytes, key: VerifierKey, witnesses: tuple[VerifierKey, ...] = ()) -> SignedCheckpoint:
        """The checkpoint that proves the entry. Raises Malformed, NotSigned or NotProven."""
        signed = open_checkpoint(self.checkpoint.encode(), key, witnesses)
        verify_inclusion(self.index, signed.checkpoint.size, leaf_hash(entry), self.hashes, signed.checkpoint.root)
        return signed


def parse_proof(text: bytes) -> Proof:
    """Read a proof; Malformed if a byte is not as the standard says. What `extra` is for, this log has no use for."""
    if len(text) > NOTE_BYTES:
        raise Malformed(f"the proof has more than {NOTE_BYTES} bytes")
    try:
        head, gap, checkpoint = text.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise Malformed("the proof isn't UTF-8") from None
    lines = head.split("\n")
    if not gap or len(lines) < 2 or lines[0] != FIRST_LINE or not lines[1].startswith("index "):
        raise Malformed(f"a proof begins with {FIRST_LINE} and an index, and ends with a checkpoint")
    index = parse_decimal(lines[1].removeprefix("index "), SIZES_END)
    return Proof(index, parse_hashes(lines[2:]), checkpoint)


def parse_hashes(lines: list[str]) -> tuple[bytes, ...]:
    """The hashes of a proof, one a line."""
    if len(lines) > HASHES:
        raise Malformed(f"a proof has at most {HASHES} hashes")
    hashes = tuple(map(decoded, lines))
    if any(len(one) != HASH_BYTES for one in hashes):
        raise Malformed(f"a hash has {HASH_BYTES} bytes")
    return hashes
