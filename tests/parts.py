"""Parts that events of a stream are made of: parties, amounts, stakes, periods; few enough that they meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.choices import Choices

Event = dict[str, Any]

ENTITIES = {
    "acme": "company",
    "borealis": "company",
    "cumulus": "company",
    "delta-fund": "fund",
    "somebody": "undisclosed",
    "atlantis": "place",
}
PARTIES = list(ENTITIES)
CURRENCIES = ["USD", "USD", "USD", "EUR", "EUR", "JPY"]
AMOUNTS = ["100", "40", "250", "1", "33.333333333333", "0.000000000001", "0", "999999999999999999"]
WORDS = ["about", "over", "at_least", "up_to", "nearly", "just_under", "tens_of", "hundreds_of"]
SHARES = ["0.5", "0.2", "0.3", "0.049", "1", "0.333333333333", "0.9"]


class Parts:
    """Makes them out of choices."""

    def __init__(self, choices: Choices) -> None:
        self._choose = choices

    def _money(self, words: Sequence[str] = WORDS) -> Event:
        amount, code = self._choose.one_of(AMOUNTS[:3] * 4 + AMOUNTS), self._choose.one_of(CURRENCIES)
        form = self._choose.one_of(["exact"] * 5 + ["word"] * 3 + ["own", "own", "unknown", "of a currency"])
        if form == "word":
            if len(amount) > 15:
                amount = "7"
            return {"currency": code, "amount": amount, "qualifier": self._choose.one_of(words)}
        if form == "own":
            own: Event = {"currency": code}
            if self._choose.chance(70):
                own["low"] = self._choose.one_of(["20", "40", "0"])
            if self._choose.chance(70):
                own["high"] = self._choose.one_of(["60", "40.5"])
                if self._choose.chance(30):
                    own["high_open"] = True
            if self._choose.chance(40):
                own["amount"] = "40"
            return own
        if form == "unknown":
            return {}
        return {"currency": code} if form == "of a currency" else {"currency": code, "amount": amount}

    def _stake(self) -> Event:
        stake: Event = {"basis": self._choose.one_of(["economic", "economic", "voting", "profit_share"])}
        form = self._choose.one_of(["exact", "exact", "exact", "word", "own", "unknown"])
        if form == "exact":
            stake["share"] = self._choose.one_of(SHARES)
        elif form == "word":
            stake |= {"share": self._choose.one_of(SHARES), "qualifier": self._choose.one_of(WORDS[:6])}
        elif form == "own":
            if self._choose.chance(70):
                stake["low"] = "0.1"
            if self._choose.chance(70):
                stake["high"] = self._choose.one_of(["0.4", "1"])
            if self._choose.chance(30):
                stake["share"] = "0.25"
        return stake

    def _two(self) -> tuple[str, str]:
        """Two parties; mostly the same few, so that their events meet, and now and then one party twice."""
        one = self._choose.one_of(["delta-fund"] * 8 + ["acme"] * 4 + PARTIES)
        other = self._choose.one_of(["borealis"] * 8 + ["cumulus"] * 4 + PARTIES)
        return (one, "atlantis") if one == other and self._choose.chance(80) else (one, other)

    def _maybe(self, data: Event, percent: int, name: str, make: Callable[[], Any]) -> None:
        if self._choose.chance(percent):
            data[name] = make()

    def _horizon(self) -> Event:
        horizon = {"start": "2022"} if self._choose.chance(50) else {}
        self._maybe(horizon, 80, "end", lambda: self._choose.one_of(["2022-Q3", "2023", "2024-02"]))
        return horizon

    def _some(self, names: Sequence[str]) -> list[str]:
        """Up to three of the names, each once; none of none."""
        count = self._choose.one_of([1, 2, 3]) if names else 0
        return list(dict.fromkeys(self._choose.one_of(names) for _ in range(count)))

    def _quantity(self) -> Event:
        quantity: Event = {"unit": "chips"}
        if self._choose.chance(70):
            quantity["number"] = self._choose.one_of(["100", "40", "0"])
            self._maybe(quantity, 40, "qualifier", lambda: self._choose.one_of(WORDS))
        else:
            quantity |= {"low": "20", "high": "60"}
        return quantity

    def _share_of(self) -> str | Event:
        if self._choose.chance(50):
            return self._choose.one_of(SHARES)
        return {"share": self._choose.one_of(SHARES), "qualifier": self._choose.one_of(WORDS[:6])}

    def _span(self) -> Event:
        if self._choose.chance(60):
            year = self._choose.one_of(["2022", "2021", "2023", "2022-Q1", "2022-Q2"])
            return {"start": year, "end": year}
        span: Event = {}
        self._maybe(span, 70, "start", lambda: self._choose.one_of(["2022", "2021", "2022-Q2", "2022-04-01"]))
        self._maybe(span, 80, "end", lambda: self._choose.one_of(["2022", "2022-06", "2023", "2024"]))
        return span
