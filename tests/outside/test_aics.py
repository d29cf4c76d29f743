"""Two packages from PyPI that others wrote: aics-tlog audits our log, aics-witness witnesses it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.merkle import consistency_proof, inclusion_proof, root
from ledger.log.note import VerifierKey, encoded, parse_verifier_key
from ledger.log.tiles import nodes
from ledger.log.witness import SIZE_TYPE, Request, cosignatures
from tests.api.signing import until
from tests.api.world import entity, given
from tests.ledger.log.logs import KEY
from tests.outside.conftest import EVENTS, OLD, Served
from tests.service import fresh_service

AUDIT = """
import json, sys, urllib.request
from aics_tlog.checkpoint import parse_checkpoint
from aics_tlog.note import parse_note, parse_vkey, verify_note
from aics_tlog.remote import HttpTileReader
from aics_tlog.verified import audit_tiles
url, vkey = sys.argv[1:]
note = parse_note(urllib.request.urlopen(url + "/checkpoint").read())
assert verify_note(note, [parse_vkey(vkey)]), "not signed"
checkpoint = parse_checkpoint(note.text)
report = audit_tiles(HttpTileReader(url), checkpoint.size, checkpoint.root, entries=True)
print(json.dumps([report.size, report.tiles, report.bundles]))
"""
START_SECONDS = 30


def python(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs our interpreter. The packages come by `python3 x.py test`; without them this fails, and says so."""
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)


def audited(log: Served) -> subprocess.CompletedProcess[str]:
    return python("-c", AUDIT, log.url, KEY.verifier)


def test_aics_tlog_accepts_the_log(log: Served) -> None:
    """100,000 events over HTTP: the signature, every tile and every entry."""
    done = audited(log)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [EVENTS, 391 + 2 + 1, 391]


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/200", "tile/1/000", "tile/entries/200", "tile/entries/390.p/160"]
)
def test_aics_tlog_finds_what_was_changed(log: Served, path: str) -> None:
    """One bit in the middle of a file. The test above is the control."""
    assert log.files is not None
    content = log.files.read(path)
    middle = len(content) // 2
    log.instead[path] = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    assert audited(log).returncode == 1


@pytest.mark.parametrize(
    ("index", "size"), [(0, 1), (3, 7), (255, 256), (256, 257), (65_535, 65_537), (99_999, EVENTS)]
)
def test_aics_tlog_accepts_proofs_of_inclusion(log: Served, tmp_path: Path, index: int, size: int) -> None:
    """Its verifier takes what we prove, and not for another index."""
    node = nodes(size, log.store.hashes)
    proof = tmp_path / "proof"
    proof.write_text("".join(f"{encoded(one)}\n" for one in inclusion_proof(index, size, node)))
    leaf = log.store.hashes(0, index, 1).hex()
    given = ["--size", size, "--root", encoded(root(size, node)), "--proof", proof, "--leaf-hash", leaf]
    assert python("-m", "aics_tlog", "verify-inclusion", "--index", index, *given).returncode == 0
    assert python("-m", "aics_tlog", "verify-inclusion", "--index", index + 1, *given).returncode != 0


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (255, 257), (256, 65_536), (65_535, 65_537), (OLD, EVENTS)])
def test_aics_tlog_accepts_proofs_of_consistency(log: Served, tmp_path: Path, old: int, new: int) -> None:
    """Its verifier takes what we prove, and not from another root."""
    node = nodes(new, log.store.hashes)
    proof = tmp_path / "proof"
    proof.write_text("".join(f"{encoded(one)}\n" for one in consistency_proof(old, new, node)))
    given = ["--old-size", old, "--new-size", new, "--new-root", encoded(root(new, node)), "--proof", proof]
    command = ["-m", "aics_tlog", "verify-consistency", *given, "--old-root"]
    assert python(*command, encoded(root(old, node))).returncode == 0
    assert python(*command, encoded(bytes(32))).returncode != 0


# --- a witness --------------------------------------------------------------------------------------------------


@dataclass
class Witness:
    """Somebody else's witness, running."""

    url: str
    key: VerifierKey

    def add_checkpoint(self, request: Request) -> tuple[int, str, bytes]:
        """Status, media type and body of its answer."""
        asked = urllib.request.Request(f"{self.url}/add-checkpoint", request.text.encode(), method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=START_SECONDS) as answer:  # noqa: S310
                return answer.status, answer.headers["Content-Type"], answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read()


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    """It knows our log's key and has seen nothing of it."""
    with asked(tmp_path, KEY.verifier) as running:
        yield running


@contextmanager
def asked(tmp_path: Path, log: VerifierKey) -> Iterator[Witness]:
    """A witness of this log."""
    config = tmp_path / "witness.json"
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    made = python(
        "-m", "aics_witness", "init", "-c", config, "--name", "witness.example/w9", "--listen", f"127.0.0.1:{port}"
    )
    assert made.returncode == 0, made.stderr
    added = python("-m", "aics_witness", "add-log", "-c", config, "--origin", log.name, "--vkey", log)
    assert added.returncode == 0, added.stderr
    running = subprocess.Popen([sys.executable, "-m", "aics_witness", "serve", "-c", config, "--log-level", "ERROR"])
    try:
        wait_for(port)
        yield Witness(f"http://127.0.0.1:{port}", parse_verifier_key(made.stdout.split()[-1]))
    finally:
        running.kill()
        running.wait()


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with closing(socket.socket()) as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the witness didn't start")


def test_a_witness_signs_what_follows(log: Served, witness: Witness) -> None:
    """The first checkpoint, and a later one with the proof from it; its signatures are good for everybody."""
    new = open_checkpoint(log.checkpoint.encode(), KEY.verifier).checkpoint
    old = open_checkpoint(log.old.encode(), KEY.verifier).checkpoint
    status, _, body = witness.add_checkpoint(Request(0, (), log.old))
    assert status == 200
    assert len(cosignatures(body, old, [witness.key])) == 1
    assert witness.add_checkpoint(Request(0, (), log.checkpoint)) == (409, SIZE_TYPE, b"%d\n" % OLD)
    proof = tuple(consistency_proof(OLD, EVENTS, nodes(EVENTS, log.store.hashes)))
    status, _, body = witness.add_checkpoint(Request(OLD, proof, log.checkpoint))
    assert status == 200
    [signature] = cosignatures(body, new, [witness.key])
    assert abs(signature.time - time.time()) < 600
    whole = open_checkpoint((log.checkpoint + signature.line).encode(), KEY.verifier, (witness.key,))
    assert whole.cosignatures == (signature,)


def test_a_witness_refuses_history_rewritten(log: Served, witness: Witness) -> None:
    """Signed again with the real key: no proof leads there from what the witness signed; nor does it sign two
    checkpoints of one size. The test above is the control."""
    assert witness.add_checkpoint(Request(0, (), log.old))[0] == 200
    rewritten = Checkpoint(KEY.name, EVENTS, bytes(32)).sign(KEY)
    proof = tuple(consistency_proof(OLD, EVENTS, nodes(EVENTS, log.store.hashes)))
    assert witness.add_checkpoint(Request(OLD, proof, rewritten))[0] == 422
    other = Checkpoint(KEY.name, OLD, bytes(32)).sign(KEY)
    assert witness.add_checkpoint(Request(OLD, (), other))[0] in (409, 422)


def test_a_service_asks_a_witness(tmp_path: Path) -> None:
    """Ours asks theirs by itself: each checkpoint has its signature soon, at first and as the log grows."""
    folder = tmp_path / "ledger"
    with fresh_service(folder):
        log = parse_verifier_key((folder / "log.vkey").read_text().removesuffix("\n"))
    with asked(tmp_path, log) as witness:
        settings: dict[str, Any] = {"witnesses": f"{witness.url} {witness.key}", "sign_seconds": 0.05}
        with fresh_service(folder, **settings) as client:
            for size, more in ((0, 0), (1, 1), (300, 299)):
                if more:
                    given(client, *(entity(f"ant-{size}-{number}") for number in range(more)))
                until(lambda: signed_by(client, log, witness.key) == size)  # noqa: B023
            until(lambda: client.get("/readyz").json()["witnesses"][0]["size"] == 300)


def signed_by(client: httpx.Client, log: VerifierKey, witness: VerifierKey) -> int | None:
    """The size of the newest checkpoint, once the witness has signed it."""
    found = open_checkpoint(client.get("/log/checkpoint").content, log, (witness,))
    return found.checkpoint.size if found.cosignatures else None
