"""GET /v1/exposures: every figure of the definition, worked by hand, out of the service and from events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ledger.example import events
from tests.api.circles import AMAZON, GOOGLE, OPENAI, ask, client, interval, pair, rounded, tell
from tests.api.world import given, head, reasons
from tests.facts import commit, eur, fact, invest, pay, rate, sign, usd
from tests.service import fresh_service

__all__ = ["client"]

TIMES = ("as_of", "known_at", "position", "root")


# --- pairs ------------------------------------------------------------------------------------------------------


def test_google_and_anthropic(client: httpx.Client) -> None:
    """2 invested, 3 to 4 bought: all of the investment comes back, and 50 to 66.7 per cent of the contract is it."""
    ids = tell(client, *GOOGLE)
    row = pair(ask(client), "google", "anthropic")
    assert interval(row["funding"]) == ("2", "2", "2")
    assert interval(row["purchases"]) == ("3", "3", "4")
    assert interval(row["round_trip"]) == ("2", "2", "2")
    assert row["round_trip"]["currency"] == "USD"
    assert interval(row["of_funding"]) == ("1", "1", "1")
    assert interval(row["of_purchases"]) == ("0.5", "0.666666666667", "0.666666666667")
    assert (row["uninformative"], row["undefined"], row["events"]) == (False, {}, ids)


def test_amazon_and_anthropic(client: httpx.Client) -> None:
    """Up to 4 invested, 4 bought of AWS: 0 to 4 comes back, all of the investment if there is any."""
    tell(client, *AMAZON)
    row = pair(ask(client), "amazon", "anthropic")
    assert interval(row["round_trip"]) == ("0", "4", "4")
    assert interval(row["of_funding"]) == ("1", "1", "1")
    assert interval(row["of_purchases"]) == ("0", "1", "1")


def test_google_and_anthropic_by_the_order_of_signing(client: httpx.Client) -> None:
    """The contract came first, so that nothing of it can be the investment's money."""
    tell(client, *GOOGLE)
    answer = ask(client, time_rule="strict")
    row = pair(answer, "google", "anthropic")
    assert answer["time_rule"] == "strict"
    assert [interval(row[name]) for name in ("round_trip", "of_funding", "of_purchases")] == [("0", "0", "0")] * 3
    assert interval(row["purchases"]) == ("3", "3", "4")
    assert answer["network"]["circulation"]["stated"] == "4"
    assert (answer["untimed"], answer["network"]["time_rule"]) == (["network", "cycles"], "untimed")


def test_a_customer_without_funding_has_no_share_of_it(client: httpx.Client) -> None:
    """An outside loan is leverage, not a circle. A pair with one leg is listed when its entity is asked for."""
    tell(client, sign("chips", "crusoe", "nvidia", usd("0.2", "up_to")), invest("others", "crusoe", usd("0.2")))
    assert ask(client)["pairs"] == []
    row = pair(ask(client, entity="crusoe"), "nvidia", "crusoe")
    assert interval(row["funding"]) == ("0", "0", "0")
    assert interval(row["purchases"]) == ("0", "0.2", "0.2")
    assert interval(row["round_trip"]) == ("0", "0", "0")
    assert row["of_funding"] is None
    assert row["undefined"]["of_funding"] == "no_funding"
    assert interval(row["of_purchases"]) == ("0", "0", "0")
    lent = pair(ask(client, entity="crusoe"), "others", "crusoe")
    assert (lent["round_trip"]["stated"], lent["of_purchases"]) == ("0", None)
    assert lent["undefined"]["of_purchases"] == "no_purchases"


@pytest.mark.parametrize(
    ("flows", "strict", "untimed"),
    [("P5 F4 P3", "3", "4"), ("F4 P1 F2 P9", "6", "6")],
)
def test_strict_matching(client: httpx.Client, flows: str, strict: str, untimed: str) -> None:
    tell(client, sign("deal", "b", "a", usd("100"), on="2020-01-01"))
    for month, flow in enumerate(flows.split(), 1):
        on = f"2023-{month:02}-01"
        amount = usd(flow[1:])
        tell(client, pay("deal", amount, on=on) if flow[0] == "P" else invest("a", "b", amount, on=on))
    assert pair(ask(client, layer="paid", time_rule="strict"), "a", "b")["round_trip"]["stated"] == strict
    assert pair(ask(client, layer="paid"), "a", "b")["round_trip"]["stated"] == untimed


def test_funding_comes_first_on_its_day(client: httpx.Client) -> None:
    tell(
        client,
        sign("deal", "b", "a", usd("100"), on="2020-01-01"),
        pay("deal", usd("5"), on="2023-01-01"),
        invest("a", "b", usd("4"), on="2023-01-01"),
    )
    row = pair(ask(client, layer="paid", time_rule="strict"), "a", "b")
    assert interval(row["round_trip"]) == ("4", "4", "4")
    assert interval(row["of_purchases"]) == ("0.8", "0.8", "0.8")


def test_coarse_dates_leave_the_order_open(client: httpx.Client) -> None:
    """Both in September: the purchase may have come first."""
    tell(client, *AMAZON)
    row = pair(ask(client, time_rule="strict"), "amazon", "anthropic")
    assert interval(row["round_trip"]) == ("0", "4", "4")


def test_a_window_of_days(client: httpx.Client) -> None:
    tell(
        client,
        sign("deal", "b", "a", usd("100"), on="2020-01-01"),
        invest("a", "b", usd("4"), on="2023-01-01"),
        pay("deal", usd("3"), on="2023-01-31"),
        pay("deal", usd("2"), on="2024-06-01"),
    )
    for days, trip in ((29, "0"), (30, "3"), (365, "3"), (1000, "4")):
        answer = ask(client, layer="paid", time_rule="window", window_days=days)
        assert (answer["window_days"], pair(answer, "a", "b")["round_trip"]["stated"]) == (days, trip)
    assert ask(client, layer="paid", time_rule="window")["window_days"] == 365
    assert ask(client, layer="paid")["window_days"] is None


def test_a_leg_that_is_wholly_unknown_is_uninformative(client: httpx.Client) -> None:
    tell(client, commit("pledge", "a", "b", usd("5")), sign("deal", "b", "a", {}))
    answer = ask(client)
    row = pair(answer, "a", "b")
    assert row["uninformative"] is True
    assert interval(row["round_trip"]) == ("0", "0", "5")
    assert interval(row["of_funding"]) == ("0", "0", "1")
    assert interval(row["of_purchases"]) == ("0", None, "1")
    assert row["undefined"] == {"of_purchases.stated": "none_stated", "self_funded_share": "none_stated"}
    assert answer["unbounded"] == [{"payer": "b", "payee": "a", "kind": "purchase", "events": [row["events"][1]]}]


# --- self-funded revenue ----------------------------------------------------------------------------------------


def test_self_funded_revenue(client: httpx.Client) -> None:
    """A pool of 2 of Google's, 4 of Amazon's and 1 of others; 3 to Google and 4 to AWS."""
    tell(
        client,
        commit("g", "google", "anthropic", usd("2"), on="2023-01-31"),
        commit("z", "amazon", "anthropic", usd("4"), on="2023-01-31"),
        commit("o", "others", "anthropic", usd("1"), on="2023-01-31"),
        sign("to-google", "anthropic", "google", usd("3"), on="2023-06-30"),
        sign("to-aws", "anthropic", "aws", usd("4"), on="2023-06-30"),
    )
    answer = ask(client)
    rules = ("lower", "pro_rata", "upper")
    google, amazon = pair(answer, "google", "anthropic"), pair(answer, "amazon", "anthropic")
    assert [rounded(google["self_funded"][rule], 3) for rule in rules] == [0, 0.857, 2]
    assert [rounded(google["self_funded_share"][rule], 3) for rule in rules] == [0, 0.286, 0.667]
    assert [rounded(amazon["self_funded"][rule], 3) for rule in rules] == [1, 2.286, 4]
    assert [rounded(amazon["self_funded_share"][rule], 3) for rule in rules] == [0.25, 0.571, 1]
    # The pool is the customer's whole, whatever part of the network is asked for.
    assert pair(ask(client, entity="google"), "google", "anthropic") == google


def test_credit_can_be_spent_with_its_giver_alone(client: httpx.Client) -> None:
    """All of it is the giver's own money by every rule, and its round trip is all of it."""
    tell(
        client,
        invest("google", "anthropic", usd("2"), form="cloud_credit", on="2023-01-31"),
        invest("others", "anthropic", usd("10"), on="2023-01-31"),
    )
    row = pair(ask(client, layer="paid"), "google", "anthropic")
    assert row["self_funded"] == {"lower": "2", "pro_rata": "2", "upper": "2"}
    assert interval(row["of_funding"]) == interval(row["of_purchases"]) == ("1", "1", "1")


@pytest.mark.parametrize("rule", ["untimed", "strict", "window"])
def test_credit_on_some_day_of_a_year_comes_back_on_that_day(client: httpx.Client, rule: str) -> None:
    """Funding and purchase are one event, so that nothing is open. A purchase of that year may come first."""
    tell(
        client,
        invest("a", "b", usd("30"), form="cloud_credit", on="2001"),
        invest("c", "crusoe", usd("30"), on="2001"),
        sign("deal", "crusoe", "c", usd("30"), on="2001"),
    )
    days: dict[str, Any] = {"window_days": 30} if rule == "window" else {}
    answer = ask(client, time_rule=rule, **days)
    assert interval(pair(answer, "a", "b")["round_trip"]) == ("30", "30", "30")
    assert interval(pair(answer, "a", "b")["of_funding"]) == ("1", "1", "1")
    assert pair(answer, "c", "crusoe")["round_trip"]["low"] == ("30" if rule == "untimed" else "0")


@pytest.mark.parametrize("amount", [usd("10", "about"), usd("100", "up_to"), {}])
@pytest.mark.parametrize("rule", ["untimed", "strict", "window"])
def test_all_of_credit_comes_back_however_much_it_is(client: httpx.Client, amount: dict[str, Any], rule: str) -> None:
    """Also in the announced layer, and as a part of a whole with others of the same form."""
    stated = "1" if amount else None
    tell(
        client,
        commit("pledge", "a", "b", amount, form="cloud_credit"),
        commit("whole", "c", "crusoe", usd("1000"), form="cloud_credit"),
        commit("part", "c", "crusoe", amount, form="cloud_credit", part_of="whole"),
    )
    for layer in ("announced", "contracted"):
        row = pair(ask(client, layer=layer, time_rule=rule), "a", "b")
        assert interval(row["of_funding"]) == interval(row["of_purchases"]) == ("1", stated, "1")
        assert row["round_trip"] == row["funding"] == row["purchases"]
        of_both = pair(ask(client, layer=layer, time_rule=rule), "c", "crusoe")
        assert interval(of_both["of_funding"]) == interval(of_both["of_purchases"]) == ("1", "1", "1")


def test_what_of_a_mixture_is_credit_is_open(client: httpx.Client) -> None:
    """So is what of a promise in credit came in cash, on whatever day: neither comes back by itself."""
    tell(
        client,
        invest("a", "b", usd("30"), form=["cash", "cloud_credit"], on="2001"),
        commit("pledge", "c", "crusoe", usd("100"), form="cloud_credit"),
        invest("c", "crusoe", usd("5"), form="cash", commitment="pledge"),
    )
    answer = ask(client)
    assert interval(pair(answer, "a", "b")["of_funding"]) == ("0", "0", "1")
    assert interval(pair(answer, "c", "crusoe")["of_funding"]) == ("0.95", "0.95", "0.95")


# --- what is asked ----------------------------------------------------------------------------------------------


def test_what_is_left_out_is_stated(client: httpx.Client) -> None:
    answer = client.get("/v1/exposures").json()
    assert {name: answer[name] for name in list(answer)[: list(answer).index("pairs")] if name not in TIMES} == {
        "layer": "contracted",
        "time_rule": "untimed",
        "window_days": None,
        "currency": "USD",
        "include": [],
        "entity": None,
        "hops": None,
    }


def test_an_entity_narrows_all_of_it_to_the_flows_that_touch_it(client: httpx.Client) -> None:
    """Its group's; and with more hops, those that touch whom it deals with."""
    tell(client, *GOOGLE, *AMAZON, commit("x", "google", "a", usd("1")), commit("y", "a", "b", usd("1")))
    answer = ask(client, entity="aws")
    assert [row["funder"] for row in answer["pairs"]] == ["amazon"]
    assert (answer["network"]["gross"]["stated"], answer["network"]["flows"]) == ("8", 2)
    assert [one["entities"] for one in answer["cycles"]] == [["amazon", "anthropic"]]
    assert [ask(client, entity="aws", hops=hops)["network"]["flows"] for hops in (1, 2, 3, 4, 10)] == [2, 4, 5, 6, 6]
    assert ask(client, entity="nobody")["network"]["flows"] == 0


def test_include_takes_several_with_commas(client: httpx.Client) -> None:
    tell(
        client,
        invest("a", "b", usd("5"), status="rumoured"),
        fact("distribution.paid", "2023-06-30", {"payer": "b", "holder": "a", "amount": usd("1"), "kind": "interest"}),
    )
    gross = {
        include: ask(client, layer="paid", **({"include": include} if include else {}))["network"]["gross"]["stated"]
        for include in ("", "rumoured", "debt_service", "rumoured,debt_service")
    }
    assert gross == {"": "0", "rumoured": "5", "debt_service": "1", "rumoured,debt_service": "6"}
    for wrong in ("", "rumours", "rumoured,rumoured", "rumoured, debt_service"):
        assert reasons(client.get("/v1/exposures", params={"include": wrong})) == ["invalid_query"]
    assert reasons(client.get("/v1/holdings?include=debt_service")) == ["invalid_query"]


@pytest.mark.parametrize(
    "query",
    [
        "layer=agreed",
        "time_rule=loose",
        "window_days=-1",
        "hops=0",
        "omit=gross",
        "max_length=1",
        "limit=0",
        "currency=usd",
        "x=1",
    ],
)
def test_wrong_parameters_are_named(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/exposures?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, query.partition("=")[0])


def test_a_missing_rate_takes_only_the_figures_that_need_it(client: httpx.Client) -> None:
    """Euros from a to c, which are on no circle: the circulation needs no rate."""
    tell(client, *GOOGLE, commit("ac", "a", "c", eur("5"), on="2023-03"))
    answer = ask(client)
    lacking = [{"base": "EUR", "quote": "USD", "on": "2023-03-31"}]
    network = answer["network"]
    assert answer["missing_rates"] == lacking
    assert (network["gross"], network["funding"], network["finn"]) == (None, None, None)
    assert interval(network["circulation"]) == ("4", "4", "4")
    assert network["undefined"]["gross"] == "missing_rates"
    assert interval(pair(answer, "google", "anthropic")["round_trip"]) == ("2", "2", "2")
    row = pair(ask(client, entity="a"), "a", "c")
    assert (row["funding"], row["round_trip"], row["missing_rates"]) == (None, None, lacking)
    assert (row["undefined"]["funding"], row["undefined"]["of_funding"]) == ("missing_rates", "missing_rates")
    tell(client, sign("ca", "c", "a", usd("3")))
    answer = ask(client)
    assert answer["network"]["circulation"] is None
    [circle] = [one for one in answer["cycles"] if "c" in one["entities"]]
    assert (circle["amount"], circle["missing_rates"]) == (None, lacking)
    tell(client, rate("EUR", "USD", "1.1", on="2023-03-01"))
    assert ask(client)["network"]["circulation"]["stated"] == "10"


def test_a_pinned_answer_is_the_same_after_later_events(client: httpx.Client) -> None:
    """Corrections of what it holds and facts that were known all along among them."""
    first, *_ = tell(client, *GOOGLE, *AMAZON)
    pinned = {"as_of": "2024-12-31", "known_at": "2025-06-30", "position": head(client)}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/v1/exposures", {**pinned, "time_rule": "strict"}),
        ("/v1/exposures/history", {**pinned, "step": "event"}),
        ("/v1/ownership", pinned),
    ]
    before = [client.get(path, params=query) for path, query in asked]
    tell(
        client,
        *OPENAI,
        commit("another", "google", "anthropic", usd("9"), on="2023-01-31"),
        fact("event.retracted", None, {"event": first, "reason": "never signed"}),
        fact("entity.changed", "2020-01-01", {"entity": "google", "parent": "others"}),
    )
    after = [client.get(path, params=query) for path, query in asked]
    assert [one.content for one in before] == [one.content for one in after]
    assert all("immutable" in one.headers["cache-control"] for one in after)
    assert ask(client)["network"]["gross"]["stated"] != before[0].json()["network"]["gross"]["stated"]


# --- the example ledger -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example() -> Iterator[httpx.Client]:
    """A service that holds the example ledger and is never written to."""
    with fresh_service() as client:
        given(client, *events())
        yield client


BILLION = 10**9


def test_google_and_anthropic_in_the_example(example: httpx.Client) -> None:
    """2 of 2 billion comes back, 50 to 66.7 per cent of the contract; by the order of signing nothing does."""
    row = pair(ask(example), "google", "anthropic")
    assert interval(row["round_trip"]) == (str(2 * BILLION),) * 3
    assert interval(row["of_funding"]) == ("1", "1", "1")
    assert interval(row["of_purchases"]) == ("0.5", "0.666666666667", "0.666666666667")
    strict = pair(ask(example, time_rule="strict"), "google", "anthropic")
    assert interval(strict["round_trip"]) == ("0", "0", "0")


def test_amazon_and_anthropic_in_the_example(example: httpx.Client) -> None:
    row = pair(ask(example), "amazon", "anthropic")
    assert interval(row["round_trip"]) == ("0", str(4 * BILLION), str(4 * BILLION))


def test_crusoe_and_nvidia_in_the_example(example: httpx.Client) -> None:
    """NVIDIA gave Crusoe nothing; whoever lent the money isn't named, and nothing flows back to it."""
    answer = ask(example, entity="crusoe")
    assert [(row["customer"], row["round_trip"]["high"]) for row in answer["pairs"]] == [("crusoe", "0")]
    assert answer["cycles"] == []


def test_an_exclusive_contract_without_an_amount_is_uninformative(example: httpx.Client) -> None:
    row = pair(ask(example), "microsoft", "openai")
    assert row["uninformative"] is True
    assert row["round_trip"]["high"] == str(13 * BILLION)
