"""Documents at the shell, on a folder and on a service; and what `dealledger verify` says of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from tests.api.test_cli import lines
from tests.api.world import entity
from tests.service import fresh_service

SECRET = b"the terms that nobody was to see\x00\xff"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "terms.pdf"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of two parties."""
    file = lines(tmp_path / "in.jsonl", entity("ant"), entity("bee"))
    assert invoke("import", file, "--data", tmp_path / "ledger", "--yes").exit_code == 0
    return tmp_path / "ledger"


@pytest.fixture(params=["folder", "url"])
def where(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[str, str]]:
    """The ledger, as options of a command."""
    if request.param == "folder":
        yield "--data", str(folder)
        return
    with fresh_service(folder) as client:
        yield "--url", str(client.base_url)


def test_a_document_comes_goes_and_is_gone(where: tuple[str, str], document: Path, tmp_path: Path) -> None:
    """Given a file; when it is attached, listed, fetched and erased, in a folder or a service; then so it is."""
    done = invoke("attach", document, "--about", "ant", "--about", "bee", "--id", "terms", "--title", "Terms", *where)
    assert (done.exit_code, done.stdout) == (0, "Attached as terms at position 3.\n"), done.stderr
    [row] = json.loads(invoke("attachments", "--about", "bee", "--json", *where).stdout)["attachments"]
    assert (row["attachment"], row["about"], row["media_type"]) == ("terms", ["ant", "bee"], "application/pdf")
    assert "Terms" in invoke("attachments", *where).stdout
    assert "media_type: application/pdf" in invoke("attachment", "terms", *where).stdout
    done = invoke("content", "terms", *where)
    assert (done.exit_code, done.stdout_bytes) == (0, SECRET)
    assert row["hash"] in done.stderr
    assert invoke("content", "terms", "--to", tmp_path / "copy", *where).exit_code == 0
    assert (tmp_path / "copy").read_bytes() == SECRET
    done = invoke("erase", "terms", "--reason", "they asked", "--yes", *where)
    assert (done.exit_code, done.stdout) == (0, "Erased terms; recorded at position 4.\n")
    done = invoke("content", "terms", *where)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "erased at position 4" in done.stderr


def test_what_goes_wrong_is_told(folder: Path, document: Path, tmp_path: Path) -> None:
    """Given commands that can't be done; when they are given; then each says why, and ends as documented."""
    data = ("--data", folder)
    for code, told, command in [
        (2, "no such file", ("attach", tmp_path / "none", "--about", "ant")),
        (2, "nothing has the id nobody", ("attach", document, "--about", "nobody")),
        (2, "not a media type", ("attach", document, "--about", "ant", "--media-type", "text/")),
        (1, "no attachment of this id", ("content", "none")),
        (1, "no attachment of this id", ("attachment", "none")),
        (2, "there is no attachment none", ("erase", "none", "--reason", "x", "--yes")),
        (2, "nobody is here", ("erase", "none", "--reason", "x")),
    ]:
        done = invoke(*command, *data)
        assert done.exit_code == code, done.stderr
        assert told in done.stderr.lower()


def test_verify_says_how_many_there_are(folder: Path, document: Path) -> None:
    """Given documents that are there, that are erased, and a hash that came alone; when verified; then so many."""
    for name in ("one", "two", "three"):
        assert invoke("attach", document, "--about", "ant", "--id", name, "--data", folder).exit_code == 0
    assert invoke("erase", "two", "--reason", "x", "--yes", "--data", folder).exit_code == 0
    said = {"attachment": "far", "about": ["ant"], "media_type": "a/b", "size": 3, "hash": f"sha256:{'0' * 64}"}
    far = lines(folder.parent / "far.jsonl", {"type": "attachment.added", "data": said})
    assert invoke("import", far, "--data", folder, "--yes").exit_code == 0
    done = invoke("verify", "--data", folder)
    assert done.exit_code == 0, done.stderr
    assert "Attachments: 2 are what was attached, 1 are erased, 1 are not here." in done.stdout
    report = json.loads(invoke("verify", "--data", folder, "--json").stdout)
    assert report["attachments"] == {"held": 2, "erased": 1, "missing": 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "UPDATE attachments SET bytes = CAST('the terms that nobody was to sEe' AS BLOB) WHERE id = 'one'",
            "the bytes of the attachment one aren't those",
        ),
        ("UPDATE attachments SET salt = zeroblob(32) WHERE id = 'one'", "the bytes of the attachment one aren't those"),
        ("UPDATE attachments SET id = 'other' WHERE id = 'one'", "there are bytes of an attachment other, which no"),
        ("UPDATE attachments SET salt = X'00', bytes = X'00' WHERE id = 'two'", "the attachment two was erased at"),
        (
            "INSERT INTO attachments (id, salt, bytes) VALUES ('three', X'00', X'00')",
            "there are bytes of an attachment",
        ),
    ],
)
def test_a_changed_byte_is_found(folder: Path, document: Path, change: str, says: str) -> None:
    """Given a document, and one that is erased; when somebody changes the table; then verify says which, and doctor;
    and before that, the control, all was well."""
    doctor = ("doctor", "--data", folder)
    for name in ("one", "two"):
        assert invoke("attach", document, "--about", "ant", "--id", name, "--data", folder).exit_code == 0
    assert invoke("erase", "two", "--reason", "x", "--yes", "--data", folder).exit_code == 0
    assert invoke("verify", "--data", folder).exit_code == 0
    assert "ok     attachments: 1 are what was attached, 1 erased, 0 not here" in invoke(*doctor).stdout
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as shell:
        shell.execute("DROP TRIGGER attachments_only_erased")
        shell.execute(change)
    done = invoke("verify", "--data", folder)
    assert done.exit_code == 1
    assert "NOT VERIFIED (attachment)" in done.stderr
    done = invoke(*doctor)
    assert done.exit_code == 1
    assert f"WRONG  attachments: {says}" in done.stdout


def test_the_log_verifies_after_an_erasure_against_what_was_signed_before(folder: Path, document: Path) -> None:
    """Given a checkpoint from before an erasure; when the log is verified with it; then nothing else has changed."""
    assert invoke("attach", document, "--about", "ant", "--id", "terms", "--data", folder).exit_code == 0
    with fresh_service(folder) as client:
        old = folder.parent / "old"
        old.write_bytes(client.get("/log/checkpoint").content)
    assert invoke("erase", "terms", "--reason", "x", "--yes", "--data", folder).exit_code == 0
    with fresh_service(folder):
        pass  # signs what there is
    done = invoke("verify", "--data", folder, "--old", old)
    assert done.exit_code == 0, done.stderr
    assert "Verified: 4 events" in done.stdout
    assert "It begins with what was signed at 3 events" in done.stdout
    assert SECRET[:16] not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_an_export_brings_the_hash_and_says_what_is_not_there(folder: Path, document: Path, tmp_path: Path) -> None:
    """Given a ledger with a document; when its export is imported elsewhere; then the hash is there, and its bytes
    come with a word that they aren't."""
    assert invoke("attach", document, "--about", "ant", "--id", "terms", "--data", folder).exit_code == 0
    file, other = tmp_path / "out.jsonl", tmp_path / "other"
    assert invoke("export", "--data", folder, "--output", file).exit_code == 0
    done = invoke("import", file, "--data", other, "--yes")
    assert done.exit_code == 0, done.stderr
    assert "not in this ledger" in done.stderr
    hashes = [
        json.loads(invoke("attachment", "terms", "--json", "--data", one).stdout)["attachment"]["hash"]
        for one in (folder, other)
    ]
    assert hashes[0] == hashes[1]
    done = invoke("content", "terms", "--data", other)
    assert (done.exit_code, done.stdout) == (1, "")


def test_an_undo_leaves_erasures_standing(folder: Path, document: Path, tmp_path: Path) -> None:
    """Given an import of a ledger with an erased document; when it is undone; then all but the erasure is retracted;
    and it comes back when the file comes again."""
    assert invoke("attach", document, "--about", "ant", "--id", "terms", "--data", folder).exit_code == 0
    assert invoke("erase", "terms", "--reason", "x", "--yes", "--data", folder).exit_code == 0
    file, other = tmp_path / "out.jsonl", tmp_path / "other"
    assert invoke("export", "--data", folder, "--output", file).exit_code == 0
    assert invoke("import", file, "--data", other, "--yes").exit_code == 0
    before = json.loads(invoke("attachments", "--json", "--data", other).stdout)["attachments"]
    done = invoke("undo", "out", "--data", other, "--yes")
    assert done.exit_code == 0, done.stderr
    assert "Retracted 3 events." in done.stderr
    assert json.loads(invoke("attachments", "--json", "--data", other).stdout)["attachments"] == []
    done = invoke("import", file, "--data", other, "--yes")
    assert done.exit_code == 0, done.stderr
    after = json.loads(invoke("attachments", "--json", "--data", other).stdout)["attachments"]
    assert [row["erased_by"] for row in after] == [row["erased_by"] for row in before] != [None]
