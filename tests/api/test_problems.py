"""Every way to say no has a status, a title and an explanation, and comes as a problem of RFC 9457."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from api.doorkeeper import Doorkeeper
from api.problems import Fault, handle, problem, readable
from api.reasons import MEANINGS, Door
from api.service import open_service
from api.settings import Settings
from ledger.refusals import Reason
from tests.api.world import reasons


def test_every_reason_has_a_meaning() -> None:
    """The ledger's in the order in which it lists them, then the door's; no name twice."""
    assert list(MEANINGS) == [*Reason, *Door]
    assert len({reason.value for reason in MEANINGS}) == len(MEANINGS)


@pytest.mark.parametrize("reason", MEANINGS)
def test_every_reason_is_explained_at_its_type(reason: Reason | Door, shared: httpx.Client) -> None:
    """The type of a problem is an address that answers."""
    kind = problem([Fault(reason, "x", "y")])["type"]
    answer = shared.get(kind)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["reason"], told["status"]) == (reason.value, MEANINGS[reason].status)
    assert told["explanation"].endswith(".")
    page = shared.get(kind, headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert told["title"] in page.text


def test_all_reasons_are_listed(shared: httpx.Client) -> None:
    assert [one["reason"] for one in shared.get("/problems").json()["problems"]] == [
        reason.value for reason in MEANINGS
    ]


def test_what_is_not_there_is_a_problem(shared: httpx.Client) -> None:
    """Also what no route matches, and what a route finds nothing for."""
    for path in (
        "/",
        "/v1",
        "/v2/events",
        "/v1/events/x",
        "/v1/entities/nobody",
        "/problems/x",
        "/docs/x",
        "/v1/holdings/",
    ):
        answer = shared.get(path)
        assert (answer.status_code, reasons(answer)) == (404, ["not_found"]), path


@pytest.mark.parametrize(
    ("path", "detail", "mend"),
    [
        ("/v1/records/nokind/x", "'nokind' is no kind of record.", "The kinds are commitment, contract, entity,"),
        ("/v1/records/commitment/A_B", "'A_B' is not an id.", "Ids are lower-case letters, digits and hyphens, like"),
        ("/v1/records/commitment/nobody", "There is no such record at these three times.", "Check how it is written"),
        ("/v1/entities/Some One", "'Some One' is not an id.", "GET /v1/entities?q= finds an entity's by its name."),
        ("/v1/valuations/Arm?format=csv", "'Arm' is not an id.", "Ids are"),
        ("/v1/performance/Arm", "'Arm' is not an id.", "Ids are"),
        ("/v1/changes?of=/v1/entities/Arm", "'Arm' is not an id.", "Ids are"),
        ("/v1/attachments/A.pdf", "'A.pdf' is not an id.", "Ids are"),
        ("/v1/attachments/A.pdf/content", "'A.pdf' is not an id.", "Ids are"),
        ("/v1/events/7", "'7' is not an event's id.", "like 7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11"),
        ("/v1/proofs/7", "'7' is not an event's id.", "GET /v1/events lists events with their ids."),
    ],
)
def test_what_can_not_be_there_says_the_form_that_it_would_have(
    shared: httpx.Client, path: str, detail: str, mend: str
) -> None:
    told = shared.get(path).json()
    assert (told["status"], told["detail"]) == (404, detail)
    assert mend in told["mend"]


def test_methods_are_named(shared: httpx.Client) -> None:
    """405 says which there are; OPTIONS too; HEAD is GET without the body."""
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "FOO"):
        answer = shared.request(method, "/v1/events")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, HEAD, OPTIONS"), method
        assert reasons(answer) == ["method_not_allowed"]
    answer = shared.post("/v1/holdings")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = shared.options("/v1/events")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, POST, HEAD, OPTIONS", b"")
    assert shared.options("/nothing").status_code == 404
    got, headed = shared.get("/v1/events?limit=1"), shared.head("/v1/events?limit=1")
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"]
    assert headed.headers["etag"] == got.headers["etag"]


def test_what_is_shown_of_a_request_is_bounded_and_readable() -> None:
    shown = readable("a\x1b[2J\u202e\ud800" + "x" * 5_000)
    assert shown.startswith("a\\u001b[2J\\u202e\\ud800x")
    assert len(shown) < 2_100
    assert shown.encode()


def test_a_request_id_is_given_or_made(shared: httpx.Client) -> None:
    """One that is sent is kept if it is harmless."""
    assert shared.get("/livez", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert len(shared.get("/livez", headers={"X-Request-Id": "a b\t<"}).headers["x-request-id"]) == 36


def test_a_mistake_of_ours_is_told_without_its_contents(tmp_path: Path) -> None:
    """The last resort: a 500 that names the incident in the log; the error itself is only there."""
    app = FastAPI()
    handle(app)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret of 12345")

    async def ask(door: Doorkeeper) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://ledger") as client:
            return await client.get("/broken")

    with open_service(Settings(data=tmp_path)) as service, capture_logs([merge_contextvars]) as logged:
        answer = asyncio.run(ask(Doorkeeper(app, service)))
    assert (answer.status_code, reasons(answer)) == (500, ["internal"])
    assert "12345" not in answer.text
    request_id = answer.headers["x-request-id"]
    assert request_id in answer.json()["detail"]
    assert [one["request_id"] for one in logged if one["event"] == "internal_error"] == [request_id]
