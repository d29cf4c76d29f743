"""What is left of a position after its purchases, sales and observations, taken in the order of their days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol

from ledger.money import ARITHMETIC, ONE, ZERO, Bounds

Bound = Literal["low", "stated", "high"]


class Step(Protocol):
    """A purchase, a sale or an observation: what it says in units and in a share of one basis.

    A sale of a `fraction` takes it from every measure, and a fraction of 1 leaves nothing.
    """

    @property
    def role(self) -> Literal["made", "sold", "observed"]: ...
    @property
    def fact_position(self) -> int: ...
    @property
    def first_day(self) -> date: ...
    @property
    def last_day(self) -> date: ...
    @property
    def units(self) -> Decimal | None: ...
    @property
    def basis(self) -> str | None: ...
    @property
    def share(self) -> Bounds: ...
    @property
    def fraction(self) -> Decimal | None: ...


def certain(step: Step) -> bool:
    """Whether all three bounds have it on the same day and at the same share."""
    share = step.share
    return step.first_day == step.last_day and (step.basis is None or share.low == share.stated == share.high)


def day_of(step: Step, bound: Bound) -> date:
    """When a step takes effect: early only if that makes the bound wider."""
    early = step.role == ("sold" if bound == "low" else "made") and bound != "stated"
    return step.first_day if early else step.last_day


def share_at(step: Step, bound: Bound) -> Decimal:
    if bound == "stated":
        return step.share.stated_or_low
    most = ONE if step.share.high is None else step.share.high
    # What is sold at most leaves the least.
    return most if (bound == "high") != (step.role == "sold") else step.share.low


@dataclass(slots=True)
class Position:
    """Units (None until anybody names some) and shares by basis, as far as the replay has come."""

    units: Decimal | None = None
    shares: dict[str, Decimal] = field(default_factory=dict)
    sold_out: bool = False
    incomplete: bool = False  # more was sold than was held, or there was nothing before the sale
    opened: bool = False

    def take(self, step: Step, bound: Bound) -> None:
        if step.role == "sold":
            self._sell(step, bound)
            return
        self.opened = True
        if step.units is not None:
            bought = step.role == "made" and self.units is not None
            self.units = ARITHMETIC.add(self.units or ZERO, step.units) if bought else step.units
        if step.basis is not None:
            before = self.shares.get(step.basis, ZERO) if step.role == "made" else ZERO
            self.shares[step.basis] = ARITHMETIC.add(before, share_at(step, bound))
        # To see that nothing is there doesn't bring back what was sold out.
        if step.role == "made" or step.units or (step.basis is not None and self.shares[step.basis]):
            self.sold_out = False

    def _sell(self, step: Step, bound: Bound) -> None:
        self.incomplete |= not self.opened
        if step.fraction is not None:
            kept = ONE - step.fraction
            self.units = None if self.units is None else ARITHMETIC.multiply(self.units, kept)
            self.shares = {basis: ARITHMETIC.multiply(share, kept) for basis, share in self.shares.items()}
            self.sold_out |= not kept
        elif step.units is not None:
            if self.units is None:
                return
            self.incomplete |= step.units > self.units
            self.units = max(ZERO, ARITHMETIC.subtract(self.units, step.units))
            if not self.units:
                self.shares = dict.fromkeys(self.shares, ZERO)
                self.sold_out = True
        elif step.basis is not None and step.basis in self.shares:
            sold, share = share_at(step, bound), self.shares[step.basis]
            self.incomplete |= sold > share
            self.shares[step.basis] = max(ZERO, ARITHMETIC.subtract(share, sold))
            # Votes may go and the ownership stay.
            self.sold_out |= step.basis == "economic" and not self.shares[step.basis]


def replays(steps: Sequence[Step], as_of: date) -> tuple[Position, Position, Position]:
    """The position on `as_of` at the low, the stated and the high bound; one replay will do if no step has any."""
    position = replay(steps, "stated", as_of)
    if all(certain(step) for step in steps):
        return position, position, position
    return replay(steps, "low", as_of), position, replay(steps, "high", as_of)


def replay(steps: Iterable[Step], bound: Bound, as_of: date) -> Position:
    """The position on `as_of` at one of the three bounds."""
    position = Position()
    effective = [step for step in steps if day_of(step, bound) <= as_of]
    if len(effective) > 1:
        effective.sort(key=lambda step: (day_of(step, bound), step.fact_position))
    for step in effective:
        position.take(step, bound)
    return position
