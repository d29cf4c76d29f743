"""A server that is killed while documents come and go: no bytes without their event, none that an erasure left."""

from __future__ import annotations

import random
import secrets
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from ledger.store import open_store
from ledger.vouched import NotVouched, vouched
from tests.faults.killing import Server, Told, prepare

KILLS = 3
CLIENTS = 4
# A server that writes bytes in a transaction of their own, after that of their event.
APART = """
from ledger.store.recorder import WriteTransaction
from ledger.writer import Writer

append, settle = WriteTransaction.append, Writer._settle

def alone(self, entries, more_keys=(), answers=(), contents=(), erased=()):
    later.extend(contents)
    return append(self, entries, more_keys, answers, (), erased)

def settled(self, jobs):
    outcomes = settle(self, jobs)
    import time
    time.sleep(0.02)
    with self._store.write() as transaction:
        while later:
            one = later.pop()
            transaction._execute(
                "INSERT INTO attachments (id, salt, bytes) VALUES (?, ?, ?)", one.attachment, one.salt, one.bytes
            )
    return outcomes

later = []
WriteTransaction.append, Writer._settle = alone, settled
from api.cli import main
main()
"""


def attach_and_erase(address: str, seed: int, erased: list[str]) -> None:
    """Documents go in, and every other one out again, until the server goes away."""
    choose = random.Random(seed)
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        try:
            while True:
                body = secrets.token_bytes(choose.choice([10, 5_000, 60_000]))
                name = f"a-{secrets.token_hex(8)}"
                client.post("/v1/attachments", params={"about": "acme", "attachment": name}, content=body)
                if choose.random() < 0.5:
                    event = {"type": "attachment.erased", "data": {"attachment": name, "reason": "as it goes"}}
                    if client.post("/v1/events", json=event).status_code == 201:
                        erased.append(name)
        except httpx.TransportError:
            return


def killed(server: Server, seed: int) -> list[str]:
    """Kill it while clients write; the ids whose erasure was acknowledged."""
    erased: list[str] = []
    threads = [
        threading.Thread(target=attach_and_erase, args=(server.address, seed * CLIENTS + number, erased))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(random.Random(seed).uniform(0.3, 0.9))
    server.kill()
    for thread in threads:
        thread.join()
    return erased


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_event_and_bytes_are_there_together_or_not_at_all(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """Given documents that come and go; when the server is killed; then each that was added has its bytes, and each
    whose erasure was acknowledged has none."""
    url = request.getfixturevalue("database_url") if kind == "postgres" else None
    server, gone, held = Server(tmp_path / "ledger", url), [], 0
    server.start()
    prepare(server, Told())
    for seed in range(KILLS):
        gone += killed(server, seed)
        with closing(open_store(tmp_path / "ledger", url)) as store:
            found = vouched(store)
            assert found.missing == 0
            assert found.erased >= len(gone)
            assert not [name for name in gone if store.content(name) is not None]
            held = found.held
        server.start()
    server.kill()
    assert held
    assert gone


def test_a_server_that_writes_them_apart_is_caught(tmp_path: Path) -> None:
    """Control: given a server that commits the event first and the bytes then; when it is killed; then it shows."""
    server = Server(tmp_path / "ledger", program=APART)
    server.start()
    prepare(server, Told())
    for seed in range(10):
        killed(server, seed)
        with closing(open_store(tmp_path / "ledger", None)) as store:
            try:
                if vouched(store).missing:
                    return
            except NotVouched:
                return
        server.start()
    server.kill()
    pytest.fail("it was never caught")
