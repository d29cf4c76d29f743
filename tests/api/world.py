"""Given: short ways to say which events are in the ledger."""

from __future__ import annotations

import json
from typing import Any

import httpx

LINES = {"Content-Type": "application/x-ndjson"}


def usd(amount: str, **more: Any) -> dict[str, Any]:
    return {"currency": "USD", "amount": amount, **more}


def event(type: str, effective: str = "2023-05-01", known: str = "2023-06-01", **data: Any) -> dict[str, Any]:
    """An event as one submits it; `from_` in the data is `from`."""
    said = {name.rstrip("_"): value for name, value in data.items()}
    return {"type": type, "effective": effective, "known": known, "data": said}


def entity(entity_id: str, **more: Any) -> dict[str, Any]:
    named = {"entity": entity_id, "name": entity_id.title(), "kind": "company", **more}
    return event("entity.registered", "2020-01-01", "2020-01-01", **named)


def given(client: httpx.Client, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Record the events; what the ledger says of each: id, position, type."""
    answer = client.post("/v1/events", json=list(events))
    assert answer.status_code == 201, answer.text
    recorded: list[dict[str, Any]] = answer.json()["events"]
    return recorded


def reasons(answer: httpx.Response) -> list[str]:
    """The reasons of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return [error["reason"] for error in answer.json()["errors"]]


def post_lines(client: httpx.Client, *lines: Any, **options: Any) -> list[dict[str, Any]]:
    """Post lines (texts as they are, all else as JSON); the lines that come back."""
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    headers = {**LINES, **options.pop("headers", {})}
    answer = client.post("/v1/events", content=body.encode(), headers=headers, params=options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == LINES["Content-Type"]
    return [json.loads(line) for line in answer.text.splitlines()]


def head(client: httpx.Client) -> int:
    return int(client.get("/readyz").json()["position"])
