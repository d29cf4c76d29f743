"""Integrated ownership: who holds how much of whom, directly, through others and round through cross-holdings.

A(i,j) is the share of j that i holds; integrated ownership is A (I - A)⁻¹. Pure: stakes in, shares out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from ledger.money import ARITHMETIC, NOTHING, ONE, ZERO, Bounds, total

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
class Stake:
    """What a holder has of an issuer directly, by all instruments but debt."""

    holder: str
    issuer: str
    share: Bounds
    events: list[str]


@dataclass(frozen=True)
class Group:
    """Owners and owned who hang together, and what their stakes come to. `high` is None where there is no bound."""

    members: Sequence[str]
    stakes: Sequence[Stake]
    wrong: Mapping[str, str] = field(default_factory=dict)
    """The issuers by which it can't be worked out, and why; it comes to nothing then."""
    low: Shares = field(default_factory=dict)
    stated: Shares = field(default_factory=dict)
    high: Shares | None = field(default_factory=dict)

    @cached_property
    def of_holder(self) -> dict[str, list[Stake]]:
        found: dict[str, list[Stake]] = defaultdict(list)
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

    def at_most_of(self, stake: Stake) -> Bounds:
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

    def on_the_way(self, holder: str, issuer: str) -> list[Stake]:
        """The stakes by which the holder has its integrated stake in the issuer."""
        through = {holder} | self._reach.get(holder, set())
        return [
            stake
            for stake in self.stakes
            if stake.holder in through and (stake.issuer == issuer or issuer in self._reach.get(stake.issuer, ()))
        ]


def groups(direct: Sequence[Stake]) -> list[Group]:
    """Those who hang together by stakes, by their first ids, each group with what its stakes come to."""
    return [_worked_out(members, some) for members, some in _apart(direct)]


def _apart(direct: Iterable[Stake]) -> list[tuple[list[str], list[Stake]]]:
    """Those who hang together by stakes, by their first ids, each with its stakes."""
    near: dict[str, set[str]] = defaultdict(set)
    of_holder: dict[str, list[Stake]] = defaultdict(list)
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


def _worked_out(members: Sequence[str], direct: Sequence[Stake]) -> Group:
    """What the stakes of a group come to, bound by bound: no stake grows without the integrated ones growing as well.

    A stake of which more would be held than there is counts, for the high, as what the others' lows leave of it.
    """
    group = Group(members, direct)
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
