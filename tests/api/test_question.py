"""The three times in a question: strict parameters, waiting for a position, and the same bytes for ever."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.paging import Cursor
from api.question import json_bytes
from tests.api.world import entity, event, given, reasons, usd
from tests.service import fresh_service

PINNED = {"as_of": "2024-01-01", "known_at": "2024-01-01", "position": "3"}
QUESTIONS = [
    "/v1/holdings", "/v1/commitments", "/v1/contracts", "/v1/entities", "/v1/entities/ant", "/v1/valuations/bee",
    "/v1/events", "/v1/claims", "/v1/restrictions", "/v1/performance/ant", "/v1/imports", "/v1/exposures",
    "/v1/ownership",
    "/v1/records/entity/ant",
]  # fmt: skip


# --- parameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", QUESTIONS)
def test_unknown_parameters_are_refused_with_the_nearest_name(shared: httpx.Client, path: str) -> None:
    answer = shared.get(path, params={"know_at": "2024-01-01"})
    assert (answer.status_code, reasons(answer)) == (422, ["unknown_parameter"])
    assert answer.json()["parameter"] == "know_at"
    assert "known_at" in answer.json()["mend"]


@pytest.mark.parametrize("path", QUESTIONS)
def test_repeated_parameters_are_refused(shared: httpx.Client, path: str) -> None:
    answer = shared.get(path, params=[("as_of", "2024-01-01"), ("as_of", "2024-01-01")])
    assert (answer.status_code, reasons(answer)) == (422, ["repeated_parameter"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("as_of", value) for value in ("", "2024", "2024-Q1", "2024-02-30", "today", "2024-01-01T00:00:00Z",
        "0000-01-01", "1704067200")),
        *(("known_at", value) for value in ("", "2024-13-01", "２０２４-01-01", "2024-01-01 ")),
        *(("position", value) for value in ("", "-1", "+1", "1.0", "1_0", " 1", "١", "1e1", "0x1", "9" * 16, "null")),
        *(("currency", value) for value in ("", "usd", "ZZZ", "USDX")),
        *(("include", value) for value in ("", "denied", "rumoured,denied", "Rumoured")),
        *(("limit", value) for value in ("", "0", "-1", "1001", "1_0", "ten", "1.5")),
        *(("holder", value) for value in ("", "Ant", "a b", "ant' OR 1=1 --", "%", "x" * 101, "\x00")),
    ],
)  # fmt: skip
def test_what_a_parameter_cannot_be_is_refused(shared: httpx.Client, name: str, value: str) -> None:
    """Nothing is guessed; the name is told."""
    answer = shared.get("/v1/holdings", params={name: value})
    assert (answer.status_code, reasons(answer)) == (422, ["invalid_query"])
    assert answer.json()["parameter"] == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("from", value) for value in ("", "2024", "2024-01-01T", "2024-01-01T10:00", "2024-01-01T25:00:00Z",
        "2024-01-01T10:00:00")),
        ("type", "investment"), ("record", ""), ("order", "oldest"), ("entity", "A"),
    ],
)  # fmt: skip
def test_filters_of_the_audit_trail_are_strict_too(shared: httpx.Client, name: str, value: str) -> None:
    assert reasons(shared.get("/v1/events", params={name: value})) == ["invalid_query"]


def test_what_an_id_is_like_is_told_in_words(shared: httpx.Client) -> None:
    """Given an id of another form; when asked by it; then people read what one looks like, and programs a pattern."""
    answer = shared.get("/v1/holdings", params={"holder": "SoftBank Group"}).json()
    assert answer["detail"] == "holder: not an id."
    assert answer["mend"].startswith("Ids are lower-case letters, digits and hyphens, like anthropic")
    for path, name in (("/v1/events", "batch"), ("/v1/events", "trace_id"), ("/v1/ownership", "entity")):
        assert "^" not in shared.get(path, params={name: "!"}).text
    parameters = shared.get("/openapi.json").json()["paths"]["/v1/holdings"]["get"]["parameters"]
    [holder] = [one for one in parameters if one["name"] == "holder"]
    assert "^[a-z0-9][a-z0-9-]*$" in str(holder["schema"])


def test_every_wrong_parameter_is_told(shared: httpx.Client) -> None:
    answer = shared.get("/v1/holdings", params={"as_of": "x", "position": "y", "foo": "z"})
    assert sorted(error["parameter"] for error in answer.json()["errors"]) == ["as_of", "foo", "position"]


def test_the_future_is_refused_where_it_is_no_question(shared: httpx.Client) -> None:
    """known_at after today and a position above the head; as_of may lie ahead."""
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    assert reasons(shared.get("/v1/holdings", params={"known_at": tomorrow})) == ["future_known_at"]
    assert reasons(shared.get("/v1/holdings", params={"position": "11"})) == ["future_position"]
    assert shared.get("/v1/holdings", params={"as_of": "2124-01-01"}).status_code == 200


def test_the_empty_ledger_answers(service: httpx.Client) -> None:
    """Position 0 holds nothing, and is a position."""
    answer = service.get("/v1/holdings?position=0").json()
    assert (answer["position"], answer["holdings"], answer["totals"], answer["more"]) == (0, [], [], False)


# --- pinned ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", QUESTIONS)
def test_every_answer_begins_with_the_three_times(shared: httpx.Client, path: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    answer = shared.get(path).json()
    assert list(answer)[:3] == ["as_of", "known_at", "position"]
    assert (answer["as_of"], answer["known_at"], answer["position"]) == (today, today, 10)


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_pinned_question_has_the_same_bytes_for_ever(path: str) -> None:
    """Also after more was recorded, and after the read model was lost."""
    investment = event(
        "investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"), stake={"share": "0.1"}
    )
    with fresh_service() as client:
        recorded = given(client, entity("ant"), entity("bee"), investment)
        first = client.get(path, params=PINNED)
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert first.headers["etag"].startswith('"')
        assert "content-location" not in first.headers
        correction = event(
            "event.corrected", known="2023-06-02", event=recorded[2]["id"], reason="misread",
            replacement={key: investment[key] for key in ("type", "effective", "data")} | {"status": "denied"},
        )  # fmt: skip
        given(client, event("entity.changed", entity="ant", name="Aunt"), correction, investment)
        second = client.get(path, params=PINNED)
        assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
        assert client.get(path).content != first.content
        not_modified = client.get(path, params=PINNED, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        assert (not_modified.status_code, not_modified.content) == (304, b"")
        assert not_modified.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_question_that_is_not_pinned_says_where_it_is(shared: httpx.Client, path: str) -> None:
    """Content-Location has the other parameters too, and gives the same bytes."""
    answer = shared.get(path, params={"include": "rumoured", "as_of": "2024-02-29"})
    assert answer.headers["cache-control"] == "no-cache"
    pinned = answer.headers["content-location"]
    assert parse_qs(urlsplit(pinned).query)["include"] == ["rumoured"]
    again = shared.get(pinned)
    assert again.content == answer.content
    assert "immutable" in again.headers["cache-control"]


# --- positions ---------------------------------------------------------------------------------------------------


def test_what_was_written_is_read(service: httpx.Client) -> None:
    """The default position is the head as one asks: never an answer without what was written before."""
    for number in range(30):
        given(service, entity(f"e-{number}"))
        answer = service.get("/v1/entities", params={"limit": "1000"}).json()
        assert (answer["position"], len(answer["entities"])) == (number + 1, number + 1)


def test_min_position_waits_and_then_gives_up(shared: httpx.Client) -> None:
    """503 with Retry-After for what never comes, never an older answer."""
    assert shared.get("/v1/holdings", headers={"Min-Position": "10"}).status_code == 200
    started = time.monotonic()
    answer = shared.get("/v1/holdings", headers={"Min-Position": "11"})
    assert (answer.status_code, reasons(answer), answer.headers["retry-after"]) == (503, ["behind"], "1")
    assert 0.3 <= time.monotonic() - started < 5


@pytest.mark.parametrize("value", ["", "x", "-1", "1.0", "1 2", "9" * 16])
def test_min_position_is_a_plain_number(shared: httpx.Client, value: str) -> None:
    answer = shared.get("/v1/holdings", headers={"Min-Position": value})
    assert (reasons(answer), answer.json()["parameter"]) == (["invalid_header"], "Min-Position")


# --- pages -------------------------------------------------------------------------------------------------------


def pages(client: httpx.Client, path: str, name: str, **params: str) -> list[list[str]]:
    """The ids on each page, following the cursors alone."""
    found = []
    answer = client.get(path, params=params).json()
    while True:
        found.append([row.get("entity") or row["id"] for row in answer[name]])
        assert answer["more"] == (answer["next"] is not None)
        if not answer["more"]:
            return found
        answer = client.get(path, params={"cursor": answer["next"], "limit": params["limit"]}).json()


@pytest.mark.parametrize(
    ("path", "name", "order"),
    [("/v1/entities", "entities", None), ("/v1/events", "events", "newest"), ("/v1/events", "events", "position")],
)
def test_pages_make_up_the_list(shared: httpx.Client, path: str, name: str, order: str | None) -> None:
    """Whatever their size: nothing twice, nothing left out."""
    more = {"order": order} if order else {}
    [whole] = pages(shared, path, name, limit="1000", **more)
    assert len(whole) in (9, 10)
    for limit in range(1, 11):
        cut = pages(shared, path, name, limit=str(limit), **more)
        assert [one for page in cut for one in page] == whole
        assert all(len(page) == limit for page in cut[:-1])


def test_pages_hold_still_while_others_write(service: httpx.Client) -> None:
    """A cursor pins the three times, and its answers are for ever."""
    given(service, entity("ant"), entity("cow"))
    first = service.get("/v1/entities?limit=1").json()
    given(service, entity("bee"))
    second = service.get("/v1/entities", params={"cursor": first["next"]})
    assert [row["entity"] for row in second.json()["entities"]] == ["cow"]
    assert second.json()["position"] == 2
    assert "immutable" in second.headers["cache-control"]


def test_a_cursor_goes_on_with_its_own_question_only(shared: httpx.Client) -> None:
    """The same parameters may be repeated; others, another address or other times are refused."""
    cursor = shared.get("/v1/entities", params={"kind": "company", "limit": "2", "known_at": "2024-01-01"}).json()[
        "next"
    ]
    for same in ({}, {"kind": "company"}, {"kind": "company", "known_at": "2024-01-01", "limit": "5"}):
        assert shared.get("/v1/entities", params={"cursor": cursor, **same}).status_code == 200, same
    for other in (
        {"kind": "fund"},
        {"parent": "ant"},
        {"as_of": "2020-01-01"},
        {"position": "3"},
        {"include": "rumoured"},
    ):
        assert reasons(shared.get("/v1/entities", params={"cursor": cursor, **other})) == ["invalid_cursor"], other
    assert reasons(shared.get("/v1/holdings", params={"cursor": cursor})) == ["invalid_cursor"]


def test_a_damaged_cursor_is_refused(shared: httpx.Client) -> None:
    """Whichever of its signs is changed, left out or added."""
    cursor: str = shared.get("/v1/entities?limit=2").json()["next"]
    damaged = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    damaged += [
        "",
        "x",
        "====",
        cursor[:-1],
        cursor + "A",
        cursor + "=",
        cursor[::-1],
        "é",
        "A" * 4_000,
        "A" * 5_000,
        cursor.upper(),
    ]
    for text in damaged:
        assert reasons(shared.get("/v1/entities", params={"cursor": text})) == ["invalid_cursor"], text


def test_a_cursor_that_somebody_made_up_is_refused(shared: httpx.Client) -> None:
    """With a right checksum round wrong contents."""
    from api.paging import CHECK_BYTES, _check

    real: str = shared.get("/v1/entities?limit=2").json()["next"]
    inside = base64.urlsafe_b64decode(real + "=" * (-len(real) % 4))[CHECK_BYTES:]
    for packed in (
        b"", b"null", b"[]", b"{}", b"[" * 2_000, inside.replace(b'"after":"', b'"after":"x'),
        inside.replace(b"/v1/entities", b"/v1/other"),
        inside.replace(b'"position":"10"', b'"position":"99"'), inside.replace(b'"known_at":"2', b'"known_at":"9'),
        inside.replace(b'"as_of"', b'"as_off"'),
    ):  # fmt: skip
        text = base64.urlsafe_b64encode(_check(packed) + packed).decode().rstrip("=")
        answer = shared.get("/v1/entities", params={"cursor": text})
        assert answer.status_code == 422, packed


@pytest.mark.parametrize(
    "path", ["/v1/entities", "/v1/events", "/v1/holdings", "/v1/commitments", "/v1/valuations/bee"]
)
def test_a_cursor_with_a_made_up_key_is_refused(shared: httpx.Client, path: str) -> None:
    """Nothing that JSON can hold makes a mistake of ours of it."""
    times = {"as_of": "2024-01-01", "known_at": "2024-01-01", "position": "10"}
    for after in ("", "x", "null", "{}", "[]", "[1]", "[null]", '["a", "b"]', "-1", "1.5", "true", "9" * 30, "[" * 999):
        made_up = Cursor(path=path, given=times, after=after).text()
        assert reasons(shared.get(path, params={"cursor": made_up})) == ["invalid_cursor"], after


def test_a_fault_of_the_read_model_is_not_the_cursors(shared: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = shared.get("/v1/entities?limit=2").json()["next"]

    def broken(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr("projections.entities.entities", broken)
    assert reasons(shared.get("/v1/entities", params={"cursor": cursor})) == ["internal"]


def test_answers_are_written_as_pythons_own_json_writes_them() -> None:
    """To the byte, whatever characters a text has; what isn't Unicode is refused by both."""
    answer: dict[str, Any] = {
        "text": "".join(map(chr, [*range(0x300), 0x2028, 0x2029, 0xFFFD, 0xFFFF, 0x1F3E6])),
        'é " \\ /': [None, True, False, 0, -1, 2**70, [], {}, "", ()],
    }
    assert json_bytes(answer) == json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    for broken in ({"text": "\ud800"}, {"\ud800": 1}):
        with pytest.raises(ValueError):  # noqa: PT011
            json_bytes(broken)
