"""The proof of one event, checked by bash, coreutils and openssl: nothing of ours, and nothing to install."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from ledger.log import bundle
from ledger.log.entry import entry_bytes
from ledger.log.merkle import inclusion_proof
from ledger.log.note import SigningKey
from ledger.log.proof import Proof
from ledger.log.tiles import nodes
from tests.ledger.log.logs import KEY
from tests.outside.conftest import EVENTS, Served

SCRIPT = Path(bundle.__file__).with_name("check_proof.sh")


def checked(folder: Path, proof: str, entry: bytes, vkey: str) -> subprocess.CompletedProcess[str]:
    (folder / "event.tlog-proof").write_text(proof)
    (folder / "event").write_bytes(entry)
    command = ["bash", str(SCRIPT), str(folder / "event.tlog-proof"), str(folder / "event"), vkey]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("index", [0, 1, 255, 65_536, 99_999])
def test_openssl_accepts_a_proof_and_finds_what_was_changed(log: Served, tmp_path: Path, index: int) -> None:
    """Of any event; and not if the event, the index, a hash, the checkpoint or the key is another."""
    [event] = log.store.read(index, 1)
    entry = entry_bytes(event.stream, event.version, event.type, event.state)
    proof = Proof(index, tuple(inclusion_proof(index, EVENTS, nodes(EVENTS, log.store.hashes))), log.checkpoint)
    key = str(KEY.verifier)
    done = checked(tmp_path, proof.text, entry, key)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"entry {index} is in the log of ledger.example/deals, signed at {EVENTS} entries\n"

    hash_ = base64.b64encode(proof.hashes[3]).decode()
    other_hash = base64.b64encode(bytes(32)).decode()
    for changed in (
        (proof.text, entry + b" ", key),
        (proof.text.replace(f"index {index}\n", f"index {index + 1}\n"), entry, key),
        (proof.text.replace(hash_, other_hash), entry, key),
        (proof.text.replace(f"{hash_}\n", ""), entry, key),
        (proof.text.replace(f"{hash_}\n", f"{hash_}\n{hash_}\n"), entry, key),
        (proof.text.replace(f"\n{EVENTS}\n", f"\n{EVENTS + 1}\n"), entry, key),
        (proof.text, entry, str(SigningKey(KEY.name, bytes(32)).verifier)),
        (proof.text, entry, key.replace("deals", "other")),
    ):
        assert checked(tmp_path, *changed).returncode == 1
