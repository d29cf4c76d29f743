"""The proofs that a bundle has beside its log, against that log."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.merkle import NotProven, leaf_hash, verify_inclusion
from ledger.log.proof import parse_proof
from ledger.log.tiles import Malformed
from ledger.log.verify import Kind, NotVerified

_NAME = re.compile(r"([1-9][0-9]{0,18})\.(json|tlog-proof)")


def check_proofs(proofs: Mapping[str, bytes], signed: SignedCheckpoint) -> int:
    """How many there are, by the names of their files, each with its event. Raises NotVerified unless each leads from
    its event to the root that the log's checkpoint signs, at the position that its file is named by."""
    positions = set()
    for name in proofs:
        match = _NAME.fullmatch(name)
        if match is None:
            raise NotVerified(Kind.MALFORMED, f"proofs/{name[:100]} is neither a proof nor its event")
        positions.add(int(match[1]))
    for position in sorted(positions):
        _check(position, proofs, signed)
    return len(positions)


def _check(position: int, proofs: Mapping[str, bytes], signed: SignedCheckpoint) -> None:
    name = f"proofs/{position}.tlog-proof"
    text, event = proofs.get(f"{position}.tlog-proof"), proofs.get(f"{position}.json")
    if text is None or event is None:
        lacking = name if text is None else f"proofs/{position}.json"
        raise NotVerified(Kind.MISSING, f"there is no {lacking}")
    checkpoint = signed.checkpoint
    try:
        proof = parse_proof(text)
        if proof.index != position - 1 or proof.checkpoint != signed.note:
            raise Malformed("it is of another position, or under another checkpoint than the log's")
        verify_inclusion(proof.index, checkpoint.size, leaf_hash(event), proof.hashes, checkpoint.root)
    except Malformed as error:
        raise NotVerified(Kind.MALFORMED, f"{name}: {error}") from None
    except NotProven as error:
        raise NotVerified(Kind.EVENT, f"{name} doesn't prove the event beside it: {error}") from None
