"""A copy of the log that is verified without the ledger: its files, proofs, answers, and what to verify them with."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.files import CHECKPOINT, HANDOVERS, Files, paths, read_handovers
from ledger.log.merkle import inclusion_proof
from ledger.log.note import VerifierKey
from ledger.log.proof import Proof
from ledger.log.tiles import WIDTH, Bundle, Tile, nodes, split_bundle

KEY_FILE, LOG, PROOFS, ANSWERS = "log.vkey", "log", "proofs", "answers"
# Written by hand, and read by whoever doesn't trust us.
TOOLS = ("README.md", "verify.py", "check_proof.sh")


def write_bundle(
    files: Files,
    key: VerifierKey,
    signed: SignedCheckpoint,
    folder: Path,
    positions: Iterable[int] = (),
    answers: Mapping[str, bytes] | None = None,
) -> None:
    """Fill a new folder with the log as far as `signed` signs it, the proofs of the events at these positions, and
    answers by the address of their question, which must be pinned.

    Raises FileExistsError if the folder is there, ValueError for a position that isn't signed.
    """
    folder.mkdir(parents=True)
    size = signed.checkpoint.size
    for path in paths(size):
        _write(folder / LOG / path, files.read(path))
    _write(folder / LOG / CHECKPOINT, signed.note.encode())
    if handovers := read_handovers(files):
        _write(folder / LOG / HANDOVERS, handovers)
    _write(folder / KEY_FILE, f"{key}\n".encode())
    for name in TOOLS:
        shutil.copyfile(Path(__file__).with_name(name), folder / name)
    (folder / PROOFS).mkdir()
    positions = list(positions)
    if not positions:
        _without_proofs(folder / TOOLS[0])
    node = nodes(size, lambda level, first, count: files.read(Tile(level, first // WIDTH, count).path))
    for position in positions:
        index = position - 1
        proof = Proof(index, tuple(inclusion_proof(index, size, node)), signed.note)
        _write(folder / PROOFS / f"{position}.tlog-proof", proof.text.encode())
        _write(folder / PROOFS / f"{position}.json", _entry(files, index, size))
    for number, (address, answer) in enumerate((answers or {}).items(), 1):
        _write(folder / ANSWERS / f"{number}.address", f"{address}\n".encode())
        _write(folder / ANSWERS / f"{number}.json", answer)


def _without_proofs(readme: Path) -> None:
    """Leave out how to check what isn't there."""
    before, heading, after = readme.read_text().partition("## One event, ")
    readme.write_text(before + after[after.index("## ") :] if heading else before)


def _entry(files: Files, index: int, size: int) -> bytes:
    bundle = Bundle(index // WIDTH, min(WIDTH, size - index // WIDTH * WIDTH))
    return split_bundle(files.read(bundle.path), bundle.width)[index % WIDTH]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
