"""GET /v1/ownership: integrated stakes and look-through values, worked by hand, out of the service and from events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.circles import interval, tell
from tests.api.world import given, reasons
from tests.facts import entity, eur, invest, mark, observe, rate, stake, usd
from tests.service import fresh_service

PARTIES = ("microsoft", "openai", "a", "b", "c", "d")


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with fresh_service() as client:
        given(client, *(entity(name, on="2015-01-01") for name in PARTIES))
        yield client


def ask(client: httpx.Client, **query: Any) -> dict[str, Any]:
    answer = client.get("/v1/ownership", params={"known_at": "2025-12-31", "as_of": "2025-12-31", **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stakes(answer: dict[str, Any]) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {
        (row["holder"], row["issuer"]): (interval(row["direct"]), interval(row["integrated"]))
        for row in answer["stakes"]
    }


def values(answer: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {
        row["entity"]: tuple(row[name] and row[name]["stated"] for name in ("mark", "own_assets", "look_through"))
        for row in answer["values"]
    }


def sure(number: str) -> tuple[str, str, str]:
    return number, number, number


def test_microsoft_and_openai(client: httpx.Client) -> None:
    """49 per cent of 100, inside a mark of 1,049: counted once, 1,049 and 51 reach owners outside."""
    held, worth, inside = tell(
        client,
        observe("microsoft", "openai", stake=stake("0.49")),
        mark("microsoft", usd("1049"), "market_cap"),
        mark("openai", usd("100"), "post_money"),
    )
    answer = ask(client)
    assert stakes(answer) == {("microsoft", "openai"): (sure("0.49"), sure("0.49"))}
    assert values(answer) == {"microsoft": ("1049", "1000", "1049"), "openai": ("100", "100", "51")}
    assert answer["double_count_factor"] == "1.044545454545"
    assert answer["stakes"][0]["events"] == [held]
    assert [row["events"] for row in answer["values"]] == [[held, worth, inside], [held, inside]]
    assert (answer["basis"], answer["currency"], answer["errors"]) == ("economic", "USD", [])


def test_through_others_and_round_through_cross_holdings(client: httpx.Client) -> None:
    """a and b hold half of each other, c a fifth of a: a holds 0.5 / (1 - 0.25) of b, c 0.2 / 0.75 of a."""
    ab, ba, ca, _ = tell(
        client,
        observe("a", "b", stake=stake("0.5")),
        observe("b", "a", stake=stake("0.5")),
        observe("c", "a", stake=stake("0.2")),
        mark("a", usd("100"), "fair_value"),
    )
    answer = ask(client)
    integrated = {between: figures[1][1] for between, figures in stakes(answer).items()}
    assert integrated == {
        ("a", "a"): "0.333333333333",
        ("a", "b"): "0.666666666667",
        ("b", "a"): "0.666666666667",
        ("b", "b"): "0.333333333333",
        ("c", "a"): "0.266666666667",
        ("c", "b"): "0.133333333333",
    }
    [through] = [row for row in answer["stakes"] if (row["holder"], row["issuer"]) == ("c", "b")]
    assert (through["direct"], through["events"]) == (None, [ab, ba, ca])
    # All of it reaches outside owners once: 0.3 of a's 133.3, half of b's 66.7, all of c's 26.7.
    assert values(answer) == {
        "a": ("100", "100", "40"),
        "b": (None, None, "33.333333333333"),
        "c": (None, None, "26.666666666667"),
    }


def test_stakes_as_bounds(client: httpx.Client) -> None:
    """Integrated stakes never fall as a stake rises, so that their bounds are those of the stakes."""
    tell(
        client,
        observe("a", "b", stake={"share": "0.5", "qualifier": "about"}),
        observe("b", "c", stake={"low": "0.2", "high": "0.4"}),
        mark("c", usd("100"), "post_money"),
    )
    found = stakes(ask(client))
    assert found["a", "b"] == (("0.475", "0.5", "0.525"),) * 2
    assert found["b", "c"] == (("0.2", "0.2", "0.4"),) * 2
    assert found["a", "c"] == (None, ("0.095", "0.1", "0.21"))
    [row] = [row for row in ask(client)["values"] if row["entity"] == "a"]
    assert interval(row["look_through"]) == ("9.5", "10", "21")


def test_bases_are_never_mixed_and_debt_is_left_out(client: httpx.Client) -> None:
    tell(
        client,
        observe("a", "b", stake=stake("0.3")),
        observe("a", "b", stake=stake("0.6", basis="voting")),
        observe("c", "b", stake=stake("0.1", basis="profit_share")),
        observe("d", "b", instrument="debt", stake=stake("0.2")),
        invest("a", "b", instrument="fund_interest", stake=stake("0.1"), units="1"),
    )
    assert stakes(ask(client)) == {("a", "b"): (sure("0.4"), sure("0.4"))}
    assert stakes(ask(client, basis="voting")) == {("a", "b"): (sure("0.6"), sure("0.6"))}
    assert stakes(ask(client, basis="profit_share")) == {("c", "b"): (sure("0.1"), sure("0.1"))}


def test_more_than_the_whole_is_an_error_that_names_the_issuer(client: httpx.Client) -> None:
    """What hangs together with it isn't worked out; all else is."""
    tell(
        client,
        observe("a", "b", stake=stake("0.6")),
        observe("c", "b", stake=stake("0.5")),
        observe("microsoft", "openai", stake=stake("0.49")),
    )
    answer = ask(client)
    [error] = answer["errors"]
    assert (error["issuer"], error["reason"], interval(error["sum"])) == ("b", "more_than_whole", sure("1.1"))
    assert stakes(answer) == {
        ("a", "b"): (sure("0.6"), None),
        ("c", "b"): (sure("0.5"), None),
        ("microsoft", "openai"): (sure("0.49"), sure("0.49")),
    }
    assert answer["stakes"][0]["undefined"] == {"integrated": "more_than_whole"}
    assert (answer["double_count_factor"], answer["undefined"]) == (None, {"double_count_factor": "more_than_whole"})
    assert stakes(ask(client, entity="openai")) == {("microsoft", "openai"): (sure("0.49"), sure("0.49"))}


def test_whose_owners_are_all_among_themselves(client: httpx.Client) -> None:
    """Each holds all of the other: nobody can say what is whose."""
    tell(client, observe("a", "b", stake=stake("1")), observe("b", "a", stake=stake("1")))
    assert [(error["issuer"], error["reason"]) for error in ask(client)["errors"]] == [("b", "closed_circle")]


def test_an_unknown_stake_leaves_what_the_others_hold(client: httpx.Client) -> None:
    """Somebody surely holds 0.7: no more than 0.3 can be another's."""
    tell(client, observe("a", "b", stake=stake("0.7")), observe("c", "b", stake={"basis": "economic"}))
    assert stakes(ask(client))["c", "b"] == (("0", "0", "1"), ("0", "0", "0.3"))


def test_own_assets_take_off_no_more_than_the_others_leave(client: httpx.Client) -> None:
    """Of half at least, no more than 60 per cent is held beside somebody else's 40."""
    tell(
        client,
        observe("a", "b", stake={"share": "0.5", "qualifier": "at_least"}),
        observe("c", "b", stake=stake("0.4")),
        mark("a", usd("1000"), "market_cap"),
        mark("b", usd("100"), "post_money"),
    )
    [row] = [row for row in ask(client)["values"] if row["entity"] == "a"]
    assert interval(row["own_assets"]) == ("940", "950", "950")
    assert stakes(ask(client))["a", "b"][1] == ("0.5", "0.5", "0.6")


def test_values_are_converted_on_the_day_of_the_mark(client: httpx.Client) -> None:
    tell(client, observe("a", "b", stake=stake("0.5")), mark("b", eur("100"), "post_money", on="2023-03-31"))
    lacking = [{"base": "EUR", "quote": "USD", "on": "2023-03-31"}]
    rows = {row["entity"]: row for row in ask(client)["values"]}
    assert (rows["b"]["mark"], rows["b"]["undefined"]["mark"], rows["b"]["missing_rates"]) == (
        None,
        "missing_rates",
        lacking,
    )
    assert (rows["a"]["look_through"], rows["a"]["missing_rates"]) == (None, lacking)
    tell(client, rate("EUR", "USD", "1.2", on="2023-03-31"))
    assert values(ask(client)) == {"a": (None, None, "60"), "b": ("120", "120", "60")}
    assert values(ask(client, currency="EUR"))["b"] == ("100", "100", "50")


def test_own_assets_are_never_below_zero(client: httpx.Client) -> None:
    """A holding company that trades at a discount to what it holds."""
    tell(
        client,
        observe("a", "b", stake=stake("0.9")),
        mark("a", usd("50"), "market_cap"),
        mark("b", usd("100"), "market_cap"),
    )
    assert values(ask(client)) == {"a": ("50", "0", "90"), "b": ("100", "100", "10")}


def test_wrong_questions_are_named(client: httpx.Client) -> None:
    assert reasons(client.get("/v1/ownership?basis=legal")) == ["invalid_query"]
    assert reasons(client.get("/v1/ownership?limit=0")) == ["invalid_query"]


def test_more_than_the_limit_is_said(client: httpx.Client) -> None:
    tell(client, observe("a", "b", stake=stake("0.5")), observe("c", "b", stake=stake("0.2")))
    answer = ask(client, limit=1)
    assert (len(answer["stakes"]), len(answer["values"])) == (1, 1)
    assert answer["more"] == {"stakes": True, "values": True}
