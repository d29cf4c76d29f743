"""A working day with one fund, asked as its investor would: figures restated, a claim beside them, a mandate broken."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.world import entity, event, given, usd

BEFORE, AFTER = "2025-03-30", "2025-03-31"


@pytest.fixture
def fund(service: httpx.Client) -> tuple[httpx.Client, str]:
    """200 promised; 80 and 60 called; 50 paid back, 20 of it recallable; worth 150, and later known to be worth 135."""

    def call(day: str, amount: str) -> dict[str, Any]:
        said = {"investor": "lp", "issuer": "fund", "instrument": "fund_interest", "commitment": "pledge"}
        return event("investment.made", day, day, **said, amount=usd(amount))

    worth = {"subject": "fund", "holder": "lp", "basis": "fair_value"}
    pledge = {"from": "lp", "to": "fund", "purpose": "fund", "binding": True, "amount": usd("200")}
    back = {"payer": "fund", "holder": "lp", "amount": usd("50"), "kind": "return_of_capital", "commitment": "pledge"}
    *_, mark = given(
        service,
        entity("lp"),
        entity("fund", kind="fund"),
        entity("firm", sector="weapons"),
        {**event("commitment.made", "2021-03-31", "2021-03-31"), "data": {"commitment": "pledge", **pledge}},
        call("2021-06-30", "80"),
        call("2022-06-30", "60"),
        event("distribution.paid", "2023-06-30", "2023-06-30", **back, recallable=usd("20")),
        event("valuation.recorded", "2024-12-31", "2025-01-31", **worth, value=usd("150")),
    )
    restated = {"type": "valuation.recorded", "effective": "2024-12-31", "data": {**worth, "value": usd("135")}}
    [correction] = given(
        service, event("event.corrected", AFTER, AFTER, event=mark["id"], replacement=restated, reason="restated")
    )
    return service, str(correction["id"])


def asked(client: httpx.Client, path: str, **query: str) -> dict[str, Any]:
    answer = client.get(path, params={"as_of": "2025-06-30", **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_figures_before_and_after_they_were_restated(fund: tuple[httpx.Client, str]) -> None:
    """Given a mark that is corrected; when one asks as known before and after; then only what hangs on it differs."""
    client, _ = fund
    then, now = (asked(client, "/v1/performance/lp", known_at=day) for day in (BEFORE, AFTER))
    assert (then["included"]["paid_in"], then["included"]["pic"], then["included"]["unfunded"]) == ("140", "0.7", "80")
    assert (then["included"]["dpi"], then["included"]["rvpi"], then["included"]["tvpi"]) == (
        "0.357142857143",
        "1.071428571429",
        "1.428571428571",
    )
    assert (then["excluded"]["dpi"], then["excluded"]["rvpi"], then["excluded"]["tvpi"]) == ("0.25", "1.25", "1.5")
    assert (now["included"]["rvpi"], now["included"]["tvpi"]) == ("0.964285714286", "1.321428571429")
    assert (now["nav"], now["excluded"]["tvpi"]) == ("135", "1.375")
    assert now["included"]["dpi"] == then["included"]["dpi"]
    assert now["cash_flows"][:-1] == then["cash_flows"][:-1]


def test_what_restated_them(fund: tuple[httpx.Client, str]) -> None:
    """Given the same; when one asks what changed; then it is the figures with the mark in them, by the correction."""
    client, correction = fund
    day = {"from_as_of": "2025-06-30", "to_as_of": "2025-06-30"}
    query = {"of": "/v1/performance/lp", **day, "from_known_at": BEFORE, "to_known_at": AFTER}
    answer = client.get("/v1/changes", params=query)
    assert answer.status_code == 200, answer.text
    changes = answer.json()["changes"]
    assert {change["in"] for change in changes} == {"included", "excluded", "nav", "moic", "xirr", "xirr_all",
                                                    "cash_flows"}  # fmt: skip
    assert {cause["event"] for change in changes for cause in change["causes"]} == {correction}
    [included] = [change for change in changes if change["in"] == "included"]
    assert sorted(included["fields"]) == ["rvpi", "tvpi"]


def test_a_claim_of_what_was_called(fund: tuple[httpx.Client, str]) -> None:
    """Given "nearly 150 in two years"; when it is reconciled; then 140 is found, 93 % of it, between its bounds."""
    client, _ = fund
    said: dict[str, Any] = {"claim": "called", "kind": "aggregate", "text": "Nearly 150 in two years.", "count": 2}
    said |= {"measures": "funding", "payers": ["lp"], "payees": ["fund"], "period": {"start": "2021", "end": "2022"}}
    given(client, event("claim.published", "2022-12-31", "2023-01-15", **said, value=usd("150", qualifier="nearly")))
    [row] = asked(client, "/v1/claims")["claims"]
    assert (row["claimed"]["low"], row["claimed"]["stated"], row["claimed"]["high"]) == ("135", "150", "150")
    assert (row["found"]["low"], row["found"]["stated"], row["found"]["high"]) == ("140", "140", "140")
    assert row["explained"] == {"low": "0.933333333333", "stated": "0.933333333333", "high": "1.037037037037"}
    assert row["mean"] == {"currency": "USD", "low": "67.5", "stated": "75", "high": "75"}
    assert asked(client, "/v1/claims", known_at="2023-01-14")["claims"] == []


def test_a_mandate_that_the_fund_broke(fund: tuple[httpx.Client, str]) -> None:
    """Given a pledge that forbids weapons; when the fund buys some; then it is a breach from the day it is known."""
    client, _ = fund
    rule = {"restriction": "no-weapons", "on": ["pledge"], "by": "lp", "kind": "mandate", "forbids": ["weapons"]}
    bought = {"investor": "fund", "issuer": "firm", "instrument": "equity", "amount": usd("5")}
    *_, deal = given(
        client,
        event("restriction.imposed", "2021-03-31", "2021-03-31", **rule, text="No weapons."),
        event("investment.made", "2024-05-01", "2024-08-01", **bought),
    )
    [row] = asked(client, "/v1/restrictions")["restrictions"]
    assert row["breaches"] == [{"event": deal["id"], "why": "firm is of weapons, which is forbidden"}]
    for times in ({"known_at": "2024-07-31"}, {"as_of": "2024-04-30"}):
        [row] = asked(client, "/v1/restrictions", **times)["restrictions"]
        assert row["breaches"] == []
