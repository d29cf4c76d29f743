"""A service whose log is signed: its key, its newest checkpoint, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ledger.log.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.log.note import VerifierKey, parse_verifier_key
from tests.api.world import entity

WAIT_SECONDS = 20


def ants(first: int, count: int) -> list[dict[str, Any]]:
    return [entity(f"ant-{number}") for number in range(first, first + count)]


def key_of(folder: Path) -> VerifierKey:
    return parse_verifier_key((folder / "log.vkey").read_text().removesuffix("\n"))


def checkpoint(client: httpx.Client, key: VerifierKey) -> SignedCheckpoint:
    """The newest one, signed by the key."""
    answer = client.get("/log/checkpoint")
    assert answer.status_code == 200, answer.text
    return open_checkpoint(answer.content, key)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what the signer does in its own time."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def is_ready(client: httpx.Client) -> bool:
    return client.get("/readyz").status_code == 200


def signing(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/readyz").json()["signing"]
    return found
