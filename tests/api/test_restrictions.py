"""GET /v1/restrictions: who is bound to what, and what looks like a breach."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.test_commitments import pledged
from tests.api.test_holdings import bought
from tests.api.world import entity, event, given, usd

PARTIES = [
    entity("ant"),
    entity("fund", kind="fund"),
    entity("medic", sector="medical-devices", country="CN"),
    entity("chips", sector="chips", country="US"),
    entity("daughter", parent="chips"),
]


def imposed(day: str = "2023-01-01", **more: Any) -> dict[str, Any]:
    said = {"restriction": "bound", "on": ["ant"], "kind": "mandate", "text": "Only so.", **more}
    return event("restriction.imposed", day, **said)


def lifted(day: str) -> dict[str, Any]:
    return event("restriction.lifted", day, "2024-06-01", restriction="bound")


def signed(provider: str, day: str = "2023-05-01") -> dict[str, Any]:
    said = {"contract": f"with-{provider}", "customer": "ant", "provider": provider}
    return event("contract.signed", day, **said, resource="gpu", binding=True, amount=usd("5"))


def row_of(client: httpx.Client, **query: str) -> dict[str, Any]:
    answer = client.get("/v1/restrictions", params=query)
    assert answer.status_code == 200, answer.text
    [row] = answer.json()["restrictions"]
    return dict(row)


def breaches(client: httpx.Client, **query: str) -> list[str]:
    return [breach["event"] for breach in row_of(client, **query)["breaches"]]


@pytest.mark.parametrize("allowed", ["medic", "CN", "medical-devices"])
def test_what_is_not_allowed_is_flagged_and_taken(service: httpx.Client, allowed: str) -> None:
    """By id, country or sector; the investment is recorded all the same, and the flag says why."""
    [*_, rule, _, wrong] = given(
        service, *PARTIES, imposed(allows=[allowed]), bought(issuer="medic"), bought(issuer="chips")
    )
    row = row_of(service)
    why = f"chips, of US, chips, isn't among what is allowed: {allowed}"
    assert row["breaches"] == [{"event": wrong["id"], "why": why}]
    assert (row["kind"], row["on"], row["allows"], row["forbids"]) == ("mandate", ["ant"], [allowed], None)
    assert (row["lifted"], row["events"]) == (None, [rule["id"]])
    assert len(service.get("/v1/holdings").json()["holdings"]) == 2


def test_what_is_forbidden_is_flagged_for_investments_commitments_and_contracts(service: httpx.Client) -> None:
    [*_, one, two, three, _] = given(
        service,
        *PARTIES,
        imposed(forbids=["chips"]),
        bought(issuer="chips"),
        pledged(to="chips"),
        signed("chips"),
        signed("medic"),
    )
    assert breaches(service) == [one["id"], two["id"], three["id"]]


def test_an_exclusive_customer_may_still_invest_elsewhere(service: httpx.Client) -> None:
    [*_, wrong] = given(
        service,
        *PARTIES,
        imposed(kind="exclusivity", allows=["medic"]),
        bought(issuer="chips"),
        signed("medic"),
        signed("daughter"),
    )
    assert breaches(service) == [wrong["id"]]


def test_a_subsidiary_is_of_its_parents_group(service: httpx.Client) -> None:
    """On both sides: who belongs to the forbidden is forbidden, who belongs to the bound is bound."""
    [*_, one, two] = given(
        service,
        *PARTIES,
        imposed(on=["chips", "ant"], forbids=["US", "medic"]),
        bought(issuer="daughter"),
        bought(investor="daughter", issuer="medic"),
    )
    row = row_of(service)
    assert row["breaches"] == [
        {"event": one["id"], "why": "daughter is of US, which is forbidden"},
        {"event": two["id"], "why": "medic is forbidden"},
    ]


def test_only_what_happens_while_it_is_in_force_is_a_breach(service: httpx.Client) -> None:
    """From the last day of its date until the day that lifts it, which is free again."""
    [*_, within, _, end] = given(
        service,
        *PARTIES,
        imposed("2023-03", forbids=["chips"]),
        bought("2023-03-30", issuer="chips"),
        bought("2023-03-31", issuer="chips"),
        {**bought("2024-01-01", issuer="chips"), "known": "2024-06-01"},
        lifted("2024-01-01"),
    )
    row = row_of(service)
    assert [breach["event"] for breach in row["breaches"]] == [within["id"]]
    assert (row["lifted"], row["events"][-1]) == ("2024-01-01", end["id"])
    assert row_of(service, as_of="2023-12-31")["lifted"] is None
    assert service.get("/v1/restrictions?as_of=2023-03-30").json()["restrictions"] == []


def test_country_and_sector_are_those_of_the_day(service: httpx.Client) -> None:
    moved = event("entity.changed", "2023-08-01", "2023-08-01", entity="chips", country="CN")
    [*_, late] = given(
        service,
        *PARTIES,
        imposed(forbids=["CN"]),
        moved,
        bought("2023-07-31", issuer="chips"),
        {**bought("2023-08-01", issuer="chips"), "known": "2023-08-02"},
    )
    assert breaches(service) == [late["id"]]


def test_a_fund_is_bound_by_the_terms_of_a_commitment_to_it(service: httpx.Client) -> None:
    """What the fund then buys is checked, and not the draw that only brings the money there."""
    [*_, wrong] = given(
        service,
        *PARTIES,
        pledged(to="fund", purpose="fund"),
        imposed(on=["pledge"], allows=["medical-devices"]),
        bought(issuer="fund", instrument="fund_interest", commitment="pledge"),
        bought(investor="fund", issuer="medic"),
        bought(investor="fund", issuer="chips"),
    )
    assert breaches(service, on="pledge") == [wrong["id"]]
    assert service.get("/v1/restrictions?on=ant").json()["restrictions"] == []


def test_draws_on_a_restricted_commitment_are_checked(service: httpx.Client) -> None:
    [*_, wrong] = given(
        service,
        *PARTIES,
        entity("place", kind="place"),
        pledged(to="place"),
        imposed(on=["pledge"], allows=["medic"]),
        bought(issuer="medic", amount="1", commitment="pledge"),
        bought(issuer="chips", amount="1"),
        bought(issuer="chips", amount="1", commitment="pledge"),
    )
    assert breaches(service) == [wrong["id"]]


def test_a_rule_without_lists_is_not_checked_and_an_empty_list_allows_nothing(service: httpx.Client) -> None:
    [*_, paid] = given(service, *PARTIES, imposed(), imposed(restriction="none", allows=[]), bought(issuer="medic"))
    rows = service.get("/v1/restrictions").json()["restrictions"]
    assert [(row["restriction"], row["breaches"]) for row in rows] == [
        ("bound", []),
        ("none", [{"event": paid["id"], "why": "medic, of CN, medical-devices, isn't among what is allowed: nothing"}]),
    ]


def test_a_breach_goes_when_its_event_is_retracted_and_rumours_are_none(service: httpx.Client) -> None:
    rumour = {**bought(issuer="chips"), "status": "rumoured"}
    [*_, heard, sure] = given(service, *PARTIES, imposed(forbids=["chips"]), rumour, bought(issuer="chips"))
    assert breaches(service, include="rumoured") == [heard["id"], sure["id"]]
    before = row_of(service)
    given(service, event("event.retracted", "2023-07-01", "2023-07-01", event=sure["id"], reason="a slip"))
    assert (len(before["breaches"]), breaches(service)) == (1, [])


def test_a_restriction_on_a_double_is_one_on_the_first(service: httpx.Client) -> None:
    """Given a fund's pledge that two sources tell; then a rule on either speaks of the draws on both."""
    [*_, pledge] = given(service, *PARTIES, pledged(to="fund"))
    given(service, {**pledged(to="fund", commitment="again"), "same_as": pledge["id"]})
    draws = given(
        service,
        *(
            bought(issuer="chips", commitment=name, day=day)
            for name, day in (("pledge", "2023-05-01"), ("again", "2023-06-01"))
        ),
    )
    for name in ("pledge", "again", pledge["id"]):
        rule = imposed(restriction=f"on-{name}", on=[name], forbids=["chips"])
        given(service, rule)
        assert breaches(service, on=name) == [one["id"] for one in draws], name


def test_what_lifts_the_double_of_a_restriction_lifts_the_first(service: httpx.Client) -> None:
    [*_, rule] = given(service, *PARTIES, imposed(forbids=["chips"]))
    given(service, {**imposed(restriction="again", forbids=["chips"]), "same_as": rule["id"]})
    lift = event("restriction.lifted", "2023-06-01", "2024-06-01", restriction="again")
    [_, late, lift] = given(service, bought("2023-05-01", issuer="chips"), bought("2023-07-01", issuer="chips"), lift)
    row = row_of(service)
    assert (row["restriction"], row["lifted"], row["events"]) == ("bound", "2023-06-01", [rule["id"], lift["id"]])
    assert late["id"] not in [breach["event"] for breach in row["breaches"]]
    state = service.get("/v1/records/restriction/bound").json()["state"]
    assert state["lifted"] == "2023-06-01"
