"""Look-through ownership: who holds how much of whom in the end, and what that is worth without counting twice.

A(i,j) is the share of j that i holds. Integrated ownership is A (I - A)⁻¹: directly, through others, and round through
cross-holdings. With p, what each owns beside its holdings, (I - A)⁻¹ p is what each is worth, and with Ĉ(j,j) = 1 - Σ
A(i,j), the part of j that nobody in the graph holds, Ĉ (I - A)⁻¹ p is what of it reaches owners outside (Elliott, Golub
& Jackson, American Economic Review 104, 2014).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from ledger.money import ARITHMETIC, NOTHING, ONE, ZERO, Bounds, product, remainder, total
from projections.figures import Figure, MissingRate, Part, bounds_shown, money_shown, number
from projections.holdings import stakes
from projections.rates import exchange
from projections.valuations import newest_marks
from projections.visibility import Point, Rule, Tables

Shares = dict[str, dict[str, Decimal]]  # by holder and issuer
# Steps that a group of owners who hold each other may cost: some seconds.
_WORK = 2_000_000


class _Undefined(Exception):
    """Why a group's ownership can't be worked out, and by which entity."""

    def __init__(self, issuer: str, reason: str) -> None:
        super().__init__(issuer, reason)
        self.issuer = issuer
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Stake:
    """What a holder has of an issuer directly, by all instruments but debt."""

    holder: str
    issuer: str
    share: Bounds
    events: list[str]


@dataclass(frozen=True)
class _Group:
    """Owners and owned who hang together, and what their stakes come to. `high` is None where there is no bound."""

    members: Sequence[str]
    stakes: Sequence[_Stake]
    wrong: Mapping[str, str] = field(default_factory=dict)
    """The issuers by which it can't be worked out, and why; it comes to nothing then."""
    low: Shares = field(default_factory=dict)
    stated: Shares = field(default_factory=dict)
    high: Shares | None = field(default_factory=dict)

    @cached_property
    def of_holder(self) -> dict[str, list[_Stake]]:
        found: dict[str, list[_Stake]] = defaultdict(list)
        for stake in self.stakes:
            found[stake.holder].append(stake)
        return dict(found)

    @cached_property
    def _held(self) -> dict[str, Bounds]:
        shares: dict[str, list[Bounds]] = defaultdict(list)
        for stake in self.stakes:
            shares[stake.issuer].append(stake.share)
        return {issuer: total(parts) for issuer, parts in shares.items()}

    def held_of(self, issuer: str) -> Bounds:
        """How much of an issuer the graph holds in sum."""
        return self._held.get(issuer, NOTHING)

    def at_most_of(self, stake: _Stake) -> Bounds:
        """A stake, of which for the high no more counts than the others' lows leave of the whole."""
        room = ARITHMETIC.subtract(ONE, ARITHMETIC.subtract(self.held_of(stake.issuer).low, stake.share.low))
        most = room if stake.share.high is None else min(stake.share.high, room)
        return replace(stake.share, high=max(most, stake.share.low))

    @cached_property
    def _reach(self) -> dict[str, set[str]]:
        """Of whom each holds anything, directly or through others."""
        levels = (self.low, self.stated, self.high or {})
        found: dict[str, set[str]] = defaultdict(set)
        for stake in self.stakes:
            found[stake.holder].add(stake.issuer)
        for level in levels:
            for holder, shares in level.items():
                found[holder] |= shares.keys()
        if self.high is None:  # then nobody followed what may be held
            for one in sorted(found):
                for holder in sorted(found):
                    if one in found[holder]:
                        found[holder] |= found[one]
        return dict(found)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Holders and issuers that have a stake, or an integrated one."""
        return [(holder, issuer) for holder, issuers in self._reach.items() for issuer in issuers]

    def below(self, holder: str) -> list[str]:
        return sorted(self._reach.get(holder, ()))

    def with_held(self, holder: str) -> list[str]:
        """The holder and what it holds directly."""
        return [holder, *(stake.issuer for stake in self.of_holder.get(holder, ()))]

    def integrated(self, holder: str, issuer: str) -> Bounds | None:
        """The integrated stake; None if the group can't be worked out."""
        if self.wrong:
            return None
        low, stated = (level.get(holder, {}).get(issuer, ZERO) for level in (self.low, self.stated))
        return Bounds(low, stated, None if self.high is None else self.high.get(holder, {}).get(issuer, ZERO))

    def on_the_way(self, holder: str, issuer: str) -> list[_Stake]:
        """The stakes by which the holder has its integrated stake in the issuer."""
        through = {holder} | self._reach.get(holder, set())
        return [
            stake
            for stake in self.stakes
            if stake.holder in through and (stake.issuer == issuer or issuer in self._reach.get(stake.issuer, ()))
        ]


def ownership(model: Tables, at: Point, *, basis: str, entity: str | None, limit: int) -> dict[str, Any]:
    """Stakes by holder and issuer, values by entity, at a point and in its currency; `entity` narrows to its own."""
    direct = _direct(model, at, basis)
    groups = [_worked_out(members, some) for members, some in _groups(direct)]
    worth = _Worth(model, at, groups)
    stakes_of = sorted(
        (
            (holder, issuer, group)
            for group in groups
            for holder, issuer in group.pairs
            if entity is None or entity in (holder, issuer)
        ),
        key=lambda one: one[:2],
    )
    members = sorted((one, group) for group in groups for one in group.members if entity in (None, one))
    factor = worth.double_count()
    rows = [_stake_shown(*one) for one in stakes_of[:limit]]
    values = [worth.shown(*one) for one in members[:limit]]
    _order_events(model, [*rows, *values])
    return {
        "basis": basis,
        "currency": at.currency,
        "entity": entity,
        "stakes": rows,
        "values": values,
        "double_count_factor": None if isinstance(factor, str) else number(factor),
        "undefined": {"double_count_factor": factor} if isinstance(factor, str) else {},
        "errors": [
            {"issuer": issuer, "reason": reason, "sum": bounds_shown(group.held_of(issuer))}
            for group in groups
            for issuer, reason in group.wrong.items()
        ],
        "limit": limit,
        "more": {"stakes": len(stakes_of) > limit, "values": len(members) > limit},
    }


# --- who holds what ---------------------------------------------------------------------------------------------


def _direct(model: Tables, at: Point, basis: str) -> list[_Stake]:
    """The stakes of one basis, by holder and issuer. Debt is no share of anything."""
    found: dict[tuple[str, str], list[tuple[Bounds, list[str]]]] = defaultdict(list)
    for held in stakes(model, at):
        share = held.stakes.get(basis)
        if share is not None and share.high != ZERO and held.instrument != "debt":
            found[held.holder, held.issuer].append((share, held.events))
    return [
        _Stake(*between, total(share for share, _ in parts), [event for _, events in parts for event in events])
        for between, parts in sorted(found.items())
    ]


def _groups(direct: Iterable[_Stake]) -> list[tuple[list[str], list[_Stake]]]:
    """Those who hang together by stakes, by their first ids, each with its stakes."""
    near: dict[str, set[str]] = defaultdict(set)
    of_holder: dict[str, list[_Stake]] = defaultdict(list)
    for stake in direct:
        near[stake.holder].add(stake.issuer)
        near[stake.issuer].add(stake.holder)
        of_holder[stake.holder].append(stake)
    found = []
    met: set[str] = set()
    for start in sorted(near):
        if start not in met:
            members, waiting = {start}, [start]
            while waiting:
                new = near[waiting.pop()] - members
                members |= new
                waiting += new
            met |= members
            found.append((sorted(members), [stake for one in sorted(members) for stake in of_holder[one]]))
    return found


def _worked_out(members: Sequence[str], direct: Sequence[_Stake]) -> _Group:
    """What the stakes of a group come to, bound by bound: no stake grows without the integrated ones growing as well.

    A stake of which more would be held than there is counts, for the high, as what the others' lows leave of it.
    """
    group = _Group(members, direct)
    wrong = {
        issuer: "more_than_whole"
        for issuer in members
        if (held := group.held_of(issuer)).low > ONE or held.stated_or_low > ONE
    }
    if wrong:
        return replace(group, wrong=wrong)
    try:
        low = _integrated({(one.holder, one.issuer): one.share.low for one in direct})
        stated = _integrated({(one.holder, one.issuer): one.share.stated_or_low for one in direct})
    except _Undefined as why:
        return replace(group, wrong={why.issuer: why.reason})
    try:
        most = {(one.holder, one.issuer): group.at_most_of(one).high or ZERO for one in direct}
        high: Shares | None = _integrated(most)
    except _Undefined:
        high = None
    return replace(group, low=low, stated=stated, high=high)


def _integrated(direct: Mapping[tuple[str, str], Decimal]) -> Shares:
    """A (I - A)⁻¹, by taking up one entity after the other as somebody to hold through. Raises _Undefined.

    With k taken up, A(i,j) grows by A(i,k) A(k,j) / (1 - A(k,k)): once through k, or any number of times round it. Only
    sums and products of positive numbers, so that nothing is lost.
    """
    found: Shares = defaultdict(dict)
    holders: dict[str, set[str]] = defaultdict(set)
    for (holder, issuer), share in direct.items():
        if share:
            found[holder][issuer] = share
            holders[issuer].add(holder)
    work = 0
    for through in sorted(found):
        round_it = found[through].get(through, ZERO)
        if round_it >= ONE:
            raise _Undefined(through, "closed_circle")
        onward = list(found[through].items())
        for holder in sorted(holders[through]):
            share = ARITHMETIC.divide(found[holder][through], ARITHMETIC.subtract(ONE, round_it))
            work += len(onward)
            if work > _WORK:
                raise _Undefined(through, "too_large")
            for issuer, of_it in onward:
                more = ARITHMETIC.multiply(share, of_it)
                found[holder][issuer] = ARITHMETIC.add(found[holder].get(issuer, ZERO), more)
                holders[issuer].add(holder)
    return dict(found)


def _stake_shown(holder: str, issuer: str, group: _Group) -> dict[str, Any]:
    direct = next((one for one in group.of_holder.get(holder, ()) if one.issuer == issuer), None)
    integrated = group.integrated(holder, issuer)
    return {
        "holder": holder,
        "issuer": issuer,
        "direct": None if direct is None else bounds_shown(direct.share),
        "integrated": None if integrated is None else bounds_shown(integrated),
        "undefined": {} if integrated is not None else {"integrated": next(iter(group.wrong.values()))},
        "events": [event for one in group.on_the_way(holder, issuer) for event in one.events],
    }


def _order_events(model: Tables, rows: Sequence[dict[str, Any]]) -> None:
    """Put the events of each row in the order of their positions, each once."""
    named = sorted({event for row in rows for event in row["events"]})
    chains = "SELECT DISTINCT chain, fact_position FROM facts WHERE list_contains($chains::VARCHAR[], chain)"
    position = dict(model.rows(chains, {"chains": named})) if named else {}
    for row in rows:
        row["events"] = sorted(set(row["events"]), key=lambda event: position[event])


# --- what it is worth -------------------------------------------------------------------------------------------


class _Worth:
    """The last marks of everyone in the groups, and what follows from them."""

    def __init__(self, model: Tables, at: Point, groups: Sequence[_Group]) -> None:
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

    def _own_assets(self, entity: str, group: _Group) -> Bounds:
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

    def _whole(self, entity: str, group: _Group) -> Bounds:
        """(I - A)⁻¹ p: its own assets, and its integrated share of everybody's."""
        parts = [self._own[entity]]
        for issuer in group.below(entity):
            share = group.integrated(entity, issuer) or NOTHING
            worth = product(share, self._own[issuer])
            stated = ARITHMETIC.multiply(share.stated_or_low, self._own[issuer].stated_or_low)
            parts.append(Bounds(worth.low, stated, worth.high))
        return total(parts)

    def shown(self, entity: str, group: _Group) -> dict[str, Any]:
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

    def _events(self, entity: str, group: _Group) -> list[str]:
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
