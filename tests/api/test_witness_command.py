"""`dealledger witness`: what it is given, what it remembers, and how it ends, whatever it finds there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from ledger.log.checkpoint import Checkpoint
from ledger.log.files import CHECKPOINT
from ledger.log.keys import load_key
from ledger.log.merkle import leaf_hash
from ledger.log.note import WITNESS, SigningKey, VerifierKey
from ledger.log.witness import Request, cosignatures
from tests.api.test_cli import COMMAND, ENVIRONMENT
from tests.ledger.log.logs import KEY, MemoryFiles

NAME = "witness.example/1"
ONE = Checkpoint(KEY.name, 1, leaf_hash(b"x"))
STRANGER = SigningKey(KEY.name, bytes(32))
OTHER = SigningKey("other.example/log", bytes(32))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> MemoryFiles:
    """What the service at any address has: a log of one event."""
    files = MemoryFiles({CHECKPOINT: ONE.sign(KEY).encode()})

    @contextmanager
    def fetched(_: str) -> Iterator[MemoryFiles]:
        yield files

    monkeypatch.setattr("api.cli.witnessing.HttpFiles", fetched)
    return files


def witness(folder: Path, *keys: object, **options: str) -> Result:
    """Asked to sign what the service has."""
    given = [part for key in keys for part in ("--vkey", str(key))]
    given += [part for name, value in options.items() for part in (f"--{name}", value)]
    return CliRunner().invoke(app, ["witness", "--data", str(folder), "--url", "http://ledger.example", *given])


def remembered(folder: Path, key: VerifierKey) -> Path:
    return folder / f"{sha256(str(key).encode()).hexdigest()}.checkpoint"


def signs(done: Result, folder: Path, checkpoint: Checkpoint = ONE) -> None:
    """It signed the checkpoint, and keeps it."""
    assert done.exit_code == 0, done.stderr
    key = load_key(folder, algorithm=WITNESS).verifier
    assert len(cosignatures(done.stdout.encode(), checkpoint, [key])) == 1
    assert str(key) in done.stderr
    assert b"".join(path.read_bytes() for path in folder.glob("*.checkpoint")) != b""


def ends(done: Result, code: int, says: str) -> None:
    """It signed nothing, and says why."""
    assert (done.exit_code, done.stdout, says in done.stderr) == (code, "", True), done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("as_file", [True, False])
def test_it_signs_what_it_is_shown(log: MemoryFiles, tmp_path: Path, as_file: bool) -> None:
    """With the key given as it is, or as a file; and the same again."""
    (tmp_path / "log.vkey").write_text(f"{KEY.verifier}\n")
    key = tmp_path / "log.vkey" if as_file else KEY.verifier
    for options in ({"name": NAME}, {}):
        signs(witness(tmp_path / "w", key, **options), tmp_path / "w")
    assert remembered(tmp_path / "w", KEY.verifier).read_bytes() == log.contents[CHECKPOINT]
    assert load_key(tmp_path / "w", algorithm=WITNESS).name == NAME


@pytest.mark.parametrize(
    ("note", "says"),
    [
        (b"nonsense", "NOT SIGNED: "),
        (ONE.sign(STRANGER).encode(), "NOT SIGNED: "),
        (ONE.sign(KEY).encode() + b"\xff", "NOT SIGNED: "),
        (Checkpoint(OTHER.name, 1, bytes(32)).sign(OTHER).encode(), "another log than the --vkey is of"),
    ],
)
def test_what_is_no_checkpoint_of_the_log(log: MemoryFiles, tmp_path: Path, note: bytes, says: str) -> None:
    """Malformed, signed by a stranger, or another log's. The test above is the control."""
    log.contents[CHECKPOINT] = note
    ends(witness(tmp_path, KEY.verifier), 1, says)
    assert not list(tmp_path.glob("*.checkpoint"))


def test_what_does_not_follow(log: MemoryFiles, tmp_path: Path) -> None:
    """Of the same size with another root, shorter, or without the tiles that prove it: the first is remembered on."""
    signs(witness(tmp_path, KEY.verifier), tmp_path)
    for size, code, says in (
        (1, 1, "NOT SIGNED: the checkpoint of 1 events doesn't follow the one of 1"),
        (0, 1, "NOT SIGNED: the checkpoint of 0 events doesn't follow the one of 1"),
        (2, 3, "The log can't be witnessed"),
    ):
        log.contents[CHECKPOINT] = Checkpoint(KEY.name, size, bytes(32)).sign(KEY).encode()
        ends(witness(tmp_path, KEY.verifier), code, says)
    log.contents["tile/0/000.p/2"] = bytes(63)
    ends(witness(tmp_path, KEY.verifier), 1, "NOT SIGNED: ")
    log.contents["tile/0/000.p/2"] = ONE.root + bytes(32)
    ends(witness(tmp_path, KEY.verifier), 1, "NOT SIGNED: the checkpoint of 2 events doesn't follow the one of 1")
    assert remembered(tmp_path, KEY.verifier).read_bytes() == ONE.sign(KEY).encode()
    del log.contents[CHECKPOINT]
    ends(witness(tmp_path, KEY.verifier), 3, "Nothing of it is signed yet")


@pytest.mark.parametrize("note", [b"nonsense", ONE.sign(STRANGER).encode(), b""])
def test_a_memory_that_was_damaged(log: MemoryFiles, tmp_path: Path, note: bytes) -> None:
    """Is not gone on from, whether it can't be read or wasn't signed."""
    signs(witness(tmp_path, KEY.verifier), tmp_path)
    remembered(tmp_path, KEY.verifier).write_bytes(note)
    ends(witness(tmp_path, KEY.verifier), 1, "What this witness signed last of ledger.example/deals is damaged")


def test_what_it_remembers_of_other_logs(log: MemoryFiles, tmp_path: Path) -> None:
    """Is left alone, be it damaged; of this log under a key that isn't given it isn't."""
    remembered(tmp_path, OTHER.verifier).write_bytes(b"nonsense")
    signs(witness(tmp_path, KEY.verifier), tmp_path)
    remembered(tmp_path, OTHER.verifier).write_bytes(Checkpoint(OTHER.name, 9, bytes(32)).sign(OTHER).encode())
    signs(witness(tmp_path, KEY.verifier), tmp_path)
    remembered(tmp_path, STRANGER.verifier).write_bytes(ONE.sign(STRANGER).encode())
    ends(witness(tmp_path, KEY.verifier), 2, "that have another key than is given")
    for keys in ([KEY.verifier, STRANGER.verifier], [STRANGER.verifier, KEY.verifier]):
        signs(witness(tmp_path, *keys), tmp_path)


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_of_what_it_signed_counts(log: MemoryFiles, tmp_path: Path, order: int) -> None:
    """Under whichever of the log's keys, in whichever order they are given."""
    newest = Checkpoint(KEY.name, 5, bytes(32))
    remembered(tmp_path, KEY.verifier).write_bytes(ONE.sign(KEY).encode())
    remembered(tmp_path, STRANGER.verifier).write_bytes(newest.sign(STRANGER).encode())
    keys = [KEY.verifier, STRANGER.verifier][::order]
    ends(witness(tmp_path, *keys), 1, "the checkpoint of 1 events doesn't follow the one of 5")
    log.contents[CHECKPOINT] = newest.sign(KEY).encode()
    signs(witness(tmp_path, *keys), tmp_path, newest)
    for key in keys:
        assert remembered(tmp_path, key).read_bytes() == log.contents[CHECKPOINT]


def test_a_key_that_is_none(log: MemoryFiles, tmp_path: Path) -> None:
    """The log's, or the witness's own: its type, its mode, its name."""
    ends(witness(tmp_path / "w", "nonsense"), 2, "This is no public key")
    ends(witness(tmp_path / "w", KEY.verifier, name="two words"), 2, "Error: ")
    signs(witness(tmp_path / "w", KEY.verifier, name=NAME), tmp_path / "w")
    ends(witness(tmp_path / "w", KEY.verifier, name="witness.example/2"), 2, "keeps its name")
    (tmp_path / "w" / "witness.key").chmod(0o644)
    ends(witness(tmp_path / "w", KEY.verifier), 2, "chmod 600")


def test_it_waits_to_be_asked(tmp_path: Path) -> None:
    """Without an address to ask, it says its own."""
    command = [*COMMAND, "witness", "--data", str(tmp_path), "--vkey", str(KEY.verifier), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as running:
        try:
            assert running.stderr is not None
            told = [running.stderr.readline() for _ in range(2)]
            assert told[0].startswith("This witness is deal-ledger-witness/")
            url = told[1].removeprefix("Witnessing at ").strip()
            answers = [
                httpx.post(url, content=content, trust_env=False, timeout=10)
                for content in (Request(0, (), ONE.sign(KEY)).text, "old 0\n\nnonsense", "nonsense")
            ]
        finally:
            running.terminate()
    assert [one.status_code for one in answers] == [200, 400, 400]
    assert "server" not in answers[0].headers
    assert len(cosignatures(answers[0].content, ONE, [load_key(tmp_path, algorithm=WITNESS).verifier])) == 1
