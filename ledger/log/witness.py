"""Witnesses (C2SP tlog-witness): others who keep the newest checkpoint that they saw and sign only what follows it.

A log asks with a `Request`; a witness, such as an auditor's own machine, decides with `judge`. HTTP is the door's
business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, parse_text
from ledger.log.merkle import EMPTY_ROOT, SIZES_END, NotProven, verify_consistency
from ledger.log.note import (
    NOTE_BYTES,
    Note,
    NotSigned,
    Signature,
    SigningKey,
    VerifierKey,
    encoded,
    parse_decimal,
    parse_note,
    parse_signatures,
)
from ledger.log.proof import parse_hashes
from ledger.log.tiles import Malformed

OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, INCONSISTENT = 200, 400, 403, 404, 409, 422
SIZE_TYPE = "text/x.tlog.size"  # the media type of an answer that gives the size that the witness last signed
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """Sign this checkpoint, which follows the one of size `old` that you signed last: here is the proof."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: str
    """The signed note."""

    @property
    def text(self) -> str:
        return "\n".join([f"old {self.old}", *map(encoded, self.proof), "", self.checkpoint])


def parse_request(body: bytes) -> Request:
    """Read what a log asks; Malformed if it isn't as the standard says."""
    if len(body) > NOTE_BYTES:
        raise Malformed(f"the request has more than {NOTE_BYTES} bytes")
    try:
        head, gap, checkpoint = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise Malformed("the request isn't UTF-8") from None
    lines = head.split("\n")
    if not gap or not lines[0].startswith("old "):
        raise Malformed("a request has a line with the old size, a proof, an empty line and a checkpoint")
    return Request(parse_decimal(lines[0].removeprefix("old "), SIZES_END), parse_hashes(lines[1:]), checkpoint)


def cosignatures(answer: bytes, checkpoint: Checkpoint, witnesses: Iterable[VerifierKey]) -> list[Signature]:
    """Those of the witness's signatures that known keys made; NotSigned if there is none or one is wrong."""
    found = Note(checkpoint.text, parse_signatures(answer)).signed_by(witnesses)
    if not found:
        raise NotSigned("the witness answered no signature by a known key")
    return found


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a witness answers: an HTTP status, a body of some type, and what it has to keep before it does."""

    status: int
    body: str
    kind: str = TEXT_TYPE
    kept: SignedCheckpoint | None = None


def judge(body: bytes, key: VerifierKey, last: Checkpoint | None, witness: SigningKey, time: int) -> Judgement:
    """What a witness of the log with this key answers, having signed `last` of it before.

    Whoever calls must keep what is `kept` before answering, and let nobody else be judged in between.
    """
    try:
        request = parse_request(body)
        claimed = parse_text(parse_note(request.checkpoint.encode()).text)
        if claimed.origin != key.name:
            return Judgement(NOT_FOUND, f"this witness doesn't know the log {claimed.origin[:100]}\n")
        signed = open_checkpoint(request.checkpoint.encode(), key)
    except Malformed as error:
        return Judgement(BAD_REQUEST, f"{error}\n")
    except NotSigned as error:
        return Judgement(FORBIDDEN, f"{error}\n")
    if request.old > claimed.size:
        return Judgement(BAD_REQUEST, "the old size is above the checkpoint's\n")
    known = last or Checkpoint(key.name, 0, EMPTY_ROOT)
    if request.old != known.size:
        return Judgement(CONFLICT, f"{known.size}\n", SIZE_TYPE)
    if claimed.size == known.size and claimed.root != known.root:
        return Judgement(CONFLICT, f"{known.size}\n", SIZE_TYPE)
    try:
        verify_consistency(known.size, claimed.size, known.root, claimed.root, request.proof)
    except NotProven as error:
        return Judgement(INCONSISTENT, f"{error}\n")
    return Judgement(OK, witness.signature(claimed.text, time), kept=signed)
