"""GET /v1/exposures and /v1/exposures/history: what flows in circles, in pairs and in the network."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

import projections.exposure_history
import projections.exposures
from api.answers import (
    Answered,
    DayString,
    DecimalString,
    EventIds,
    Figure,
    MissingRate,
    MoneyFigure,
    Part,
    Rated,
    Record,
)
from api.problems import Fault, Faulty
from api.question import Id, OneQuestion, PlainDay, PlainNumber, Tabled, some_of
from api.reasons import Door
from ledger.money import Currency
from projections.behind import of_graph
from projections.database import ReadModel
from projections.exposure_history import MOST_POINTS, Span, Step, TooManyPoints
from projections.exposures import Terms
from projections.visibility import Point

_EXTRAS = ("debt_service", "guarantees", "secondary", "equity_to_customers")
_INCLUDED = ("rumoured", *_EXTRAS)


class _Graphed(Tabled):
    currency: Currency | None = Field(
        default="USD", description="Work all figures out in this currency (ISO 4217), each flow at the rate of its day."
    )
    include: (
        Annotated[
            str,
            some_of(*_INCLUDED),
            Field(json_schema_extra={"pattern": f"^({'|'.join(_INCLUDED)})(,({'|'.join(_INCLUDED)}))*$"}),
        ]
        | None
    ) = Field(
        default=None,
        description="What else counts, with commas between: `rumoured`, `debt_service` (interest and principal), "
        "`guarantees` (not called yet), `secondary` (purchases of existing shares), `equity_to_customers`.",
        examples=["rumoured,debt_service"],
    )
    layer: Literal["announced", "contracted", "paid"] = Field(
        default="contracted", description="What was said, what is binding, or what was paid; they are never mixed."
    )
    time_rule: Literal["untimed", "window", "strict"] = Field(
        default="untimed",
        description="Of pairs: everything counts; what has an opposite flow within `window_days`; or each purchase is "
        "matched to earlier funding. Network and cycles are always untimed.",
    )
    window_days: Annotated[PlainNumber, Field(ge=0, le=36_525)] = Field(
        default=365,
        description="How many days apart opposite flows may be, up to 36,525, a hundred years. Other "
        "rules don't go by it, and the answer then says null.",
    )
    entity: Id | None = Field(default=None, description="Only flows that touch this entity's group.")
    hops: Annotated[PlainNumber, Field(ge=1, le=10)] = Field(
        default=1,
        description="Flows up to so many steps away from the entity, at most 10; 1 is those that touch it. Only with "
        "`entity`.",
    )
    omit: Literal["finn"] | None = Field(
        default=None,
        description="Leave out Finn's index: of a large network it takes many times as long as all else. It is null "
        "then, with the reason `left_out`.",
    )

    def terms(self, **more: Any) -> Terms:
        """The terms of the question, as the projection takes them. Raises Faulty for one that nothing would go by."""
        if "hops" in self.model_fields_set and self.entity is None:
            raise _wrong(
                "hops", "Hops are from an entity, and there is none.", "Give entity as well, or leave hops out."
            )
        extras = frozenset((self.include or "").split(",")) & frozenset(_EXTRAS)
        rule, days = self.time_rule, self.window_days
        return Terms(self.layer, rule, days, extras, self.entity, self.hops, with_finn=self.omit is None, **more)


class ExposuresQuestion(_Graphed):
    max_length: Annotated[PlainNumber, Field(ge=2, le=10)] = Field(
        default=5, description="Cycles of at most so many entities, up to 10."
    )
    limit: Annotated[PlainNumber, Field(ge=1, le=10_000)] = Field(
        default=1000,
        description="Most rows in each list of the answer, up to 10,000; `more` says which there are more of.",
    )


class HistoryQuestion(_Graphed):
    step: Literal["month", "quarter", "year", "event"] = Field(
        default="month",
        description="A point at the end of each, or on each day on which a flow or a group changes; with `entity`, on "
        "which what flows around it changes. At most 1,000 points.",
    )
    from_: PlainDay | None = Field(default=None, alias="from", description="The first day. Default: of the first flow.")
    to: PlainDay | None = Field(default=None, description="The last day, not after `as_of`. Default: `as_of`.")
    funder: Id | None = Field(default=None, description="With `customer`: the figures of this pair as well.")
    customer: Id | None = Field(default=None, description="With `funder`: the figures of this pair as well.")


Share = Annotated[Figure | None, Field(description="0 to 1; null with a reason in `undefined`.")]
Undefined = Annotated[dict[str, str], Field(description="Why a figure is null, by its name.")]
Included = Annotated[list[str], Field(description="What was let in beside: as asked, in order.")]


class ByRule(Part):
    """At stated amounts, by three rules: the least it can be, the central figure, the most it can be."""

    lower: DecimalString
    pro_rata: DecimalString
    upper: DecimalString


class ExposurePair(Rated):
    """What a funder gave a customer and what came back as purchases; an exposure, no judgement."""

    funder: Record
    customer: Record
    funding: MoneyFigure | None
    purchases: MoneyFigure | None
    round_trip: MoneyFigure | None
    of_funding: Share
    of_purchases: Share
    self_funded: ByRule | None
    self_funded_share: ByRule | None
    uninformative: Annotated[bool, Field(description="A leg is wholly unknown.")]
    undefined: Undefined
    events: EventIds


class AtThree(Part):
    """A ratio at the low, stated and high amounts. It isn't monotone: these are no bounds."""

    at_low: DecimalString | None
    at_stated: DecimalString | None
    at_high: DecimalString | None


class NetworkFigures(Part):
    """Figures of all flows together; null where a rate is missing that they need."""

    time_rule: Literal["untimed"]
    flows: int
    gross: MoneyFigure | None
    circulation: MoneyFigure | None
    funding: MoneyFigure | None
    recycled: MoneyFigure | None
    circularity: AtThree | None
    recycled_share: AtThree | None
    finn: AtThree | None
    undefined: Undefined


class Network(NetworkFigures):
    events: EventIds


class CycleFound(Rated):
    """Each pays the next, the last the first; the amount is that of the narrowest flow, and is never added up."""

    entities: list[Record]
    amount: MoneyFigure | None
    events: EventIds


class UnboundedFlow(Part):
    payer: Record
    payee: Record
    kind: Literal["funding", "purchase", "return", "guarantee", "equity_consideration"]
    events: EventIds


class More(Part):
    """Whether there is more of a list than `limit`."""

    pairs: bool
    network_events: bool
    cycles: bool
    components: bool
    unbounded: bool


class _Stated(Answered):
    layer: Literal["announced", "contracted", "paid"]
    time_rule: Literal["untimed", "window", "strict"]
    window_days: int | None
    currency: str
    include: Included
    entity: Record | None
    hops: int | None


class ExposuresAnswer(_Stated):
    """Pairs by their ids; those with one leg only are listed if asked for by entity."""

    pairs: list[ExposurePair]
    network: Network
    max_length: int
    cycles: list[CycleFound]
    cycles_stopped: Annotated[
        Literal["limit", "work"] | None, Field(description="What ended the search before all cycles were found.")
    ]
    components: Annotated[list[list[Record]], Field(description="Who can reach each other in both directions.")]
    unbounded: Annotated[list[UnboundedFlow], Field(description="The flows without an upper bound.")]
    untimed: list[str]
    limit: int
    more: More
    missing_rates: list[MissingRate] | None = None


class HistoryPoint(Part):
    """The figures as of a day."""

    as_of: DayString
    network: NetworkFigures
    pair: ExposurePair | None = None
    missing_rates: list[MissingRate] | None = None


class HistoryAnswer(_Stated):
    """The figures as of the end of every step, all as known at `known_at`."""

    step: Literal["month", "quarter", "year", "event"]
    from_: DayString = Field(alias="from")
    to: DayString
    funder: Record | None
    customer: Record | None
    untimed: list[str]
    points: list[HistoryPoint]


def _exposures(model: ReadModel, at: Point, asked: ExposuresQuestion) -> dict[str, Any]:
    terms = asked.terms(max_length=asked.max_length, limit=asked.limit)
    return projections.exposures.exposures(model, at, terms)


def _history(model: ReadModel, at: Point, asked: HistoryQuestion) -> dict[str, Any]:
    last = asked.to or at.as_of
    if last > at.as_of:
        raise _wrong("to", f"{last} is after as_of, {at.as_of}.", "Ask as_of that day, or up to an earlier one.")
    if asked.from_ is not None and asked.from_ > last:
        raise _wrong("from", f"{asked.from_} is after {last}, the last day.", "Begin earlier.")
    if (asked.funder is None) != (asked.customer is None):
        lacking = "funder" if asked.funder is None else "customer"
        raise _wrong(lacking, "A pair has a funder and a customer.", f"Give {lacking} as well, or neither.")
    step: Step = asked.step
    span = Span(step, asked.from_, last)
    try:
        return projections.exposure_history.history(
            model, at, asked.terms(), span, funder=asked.funder, customer=asked.customer
        )
    except TooManyPoints:
        mend = "Take a longer step, or a later from."
        raise _wrong("step", f"It would be more than {MOST_POINTS:,} points.", mend) from None


def _wrong(parameter: str, detail: str, mend: str) -> Faulty:
    return Faulty(Fault(Door.INVALID_QUERY, detail, mend, parameter=parameter))


EXPOSURES = OneQuestion(
    name="exposures",
    path="/v1/exposures",
    about="How much of what was given flows back as purchases. In pairs, in the network, in cycles, with bounds.",
    shape=ExposuresQuestion,
    answer=ExposuresAnswer,
    list_name="pairs",
    find=lambda model, at, asked, parts: _exposures(model, at, asked),
    identities={"pairs": ("funder", "customer"), "cycles": ("entities",)},
    behind=lambda model, at, asked, one: of_graph(model, at, one),
)
EXPOSURE_HISTORY = OneQuestion(
    name="exposure-history",
    path="/v1/exposures/history",
    about="Exposures over time. The network's figures, and a pair's, as of the end of every step.",
    shape=HistoryQuestion,
    answer=HistoryAnswer,
    list_name="points",
    find=lambda model, at, asked, parts: _history(model, at, asked),
    identities={"points": ("as_of",)},
    behind=lambda model, at, asked, one: of_graph(model, at, one),
)
