"""The verifiable log at the doors: roots in answers, the files under /log/, proofs; the signer behind them."""

from __future__ import annotations

import base64
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from api.cli import app
from ledger.log.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.log.keys import make_key
from ledger.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.log.note import WITNESS, SigningKey, VerifierKey, decoded, parse_verifier_key
from ledger.log.proof import parse_proof
from ledger.log.tiles import split_bundle
from tests.api.world import entity, event, given, post_lines, reasons, usd
from tests.service import fresh_service
from tests.stores import postgres_server

AT = {"as_of": "2024-01-01", "known_at": "2024-01-01"}
EMPTY_ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # SHA-256 of nothing
WAIT_SECONDS = 20


def ants(first: int, count: int) -> list[dict[str, Any]]:
    return [entity(f"ant-{number}") for number in range(first, first + count)]


def key_of(folder: Path) -> VerifierKey:
    return parse_verifier_key((folder / "log.vkey").read_text().removesuffix("\n"))


def checkpoint(client: httpx.Client, key: VerifierKey) -> SignedCheckpoint:
    """The newest one, signed by the key."""
    answer = client.get("/log/checkpoint")
    assert answer.status_code == 200, answer.text
    return open_checkpoint(answer.content, key)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what the signer does in its own time."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def root_of(entries: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, to the letter."""
    if len(entries) == 0:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + root_of(entries[:k]) + root_of(entries[k:])).digest()


# --- the root in answers ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, VerifierKey]]:
    """A service on 300 events, and the key that signs them. Nothing is written to it."""
    folder = tmp_path_factory.mktemp("signed") / "ledger"
    with fresh_service(folder) as client:
        given(client, *ants(0, 298))
        stake = event("investment.made", investor="ant-0", issuer="ant-1", instrument="equity", amount=usd("10"))
        given(client, stake, stake)
        [last] = client.get("/v1/events?limit=1").json()["events"]
        assert client.get(f"/v1/proofs/{last['id']}").status_code == 200  # signs them all
        yield client, key_of(folder)


@pytest.fixture(scope="module")
def entries(signed: tuple[httpx.Client, VerifierKey]) -> list[bytes]:
    """What the leaves hash, as the service gives it out."""
    get = signed[0].get
    return [
        *split_bundle(get("/log/tile/entries/000").content, 256),
        *split_bundle(get("/log/tile/entries/001.p/44").content, 44),
    ]


@pytest.mark.parametrize("position", [0, 1, 2, 3, 255, 256, 257, 299, 300])
def test_the_root_of_an_answer_is_that_of_the_entries_up_to_its_position(
    signed: tuple[httpx.Client, VerifierKey], entries: list[bytes], position: int
) -> None:
    answer = signed[0].get("/v1/holdings", params={**AT, "position": position}).json()
    assert list(answer)[:4] == ["as_of", "known_at", "position", "root"]
    assert base64.b64decode(answer["root"]) == root_of(entries[:position])
    if position == 0:
        assert answer["root"] == EMPTY_ROOT


def test_it_is_what_the_checkpoint_of_that_size_signs(signed: tuple[httpx.Client, VerifierKey]) -> None:
    """To the letter, so that the eye can compare them."""
    client, _ = signed
    origin, size, root = client.get("/log/checkpoint").text.split("\n")[:3]
    answer = client.get("/v1/entities", params={"position": size}).json()
    assert (str(answer["position"]), answer["root"]) == (size, root)
    assert origin.startswith("deal-ledger/")


def test_both_points_of_a_change_have_theirs(signed: tuple[httpx.Client, VerifierKey], entries: list[bytes]) -> None:
    query = {"of": "/v1/entities", "from_position": "7", "to_position": "300", "limit": "1"}
    answer = signed[0].get("/v1/changes", params=query).json()
    for side in ("from", "to"):
        assert base64.b64decode(answer[side]["root"]) == root_of(entries[: answer[side]["position"]])


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
def test_files_have_it_in_a_header(signed: tuple[httpx.Client, VerifierKey], entries: list[bytes], form: str) -> None:
    answer = signed[0].get("/v1/entities", params={**AT, "position": 5, "format": form})
    assert base64.b64decode(answer.headers["ledger-root"]) == root_of(entries[:5])


# --- files ------------------------------------------------------------------------------------------------------


def test_the_checkpoint_is_a_text_that_is_kept_for_seconds(signed: tuple[httpx.Client, VerifierKey]) -> None:
    client, key = signed
    answer = client.get("/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    assert client.get("/log/checkpoint", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert checkpoint(client, key).checkpoint.size == 300
    assert client.head("/log/checkpoint").headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    ("path", "size"),
    [("tile/0/000", 8192), ("tile/0/001.p/44", 1408), ("tile/0/000.p/1", 32), ("tile/1/000.p/1", 32)],
)
def test_tiles_are_bytes_for_ever(signed: tuple[httpx.Client, VerifierKey], path: str, size: int) -> None:
    answer = signed[0].get(f"/log/{path}")
    assert (answer.status_code, len(answer.content)) == (200, size)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert signed[0].head(f"/log/{path}").headers["content-length"] == str(size)


def test_tiles_are_what_the_entries_are_hashed_to(
    signed: tuple[httpx.Client, VerifierKey], entries: list[bytes]
) -> None:
    get = signed[0].get
    leaves = get("/log/tile/0/000").content + get("/log/tile/0/001.p/44").content
    assert leaves == b"".join(map(leaf_hash, entries))
    assert get("/log/tile/1/000.p/1").content == root_of(entries[:256])


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001", "tile/0/001.p/45", "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1",
        "tile/entries/001", "tile/entries/001.p/45", "tile/0/000.p/0", "tile/0/001.p/0", "tile/0/000.p/256",
        "tile/0/000.p/01", "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/00/000", "tile/-1/000", "tile/64/000",
        "tile/0/000/", "tile/0/000.p", "tile/0/000.p/", "tile/0/%30%30%30", "tile/0/000%2Ep/1", "tile/entries/",
        "tile/Entries/000", "tile/0/٠٠٠", "tile/0/000%00", "tile/0/000%0a", "tile/0", "tile/", "tile", "", "Checkpoint",
        "checkpoint/", "tile/0/..%2f..%2fcheckpoint", "tile/0/" + "x999/" * 40 + "999",
        "tile/0/%ff", "ledger.sqlite", "entries/000", "tile/8/0/000", "tile/0/000.p/1000", "tile/0/000.p/+1",
    ],
)  # fmt: skip
def test_nothing_else_is_there(signed: tuple[httpx.Client, VerifierKey], path: str) -> None:
    """Neither what is beyond the signed size, nor a width of 0, nor a tile by another name than its own."""
    answer = signed[0].get(f"/log/{path}")
    assert (answer.status_code, reasons(answer)) == (404, ["not_found"])


def test_parameters_and_other_methods_are_refused(signed: tuple[httpx.Client, VerifierKey]) -> None:
    client, _ = signed
    assert reasons(client.get("/log/checkpoint?x=1")) == ["unknown_parameter"]
    assert reasons(client.get("/log/tile/0/000?x=1")) == ["unknown_parameter"]
    for path in ("/log/checkpoint", "/log/tile/0/000", "/v1/proofs"):
        assert reasons(client.post(path)) == ["method_not_allowed"]
        assert client.options(path).headers["allow"] == "GET, HEAD, OPTIONS"


# --- proofs -----------------------------------------------------------------------------------------------------


def test_every_event_leads_to_its_proof(signed: tuple[httpx.Client, VerifierKey], entries: list[bytes]) -> None:
    """As JSON and as a tlog-proof: both verify, and not for another entry."""
    client, key = signed
    trail = client.get("/v1/events", params={"limit": 1000, "order": "position"}).json()["events"]
    for one in (trail[0], trail[254], trail[255], trail[256], trail[299]):
        path = client.get(f"/v1/events/{one['id']}").json()["event"]["proof"]
        proof = client.get(path).json()
        entry = base64.b64decode(proof["entry"])
        assert (proof["id"], proof["position"], entry) == (one["id"], one["position"], entries[one["position"] - 1])
        root = open_checkpoint(proof["checkpoint"].encode(), key).checkpoint.root
        assert root == decoded(proof["root"])
        hashes = [decoded(hash_) for hash_ in proof["hashes"]]
        verify_inclusion(proof["index"], proof["size"], decoded(proof["leaf"]), hashes, root)
        text = client.get(path, headers={"Accept": "text/plain"})
        assert (text.headers["content-type"], text.headers["vary"]) == ("text/plain; charset=utf-8", "Accept")
        assert parse_proof(text.content).verify(entry, key).checkpoint.size == 300
        with pytest.raises(Exception, match="another root"):
            parse_proof(text.content).verify(entry + b" ", key)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"), ("text/plain", "text/plain; charset=utf-8"),
        ("application/json, text/plain;q=0.5", "application/json"), ("text/html", "application/json"),
        ("text/plain;q=0.9, application/json;q=0.1", "text/plain; charset=utf-8"),
        ("text/plain;q=x", "application/json"),
    ],
)  # fmt: skip
def test_a_proof_is_given_as_it_is_asked_for(signed: tuple[httpx.Client, VerifierKey], accept: str, kind: str) -> None:
    client, _ = signed
    [last] = client.get("/v1/events?limit=1").json()["events"]
    answer = client.get(f"/v1/proofs/{last['id']}", headers={"Accept": accept})
    assert answer.headers["content-type"] == kind
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-cache", "Accept")


def test_what_was_just_recorded_is_signed_when_its_proof_is_asked_for(tmp_path: Path) -> None:
    """Nobody waits ten seconds for it; the checkpoint is then there for everybody."""
    with fresh_service(tmp_path, sign_seconds=3600) as client:
        key = key_of(tmp_path)
        for size in (1, 2, 3):
            [one] = given(client, *ants(size, 1))
            assert checkpoint(client, key).checkpoint.size == size - 1
            assert reasons(client.get(f"/log/tile/entries/000.p/{size}")) == ["not_found"]
            proof = client.get(f"/v1/proofs/{one['id']}", headers={"Accept": "text/plain"})
            assert parse_proof(proof.content).index == size - 1
            assert checkpoint(client, key).checkpoint.size == size


@pytest.mark.parametrize("event_id", ["x", "00000000-0000-0000-0000-000000000000", "%00", "%ff", "a%2fb", "%7f"])
def test_what_is_not_there_has_no_proof(signed: tuple[httpx.Client, VerifierKey], event_id: str) -> None:
    assert reasons(signed[0].get(f"/v1/proofs/{event_id}")) == ["not_found"]


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (1, 2), (3, 7), (255, 257), (256, 300), (300, 300)])
def test_the_log_is_proven_to_have_only_grown(
    signed: tuple[httpx.Client, VerifierKey], entries: list[bytes], old: int, new: int
) -> None:
    answer = signed[0].get("/v1/proofs", params={"from": old, "to": new})
    proof = answer.json()
    hashes = [decoded(one) for one in proof["hashes"]]
    assert (proof["from"]["size"], proof["to"]["size"], proof["checkpoint"]) == (old, new, None)
    verify_consistency(old, new, root_of(entries[:old]), root_of(entries[:new]), hashes)
    assert (decoded(proof["from"]["root"]), decoded(proof["to"]["root"])) == (
        root_of(entries[:old]),
        root_of(entries[:new]),
    )
    assert "immutable" in answer.headers["cache-control"]


def test_up_to_the_newest_checkpoint_it_comes_along(signed: tuple[httpx.Client, VerifierKey]) -> None:
    client, key = signed
    answer = client.get("/v1/proofs?from=3")
    found = open_checkpoint(answer.json()["checkpoint"].encode(), key).checkpoint
    assert (answer.json()["to"]["size"], decoded(answer.json()["to"]["root"])) == (found.size, found.root)
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 422, "invalid_query"), ("?from=x", 422, "invalid_query"), ("?from=-1", 422, "invalid_query"),
        ("?from=8&to=7", 422, "invalid_query"), ("?from=1&to=301", 404, "not_signed"), ("?from=301", 404, "not_signed"),
        ("?from=1&from=2", 422, "repeated_parameter"), ("?from=1&size=2", 422, "unknown_parameter"),
    ],
)  # fmt: skip
def test_sizes_that_cannot_be_proven(
    signed: tuple[httpx.Client, VerifierKey], query: str, status: int, reason: str
) -> None:
    answer = signed[0].get(f"/v1/proofs{query}")
    assert (answer.status_code, reasons(answer)) == (status, [reason])


# --- the signer -------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the log is, for `fresh_service`; the test runs once on each kind of store."""
    return {} if request.param == "sqlite" else {"database_url": request.getfixturevalue("database_url")}


def is_ready(client: httpx.Client) -> bool:
    return client.get("/readyz").status_code == 200


def signing(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/readyz").json()["signing"]
    return found


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
        assert all(is_ready(client) for client in clients)
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
    for line in server.stderr:
        if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
            return found[0].decode()
    raise AssertionError("it didn't start")


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
