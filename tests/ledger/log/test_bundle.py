"""A bundle verifies without the ledger: by its README's commands, to the letter, and not if anything in it changed."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.log import bundle
from ledger.log.bundle import verify as alone
from ledger.log.bundle import write_bundle
from ledger.log.bundle.proofs import check_proofs
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.files import FolderFiles, NotThere, StoreFiles
from ledger.log.merkle import leaf_hash
from ledger.log.note import SigningKey
from ledger.log.signer import Signer
from ledger.log.tiles import Edge, bundle_bytes, split_bundle
from ledger.log.verify import NotVerified
from ledger.store import open_store
from tests.ledger.log.logs import KEY, append

VKEY = str(KEY.verifier)
EVENTS, OLD = 300, 100


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `bundle` and `old`, a checkpoint of an earlier time."""
    folder = tmp_path_factory.mktemp("bundles")
    store = open_store(folder / "ledger", None)
    signer = Signer(store, KEY, folder / "log.highwater")
    append(store, OLD)
    signer.cycle()
    (folder / "old").write_text(store.checkpoint() or "")
    append(store, EVENTS - OLD)
    signer.cycle()
    assert signer.newest is not None
    files = StoreFiles(store, signer.published)
    write_bundle(files, KEY.verifier, signer.newest, folder / "bundle", [1, 256, EVENTS], {"/v1/x?y": b"{}"})
    assert (folder / "bundle" / "answers" / "1.address").read_text() == "/v1/x?y\n"
    assert (folder / "bundle" / "answers" / "1.json").read_bytes() == b"{}"
    with pytest.raises(FileExistsError):
        write_bundle(files, KEY.verifier, signer.newest, folder / "bundle")
    with pytest.raises(ValueError, match="not in a tree"):
        write_bundle(files, KEY.verifier, signer.newest, folder / "beyond", [EVENTS + 1])
    store.close()
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A bundle to harm."""
    shutil.copytree(made / "bundle", tmp_path / "bundle")
    shutil.copyfile(made / "old", tmp_path / "bundle" / "old")
    return tmp_path / "bundle"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "verify.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def refused(folder: Path, *old: bytes) -> str | None:
    """Why, if it is; asked of the file's own function, which is faster."""
    try:
        alone.verify(folder / "log", alone.Key(VKEY), list(old))
    except (alone.Wrong, alone.Missing) as error:
        return str(error)
    return None


def commands() -> list[str]:
    """The shell blocks of the README."""
    text = Path(bundle.__file__).with_name("README.md").read_text()
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_the_readme_is_followed_to_the_letter(copied: Path, number: int) -> None:
    """Each of its commands accepts the bundle, and none a bundle with one letter of one event changed."""
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    assert len(commands()) == 3

    def exit_code() -> int:
        command = ["bash", "-c", commands()[number]]
        return subprocess.run(command, cwd=copied, env=environment, capture_output=True, check=False).returncode

    assert exit_code() == 0
    changed = "proofs/256.json" if number == 1 else "log/tile/entries/000"
    path = copied / changed
    path.write_bytes(path.read_bytes().replace(b"1.5", b"2.5"))
    assert exit_code() == 1


def test_verify_py_imports_nothing_but_python() -> None:
    """No package that has to be installed, and nothing of the ledger's."""
    tree = ast.parse(Path(alone.__file__).read_text())
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules <= sys.stdlib_module_names


def test_exit_codes(copied: Path) -> None:
    """0 all well, 1 found wrong, 2 bad usage, 3 something is missing; and it says what it couldn't know."""
    good = run(copied, "--vkey", VKEY, "--old", "old")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith(f"verified: {EVENTS} events, root ")
    assert "3 proofs beside it" in good.stdout
    bare = run(copied)
    assert bare.returncode == 0
    assert "without --vkey" in bare.stderr
    assert "without --old" in bare.stderr
    for key in (str(SigningKey(KEY.name, bytes(32)).verifier), "nonsense"):
        wrong = run(copied, "--vkey", key)
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert wrong.stderr.startswith("NOT VERIFIED: ")
    assert run(copied, "--nonsense").returncode == 2
    assert run(copied, "--old", "nothing").returncode == 3
    without = subprocess.run(
        [sys.executable, "-I", "verify.py"], cwd=copied, env={"PATH": "/nowhere"}, capture_output=True, check=False
    )
    assert without.returncode == 3
    assert b"openssl" in without.stderr
    shutil.rmtree(copied / "proofs")
    assert "proofs" not in run(copied).stdout
    (copied / "log" / "tile" / "1" / "000.p" / "1").unlink()
    assert run(copied).returncode == 3


def test_no_file_of_the_log_can_be_changed(copied: Path) -> None:
    """A byte at the beginning, in the middle and at the end of each; cut, lengthened, or gone. As it was, it passes."""
    assert refused(copied) is None
    for path in [path for path in (copied / "log").rglob("*") if path.is_file()]:
        content = path.read_bytes()
        middle = len(content) // 2
        for at in (0, 1, middle, len(content) - 1):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert refused(copied) is not None, (path, at)
        for changed in (content[:-1], content + b"\n", content + b"\0\0", b""):
            path.write_bytes(changed)
            assert refused(copied) is not None, path
        path.unlink()
        assert refused(copied) is not None
        path.write_bytes(content)
    assert refused(copied) is None


def test_what_is_no_file_is_not_waited_for(copied: Path) -> None:
    """Given a pipe in place of a file; then it is missing."""
    for path in ("log/checkpoint", "log/tile/0/001.p/44"):
        content = (copied / path).read_bytes()
        (copied / path).unlink()
        os.mkfifo(copied / path)
        assert "it is no file" in str(refused(copied))
        with pytest.raises(NotThere):
            FolderFiles(copied / "log").read(path.removeprefix("log/"))
        (copied / path).unlink()
        (copied / path).write_bytes(content)
    assert refused(copied) is None


def test_no_file_of_the_proofs_can_be_changed(copied: Path) -> None:
    """A byte, an end, a name; by verify.py, by the ledger's own check, and by the shell's where it is of one proof. As
    they were, they pass; with a whole proof less, too."""
    log = (copied / "log" / "checkpoint").read_bytes()
    signed = open_checkpoint(log, KEY.verifier)
    proofs = copied / "proofs"

    def refused_by(position: str | None) -> list[bool]:
        found = []
        try:
            alone.check_proofs(proofs, log, EVENTS, signed.checkpoint.root)
        except (alone.Wrong, alone.Missing):
            found.append(True)
        try:
            check_proofs({path.name: path.read_bytes() for path in proofs.iterdir()}, signed)
        except NotVerified:
            found.append(True)
        if position is not None:
            names = [f"proofs/{position}.tlog-proof", f"proofs/{position}.json", VKEY]
            command = ["bash", "check_proof.sh", *names]
            found += [True] * subprocess.run(command, cwd=copied, capture_output=True, check=False).returncode
        return found

    for path in sorted(proofs.iterdir()):
        assert refused_by(path.stem) == []
        content = path.read_bytes()
        middle = len(content) // 2
        changes = [
            content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in (0, 30, middle, len(content) - 1)
        ]
        for changed in (*changes, content[:-1], content + b"\n", content + b"x", content + b"\0", b""):
            path.write_bytes(changed)
            assert refused_by(path.stem) == [True] * 3, (path, changed)
        path.unlink()
        assert refused_by(None) == [True] * 2
        path.write_bytes(content)
    for name in ("1.json", "1.tlog-proof"):
        content = (proofs / name).read_bytes()
        (proofs / name).unlink()
        with pytest.raises(NotVerified, match=f"there is no proofs/{name}$"):
            check_proofs({path.name: path.read_bytes() for path in proofs.iterdir()}, signed)
        (proofs / name).write_bytes(content)
    for name in ("2.json", "0.json", "01.tlog-proof", "1.proof", f"{EVENTS + 1}.json"):
        (proofs / name).write_bytes((proofs / "1.json").read_bytes())
        assert refused_by(None) == [True] * 2, name
        (proofs / name).unlink()
    for suffix in ("json", "tlog-proof"):
        (proofs / f"1.{suffix}").rename(proofs / f"2.{suffix}")
    assert refused_by(None) == [True] * 2
    for suffix in ("json", "tlog-proof"):
        (proofs / f"2.{suffix}").unlink()
    assert refused_by(None) == []
    assert run(copied).stdout.endswith("verified: 2 proofs beside it\n")
    (proofs / "256.json").write_bytes(b"x")
    assert run(copied).returncode == 1


def test_a_readme_without_proofs(made: Path, tmp_path: Path) -> None:
    """It doesn't say how to check what isn't there; all else it does."""
    with closing(open_store(made / "ledger", None)) as store:
        signed = open_checkpoint((made / "bundle" / "log" / "checkpoint").read_bytes(), KEY.verifier)
        write_bundle(StoreFiles(store, lambda: (signed.note, EVENTS)), KEY.verifier, signed, tmp_path / "new")
    whole, without = ((folder / "README.md").read_text() for folder in (made / "bundle", tmp_path / "new"))
    headings = [line for line in whole.split("\n") if line.startswith("## ")]
    assert [line for line in without.split("\n") if line.startswith("## ")] == [headings[0], *headings[2:]]
    assert "for proof in" in whole
    assert "for proof in" not in without
    assert "exit 1" not in whole


def resign(folder: Path, entries: list[bytes]) -> None:
    """A log of these entries in the folder's place, whole in itself, signed with the real key."""
    shutil.rmtree(folder / "log")
    edge, leaves = Edge(), [leaf_hash(entry) for entry in entries]
    edge.extend(leaves)
    assert len(entries) < 256
    for path, content in {
        "checkpoint": Checkpoint(KEY.name, len(entries), edge.root()).sign(KEY).encode(),
        f"tile/0/000.p/{len(entries)}": b"".join(leaves),
        f"tile/entries/000.p/{len(entries)}": bundle_bytes(entries),
    }.items():
        (folder / "log" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "log" / path).write_bytes(content)


def test_history_rewritten_is_found_by_the_older_checkpoint(copied: Path) -> None:
    """And by nothing else: as long as, longer than, shorter than what was signed. The true history passes."""
    entries = split_bundle((copied / "log/tile/entries/000").read_bytes(), 256)
    old = (copied / "old").read_bytes()
    rewritten = [entry.replace(b"1.5", b"2.5") for entry in entries]
    for history, count, says in (
        (entries, 100, None),
        (entries, 200, None),
        (entries, 99, "it lost some"),
        (rewritten, 100, "rewritten"),
        (rewritten, 200, "rewritten"),
    ):
        resign(copied, history[:count])
        assert refused(copied) is None
        found = refused(copied, old)
        assert (found is None) if says is None else (says in str(found))


def test_an_older_checkpoint_is_checked_itself(copied: Path) -> None:
    """One that another key signed, one that is none, two of one size; and that of the empty log."""
    old = (copied / "old").read_bytes()
    assert refused(copied, old, old) is None
    stranger = SigningKey(KEY.name, bytes(32))
    for wrong in (
        Checkpoint(KEY.name, 3, bytes(32)).sign(stranger),
        Checkpoint(KEY.name, OLD, bytes(32)).sign(KEY),
        Checkpoint(KEY.name, 0, bytes(32)).sign(KEY),
        Checkpoint("other.example/log", OLD, bytes(32)).sign(KEY),
        old.decode().replace("\n100\n", "\n0100\n"),
        "nonsense",
    ):
        assert refused(copied, wrong.encode()) is not None
        assert refused(copied, old, wrong.encode()) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: [entries[1], entries[0], *entries[2:]],
        lambda entries: [*entries, entries[0]],
        lambda entries: entries[1:],
        lambda entries: [*entries, b"no event"],
        lambda entries: [*entries, b"[]"],
        lambda entries: [b" " + entries[0], *entries[1:]],
        lambda entries: [entries[0].replace(b'"version":1', b'"version":1.0'), *entries[1:]],
        lambda entries: [entries[0].replace(b'"version":1', b'"version":true'), *entries[1:]],
        lambda entries: [entries[0].replace(b'"version":1', b'"version":"1"'), *entries[1:]],
    ],
)
def test_what_is_signed_must_be_a_ledger(copied: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Entries that aren't events, or not the next of their record, though all hashes fit. In order, they pass."""
    entries = split_bundle((copied / "log/tile/entries/000").read_bytes(), 256)[:6]
    resign(copied, entries)
    assert refused(copied) is None
    resign(copied, change(entries))
    assert refused(copied) is not None
