"""Documents over REST: attached, asked for, fetched, erased; and whatever somebody may send instead."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.world import entity, event, given, head, reasons, usd
from tests.service import fresh_service

SECRET = b"the terms that nobody was to see"
PDF = {"Content-Type": "application/pdf"}
DEAL = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(params=["sqlite", "postgres"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[httpx.Client]:
    """A service with two parties and a deal, on each store."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else None
    with fresh_service(tmp_path / "ledger", url, max_attachment_bytes=200_000) as client:
        deal = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"))
        given(client, entity("ant"), entity("bee"), {**deal, "id": DEAL})
        yield client


@pytest.fixture(scope="module")
def refusing() -> Iterator[httpx.Client]:
    """A service that refuses all that these tests bring it."""
    with fresh_service(max_attachment_bytes=200_000) as client:
        given(client, entity("ant"), entity("bee"), entity("cow"))
        yield client


def attach(client: httpx.Client, body: bytes = SECRET, headers: dict[str, str] | None = None, **said: Any) -> Any:
    """The answer to a document about ant, unless said otherwise."""
    return client.post("/v1/attachments", params={"about": "ant", **said}, content=body, headers=headers or PDF)


def attached(client: httpx.Client, body: bytes = SECRET, headers: dict[str, str] | None = None, **said: Any) -> Any:
    answer = attach(client, body, headers, **said)
    assert answer.status_code == 201, answer.text
    return answer.json()


def erase(client: httpx.Client, name: str) -> httpx.Response:
    return client.post(
        "/v1/events", json={"type": "attachment.erased", "data": {"attachment": name, "reason": "they asked for it"}}
    )


# --- the way of a document -------------------------------------------------------------------------------------


def test_a_stranger_checks_the_bytes_against_the_log(client: httpx.Client) -> None:
    """Given a document; when it is fetched; then its bytes and salt have the hash that the log's leaf has."""
    told = attached(client, attachment="terms", title="The terms")
    content = client.get("/v1/attachments/terms/content")
    assert (content.status_code, content.content) == (200, SECRET)
    salt = bytes.fromhex(content.headers["attachment-salt"])
    found = f"sha256:{hashlib.sha256(salt + SECRET).hexdigest()}"
    assert found == told["hash"] == content.headers["attachment-hash"]
    proof = client.get(f"/v1/proofs/{told['events'][0]['id']}").json()
    entry = json.loads(base64.b64decode(proof["entry"]))
    state = json.loads(entry["state"]) if isinstance(entry["state"], str) else entry["state"]
    assert state["data"]["hash"] == found
    assert SECRET not in base64.b64decode(proof["entry"])


def test_the_answer_leads_on(client: httpx.Client) -> None:
    """Given a document without an id; when it is attached; then the answer has one, and where to go on."""
    answer = attach(client)
    told = answer.json()
    assert answer.headers["location"] == f"/v1/attachments/{told['attachment']}"
    assert answer.headers["ledger-position"] == str(told["position"]) == "4"
    row = client.get(answer.headers["location"]).json()["attachment"]
    assert (row["about"], row["size"], row["media_type"]) == (["ant"], len(SECRET), "application/pdf")
    assert (row["hash"], row["event"], row["erased_by"]) == (told["hash"], told["events"][0]["id"], None)
    assert client.get(row["content"]).content == SECRET


def test_everything_that_is_said_of_it_is_recorded(client: httpx.Client) -> None:
    """Given every parameter; when a document is attached; then its event has them."""
    source: dict[str, Any] = {"source.url": "https://example.com/terms"}
    told = attached(
        client,
        headers={"Content-Type": 'Text/Plain; charset="UTF-8"'},
        about=f"ant, {DEAL}",
        attachment="terms",
        title="Bedingungen – final",
        effective="2023-Q3",
        known="2023-11-05",
        note="by post",
        **source,
    )
    shown = client.get(f"/v1/events/{told['events'][0]['id']}").json()["event"]
    assert (shown["effective"], shown["known"], shown["note"]) == ("2023-Q3", "2023-11-05", "by post")
    assert shown["source"] == {"url": "https://example.com/terms"}
    assert shown["record"] == "attachment/terms"
    said = {"attachment": "terms", "about": ["ant", DEAL], "title": "Bedingungen – final"}
    assert shown["data"] == {**said, "media_type": "text/plain;charset=utf-8", "size": 32, "hash": told["hash"]}


def test_what_it_is_about_names_it(client: httpx.Client) -> None:
    """Given documents about a deal and a party; when these are shown, and at the position before; then so they do."""
    attached(client, attachment="terms", about=f"{DEAL},bee")
    attached(client, attachment="other", about="ant")
    assert client.get(f"/v1/events/{DEAL}").json()["event"]["attachments"] == ["terms"]
    assert client.get("/v1/events?entity=bee&type=attachment.added").json()["events"][0]["data"]["about"] == [
        DEAL,
        "bee",
    ]
    assert client.get("/v1/records/entity/bee").json()["attachments"] == ["terms"]
    assert client.get("/v1/records/entity/bee?position=3").json()["attachments"] == []
    listed = client.get("/v1/attachments", params={"about": DEAL}).json()["attachments"]
    assert [row["attachment"] for row in listed] == ["terms"]
    assert len(client.get("/v1/attachments").json()["attachments"]) == 2
    record = client.get("/v1/records/attachment/terms").json()
    assert (record["version"], record["state"]["erased"]) == (1, None)


def test_a_list_in_pages(client: httpx.Client) -> None:
    """Given five documents; when they are listed by two; then each comes once, in the order of the log."""
    for number in range(5):
        attached(client, attachment=f"a-{number}")
    found: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = client.get("/v1/attachments", params={"limit": "2", **query}).json()
        found += [row["attachment"] for row in page["attachments"]]
        if not page["more"]:
            break
        query = {"cursor": page["next"]}
    assert found == [f"a-{number}" for number in range(5)]


def test_a_key_brings_the_first_answer(client: httpx.Client) -> None:
    """Given a document sent with a key; when it is sent again; then the first answer; with other bytes none."""
    headers = {**PDF, "Idempotency-Key": "once"}
    first = attach(client, headers=headers)
    assert attach(client, headers=headers).json() == first.json()
    assert head(client) == 4
    for other in (b"x" * len(SECRET), SECRET + b"x"):
        assert reasons(attach(client, other, headers)) == ["key_reused"]
    assert reasons(attach(client, headers=headers, title="Other")) == ["key_reused"]


def test_erased_is_gone_and_said(client: httpx.Client) -> None:
    """Given a document; when it is erased; then its content is 410 with who and when, and the lists say so."""
    attached(client, attachment="terms")
    attached(client, attachment="other")
    erasure = erase(client, "terms")
    assert erasure.status_code == 201
    gone = client.get("/v1/attachments/terms/content")
    assert (gone.status_code, reasons(gone)) == (410, ["erased"])
    assert erasure.json()["events"][0]["id"] in gone.json()["detail"]
    row = client.get("/v1/attachments/terms").json()["attachment"]
    assert (row["erased_by"], row["reason"]) == (erasure.json()["events"][0]["id"], "they asked for it")
    assert row["erased_at"].endswith("Z")
    assert client.get("/v1/attachments/other/content").content == SECRET  # the control
    assert reasons(erase(client, "terms")) == ["already_erased"]
    assert reasons(attach(client, attachment="terms")) == ["already_erased"]
    assert client.get("/v1/records/attachment/terms").json()["state"]["erased"] is not None


def test_a_pinned_question_is_the_same_bytes_after_an_erasure(client: httpx.Client) -> None:
    """Given pinned answers about a document; when it is erased; then each is the same bytes, with the same root."""
    told = attached(client, attachment="terms", about=DEAL)
    paths = ["/v1/attachments", "/v1/attachments/terms", f"/v1/events/{DEAL}", "/v1/events", "/v1/holdings"]
    before = {path: client.get(path) for path in paths}
    pinned = {path: answer.headers["content-location"] for path, answer in before.items()}
    proof = client.get(f"/v1/proofs/{told['events'][0]['id']}").json()
    erase(client, "terms")
    for path, address in pinned.items():
        assert client.get(address).content == before[path].content
    assert client.get("/v1/attachments/terms").content != before["/v1/attachments/terms"].content  # the control
    again = client.get(f"/v1/proofs/{told['events'][0]['id']}").json()
    assert (again["entry"], again["leaf"]) == (proof["entry"], proof["leaf"])
    changes = client.get(
        "/v1/changes", params={"of": "/v1/attachments", "from_position": "4", "to_position": "5"}
    ).json()["changes"]
    assert [cause["event"] for change in changes for cause in change["causes"]]


def test_a_retraction_hides_it_and_keeps_the_bytes(client: httpx.Client) -> None:
    """Given a document whose event is retracted; when it is asked for; then lists don't have it, its address does."""
    told = attached(client, attachment="terms")
    given(client, event("event.retracted", event=told["events"][0]["id"], reason="it was wrong"))
    assert client.get("/v1/attachments").json()["attachments"] == []
    assert client.get("/v1/attachments/terms").status_code == 404
    assert client.get("/v1/attachments/terms/content").content == SECRET
    assert erase(client, "terms").status_code == 201
    assert client.get("/v1/attachments/terms/content").status_code == 410


def test_a_hash_that_came_alone_says_so(client: httpx.Client) -> None:
    """Given an event of another ledger; when its bytes are asked for; then they are not here, which isn't erased."""
    said = {"attachment": "far", "about": ["ant"], "media_type": "text/plain", "size": 3, "hash": f"sha256:{'0' * 64}"}
    answer = client.post("/v1/events", json={"type": "attachment.added", "data": said})
    assert [one["pointer"] for one in answer.json()["warnings"]] == ["/data/hash"]
    content = client.get("/v1/attachments/far/content")
    assert (content.status_code, reasons(content)) == (404, ["not_held"])


# --- what a browser makes of it --------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"])
def test_a_page_is_stored_and_never_shown(client: httpx.Client, media_type: str) -> None:
    """Given a document that is a page with a script; when it is fetched; then no browser would run it here."""
    attached(client, b"<script>alert(1)</script>", {"Content-Type": media_type}, attachment="page")
    headers = client.get("/v1/attachments/page/content").headers
    assert headers["content-type"] == media_type
    assert headers["content-disposition"].startswith('attachment; filename="page')
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["cache-control"] == "no-store"


# --- whatever is sent instead ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason", "parameter"),
    [
        ({"about": "nobody"}, "unknown_record", "about"),
        ({"about": ","}, "invalid", "about"),
        ({"about": ""}, "invalid_query", "about"),
        ({"about": "ANT"}, "invalid", "about"),
        ({"about": ",".join(["ant"] * 1_001)}, "invalid", "about"),
        ({"attachment": "../../etc/passwd"}, "invalid", "attachment"),
        ({"attachment": ""}, "invalid_query", "attachment"),
        ({"attachment": 'x"; filename="y'}, "invalid", "attachment"),
        ({"title": "one\r\nX-Injected: 1"}, "invalid_text", "title"),
        ({"title": "\u202egnp.exe"}, "invalid_text", "title"),
        ({"title": "x" * 201}, "invalid_query", "title"),
        ({"known": "tomorrow"}, "invalid_date", "known"),
        ({"known": "2999-01-01"}, "known_in_future", "known"),
        ({"effective": "2023-13"}, "invalid_date", "effective"),
        ({"source.url": "x\ny"}, "invalid_text", "source.url"),
        ({"note": "\x00"}, "invalid_text", "note"),
        ({"colour": "red"}, "unknown_parameter", "colour"),
    ],
)
def test_what_is_wrong_is_named_by_its_parameter(
    refusing: httpx.Client, said: dict[str, Any], reason: str, parameter: str
) -> None:
    """Given a parameter that isn't of its form; when a document comes with it; then it is named; nothing is kept."""
    answer = attach(refusing, **said)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["reason"], answer.json()["parameter"]) == (reason, parameter)
    assert head(refusing) == 3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/html; profile=x"}, 415),
        ({"Content-Type": "text/plain; charset=utf-8; charset=utf-16"}, 415),
        ({"Content-Type": "nonsense"}, 422),
        ({"Content-Type": "a/" + "b" * 500}, 422),
        ({"Content-Type": "text/html, text/plain"}, 422),
        ({"Content-Type": ""}, 422),
        ({**PDF, "Content-Encoding": "gzip"}, 415),
        ({**PDF, "Idempotency-Key": "two words"}, 422),
        ({**PDF, "If-Match": '"3"'}, 412),
    ],
)
def test_odd_headers_are_refused(refusing: httpx.Client, headers: dict[str, str], status: int) -> None:
    """Given headers that aren't a document's; when it comes with them; then a named refusal, and nothing is kept."""
    answer = attach(refusing, headers=headers)
    assert (answer.status_code, len(reasons(answer))) == (status, 1)
    assert head(refusing) == 3


def test_without_a_type_it_is_bytes(client: httpx.Client) -> None:
    """Given no Content-Type at all; when a document comes; then it is taken as bytes."""
    request = client.build_request("POST", "/v1/attachments?about=ant&attachment=raw", content=b"\x00\xff")
    request.headers.pop("content-type", None)
    assert client.send(request).status_code == 201
    assert client.get("/v1/attachments/raw/content").headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_every_size_up_to_the_limit(client: httpx.Client, size: int) -> None:
    """Given documents of no byte, of one, and of as many as may be; when attached; then they come back."""
    attached(client, b"\xff" * size, attachment="sized")
    content = client.get("/v1/attachments/sized/content")
    assert content.content == b"\xff" * size
    assert content.headers["content-length"] == str(size)


def test_one_byte_too_many(refusing: httpx.Client) -> None:
    """Given one byte more; when it is sent, with its length or in chunks; then 413, and nothing is kept."""
    assert reasons(attach(refusing, b"x" * 200_001)) == ["too_large"]
    answer = refusing.post("/v1/attachments?about=ant", content=iter([b"x" * 100_000] * 3), headers=PDF)
    assert answer.status_code == 413
    assert "lines" not in answer.json()["mend"]
    assert head(refusing) == 3


@pytest.mark.parametrize(
    "name", ["nothing", "..", "x" * 5_000, "%00", "%ff", "A", "a%22b", "terms%0d%0aX-Injected:%201", DEAL]
)
def test_an_id_of_no_attachment_is_not_found(refusing: httpx.Client, name: str) -> None:
    """Given any text; when it is asked for as an attachment; then 404, by every address."""
    for path in (f"/v1/attachments/{name}", f"/v1/attachments/{name}/content"):
        assert refusing.get(path).status_code == 404


def test_other_methods(client: httpx.Client) -> None:
    """Given a document; when somebody would delete or replace it; then 405, and HEAD tells as GET does."""
    attached(client, attachment="terms")
    for method in ("DELETE", "PUT", "PATCH"):
        assert client.request(method, "/v1/attachments/terms").status_code == 405
    answer = client.head("/v1/attachments/terms/content")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(SECRET)))


def test_bytes_that_were_changed_are_not_given_out(tmp_path: Path) -> None:
    """Given a row that somebody changed beside the ledger; when it is asked for; then no bytes come."""
    with fresh_service(tmp_path / "ledger") as client:
        given(client, entity("ant"))
        attached(client, attachment="terms")
        with closing(sqlite3.connect(tmp_path / "ledger" / "ledger.sqlite", isolation_level=None)) as shell:
            shell.execute("DROP TRIGGER attachments_only_erased")
            shell.execute("UPDATE attachments SET bytes = X'00'")
        content = client.get("/v1/attachments/terms/content")
        assert (content.status_code, reasons(content)) == (503, ["unavailable"])
        assert "aren't those that were added" in content.text
        assert "dealledger verify" in content.text
        assert "Ask again" not in json.dumps(content.json()["errors"])
