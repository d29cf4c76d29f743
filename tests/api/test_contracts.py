"""GET /v1/contracts: what was bought, billed, paid and remains."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.test_holdings import exactly, figure
from tests.api.world import entity, event, given, reasons, usd

JUNE = {"start": "2023-06", "end": "2023-06"}


def signed(amount: Any = None, **more: Any) -> dict[str, Any]:
    said = {"contract": "cloud", "customer": "bee", "provider": "ant", "resource": "cloud", "binding": True, **more}
    return event("contract.signed", "2023-01-01", **said, amount=usd("100") if amount is None else amount)


def billed(amount: str, kind: str = "billed", day: str = "2023-06-30") -> dict[str, Any]:
    return event(f"contract.{kind}", day, "2023-07-01", contract="cloud", amount=usd(amount), period=JUNE)


def row_of(client: httpx.Client, **query: str) -> dict[str, Any]:
    [row] = client.get("/v1/contracts", params=query).json()["contracts"]
    return dict(row)


def test_the_larger_of_billed_and_paid_is_gone(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), signed(), billed("30"), billed("20", "paid"))
    row = row_of(service)
    assert (row["amount"], row["billed"], row["paid"], row["remaining"]) == (
        exactly("100"), exactly("30"), exactly("20"), exactly("70"),
    )  # fmt: skip
    assert row_of(service, as_of="2023-06-29")["remaining"] == exactly("100")
    assert service.get("/v1/records/contract/cloud").json()["state"] == row


def test_a_range_stays_a_range(service: httpx.Client) -> None:
    """Its stated figure is none; what remains takes its low."""
    given(
        service,
        entity("ant"),
        entity("bee"),
        signed({"currency": "USD", "low": "30", "high": "40"}),
        billed("10", "paid"),
    )
    row = row_of(service)
    assert row["amount"] == figure("30", None, "40")
    assert row["remaining"] == figure("20", "20", "30")


def test_a_contract_that_is_not_take_or_pay_cannot_be_overbilled(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), signed(take_or_pay=False), billed("90"))
    assert reasons(service.post("/v1/events", json=billed("10.01"))) == ["overbilled"]


def test_a_changed_contract_has_the_new_amount_and_an_ended_one_nothing_left(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), signed(), billed("30"))
    given(
        service,
        event(
            "contract.changed", "2023-08-01", "2023-08-01", contract="cloud", amount=usd("200"), exclusive="customer"
        ),
    )
    row = row_of(service)
    assert (row["amount"], row["remaining"], row["exclusive"]) == (exactly("200"), exactly("170"), "customer")
    given(service, event("contract.ended", "2023-09-01", "2023-09-01", contract="cloud", reason="merger"))
    row = row_of(service)
    assert (row["ended"], row["remaining"]) == (True, exactly("0"))
    assert row_of(service, as_of="2023-08-31")["ended"] is False


def test_filters_by_either_side(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), signed())
    assert len(service.get("/v1/contracts?customer=bee&provider=ant").json()["contracts"]) == 1
    assert service.get("/v1/contracts?customer=ant").json()["contracts"] == []
