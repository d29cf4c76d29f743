"""GET /v1/performance/{holder}: what was paid in, what came back, what is left, and the rate of return."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

import projections.performance
from api.answers import Answered, DayString, DecimalString, EventIds, MissingRate, Part, Record
from api.question import ID, Id, OneQuestion, Tabled
from ledger.money import Currency
from projections.behind import of_performance


class PerformanceQuestion(Tabled):
    currency: Currency | None = Field(
        default="USD", description="Work all figures out in this currency (ISO 4217), each flow at the rate of its day."
    )
    issuer: Id | None = Field(default=None, description="Only what the holder has of this entity, a fund for example.")


class FundFigures(Part):
    """Plain figures at the stated amounts; null where a rate is missing or the divisor is zero."""

    paid_in: DecimalString | None
    pic: DecimalString | None
    dpi: DecimalString | None
    rvpi: DecimalString | None
    tvpi: DecimalString | None
    unfunded: DecimalString | None


class Unvalued(Part):
    """A holding that no mark values: it is not in the nav."""

    issuer: Record
    instrument: str


class CashFlow(Part):
    """Money that moved on a day, above zero if the holder received it; `nav` is what is held, at the end."""

    date: DayString
    kind: Literal["investment", "sale", "distribution", "nav"]
    amount: DecimalString | None
    events: EventIds


class PerformanceAnswer(Answered):
    """The figures in both conventions for recallable distributions, and the rates of return of the cash flows."""

    holder: Record
    currency: str
    included: FundFigures
    excluded: FundFigures
    distributed: DecimalString | None
    nav: DecimalString | None
    moic: DecimalString | None
    xirr: DecimalString | None
    xirr_all: list[DecimalString]
    annualised: bool | None
    xirr_reason: str | None
    unvalued: list[Unvalued]
    commitment_events: Annotated[list[str], Field(description="Behind what was promised: pic and unfunded.")]
    cash_flows: list[CashFlow]
    missing_rates: list[MissingRate] | None = None


PERFORMANCE = OneQuestion(
    name="performance",
    path="/v1/performance/{holder}",
    about="What a holder paid in and got back; its rate of return. With all it holds, or with one issuer.",
    shape=PerformanceQuestion,
    answer=PerformanceAnswer,
    list_name="cash_flows",
    missing="No entity of this name is registered.",
    forms={"holder": ID},
    find=lambda model, at, asked, parts: projections.performance.performance(model, at, *parts, issuer=asked.issuer),
    identities={"cash_flows": ("kind", "events"), "unvalued": ("issuer", "instrument")},
    behind=lambda model, at, asked, one: of_performance(model, at, one, asked.issuer),
)
