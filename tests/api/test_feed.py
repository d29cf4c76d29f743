"""GET /v1/feed: the log from a position on, in order, each event once, whoever wrote it and however it is asked for."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import psycopg
import pytest
import uvicorn

import api.cli.serving
import api.feed
from api.app import create_app
from api.cli.serving import free_socket
from api.feed import media_type_of
from api.service import Service, open_service
from api.settings import Settings
from tests.api.sse import STREAM, feed
from tests.api.world import entity, event, given, reasons, usd
from tests.service import fresh_service

BATCH = "application/cloudevents-batch+json"
# What the specification says of the attributes and of the JSON format (CloudEvents 1.0.2, §3 and JSON format §2).
CLOUDEVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "minLength": 1, "format": "uri"},
        "sequence": {"type": "string", "minLength": 1},
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": {"type": ["boolean", "string", "integer"]},
}


def positions(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [one["position"] for one in answer.json()["events"]]


def later(client: httpx.Client, *events: dict[str, Any], seconds: float = 0.2) -> threading.Timer:
    """Record the events in a moment."""
    timer = threading.Timer(seconds, lambda: httpx.post(f"{client.base_url}/v1/events", json=events, trust_env=False))
    timer.start()
    return timer


# --- the stream -------------------------------------------------------------------------------------------------


def test_every_event_comes_once_in_order_as_it_is_recorded(service: httpx.Client) -> None:
    """First what is there, then what comes; each with its position, its type and itself."""
    given(service, entity("ant"), entity("bee"))
    with feed(service) as reader:
        messages = iter(reader)
        first = list(islice(messages, 2))
        later(service, entity("cat"))
        third = next(messages)
    shown = service.get("/v1/events", params={"order": "position"}).json()["events"]
    assert [json.loads(data) for _, _, data in (*first, third)] == shown
    assert [(i, kind) for i, kind, _ in (*first, third)] == [(str(n), "entity.registered") for n in (1, 2, 3)]
    assert reader.retry is not None


def test_an_event_is_shown_as_it_was_when_it_was_recorded(service: httpx.Client) -> None:
    """What corrects it comes later, as an event: so the same bytes come however late one asks."""
    [_, _, fact] = given(
        service, entity("ant"), entity("bee"),
        event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("5")),
    )  # fmt: skip
    before = service.get("/v1/feed", params={"position": 2}).json()["events"]
    given(service, event("event.retracted", "2023-07-01", "2023-07-01", event=fact["id"], reason="misread"))
    after = service.get("/v1/feed", params={"position": 2}).json()["events"]
    assert after[0] == before[0]
    assert after[1]["type"] == "event.retracted"
    assert service.get("/v1/events", params={"position": 3}).json()["events"][0] == before[0]


def test_a_feed_goes_on_after_what_one_has(service: httpx.Client) -> None:
    """The header counts before the parameter, for long polling too."""
    given(service, *(entity(f"e-{number}") for number in range(9)))
    for last_id, parameters, expected in ((None, {"position": 6}, 7), ("7", {}, 8), ("7", {"position": 2}, 8)):
        with feed(service, last_id, **parameters) as reader:
            assert next(iter(reader))[0] == str(expected)
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        assert positions(service.get("/v1/feed", params=parameters, headers=headers))[0] == expected


def test_a_long_log_comes_whole(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is read at once, by number or by size."""
    monkeypatch.setattr(api.feed, "BATCH", 7)
    monkeypatch.setattr(api.feed, "BATCH_BYTES", 1_500)
    given(service, *({**entity(f"e-{n}"), "note": "x" * (1 + n % 5 * 300)} for n in range(60)))
    with feed(service) as reader:
        assert [int(i) for i, _, _ in islice(reader, 60)] == list(range(1, 61))
    asked = 0
    found: list[int] = []
    while len(found) < 60:
        answer = service.get("/v1/feed", params={"position": asked, "limit": 20})
        assert 1 <= len(positions(answer)) <= 20
        found += positions(answer)
        asked = answer.json()["position"]
        assert answer.json()["more"] == (asked < 60)
    assert found == list(range(1, 61))


def test_text_that_ends_lines_elsewhere_stays_in_its_line(service: httpx.Client) -> None:
    """Some readers of lines take more for their end than the specification does."""
    note = "a\u2028b\u2029c\nd\te — ünï"
    given(service, {**entity("ant"), "note": note})
    with service.stream("GET", "/v1/feed", headers=STREAM) as answer:
        line = next(line for line in answer.iter_lines() if line.startswith("data: "))
    assert json.loads(line[6:])["note"] == note


def test_a_quiet_feed_says_that_it_lives(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """By comments, which no client takes for events."""
    monkeypatch.setattr(api.feed, "HEARTBEAT_SECONDS", 0.05)
    with feed(service) as reader:
        later(service, entity("ant"), seconds=0.5)
        assert next(iter(reader))[0] == "1"
    assert len(reader.comments) > 3


def test_many_feeds_hold_no_threads_and_hear_at_once(service: httpx.Client) -> None:
    """A hundred clients, more than there are threads; each gets the same."""
    given(service, entity("ant"))
    heard: list[tuple[float, str]] = []
    opened = threading.Barrier(101)

    def follow() -> None:
        with httpx.Client(base_url=service.base_url, trust_env=False, timeout=60) as client, feed(client) as reader:
            messages = iter(reader)
            next(messages)
            opened.wait(30)
            _, _, data = next(messages)
            heard.append((time.monotonic(), data))

    threads = [threading.Thread(target=follow) for _ in range(100)]
    for thread in threads:
        thread.start()
    opened.wait(30)
    assert "dealledger_open_feeds 100.0" in service.get("/metrics").text.splitlines()
    assert service.get("/v1/entities").status_code == 200
    given(service, entity("bee"))
    for thread in threads:
        thread.join()
    assert len(heard) == 100
    assert len({data for _, data in heard}) == 1
    deadline = time.monotonic() + 10
    while "dealledger_open_feeds 0.0" not in service.get("/metrics").text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "dealledger_open_feeds 0.0" in service.get("/metrics").text.splitlines()


def test_clients_in_the_same_place_share_a_read(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one client costs the store, fifty cost it too."""
    reads: list[int] = []
    read = api.feed.read_batch

    def counted(store: Any, after: int, *more: Any) -> Any:
        reads.append(after)
        time.sleep(0.2)
        return read(store, after, *more)

    monkeypatch.setattr(api.feed, "read_batch", counted)

    def follow() -> None:
        with httpx.Client(base_url=service.base_url, trust_env=False, timeout=60) as client, feed(client) as reader:
            next(iter(reader))

    threads = [threading.Thread(target=follow) for _ in range(50)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    given(service, entity("ant"))
    for thread in threads:
        thread.join()
    assert reads.count(0) < 5


def test_a_client_that_does_not_read_costs_one_batch(tmp_path: Path) -> None:
    """The server stops reading the log for it, and others go on."""
    read: list[int] = []
    with fresh_service(tmp_path) as client:
        for block in range(8):
            given(client, *({**entity(f"e-{block}-{n}"), "note": "x" * 2_000} for n in range(1_000)))
        original = api.feed.read_batch

        def counted(store: Any, after: int, *more: Any) -> Any:
            read.append(after)
            return original(store, after, *more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(api.feed, "read_batch", counted)
            with client.stream("GET", "/v1/feed", headers=STREAM):  # 18 MB, never read
                time.sleep(1.5)
                assert 0 < max(read) < 6_000  # what the sockets take, and a batch
                with httpx.Client(base_url=client.base_url, trust_env=False) as other, feed(other) as reader:
                    assert [int(i) for i, _, _ in islice(reader, 8_000)] == list(range(1, 8_001))


def test_the_head_of_a_feed_is_its_headers(service: httpx.Client) -> None:
    """HEAD and OPTIONS end, however long the feed is."""
    for headers in (STREAM, {}):
        answer = service.head("/v1/feed", headers=headers, timeout=5)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith(headers.get("Accept", "application/json"))
    assert service.options("/v1/feed", timeout=5).headers["allow"] == "GET, HEAD, OPTIONS"
    assert service.post("/v1/feed", timeout=5).status_code == 405


# --- long polling -----------------------------------------------------------------------------------------------


def test_long_polling_waits_for_news_and_no_longer(service: httpx.Client) -> None:
    """At once if there is something, as soon as there is, and in the end without."""
    started = time.monotonic()
    assert service.get("/v1/feed").json() == {"position": 0, "events": [], "more": False}
    later(service, entity("ant"), seconds=0.4)
    answer = service.get("/v1/feed", params={"wait": 30})
    assert positions(answer) == [1]
    assert 0.3 < time.monotonic() - started < 5
    assert positions(service.get("/v1/feed", params={"wait": 30})) == [1]
    assert time.monotonic() - started < 5
    started = time.monotonic()
    assert service.get("/v1/feed", params={"wait": 1, "position": 1}).json()["events"] == []
    assert 0.9 < time.monotonic() - started < 5
    assert answer.headers["cache-control"] == "no-store"
    assert service.get(answer.headers["link"].partition(">")[0][1:], params={"wait": 0}).json()["position"] == 1


def test_the_wait_is_cut_to_what_the_service_allows() -> None:
    with fresh_service(feed_wait_seconds=0.2) as client:
        started = time.monotonic()
        assert positions(client.get("/v1/feed", params={"wait": 3600})) == []
        assert time.monotonic() - started < 5


# --- CloudEvents ------------------------------------------------------------------------------------------------


def cloudevents(client: httpx.Client) -> Iterator[dict[str, Any]]:
    for parameters, accept in (({"format": "cloudevents"}, "*/*"), ({}, BATCH)):
        answer = client.get("/v1/feed", params=parameters, headers={"Accept": accept})
        assert answer.headers["content-type"] == BATCH
        yield from answer.json()
    with feed(client, format="cloudevents") as reader:
        for _, kind, data in islice(reader, client.get("/v1/feed").json()["position"]):
            assert json.loads(data)["type"] == kind
            yield json.loads(data)


def test_cloudevents_are_as_their_specification_says(service: httpx.Client) -> None:
    """In a batch and one by one in the stream: the attributes, and the whole event as data."""
    given(
        service, entity("ant"), entity("bee"),
        event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("5")),
    )  # fmt: skip
    valid = jsonschema_rs.validator_for(CLOUDEVENT, validate_formats=True)
    found = list(cloudevents(service))
    plain = service.get("/v1/feed").json()["events"]
    assert len(found) == 9
    for one, shown in zip(found, plain * 3, strict=True):
        valid.validate(one)
        assert one["data"] == shown
        assert (one["id"], one["type"], one["time"]) == (shown["id"], shown["type"], shown["recorded_at"])
        assert int(one["sequence"]) == shown["position"]
    assert [one["subject"] for one in found[:2]] == ["entity/ant", "entity/bee"]
    assert [one["sequence"] for one in found[:3]] == sorted(one["sequence"] for one in found[:3])
    assert len({(one["source"], one["id"]) for one in found}) == 3
    mistakes: list[dict[str, Any]] = [
        {"id": ""},
        {"specversion": "0.3"},
        {"time": "yesterday"},
        {"Subject": "x"},
        {"more": {}},
    ]
    for wrong in mistakes:
        assert not valid.is_valid({**found[0], **wrong})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], "application/json"),
        (["*/*"], "application/json"),
        (["text/html"], "application/json"),
        (["text/event-stream"], "text/event-stream"),
        (["TEXT/Event-Stream; charset=utf-8"], "text/event-stream"),
        (["application/json, text/event-stream"], "application/json"),
        (["application/json;q=0.5, text/event-stream"], "text/event-stream"),
        (["text/event-stream;q=0"], "application/json"),
        (["text/event-stream;q=x"], "application/json"),
        (["text/event-stream;q=0.1", BATCH], BATCH),
        ([",;,=,;q=;"], "application/json"),
    ],
)
def test_what_is_liked_best_is_sent(accept: list[str], expected: str) -> None:
    """Of the types of media that there are; JSON to whoever names none of them."""
    assert media_type_of(accept) == expected


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [STREAM, {}, {"Accept": BATCH}])
@pytest.mark.parametrize(
    ("parameters", "last_ids", "reason"),
    [
        ({"position": "99"}, [], "future_position"),
        ({}, ["99"], "future_position"),
        ({"position": "1"}, ["99"], "future_position"),
        ({}, [""], "invalid_header"),
        ({}, ["-1"], "invalid_header"),
        ({}, ["1.0"], "invalid_header"),
        ({}, ["1 2"], "invalid_header"),
        ({}, ["9" * 40], "invalid_header"),
        ({}, ["1", "2"], "invalid_header"),
        ({}, ["b4c1"], "invalid_header"),
        ({"position": "-1"}, [], "invalid_query"),
        ({"position": "x"}, [], "invalid_query"),
        ({"position": "١"}, [], "invalid_query"),
        ({"format": "xml"}, [], "invalid_query"),
        ({"from": "1"}, [], "unknown_parameter"),
    ],
)
def test_a_place_that_is_none_is_refused(
    shared: httpx.Client, headers: dict[str, str], parameters: dict[str, str], last_ids: list[str], reason: str
) -> None:
    """By name and before anything is sent, also to a client of another ledger or of one that was set back."""
    sent = [*headers.items(), *(("Last-Event-ID", one) for one in last_ids)]
    answer = shared.get("/v1/feed", params=parameters, headers=sent, timeout=5)
    assert reasons(answer) == [reason]
    if last_ids:
        assert answer.json()["parameter"] == "Last-Event-ID"


@pytest.mark.parametrize("name", ["limit", "wait"])
def test_a_stream_has_no_end_to_be_set(shared: httpx.Client, name: str) -> None:
    """What would change nothing is refused."""
    assert reasons(shared.get("/v1/feed", params={name: 1}, headers=STREAM, timeout=5)) == ["unknown_parameter"]
    for wrong in ("-1", "4000", "x"):
        assert reasons(shared.get("/v1/feed", params={name: wrong})) == ["invalid_query"]


# --- several servers, a log that goes away, the end -------------------------------------------------------------


def test_a_feed_has_what_another_server_wrote(database_url: str) -> None:
    """Two servers on one database, in either direction, as a stream and by long polling."""
    with fresh_service(database_url=database_url) as one, fresh_service(database_url=database_url) as other:
        given(other, entity("ant"))
        with feed(one) as reader:
            messages = iter(reader)
            assert next(messages)[0] == "1"
            later(other, entity("bee"))
            assert next(messages)[0] == "2"
            later(one, entity("cat"))
            assert next(messages)[0] == "3"
        later(other, entity("dog"))
        assert positions(one.get("/v1/feed", params={"position": 3, "wait": 30})) == [4]


def test_a_feed_outlives_a_log_that_goes_away(database_url: str) -> None:
    """An open one waits; whoever comes meanwhile gets a 503."""
    with fresh_service(database_url=database_url) as client, psycopg.connect(database_url, autocommit=True) as admin:
        given(client, entity("ant"))
        with feed(client) as reader:
            messages = iter(reader)
            assert next(messages)[0] == "1"
            admin.execute("ALTER TABLE events RENAME TO events_away")
            time.sleep(0.5)
            assert reasons(client.get("/v1/feed", headers=STREAM)) == ["unavailable"]
            assert reasons(client.get("/v1/feed")) == ["unavailable"]
            admin.execute("ALTER TABLE events_away RENAME TO events")
            given(client, entity("bee"))
            assert next(messages)[0] == "2"


OPEN = 100


@contextmanager
def open_feeds(client: httpx.Client) -> Iterator[list[threading.Thread]]:
    """A hundred clients that have heard what there is and wait for more."""
    ready = threading.Barrier(OPEN + 1)

    def follow() -> None:
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=60) as own, feed(own) as reader:
            messages = iter(reader)
            next(messages)
            ready.wait(60)
            with suppress(httpx.RemoteProtocolError):  # a server that gives up waiting breaks off
                assert next(messages, None) is None

    threads = [threading.Thread(target=follow) for _ in range(OPEN)]
    for thread in threads:
        thread.start()
    ready.wait(60)
    yield threads
    for thread in threads:
        thread.join()


def seconds_to_stop(server: api.cli.serving.Server) -> float:
    """How long a server takes to end after SIGTERM with a hundred open feeds."""
    listening = free_socket("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        given(client, entity("ant"))
        with open_feeds(client):
            started = time.monotonic()
            server.handle_exit(signal.SIGTERM, None)
            thread.join()
            return time.monotonic() - started


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Service]:
    with open_service(Settings(data=tmp_path / "ledger")) as service:
        yield service


def test_open_feeds_end_at_once_when_the_service_is_told_to(opened: Service) -> None:
    """Whole: no client sees its connection break."""
    seconds = seconds_to_stop(api.cli.serving.Server(create_app(opened), opened))
    assert seconds < api.cli.serving.GRACE_SECONDS / 2, seconds


def test_feeds_that_are_not_told_keep_a_server_for_its_grace(opened: Service) -> None:
    """The control: a server that only asks its connections to end."""

    class Deaf(api.cli.serving.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            uvicorn.Server.handle_exit(self, sig, frame)

    assert seconds_to_stop(Deaf(create_app(opened), opened)) >= api.cli.serving.GRACE_SECONDS
