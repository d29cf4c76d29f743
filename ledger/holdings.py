"""Holdings: what a holder has of an issuer - bought, sold, observed - and what it was paid out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ledger.fields import (
    AnyId,
    AnyIds,
    CommitmentId,
    Data,
    EntityId,
    Form,
    Instrument,
    Name,
    Term,
    Text,
)
from ledger.money import ARITHMETIC, ONE, DecimalText, Money, ShareText, Stake, stake_of
from ledger.refusals import Problem, Reason
from ledger.row import Row, counting

ACQUISITIONS = ("investment.made", "holding.observed")


def holding_key(holder: str, data: dict[str, Any]) -> str:
    """The record of one position: its holder, issuer and instrument."""
    return f"holding/{holder}/{data['issuer']}/{data['instrument']}"


class InvestmentMade(Data):
    """Money, credit or goods for an instrument; a draw where it names a `commitment`. A grant is no holding."""

    type: ClassVar[str] = "investment.made"

    investor: EntityId
    issuer: EntityId
    instrument: Instrument
    amount: Money
    form: Form | list[Form] | None = None
    cash_to: Literal["issuer", "holders"] | None = None
    seller: EntityId | None = None
    units: DecimalText | None = None
    stake: Stake | None = None
    round: Name | None = None
    lead: bool | None = None
    commitment: CommitmentId | None = None
    inside_commitment: bool | None = None
    collateral: Text | None = None
    term: Term | None = None
    part_of: AnyId | None = None
    linked: AnyId | AnyIds | None = None

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        return holding_key(data["investor"], data)

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        drawn_on = [f"commitment/{data['commitment']}"] if data.get("commitment") else []
        return [holding_key(data["investor"], data), *drawn_on]

    @model_validator(mode="after")
    def _another(self) -> Self:
        if self.investor == self.issuer:
            raise PydanticCustomError(
                "own_issuer", "the investor is its own issuer; an internal allocation is commitment.made from = to"
            )
        return self


def _true(flag: bool) -> bool:
    if not flag:
        raise PydanticCustomError("invalid", "not true; leave it out, or say all of it with true")
    return flag


class _OfHolding(Data):
    holder: EntityId
    issuer: EntityId
    instrument: Instrument

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        return holding_key(data["holder"], data)

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        return [holding_key(data["holder"], data)]


class InvestmentSold(_OfHolding):
    """Says how much was sold in one measure: units, stake, a fraction of the holding, or all of it."""

    type: ClassVar[str] = "investment.sold"

    proceeds: Money
    units: DecimalText | None = None
    stake: Stake | None = None
    fraction: ShareText | None = None
    all: Annotated[bool, AfterValidator(_true), Field(json_schema_extra={"const": True})] | None = None
    buyer: EntityId | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if sum(measure is not None for measure in (self.units, self.stake, self.fraction, self.all)) != 1:
            raise PydanticCustomError(
                "invalid", "not said how much, or said twice; give exactly one of units, stake, fraction and all"
            )
        return self


class HoldingObserved(_OfHolding):
    """A count or a share that somebody saw; it sets what it names from its date, and cost stays."""

    type: ClassVar[str] = "holding.observed"

    units: DecimalText | None = None
    stake: Stake | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.units is None and self.stake is None:
            raise PydanticCustomError("invalid", "nothing was observed; give units or stake")
        return self


class DistributionPaid(Data):
    """What an issuer paid to a holder; `recallable` is the part that may be called again."""

    type: ClassVar[str] = "distribution.paid"

    payer: EntityId
    holder: EntityId
    amount: Money
    kind: Literal["dividend", "interest", "principal", "return_of_capital", "revenue_share"]
    recallable: Money | None = None
    commitment: CommitmentId | None = None
    instrument: Instrument | None = None

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        return f"distribution/{data['payer']}/{data['holder']}"

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        return [f"commitment/{data['commitment']}"] if data.get("commitment") else []


def opening_unknown(rows: Sequence[Row]) -> bool:
    """Whether nobody recorded how the position began: nothing acquired, or a sale was recorded first."""
    first = min(rows, key=lambda row: row.position, default=None)
    return first is None or first.type not in ACQUISITIONS


def problems(after: Sequence[Row], changed: Row | None) -> Iterator[Problem]:
    """What is wrong with a holding whose rows would be `after`: a day on which more was sold than was held."""
    rows = counting(after)
    bases = {stake_of(row.data["stake"])[0] for row in rows if row.type == "investment.sold" and row.data.get("stake")}
    for measure in ("units", *sorted(bases)):
        # An observation is read on whichever end of its period, and on whichever side of a sale of that day, lets the
        # sales stand.
        shortfalls = [_shortfall(rows, measure, *reading) for reading in product((True, False), (True, False))]
        if all(shortfalls):
            what = "units" if measure == "units" else f"{measure} stake"
            yield Problem(
                Reason.OVERSOLD,
                "/data/units" if measure == "units" else "/data/stake",
                f"on {shortfalls[0]} more {what} would be sold than was held",
                "record the purchase first, date the sale later, or lower it",
            )


def _shortfall(rows: Sequence[Row], measure: str, observed_on_first: bool, before_sales: bool) -> date | None:
    """The first day on which the holding is below zero when dates and bounds favour the sales; None if none is."""
    order = ["investment.made", "investment.sold"]
    order.insert(1 if before_sales else 2, "holding.observed")
    steps = []
    for row in rows:
        rank = order.index(row.type)
        early = row.type == "investment.made" or (row.type == "holding.observed" and observed_on_first)
        steps.append((row.period.first if early else row.period.last, rank, row.position, row))
    held: Decimal | None = Decimal(0)  # None: an amount that nobody said, so no sale is too large
    for day, _, _, row in sorted(steps, key=lambda step: step[:3]):
        named = _named(row.data, measure, most=row.type != "investment.sold")
        if row.type == "holding.observed":
            held = held if named is None else named
        elif row.type == "investment.made":
            held = None if held is None or named is None else ARITHMETIC.add(held, named)
        elif row.data.get("all"):
            held = Decimal(0)
        elif row.data.get("fraction") is not None:
            kept = ARITHMETIC.subtract(ONE, Decimal(row.data["fraction"]))
            held = None if held is None else ARITHMETIC.multiply(held, kept)
        elif named is not None and held is not None:
            held = ARITHMETIC.subtract(held, named)
            if held < 0:
                return day
    return None


def _named(data: dict[str, Any], measure: str, *, most: bool) -> Decimal | None:
    """What an event says of a measure, at the bound that favours the sales; None if it says nothing."""
    if measure == "units":
        return None if data.get("units") is None else Decimal(data["units"])
    if data.get("stake") is None:
        return None
    basis, bounds = stake_of(data["stake"])
    if basis != measure:
        return None
    return bounds.high if most else bounds.low
