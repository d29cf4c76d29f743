"""`dealledger key --rotate`, and what the doors make of a log whose key was rotated."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from ledger.log.handovers import split_notes
from ledger.log.keys import NEXT_FILE, make_key
from ledger.log.note import parse_note
from ledger.store import open_store
from tests.api.signing import ants, checkpoint, is_ready, key_of, until
from tests.api.test_verify import found, state
from tests.api.world import given, post_lines, reasons
from tests.service import fresh_service

__all__ = ["state"]

REASON = "Whoever had the key has left."
HASH = f"sha256:{'0' * 64}"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def rotate(folder: Path) -> Result:
    done = run("key", "--rotate", "--reason", REASON, "--yes", "--data", folder)
    assert done.exit_code == 0, done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of two events, signed with a key of which `old.vkey` and `old` are a copy and a checkpoint."""
    data = tmp_path / "ledger"
    with fresh_service(data) as client:
        given(client, *ants(0, 2))
    with fresh_service(data) as client:
        (tmp_path / "old").write_bytes(client.get("/log/checkpoint").content)
    shutil.copyfile(data / "log.vkey", tmp_path / "old.vkey")
    return data


def test_the_key_is_rotated_at_the_shell(folder: Path, tmp_path: Path) -> None:
    """The new public key is the answer; whoever trusts the old one is led to it, from every place that has the log."""
    old = key_of(folder)
    done = rotate(folder)
    new = key_of(folder)
    assert done.stdout == f"{new}\n"
    assert "Event 3" in done.stderr
    assert "private key is gone" in done.stderr
    assert run("key", "--data", folder).stdout == done.stdout
    with fresh_service(folder) as client:
        assert client.get("/log/checkpoint").content == client.get("/log/handovers").content
        given(client, *ants(2, 2))
        [event] = client.get("/v1/events?type=key.rotated").json()["events"]
        assert (event["position"], event["record"], event["recorded_by"]) == (3, "log/key", "key")
        assert event["data"] == {"previous": str(old), "key": str(new), "reason": REASON}
        assert client.get(f"/v1/proofs/{event['id']}").status_code == 200
        last = client.get("/v1/events?limit=1").json()["events"][0]
        assert client.get(f"/v1/proofs/{last['id']}").status_code == 200
        assert checkpoint(client, new).checkpoint.size == 5
        answer = client.get("/log/handovers")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        [note] = split_notes(answer.content)
        assert len(parse_note(note).signed_by([old, new])) == 2
        assert client.get("/log/handovers", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        assert reasons(client.get("/log/handovers?x=1")) == ["unknown_parameter"]
        url = str(client.base_url)
        asked = (
            "--bundle",
            tmp_path / "theirs",
            "--vkey",
            tmp_path / "old.vkey",
            "--ask",
            "/v1/events?as_of=2024-01-01",
        )
        assert run("export", "--url", url, *asked).exit_code == 0
        served = found("--url", url, "--vkey", tmp_path / "old.vkey", "--old", tmp_path / "old")
    assert run("export", "--data", folder, "--bundle", tmp_path / "mine").exit_code == 0
    reports = [served]
    for place in (("--data", folder), ("--bundle", tmp_path / "mine"), ("--bundle", tmp_path / "theirs")):
        reports.append(found(*place, "--vkey", tmp_path / "old.vkey", "--old", tmp_path / "old"))
    for report in reports:
        assert (report["verified"], report["size"], report["keys"]) == (True, 5, [str(old), str(new)])
        assert 2 in report["old"]
    assert reports[-1]["answers"] == 1
    for name in ("mine", "theirs"):
        assert (tmp_path / name / "log.vkey").read_text() == f"{new}\n"
        for key in (old, new):
            command = [sys.executable, "-I", "verify.py", "--vkey", str(key), "--old", str(tmp_path / "old")]
            alone = subprocess.run(command, cwd=tmp_path / name, capture_output=True, text=True, check=False)
            assert (alone.returncode, alone.stderr) == (0, "")
    (tmp_path / "mine" / "log" / "handovers").unlink()
    assert found("--bundle", tmp_path / "mine", "--vkey", tmp_path / "old.vkey")["kind"] == "unsigned"
    assert found("--bundle", tmp_path / "mine")["kind"] == "key"


def test_what_was_verified_with_the_old_key_counts_with_the_new_one(folder: Path) -> None:
    """The checkpoint that is remembered is found under every key that the log had; and the shell says what happened."""
    assert found("--data", folder)["old"] == []
    rotate(folder)
    new = key_of(folder)
    assert found("--data", folder, "--vkey", new)["old"] == [2]
    assert found("--data", folder, "--vkey", new)["old"] == [3, 3]
    assert f"was handed over to {new}" in run("verify", "--data", folder).stdout


def test_how_the_command_ends(folder: Path, tmp_path: Path) -> None:
    """What it needs is said; nothing is recorded unless all is well."""
    for code, *arguments in (
        (2, "--rotate", "--data", folder),
        (2, "--reason", "x", "--data", folder),
        (2, "--rotate", "--reason", " ", "--yes", "--data", folder),
        (2, "--rotate", "--reason", "x", "--yes", "--data", tmp_path / "none"),
    ):
        assert run("key", *arguments).exit_code == code
    with fresh_service(folder):
        held = run("key", "--rotate", "--reason", REASON, "--yes", "--data", folder)
        assert (held.exit_code, "held by" in held.stderr) == (3, True)
    private = (folder / "log.key").read_bytes()
    (folder / "log.key").unlink()
    assert run("key", "--rotate", "--reason", REASON, "--yes", "--data", folder).exit_code == 1
    make_key(folder / "log.key", "ledger.example/other")
    other = run("key", "--rotate", "--reason", REASON, "--yes", "--data", folder)
    assert (other.exit_code, "isn't signed with the key that is here" in other.stderr) == (1, True)
    (folder / "log.key").write_bytes(private)
    store = open_store(folder, None)
    assert store.head() == 2
    store.close()
    rotate(folder)


@pytest.mark.parametrize("said", [None, "", "n\n", "y\n"])
def test_a_rotation_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
    """The old private key can't be had back. With nobody to ask, --yes has to be said; only a yes rotates."""
    before = key_of(folder)
    with monkeypatch.context() as patch:
        patch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda stdin: said is not None)
        done = CliRunner().invoke(app, ["key", "--rotate", "--reason", REASON, "--data", str(folder)], input=said)
    if said == "y\n":
        assert (done.exit_code, key_of(folder) != before) == (0, True)
    else:
        assert (done.exit_code, key_of(folder)) == (2 if said is None else 1, before)
        assert ("--yes" if said is None else "delete the old private key for good?") in done.stderr


def test_a_rotation_cut_short_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start of the service puts the key in its place; or the command again, which rotates no second time."""
    first = key_of(folder)

    def cut(*_: object) -> None:
        raise OSError(5, "the power went")

    for service in (True, False):
        before = key_of(folder)
        with monkeypatch.context() as patch:
            patch.setattr("ledger.log.rotating._put_in_place", cut)
            assert run("key", "--rotate", "--reason", REASON, "--yes", "--data", folder).exit_code == 2
        assert (folder / NEXT_FILE).exists()
        assert key_of(folder) == before
        if service:
            with fresh_service(folder) as client:
                assert is_ready(client)
                assert key_of(folder) != before
        else:
            assert "finished now" in rotate(folder).stderr
        assert not (folder / NEXT_FILE).exists()
    assert key_of(folder) != first
    report = found("--data", folder, "--vkey", first)
    assert (len(report["keys"]), report["size"]) == (3, 4)


def test_nobody_else_records_a_rotation(folder: Path) -> None:
    """At no door; and the ledger's own is neither corrected nor retracted. It can be reviewed."""
    rotate(folder)
    with fresh_service(folder) as client:
        [recorded] = client.get("/v1/events?type=key.rotated").json()["events"]
        again = {name: recorded[name] for name in ("type", "effective", "data")}
        answer = client.post("/v1/events", json=again)
        assert (answer.status_code, reasons(answer)) == (422, ["ledger_only"])
        [line, _] = post_lines(client, again)
        assert line["problem"]["reason"] == "ledger_only"
        for kind, data in (
            ("event.retracted", {"event": recorded["id"], "reason": "x"}),
            ("event.corrected", {"event": recorded["id"], "reason": "x", "replacement": again}),
        ):
            answer = client.post("/v1/events", json={"type": kind, "data": data})
            assert (answer.status_code, reasons(answer)) == (422, ["ledger_only"])
        review = {"type": "review.recorded", "data": {"events": [recorded["id"]], "verdict": "approved"}}
        assert client.post("/v1/events", json=review).status_code == 201
        assert client.get("/v1/records/log/key").status_code == 404


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_is_imported_without_it(folder: Path, tmp_path: Path, form: str) -> None:
    """The other ledger has a key of its own, which nobody rotated; it is told, and all else comes in."""
    rotate(folder)
    file = tmp_path / f"all.{form}"
    assert run("export", "--data", folder, "--output", file).exit_code == 0
    assert "key.rotated" in file.read_text()
    done = run("import", file, "--data", tmp_path / "other", "--yes")
    assert done.exit_code == 0, done.stderr
    assert "left out, as of another ledger's own log: 1 of key.rotated" in done.stderr
    with fresh_service(tmp_path / "other") as client:
        types = [one["type"] for one in client.get("/v1/events").json()["events"]]
    assert types == ["entity.registered", "entity.registered"]
    again = run("import", file, "--data", folder, "--yes")
    assert (again.exit_code, "0 to record, 2 there already" in again.stderr) == (0, True)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_is_about_it_is_left_out_of_an_import_too(folder: Path, tmp_path: Path, form: str) -> None:
    """Its review, what amends that, an attachment about it with its erasure and its review. It is told, and all else
    comes in, a review of something else among it."""
    rotate(folder)
    with fresh_service(folder) as client:
        events = client.get("/v1/events?order=position").json()["events"]
        rotation, ant = events[-1]["id"], events[0]["id"]

        def recorded(kind: str, **data: Any) -> str:
            answer = client.post("/v1/events", json={"type": kind, "data": data})
            assert answer.status_code == 201, answer.text
            return str(answer.json()["events"][0]["id"])

        review = recorded("review.recorded", events=[rotation], verdict="approved", by="ana")
        again = {
            "type": "review.recorded",
            "effective": "2026",
            "data": {"events": [ant], "verdict": "questioned", "by": "ana"},
        }
        recorded("event.corrected", event=review, reason="x", replacement=again)
        recorded("event.retracted", event=review, reason="x")
        recorded("attachment.added", attachment="why", about=[rotation], media_type="a/b", size=1, hash=HASH)
        erased = recorded("attachment.erased", attachment="why", reason="x")
        recorded("review.recorded", events=[erased, ant], verdict="approved", by="ana")
        recorded("review.recorded", events=[ant], verdict="approved", by="bea")
    file = tmp_path / f"all.{form}"
    assert run("export", "--data", folder, "--output", file).exit_code == 0
    done = run("import", file, "--data", tmp_path / "other", "--yes")
    assert done.exit_code == 0, done.stderr
    told = " ".join(done.stderr.split())
    assert "left out, as of another ledger's own log: 1 of key.rotated" in told
    assert (
        "left out, as about what is left out: 2 of review.recorded, 1 of event.corrected, 1 of event.retracted, "
        "1 of attachment.added, 1 of attachment.erased, the first in line" in told
    )
    with fresh_service(tmp_path / "other") as client:
        types = [one["type"] for one in client.get("/v1/events?order=position").json()["events"]]
    assert types == ["entity.registered", "entity.registered", "review.recorded"]


def test_a_running_server_with_the_old_key(tmp_path: Path, database_url: str) -> None:
    """Of one PostgreSQL database: it says what it needs, goes on answering and recording, and shows what is signed
    with the new key. Started again with it, it signs."""
    shared: dict[str, Any] = {"database_url": database_url, "sign_seconds": 0.05}

    def signing(client: httpx.Client) -> Any:
        return client.get("/readyz").json()["signing"]

    with ExitStack() as running:
        with fresh_service(tmp_path / "a", **shared):
            (tmp_path / "b").mkdir()
            shutil.copyfile(tmp_path / "a" / "log.key", tmp_path / "b" / "log.key")
            (tmp_path / "b" / "log.key").chmod(0o600)
            other = running.enter_context(fresh_service(tmp_path / "b", **shared))
            given(other, *ants(0, 1))
        old = key_of(tmp_path / "a")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DEALLEDGER_DATABASE_URL", database_url)
            for _ in range(20):  # the other may be signing at that very moment
                done = run("key", "--rotate", "--reason", REASON, "--yes", "--data", tmp_path / "a")
                if done.exit_code == 0:
                    break
        assert done.exit_code == 0, done.stderr
        until(lambda: signing(other)["fault"] is not None)
        assert "was rotated at position 2" in signing(other)["fault"]
        assert signing(other)["read_only"] is False
        assert not is_ready(other)
        given(other, *ants(1, 1))
        assert checkpoint(other, old).checkpoint.size == 2
        new = key_of(tmp_path / "a")
        one = running.enter_context(fresh_service(tmp_path / "a", **shared))
        until(lambda: checkpoint(one, new).checkpoint.size == 3)
        until(lambda: checkpoint(other, new).checkpoint.size == 3)
    shutil.copyfile(tmp_path / "a" / "log.key", tmp_path / "b" / "log.key")
    with fresh_service(tmp_path / "b", **shared) as other:
        given(other, *ants(2, 1))
        until(lambda: checkpoint(other, new).checkpoint.size == 4)
        assert is_ready(other)
        assert json.loads(other.get("/v1/events?type=key.rotated").content)["events"]
