"""Signed notes (C2SP signed-note): a text, an empty line, and lines of signatures by keys that have names.

Everything is read strictly, and only the standard's own way to write a thing is accepted: what two programs could read
differently must not verify in either.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.log.tiles import Malformed

LOG, WITNESS = 0x01, 0x04  # what a key signs with: the note's text; the text under the time of signing
KEY_BYTES, TIME_BYTES = 32, 8
TIMES_END = 2**63
NOTE_BYTES, SIGNATURES = 1_000_000, 100  # more than any note has, so that reading one has an end
PRIVATE = "PRIVATE+KEY+"
"""What a private key begins with."""
_ALGORITHMS = (LOG, WITNESS)
_SIGNATURE = re.compile("— ([^ ]+) ([^ ]+)")
_DECIMAL = re.compile("0|[1-9][0-9]*", re.ASCII)
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


class NotSigned(Exception):
    """The note isn't signed by the key that it should be, or some known key's signature is wrong."""


# --- keys -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VerifierKey:
    """A public key with a name, written `name+id+key`: a log's, or a witness's."""

    name: str
    algorithm: int
    key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.algorithm not in _ALGORITHMS:
            raise Malformed(f"keys of type {self.algorithm:#04x} are not known here, only Ed25519 (0x01, 0x04)")
        if len(self.key) != KEY_BYTES:
            raise Malformed(f"an Ed25519 key has {KEY_BYTES} bytes, not {len(self.key)}")

    @cached_property
    def id(self) -> bytes:
        """Four bytes that tell the keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.key).digest()[:4]

    @cached_property
    def _verifier(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.key)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.algorithm]) + self.key)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this is the key's signature of a note's text; a witness's begins with its time in eight bytes."""
        if self.algorithm == WITNESS:
            time, signature = int.from_bytes(signature[:TIME_BYTES], "big"), signature[TIME_BYTES:]
            if time >= TIMES_END:
                return False
            text = cosigned(text, time)
        try:
            self._verifier.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


def parse_verifier_key(text: str) -> VerifierKey:
    """Read `name+id+key`; Malformed unless it is written exactly so and the id is the key's."""
    if text.startswith(PRIVATE):
        raise Malformed("it is the private key, which is for the log's signer alone")  # and not shown here either
    name, _, rest = text.partition("+")
    key_id, _, key = rest.partition("+")
    material = decoded(key)
    if not material:
        raise Malformed("the key is empty")
    found = VerifierKey(name, material[0], material[1:])
    if found.id.hex() != key_id:
        raise Malformed(f"{key_id!r} is not this key's id")
    return found


@dataclass(frozen=True)
class SigningKey:
    """A private key with a name. `secret` is the seed of 32 bytes that Ed25519 makes it from."""

    name: str
    secret: bytes
    algorithm: int = LOG

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"  # never the secret: a log or a traceback may show this

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    @cached_property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.algorithm, self._signer.public_key().public_bytes_raw())

    def signature(self, text: str, time: int | None = None) -> str:
        """A signature line for a note of this text; a witness's key needs the POSIX time."""
        if not text.endswith("\n"):
            raise ValueError("a note's text ends with a line feed")
        stamp = b""
        if self.algorithm == WITNESS:
            if time is None or not 0 <= time < TIMES_END:
                raise ValueError("a witness signs at a time")
            stamp, text = time.to_bytes(TIME_BYTES, "big"), cosigned(text, time)
        signed = self.verifier.id + stamp + self._signer.sign(text.encode())
        return f"— {self.name} {encoded(signed)}\n"


def cosigned(text: str, time: int) -> str:
    """What a witness signs: that at this time the checkpoint was the newest that it had seen, and consistent."""
    return f"cosignature/v1\ntime {time}\n{text}"


def check_name(name: str) -> None:
    """Raises Malformed for what can't name a key: nothing at all, spaces, plus signs, control characters."""
    if not name or "+" in name or any(c.isspace() for c in name) or _CONTROL.search(name):
        raise Malformed(f"{name[:100]!r} can't be a key's name: it must have neither spaces nor plus signs")


# --- notes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        return f"— {self.name} {encoded(self.key_id + self.signature)}\n"

    @property
    def time(self) -> int:
        """When a witness signed, in POSIX seconds. Only for a signature that its key verifies."""
        return int.from_bytes(self.signature[:TIME_BYTES], "big")


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read; who signed it is still to be asked."""

    text: str
    signatures: tuple[Signature, ...]

    def signed_by(self, keys: Iterable[VerifierKey]) -> list[Signature]:
        """The signatures by these keys. Those of other keys are passed over, also of others with one's name or id.

        Raises NotSigned if one by a known key is wrong.
        """
        known = {(key.name, key.id): key for key in keys}
        found = []
        for one in self.signatures:
            key = known.get((one.name, one.key_id))
            if key is None:
                continue
            if not key.verifies(self.text, one.signature):
                raise NotSigned(f"the signature of {one.name} is wrong")
            found.append(one)
        return found

    def check_signed(self, key: VerifierKey) -> None:
        """Raises NotSigned unless this key signed the note."""
        if not self.signed_by([key]):
            raise NotSigned(f"the note isn't signed by {key}")


def parse_note(note: bytes) -> Note:
    """Read a signed note; Malformed if a byte of it is not as the standard says."""
    if len(note) > NOTE_BYTES:
        raise Malformed(f"the note has more than {NOTE_BYTES} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise Malformed("the note isn't UTF-8") from None
    if _CONTROL.search(whole):
        raise Malformed("the note has control characters")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise Malformed("the note has no signatures after an empty line")
    signatures = lines.removesuffix("\n").split("\n")
    if len(signatures) > SIGNATURES:
        raise Malformed(f"the note has more than {SIGNATURES} signatures")
    return Note(text + "\n", tuple(_signature(line) for line in signatures))


def parse_signatures(lines: bytes) -> tuple[Signature, ...]:
    """Signature lines without their note, as a witness answers them."""
    note = parse_note(b"-\n\n" + lines)
    if note.text != "-\n":
        raise Malformed("there are empty lines among the signatures")
    return note.signatures


def _signature(line: str) -> Signature:
    match = _SIGNATURE.fullmatch(line)
    if match is None:
        raise Malformed("a line below the note is no signature")
    name, signed = match[1], decoded(match[2])
    check_name(name)
    if len(signed) < 5:
        raise Malformed("a signature has at least five bytes")
    return Signature(name, signed[:4], signed[4:])


# --- the forms that the standards share -------------------------------------------------------------------------


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def decoded(text: str) -> bytes:
    """Base64; Malformed unless it is how these bytes are written, with padding, and nothing else."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        raise Malformed(f"{text[:100]!r} is not base64") from None
    if encoded(value) != text:
        raise Malformed(f"{text[:100]!r} is not the one way to write these bytes in base64")
    return value


def parse_decimal(text: str, end: int) -> int:
    """A number from 0 to below `end`; Malformed if it is written in any way but one."""
    if _DECIMAL.fullmatch(text) is None or len(text) > len(str(end)) or int(text) >= end:
        raise Malformed(f"{text[:100]!r} is not a whole number below {end}")
    return int(text)
