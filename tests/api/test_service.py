"""The service as a whole: several servers on one log, a log that goes away, connections that never end."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

import api.cli.serving
from ledger.store import FolderHeld, NotReplicated, WriteTransaction
from ledger.store.sqlite import SQLiteStore
from tests.api.world import entity, given, head, post_lines, reasons
from tests.service import fresh_service


def test_two_servers_on_one_log_read_what_the_other_wrote(database_url: str) -> None:
    """With Min-Position or without; a retry at the other server gets the first answer."""
    with fresh_service(database_url=database_url) as one, fresh_service(database_url=database_url) as other:
        headers = {"Idempotency-Key": "k"}
        first = one.post("/v1/events", json=entity("ant"), headers=headers)
        assert first.status_code == 201
        assert other.get("/v1/entities").json()["position"] == 1
        assert other.post("/v1/events", json=entity("ant"), headers=headers).content == first.content
        given(other, entity("bee"))
        answer = one.get("/v1/entities", headers={"Min-Position": "2"}).json()
        assert [row["entity"] for row in answer["entities"]] == ["ant", "bee"]
        pinned = answer["as_of"], answer["known_at"], str(answer["position"])
        times = dict(zip(("as_of", "known_at", "position"), pinned, strict=True))
        assert one.get("/v1/entities", params=times).content == other.get("/v1/entities", params=times).content


def test_a_log_that_is_away_is_a_503_and_comes_back(database_url: str) -> None:
    """Nothing is answered from what was; with the same key nothing is recorded twice."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    with fresh_service(database_url=database_url) as client:
        given(client, entity("ant"))
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("ALTER TABLE events RENAME TO events_away")
            for answer in (
                client.post("/v1/events", json=entity("bee"), headers={"Idempotency-Key": "k"}),
                client.get("/v1/entities"),
            ):
                assert (answer.status_code, reasons(answer)) == (503, ["unavailable"]), name
                assert answer.headers["retry-after"]
                assert ("Idempotency-Key" in answer.json()["mend"]) == (answer.request.method == "POST")
            assert client.get("/readyz").status_code == 503
            assert client.get("/livez").status_code == 200
            admin.execute("ALTER TABLE events_away RENAME TO events")
        assert client.post("/v1/events", json=entity("bee"), headers={"Idempotency-Key": "k"}).status_code == 201
        assert head(client) == 2


def test_what_may_not_be_copied_yet_is_a_503_and_stored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a database that stores a commit and can't tell whether its copy is there; when the event is sent; then
    503 says to send it again with its key, and that gets the first answer."""
    write = SQLiteStore.write

    @contextmanager
    def uncertain(store: SQLiteStore) -> Iterator[WriteTransaction]:
        with write(store) as transaction:
            yield transaction
        raise NotReplicated("the standby did not answer")

    with fresh_service(tmp_path / "ledger") as client:
        monkeypatch.setattr(SQLiteStore, "write", uncertain)
        headers = {"Idempotency-Key": "k"}
        answer = client.post("/v1/events", json=entity("ant"), headers=headers)
        assert (answer.status_code, reasons(answer)) == (503, ["unavailable"])
        assert "Idempotency-Key" in answer.json()["mend"]
        monkeypatch.undo()
        assert client.post("/v1/events", json=entity("ant"), headers=headers).status_code == 201
        assert head(client) == 1


def test_lines_say_so_when_the_log_goes_away(database_url: str) -> None:
    """Before the first: the whole answer is a 503."""
    with fresh_service(database_url=database_url) as client, psycopg.connect(database_url, autocommit=True) as admin:
        post_lines(client, entity("ant"))
        admin.execute("ALTER TABLE events RENAME TO events_away")
        answer = client.post("/v1/events", content=b"{}", headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 200  # the line never came to the log
        body = b'{"type":"entity.registered","effective":"2020","data":{"entity":"bee","name":"Bee","kind":"company"}}'
        answer = client.post("/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
        assert (answer.status_code, reasons(answer)) == (503, ["unavailable"])


def test_a_second_process_is_told_who_holds_the_folder(tmp_path) -> None:
    with (
        fresh_service(tmp_path / "ledger"),
        pytest.raises(FolderHeld, match=r"held by process \d+"),
        fresh_service(tmp_path / "ledger"),
    ):
        pass


def test_a_ledger_is_there_after_a_restart(tmp_path) -> None:
    """Positions, answers and keys."""
    headers = {"Idempotency-Key": "k"}
    with fresh_service(tmp_path) as client:
        first = client.post("/v1/events", json=entity("ant"), headers=headers)
        times = {"as_of": "2024-01-01", "known_at": "2024-01-01", "position": "1"}
        asked = client.get("/v1/entities", params=times)
    with fresh_service(tmp_path) as client:
        assert client.post("/v1/events", json=entity("ant"), headers=headers).content == first.content
        assert client.get("/v1/entities", params=times).content == asked.content


def test_half_a_request_is_given_up(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the second one on a connection; a whole one is answered however late it comes after."""
    monkeypatch.setattr(api.cli.serving, "HEADERS_SECONDS", 0.3)
    address = (service.base_url.host, service.base_url.port or 80)
    whole = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent in (b"", b"GET /livez HTTP/1.1\r\nHost:", whole + b"GET /li"):
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(sent)
            started = time.monotonic()
            answer = b""
            while block := connection.recv(65_536):
                answer += block
            assert time.monotonic() - started < 6
            assert answer.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")
