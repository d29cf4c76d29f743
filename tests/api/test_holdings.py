"""GET /v1/holdings: what is held, what it cost, and what it is worth at any point in the three times."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.world import entity, event, given, usd


def figure(low: str, stated: str | None, high: str | None, currency: str = "USD") -> dict[str, Any]:
    return {"currency": currency, "low": low, "stated": stated, "high": high}


def exactly(amount: str, currency: str = "USD") -> dict[str, Any]:
    return figure(amount, amount, amount, currency)


def bought(day: str = "2023-05-01", amount: str = "100", **more: Any) -> dict[str, Any]:
    said = {"investor": "ant", "issuer": "bee", "instrument": "equity", "amount": usd(amount), **more}
    return event("investment.made", day, **said)


def sold(day: str, **how: Any) -> dict[str, Any]:
    return event("investment.sold", day, "2024-06-01", holder="ant", issuer="bee", instrument="equity", **how)


def held(client: httpx.Client, **query: str) -> dict[str, Any]:
    """The one holding that there is."""
    answer = client.get("/v1/holdings", params=query)
    assert answer.status_code == 200, answer.text
    [row] = answer.json()["holdings"]
    return dict(row)


def test_purchases_add_up(service: httpx.Client) -> None:
    """Units, stakes and cost; the events it comes from; the total is that of the list."""
    purchases = [
        bought(units="10", stake={"share": "0.1"}),
        bought("2023-07-01", "50", units="2.5", stake={"share": "0.05"}),
    ]
    recorded = given(service, entity("ant"), entity("bee"), *purchases)
    row = held(service)
    assert row["units"] == "12.5"
    assert row["stake"] == [{"basis": "economic", "low": "0.15", "stated": "0.15", "high": "0.15"}]
    assert row["cost"] == exactly("150")
    assert row["events"] == [one["id"] for one in recorded[2:]]
    [total] = service.get("/v1/holdings").json()["totals"]
    assert (total["currency"], total["cost"]) == ("USD", exactly("150"))


def test_a_coarse_date_counts_from_its_last_day_and_may_count_from_its_first(service: httpx.Client) -> None:
    """In between the high is there, low and stated are not; before, there is no holding."""
    given(service, entity("ant"), entity("bee"), {**bought("2023-Q3"), "known": "2023-12-01"})
    assert service.get("/v1/holdings?as_of=2023-06-30").json()["holdings"] == []
    assert held(service, as_of="2023-07-01")["cost"] == figure("0", "0", "100")
    assert held(service, as_of="2023-09-30")["cost"] == exactly("100")


def test_what_was_not_known_yet_does_not_show(service: httpx.Client) -> None:
    """known_at is one time, as_of another."""
    given(service, entity("ant"), entity("bee"), {**bought("2023-01-01"), "known": "2023-12-01"})
    assert service.get("/v1/holdings?as_of=2023-06-01&known_at=2023-06-01").json()["holdings"] == []
    assert held(service, as_of="2023-06-01", known_at="2023-12-01")["cost"] == exactly("100")


def test_a_correction_holds_from_the_day_it_is_known_and_from_its_position_on(service: httpx.Client) -> None:
    """Before either, the first figure stands; its retraction brings the first figure back."""
    fact = bought()
    recorded = given(service, entity("ant"), entity("bee"), fact)
    replacement = {key: value for key, value in bought(amount="90").items() if key != "known"}
    correction = event(
        "event.corrected", known="2023-09-01", event=recorded[2]["id"], replacement=replacement, reason="misread"
    )
    del correction["effective"]
    [made] = given(service, correction)
    assert held(service)["cost"] == exactly("90")
    assert held(service)["events"] == [recorded[2]["id"]]
    assert held(service, known_at="2023-08-31")["cost"] == exactly("100")
    assert held(service, position="3")["cost"] == exactly("100")
    given(
        service,
        {"type": "event.retracted", "known": "2023-10-01", "data": {"event": made["id"], "reason": "it was right"}},
    )
    assert held(service)["cost"] == exactly("100")
    assert held(service, known_at="2023-09-30")["cost"] == exactly("90")


def test_a_sale_lowers_what_is_held_and_not_the_cost(service: httpx.Client) -> None:
    """A fraction lowers units and stake alike; all of it leaves nothing, and the holding stays listed."""
    given(service, entity("ant"), entity("bee"), bought(units="10", stake={"share": "0.1"}))
    given(service, sold("2023-06-01", proceeds=usd("60"), fraction="0.5"))
    row = held(service)
    assert (row["units"], row["stake"][0]["stated"], row["cost"], row["proceeds"]) == (
        "5",
        "0.05",
        exactly("100"),
        exactly("60"),
    )
    given(service, sold("2023-07-01", proceeds=usd("70"), all=True))
    row = held(service)
    assert (row["units"], row["stake"][0]["stated"], row["proceeds"]) == ("0", "0", exactly("130"))
    assert (row["value"], row["multiple"]) == (exactly("0"), "1.3")
    assert held(service, as_of="2023-06-30")["units"] == "5"


def test_a_sale_without_a_purchase_says_that_it_is_incomplete(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), sold("2023-06-01", proceeds=usd("60"), units="5"))
    assert held(service)["incomplete"] is True


def test_the_newest_mark_values_a_holding(service: httpx.Client) -> None:
    """A stake times the whole; units times a price before it; the position's own mark before all."""
    given(service, entity("ant"), entity("bee"), bought(units="10", stake={"share": "0.1"}))
    assert held(service)["value"] is None
    given(
        service,
        event("valuation.recorded", "2023-08-01", "2023-09-01", subject="bee", value=usd("2000"), basis="post_money"),
    )
    row = held(service, as_of="2023-08-11")
    assert (row["value"], row["valued_on"], row["age_days"], row["multiple"]) == (exactly("200"), "2023-08-01", 10, "2")
    mark = event(
        "valuation.recorded",
        "2023-07-01",
        "2023-09-01",
        subject="bee",
        value=usd("1"),
        basis="secondary",
        price=usd("15"),
    )
    given(service, mark)
    assert held(service)["value"] == exactly("150")
    own = event(
        "valuation.recorded",
        "2023-06-01",
        "2023-09-01",
        subject="bee",
        value=usd("333"),
        basis="fair_value",
        holder="ant",
    )
    [recorded] = given(service, own)
    row = held(service)
    assert (row["value"], row["value_event"]) == (exactly("333"), recorded["id"])


def test_a_rumour_counts_only_when_asked_for_and_a_denial_never(service: httpx.Client) -> None:
    given(
        service,
        entity("ant"),
        entity("bee"),
        {**bought(), "status": "rumoured"},
        {**bought("2023-06-01"), "status": "denied"},
    )
    assert service.get("/v1/holdings").json()["holdings"] == []
    assert held(service, include="rumoured")["cost"] == exactly("100")


def test_the_same_fact_from_another_source_counts_once(service: httpx.Client) -> None:
    recorded = given(service, entity("ant"), entity("bee"), bought())
    given(service, {**bought("2023-05-02", "101"), "same_as": recorded[2]["id"]})
    assert held(service)["cost"] == exactly("100")


def test_a_missing_rate_is_named_and_fails_only_what_needs_it(service: httpx.Client) -> None:
    """With the rate on or before the day the figure is there."""
    given(service, entity("ant"), entity("bee"), bought(amount="100"), bought("2023-06-01", amount="1000"))
    row = held(service, currency="EUR")
    assert row["cost"] is None
    assert {"base": "USD", "quote": "EUR", "on": "2023-05-01"} in row["missing_rates"]
    given(service, event("rate.published", "2023-04-28", "2023-04-28", base="EUR", quote="USD", rate="1.25"))
    row = held(service, currency="EUR")
    assert row["cost"] == exactly("880", "EUR")
    assert "missing_rates" not in row


def test_currencies_are_kept_apart_without_one_to_convert_to(service: httpx.Client) -> None:
    yen = {**bought("2023-06-01"), "data": {**bought()["data"], "amount": {"currency": "JPY", "amount": "5"}}}
    given(service, entity("ant"), entity("bee"), bought(), yen)
    assert held(service)["cost"] == [exactly("5", "JPY"), exactly("100")]
    totals = service.get("/v1/holdings").json()["totals"]
    assert [(one["currency"], one["cost"]["stated"]) for one in totals] == [("JPY", "5"), ("USD", "100")]


def test_filters_narrow_the_list_and_its_totals(service: httpx.Client) -> None:
    """Totals are of all that the filter selects, not of the page."""
    cow = {**bought(amount="7"), "data": {**bought(amount="7")["data"], "investor": "cow"}}
    given(service, entity("ant"), entity("bee"), entity("cow"), bought(), cow)
    answer = service.get("/v1/holdings?holder=cow").json()
    assert ([row["holder"] for row in answer["holdings"]], answer["totals"][0]["cost"]["stated"]) == (["cow"], "7")
    answer = service.get("/v1/holdings?issuer=bee&limit=1").json()
    assert (len(answer["holdings"]), answer["more"], answer["totals"][0]["cost"]["stated"]) == (1, True, "107")
    assert service.get("/v1/holdings?holder=nobody").json()["holdings"] == []


@pytest.mark.parametrize("facts", [[], [entity("ant")]])
def test_an_empty_ledger_has_nothing_of_anybody(service: httpx.Client, facts: list[dict[str, Any]]) -> None:
    """Nor has one that isn't empty at its position 0."""
    if facts:
        given(service, *facts)
    for query in ("holder=ant", "holder=ant&position=0", "holder=ant&issuer=bee&currency=EUR&position=0"):
        answer = service.get(f"/v1/holdings?{query}")
        assert (answer.status_code, answer.json()["holdings"]) == (200, []), answer.text
