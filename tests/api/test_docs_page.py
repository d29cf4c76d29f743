"""The documentation: /docs in a real browser without the internet, and an OpenAPI that says what is so."""

from __future__ import annotations

import json
import shutil
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

import ledger.example
from api import commitments, contracts, entities, events, health, holdings, records, valuations
from ledger.event import TYPES
from tests.api.world import LINES
from tests.service import fresh_service

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
# Nothing but the page itself may be asked of any network.
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--no-default-browser-check", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


@pytest.fixture(scope="module")
def example() -> Any:
    """The example ledger."""
    with fresh_service() as client:
        body = "\n".join(json.dumps(one) for one in ledger.example.events())
        answer = client.post("/v1/events", content=body.encode(), headers=LINES)
        assert json.loads(answer.text.splitlines()[-1])["summary"]["refused"] == 0
        yield client


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_docs_page_works_in_a_browser_without_the_internet(shared: httpx.Client) -> None:
    """Every operation is drawn, one opens, nothing is asked of other hosts, and the policy blocks nothing."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=QUIET)
        page = browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{shared.base_url}/docs")
        page.wait_for_selector(".opblock")
        operations = page.locator(".opblock").count()
        page.locator("#operations-events-post_events .opblock-summary-control").click()
        page.wait_for_selector("text=Idempotency-Key")
        browser.close()
    described = shared.get("/openapi.json").json()["paths"]
    assert operations == sum(len(methods) for methods in described.values())
    assert complaints == []
    assert all(url.startswith((f"{shared.base_url}/", "data:", "blob:")) for url in asked), asked


def test_the_page_allows_nothing_from_elsewhere(shared: httpx.Client) -> None:
    answer = shared.get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "http" not in answer.text.replace("/openapi.json", "")


def test_every_address_documents_its_problems_and_its_answer(shared: httpx.Client) -> None:
    """Each operation under /v1 says what it gives, and shows an example of every problem it may give."""
    document = shared.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["tags"], path
            if path.startswith("/v1"):
                assert {"422", "503"} <= operation["responses"].keys(), path
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")) and path != "/readyz":
                    assert response["content"]["application/problem+json"]["examples"], (path, status)


def test_the_body_of_events_is_described_type_by_type(shared: httpx.Client) -> None:
    """Every type has its schema and, where the example has one, an example that the service takes."""
    document = shared.get("/openapi.json").json()
    schema = document["components"]["schemas"]["Event"]
    assert set(schema["discriminator"]["mapping"]) == set(TYPES)
    body = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {one["type"] for one in ledger.example.events()}
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"], name


ANSWERS: list[tuple[str, Any]] = [
    ("/v1/holdings", holdings.HoldingsAnswer),
    ("/v1/commitments", commitments.CommitmentsAnswer),
    ("/v1/contracts", contracts.ContractsAnswer),
    ("/v1/entities", entities.EntitiesAnswer),
    ("/v1/entities/anthropic", entities.EntityAnswer),
    ("/v1/valuations/arm", valuations.ValuationsAnswer),
    ("/v1/events", events.EventsAnswer),
    ("/v1/records/entity/anthropic", records.RecordAnswer),
    ("/readyz", health.Ready),
]


@pytest.mark.parametrize(("path", "shape"), ANSWERS)
@pytest.mark.parametrize("currency", [None, "USD", "JPY"])
def test_answers_have_the_shape_that_is_documented(
    example: httpx.Client, path: str, shape: Any, currency: str | None
) -> None:
    """No field more and none less, also where rates are missing."""
    query = {} if currency is None or path == "/readyz" else {"currency": currency}
    if path.startswith("/v1") and path.count("/") == 2:
        query["limit"] = "1000"
    answer = example.get(path, params=query)
    assert answer.status_code == 200, answer.text
    TypeAdapter(shape).validate_json(answer.content, strict=True)


def test_an_events_answer_has_the_shape_that_is_documented(example: httpx.Client) -> None:
    for row in example.get("/v1/events?limit=50").json()["events"]:
        answer = example.get(f"/v1/events/{row['id']}")
        TypeAdapter(events.EventAnswer).validate_json(answer.content, strict=True)
        assert answer.json()["event"] == row
