"""GET /v1/contracts: who buys what from whom, what was billed and paid, and what remains."""

from __future__ import annotations

from pydantic import Field

import projections.contracts
from api.answers import EventIds, Listed, Money, Rated, Record, Term, Total
from api.paging import ListQuestion, Paged
from api.question import Id


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
    term: Term | None
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


CONTRACTS = ListQuestion(
    name="contracts",
    path="/v1/contracts",
    about="Who buys what from whom; what remains. By id.",
    shape=ContractsQuestion,
    answer=ContractsAnswer,
    list_name="contracts",
    rows=lambda model, at, asked, page, parts: projections.contracts.contracts(
        model, at, customer=asked.customer, provider=asked.provider, page=page
    ),
    identity=("contract",),
)
