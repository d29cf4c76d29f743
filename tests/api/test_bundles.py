"""`dealledger export --bundle`: the log, proofs of a record, and answers that a ledger of the copy gives again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from ledger import example as ledger_example
from ledger.log.keys import load_key
from ledger.log.proof import parse_proof
from ledger.store import open_store
from tests.api.test_cli import lines
from tests.api.test_verify import found, record, state, vkey
from tests.api.world import entity

__all__ = ["state"]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example ledger in a folder."""
    folder = tmp_path_factory.mktemp("example") / "ledger"
    file = lines(folder.parent / "example.jsonl", *ledger_example.events())
    done = CliRunner().invoke(app, ["import", str(file), "--data", str(folder), "--yes"])
    assert done.exit_code == 0, done.stderr
    return folder


def export(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def positions(folder: Path, stream: str) -> list[int]:
    """Of the events of a record."""
    store = open_store(folder, None)
    found = [one.position for one in store.read(0, 100_000) if one.stream == stream]
    store.close()
    return found


QUESTIONS = (
    "/v1/holdings?as_of=2025-06-30",
    "/v1/commitments?from=amazon",
    "/v1/events?limit=1000",
    "/v1/exposures?layer=contracted",
    "/v1/claims",
)


def test_a_bundle_of_the_example_ledger(ledger: Path, tmp_path: Path) -> None:
    """The log, proofs of one record's events, and answers that a ledger of the bundle's events alone gives again, to
    the byte; verify.py accepts it, and it verifies as a zip too."""
    stored = open_store(ledger, None)
    streams = Counter(one.stream for one in stored.read(0, 100_000) if one.stream.startswith("commitment/"))
    stored.close()
    [(stream, count)] = streams.most_common(1)
    assert count > 1
    asked = [part for question in QUESTIONS for part in ("--ask", question)]
    folder = tmp_path / "bundle"
    done = export("--bundle", folder, "--data", ledger, "--record", stream, *asked)
    assert done.exit_code == 0, done.stderr
    proofs = sorted(int(path.stem) for path in (folder / "proofs").glob("*.tlog-proof"))
    assert proofs == positions(ledger, stream)
    for position in proofs:
        proof = parse_proof((folder / "proofs" / f"{position}.tlog-proof").read_bytes())
        assert proof.index == position - 1
        proof.verify((folder / "proofs" / f"{position}.json").read_bytes(), load_key(ledger).verifier)
    alone = subprocess.run(
        ["python3", "verify.py", "--vkey", vkey(ledger)], cwd=folder, capture_output=True, check=False
    )
    assert alone.returncode == 0, alone.stderr
    report = found("--bundle", folder, "--vkey", vkey(ledger))
    assert (report["verified"], report["answers"], report["proofs"]) == (True, len(QUESTIONS), count)
    shutil.make_archive(str(tmp_path / "zipped"), "zip", folder)
    assert found("--bundle", tmp_path / "zipped.zip", "--vkey", vkey(ledger))["answers"] == len(QUESTIONS)
    proved = folder / "proofs" / f"{proofs[0]}.json"
    proved.write_bytes(proved.read_bytes() + b" ")
    assert found("--bundle", folder, "--vkey", vkey(ledger))["kind"] == "event"
    shutil.make_archive(str(tmp_path / "changed"), "zip", folder)
    assert found("--bundle", tmp_path / "changed.zip", "--vkey", vkey(ledger))["kind"] == "event"


def small(tmp_path: Path, *asked: str) -> Path:
    """A bundle of two entities."""
    record(tmp_path / "ledger", entity("ant"), entity("bee"))
    parts = [part for one in asked for part in ("--ask", one)]
    done = export("--bundle", tmp_path / "bundle", "--data", tmp_path / "ledger", *parts)
    assert done.exit_code == 0, done.stderr
    return tmp_path / "bundle"


def test_an_answer_that_does_not_follow(tmp_path: Path) -> None:
    """One name changed in an answer, an answer that is gone, a question that isn't pinned. As it was, it verifies."""
    bundle = small(tmp_path, "/v1/entities")
    assert found("--bundle", bundle)["verified"]
    answer, address = bundle / "answers" / "1.json", bundle / "answers" / "1.address"
    good, where = answer.read_bytes(), address.read_text()
    changes: list[tuple[Path, bytes | None]] = [
        (answer, good.replace(b"ant", b"wasp")),
        (answer, good + b" "),
        (answer, None),
        (address, where.replace("position=2", "position=1").encode()),
        (address, b"/v1/entities\n"),
    ]
    for path, content in changes:
        path.unlink() if content is None else path.write_bytes(content)
        assert found("--bundle", bundle)["kind"] == "answer", (path, content)
        answer.write_bytes(good)
        address.write_text(where)
    assert found("--bundle", bundle)["answers"] == 1


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        (["2.address", "2.json"], "answer"),
        (["2.address", "2.json", "3.address", "3.good"], "answer"),
        (["2.json"], "answer"),
        (["2.address"], "answer"),
        (["1.txt"], "malformed"),
        (["01.json"], "malformed"),
    ],
)
def test_no_answer_passes_unseen(tmp_path: Path, more: list[str], kind: str) -> None:
    """A wrong one beside the right one to the same question, one without its question, one by another name."""
    bundle = small(tmp_path, "/v1/entities")
    answers = bundle / "answers"
    good, where = (answers / "1.json").read_bytes(), (answers / "1.address").read_bytes()
    assert found("--bundle", bundle)["answers"] == 1
    contents = {".address": where, ".json": good.replace(b"ant", b"wasp"), ".good": good, ".txt": good}
    for name in more:
        (answers / name.replace(".good", ".json")).write_bytes(contents[Path(name).suffix])
    assert found("--bundle", bundle)["kind"] == kind
    assert found("--bundle", shutil.make_archive(str(tmp_path / "zipped"), "zip", bundle))["kind"] == kind


@pytest.mark.parametrize("what", ["answers", "proofs", "answers/1.json"])
def test_what_is_no_file_or_no_folder_is_found_wrong(tmp_path: Path, what: str) -> None:
    """Given a file in place of a folder, or a pipe in place of a file; then neither is passed over or waited for."""
    bundle = small(tmp_path, "/v1/entities")
    place = bundle / what
    shutil.rmtree(place, ignore_errors=True)
    if what == "answers/1.json":
        place.unlink()
        os.mkfifo(place)
    else:
        place.write_bytes(b"")
    done = CliRunner().invoke(app, ["verify", "--bundle", str(bundle), "--vkey", str(bundle / "log.vkey")])
    assert (done.exit_code, "NOT VERIFIED (malformed)" in done.stderr) == (1, True)
    if what == "proofs":
        assert (
            subprocess.run([sys.executable, "-I", "verify.py"], cwd=bundle, capture_output=True, check=False).returncode
            == 1
        )


def test_an_answer_of_events_that_were_changed(tmp_path: Path) -> None:
    """Before any answer is looked at, the log is."""
    bundle = small(tmp_path, "/v1/entities")
    entries = bundle / "log" / "tile" / "entries" / "000.p" / "2"
    entries.write_bytes(entries.read_bytes().replace(b"bee", b"fly"))
    assert found("--bundle", bundle)["kind"] == "event"


def test_the_answers_name_the_root(tmp_path: Path) -> None:
    """The root of the checkpoint, where the answer is of the last position."""
    bundle = small(tmp_path, "/v1/entities")
    answer: dict[str, Any] = json.loads((bundle / "answers" / "1.json").read_text())
    assert answer["root"] == (bundle / "log" / "checkpoint").read_text().split("\n")[2]


def test_a_question_is_named_with_v1_or_without(tmp_path: Path) -> None:
    """However a question is written, its answer has the same pinned address."""
    bundle = small(tmp_path, "/v1/entities?limit=1", "v1/entities?limit=1", "/entities?limit=1", "entities?limit=1")
    [address] = {path.read_text() for path in (bundle / "answers").glob("*.address")}
    assert address.startswith("/v1/entities?")
    assert address.endswith("&position=2&limit=1\n")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("holdngs", "--ask holdngs: No question has this address. One is like holdings?holder=x."),
        ("holdngs?holder=x", "Did you mean /v1/holdings?"),
        ("valuations", "Did you mean /v1/valuations/{subject}?"),
        ("http://127.0.0.1:9/v1/holdings", "No question has this address."),
        ("/livez", "No question has this address."),
        ("holdings?format=csv", "answers in a bundle are JSON."),
    ],
)
def test_what_is_no_question_is_told_what_one_is_like(tmp_path: Path, asked: str, told: str) -> None:
    """Usage is at fault, and no bundle is made. The control: the test above."""
    record(tmp_path / "ledger", entity("ant"))
    done = export("--bundle", tmp_path / "bundle", "--data", tmp_path / "ledger", "--ask", asked)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "bundle").exists()


def test_how_it_ends(tmp_path: Path) -> None:
    """What can't be bundled is said, and leaves nothing behind."""
    bundle = small(tmp_path)
    ledger, new = tmp_path / "ledger", tmp_path / "new"
    for code, *arguments in (
        (2, "--bundle", bundle, "--data", ledger),
        (2, "--bundle", new, "--data", ledger, "--output", tmp_path / "x.csv"),
        (2, "--bundle", new, "--data", ledger, "--ask", "/v1/entities?nonsense=1"),
        (2, "--bundle", new, "--url", "http://127.0.0.1:9"),
        (2, "--bundle", new, "--url", "http://127.0.0.1:9", "--vkey", "nonsense"),
        (3, "--bundle", new, "--url", "http://127.0.0.1:9", "--vkey", vkey(ledger)),
        (1, "--bundle", new, "--data", ledger, "--record", "commitment/nothing"),
        (2, "--record", "commitment/nothing", "--data", ledger),
        (2, "--bundle", new, "--data", tmp_path / "nothing"),
    ):
        done = export(*arguments)
        assert (done.exit_code, done.stdout) == (code, ""), (arguments, done.stderr)
        assert "Traceback" not in done.stderr
        assert not new.exists()
