"""GET /v1/valuations/{subject}: every mark, and what deals imply."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.test_holdings import exactly
from tests.api.world import entity, event, given, reasons, usd


def mark(day: str, amount: str, basis: str = "post_money", **more: Any) -> dict[str, Any]:
    return event("valuation.recorded", day, "2024-01-01", subject="bee", value=usd(amount), basis=basis, **more)


def marks(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/valuations/bee", params=query).json()["marks"]
    return found


def test_marks_come_by_date_with_the_step_from_the_one_before(service: httpx.Client) -> None:
    """A step is against the mark of the same basis and holder before it."""
    given(service, entity("ant"), entity("bee"), mark("2023-03-01", "300"), mark("2023-01-01", "100"))
    given(service, mark("2023-02-01", "7", "target"), mark("2023-04-01", "50", holder="ant"))
    assert [(one["effective"], one["basis"], one["step_up"]) for one in marks(service)] == [
        ("2023-01-01", "post_money", None),
        ("2023-02-01", "target", None),
        ("2023-03-01", "post_money", "3"),
        ("2023-04-01", "post_money", None),
    ]
    assert len(marks(service, as_of="2023-01-31")) == 1


def test_a_deal_with_a_stake_and_an_amount_implies_a_value(service: httpx.Client) -> None:
    investment = event(
        "investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"), stake={"share": "0.25"}
    )
    given(service, entity("ant"), entity("bee"), investment)
    [one] = marks(service)
    assert (one["basis"], one["value"], one["implied"]) == ("implied", exactly("10"), exactly("40"))


def test_a_mark_is_set_beside_what_the_newest_deal_before_it_implied(service: httpx.Client) -> None:
    """Of the whole: by the stake that a mark is of, else by a value of the whole; a position alone says nothing."""

    def deal(day: str, share: str, **more: Any) -> dict[str, Any]:
        said = {"investor": "ant", "issuer": "bee", "instrument": "equity", "amount": usd("10")}
        return event("investment.made", day, "2024-01-01", **said, stake={"share": share}) | more

    given(service, entity("ant"), entity("bee"), mark("2023-01-01", "7"), deal("2023-02-01", "0.25"))
    given(service, mark("2023-03-01", "60"), mark("2023-04-01", "5", holder="ant"), deal("2023-05-01", "0.125"))
    given(service, mark("2023-06-01", "20", "counterfactual", holder="ant", stake={"share": "0.125"}))
    given(service, deal("2023-07-01", "0.01", status="rumoured"), mark("2023-08-01", "40"))
    assert [(one["effective"], one["since_deal"]) for one in marks(service)] == [
        ("2023-01-01", None),
        ("2023-02-01", None),
        ("2023-03-01", "1.5"),
        ("2023-04-01", None),
        ("2023-05-01", "2"),
        ("2023-06-01", "2"),
        ("2023-07-01", "12.5"),
        ("2023-08-01", "0.5"),
    ]
    assert marks(service, include="rumoured")[-1]["since_deal"] == "0.04"


def test_rumours_and_denials_are_shown_as_such(service: httpx.Client) -> None:
    given(
        service,
        entity("bee"),
        {**mark("2023-01-01", "1"), "status": "rumoured"},
        {**mark("2023-02-01", "2"), "status": "denied"},
    )
    assert [one["status"] for one in marks(service)] == ["rumoured", "denied"]


def test_pages_of_marks_make_up_the_list(service: httpx.Client) -> None:
    """Also where days are the same."""
    given(service, entity("bee"), *(mark("2023-01-01", str(number)) for number in range(1, 8)))
    whole = [one["events"] for one in marks(service)]
    answer = service.get("/v1/valuations/bee?limit=2").json()
    found = [one["events"] for one in answer["marks"]]
    while answer["more"]:
        answer = service.get("/v1/valuations/bee", params={"cursor": answer["next"], "limit": "2"}).json()
        found += [one["events"] for one in answer["marks"]]
    assert found == whole


def test_nobody_has_no_valuations(service: httpx.Client) -> None:
    """404 for what was never registered; an empty list for what nobody valued."""
    assert reasons(service.get("/v1/valuations/bee")) == ["not_found"]
    given(service, entity("bee"))
    assert marks(service) == []
