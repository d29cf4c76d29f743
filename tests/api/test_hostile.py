"""Whatever is sent: no 5xx, nothing written that was refused, and no value changed of what was taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.hostile import ENTITY, TEMPLATES, WORLD, Hostile, bodies, dumped
from tests.service import fresh_service

JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
CORPUS = bodies()


@pytest.fixture(scope="module")
def world() -> Iterator[httpx.Client]:
    """A ledger that holds what the corpus is held against."""
    with fresh_service() as client:
        assert client.post("/v1/events", json=WORLD).status_code == 201
        yield client


def head(client: httpx.Client) -> int:
    return int(client.get("/readyz").json()["position"])


def test_the_corpus_is_large_and_its_names_tell_the_bodies_apart() -> None:
    """At least 250 different bodies."""
    assert len({hostile.body for hostile in CORPUS}) >= 250


def test_the_events_that_the_mistakes_are_made_in_would_be_taken(world: httpx.Client) -> None:
    """So it is the mistake that is refused."""
    lines = b"\n".join(dumped(one) for one in TEMPLATES)
    answer = world.post("/v1/events?dry_run=true&on_error=continue", content=lines, headers=LINES)
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["status"] for one in told[:-1]] == [200] * len(TEMPLATES), answer.text


@pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name[:80])
def test_a_hostile_body_is_refused_for_its_mistake_and_nothing_is_written(
    world: httpx.Client, hostile: Hostile
) -> None:
    """Alone, in an array after an event that would be taken, and as a line."""
    before = head(world)
    alone = world.post("/v1/events", content=hostile.body, headers=JSON)
    check_problem(alone, hostile)
    assert alone.json()["reason"] == hostile.reason, alone.text

    array = world.post("/v1/events", content=b"[" + dumped(ENTITY) + b"," + hostile.body + b"]", headers=JSON)
    check_problem(array, hostile)

    if hostile.body.strip() and b"\n" not in hostile.body:
        line = world.post("/v1/events", content=hostile.body, headers=LINES)
        assert line.status_code == 200
        told, summary = (json.loads(one) for one in line.text.splitlines())
        assert 400 <= told["status"] < 500
        assert summary["summary"]["refused"] == 1
    assert head(world) == before


def check_problem(answer: httpx.Response, hostile: Hostile) -> None:
    """A whole problem of RFC 9457 that doesn't repeat the body."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    assert problem["mend"]
    assert problem["errors"]
    assert len(answer.content) < 20_000
    assert answer.text.isprintable()


TAKEN: list[dict[str, Any]] = [
    {"data": {"entity": "e-1", "name": "日本語 – ĂĄẞ 🦊", "kind": "company"}},
    {"data": {"entity": "e-2", "name": '"quoted" \\ <b>&amp;</b> \'; DROP TABLE events', "kind": "fund"}},
    {"data": {"entity": "e-3", "name": "=cmd|' /C calc'!A0", "kind": "person", "aliases": ["+1", "-1", "@x"]}},
    {"data": {"entity": "e-4", "name": "مرحبا", "kind": "group"}, "note": "two\nlines\tand a tab"},
    {"data": {"entity": "e-5", "name": "x" * 200, "kind": "place"}, "effective": "0001-01-01"},
    {
        "data": {"entity": "e-6", "name": "\u00e9 \U0001f469\u200d\U0001f4bb", "kind": "company"},
        "effective": "1900/2023-Q3",
    },
    {"data": {"entity": "9", "name": "9", "kind": "undisclosed"}, "status": "denied"},
]
TAKEN_AMOUNTS = [
    {"currency": "USD", "amount": "0"},
    {"currency": "USD", "amount": "000.10"},
    {"currency": "USD", "amount": "999999999999999999.999999999999"},
    {"currency": "JPY", "amount": "0.000000000001"},
    {"currency": "USD", "amount": "12345678901234567.12"},
    {"currency": "KWD", "low": "1.50", "high": "2.50", "high_open": True, "original": "über 1½"},
    {},
]


def test_what_is_taken_is_kept_as_it_came(world: httpx.Client) -> None:
    """Every digit, sign and character of the data comes back."""
    amounts = [
        {
            "effective": "2023",
            "type": "valuation.recorded",
            "data": {"subject": "bee", "value": money, "basis": "fair_value"},
        }
        for money in TAKEN_AMOUNTS
    ]
    for given in [*({"type": "entity.registered", "effective": "2020", **one} for one in TAKEN), *amounts]:
        answer = world.post("/v1/events", content=json.dumps(given, indent=2, ensure_ascii=True), headers=JSON)
        assert answer.status_code == 201, answer.text
        event = world.get(answer.headers["location"], headers={"Min-Position": answer.headers["ledger-position"]})
        kept = event.json()["event"]
        assert {field: kept[field] for field in given} == given
