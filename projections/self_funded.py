"""Self-funded revenue: how much of what a customer paid a vendor was the vendor's own money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
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
    """What one customer got, and then spent, before it got anything again."""

    funding: dict[str, Decimal]
    spending: dict[str, Decimal]


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
    stretches = _stretches(funding, payments)
    funders = {funder for stretch in stretches for funder in stretch.funding}
    vendors = {vendor for stretch in stretches for vendor in stretch.spending}
    return {vendor: _of_vendor(vendor, stretches) for vendor in sorted(funders & vendors)}


def _stretches(
    funding: Iterable[tuple[date, str, Decimal]], payments: Iterable[tuple[date, str, Decimal]]
) -> list[_Stretch]:
    flows = sorted(
        [(day, False, party, amount) for day, party, amount in funding]
        + [(day, True, party, amount) for day, party, amount in payments],
        key=lambda flow: flow[:2],
    )
    found: list[_Stretch] = []
    for spent, run in groupby(flows, key=lambda flow: flow[1]):
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for _, _, party, amount in run:
            sums[party] = ARITHMETIC.add(sums[party], amount)
        if not spent:
            found.append(_Stretch(dict(sums), {}))
        else:
            # What is spent before anything came is beyond an empty pool.
            funding_before = found.pop().funding if found else {}
            found.append(_Stretch(funding_before, dict(sums)))
    return found


def _of_vendor(vendor: str, stretches: list[_Stretch]) -> SelfFunded:
    lower = _Pool()
    pro_rata = _Pool()
    upper = _Pool()
    for stretch in stretches:
        own = stretch.funding.get(vendor, ZERO)
        others = _sum(amount for funder, amount in stretch.funding.items() if funder != vendor)
        to_vendor = stretch.spending.get(vendor, ZERO)
        to_others = _sum(amount for payee, amount in stretch.spending.items() if payee != vendor)
        for pool in (lower, pro_rata, upper):
            pool.fund(own, others)
        lower.spend_others_first(to_vendor, to_others)
        pro_rata.spend_evenly(to_vendor, to_others)
        upper.spend_own_first(to_vendor, to_others)
    return SelfFunded(lower.own_paid, pro_rata.own_paid.quantize(_NOISE, ROUND_HALF_EVEN, ARITHMETIC), upper.own_paid)


class _Pool:
    """A customer's unspent dollars, the vendor's own and the others', and how many of its own the vendor was paid."""

    def __init__(self) -> None:
        self.own = self.others = self.own_paid = ZERO

    def fund(self, own: Decimal, others: Decimal) -> None:
        self.own = ARITHMETIC.add(self.own, own)
        self.others = ARITHMETIC.add(self.others, others)

    def spend_own_first(self, to_vendor: Decimal, to_others: Decimal) -> None:
        own = min(self.own, to_vendor)
        elsewhere = self._beyond_and_others(to_vendor, to_others)
        # The rest of the vendor's payment needs others' dollars too.
        left_for_others = ARITHMETIC.subtract(elsewhere, ARITHMETIC.subtract(to_vendor, own))
        self._take(own, max(ZERO, ARITHMETIC.subtract(to_others, left_for_others)), to_vendor, to_others)

    def spend_others_first(self, to_vendor: Decimal, to_others: Decimal) -> None:
        elsewhere = self._beyond_and_others(to_vendor, to_others)
        own = max(ZERO, ARITHMETIC.subtract(to_vendor, elsewhere))
        self._take(own, min(to_others, ARITHMETIC.subtract(self.own, own)), to_vendor, to_others)

    def spend_evenly(self, to_vendor: Decimal, to_others: Decimal) -> None:
        spent = ARITHMETIC.add(to_vendor, to_others)
        pool = ARITHMETIC.add(self.own, self.others)
        everything = max(pool, spent)
        if not everything:
            return
        own = ARITHMETIC.divide(ARITHMETIC.multiply(to_vendor, self.own), everything)
        by_others = ARITHMETIC.divide(ARITHMETIC.multiply(to_others, self.own), everything)
        self._take(own, by_others, to_vendor, to_others)

    def _beyond_and_others(self, to_vendor: Decimal, to_others: Decimal) -> Decimal:
        """The dollars there are for these payments that aren't the vendor's: the others', and those beyond the pool."""
        spent = ARITHMETIC.add(to_vendor, to_others)
        return max(self.others, ARITHMETIC.subtract(spent, self.own))

    def _take(self, own_to_vendor: Decimal, own_to_others: Decimal, to_vendor: Decimal, to_others: Decimal) -> None:
        """Pays, with so many of the vendor's own dollars to the vendor and to others; all other dollars as needed."""
        own = ARITHMETIC.add(own_to_vendor, own_to_others)
        rest = ARITHMETIC.subtract(ARITHMETIC.add(to_vendor, to_others), own)
        self.own_paid = ARITHMETIC.add(self.own_paid, own_to_vendor)
        self.own = max(ZERO, ARITHMETIC.subtract(self.own, own))
        self.others = max(ZERO, ARITHMETIC.subtract(self.others, rest))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = ARITHMETIC.add(total, amount)
    return total
