"""Questions as values: what an address names, its whole answer, and what is refused by name."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main

from api.app import create_app
from api.cli import app as command_line
from api.holdings import HOLDINGS
from api.problems import Faulty
from api.question import Resolved
from api.questions import QUESTIONS, ask, find
from api.records import RECORD
from api.service import Service, open_service
from api.settings import Settings
from projections.visibility import Point
from tests.api.world import entity, event, usd

AT = Point(date(2024, 1, 1), date(2024, 1, 1), 8)


def refused(of: str) -> list[tuple[str, str | None]]:
    """The reasons why nothing is found, each with what it says of the question inside."""
    with pytest.raises(Faulty) as caught:
        find(of)
    assert {fault.parameter for fault in caught.value.faults} == {"of"}
    return [(fault.reason.value, fault.detail.partition(":")[0]) for fault in caught.value.faults]


def test_every_question_is_a_command_and_every_command_knows_its_parts() -> None:
    commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    for question in QUESTIONS:
        arguments = [one.name for one in commands[question.name].params if one.param_type_name == "argument"]
        assert tuple(arguments) == question.parts


def test_an_address_names_a_question_with_its_parameters() -> None:
    found = find("/v1/holdings?holder=amazon&as_of=2023-11-05")
    assert (found.question, found.parts) == (HOLDINGS, ())
    assert (found.asked.holder, found.asked.as_of) == ("amazon", date(2023, 11, 5))  # type: ignore[attr-defined]


def test_the_parts_of_an_address_are_decoded_as_the_routes_decode_them() -> None:
    found = find("/v1/records/claim/x%20y?currency=USD")
    assert (found.question, found.parts, found.asked.currency) == (RECORD, ("claim", "x y"), "USD")


@pytest.mark.parametrize(
    "of",
    [
        "", "/", "holdings", "/v1/holding", "/v1/holdings/", "/v1/valuations/", "/v1/changes?of=/v1/holdings",
        "/readyz", "/metrics", "/v1/holdings#x", "http://127.0.0.1/v1/holdings", "//v1/holdings", "//[", "\x00",
        "/v1/holdings\n", "/v1/valuations/a/b", "?holder=amazon", "/V1/holdings",
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused_by_name(of: str) -> None:
    assert refused(of) == [("unknown_question", "No question has this address.")]


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ("holdr=x", [("unknown_parameter", "holdr")]),
        ("holder=x&holder=x", [("repeated_parameter", "holder")]),
        ("holder=A b", [("invalid_query", "holder")]),
        ("holder=", [("invalid_query", "holder")]),
        ("as_of=soon&known_at=then", [("invalid_query", "as_of"), ("invalid_query", "known_at")]),
        ("limit=5", [("invalid_query", "limit")]),
        ("cursor=x", [("invalid_query", "cursor")]),
    ],
)
def test_parameters_are_refused_as_the_route_refuses_them(query: str, reasons: list[tuple[str, str]]) -> None:
    assert refused(f"/v1/holdings?{query}") == reasons


def test_the_answer_has_all_rows_and_is_otherwise_that_of_the_route(tmp_path: Path) -> None:
    """Whatever the size of a page."""
    events = [
        entity("ant"),
        *(entity(f"e-{number}") for number in range(4)),
        *(
            event("investment.made", investor="ant", issuer=f"e-{number}", instrument="equity", amount=usd("10"))
            for number in range(3)
        ),
    ]
    questions = ("/v1/holdings?holder=ant", "/v1/entities", "/v1/events", "/v1/entities/ant", "/v1/valuations/ant")
    times = {"as_of": "2024-01-01", "known_at": "2024-01-01", "position": "8"}

    async def told(service: Service) -> list[Any]:
        transport = httpx.ASGITransport(create_app(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
            assert (await client.post("/v1/events", json=events)).status_code == 201
            urls = [httpx.URL(of).copy_merge_params(times) for of in questions]
            return [(await client.get(url)).json() for url in urls]

    with open_service(Settings(data=tmp_path)) as service:
        told_there = asyncio.run(told(service))
        at = Resolved(**asdict(AT), root_at=service.prover.root)
        assert told_there == [ask(service.model, find(of), at) for of in questions]
        with pytest.raises(Faulty, match="no such entity"):
            ask(service.model, find("/v1/entities/nobody"), at)
