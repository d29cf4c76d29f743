"""Asks witnesses to sign a log's newest checkpoint, and keeps what they sign."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.note import NotSigned, VerifierKey, parse_decimal
from ledger.log.prover import Prover
from ledger.log.tiles import Malformed
from ledger.log.witness import SIZE_TYPE, Request, cosignatures
from ledger.store import Store

SECONDS = 10


class NotWitnessed(Exception):
    """The witness didn't sign; the message says why. If it answered 409 or 422, the log may have been rewritten."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who signs: the address below which `add-checkpoint` is, and the public key."""

    url: str
    key: VerifierKey


def ask(client: httpx.Client, witness: Witness, store: Store, prover: Prover, signed: SignedCheckpoint) -> None:
    """Have the witness sign the checkpoint, and keep what it signs. Raises NotWitnessed, and what the store does."""
    size = signed.checkpoint.size
    response = _post(client, witness, Request(0, (), signed.note))
    if response.status_code == httpx.codes.CONFLICT and response.headers.get("content-type") == SIZE_TYPE:
        try:
            last = parse_decimal(response.text.removesuffix("\n"), size + 1)
        except Malformed:
            raise NotWitnessed(
                f"it signed {response.text.strip()[:100]} events before, and the log has {size}"
            ) from None
        response = _post(client, witness, Request(last, tuple(prover.consistency(last, size)), signed.note))
    if response.status_code != httpx.codes.OK:
        raise NotWitnessed(f"it answered {response.status_code}: {response.text[:200].strip()}")
    try:
        found = cosignatures(response.content, signed.checkpoint, [witness.key])
    except (Malformed, NotSigned) as error:
        raise NotWitnessed(str(error)) from None
    with store.write() as transaction:
        for one in found:
            transaction.add_cosignature(size, one.line)


def _post(client: httpx.Client, witness: Witness, request: Request) -> httpx.Response:
    try:
        return client.post(f"{witness.url.rstrip('/')}/add-checkpoint", content=request.text.encode(), timeout=SECONDS)
    except httpx.HTTPError as error:
        raise NotWitnessed(f"it did not answer: {type(error).__name__}") from None
