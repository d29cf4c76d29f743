"""Commitments: who promised how much to whom, how binding, and what was drawn on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ledger.fields import AnyId, AnyIds, Data, EntityId, Form, SlugText, Span, Text
from ledger.money import ARITHMETIC, ZERO, Bounds, Money, money_of, plain, total
from ledger.refusals import Problem, Reason
from ledger.row import Row, counting

Purpose = Literal["fund", "investment", "capex", "spend", "grant", "loan"]
Stage = Literal["planned", "announced", "negotiation", "agreed"]
RECORD = ("commitment", "commitment")


class CommitmentMade(Data):
    """`from` promises `to` an amount. To itself, it is an internal allocation and stays out of every total."""

    type: ClassVar[str] = "commitment.made"
    record: ClassVar[tuple[str, str] | None] = RECORD
    makes: ClassVar[bool] = True

    commitment: SlugText
    from_: EntityId = Field(alias="from")
    to: EntityId
    amount: Money
    purpose: Purpose
    binding: bool
    stage: Stage | None = None
    form: Form | list[Form] | None = None
    horizon: Span | None = None
    conditions: Text | list[Text] | None = None
    part_of: AnyId | None = None
    overlaps: AnyId | AnyIds | None = None
    linked: AnyId | AnyIds | None = None


class CommitmentChanged(Data):
    """New terms from the effective date on; `held` true or false where an approval is held up or given."""

    type: ClassVar[str] = "commitment.changed"
    record: ClassVar[tuple[str, str] | None] = RECORD

    commitment: SlugText
    amount: Money | None = None
    binding: bool | None = None
    stage: Stage | None = None
    horizon: Span | None = None
    held: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(getattr(self, name) is None for name in ("amount", "binding", "stage", "horizon", "held")):
            raise PydanticCustomError("invalid", "nothing changes; give amount, binding, stage, horizon or held")
        return self


class CommitmentClosed(Data):
    """The commitment came to its end; `by` is the authority or party that ended it."""

    type: ClassVar[str] = "commitment.closed"
    record: ClassVar[tuple[str, str] | None] = RECORD

    commitment: SlugText
    outcome: Literal["fulfilled", "cancelled", "expired", "blocked", "withdrawn"]
    by: EntityId | None = None


class CommitmentDrawn(Data):
    """Money spent on a capex or spend commitment; other draws are investments that name the commitment."""

    type: ClassVar[str] = "commitment.drawn"
    record: ClassVar[tuple[str, str] | None] = RECORD

    commitment: SlugText
    amount: Money


def problems(after: Sequence[Row], changed: Row | None) -> Iterator[Problem]:
    """What is wrong with a commitment whose rows would be `after`, with coarse dates in the submitter's favour."""
    rows = counting(after)
    made = next((row for row in after if row.type == "commitment.made"), None)
    if made is None:
        return
    committed_row, drawn_low, currency = _amount_in_force(made, rows), ZERO, None
    currency, committed = money_of(committed_row.data["amount"])
    inside = [row for row in rows if is_draw(row) and row.data.get("inside_commitment") is not False]
    if currency is not None:
        drawn_low = _low_in(currency, inside, rows)
    binding = made.data["binding"]
    for row in rows:
        if row.type == "commitment.changed" and row.data.get("binding") is not None:
            binding = row.data["binding"]
    above = committed.high is not None and drawn_low > committed.high
    if above and changed is not None and changed.type == "commitment.changed" and changed.data.get("amount"):
        yield Problem(
            Reason.BELOW_DRAWN,
            "/data/amount",
            f"{plain(drawn_low)} {currency} is drawn, more than {_most(committed)}",
            "raise the amount, or correct or retract the draws first",
        )
    elif above and binding:
        yield Problem(
            Reason.OVERDRAWN,
            "/data/amount",
            f"draws would be {plain(drawn_low)} {currency} of a binding {_most(committed)}",
            "record the larger commitment first with commitment.changed, or lower the draw",
        )
    closes = [row.period.last for row in rows if row.type == "commitment.closed"]
    late = [row.period.first for row in inside if closes and row.period.first > min(closes)]
    if late:
        yield Problem(
            Reason.DRAWN_AFTER_CLOSE,
            "/effective",
            f"a draw on {min(late)} is after the commitment was closed on {min(closes)}",
            "date the draw before the close, or correct the close",
        )


def is_draw(row: Row) -> bool:
    """Whether a row of the commitment's record takes money from it."""
    return row.type in ("commitment.drawn", "investment.made")


def _amount_in_force(made: Row, rows: Sequence[Row]) -> Row:
    changes = [row for row in rows if row.type == "commitment.changed" and row.data.get("amount") is not None]
    return changes[-1] if changes else made


def _low_in(currency: str, draws: Sequence[Row], rows: Sequence[Row]) -> Decimal:
    """The least that was drawn, less all that may be recalled; other currencies are not compared."""
    taken = [bounds for unit, bounds in (money_of(row.data["amount"]) for row in draws) if unit == currency]
    given_back = [
        bounds
        for row in rows
        if row.type == "distribution.paid" and row.data.get("recallable") is not None
        for unit, bounds in [money_of(row.data["recallable"])]
        if unit in (currency, None)
    ]
    back = total(given_back).high
    return ZERO if back is None else ARITHMETIC.subtract(total(taken).low, back)


def _most(committed: Bounds) -> str:
    return "amount without end" if committed.high is None else plain(committed.high)
