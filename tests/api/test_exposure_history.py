"""GET /v1/exposures/history: each point is what the service answers as of that day."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.circles import AMAZON, GOOGLE, ask, client, pair, tell
from tests.api.world import reasons
from tests.facts import eur, fact, ident, invest, pay, sign, usd

__all__ = ["client"]


def history(client: httpx.Client, **query: Any) -> dict[str, Any]:
    return ask(client, "/v1/exposures/history", **query)


def test_history_by_month(client: httpx.Client) -> None:
    """A point at the end of each month, and on the last day; each is the answer as of that day."""
    tell(client, *GOOGLE, *AMAZON)
    answer = history(client, to="2023-11-15", funder="google", customer="anthropic")
    assert (answer["from"], answer["to"], answer["step"]) == ("2023-06-30", "2023-11-15", "month")
    assert [(point["as_of"], point["network"]["gross"]["stated"]) for point in answer["points"]] == [
        ("2023-06-30", "3"),
        ("2023-07-31", "3"),
        ("2023-08-31", "3"),
        ("2023-09-30", "11"),
        ("2023-10-31", "13"),
        ("2023-11-15", "13"),
    ]
    for point in answer["points"]:
        then = ask(client, as_of=point["as_of"], entity="google", hops=10)
        assert point["pair"] == pair(then, "google", "anthropic")
        assert point["network"] == {name: then["network"][name] for name in point["network"]}


@pytest.mark.parametrize(
    ("step", "days"),
    [
        ("quarter", ["2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31", "2024-02-29"]),
        ("year", ["2023-12-31", "2024-02-29"]),
        ("event", ["2023-06-01", "2023-06-30", "2023-10-27", "2024-02-29"]),
    ],
)
def test_history_by_other_steps(client: httpx.Client, step: str, days: list[str]) -> None:
    tell(client, *GOOGLE)
    answer = history(client, step=step, **{"from": "2023-02-15", "to": "2024-02-29"})
    assert [point["as_of"] for point in answer["points"]] == days


def test_history_by_event_of_an_entity(client: httpx.Client) -> None:
    """A point for each day on which what flows around it changes, and no other; the last day is always there."""
    tell(
        client,
        invest("google", "anthropic", usd("1"), on="2023-01-31", id=ident(601)),
        invest("microsoft", "openai", usd("2"), on="2023-02-28"),
        sign("cloud", "anthropic", "aws", usd("4"), on="2023-03-31"),
        # Of a contract that stands: no flow of this layer, yet an event of one.
        pay("cloud", usd("1"), on="2023-04-30"),
        sign("compute", "openai", "microsoft", usd("4"), on="2023-05-31"),
        invest("others", "c", usd("0.4"), on="2023-06-30", part_of=ident(601)),
        fact("entity.changed", "2023-07-31", {"entity": "openai", "parent": "microsoft"}),
        fact("entity.changed", "2023-08-31", {"entity": "nvidia", "parent": "google"}),
        fact("entity.changed", "2023-09-30", {"entity": "crusoe", "parent": "a"}),
        sign("chips", "crusoe", "nvidia", usd("3"), on="2023-10-31"),
    )

    def days(**query: Any) -> list[str]:
        answer = history(client, step="event", to="2023-12-31", **query)
        assert answer["from"] == answer["points"][0]["as_of"]
        for point in answer["points"]:
            then = ask(client, as_of=point["as_of"], **{name: query[name] for name in query if name != "from"})
            assert point["network"] == {name: then["network"][name] for name in point["network"]}
        return [point["as_of"][5:] for point in answer["points"]]

    end = "12-31"
    assert days(entity="google") == ["01-31", "06-30", "10-31", end]
    assert days(entity="anthropic") == ["01-31", "03-31", "04-30", "06-30", end]
    assert days(entity="amazon", hops=2) == ["03-31", "04-30", "06-30", end]
    assert days(entity="openai") == ["02-28", "05-31", "07-31", end]
    assert days(entity="openai", **{"from": "2023-03-01"}) == ["05-31", "07-31", end]
    assert days(entity="b") == [end]
    assert len(days()) == 11


def test_a_point_names_the_rates_that_it_lacks(client: httpx.Client) -> None:
    """From the day of the flow on, and only there."""
    tell(client, invest("a", "b", usd("1"), on="2023-01-31"), invest("a", "b", eur("1"), on="2023-02-28"))
    points = history(client, step="month", **{"from": "2023-01-01", "to": "2023-02-28"})["points"]
    assert "missing_rates" not in points[0]
    assert points[1]["missing_rates"] == [{"base": "EUR", "quote": "USD", "on": "2023-02-28"}]
    assert points[1]["network"]["undefined"]["gross"] == "missing_rates"


@pytest.mark.parametrize("path", ["/v1/exposures", "/v1/exposures/history"])
def test_hops_from_nowhere_are_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(f"{path}?hops=2")
    assert reasons(answer) == ["invalid_query"]
    [error] = answer.json()["errors"]
    assert error["parameter"] == "hops"
    assert "entity" in error["mend"]
    assert client.get(f"{path}?hops=2&entity=google").status_code == 200


@pytest.mark.parametrize("path", ["/v1/exposures", "/v1/exposures/history"])
@pytest.mark.parametrize(("rule", "said"), [("untimed", None), ("strict", None), ("window", 30)])
def test_an_answer_says_the_days_that_it_goes_by(client: httpx.Client, path: str, rule: str, said: int | None) -> None:
    """They may always be given; where the rule doesn't count days, the answer says null."""
    answer = client.get(f"{path}?window_days=30&time_rule={rule}")
    assert (answer.status_code, answer.json()["window_days"]) == (200, said)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("to=2026-01-01", "to"),
        ("from=2024-01-02&to=2024-01-01", "from"),
        ("funder=a", "customer"),
        ("customer=a", "funder"),
        ("from=0001-01-01", "step"),
    ],
)
def test_what_history_can_not_answer(client: httpx.Client, query: str, parameter: str) -> None:
    answer = client.get(f"/v1/exposures/history?as_of=2025-12-31&{query}")
    assert reasons(answer) == ["invalid_query"]
    assert answer.json()["errors"][0]["parameter"] == parameter
