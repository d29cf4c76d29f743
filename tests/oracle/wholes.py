"""Wholes and parts that flow: what some of a group keep, by trying what its amounts may be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle.bounds import ZERO, Bounds
from tests.oracle.bounds import plus as plus_bounds
from tests.oracle.money import Figure

MOST_TRIED = 8
Amount = Fraction | float  # a float is infinity
NONE = Fraction(0)


@dataclass(eq=False)
class Item:
    """An amount, what it is a part of, and what is a part of it."""

    figure: Figure
    parts: list[Item] = field(default_factory=list)
    whole: Item | None = None

    @property
    def bounds(self) -> Bounds:
        return in_one_currency(self.figure)

    def group(self) -> list[Item]:
        """It with all its parts and theirs."""
        return [self, *(item for part in self.parts for item in part.group())]

    def top(self) -> Item:
        return self if self.whole is None else self.whole.top()


@dataclass
class Rest(Figure):
    """What an item keeps, as it may be by itself: all of that, or any part of it."""

    item: Item = field(default_factory=lambda: Item(Figure()))
    all_of_it: bool = True


def in_one_currency(figure: Figure) -> Bounds:
    """All figures are in the one currency that was asked for."""
    result = ZERO
    for bounds in figure.amounts.values():
        result = plus_bounds(result, bounds)
    return result


def together(rests: Iterable[Rest]) -> Bounds:
    """What items of one group keep together, each counted once.

    No amount between its bounds matters that isn't one of them: they are all tried, with each other. If there are too
    many, the group keeps least with these at their lows and the others at their highs, and most the other way round.
    """
    rests = list(rests)
    sure = [rest.item for rest in rests if rest.all_of_it]
    every = [rest.item for rest in rests]
    top = every[0].top()
    group = top.group()
    free = [item for item in group if item.bounds.low != item.bounds.high]
    if len(free) <= MOST_TRIED:
        low = min(kept(top, sure, ends) for ends in tried(free))
        high = max(kept(top, every, ends) for ends in tried(free))
    else:
        low = kept(top, sure, {item: end(item, is_high=item not in sure) for item in group})
        high = kept(top, every, {item: end(item, is_high=item in every) for item in group})
    stated = kept(top, sure, {item: item.bounds.counted for item in group})
    assert not isinstance(low, float)
    assert not isinstance(stated, float)
    return Bounds(low, stated, None if isinstance(high, float) else high)


def tried(free: list[Item]) -> Iterable[dict[Item, Amount]]:
    for highs in itertools.product((False, True), repeat=len(free)):
        yield {item: end(item, is_high=is_high) for item, is_high in zip(free, highs, strict=True)}


def end(item: Item, *, is_high: bool) -> Amount:
    if not is_high:
        return item.bounds.low
    return float("inf") if item.bounds.high is None else item.bounds.high


def kept(whole: Item, chosen: list[Item], amounts: dict[Item, Amount]) -> Amount:
    """What the chosen ones keep of their amounts."""
    amount, of_parts = amounts.get(whole, whole.bounds.low), sum((group(part, amounts) for part in whole.parts), NONE)
    own = amount - of_parts if whole in chosen and amount > of_parts else NONE
    return own + sum((kept(part, chosen, amounts) for part in whole.parts), NONE)


def group(whole: Item, amounts: dict[Item, Amount]) -> Amount:
    return max(amounts.get(whole, whole.bounds.low), sum((group(part, amounts) for part in whole.parts), NONE))
