"""Every figure in every answer leads to its events, on the example ledger, and the events lead to their facts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import ledger.example
from api.questions import QUESTIONS
from projections.behind import events_in
from tests.api.test_cli_questions import DOCUMENT, PARTS
from tests.api.world import LINES
from tests.service import fresh_service

# Figures of the whole answer, and the lists in it whose rows name the events of them.
SUMMED = {"performance": ["cash_flows"], "ownership": ["stakes", "values"]}
# Counts of reviews; and a chart, each point of which is asked for by itself (below).
OTHERWISE = ("reviewers", "exposure-history")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@pytest.fixture(scope="module")
def example() -> Iterator[httpx.Client]:
    with fresh_service() as client:
        body = "\n".join(json.dumps(one) for one in [*ledger.example.events(), DOCUMENT])
        assert client.post("/v1/events", content=body, headers=LINES).status_code == 200
        yield client


def without_events(value: Any, path: str = "") -> Iterator[str]:
    """Where in an answer a figure stands without events in its row or around it."""
    if isinstance(value, list):
        for one in value:
            yield from without_events(one, path)
    elif isinstance(value, dict) and not value.get("events"):
        if "low" in value and "high" in value:
            yield path
            return
        for name, one in value.items():
            yield from without_events(one, f"{path}/{name}")
    elif isinstance(value, str) and _NUMBER.fullmatch(value):
        yield path


@pytest.mark.parametrize(
    "question", [one for one in QUESTIONS if one.name not in OTHERWISE], ids=lambda question: question.name
)
def test_every_figure_leads_to_its_events(example: httpx.Client, question: Any) -> None:
    """Given the example; when anything is asked; then each figure's row names events, or its parts' rows do."""
    path = question.path.format(**dict(zip(question.parts, PARTS.get(question.name, ()), strict=True)))
    answer = example.get(path).json()
    names = SUMMED.get(question.name) or [name for name in answer if name != "totals"]  # totals are of the rows
    assert sorted(set(without_events({name: answer[name] for name in names}))) == []


def test_a_point_of_a_history_is_an_answer_that_names_its_events(example: httpx.Client) -> None:
    """Given exposures over time; when a point's day is asked for; then the figures are the same, with their events."""
    for point in example.get("/v1/exposures/history?step=year").json()["points"][-4:]:
        network = example.get("/v1/exposures", params={"as_of": point["as_of"]}).json()["network"]
        assert network.pop("events")
        assert network == point["network"]


def test_the_events_of_a_figure_are_facts_of_the_log(example: httpx.Client) -> None:
    """Given the ids in answers; when each is asked for; then it is there, with its source, record and proof."""
    named: set[str] = set()
    for path in ("/v1/holdings", "/v1/commitments", "/v1/contracts", "/v1/exposures", "/v1/ownership", "/v1/claims"):
        named |= events_in(example.get(path).json())
    trail = {one["id"]: one for one in example.get("/v1/events?limit=1000").json()["events"]}
    assert named
    assert named <= trail.keys()
    assert all(trail[one]["record"] and trail[one]["proof"].endswith(one) for one in named)
