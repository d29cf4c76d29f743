"""Contracts: what a customer buys from a provider, what was billed and what was paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ledger.fields import AnyId, AnyIds, Data, EntityId, SlugText, Span, Term, Text
from ledger.money import Money, money_of, plain, total
from ledger.refusals import Problem, Reason
from ledger.row import Row, counting

Exclusive = Literal["customer", "provider", "both"]
RECORD = ("contract", "contract")


class ContractSigned(Data):
    """`exclusive` says who is bound to the other alone; `take_or_pay` false makes the amount a ceiling for bills."""

    type: ClassVar[str] = "contract.signed"
    record: ClassVar[tuple[str, str] | None] = RECORD
    makes: ClassVar[bool] = True

    contract: SlugText
    customer: EntityId
    provider: EntityId
    amount: Money
    resource: Literal["cloud", "gpu", "chips", "capacity", "supply", "licence"]
    binding: bool
    term: Term | None = None
    exclusive: Exclusive | None = None
    take_or_pay: bool | None = None
    cancellable: bool | None = None
    linked: AnyId | AnyIds | None = None


class ContractChanged(Data):
    """New terms from the effective date on."""

    type: ClassVar[str] = "contract.changed"
    record: ClassVar[tuple[str, str] | None] = RECORD

    contract: SlugText
    amount: Money | None = None
    term: Term | None = None
    exclusive: Exclusive | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.amount is None and self.term is None and self.exclusive is None:
            raise PydanticCustomError("invalid", "nothing changes; give amount, term or exclusive")
        return self


class ContractEnded(Data):
    """Nothing remains to be bought from the effective date on."""

    type: ClassVar[str] = "contract.ended"
    record: ClassVar[tuple[str, str] | None] = RECORD

    contract: SlugText
    reason: Text | None = None


class _Settlement(Data):
    record: ClassVar[tuple[str, str] | None] = RECORD

    contract: SlugText
    amount: Money
    period: Span | None = None


class ContractBilled(_Settlement):
    """The provider billed for a period."""

    type: ClassVar[str] = "contract.billed"


class ContractPaid(_Settlement):
    """The customer paid for a period."""

    type: ClassVar[str] = "contract.paid"


def problems(after: Sequence[Row], changed: Row | None) -> Iterator[Problem]:
    """What is wrong with a contract whose rows would be `after`: bills above what is not take-or-pay."""
    rows = counting(after)
    signed = next((row for row in after if row.type == "contract.signed"), None)
    if signed is None or signed.data.get("take_or_pay") is not False:
        return
    changes = [row for row in rows if row.type == "contract.changed" and row.data.get("amount") is not None]
    currency, amount = money_of((changes or [signed])[-1].data["amount"])
    bills = [money_of(row.data["amount"]) for row in rows if row.type == "contract.billed"]
    billed = total(bounds for unit, bounds in bills if unit == currency).low
    if amount.high is not None and billed > amount.high:
        yield Problem(
            Reason.OVERBILLED,
            "/data/amount",
            f"bills would be {plain(billed)} {currency} of {plain(amount.high)}, and the contract is not take-or-pay",
            "record the larger amount first with contract.changed, or lower the bill",
        )
