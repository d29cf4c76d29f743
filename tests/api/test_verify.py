"""`dealledger verify`: the four places that a log is in, what it says, how it ends, and what it remembers."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from ledger.log.bundle import write_bundle
from ledger.log.checkpoint import Checkpoint
from ledger.log.files import StoreFiles
from ledger.log.keys import load_key
from ledger.log.note import WITNESS, SigningKey
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.store import open_store
from tests.api.test_cli import INVESTMENT, lines
from tests.api.world import entity

W1 = SigningKey("witness.example/w1", bytes(range(32, 64)), WITNESS)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it remembers what it verified."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "dealledger"


def record(folder: Path, *events: dict[str, Any]) -> None:
    """More events in a ledger, signed."""
    file = lines(folder.parent / "in.jsonl", *events)
    done = CliRunner().invoke(app, ["import", str(file), "--data", str(folder), "--yes"])
    assert done.exit_code == 0, done.stderr
    store = open_store(folder, None)
    assert Signer(store, load_key(folder), folder / HIGH_WATER_FILE).cycle() is None
    store.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A folder with a signed ledger of two entities."""
    record(tmp_path / "ledger", entity("ant"), entity("bee"))
    return tmp_path / "ledger"


@pytest.fixture
def bundle(ledger: Path, tmp_path: Path) -> Path:
    """A bundle of it."""
    store = open_store(ledger, None)
    signer = Signer(store, load_key(ledger), ledger / HIGH_WATER_FILE)
    signer.cycle()
    assert signer.newest is not None
    write_bundle(StoreFiles(store, signer.published), load_key(ledger).verifier, signer.newest, tmp_path / "bundle")
    store.close()
    return tmp_path / "bundle"


@pytest.fixture
def url(bundle: Path) -> Iterator[str]:
    """Any web server, on the bundle's files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(bundle)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def found(*arguments: object) -> dict[str, Any]:
    """What `--json` says."""
    done = verify(*arguments, "--json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (0 if said["verified"] else 1), done.stderr
    return said


def vkey(ledger: Path) -> str:
    return str(load_key(ledger).verifier)


def edit(ledger: Path, *statements: str) -> None:
    """What somebody does who switched off the triggers."""
    with sqlite3.connect(ledger / "ledger.sqlite") as shell:
        for (name,) in shell.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            shell.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert shell.execute(statement).rowcount > 0


def test_the_same_log_from_everywhere(ledger: Path, bundle: Path, url: str, tmp_path: Path) -> None:
    """A folder, a folder of files, a zip, a server: one root. A store tells more."""
    shutil.make_archive(str(tmp_path / "zipped"), "zip", bundle)
    places = (("--data", ledger), ("--bundle", bundle), ("--bundle", tmp_path / "zipped.zip"), ("--url", url))
    reports = [found(*one, "--vkey", vkey(ledger), "--seen", tmp_path / str(n)) for n, one in enumerate(places)]
    assert {(one["verified"], one["size"], one["root"]) for one in reports} == {(True, 2, reports[0]["root"])}
    from_store, *others = [(one["unsigned"], one["read_model"]) for one in reports]
    assert from_store == (0, "what follows from the log")
    assert others == [(None, None)] * 3
    assert all(len(one["warnings"]) == 1 and "older checkpoint" in one["warnings"][0] for one in reports)


def test_it_says_what_it_found(ledger: Path) -> None:
    """In words; and what it could not know."""
    done = verify("--data", ledger)
    assert done.exit_code == 0
    assert done.stdout.startswith("Verified: 2 events of deal-ledger/")
    assert "no --vkey is given" in done.stderr
    assert "no older checkpoint" in done.stderr


def test_a_log_that_grew_is_compared_with_what_was_verified_before(ledger: Path) -> None:
    """The second time knows the first one's checkpoint, and says so."""
    key = vkey(ledger)
    assert found("--data", ledger, "--vkey", key)["old"] == []
    record(ledger, entity("cow"))
    report = found("--data", ledger, "--vkey", key)
    assert (report["size"], report["old"], report["warnings"]) == (3, [2], [])
    assert "at 3 events" in verify("--data", ledger, "--vkey", key).stdout


def test_history_rewritten_with_the_real_key(ledger: Path, tmp_path: Path) -> None:
    """All its own checks pass; what was verified before finds it, or a checkpoint that somebody kept. Whoever never
    saw it before, the control, can't."""
    store = open_store(ledger, None)
    (tmp_path / "kept").write_text(store.checkpoint() or "")
    store.close()
    assert verify("--data", ledger).exit_code == 0
    other = tmp_path / "other" / "ledger"
    other.mkdir(parents=True)
    for name in ("log.key", "log.vkey"):
        shutil.copy2(ledger / name, other / name)
    record(other, entity("wasp"), entity("bee"))
    for place in (["--data", other], ["--data", other, "--seen", tmp_path / "nothing", "--old", tmp_path / "kept"]):
        report = found(*place)
        assert (report["verified"], report["kind"]) == (False, "forked")
    assert found("--data", other, "--seen", tmp_path / "unseen")["verified"]


def test_an_event_that_was_changed(ledger: Path) -> None:
    """Signed, it is found by its leaf; not signed yet, as well."""
    assert found("--data", ledger)["verified"]
    edit(ledger, "UPDATE events SET state = replace(state, 'ant', 'wasp') WHERE position = 1")
    report = found("--data", ledger)
    assert (report["kind"], "position 1 " in report["detail"]) == ("event", True)
    assert "NOT VERIFIED (event)" in verify("--data", ledger).stderr


def test_an_event_that_is_not_signed_yet(ledger: Path, tmp_path: Path) -> None:
    """Is looked at too, as far as its leaf tells."""
    file = lines(tmp_path / "in.jsonl", entity("cow"))
    store = open_store(ledger, None)
    signed = store.checkpoint()
    store.close()
    assert CliRunner().invoke(app, ["import", str(file), "--data", str(ledger), "--yes"]).exit_code == 0
    edit(ledger, "DELETE FROM checkpoints WHERE size > 2") if _signs(ledger, signed) else None
    (ledger / HIGH_WATER_FILE).write_text(signed or "")
    assert found("--data", ledger)["unsigned"] == 1
    edit(ledger, "UPDATE events SET state = replace(state, 'cow', 'wasp') WHERE position = 3")
    assert found("--data", ledger)["kind"] == "event"


def _signs(ledger: Path, before: str | None) -> bool:
    """Whether the command that imported has signed as well."""
    store = open_store(ledger, None)
    after = store.checkpoint()
    store.close()
    return after != before


def test_a_read_model_that_was_changed(ledger: Path) -> None:
    """The log is as it was signed; what answers is not what follows from it, until it is made again."""
    assert found("--data", ledger)["read_model"] == "what follows from the log"
    with duckdb.connect(str(ledger / "read-model.duckdb")) as model:
        model.execute("UPDATE entities SET status = 'denied' WHERE fact_position = 1")
    report = found("--data", ledger)
    assert (report["kind"], "entities" in report["detail"]) == ("read_model", True)
    assert CliRunner().invoke(app, ["rebuild", "--data", str(ledger)]).exit_code == 0
    assert found("--data", ledger)["verified"]


def test_a_witness_that_must_have_signed(ledger: Path) -> None:
    """Its signature is asked for, shown and checked."""
    assert found("--data", ledger, "--witness", W1.verifier)["kind"] == "unsigned"
    store = open_store(ledger, None)
    text = (store.checkpoint() or "").partition("\n\n")[0] + "\n"
    with store.write() as transaction:
        transaction.add_cosignature(2, W1.signature(text, 1_700_000_000))
    store.close()
    assert found("--data", ledger, "--witness", W1.verifier)["witnesses"] == {W1.name: 1_700_000_000}
    assert f"{W1.name} signed it at 1700000000" in verify("--data", ledger, "--witness", W1.verifier).stdout
    stranger = SigningKey(W1.name, bytes(32), WITNESS)
    assert found("--data", ledger, "--witness", stranger.verifier)["kind"] == "unsigned"


def test_keys(ledger: Path, url: str) -> None:
    """As text or in a file; another one's is found wrong, none at all is bad usage where none is to be had."""
    assert found("--url", url, "--vkey", ledger / "log.vkey")["verified"]
    stranger = SigningKey(load_key(ledger).name, bytes(32)).verifier
    assert found("--url", url, "--vkey", stranger)["kind"] == "unsigned"
    assert verify("--url", url).exit_code == 2
    assert verify("--url", url, "--vkey", "nonsense").exit_code == 2


def test_what_is_no_log(ledger: Path, bundle: Path, url: str, tmp_path: Path) -> None:
    """A ledger that nobody has signed yet, or that doesn't answer, is not ready; what isn't there is bad usage."""
    key = vkey(ledger)
    (tmp_path / "empty").mkdir()
    assert "no checkpoint of the log" in found("--bundle", tmp_path / "empty", "--vkey", key)["detail"]
    assert verify("--url", "http://127.0.0.1:9", "--vkey", key).exit_code == 3
    assert verify("--data", tmp_path / "nothing").exit_code == 2
    assert verify("--bundle", tmp_path / "nothing.zip", "--vkey", key).exit_code == 2
    assert verify("--bundle", ledger / "log.vkey", "--vkey", key).exit_code == 2
    assert verify("--bundle", bundle, "--url", url).exit_code == 2
    assert verify("--bundle", bundle, "--old", tmp_path / "nothing").exit_code == 2
    (bundle / "log" / "tile" / "0" / "000.p" / "2").unlink()
    assert found("--bundle", bundle, "--vkey", key)["kind"] == "missing"
    (bundle / "log" / "checkpoint").write_text("nonsense")
    assert found("--bundle", bundle, "--vkey", key)["kind"] == "malformed"


def test_a_folder_that_a_checkpoint_was_forged_in(ledger: Path) -> None:
    """A row that is no checkpoint, or another key's, is found wrong without a traceback."""
    forged = Checkpoint(load_key(ledger).name, 2, bytes(32)).sign(SigningKey(load_key(ledger).name, bytes(32)))
    for note, kind in (("nonsense", "malformed"), (forged, "unsigned")):
        edit(ledger, f"UPDATE checkpoints SET note = '{note}'")
        assert found("--data", ledger)["kind"] == kind


def test_checkpoints_that_were_removed(ledger: Path, tmp_path: Path) -> None:
    """A log that was signed is never taken for one that wasn't, by whoever has a checkpoint; nobody else can tell."""
    high_water = ledger / HIGH_WATER_FILE
    old = tmp_path / "old"
    old.write_bytes(high_water.read_bytes())
    edit(ledger, "DELETE FROM checkpoints")
    said = found("--data", ledger)
    assert (said["kind"], "signed before" in said["detail"]) == ("missing", True)
    high_water.unlink()
    assert verify("--data", ledger).exit_code == 3
    assert found("--data", ledger, "--old", old)["kind"] == "missing"


def test_what_a_service_lacks(ledger: Path, bundle: Path, url: str, tmp_path: Path) -> None:
    """A file that must be there is found wrong, with no older checkpoint too; only a log without a checkpoint isn't
    ready, and not if a file of it is none."""
    key = ("--url", url, "--vkey", vkey(ledger), "--seen", tmp_path / "nothing")
    tile = bundle / "log" / "tile" / "0" / "000.p" / "2"
    content = tile.read_bytes()
    tile.unlink()
    assert found(*key)["kind"] == "missing"
    tile.write_bytes(content)
    (bundle / "log" / "checkpoint").unlink()
    assert verify(*key).exit_code == 3
    (bundle / "log" / "handovers").write_text("nonsense")
    assert found(*key)["kind"] == "malformed"


def test_an_older_state_beside_a_newer_high_water_file(ledger: Path, tmp_path: Path) -> None:
    """Is shrunk, though nothing of it was verified here before; that file alone tells. A damaged one is told."""
    high_water = ledger / HIGH_WATER_FILE
    database = (ledger / "ledger.sqlite").read_bytes()
    before = high_water.read_bytes()
    record(ledger, entity("cow"))
    assert found("--data", ledger)["verified"]
    (ledger / "ledger.sqlite").write_bytes(database)
    said = found("--data", ledger, "--seen", tmp_path / "new")
    assert (said["kind"], "3 were" in said["detail"]) == ("shrunk", True)
    high_water.write_bytes(before)
    assert found("--data", ledger, "--seen", tmp_path / "other")["verified"]
    strangers = Checkpoint(load_key(ledger).name, 2, bytes(32)).sign(SigningKey(load_key(ledger).name, bytes(32)))
    for content in ("nonsense", strangers):
        high_water.write_text(content)
        assert found("--data", ledger, "--seen", tmp_path / "other")["kind"] == "unsigned"


class Service:
    """Any web server on the log's files, which says what it is told to say of itself."""

    def __init__(self, files: Path) -> None:
        self.status, self.body = 404, b""
        service = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/readyz":
                    return super().do_GET()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(service.body)))
                self.end_headers()
                self.wfile.write(service.body)
                return None

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(files)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def says(self, status: int, **signing: object) -> None:
        self.status, self.body = status, json.dumps({"signing": signing}).encode()


@pytest.fixture
def service(bundle: Path) -> Iterator[Service]:
    running = Service(bundle)
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.mark.parametrize("kind", ["behind", "rewritten", "event", "tree", "checkpoint"])
def test_a_service_that_finds_its_own_log_wrong(service: Service, ledger: Path, kind: str) -> None:
    """Is found wrong, though what it shows is as it was signed: it shows no more than that. One that is well is not."""
    service.says(200, fault=None, kind=None)
    assert found("--url", service.url, "--vkey", vkey(ledger))["verified"]
    service.says(503, fault="the newest checkpoint's row was changed", kind=kind)
    said = found("--url", service.url, "--vkey", vkey(ledger))
    assert (said["verified"], said["kind"], said["size"]) == (False, kind, 2)
    assert "row was changed" in said["warnings"][0]
    assert f"NOT VERIFIED ({kind})" in verify("--url", service.url, "--vkey", vkey(ledger)).stderr


@pytest.mark.parametrize("kind", ["key", "file", "store", None, 7, ["event"]])
def test_a_service_that_is_not_ready(service: Service, ledger: Path, kind: object) -> None:
    """For any other reason, it is a line with its own words: the log is as it was signed."""
    service.says(503, fault="the key \x1b[2K is gone", kind=kind)
    said = found("--url", service.url, "--vkey", vkey(ledger))
    assert (said["verified"], said["warnings"][0]) == (
        True,
        "the service says that it isn't ready: the key \N{REPLACEMENT CHARACTER}[2K is gone",
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"signing":1}', b'{"signing":[]}', b"[" * 100_000, b'{"signing":{}}', b"\xff"]
)
def test_a_web_server_that_says_nothing_of_itself(service: Service, ledger: Path, body: bytes) -> None:
    """Or nothing that makes sense, is taken as it is: what is verified is the log."""
    service.status, service.body = 503, body
    said = found("--url", service.url, "--vkey", vkey(ledger))
    assert (said["verified"], len(said["warnings"])) == (True, 1)


def test_what_events_are_found_by(ledger: Path) -> None:
    """No leaf covers it, and answers and rules go by it; `doctor` looks too."""
    assert CliRunner().invoke(app, ["doctor", "--data", str(ledger)]).exit_code == 0
    edit(ledger, "DELETE FROM event_keys WHERE position = 2")
    said = found("--data", ledger)
    assert (said["kind"], "position 2 isn't found" in said["detail"]) == ("index", True)
    done = CliRunner().invoke(app, ["doctor", "--data", str(ledger)])
    assert (done.exit_code, "WRONG  index" in done.stdout) == (1, True)


def test_first_answers_to_keys(ledger: Path) -> None:
    """They are no events, and whoever sends something again goes by them."""
    assert CliRunner().invoke(app, ["doctor", "--data", str(ledger)]).exit_code == 0
    edit(ledger, "DELETE FROM answers WHERE position = 2")
    said = found("--data", ledger)
    assert (said["kind"], "position 2 came with an idempotency key" in said["detail"]) == ("index", True)
    done = CliRunner().invoke(app, ["doctor", "--data", str(ledger)])
    assert (done.exit_code, "WRONG  index" in done.stdout) == (1, True)


@pytest.mark.parametrize("place", ["events SET state", "checkpoints SET note"])
def test_a_text_that_is_none(ledger: Path, place: str) -> None:
    """The log is damaged, and not just away."""
    assert verify("--data", ledger).exit_code == 0
    edit(ledger, f"UPDATE {place} = CAST(x'ff' AS TEXT)")
    done = verify("--data", ledger)
    assert (done.exit_code, "damaged" in done.stderr) == (1, True)


def test_events_matter(ledger: Path) -> None:
    """A ledger with money in it verifies like any other."""
    record(ledger, INVESTMENT)
    assert found("--data", ledger)["verified"]
