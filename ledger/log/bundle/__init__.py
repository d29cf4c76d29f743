"""A copy of the log that is verified without the ledger: its files, proofs, and what to verify them with."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.entry import entry_bytes
from ledger.log.files import StoreFiles, copy
from ledger.log.note import VerifierKey
from ledger.log.prover import Prover
from ledger.store import Store

KEY_FILE, LOG, PROOFS = "log.vkey", "log", "proofs"
# Written by hand, and read by whoever doesn't trust us.
TOOLS = ("README.md", "verify.py", "check_proof.sh")


def write_bundle(
    store: Store, key: VerifierKey, signed: SignedCheckpoint, folder: Path, positions: Iterable[int] = ()
) -> None:
    """Fill a new folder with the log as far as `signed` signs it, and the proofs of the events at these positions.

    Raises FileExistsError if the folder is there, ValueError for a position that isn't signed.
    """
    folder.mkdir(parents=True)
    size = signed.checkpoint.size
    copy(StoreFiles(store, lambda: (signed.note, size)), size, folder / LOG)
    (folder / KEY_FILE).write_text(f"{key}\n")
    for name in TOOLS:
        shutil.copyfile(Path(__file__).with_name(name), folder / name)
    prover = Prover(store)
    (folder / PROOFS).mkdir()
    for position in positions:
        proof = prover.proof(position, signed)
        [event] = store.read(position - 1, 1)
        (folder / PROOFS / f"{position}.tlog-proof").write_text(proof.text)
        entry = entry_bytes(event.stream, event.version, event.type, event.state)
        (folder / PROOFS / f"{position}.json").write_bytes(entry)
