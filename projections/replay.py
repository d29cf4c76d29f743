"""What is left of a position after its purchases, sales and observations, taken in the order of their days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from ledger.money import ARITHMETIC, ONE, ZERO, Bounds

Bound = Literal["low", "stated", "high"]


@dataclass(frozen=True, slots=True)
class Step:
    """A purchase, a sale or an observation: what it says in units and in a share of one basis.

    A sale of a `fraction` takes it from every measure, and a fraction of 1 leaves nothing.
    """

    role: Literal["made", "sold", "observed"]
    position: int
    first_day: date
    last_day: date
    units: Decimal | None
    basis: str | None
    share: Bounds
    fraction: Decimal | None

    @property
    def certain(self) -> bool:
        """Whether all three bounds have it on the same day and at the same share."""
        share = self.share
        return self.first_day == self.last_day and (self.basis is None or share.low == share.stated == share.high)

    def day(self, bound: Bound) -> date:
        """When the step takes effect: early only if that makes the bound wider."""
        early = self.role == ("sold" if bound == "low" else "made") and bound != "stated"
        return self.first_day if early else self.last_day

    def share_at(self, bound: Bound) -> Decimal:
        if bound == "stated":
            return self.share.stated_or_low
        most = ONE if self.share.high is None else self.share.high
        # What is sold at most leaves the least.
        return most if (bound == "high") != (self.role == "sold") else self.share.low


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
            self.shares[step.basis] = ARITHMETIC.add(before, step.share_at(bound))
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
            sold, share = step.share_at(bound), self.shares[step.basis]
            self.incomplete |= sold > share
            self.shares[step.basis] = max(ZERO, ARITHMETIC.subtract(share, sold))
            # Votes may go and the ownership stay.
            self.sold_out |= step.basis == "economic" and not self.shares[step.basis]


def replays(steps: Sequence[Step], as_of: date) -> tuple[Position, Position, Position]:
    """The position on `as_of` at the low, the stated and the high bound; one replay will do if no step has any."""
    position = replay(steps, "stated", as_of)
    if all(step.certain for step in steps):
        return position, position, position
    return replay(steps, "low", as_of), position, replay(steps, "high", as_of)


def replay(steps: Iterable[Step], bound: Bound, as_of: date) -> Position:
    """The position on `as_of` at one of the three bounds."""
    position = Position()
    effective = [step for step in steps if step.day(bound) <= as_of]
    for step in sorted(effective, key=lambda step: (step.day(bound), step.position)):
        position.take(step, bound)
    return position
