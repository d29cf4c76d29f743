"""POST /v1/events: one, several, or lines; once, however often it is sent. GET: the audit trail."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.events import RECORD_NAME
from ledger.event import TYPES
from tests.api.world import entity, event, given, head, post_lines, reasons, usd
from tests.ledger.examples import FULL
from tests.service import fresh_service

INVESTMENT = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"))


# --- one event or an array ---------------------------------------------------------------------------------------


def test_one_event_is_recorded_and_found_at_its_location(service: httpx.Client) -> None:
    """201 with position, id and type; Ledger-Position; Location."""
    answer = service.post("/v1/events", json=entity("ant"))
    assert answer.status_code == 201
    [recorded] = answer.json()["events"]
    assert answer.json() == {"position": 1, "events": [recorded]}
    assert recorded["position"] == 1
    assert recorded["type"] == "entity.registered"
    assert answer.headers["ledger-position"] == "1"
    found = service.get(answer.headers["location"]).json()["event"]
    assert found["id"] == recorded["id"]
    assert found["recorded_by"] == "rest"
    assert found["status"] == "reported"


def test_an_array_is_all_or_nothing_and_every_mistake_is_told(service: httpx.Client) -> None:
    """Pointers go into the array; what comes first in it can be named by what follows."""
    given(service, entity("ant"), entity("bee"), INVESTMENT)
    answer = service.post("/v1/events", json=[entity("cow"), {"type": "x"}, entity("DOG")])
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/1/type", "/2/data/entity"]
    answer = service.post(
        "/v1/events", json=[entity("cow"), {**INVESTMENT, "data": {**INVESTMENT["data"], "issuer": "elk"}}]
    )
    assert answer.json()["pointer"] == "/1/data/issuer"
    assert head(service) == 3


def test_a_single_events_pointers_begin_in_the_event(service: httpx.Client) -> None:
    """No /0 in front, whether its form or what the ledger holds is against it."""
    assert service.post("/v1/events", json={**INVESTMENT, "effective": "soon"}).json()["pointer"] == "/effective"
    assert service.post("/v1/events", json=INVESTMENT).json()["pointer"] == "/data/investor"


def test_an_empty_array_is_refused(service: httpx.Client) -> None:
    assert reasons(service.post("/v1/events", json=[])) == ["invalid"]


def test_only_json_and_lines_are_taken(service: httpx.Client) -> None:
    """415 for other types and other character sets; a charset of UTF-8 may be said."""
    for media in ("text/plain", "application/xml", "application/json; charset=latin-1", ""):
        answer = service.post("/v1/events", content=b"{}", headers={"Content-Type": media})
        assert answer.status_code == 415
        assert answer.headers["accept-post"] == "application/json, application/x-ndjson"
    headers = {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    assert service.post("/v1/events", content=json.dumps(entity("ant")), headers=headers).status_code == 201


@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity", "GZIP"])
def test_a_packed_body_is_not_unpacked(service: httpx.Client, coding: str) -> None:
    """Given a body with a Content-Encoding; when it is sent; then 415 says to send it plain, and identity is taken."""
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = service.post("/v1/events", content=json.dumps(entity("ant")), headers=headers)
    assert (answer.status_code, reasons(answer)) == (415, ["unsupported_media_type"])
    assert answer.headers["accept-encoding"] == "identity"
    plain = service.post("/v1/events", json=entity("ant"), headers={"Content-Encoding": "identity"})
    assert plain.status_code == 201


@pytest.mark.parametrize("more", [("Content-Encoding", "gzip"), ("Content-Type", "text/plain")])
def test_a_header_that_comes_twice_counts_whole(service: httpx.Client, more: tuple[str, str]) -> None:
    """Given two lines of it, of which the first alone would do; then the body is not what the second says."""
    one = [("Content-Type", "application/json"), ("Content-Encoding", "identity")]
    body = json.dumps(entity("ant"))
    assert service.post("/v1/events", content=body, headers=[*one, more]).status_code == 415
    assert service.post("/v1/events", content=body, headers=one).status_code == 201


def test_an_events_bytes_count_and_not_its_characters(service: httpx.Client) -> None:
    """Given two events of as many characters, one with four bytes for each; when sent; then only that is too long."""

    def rule(label: str) -> dict[str, Any]:
        labels = [label * 190 + str(n) for n in range(100)]
        said: dict[str, Any] = {
            "restriction": "r",
            "on": ["ant"],
            "kind": "mandate",
            "text": "Only these.",
            "allows": labels,
        }
        return event("restriction.imposed", **said)

    given(service, entity("ant"))
    refused = service.post("/v1/events", json=rule("\U00020bb7"))
    assert (refused.status_code, reasons(refused)) == (413, ["too_large"])
    assert head(service) == 1
    assert service.post("/v1/events", json=rule("x")).status_code == 201


def test_parameters_of_lines_are_refused_for_json(service: httpx.Client) -> None:
    """A dry run that wasn't one would be a bad surprise."""
    answer = service.post("/v1/events?dry_run=true", json=entity("ant"))
    assert reasons(answer) == ["unknown_parameter"]
    assert head(service) == 0


def test_a_warning_does_not_keep_an_event_out(service: httpx.Client) -> None:
    """A name that looks like another is taken, and said."""
    given(service, entity("acme", name="Acme"))
    answer = service.post("/v1/events", json=entity("acme-2", name="\u0410cme"))
    assert answer.status_code == 201
    assert answer.json()["warnings"]


def test_a_source_of_another_type_is_taken_and_said(service: httpx.Client) -> None:
    """Given an investment; when a mark says to be the same fact; then it is recorded, with a warning where and why."""
    *_, first = given(service, entity("ant"), entity("bee"), INVESTMENT)
    mark = event("valuation.recorded", subject="bee", value=usd("10"), basis="post_money")
    answer = service.post("/v1/events", json={**mark, "same_as": first["id"]})
    assert answer.status_code == 201
    [warning] = answer.json()["warnings"]
    assert (warning["event"], warning["pointer"]) == (answer.json()["events"][0]["id"], "/same_as")
    assert "counts nowhere" in warning["detail"]
    again = service.post("/v1/events", json={**INVESTMENT, "same_as": first["id"]})
    assert "warnings" not in again.json()


# --- once --------------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_get_the_first_answer_again(service: httpx.Client) -> None:
    """Spacing and the order of keys don't make another body."""
    headers = {"Idempotency-Key": str(uuid4())}
    body = entity("ant")
    first = service.post("/v1/events", json=body, headers=headers)
    again = dict(reversed(body.items()))
    headers["Content-Type"] = "application/json"
    second = service.post("/v1/events", content=json.dumps(again, indent=3), headers=headers)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert head(service) == 1


def test_the_same_key_with_another_body_is_refused(service: httpx.Client) -> None:
    """Also when the first body was an array of one, which is another body than its event."""
    headers = {"Idempotency-Key": "k"}
    service.post("/v1/events", json=entity("ant"), headers=headers)
    for other in (entity("bee"), [entity("ant")]):
        answer = service.post("/v1/events", json=other, headers=headers)
        assert (answer.status_code, reasons(answer)) == (422, ["key_reused"])
    assert head(service) == 1


def test_a_refused_body_leaves_its_key_free(service: httpx.Client) -> None:
    """Nothing was recorded, so the mended body may take the key."""
    headers = {"Idempotency-Key": "k"}
    assert service.post("/v1/events", json=INVESTMENT, headers=headers).status_code == 422
    assert service.post("/v1/events", json=entity("ant"), headers=headers).status_code == 201


def test_retries_at_the_same_moment_are_recorded_once(service: httpx.Client) -> None:
    """Eight senders, one key: all get one answer."""

    def send(_: int) -> bytes:
        return service.post("/v1/events", json=entity("ant"), headers={"Idempotency-Key": "k"}).content

    with ThreadPoolExecutor(8) as senders:
        assert len(set(senders.map(send, range(24)))) == 1
    assert head(service) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "\u00e9".encode()])
def test_a_key_that_is_none_is_refused(service: httpx.Client, key: str) -> None:
    answer = service.post("/v1/events", json=entity("ant"), headers={"Idempotency-Key": key})
    assert reasons(answer) == ["invalid_header"]
    assert answer.json()["parameter"] == "Idempotency-Key"


def test_if_match_names_the_records_version(service: httpx.Client) -> None:
    """412 once somebody else has written; the version is what /records shows."""
    given(service, entity("ant"))
    version = service.get("/v1/records/entity/ant").json()["version"]
    change = event("entity.changed", entity="ant", city="Oslo")
    headers = {"If-Match": f'"{version}"'}
    assert service.post("/v1/events", json=change, headers=headers).status_code == 201
    late = service.post("/v1/events", json=change, headers=headers)
    assert (late.status_code, reasons(late)) == (412, ["version_mismatch"])
    assert service.get("/v1/records/entity/ant").json()["version"] == version + 1


@pytest.mark.parametrize("version", ["1", 'W/"1"', '"1", "2"', "*", '"x"', '""', '"-1"'])
def test_if_match_takes_one_strong_version(service: httpx.Client, version: str) -> None:
    answer = service.post("/v1/events", json=entity("ant"), headers={"If-Match": version})
    assert reasons(answer) == ["invalid_header"]


# --- lines -------------------------------------------------------------------------------------------------------


def test_each_line_is_answered_by_a_line(service: httpx.Client) -> None:
    """Blank lines are left out, and counted."""
    told = post_lines(service, entity("ant"), "", entity("bee"), INVESTMENT)
    assert [one["line"] for one in told[:-1]] == [1, 3, 4]
    assert [one["status"] for one in told[:-1]] == [201] * 3
    assert told[-1]["summary"] == {
        "lines": 3, "accepted": 3, "refused": 0, "not_tried": 0, "repeated": 0, "dry_run": False, "position": 3
    }  # fmt: skip


def test_the_first_refused_line_stops_the_rest(service: httpx.Client) -> None:
    """Those before it are recorded; pointers begin in the event."""
    told = post_lines(service, entity("ant"), INVESTMENT, entity("bee"))
    assert [one["status"] for one in told[:-1]] == [201, 422, "not_tried"]
    assert told[1]["problem"]["reason"] == "unknown_entity"
    assert told[1]["problem"]["pointer"] == "/data/issuer"
    assert (told[-1]["summary"]["not_tried"], head(service)) == (1, 1)


def test_a_line_that_is_no_json_stops_the_rest_too(service: httpx.Client) -> None:
    told = post_lines(service, entity("ant"), "{", entity("bee"))
    assert [one["status"] for one in told[:-1]] == [201, 400, "not_tried"]


def test_on_error_continue_tries_them_all(service: httpx.Client) -> None:
    told = post_lines(service, entity("ant"), "{", INVESTMENT, entity("bee"), INVESTMENT, on_error="continue")
    assert [one["status"] for one in told[:-1]] == [201, 400, 422, 201, 201]
    assert head(service) == 3


def test_a_dry_run_writes_nothing_and_sees_the_lines_before(service: httpx.Client) -> None:
    """More lines than are handed to the writer at once, the last of which needs the first."""
    crowd = [entity(f"e-{number}") for number in range(1_200)]
    last = event("investment.made", investor="e-0", issuer="e-1199", instrument="equity", amount=usd("1"))
    told = post_lines(service, *crowd, last, dry_run="true")
    assert {one["status"] for one in told[:-1]} == {200}
    assert told[-1]["summary"]["dry_run"] is True
    assert head(service) == 0


def test_many_lines_all_arrive(service: httpx.Client) -> None:
    """In order, each with its position."""
    told = post_lines(service, *(entity(f"e-{number}") for number in range(3_000)))
    assert [one["position"] for one in told[:-1]] == list(range(1, 3_001))


def test_lines_sent_again_with_their_key_are_recorded_once(service: httpx.Client) -> None:
    """Each line's key is made from the request's and its number; another line under a number is refused."""
    lines = [entity("ant"), entity("bee")]
    first = post_lines(service, *lines, headers={"Idempotency-Key": "k"})
    again = post_lines(service, *lines, headers={"Idempotency-Key": "k"})
    assert [one["position"] for one in again[:-1]] == [one["position"] for one in first[:-1]]
    assert again[-1]["summary"]["repeated"] == 2
    other = post_lines(service, entity("ant"), entity("cow"), headers={"Idempotency-Key": "k"})
    assert other[1]["problem"]["reason"] == "key_reused"


def test_keys_from_content_let_a_file_be_mended(service: httpx.Client) -> None:
    """With a line put in front, what is there already is known again; two equal lines are two events."""
    paid = event("distribution.paid", payer="bee", holder="ant", amount=usd("1"), kind="dividend")
    lines = [entity("ant"), entity("bee"), paid, paid]
    options = {"keys": "content", "headers": {"Idempotency-Key": "import"}}
    post_lines(service, *lines, **options)
    again = post_lines(service, entity("cow"), *lines, **options)
    assert again[-1]["summary"]["repeated"] == 4
    assert head(service) == 5


def test_lines_have_no_version_in_common(service: httpx.Client) -> None:
    headers = {"Content-Type": "application/x-ndjson", "If-Match": '"1"'}
    assert reasons(service.post("/v1/events", content=b"{}", headers=headers)) == ["invalid_header"]


# --- limits ------------------------------------------------------------------------------------------------------


def test_a_body_that_is_too_long_is_refused_before_it_is_read(service: httpx.Client) -> None:
    """By its Content-Length, or while it streams."""
    headers = {"Content-Type": "application/json"}
    long = b'"' + b"x" * (9 * 1024 * 1024) + b'"'
    answer = service.post("/v1/events", content=long, headers=headers)
    assert (answer.status_code, reasons(answer)) == (413, ["too_large"])
    answer = service.post(
        "/v1/events", content=(long[start : start + 65_536] for start in range(0, len(long), 65_536)), headers=headers
    )
    assert (answer.status_code, reasons(answer)) == (413, ["too_large"])


def test_an_array_of_too_many_events_is_refused() -> None:
    with fresh_service(max_events=3) as client:
        answer = client.post("/v1/events", json=[entity(f"e-{number}") for number in range(4)])
        assert (answer.status_code, reasons(answer)) == (413, ["too_large"])
        assert head(client) == 0


def test_a_body_that_does_not_come_is_given_up() -> None:
    """408 after the time set, and the connection is closed."""
    with fresh_service(idle_seconds=0.2) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            answer = b""
            while block := connection.recv(65_536):
                answer += block
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"slow_body" in answer
        assert head(client) == 0


def test_a_body_that_drips_is_given_up() -> None:
    """Each byte comes in time, and the whole never would."""
    with fresh_service(idle_seconds=0.5) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=0.1) as connection:
            connection.sendall(
                b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
            )
            answer = b""
            deadline = time.monotonic() + 10
            while not answer and time.monotonic() < deadline:
                connection.sendall(b" ")
                with suppress(TimeoutError):
                    answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert head(client) == 0


# --- the audit trail ---------------------------------------------------------------------------------------------


def test_the_audit_trail_filters_by_what_events_name(service: httpx.Client) -> None:
    """By entity, record, type, door and day of recording; newest first unless asked by position."""
    given(service, entity("ant"), entity("bee"), entity("cow"), INVESTMENT)
    pledge = event(
        "commitment.made", commitment="p", from_="ant", to="cow", amount=usd("1"), purpose="fund", binding=True
    )
    given(service, pledge)

    def positions(**query: str) -> list[int]:
        return [one["position"] for one in service.get("/v1/events", params=query).json()["events"]]

    assert positions() == [5, 4, 3, 2, 1]
    assert positions(order="position") == [1, 2, 3, 4, 5]
    assert positions(entity="ant") == [5, 4, 1]
    assert positions(record="commitment/p") == positions(record="p") == [5]
    assert positions(type="investment.made") == [4]
    assert positions(recorded_by="import") == []
    today = service.get("/v1/events?limit=1").json()["events"][0]["recorded_at"]
    assert positions(**{"from": today}) == [5]
    assert positions(**{"from": today[:10], "to": today[:10]}) == [5, 4, 3, 2, 1]
    assert positions(to="2020-01-01") == []
    assert positions(position="2") == [2, 1]
    assert positions(as_of="2000-01-01") == [5, 4, 3, 2, 1]
    assert positions(known_at="2020-01-01") == [3, 2, 1]


@pytest.mark.parametrize("record", ["Foo/bar", "foo/bar", "commitment/Foo", "p/", "/p", "rate/eur/usd", "a/b/c", "é"])
def test_a_record_that_can_not_be_is_no_filter(shared: httpx.Client, record: str) -> None:
    """Its form is told; one that could be, and isn't, has no events."""
    answer = shared.get("/v1/events", params={"record": record})
    assert (answer.status_code, answer.json()["parameter"]) == (422, "record")
    assert "commitment/aws-anthropic-2023. The kinds are commitment, contract" in answer.json()["mend"]
    for unknown in ("nobody", "claim/nobody", "holding/a/b/fund_interest", "rate/XAU/USD", "log/key"):
        assert shared.get("/v1/events", params={"record": unknown}).json()["events"] == []


@pytest.mark.parametrize("kind", FULL)
def test_every_record_that_an_event_can_be_of_can_be_asked_for(kind: str) -> None:
    record = TYPES[kind].stream(FULL[kind], "7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11")
    assert RECORD_NAME.fits(record), record


def test_an_event_comes_with_what_was_said_of_it(service: httpx.Client) -> None:
    """Its corrections, retractions and reviews, as far as they are known."""
    *_, fact = given(service, entity("ant"), entity("bee"), INVESTMENT)
    replacement = {"type": "investment.made", "effective": "2023-05-02", "data": INVESTMENT["data"]}
    about = {"event": fact["id"], "reason": "misread"}
    [correction] = given(
        service, {"type": "event.corrected", "known": "2023-07-01", "data": {**about, "replacement": replacement}}
    )
    [review] = given(
        service,
        {"type": "review.recorded", "known": "2023-08-01", "data": {"events": [fact["id"]], "verdict": "approved"}},
    )
    [retraction] = given(
        service, {"type": "event.retracted", "known": "2023-09-01", "data": {**about, "event": fact["id"]}}
    )
    answer = service.get(f"/v1/events/{fact['id']}").json()
    assert [one["id"] for one in answer["corrections"]] == [correction["id"]]
    assert [one["id"] for one in answer["reviews"]] == [review["id"]]
    assert [one["id"] for one in answer["retractions"]] == [retraction["id"]]
    answer = service.get(f"/v1/events/{fact['id']}?known_at=2023-07-31").json()
    assert (len(answer["corrections"]), answer["reviews"], answer["retractions"]) == (1, [], [])
    assert reasons(service.get(f"/v1/events/{fact['id']}?position=2")) == ["not_found"]


def test_an_event_shows_its_record_its_origin_and_its_proof(service: httpx.Client) -> None:
    """Given events that came in under a key and a trace; then each shows them, and its place in its record."""
    headers = {"Idempotency-Key": "deal-7", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    body = [entity("ant"), entity("bee"), INVESTMENT, INVESTMENT]
    assert service.post("/v1/events", json=body, headers=headers).status_code == 201
    found = service.get("/v1/events?order=position").json()["events"]
    assert [(one["record"], one["version"]) for one in found] == [
        ("entity/ant", 1), ("entity/bee", 1), ("holding/ant/bee/equity", 1), ("holding/ant/bee/equity", 2),
    ]  # fmt: skip
    assert {(one["idempotency_key"], one["trace_id"]) for one in found} == {("deal-7", "ab" * 16)}
    assert [one["proof"] for one in found] == [f"/v1/proofs/{one['id']}" for one in found]


def test_events_are_found_by_key_trace_status_and_source(service: httpx.Client) -> None:
    """Each filter alone; a source by a part of its title, publisher or address, whatever the case."""
    headers = {"Idempotency-Key": "first", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    assert service.post("/v1/events", json=[entity("ant"), entity("bee")], headers=headers).status_code == 201
    source = {"title": "Notes 7", "publisher": "The Paper", "url": "https://example.com/a"}
    given(service, {**INVESTMENT, "status": "rumoured", "source": source})

    def positions(**asked: str) -> list[int]:
        return [one["position"] for one in service.get("/v1/events", params=asked).json()["events"]]

    assert positions(idempotency_key="first") == positions(trace_id="ab" * 16) == [2, 1]
    assert positions(status="rumoured") == positions(source="the pap") == positions(source="EXAMPLE.com") == [3]
    assert positions(source="notes 7") == [3]
    assert positions(idempotency_key="f") == positions(source="paper 7") == positions(status="denied") == []
    assert reasons(service.get("/v1/events?trace_id=x")) == ["invalid_query"]


def test_an_event_shows_its_reviews(service: httpx.Client) -> None:
    """Given a deal that was approved and then corrected; then it shows the verdict, by whom and that it is outdated."""
    *_, deal = given(service, entity("ant"), entity("bee"), INVESTMENT)
    [said] = given(service, event("review.recorded", events=[deal["id"]], verdict="approved", by="ana"))
    [review] = service.get(f"/v1/events/{deal['id']}").json()["event"]["reviews"]
    assert (review["review"], review["verdict"], review["reviewer"]) == (said["id"], "approved", "ana")
    assert (review["recorded_by"], review["outdated"]) == ("rest", False)
    replacement = {name: value for name, value in INVESTMENT.items() if name != "known"}
    given(service, event("event.corrected", event=deal["id"], replacement=replacement, reason="better known"))
    [review] = service.get("/v1/events?type=investment.made").json()["events"][0]["reviews"]
    assert review["outdated"] is True
