"""Where a log is verified: what each place gives besides the log's files, and what is found wrong before these."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import httpx
import pytest
import typer

from api.cli import places
from api.cli.places import Unready, place_of, unready
from api.cli.talking import Exit
from ledger.log.files import NotThere
from ledger.log.note import WITNESS, SigningKey
from ledger.log.remade import Kind
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.store import open_store
from ledger.store.sqlite import LOG_FILE
from tests.ledger.log.logs import KEY, append, beside

CONTENTS = {
    "log/checkpoint": b"the checkpoint",
    "log.vkey": b"the key\xff",
    "answers/1.json": b"an answer",
    "proofs/1.json": b"an event",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        path = tmp_path / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "bundle"


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    with ZipFile(tmp_path / "bundle.zip", "w") as file:
        for name, content in CONTENTS.items():
            file.writestr(name, content)
    return tmp_path / "bundle.zip"


def ends(capsys: pytest.CaptureFixture[str], code: Exit, says: str, bundle: Path) -> None:
    """Looking at a bundle ends the command so."""
    with pytest.raises(typer.Exit) as ended, place_of(None, None, bundle):
        pass
    assert (ended.value.exit_code, says in capsys.readouterr().err) == (code, True)


@pytest.mark.parametrize("form", ["bundle", "zipped"])
def test_what_is_in_a_bundle(request: pytest.FixtureRequest, form: str) -> None:
    """Whether a folder or a zip."""
    with place_of(None, None, request.getfixturevalue(form)) as place:
        assert place.files.read("checkpoint") == b"the checkpoint"
        with pytest.raises(NotThere):
            place.files.read("handovers")
        assert place.key == "the key\N{REPLACEMENT CHARACTER}"
        assert (place.answers, place.proofs) == ({"1.json": b"an answer"}, {"1.json": b"an event"})
        assert (place.store, place.folder, place.high_water, place.unready) == (None, None, None, None)


def test_the_files_of_a_log_alone(bundle: Path) -> None:
    """A folder of them is enough, such as somebody fetched them."""
    with place_of(None, None, bundle / "log") as place:
        assert place.files.read("checkpoint") == b"the checkpoint"
        assert (place.key, place.answers, place.proofs) == (None, {}, {})


@pytest.mark.parametrize("name", ["answers", "proofs"])
def test_what_is_no_folder_or_no_file(bundle: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Is found wrong, and not waited for."""
    os.mkfifo(bundle / name / "2.json")
    ends(capsys, Exit.FOUND_WRONG, "2.json is no file", bundle)
    for path in (bundle / name).iterdir():
        path.unlink()
    (bundle / name).rmdir()
    with place_of(None, None, bundle):
        pass
    (bundle / name).write_bytes(b"")
    ends(capsys, Exit.FOUND_WRONG, f"{name} is no folder", bundle)


@pytest.mark.parametrize("content", [b"an answer", b"an event", b"the key\xff"])
def test_a_zip_that_is_damaged(zipped: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    """In what lies beside the log; the log's own files are looked at by whoever reads them."""
    whole = zipped.read_bytes()
    zipped.write_bytes(whole.replace(b"the checkpoint", b"the chEckpoint"))
    with place_of(None, None, zipped):
        pass
    zipped.write_bytes(whole.replace(content, content.swapcase()))
    ends(capsys, Exit.FOUND_WRONG, "NOT VERIFIED (malformed)", zipped)


@pytest.mark.parametrize("error", [BadZipFile, ValueError, NotImplementedError, struct.error])
def test_what_is_no_zip(
    zipped: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Whatever the reader of zips makes of it."""

    def refused(*_: object) -> None:
        raise error("it was found")

    monkeypatch.setattr(places, "ZipFiles", refused)
    ends(capsys, Exit.BAD_USAGE, "is neither a folder nor a zip", zipped)


# --- a ledger's own ---------------------------------------------------------------------------------------------


def test_what_a_ledgers_folder_gives(tmp_path: Path) -> None:
    """The newest checkpoint with what witnesses signed of it, the key, and the file beside; nothing before there is a
    signature, and no sooner a word on whether it is one."""
    with closing(open_store(tmp_path, None)) as store:
        append(store, 3)
    with place_of(tmp_path, None, None) as place:
        assert (place.folder, place.key, place.high_water) == (tmp_path, None, None)
        assert (place.answers, place.proofs, place.unready) == ({}, {}, None)
        with pytest.raises(NotThere, match="signed yet"):
            place.files.read("checkpoint")
    with closing(open_store(tmp_path, None)) as store:
        signer = Signer(store, KEY, tmp_path / HIGH_WATER_FILE)
        signer.cycle()
        assert signer.newest is not None
        line = SigningKey("witness.example/w1", bytes(32), WITNESS).signature(signer.newest.checkpoint.text, 1)
        with store.write() as transaction:
            transaction.add_cosignature(3, line)
    (tmp_path / "log.vkey").write_text("the key")
    with place_of(tmp_path, None, None) as place:
        assert (place.key, place.high_water) == ("the key", signer.newest.note.encode())
        assert place.files.read("checkpoint").decode() == signer.newest.note + line
        assert len(place.files.read("tile/0/000.p/3")) == 96
    with closing(open_store(tmp_path, None)) as store, beside(store, tmp_path / LOG_FILE) as shell:
        shell.execute("UPDATE checkpoints SET note = 'nonsense'")
    with place_of(tmp_path, None, None) as place:
        assert place.files.read("checkpoint") == b"nonsense"
        with pytest.raises(NotThere, match="beyond the 0 entries"):
            place.files.read("tile/0/000.p/3")


# --- a service --------------------------------------------------------------------------------------------------


def says(signing: Any) -> httpx.Response:
    return httpx.Response(503, json={"signing": signing})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda: says({"fault": "it broke", "kind": "event"}), ("event", ": it broke")),
        (lambda: says({"fault": None, "kind": None}), ("None", "")),
        (lambda: says({"fault": None}), ("None", "")),
        (lambda: httpx.Response(200, json={"signing": {"fault": "it broke", "kind": "event"}}), None),
        (lambda: httpx.Response(404, json={"signing": {"fault": "it broke", "kind": "event"}}), None),
        (lambda: httpx.Response(503, content=b"nonsense"), None),
        (lambda: httpx.Response(503, content=b"\xff"), None),
        (lambda: httpx.Response(503, content=b"[" * 100_000), None),
        (lambda: httpx.Response(503, json={}), None),
        (lambda: httpx.Response(503, json=[]), None),
        (lambda: says({}), None),
        (lambda: says("text"), None),
        (lambda: says(["fault"]), None),
        (lambda: says(None), None),
    ],
)
def test_what_a_service_says_of_itself(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[], httpx.Response], expected: tuple[str, str] | None
) -> None:
    """Only that it isn't ready, and why, is a word; anything else is what any web server may say."""
    asked = []

    def get(url: str, timeout: float, trust_env: bool) -> httpx.Response:
        asked.append((url, trust_env))
        return answer()

    monkeypatch.setattr(httpx, "get", get)
    found = unready("http://ledger.example/below/")
    assert asked == [("http://ledger.example/below/readyz", False)]
    if expected is None:
        assert found is None
    else:
        assert found == Unready(expected[0], "the service says that it isn't ready" + expected[1])


def test_a_service_that_says_nothing() -> None:
    """It may have the log all the same."""
    with place_of(None, "http://127.0.0.1:9", None) as place:
        assert (place.unready, place.key, place.store, place.folder) == (None, None, None, None)
        with pytest.raises(httpx.ConnectError):
            place.files.read("checkpoint")


@pytest.mark.parametrize("kind", Kind)
def test_which_faults_are_of_the_log_itself(kind: Kind) -> None:
    """Of the others, what the service shows may be all right; and of what nobody knows."""
    others = {Kind.STORE, Kind.KEY, Kind.FILE}
    assert Unready(str(kind), "").damaged == (kind not in others)
    assert not Unready("nonsense", "").damaged
    assert not Unready(None, "").damaged
