"""GET /v1/contracts: who buys what from whom, what was billed and paid, and what remains."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

import projections.contracts
from api import documented
from api.answers import EventIds, Listed, Money, Rated, Record, Total
from api.paging import Paged, listing
from api.question import Id

router = APIRouter(prefix="/v1", tags=["contracts"])


class ContractsQuestion(Paged):
    customer: Id | None = Field(default=None, description="Only what this entity buys.")
    provider: Id | None = Field(default=None, description="Only what this entity provides.")


class Contract(Rated):
    """One contract; what remains is never below zero, and zero once it has ended."""

    contract: Record
    customer: Record
    provider: Record
    resource: str
    amount: Money
    billed: Money
    paid: Money
    remaining: Money
    term: dict[str, Any] | None
    exclusive: str | None
    ended: bool
    events: EventIds


class ContractTotal(Total):
    amount: Money
    billed: Money
    paid: Money
    remaining: Money


class ContractsAnswer(Listed):
    contracts: list[Contract]
    totals: list[ContractTotal]


@router.get("/contracts", **documented.question(ContractsQuestion, ContractsAnswer, documented.LISTED))
async def get_contracts(request: Request) -> Response:
    """Contracts, by id."""
    return await listing(
        request,
        "contracts",
        ContractsQuestion,
        lambda model, at, asked, page: projections.contracts.contracts(
            model, at, customer=asked.customer, provider=asked.provider, page=page
        ),
    )
