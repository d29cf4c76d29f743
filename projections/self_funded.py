"""Self-funded revenue: how much of what a customer paid a vendor was the vendor's own money."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import reduce
from itertools import groupby

from ledger.money import ARITHMETIC, ZERO

# Quotients have 80 digits. Finer than any figure that is shown, coarser than what they leave behind: a tie stays a tie.
_NOISE = Decimal("1e-40")


@dataclass(frozen=True, slots=True)
class SelfFunded:
    """The vendor's own money in its revenue from one customer, in the currency of the amounts, by three rules.

    The least and the most that it can have been, and in between what it is if every dollar in the pool is spent alike.
    """

    lower: Decimal
    pro_rata: Decimal
    upper: Decimal


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What a customer got from whom, and then spent with whom, before it got anything again.

    `available`: all dollars that there are for what is spent, the pool's and, if they don't do, those beyond.
    """

    funding: dict[str, Decimal]
    spending: dict[str, Decimal]
    spent: Decimal
    available: Decimal


def self_funded(
    funding: Iterable[tuple[date, str, Decimal]], payments: Iterable[tuple[date, str, Decimal]]
) -> dict[str, SelfFunded]:
    """For each vendor that also funds the customer: its own money in what the customer pays it.

    `funding` is all of the customer's (day, funder, amount), `payments` all of its (day, vendor, amount), at stated
    amounts in one currency; funding comes first on its day. Every dollar in the pool is tagged by its funder; what is
    spent beyond the pool is untagged. If all funding precedes all spending, the closed forms of the definition hold:

        beyond   = max(0, all payments - pool)
        upper    = min(tag, payment)
        pro rata = payment · tag / max(pool, all payments)
        lower    = max(0, payment - (pool - tag) - beyond)

    Otherwise time is walked in stretches, each some days of funding and then some of spending, up to the next funding.
    In a stretch the closed forms hold, with what the pool has by then and the payments of the stretch; what isn't spent
    stays in the pool, with its tags, for the next. A dollar can only be spent after it came, so the payments of a
    stretch never draw on later funding. Which dollars stay is what the rules differ in, and each goes on as it began:

        upper     the vendor is paid from its own dollars first, the others from the others' and from beyond first
        lower     the vendor is paid from the others' dollars and from beyond first, the others from the vendor's first
        pro rata  every payment takes the same share of every tag: pool / max(pool, payments), and leaves the rest

    The pool's total doesn't depend on the rule. Of all ways to say which dollars paid whom, the first leaves the vendor
    the most of its own to be paid with, in every stretch and for all later ones, and the second the least; pro rata is
    one of them. So lower ≤ pro rata ≤ upper. The first two are exact; the third has 80 digits, rounded at the end.
    """
    pool = pool_of(funding, payments)
    funders = {funder for stretch in pool.stretches for funder in stretch.funding}
    vendors = {vendor for stretch in pool.stretches for vendor in stretch.spending}
    return {vendor: pool.of(vendor) for vendor in sorted(funders & vendors)}


@dataclass(frozen=True, slots=True)
class Pool:
    """All that a customer got and spent."""

    stretches: list[_Stretch]

    def of(self, vendor: str) -> SelfFunded:
        """The vendor's own money in what it is paid; nothing if it doesn't fund the customer, or sells it nothing."""
        return SelfFunded(
            _own_paid(vendor, self.stretches, _others_first),
            _own_paid(vendor, self.stretches, _evenly).quantize(_NOISE, ROUND_HALF_EVEN, ARITHMETIC),
            _own_paid(vendor, self.stretches, _own_first),
        )


def pool_of(funding: Iterable[tuple[date, str, Decimal]], payments: Iterable[tuple[date, str, Decimal]]) -> Pool:
    """The pool of which self_funded tells every vendor's part, for who wants that of some."""
    return Pool(_stretches(funding, payments))


def _stretches(
    funding: Iterable[tuple[date, str, Decimal]], payments: Iterable[tuple[date, str, Decimal]]
) -> list[_Stretch]:
    flows = sorted(
        [(day, False, party, amount) for day, party, amount in funding]
        + [(day, True, party, amount) for day, party, amount in payments],
        key=lambda flow: flow[:2],
    )
    found: list[_Stretch] = []
    pool = ZERO
    got: dict[str, Decimal] = {}
    for is_spent, run in groupby(flows, key=lambda flow: flow[1]):
        sums: dict[str, Decimal] = {}
        for _, _, party, amount in run:
            sums[party] = ARITHMETIC.add(sums.get(party, ZERO), amount)
        if not is_spent:
            got = sums
            continue
        pool = _sum([pool, *got.values()])
        spent = _sum(sums.values())
        found.append(_Stretch(got, sums, spent, max(pool, spent)))
        pool, got = _left(pool, spent), {}
    # What comes last and isn't spent pays nobody, but its funder is told so.
    return [*found, _Stretch(got, {}, ZERO, pool)]


# From the vendor's own dollars in the pool, all that are available, and what is spent with the vendor and with others:
# how many of its own the vendor is paid, and how many the others.
_Rule = Callable[[Decimal, Decimal, Decimal, Decimal], tuple[Decimal, Decimal]]


def _own_paid(vendor: str, stretches: list[_Stretch], rule: _Rule) -> Decimal:
    own = paid = ZERO
    for stretch in stretches:
        own = ARITHMETIC.add(own, stretch.funding.get(vendor, ZERO))
        if own and stretch.spent:
            to_vendor = stretch.spending.get(vendor, ZERO)
            got, gone = rule(own, stretch.available, to_vendor, _left(stretch.spent, to_vendor))
            paid = ARITHMETIC.add(paid, got)
            own = _left(_left(own, got), gone)
    return paid


def _own_first(own: Decimal, available: Decimal, to_vendor: Decimal, to_others: Decimal) -> tuple[Decimal, Decimal]:
    got = min(own, to_vendor)
    # The rest of the vendor's payment needs dollars that aren't its own, too.
    for_others = _left(_left(available, own), _left(to_vendor, got))
    return got, _left(to_others, for_others)


def _others_first(own: Decimal, available: Decimal, to_vendor: Decimal, to_others: Decimal) -> tuple[Decimal, Decimal]:
    got = _left(to_vendor, _left(available, own))
    return got, min(to_others, _left(own, got))


def _evenly(own: Decimal, available: Decimal, to_vendor: Decimal, to_others: Decimal) -> tuple[Decimal, Decimal]:
    return (
        ARITHMETIC.divide(ARITHMETIC.multiply(to_vendor, own), available),
        ARITHMETIC.divide(ARITHMETIC.multiply(to_others, own), available),
    )


def _left(amount: Decimal, taken: Decimal) -> Decimal:
    return max(ZERO, ARITHMETIC.subtract(amount, taken))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(ARITHMETIC.add, amounts, ZERO)
