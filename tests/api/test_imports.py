"""Lines that come in under one name: found by it, listed, and new again once what they recorded is retracted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.world import entity, event, given, head, post_lines, reasons, usd

INVESTMENT = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"))
KEY = {"Idempotency-Key": "file"}


def retraction(event_id: str) -> dict[str, Any]:
    return {"type": "event.retracted", "known": "2023-06-01", "data": {"event": event_id, "reason": "a slip"}}


def sent(client: httpx.Client, *events: Any, batch: str = "deals") -> list[dict[str, Any]]:
    """What becomes of lines sent as an import sends them: keys from what they say, under a name."""
    return post_lines(client, *events, headers=KEY, keys="content", batch=batch)


def rows(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/events", params={"order": "position", **query}).json()["events"]
    return found


def test_an_event_says_how_it_came_in(service: httpx.Client) -> None:
    """Its import, the key as the client gave it, and the trace; one posted alone is of no import."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {**KEY, "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    post_lines(service, entity("ant"), headers=headers, keys="content", batch="deals")
    service.post("/v1/events", json=entity("bee"), headers={"Idempotency-Key": "one"})
    service.post("/v1/events", json=entity("cow"))
    imported, alone, bare = rows(service)
    assert (imported["batch"], imported["idempotency_key"], imported["trace_id"]) == ("deals", "file", trace)
    assert ("batch" in alone, alone["idempotency_key"], len(alone["trace_id"])) == (False, "one", 32)
    assert not {"batch", "idempotency_key"} & set(bare)
    assert [row["id"] for row in rows(service, batch="deals")] == [imported["id"]]


@pytest.mark.parametrize("batch", ["", "a b", "-x", "x" * 65, "a/b"])
def test_a_name_that_is_none_is_refused(service: httpx.Client, batch: str) -> None:
    answer = service.post(
        "/v1/events", content=b"{}\n", headers={"Content-Type": "application/x-ndjson"}, params={"batch": batch}
    )
    assert reasons(answer) == ["invalid_query"]
    assert answer.json()["parameter"] == "batch"


def test_imports_are_listed_with_what_is_left_of_them(service: httpx.Client) -> None:
    """As many events as came in, and how many of them are retracted, at any position."""
    sent(service, entity("ant"), entity("bee"), batch="parties")
    [made] = sent(service, INVESTMENT)[:1]
    assert head(service) == 3
    given(service, retraction(made["id"]))
    [deals, parties] = service.get("/v1/imports").json()["imports"]
    assert (deals["batch"], deals["events"], deals["retracted"], deals["first_position"]) == ("deals", 1, 1, 3)
    assert (parties["events"], parties["retracted"], parties["last_position"]) == (2, 0, 2)
    assert parties["first_recorded_at"] == rows(service)[0]["recorded_at"]
    before = service.get("/v1/imports", params={"position": 3}).json()["imports"]
    assert [row["retracted"] for row in before] == [0, 0]
    first = service.get("/v1/imports", params={"limit": 1}).json()
    rest = service.get("/v1/imports", params={"cursor": first["next"]}).json()
    assert [row["batch"] for row in (*first["imports"], *rest["imports"])] == ["deals", "parties"]


def test_events_can_be_asked_for_by_whether_they_hold(service: httpx.Client) -> None:
    """What a live retraction names doesn't; retracting the retraction brings it back."""
    given(service, entity("ant"), entity("bee"))
    [made] = given(service, INVESTMENT)
    [gone] = given(service, retraction(made["id"]))
    assert [row["id"] for row in rows(service, live="false")] == [made["id"]]
    given(service, retraction(gone["id"]))
    assert [row["id"] for row in rows(service, live="false")] == [gone["id"]]
    assert made["id"] in [row["id"] for row in rows(service, live="true")]
    assert [row["id"] for row in rows(service, live="false", position="4")] == [made["id"]]


def test_a_line_is_recorded_once_while_it_stands(service: httpx.Client) -> None:
    """Given a line recorded and retracted, when it comes again, then it is recorded again, and then no more."""
    sent(service, entity("ant"), entity("bee"))
    ids = []
    for _ in range(3):
        first, second = (sent(service, INVESTMENT)[0] for _ in range(2))
        assert ("repeated" in first, "repeated" in second) == (False, True)
        assert first["id"] == second["id"]
        ids.append(first["id"])
        given(service, retraction(first["id"]))
    assert len(set(ids)) == 3
    assert len(rows(service, live="true", type="investment.made")) == 0


def test_a_line_that_was_corrected_still_stands(service: httpx.Client) -> None:
    """Its chain has a row, so the same line again would count twice; also when the fact alone is retracted."""
    sent(service, entity("ant"), entity("bee"))
    [made] = sent(service, INVESTMENT)[:1]
    correction = event("event.corrected", event=made["id"], reason="more", replacement={**INVESTMENT})
    [corrected] = sent(service, correction)[:1]
    given(service, retraction(made["id"]))
    assert sent(service, INVESTMENT)[0]["repeated"]
    given(service, retraction(corrected["id"]))
    assert "repeated" not in sent(service, INVESTMENT)[0]


def test_keys_by_line_stay_for_ever(service: httpx.Client) -> None:
    """The same request again, whatever happened since, is the first answer again."""
    given(service, entity("ant"), entity("bee"))
    [first] = post_lines(service, INVESTMENT, headers=KEY)[:1]
    given(service, retraction(first["id"]))
    assert post_lines(service, INVESTMENT, headers=KEY)[0]["id"] == first["id"]


def test_two_equal_lines_are_two_events_again(service: httpx.Client) -> None:
    """Given two equal lines of which one is retracted, when both come again, then the one is recorded anew."""
    sent(service, entity("ant"), entity("bee"))
    one, two = sent(service, INVESTMENT, INVESTMENT)[:2]
    given(service, retraction(one["id"]))
    again = sent(service, INVESTMENT, INVESTMENT)[:2]
    assert ["repeated" in line for line in again] == [False, True]
    assert again[1]["id"] == two["id"]
