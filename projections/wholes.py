"""Wholes and parts that flow: each keeps what its parts leave of it; what some of them come to together is exact."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from ledger.money import ARITHMETIC, NOTHING, ZERO, Bounds
from projections.figures import Item, wholes

_WITHOUT_END = Decimal("Infinity")


@dataclass(frozen=True, eq=False)
class Group:
    """A whole with its parts and theirs, parts before their whole: the amount of each, and the place of its whole."""

    amounts: Sequence[Bounds]
    whole_of: Sequence[int | None]

    def carried(self, places: Mapping[int, bool]) -> Bounds:
        """What the items at these places keep together: each max(0, its amount - what its parts come to).

        True says all that is kept, False any part of it, from nothing on. As the amount of an item grows, they keep
        more if it is one of them and less if it isn't: it takes from its wholes no more than it keeps itself. So the
        least is where their own amounts are at their lows and all others at their highs, the most the other way round.
        """
        sure = {place for place, all_of_it in places.items() if all_of_it}
        highs = [_WITHOUT_END if amount.high is None else amount.high for amount in self.amounts]
        most: Decimal | None = None
        if all(self.amounts[place].high is not None for place in places):
            ends = (highs[place] if place in places else amount.low for place, amount in enumerate(self.amounts))
            most = self._kept(list(ends), places)
        ends = (amount.low if place in sure else highs[place] for place, amount in enumerate(self.amounts))
        least = self._kept(list(ends), sure)
        return Bounds(least, self._kept([amount.stated_or_low for amount in self.amounts], sure), most)

    def _kept(self, amounts: Sequence[Decimal], places: Collection[int]) -> Decimal:
        """At these amounts; those at `places` are numbers."""
        kept = ZERO
        of_parts = [ZERO] * len(amounts)
        for place, (amount, whole) in enumerate(zip(amounts, self.whole_of, strict=True)):
            if place in places and amount > of_parts[place]:
                kept = ARITHMETIC.add(kept, ARITHMETIC.subtract(amount, of_parts[place]))
            if whole is not None:
                of_parts[whole] = ARITHMETIC.add(of_parts[whole], max(amount, of_parts[place]))
        return kept


class Share(NamedTuple):
    """What flows by an edge: all that one item of a group keeps, or any part of it."""

    group: Group
    place: int
    all_of_it: bool = True


def shares(items: Sequence[Item], currency: str) -> list[Share]:
    """For each item its share of the group that it is in; their amounts in the one currency that they have."""
    whole_of, parts_first = wholes(items)
    top: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for item in reversed(parts_first):
        above = whole_of[item]
        top[item] = item if above is None else top[above]
    for item in parts_first:
        members.setdefault(top[item], []).append(item)
    found: dict[int, Share] = {}
    for group in members.values():
        place = {item: number for number, item in enumerate(group)}
        of_group = Group(
            [items[item].figure.amounts.get(currency, NOTHING) for item in group],
            [None if (above := whole_of[item]) is None else place[above] for item in group],
        )
        found |= {item: Share(of_group, number) for item, number in place.items()}
    return [found[item] for item in range(len(items))]
