"""What owners are worth: their marks, less what they hold, and what they hold through others, counted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from ledger.money import ARITHMETIC, NOTHING, ONE, Bounds, product, remainder, total
from projections.figures import Figure, MissingRate, Part, money_shown
from projections.integrated import Group
from projections.rates import exchange
from projections.valuations import newest_marks
from projections.visibility import Point, Rule, Tables


class Worth:
    """The last marks of everyone in the groups, and what follows from them."""

    def __init__(self, model: Tables, at: Point, groups: Sequence[Group]) -> None:
        self._currency = at.currency
        self._groups = groups
        members = [one for group in groups for one in group.members]
        of_members = Rule("list_contains($subjects::VARCHAR[], subject)", {"subjects": members})
        self._marks = newest_marks(model, at, of_members).of_whole if members else {}
        converting = exchange(model, at)
        self._figures = {
            subject: Part(mark.currency, mark.bounds, mark.last_day, mark.last_day).figure(converting)
            for subject, mark in self._marks.items()
        }
        self._own = {one: self._own_assets(one, group) for group in groups for one in group.members}

    def _mark(self, entity: str) -> Bounds:
        """The last mark; nothing where there is none."""
        figure = self._figures.get(entity, Figure())
        return figure.amounts.get(self._currency, NOTHING)

    def _missing(self, entities: Iterable[str]) -> set[MissingRate]:
        return set().union(*(self._figures[one].missing for one in entities if one in self._figures))

    def _own_assets(self, entity: str, group: Group) -> Bounds:
        """The last mark less the marks of what it holds, never below zero; nothing without a mark."""
        held = [
            product(group.at_most_of(stake), self._mark(stake.issuer))
            for stake in group.of_holder.get(entity, ())
            if stake.issuer != entity
        ]
        stated = [
            ARITHMETIC.multiply(stake.share.stated_or_low, self._mark(stake.issuer).stated_or_low)
            for stake in group.of_holder.get(entity, ())
            if stake.issuer != entity
        ]
        taken = total(Bounds(one.low, exact, one.high) for one, exact in zip(held, stated, strict=True))
        return remainder(self._mark(entity), taken) if entity in self._marks else NOTHING

    def _whole(self, entity: str, group: Group) -> Bounds:
        """(I - A)⁻¹ p: its own assets, and its integrated share of everybody's."""
        parts = [self._own[entity]]
        for issuer in group.below(entity):
            share = group.integrated(entity, issuer) or NOTHING
            worth = product(share, self._own[issuer])
            stated = ARITHMETIC.multiply(share.stated_or_low, self._own[issuer].stated_or_low)
            parts.append(Bounds(worth.low, stated, worth.high))
        return total(parts)

    def shown(self, entity: str, group: Group) -> dict[str, Any]:
        """The row of an entity. Of its value, what reaches owners outside the graph."""
        mark = self._marks.get(entity)
        held = [stake.issuer for stake in group.of_holder.get(entity, ())]
        figures: dict[str, Bounds | None] = {"mark": None, "own_assets": None, "look_through": None}
        undefined: dict[str, str] = {}
        if mark is None:
            undefined = {"mark": "no_mark", "own_assets": "no_mark"}
        else:
            figures["mark"], figures["own_assets"] = self._mark(entity), self._own[entity]
        below = group.below(entity)
        if not any(one in self._marks for one in (entity, *below)):
            undefined["look_through"] = "no_mark"
        elif group.wrong:
            undefined["look_through"] = next(iter(group.wrong.values()))
        else:
            outside = remainder(Bounds(ONE, ONE, ONE), group.held_of(entity))
            whole = self._whole(entity, group)
            reaching = product(outside, whole)
            stated = ARITHMETIC.multiply(outside.stated_or_low, whole.stated_or_low)
            figures["look_through"] = Bounds(reaching.low, stated, reaching.high)
        missing: set[MissingRate] = set()
        for name, needed in (
            ("mark", [entity]),
            ("own_assets", [entity, *held]),
            (
                "look_through",
                [entity, *held, *(other for one in group.below(entity) for other in group.with_held(one))],
            ),
        ):
            if figures[name] is not None and (lacking := self._missing(needed)):
                figures[name] = None
                undefined[name] = "missing_rates"
                missing |= lacking
        row = {
            "entity": entity,
            **{
                name: None if bounds is None else money_shown(self._currency, bounds)
                for name, bounds in figures.items()
            },
            "valued_on": None if mark is None else mark.last_day.isoformat(),
            "undefined": undefined,
            "events": self._events(entity, group),
        }
        named = [{"base": one.base, "quote": one.quote, "on": one.on.isoformat()} for one in sorted(missing)]
        return {**row, "missing_rates": named} if named else row

    def _events(self, entity: str, group: Group) -> list[str]:
        """The marks of it and of all that it holds in the end, and the stakes that say how much: its, and in it."""
        through = {entity, *group.below(entity)}
        stakes = [one for one in group.stakes if one.holder in through or one.issuer == entity]
        marked = through.union(stake.issuer for stake in stakes) & self._marks.keys()
        return [*(self._marks[one].chain for one in marked), *(event for one in stakes for event in one.events)]

    def double_count(self) -> Decimal | str:
        """How many times over all values together count what is there, at stated amounts; or why nobody can say."""
        if wrong := next((reason for group in self._groups for reason in group.wrong.values()), None):
            return wrong
        if self._missing(self._figures):
            return "missing_rates"
        own = total(self._own.values()).stated_or_low
        if not own:
            return "no_own_assets"
        whole = total(self._whole(one, group) for group in self._groups for one in group.members)
        return ARITHMETIC.divide(whole.stated_or_low, own)
