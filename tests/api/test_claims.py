"""GET /v1/claims: what was said in sum, beside what the ledger holds of it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.test_commitments import drawn, pledged
from tests.api.test_holdings import bought, exactly, figure
from tests.api.world import entity, event, given, usd

PARTIES = [entity("ant"), entity("bee"), entity("cow"), entity("dog", parent="bee")]


def claimed(claim: str = "said", amount: str | None = "200", day: str = "2023-12-31", **more: Any) -> dict[str, Any]:
    said = {"claim": claim, "text": "So much.", "kind": "aggregate", **more}
    return event("claim.published", day, "2024-01-31", **said, **({} if amount is None else {"value": usd(amount)}))


def row_of(client: httpx.Client, claim: str = "said", **query: str) -> dict[str, Any]:
    answer = client.get("/v1/claims", params=query)
    assert answer.status_code == 200, answer.text
    [row] = [row for row in answer.json()["claims"] if row["claim"] == claim]
    return dict(row)


def ratio(low: str, stated: str | None, high: str | None) -> dict[str, Any]:
    return {"low": low, "stated": stated, "high": high}


def test_a_claim_is_beside_what_its_members_come_to(service: httpx.Client) -> None:
    """Each member once, however it is named; nothing is added to the claim or to a total."""
    [*_, first, second] = given(service, *PARTIES, bought(amount="100"), bought(amount="50", issuer="cow"))
    [inner] = given(service, claimed("inner", "60", members=[second["id"]]))
    [outer] = given(service, claimed(members=[first["id"], second["id"], "inner"], count=8))
    row = row_of(service)
    assert (row["claimed"], row["found"]) == (exactly("200"), exactly("150"))
    assert row["explained"] == ratio("0.75", "0.75", "0.75")
    assert (row["count"], row["mean"]) == (8, exactly("25"))
    assert row["events"] == [first["id"], second["id"], outer["id"]]
    assert row_of(service, "inner")["events"] == [second["id"], inner["id"]]
    answer = service.get("/v1/claims").json()
    assert "totals" not in answer
    [total] = service.get("/v1/holdings").json()["totals"]
    assert total["cost"] == exactly("150")


def test_what_is_found_is_counted_at_the_price_of_one(service: httpx.Client) -> None:
    """Three for 200, or somewhat more; so for 150 two and a quarter, bound by bound."""
    [*_, loan] = given(service, *PARTIES, bought(amount="150"))
    given(service, claimed(members=[loan["id"]], quantity={"number": "3", "high": "4", "low": "3", "unit": "chips"}))
    given(service, claimed("unpriced", None, members=[loan["id"]], quantity={"number": "3", "unit": "chips"}))
    assert row_of(service)["found_quantity"] == ratio("2.25", "2.25", "3") | {"unit": "chips"}
    assert row_of(service, "unpriced")["found_quantity"] is None


def test_without_members_it_is_beside_the_flows_of_its_period(service: httpx.Client) -> None:
    """What may lie outside counts at its high only; what surely does, not at all."""
    given(
        service,
        *PARTIES,
        bought("2023-02-01", "100"),
        {**bought("2022-12/2023-01", "7"), "known": "2023-06-01"},
        bought("2022-06-01", "1000"),
        bought("2023-03-01", "30", issuer="cow"),
        claimed(measures="funding", payers=["ant"], payees=["bee"], period={"start": "2023", "end": "2023"}),
    )
    row = row_of(service)
    assert row["found"] == figure("100", "100", "107")
    assert row["explained"] == ratio("0.5", "0.5", "0.535")


def test_a_group_is_paid_through_its_subsidiaries_and_only_by_others(service: httpx.Client) -> None:
    """Parents as of the day asked for; shares bought of other holders bring the company nothing."""
    given(
        service,
        *PARTIES,
        bought(amount="10", issuer="dog"),
        bought(amount="20", cash_to="holders"),
        claimed(measures="funding", payees=["bee"]),
    )
    assert row_of(service)["found"] == exactly("10")


def test_commitments_are_found_as_agreed_last_and_a_group_once(service: httpx.Client) -> None:
    """A whole and its parts are the larger of the two, draws are no more, what one promises oneself is none."""
    given(
        service,
        *PARTIES,
        pledged(),
        pledged("part", usd("130"), part_of="pledge"),
        pledged("own", usd("999"), to="ant"),
        event("commitment.changed", "2023-03-01", commitment="part", amount=usd("140")),
        drawn("50"),
        claimed(measures="commitments", payers=["ant"]),
    )
    assert row_of(service)["found"] == exactly("140")
    assert row_of(service, as_of="2023-12-31", known_at="2024-01-31")["found"] == exactly("140")


def test_members_that_are_records_are_what_the_claim_measures_of_them(service: httpx.Client) -> None:
    """Of a commitment its draws if funding is measured, else what was agreed; with its draws it counts once."""
    [*_, draw] = given(service, *PARTIES, pledged(), drawn("30"))
    given(
        service,
        claimed("paid", measures="funding", members=["pledge"]),
        claimed("promised", measures="commitments", members=["pledge", draw["id"]]),
    )
    assert row_of(service, "paid")["found"] == exactly("30")
    assert row_of(service, "promised")["found"] == exactly("100")


def test_what_former_holders_got_is_no_funding_of_a_commitment_either(service: httpx.Client) -> None:
    """Given a draw that bought shares of others; when the commitment's funding is claimed; then it isn't found."""
    given(
        service,
        *PARTIES,
        pledged(),
        bought(amount="30", commitment="pledge"),
        bought(amount="20", commitment="pledge", cash_to="holders"),
        claimed(measures="funding", members=["pledge"]),
    )
    assert row_of(service)["found"] == exactly("30")


def test_what_one_claim_finds_for_sure_another_does_not_make_unsure(service: httpx.Client) -> None:
    """Given a flow on the edge of one claim's period and well within another's; when a third sums up both, in either
    order; then it is there for sure, once."""
    half, year = {"start": "2023-01", "end": "2023-06"}, {"start": "2023", "end": "2023"}
    given(
        service,
        *PARTIES,
        {**bought("2023-06/2023-07", "7"), "known": "2023-12-31"},
        claimed("half", "7", measures="funding", payers=["ant"], period=half),
        claimed("year", "7", measures="funding", payers=["ant"], period=year),
        claimed("one", "7", members=["half", "year"]),
        claimed("other", "7", members=["year", "half"]),
    )
    assert row_of(service, "half")["found"] == figure("0", "0", "7")
    assert row_of(service, "one")["found"] == row_of(service, "other")["found"] == exactly("7")


def test_a_mark_of_a_sale_between_holders_is_a_mark(service: httpx.Client) -> None:
    """Given a mark of basis secondary; when the worth of its subject is claimed; then it is found."""
    given(
        service,
        *PARTIES,
        event("valuation.recorded", "2023-05-01", subject="bee", basis="secondary", value=usd("500")),
        claimed("worth", "1000", measures="valuation", payees=["bee"]),
    )
    assert row_of(service, "worth")["found"] == exactly("500")


def test_revenue_is_what_contracts_were_paid_and_value_the_newest_mark(service: httpx.Client) -> None:
    between = {"contract": "cloud", "customer": "ant", "provider": "dog"}
    signed: dict[str, Any] = {**between, "resource": "cloud", "binding": True}
    given(
        service,
        *PARTIES,
        event("contract.signed", "2023-01-01", **signed, amount=usd("90")),
        event("contract.paid", "2023-04-01", contract="cloud", amount=usd("40"), period={"start": "2023-01-01"}),
        event("valuation.recorded", "2023-01-01", subject="bee", basis="post_money", value=usd("300")),
        event("valuation.recorded", "2023-05-01", subject="bee", basis="post_money", value=usd("500")),
        event("valuation.recorded", "2023-05-02", subject="bee", basis="target", value=usd("900")),
        claimed("sales", "80", measures="revenue", payees=["bee"]),
        claimed("worth", "1000", measures="valuation", payees=["bee"]),
        claimed("lost", "10", measures="loss", payees=["bee"]),
    )
    assert (row_of(service, "sales")["found"], row_of(service, "sales")["explained"]["stated"]) == (
        exactly("40"),
        "0.5",
    )
    assert row_of(service, "worth")["found"] == exactly("500")
    assert (row_of(service, "lost")["found"], row_of(service, "lost")["explained"]) == (None, None)


def test_growth_is_against_the_period_before(service: httpx.Client) -> None:
    """Whatever the order of recording; a year isn't compared with its own first half."""
    series: dict[str, Any] = {"series": "yearly"}
    given(
        service,
        *PARTIES,
        claimed("y2023", "150", **series, period={"start": "2023", "end": "2023"}),
        claimed("y2022", "200", **series, period={"start": "2022", "end": "2022"}),
        claimed("h2023", "70", **series, period={"start": "2023-01", "end": "2023-06"}),
        claimed("other", "1", period={"start": "2024", "end": "2024"}),
    )
    assert [row_of(service, name)["growth"] for name in ("y2022", "h2023", "y2023", "other")] == [
        None,
        "-0.65",
        "-0.25",
        None,
    ]


def test_a_part_of_a_whole_says_how_large_the_whole_is(service: httpx.Client) -> None:
    """By its own share, exact or bounded; and its share of the claim that it is part of, in money or in numbers."""
    percent: dict[str, Any] = {"quantity": {"number": "29", "unit": "per cent"}}
    given(
        service,
        *PARTIES,
        claimed("fifth", "20", share_of="0.2"),
        claimed("half", "20", share_of={"share": "0.5", "qualifier": "over"}, part_of="fifth"),
        claimed("growth", None, **percent),
        claimed("of-growth", None, quantity={"number": "3", "unit": "points"}, part_of="growth"),
    )
    assert row_of(service, "fifth")["whole"] == exactly("100")
    half = row_of(service, "half")
    assert (half["whole"], half["share"]) == (figure("20", "40", "40"), ratio("1", "1", "1"))
    assert row_of(service, "growth")["quantity"] == {**ratio("29", "29", "29"), "unit": "per cent"}
    assert row_of(service, "of-growth")["share"]["stated"] == "0.103448275862"


def test_denied_claims_are_not_listed_and_a_denial_denies_another(service: httpx.Client) -> None:
    given(
        service,
        *PARTIES,
        claimed(about=["bee"]),
        claimed("no", None, kind="denial", by="bee", denies="said"),
        {**claimed("hearsay"), "status": "rumoured"},
        {**claimed("false"), "status": "denied"},
    )
    assert [row["claim"] for row in service.get("/v1/claims").json()["claims"]] == ["no", "said"]
    assert row_of(service)["denied_by"] == ["no"]
    assert row_of(service, "hearsay", include="rumoured")["found"] is None
    for asked in ("by=bee", "kind=denial"):
        assert [row["claim"] for row in service.get(f"/v1/claims?{asked}").json()["claims"]] == ["no"]
    assert [row["claim"] for row in service.get("/v1/claims?about=bee").json()["claims"]] == ["said"]


def test_a_claim_holds_from_the_last_day_of_its_date(service: httpx.Client) -> None:
    given(service, *PARTIES, claimed(day="2023"))
    assert service.get("/v1/claims?as_of=2023-12-30").json()["claims"] == []
    assert row_of(service, as_of="2023-12-31")["claimed"] == exactly("200")


def test_currencies_are_compared_only_once_converted(service: httpx.Client) -> None:
    """A list of sums explains nothing; a rate that lacks is named."""
    [*_, first, second] = given(service, *PARTIES, bought(amount="100"), bought("2023-05-02", "5"))
    euro = event(
        "investment.made",
        investor="ant",
        issuer="bee",
        instrument="equity",
        amount={"currency": "EUR", "amount": "50"},
    )
    [paid] = given(service, euro)
    given(service, claimed(members=[first["id"], second["id"], paid["id"]]))
    row = row_of(service)
    assert [one["currency"] for one in row["found"]] == ["EUR", "USD"]
    assert row["explained"] is None
    row = row_of(service, currency="USD")
    assert (row["found"], row["explained"], row["claimed"]) == (None, None, exactly("200"))
    assert row["missing_rates"] == [{"base": "EUR", "quote": "USD", "on": "2023-05-01"}]
    given(service, event("rate.published", "2023-04-01", base="EUR", quote="USD", rate="1.1"))
    assert row_of(service, currency="USD")["found"] == exactly("160")


def test_pages_fit_together(service: httpx.Client) -> None:
    given(service, *PARTIES, *(claimed(f"said-{number}") for number in range(3)))
    first = service.get("/v1/claims?limit=2").json()
    second = service.get("/v1/claims", params={"limit": "2", "cursor": first["next"]}).json()
    assert [row["claim"] for row in first["claims"] + second["claims"]] == ["said-0", "said-1", "said-2"]
    assert (first["more"], second["more"]) == (True, False)


def test_what_a_claim_sums_up_of_a_double_is_of_the_first(service: httpx.Client) -> None:
    """Given a pledge that two sources tell, and draws on either; then whichever a claim names, it finds one pledge."""
    [*_, pledge] = given(service, *PARTIES, pledged(to="bee"))
    [again] = given(service, {**pledged(to="bee", commitment="again"), "same_as": pledge["id"]})
    [one, other] = given(service, drawn("30"), bought(amount="20", commitment="again"))
    for name in ("pledge", "again", pledge["id"], again["id"]):
        given(service, claimed(f"of-{name}", members=[name]))
        row = row_of(service, f"of-{name}")
        assert (row["found"], row["events"][:-1]) == (exactly("100"), [pledge["id"]]), name
    given(service, claimed("drawn", members=["again"], measures="funding"))
    assert row_of(service, "drawn")["found"] == exactly("50")
    given(service, claimed("all", members=["pledge", "again", one["id"], other["id"]]))
    assert row_of(service, "all")["found"] == exactly("100")


def test_what_names_the_double_of_a_claim_names_the_first(service: httpx.Client) -> None:
    """Its part, what denies it, and what sums it up."""
    [*_, loan] = given(service, *PARTIES, bought(amount="100"))
    [first] = given(service, claimed("first", members=[loan["id"]]))
    [second] = given(service, {**claimed("second", "199", members=[loan["id"]]), "same_as": first["id"]})
    given(
        service,
        claimed("part", "50", part_of="second"),
        claimed("part-too", "50", part_of=second["id"]),
        claimed("denial", None, kind="denial", denies="second"),
        claimed("outer", members=["second"]),
    )
    assert [row_of(service, name)["share"] for name in ("part", "part-too")] == [ratio("0.25", "0.25", "0.25")] * 2
    assert row_of(service, "first")["denied_by"] == ["denial"]
    assert row_of(service, "outer")["found"] == exactly("100")
    assert "second" not in [row["claim"] for row in service.get("/v1/claims").json()["claims"]]
