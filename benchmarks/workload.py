"""The canonical workload: a seeded stream of realistic deals, the same events for the same size and seed, for ever.

Parties have roles (`parties.py`), deals by Zipf's law, and many a deal with whom they dealt before. One in ten events
is back-dated by up to five years, two in a hundred correct an earlier one (some of them a correction), one in five
amounts is a bound, and four currencies occur, with rates for every day. Every event is accepted by a ledger that holds
those before it. `mixed` is the same among parties of whom anyone deals with anyone.
"""

from __future__ import annotations

import random
import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate
from typing import Any, Generic

from benchmarks.parties import Anyone, Deal, Funding, Parties, Roles, Trade

Event = dict[str, Any]

FIRST_DAY = date(2015, 1, 1)
LAST_DAY = date(2025, 12, 31)
BEFORE_ALL = date(2009, 12, 31)  # no deal is of an earlier day, however far it is back-dated
ENTITIES_PER_EVENT = 0.05  # 50,000 in a million
BACK_DATED = 0.10
CORRECTED = 0.02
RETRACTED = 0.002
BOUNDED = 0.20
CURRENCIES = ("USD",) * 16 + ("EUR",) * 2 + ("CNY", "GBP")
RATES = (("EUR", 105), ("GBP", 120), ("CNY", 14))  # against USD, in hundredths
PURPOSES = {"equity": "investment", "fund_interest": "fund", "debt": "loan"}  # of a promise, by what is got for it
ROUNDS = ("seed", "A", "B", "C", "D")
# How many may be built on: old commitments and contracts stop being drawn and billed.
OPEN = 2_000
TRIES = 20  # to find one among those held that distributes what it earns
# One correction in three is of an earlier correction, one of the last few hundred.
CORRECTED_AGAIN = 1 / 3
DISPUTED = 200
# What may come late: what draws on a record, or ends it, is of its day, since the rules refuse what comes before it or
# after its close. This is their share of the stream, so that many of them, and not all, are back-dated.
FREE = ("investment.made", "valuation.recorded", "distribution.paid", "contract.signed")
FREE_SHARE = 0.59
# How much of the stream each type is, in per cent of what isn't a correction.
SHARES = {
    "investment.made": 34,
    "contract.paid": 12,
    "contract.billed": 12,
    "valuation.recorded": 10,
    "commitment.made": 8,
    "contract.signed": 8,
    "drawdown": 8,
    "distribution.paid": 4,
    "investment.sold": 1,
    "commitment.closed": 1,
    "holding.observed": 1,
    "rate.published": 1,
}


def events(size: int, seed: int = 1, back_dated: float = BACK_DATED, *, mixed: bool = False) -> Iterator[Event]:
    """So many events, in the order in which they are submitted; entities and a rate for each currency come first, and
    are part of the count. `back_dated` is the share of events that speak of a day long before they came, at most a
    half. `mixed`: anyone deals with anyone."""
    chance = random.Random(seed)
    number = int(size * ENTITIES_PER_EVENT)
    parties = Anyone(max(10, number), chance) if mixed else Roles(max(30, number), chance)
    stream = _Stream(size, chance, back_dated, parties)
    yield from stream.entities()
    yield from stream.first_rates()
    yield from stream.deals()


@dataclass(slots=True)
class _Open(Generic[Deal]):
    """A commitment or contract that later events may draw on."""

    name: str
    currency: str
    left: int  # millions
    deal: Deal


@dataclass(slots=True)
class _Stream:
    size: int
    random: random.Random
    back_dated: float
    parties: Parties
    day: date = FIRST_DAY
    commitments: list[_Open[Funding]] = field(default_factory=list)
    contracts: list[_Open[Trade]] = field(default_factory=list)
    held: list[Funding] = field(default_factory=list)  # not loans: these aren't sold, and pay no dividends
    correctable: list[tuple[str, Event]] = field(default_factory=list)
    disputed: list[tuple[str, Event]] = field(default_factory=list)  # corrections, each with its fact
    made: int = 0

    def entities(self) -> Iterator[Event]:
        for data in self.parties.registered():
            yield self._said("entity.registered", data, FIRST_DAY, FIRST_DAY)

    def first_rates(self) -> Iterator[Event]:
        """A rate of every currency, older than any flow, so that all of them can be converted."""
        for base, low in RATES:
            yield self._said("rate.published", _published(base, low), BEFORE_ALL, FIRST_DAY)

    def deals(self) -> Iterator[Event]:
        makers: dict[str, Callable[[], tuple[str, Event]]] = {
            "investment.made": self._investment,
            "contract.paid": lambda: self._settled("contract.paid"),
            "contract.billed": lambda: self._settled("contract.billed"),
            "valuation.recorded": self._valuation,
            "commitment.made": self._commitment,
            "contract.signed": self._contract,
            "drawdown": self._drawdown,
            "distribution.paid": self._distribution,
            "investment.sold": self._sale,
            "commitment.closed": self._closing,
            "holding.observed": self._observation,
            "rate.published": self._rate,
        }
        choices, cumulative = list(SHARES), list(accumulate(SHARES.values()))
        while self.made < self.size:
            self.day = FIRST_DAY + timedelta(days=(LAST_DAY - FIRST_DAY).days * self.made // self.size)
            happens = self.random.random()
            if happens < CORRECTED and self.correctable:
                yield self._correction()
            elif happens < CORRECTED + RETRACTED and self.correctable:
                yield self._retraction()
            else:
                kind = choices[bisect_left(cumulative, self.random.random() * cumulative[-1])]
                type_, data = makers[kind]()
                yield self._deal(type_, data)

    def _deal(self, type_: str, data: Event) -> Event:
        free = type_ in FREE
        back = free and self.random.random() < self.back_dated / FREE_SHARE
        effective = self.day - timedelta(days=self.random.randrange(30, 1_800) if back else 0)
        said = self._said(type_, data, effective, self.day)
        if free and "commitment" not in data and "contract" not in data:
            self.correctable.append((said["id"], said))
            if len(self.correctable) > OPEN:
                self.correctable.pop(self.random.randrange(OPEN))
        return said

    def _said(self, type_: str, data: Event, effective: date, known: date) -> Event:
        self.made += 1
        return {
            "type": type_,
            "id": self._id(),
            "effective": effective.isoformat(),
            "known": known.isoformat(),
            "status": "reported",
            "source": {"publisher": "Example Wire", "published": known.isoformat()},
            "data": data,
        }

    def _id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _money(self, millions: int, currency: str, *, bounds: bool = True) -> Event:
        money: Event = {"currency": currency, "amount": str(millions * 1_000_000)}
        if bounds and self.random.random() < BOUNDED:
            money["qualifier"] = self.random.choice(("about", "over", "nearly", "up_to"))
        return money

    def _size(self) -> int:
        """Millions: many small deals, few large ones."""
        return max(1, int(self.random.paretovariate(1.1)))

    def _investment(self) -> tuple[str, Event]:
        funding = self.parties.funding()
        self._hold(funding)
        data: Event = {"investor": funding.investor, "issuer": funding.issuer, "instrument": funding.instrument}
        data["amount"] = self._money(self._size(), self.random.choice(CURRENCIES))
        if funding.instrument == "equity":
            data["round"] = self.random.choice(ROUNDS)
            if self.random.random() < 0.2:
                data["stake"] = {"share": f"0.0{self.random.randrange(1, 9)}", "basis": "economic"}
            if self.random.random() < funding.credit:
                data["form"] = "cloud_credit"
        return "investment.made", data

    def _hold(self, funding: Funding) -> None:
        if funding.instrument != "debt":
            self._keep(self.held, funding)

    def _keep(self, among: list[Any], one: object) -> None:
        """Keep it for later events, and OPEN at most."""
        among.append(one)
        if len(among) > OPEN:
            among.pop(self.random.randrange(OPEN))

    def _commitment(self) -> tuple[str, Event]:
        funding = self.parties.funding()
        one = self._opened("commitment", self.commitments, funding)
        data: Event = {"commitment": one.name, "from": funding.investor, "to": funding.issuer}
        data["purpose"] = PURPOSES[funding.instrument]
        data["amount"] = self._money(one.left, one.currency)
        data["binding"] = self.random.random() < 0.8
        return "commitment.made", data

    def _contract(self) -> tuple[str, Event]:
        trade = self.parties.trade()
        one = self._opened("contract", self.contracts, trade)
        data: Event = {"contract": one.name, "customer": trade.customer, "provider": trade.provider}
        data["amount"] = self._money(one.left, one.currency)
        data["resource"] = self.random.choice(trade.resources)
        data["binding"] = True
        return "contract.signed", data

    def _opened(self, noun: str, among: list[_Open[Deal]], deal: Deal) -> _Open[Deal]:
        one = _Open(f"{noun}-{self.made}", self.random.choice(CURRENCIES), self._size() * 10, deal)
        self._keep(among, one)
        return one

    def _drawn(self, among: list[_Open[Deal]]) -> tuple[_Open[Deal], int] | None:
        """One of the open ones, and an amount that fits what is left under the lowest reading of its amount."""
        if not among:
            return None
        one = self.random.choice(among)
        millions = max(1, one.left // 10)
        one.left -= 2 * millions  # twice, so that no reading of `about` or `nearly` is drawn above
        if one.left < 4:
            among.remove(one)
        return one, millions

    def _drawdown(self) -> tuple[str, Event]:
        found = self._drawn(self.commitments)
        if found is None:
            return self._investment()
        one, millions = found
        investor, issuer, instrument, _ = one.deal
        self._hold(one.deal)
        data: Event = {"investor": investor, "issuer": issuer, "instrument": instrument, "commitment": one.name}
        data["amount"] = self._money(millions, one.currency, bounds=False)
        return "investment.made", data

    def _settled(self, type_: str) -> tuple[str, Event]:
        found = self._drawn(self.contracts)
        if found is None:
            return self._contract()
        one, millions = found
        data: Event = {"contract": one.name, "amount": self._money(millions, one.currency, bounds=False)}
        data["period"] = {"start": (self.day - timedelta(days=30)).isoformat(), "end": self.day.isoformat()}
        return type_, data

    def _closing(self) -> tuple[str, Event]:
        if not self.commitments:
            return self._commitment()
        one = self.commitments.pop(self.random.randrange(len(self.commitments)))
        outcome = self.random.choice(("fulfilled", "expired", "cancelled"))
        return "commitment.closed", {"commitment": one.name, "outcome": outcome}

    def _valuation(self) -> tuple[str, Event]:
        data: Event = {"subject": self.parties.valued(), "basis": self.random.choice(("post_money", "fair_value"))}
        data["value"] = self._money(self._size() * 100, self.random.choice(CURRENCIES))
        return "valuation.recorded", data

    def _distribution(self) -> tuple[str, Event]:
        some = (self.random.choice(self.held) for _ in range(TRIES if self.held else 0))
        found = next((one for one in some if self.parties.distributes(one.issuer)), None)
        if found is None:
            return self._investment()
        holder, payer, instrument, _ = found
        data: Event = {"payer": payer, "holder": holder, "kind": "dividend", "instrument": instrument}
        data["amount"] = self._money(self._size(), self.random.choice(CURRENCIES), bounds=False)
        return "distribution.paid", data

    def _sale(self) -> tuple[str, Event]:
        if not self.held:
            return self._investment()
        holder, issuer, instrument, _ = self.random.choice(self.held)
        data: Event = {"holder": holder, "issuer": issuer, "instrument": instrument, "fraction": "0.25"}
        data["proceeds"] = self._money(self._size(), self.random.choice(CURRENCIES), bounds=False)
        return "investment.sold", data

    def _observation(self) -> tuple[str, Event]:
        if not self.held:
            return self._investment()
        holder, issuer, instrument, _ = self.random.choice(self.held)
        data: Event = {"holder": holder, "issuer": issuer, "instrument": instrument}
        data["stake"] = {"share": f"0.{self.random.randrange(1, 5)}", "basis": "economic"}
        return "holding.observed", data

    def _rate(self) -> tuple[str, Event]:
        base, low = self.random.choice(RATES)
        return "rate.published", _published(base, low + self.random.randrange(10))

    def _correction(self) -> Event:
        """Of a fact, or in one case of three of an earlier correction: chains of several grow."""
        if self.disputed and self.random.random() < CORRECTED_AGAIN:
            target, fact = self.disputed.pop(self.random.randrange(len(self.disputed)))
        else:
            target, fact = self.random.choice(self.correctable)
        replacement = {name: fact[name] for name in ("type", "effective", "status", "source")}
        amount = "value" if fact["type"] == "valuation.recorded" else "amount"
        replacement["data"] = {**fact["data"], amount: self._money(self._size(), fact["data"][amount]["currency"])}
        data = {"event": target, "replacement": replacement, "reason": "The source corrected its figure."}
        said = self._said("event.corrected", data, self.day, self.day)
        self.disputed.append((said["id"], fact))
        if len(self.disputed) > DISPUTED:
            self.disputed.pop(self.random.randrange(DISPUTED))
        return said

    def _retraction(self) -> Event:
        target, fact = self.correctable.pop(self.random.randrange(len(self.correctable)))
        data = {"event": target, "reason": f"The source withdrew it: {fact['type']}."}
        return self._said("event.retracted", data, self.day, self.day)


def _published(base: str, hundredths: int) -> Event:
    return {"base": base, "quote": "USD", "rate": str(hundredths / 100)}
