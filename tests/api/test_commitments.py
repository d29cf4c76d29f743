"""GET /v1/commitments: what was promised, drawn and is left."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.test_holdings import exactly, figure
from tests.api.world import entity, event, given, reasons, usd


def pledged(commitment: str = "pledge", amount: Any = None, day: str = "2023-01-01", **more: Any) -> dict[str, Any]:
    said = {"commitment": commitment, "from": "ant", "to": "bee", "purpose": "investment", "binding": True, **more}
    return event("commitment.made", day, **said, amount=usd("100") if amount is None else amount)


def drawn(amount: str, day: str = "2023-05-01") -> dict[str, Any]:
    return event(
        "investment.made",
        day,
        investor="ant",
        issuer="bee",
        instrument="equity",
        amount=usd(amount),
        commitment="pledge",
    )


def row_of(client: httpx.Client, **query: str) -> dict[str, Any]:
    [row] = client.get("/v1/commitments", params=query).json()["commitments"]
    return dict(row)


def test_draws_lower_what_is_left(service: httpx.Client) -> None:
    """By as_of; the record says the same; the totals too."""
    given(service, entity("ant"), entity("bee"), pledged(), drawn("30"), drawn("20", "2023-06-01"))
    row = row_of(service)
    assert (row["committed"], row["drawn"], row["unfunded"]) == (exactly("100"), exactly("50"), exactly("50"))
    assert row_of(service, as_of="2023-05-31")["unfunded"] == exactly("70")
    assert service.get("/v1/records/commitment/pledge").json()["state"] == row
    [total] = service.get("/v1/commitments").json()["totals"]
    assert (total["committed"], total["drawn"], total["unfunded"]) == (exactly("100"), exactly("50"), exactly("50"))


def test_up_to_a_sum_is_at_least_what_was_drawn(service: httpx.Client) -> None:
    """What is left is taken as if both were independent."""
    given(service, entity("ant"), entity("bee"), pledged(amount=usd("100", qualifier="up_to")), drawn("30"))
    row = row_of(service)
    assert row["committed"] == figure("30", "100", "100")
    assert row["unfunded"] == figure("0", "70", "70")


def test_more_than_a_binding_commitment_cannot_be_drawn(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), pledged(), drawn("30"))
    assert reasons(service.post("/v1/events", json=drawn("70.01"))) == ["overdrawn"]
    given(
        service,
        event("commitment.changed", "2023-07-01", "2023-07-01", commitment="pledge", amount=usd("200")),
        drawn("100"),
    )
    assert row_of(service)["committed"] == exactly("200")


def test_a_closed_commitment_has_nothing_left(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), pledged(), drawn("30"))
    given(service, event("commitment.closed", "2023-08-01", "2023-08-01", commitment="pledge", outcome="cancelled"))
    row = row_of(service)
    assert (row["outcome"], row["drawn"], row["unfunded"]) == ("cancelled", exactly("30"), exactly("0"))
    assert row_of(service, as_of="2023-07-31")["unfunded"] == exactly("70")


def test_a_horizon_goes_by(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), pledged(horizon={"start": "2023", "end": "2023-06"}))
    assert row_of(service, as_of="2023-06-30")["horizon_gone"] is False
    assert row_of(service, as_of="2023-07-01")["horizon_gone"] is True


def test_a_whole_and_its_parts_count_once(service: httpx.Client) -> None:
    """Max of the whole and the sum of its parts; each row keeps its own figure."""
    parts = [pledged("part-1", usd("60"), part_of="pledge"), pledged("part-2", usd("70"), part_of="pledge")]
    given(service, entity("ant"), entity("bee"), pledged(), *parts)
    answer = service.get("/v1/commitments").json()
    assert [row["committed"]["stated"] for row in answer["commitments"]] == ["60", "70", "100"]
    assert answer["totals"][0]["committed"] == exactly("130")
    assert service.get("/v1/commitments?as_of=2022-12-31").json()["commitments"] == []


def test_an_internal_commitment_is_listed_and_in_no_total(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), pledged(to="ant"))
    answer = service.get("/v1/commitments").json()
    assert ([row["to"] for row in answer["commitments"]], answer["totals"]) == (["ant"], [])


def test_filters_by_either_side(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), entity("cow"), pledged(), pledged("other", to="cow"))
    assert [row["commitment"] for row in service.get("/v1/commitments?from=ant").json()["commitments"]] == [
        "other",
        "pledge",
    ]
    assert [row["commitment"] for row in service.get("/v1/commitments?to=cow").json()["commitments"]] == ["other"]
