"""GET /v1/records/{kind}/{id}: one record's state, its version and its history."""

from __future__ import annotations

import httpx

from tests.api.test_commitments import drawn, pledged
from tests.api.world import entity, event, given, reasons, usd


def test_a_record_has_its_history(service: httpx.Client) -> None:
    """By position, as recorded; the version counts them."""
    given(service, entity("ant"), entity("bee"), pledged())
    given(service, event("commitment.changed", "2023-02-01", commitment="pledge", stage="agreed"))
    answer = service.get("/v1/records/commitment/pledge").json()
    assert (answer["kind"], answer["id"], answer["version"]) == ("commitment", "pledge", 2)
    assert [one["type"] for one in answer["events"]] == ["commitment.made", "commitment.changed"]
    assert answer["state"]["stage"] == "agreed"
    earlier = service.get("/v1/records/commitment/pledge?position=3").json()
    assert (earlier["version"], earlier["state"]["stage"]) == (1, None)


def test_every_kind_of_record_is_found(service: httpx.Client) -> None:
    """Those with lists of their own, and those without."""
    given(
        service,
        entity("ant"),
        entity("bee"),
        pledged(),
        event("guarantee.given", guarantee="backing", guarantor="ant", of="bee", to="ant", amount=usd("5")),
        event("claim.published", claim="so-they-say", text="Much was invested.", kind="opinion"),
        event("restriction.imposed", restriction="ban", on=["ant"], kind="sanction", text="Not there."),
    )
    for kind, name in (
        ("entity", "ant"), ("commitment", "pledge"), ("guarantee", "backing"), ("claim", "so-they-say"),
        ("restriction", "ban"),
    ):  # fmt: skip
        answer = service.get(f"/v1/records/{kind}/{name}").json()
        assert (answer["kind"], answer["id"], answer["version"]) == (kind, name, 1)
        assert answer["state"]["status" if kind not in ("entity", "commitment") else "events"]


def test_a_record_that_is_not_there_is_not_found(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), pledged(), drawn("1"))
    for path in ("commitment/none", "pledge/commitment", "commitment/pledge/x", "x/pledge", "entity/pledge"):
        assert reasons(service.get(f"/v1/records/{path}")) == ["not_found"], path
    assert reasons(service.get("/v1/records/commitment/pledge?known_at=2022-01-01")) == ["not_found"]
