"""The signer behind the doors: as the log grows, with several servers, where something is wrong, and its key."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import app
from ledger.log.checkpoint import open_checkpoint
from ledger.log.keys import make_key
from ledger.log.merkle import verify_consistency
from ledger.log.note import WITNESS, SigningKey, decoded
from ledger.log.proof import parse_proof
from tests.api.signing import WAIT_SECONDS, ants, checkpoint, is_ready, key_of, signing, until
from tests.api.world import entity, given, post_lines, reasons
from tests.service import fresh_service
from tests.stores import postgres_server


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the log is, for `fresh_service`; the test runs once on each kind of store."""
    return {} if request.param == "sqlite" else {"database_url": request.getfixturevalue("database_url")}


def test_the_log_is_signed_as_it_grows_and_when_the_service_ends(tmp_path: Path, database: dict[str, str]) -> None:
    """Also through a restart: by the same key, and what follows begins with what was."""
    with fresh_service(tmp_path, sign_seconds=0.05, **database) as client:
        key = key_of(tmp_path)
        assert checkpoint(client, key).checkpoint.size == 0
        given(client, *ants(0, 3))
        until(lambda: checkpoint(client, key).checkpoint.size == 3)
        old = checkpoint(client, key).checkpoint
    with fresh_service(tmp_path, sign_seconds=3600, **database) as client:
        assert key_of(tmp_path) == key
        assert checkpoint(client, key).checkpoint == old
        given(client, *ants(3, 4))
        assert checkpoint(client, key).checkpoint == old
    with fresh_service(tmp_path, sign_seconds=3600, **database) as client:
        new = checkpoint(client, key).checkpoint
        assert new.size == 7
        proof = client.get("/v1/proofs?from=3").json()["hashes"]
        verify_consistency(3, 7, old.root, new.root, [decoded(one) for one in proof])


def test_what_witnesses_signed_comes_with_the_checkpoint(tmp_path: Path) -> None:
    """Also in proofs, from when they did."""
    witness = SigningKey("witness.example/w1", bytes(32), WITNESS)
    with fresh_service(tmp_path) as client:
        [one] = given(client, *ants(0, 1))
        client.get(f"/v1/proofs/{one['id']}")
        alone = checkpoint(client, key_of(tmp_path))
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as shell, shell:
            line = witness.signature(alone.checkpoint.text, 1_700_000_000)
            shell.execute("INSERT INTO cosignatures (size, line) VALUES (1, ?)", [line])
        proof = client.get(f"/v1/proofs/{one['id']}").json()["checkpoint"]
        for note in (client.get("/log/checkpoint").text, proof):
            found = open_checkpoint(note.encode(), key_of(tmp_path), (witness.verifier,))
            assert [signature.time for signature in found.cosignatures] == [1_700_000_000]
            assert note == alone.note + line


def test_metrics_tell_what_is_signed(tmp_path: Path) -> None:
    with fresh_service(tmp_path) as client:
        [one] = given(client, *ants(0, 1))
        client.get(f"/v1/proofs/{one['id']}")
        shown = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    assert shown["dealledger_checkpoint_size"] == "1.0"
    assert 0 <= float(shown["dealledger_checkpoint_age_seconds"]) < WAIT_SECONDS
    assert (shown["dealledger_signer_failing"], shown["dealledger_signer_failures_total"]) == ("0.0", "0.0")


def test_two_servers_with_one_key_sign_in_turns(tmp_path: Path, database_url: str) -> None:
    """Whichever is asked has signed what the other wrote, and neither finds anything wrong."""
    shared: dict[str, Any] = {"database_url": database_url, "key_folder": tmp_path / "keys", "sign_seconds": 0.05}
    with ExitStack() as running:
        one, two = (running.enter_context(fresh_service(tmp_path / name, **shared)) for name in "ab")
        key = key_of(tmp_path / "keys")
        for size, client in enumerate((one, two, one, two), 1):
            given(client, *ants(size, 1))
            until(lambda: all(checkpoint(other, key).checkpoint.size == size for other in (one, two)))  # noqa: B023
        until(lambda: all(is_ready(client) for client in (one, two)))
        failures = "dealledger_signer_failures_total 0.0"
        assert all(failures in client.get("/metrics").text for client in (one, two))


def test_a_server_without_the_key_shows_what_the_other_signs(tmp_path: Path, database_url: str) -> None:
    """It makes no key of its own: the log would have two."""
    shared: dict[str, Any] = {"database_url": database_url, "sign_seconds": 0.05}
    with fresh_service(tmp_path / "a", **shared) as one, fresh_service(tmp_path / "b", **shared) as other:
        key = key_of(tmp_path / "a")
        [event_] = given(other, *ants(0, 1))
        until(lambda: checkpoint(other, key).checkpoint.size == 1)
        assert other.get("/log/tile/0/000.p/1").content == one.get("/log/tile/0/000.p/1").content
        proof = other.get(f"/v1/proofs/{event_['id']}", headers={"Accept": "text/plain"})
        assert parse_proof(proof.content).checkpoint == one.get("/log/checkpoint").text
        until(lambda: is_ready(other))
        assert not (tmp_path / "b" / "log.key").exists()


def test_servers_that_start_at_once_on_an_empty_database_make_one_key(tmp_path: Path, database_url: str) -> None:
    """Real processes, each with a folder of its own: one makes the key and signs, the others show what it signs, and
    none is at fault. Started again, the one with the key goes on."""
    folders = [tmp_path / name for name in "abc"]
    servers = [subprocess.Popen(serving(one), env=on(database_url), stderr=subprocess.PIPE) for one in folders]
    try:
        clients = [httpx.Client(base_url=address(one), timeout=60, trust_env=False) for one in servers]
        [owner] = [one for one in folders if (one / "log.key").exists()]
        assert [one for one in folders if (one / "log.vkey").exists()] == [owner]
        key = key_of(owner)
        given(clients[0], *ants(0, 1))
        until(lambda: all(checkpoint(client, key).checkpoint.size == 1 for client in clients))
        until(lambda: all(is_ready(client) for client in clients))
    finally:
        for server in servers:
            server.terminate()
            server.communicate()
    with fresh_service(owner, database_url=database_url) as client:
        given(client, *ants(1, 1))
        [last] = client.get("/v1/events?limit=1").json()["events"]
        assert client.get(f"/v1/proofs/{last['id']}").json()["size"] == 2
        assert checkpoint(client, key).checkpoint.size == 2


def test_a_server_with_a_key_that_is_not_the_logs(tmp_path: Path, database_url: str) -> None:
    """It says so, shows what others sign, and never signs; without that key, the control, nothing is wrong with it."""
    shared: dict[str, Any] = {"database_url": database_url, "sign_seconds": 0.05}
    (tmp_path / "b").mkdir()
    make_key(tmp_path / "b" / "log.key", "ledger.example/other")
    with fresh_service(tmp_path / "a", **shared) as one:
        key = key_of(tmp_path / "a")
        with fresh_service(tmp_path / "b", **shared) as other:
            given(other, *ants(0, 1))
            until(lambda: checkpoint(one, key).checkpoint.size == 1)
            until(lambda: checkpoint(other, key).checkpoint.size == 1)
            assert "isn't signed with the key that is here" in other.get("/readyz").json()["signing"]["fault"]
            assert is_ready(one)
        (tmp_path / "b" / "log.key").unlink()
        with fresh_service(tmp_path / "b", **shared) as other:
            assert is_ready(other)


def serving(folder: Path) -> list[str]:
    return [str(Path(sys.executable).with_name("dealledger")), "serve", "--data", str(folder), "--port", "0"]


def on(database_url: str) -> dict[str, str]:
    return {**os.environ, "DEALLEDGER_DATABASE_URL": database_url, "DEALLEDGER_SIGN_SECONDS": "0.1"}


def address(server: subprocess.Popen[bytes]) -> str:
    """Once it listens."""
    assert server.stderr is not None
    said = []
    for line in server.stderr:
        if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
            return found[0].decode()
        said.append(line.decode())
    raise AssertionError(f"it didn't start: {''.join(said)}")


# --- what is wrong ----------------------------------------------------------------------------------------------


@contextmanager
def beside(folder: Path, database: dict[str, str]) -> Iterator[Any]:
    """The log's database in somebody else's shell, who takes away what would stop them."""
    if database:
        with psycopg.connect(database["database_url"]) as server:
            server.execute("ALTER TABLE events DISABLE TRIGGER ALL")
            yield server
    else:
        with closing(sqlite3.connect(folder / "ledger.sqlite")) as shell, shell:
            for (name,) in shell.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                shell.execute(f"DROP TRIGGER {name}")
            yield shell


def proven(client: httpx.Client, recorded: list[dict[str, Any]]) -> httpx.Response:
    """The proof of the last of these, for which the log is signed first."""
    return client.get(f"/v1/proofs/{recorded[-1]['id']}")


@pytest.mark.parametrize("harmed", [True, False])
def test_a_changed_row_stops_the_signer(tmp_path: Path, database: dict[str, str], harmed: bool) -> None:
    """Given an event that isn't signed yet, whose row somebody changes; then nothing more is signed, the last good
    checkpoint stays, readiness is red and says where; questions and writes go on. Unharmed, the control, it is signed.
    """
    with fresh_service(tmp_path, sign_seconds=3600, **database) as client:
        key = key_of(tmp_path)
        assert proven(client, given(client, *ants(0, 3))).status_code == 200
        recorded = given(client, *ants(3, 2))
        with beside(tmp_path, database) as shell:
            name = "Ant-9" if harmed else "Ant-3"
            changed = shell.execute(f"UPDATE events SET state = replace(state, 'Ant-3', '{name}') WHERE position = 4")
            assert changed.rowcount == 1
        answer = proven(client, recorded)
        if harmed:
            assert (answer.status_code, reasons(answer)) == (404, ["not_signed"])
            assert "position 4" in answer.json()["mend"]
            assert not is_ready(client)
            assert "position 4" in signing(client)["fault"]
            shown = client.get("/metrics").text.splitlines()
            assert {"dealledger_signer_failing 1.0", "dealledger_signer_failures_total 1.0"} <= set(shown)
        else:
            assert answer.status_code == 200
            until(lambda: is_ready(client))
        assert checkpoint(client, key).checkpoint.size == (3 if harmed else 5)
        assert client.get("/log/tile/entries/000.p/3").status_code == 200
        assert client.get("/v1/entities").status_code == 200
        assert client.post("/v1/events", json=entity("bee")).status_code == 201


@contextmanager
def in_two_states(folder: Path, database: dict[str, str]) -> Iterator[Callable[[str], dict[str, str]]]:
    """A log of 3 events, then of 5, both signed. Restores the `old` one or the `new` one; gives where it is now."""
    with fresh_service(folder, sign_seconds=3600, **database) as client:
        given(client, *ants(0, 3))
    if not database:
        shutil.copy(folder / "ledger.sqlite", folder.parent / "old")
        with fresh_service(folder, sign_seconds=3600) as client:
            given(client, *ants(3, 2))
        shutil.copy(folder / "ledger.sqlite", folder.parent / "new")

        def restored(state: str) -> dict[str, str]:
            for left in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
                (folder / left).unlink(missing_ok=True)
            shutil.copy(folder.parent / state, folder / "ledger.sqlite")
            return {}

        yield restored
        return
    url = database["database_url"]
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_server(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}_old TEMPLATE {name}".encode())
        with fresh_service(folder, sign_seconds=3600, **database) as client:
            given(client, *ants(3, 2))
        yield lambda state: {"database_url": url.replace(name, f"{name}_old") if state == "old" else url}
        server.execute(f"DROP DATABASE {name}_old WITH (FORCE)".encode())


def test_an_old_backup_is_read_only_until_the_newer_one_is_back(tmp_path: Path, database: dict[str, str]) -> None:
    """Given a log of 5 signed events and its backup of 3; when the backup is restored; then nothing is recorded by any
    way in, with a reason and what to do; questions are answered; also after a restart. With the newer state, the
    control, it goes on."""
    folder = tmp_path / "ledger"
    with in_two_states(folder, database) as restored:
        for _ in range(2):
            with fresh_service(folder, **restored("old")) as client:
                found = signing(client)
                assert (found["size"], found["read_only"]) == (3, True)
                assert "older state" in found["fault"]
                assert not is_ready(client)
                answer = client.post("/v1/events", json=entity("bee"))
                assert (answer.status_code, reasons(answer)) == (409, ["read_only"])
                assert "docs/operations.md" in answer.json()["mend"]
                line, summary = post_lines(client, entity("bee"))
                assert (line["status"], line["problem"]["reason"]) == (409, "read_only")
                assert summary["summary"]["accepted"] == 0
                assert client.get("/v1/entities").json()["position"] == 3
                assert checkpoint(client, key_of(folder)).checkpoint.size == 3
        with fresh_service(folder, **restored("new")) as client:
            until(lambda: is_ready(client))
            recorded = given(client, entity("bee"))
            assert recorded[0]["position"] == 6
            assert proven(client, recorded).json()["size"] == 6


def test_a_backup_without_the_file_beside_it_goes_on(tmp_path: Path, database: dict[str, str]) -> None:
    """It is that file which knows: whoever accepts the loss puts it away, and everybody else's checkpoints tell."""
    folder = tmp_path / "ledger"
    with in_two_states(folder, database) as restored:
        (folder / "log.highwater").rename(tmp_path / "evidence")
        with fresh_service(folder, **restored("old")) as client:
            until(lambda: is_ready(client))  # the read model was ahead, and is made again
            given(client, entity("bee"))


def test_a_high_water_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It is told; a file that can, the control, is in the tests above."""
    with fresh_service(tmp_path / "ledger", high_water=tmp_path / "nowhere" / "file") as client:
        assert not is_ready(client)
        assert "nowhere" in signing(client)["fault"]


# --- the key ----------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    """Its public half is a line in a file for everybody, and on the command line."""
    with fresh_service(tmp_path, log_name="ledger.example/deals") as client:
        key = key_of(tmp_path)
        assert (key.name, checkpoint(client, key).checkpoint.origin) == ("ledger.example/deals",) * 2
        assert stat.S_IMODE((tmp_path / "log.key").stat().st_mode) == 0o600
        printed = CliRunner().invoke(app, ["key", "--data", str(tmp_path)])  # also while a service holds the folder
        assert (printed.exit_code, printed.stdout) == (0, f"{key}\n")
    with fresh_service(tmp_path):
        assert key_of(tmp_path) == key


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    """What was signed is still shown; made safe again, the control, it signs."""
    with fresh_service(tmp_path):
        pass
    for mode, well in ((0o644, False), (0o600, True)):
        (tmp_path / "log.key").chmod(mode)
        with fresh_service(tmp_path) as client:
            until(lambda: is_ready(client) is well)  # noqa: B023
            assert checkpoint(client, key_of(tmp_path)).checkpoint.size in (0, 1)
            if not well:
                assert "chmod 600" in signing(client)["fault"]
                given(client, entity("bee"))


def test_no_other_key_is_made_for_a_log_that_has_one(tmp_path: Path) -> None:
    """It is gone: that is told, instead of beginning with another."""
    with fresh_service(tmp_path):
        pass
    (tmp_path / "log.key").rename(tmp_path / "elsewhere")
    with fresh_service(tmp_path) as client:
        assert not is_ready(client)
        assert "put it back" in signing(client)["fault"]
        assert not (tmp_path / "log.key").exists()


@pytest.mark.parametrize("content", ["", "no key", "PRIVATE+KEY+a+00000000+AAAA"])
def test_a_key_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "log.key").write_text(content)
    (tmp_path / "log.key").chmod(0o600)
    with fresh_service(tmp_path) as client:
        assert "no private key" in signing(client)["fault"]


def test_there_is_no_public_key_before_there_is_a_ledger(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["key", "--data", str(tmp_path)]).exit_code == 2


def test_doctor_looks_at_the_signer(tmp_path: Path) -> None:
    """Well at first; wrong with another key's checkpoint."""
    with fresh_service(tmp_path):
        pass
    well = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)])
    assert (well.exit_code, "ok     signer: 0 events are signed" in well.stdout) == (0, True)
    (tmp_path / "log.key").unlink()
    wrong = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)])
    assert (wrong.exit_code, "WRONG  signer:" in wrong.stdout) == (1, True)
