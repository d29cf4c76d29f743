"""Who the parties of the workload are, and who deals with whom.

In `Roles` money goes as it does where companies are funded: limited partners → funds → start-ups; banks lend; companies
and start-ups buy of each other and of a few cloud vendors, which buy of fewer chip makers. Vendors and chip makers also
fund the start-ups that buy of them, which is what closes circles. In `Anyone` every party deals with every other: no
network looks like that, and none is harder to work out.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

COUNTRIES = ("US", "US", "US", "CN", "GB", "DE", "JP", "FR")
# So much of what parties do, they do with somebody whom they deal with already: a follow-on round, a further contract.
AGAIN = 0.4


class Funding(NamedTuple):
    """Who funds whom, and how."""

    investor: str
    issuer: str
    instrument: str
    credit: float
    """How likely an investment is made in cloud credit."""


class Trade(NamedTuple):
    """Who buys of whom, and what may be bought."""

    customer: str
    provider: str
    resources: Sequence[str]


Deal = TypeVar("Deal", Funding, Trade)


class Ranked:
    """Draws from a list by Zipf's law: who stands first comes up most, with the first few much alike."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._weights = list(accumulate(1 / (rank + 10) for rank in range(len(names))))

    def draw(self, chance: random.Random) -> str:
        return self.names[bisect_left(self._weights, chance.random() * self._weights[-1])]


class Parties(ABC):
    """The parties of a stream. `chance` is the stream's own, so the same seed gives the same deals."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number, self.chance = number, chance

    @abstractmethod
    def registered(self) -> Iterator[dict[str, Any]]:
        """What is said of each when it enters the ledger. Deals can be drawn when all have."""

    @abstractmethod
    def funding(self) -> Funding: ...

    @abstractmethod
    def trade(self) -> Trade: ...

    @abstractmethod
    def valued(self) -> str:
        """Somebody whose value is told."""

    @abstractmethod
    def distributes(self, issuer: str) -> bool:
        """Whether it pays out to those who hold it."""


# --- by roles ----------------------------------------------------------------------------------------------------


class Role(NamedTuple):
    kinds: Sequence[str]
    """Of entities; each as likely as it is often here."""
    share: float
    """Of all parties."""
    most: int | None = None
    """How many there are however many parties there are, for there are few of some."""
    owned: float = 0.0
    """How many have a company for a parent."""


ROLES = {
    "vendor": Role(("company",), 0.02, most=20),
    "chipmaker": Role(("company",), 0.01, most=5),
    "bank": Role(("company",), 0.01),
    "partner": Role(("company", "company", "government", "person", "person", "undisclosed"), 0.10),
    "fund": Role(("fund",), 0.12),
    "company": Role(("company",), 0.20, owned=0.10),
    "startup": Role(("company",), 1.0, owned=0.03),  # all the others
}
LEAST = 2  # of each role, in the smallest ledgers
CLOUD, CHIPS, LICENCE = ("cloud", "gpu"), ("gpu", "chips"), ("licence",)
# Per thousand of what is invested and promised: (who, whom, how often, instrument, how likely in cloud credit).
FUNDED = (
    ("fund", "startup", 500, "equity", 0.0),
    ("partner", "fund", 250, "fund_interest", 0.0),
    ("company", "startup", 95, "equity", 0.0),
    ("vendor", "startup", 58, "equity", 0.4),
    ("bank", "company", 50, "debt", 0.0),
    ("bank", "startup", 30, "debt", 0.0),
    ("chipmaker", "startup", 15, "equity", 0.0),
    ("chipmaker", "vendor", 2, "equity", 0.0),
)
# Per hundred contracts: (who, of whom, how often, what).
BOUGHT = (
    ("startup", "vendor", 35, CLOUD),
    ("company", "vendor", 20, CLOUD),
    ("company", "startup", 20, LICENCE),
    ("vendor", "chipmaker", 10, CHIPS),
    ("startup", "company", 8, LICENCE),
    ("startup", "chipmaker", 3, CHIPS),
    ("vendor", "startup", 2, LICENCE),
    ("bank", "vendor", 2, CLOUD),
)
VALUED = (("startup", 70), ("fund", 15), ("company", 10), ("vendor", 4), ("chipmaker", 1))
DISTRIBUTE = ("fund", "company", "vendor", "chipmaker")


class Roles(Parties):
    """Parties that each have a role; the earlier of a role are the larger ones."""

    def __init__(self, number: int, chance: random.Random) -> None:
        super().__init__(number, chance)
        self._of: dict[str, Ranked] = {}
        self._funded: list[Funding] = []
        self._traded: list[Trade] = []

    def registered(self) -> Iterator[dict[str, Any]]:
        left = self.number
        for role, (kinds, share, most, owned) in ROLES.items():
            count = min(left, most or left, max(LEAST, int(self.number * share)))
            left -= count
            names = [f"{role}-{index:05d}" for index in range(count)]
            for index, name in enumerate(names):
                data = {"entity": name, "name": f"{role.capitalize()} {index:05d}", "kind": self.chance.choice(kinds)}
                data["country"] = self.chance.choice(COUNTRIES)
                if index > LEAST and self.chance.random() < owned:
                    above = names[: index // 2] if role == "company" else self._of["company"].names
                    data["parent"] = self.chance.choice(above)
                yield data
            self._of[role] = Ranked(names)

    def funding(self) -> Funding:
        if self._funded and self.chance.random() < AGAIN:
            return self.chance.choice(self._funded)
        [(who, whom, _, instrument, credit)] = self.chance.choices(FUNDED, [often for _, _, often, _, _ in FUNDED])
        return self._lasting(self._funded, Funding(self._one(who), self._one(whom), instrument, credit))

    def trade(self) -> Trade:
        if self._traded and self.chance.random() < AGAIN:
            return self.chance.choice(self._traded)
        [(who, whom, _, resources)] = self.chance.choices(BOUGHT, [often for _, _, often, _ in BOUGHT])
        return self._lasting(self._traded, Trade(self._one(who), self._one(whom), resources))

    def valued(self) -> str:
        [(role, _)] = self.chance.choices(VALUED, [often for _, often in VALUED])
        return self._one(role)

    def distributes(self, issuer: str) -> bool:
        """Start-ups put what they earn into growing."""
        return issuer.partition("-")[0] in DISTRIBUTE

    def _one(self, role: str) -> str:
        return self._of[role].draw(self.chance)

    def _lasting(self, among: list[Deal], deal: Deal) -> Deal:
        """As many relations are kept as there are parties; each new one ends another, so they last some years."""
        if len(among) < self.number:
            among.append(deal)
        else:
            among[self.chance.randrange(self.number)] = deal
        return deal


# --- anyone with anyone ------------------------------------------------------------------------------------------

KINDS = ("company",) * 8 + ("fund", "fund", "person", "undisclosed")
OWNED = 0.05
CREDIT = 0.05
ANYTHING = ("cloud", "gpu", "chips", "licence")


class Anyone(Parties):
    """Parties without roles, each of which funds, buys, sells and is valued."""

    def registered(self) -> Iterator[dict[str, Any]]:
        names: list[str] = []
        for index in range(self.number):
            name = f"party-{index:05d}"
            data = {"entity": name, "name": f"Party {index:05d}", "kind": self.chance.choice(KINDS)}
            data["country"] = self.chance.choice(COUNTRIES)
            if index > 20 and self.chance.random() < OWNED:
                data["parent"] = names[self.chance.randrange(index // 2)]
            names.append(name)
            yield data
        self._all = Ranked(names)

    def funding(self) -> Funding:
        return Funding(*self._two(), "equity", CREDIT)

    def trade(self) -> Trade:
        return Trade(*self._two(), ANYTHING)

    def valued(self) -> str:
        return self._all.draw(self.chance)

    def distributes(self, issuer: str) -> bool:
        return True

    def _two(self) -> tuple[str, str]:
        first = self.valued()
        while (second := self.valued()) == first:
            pass
        return first, second
