"""Streams of promises, deals and payments that hang together: parts of parts to several parties, records of which one
is another's double, forms and draws. Most of what tests/streams.py writes beside them is left out.
"""

from __future__ import annotations

from tests.parts import Event
from tests.streams import Builder, Fact

_TYPES = [
    *["commitment.made"] * 6,
    *["investment.made"] * 6,
    *["contract.signed"] * 3,
    *["commitment.changed", "commitment.closed", "commitment.drawn", "distribution.paid"],
    *["contract.paid", "contract.paid", "contract.changed", "contract.ended", "contract.billed"],
    *["guarantee.given", "guarantee.called", "entity.changed", "rate.published"],
    *["claim.published", "claim.published", "restriction.imposed", "restriction.lifted"],
]
_MAKERS = ("commitment.made", "contract.signed", "guarantee.given", "claim.published", "restriction.imposed")


class Tangles(Builder):
    """Writes mostly what has parts, doubles and draws."""

    def event(self) -> Event:
        if self._choose.chance(70):
            return self._fact(self._choose.one_of(_TYPES))
        return super().event()

    def _said(self, fact: Fact) -> Event:
        said = super()._said(fact)
        if fact.type in _MAKERS and (earlier := self._before(fact, fact.type)) and self._choose.chance(40):
            said["same_as"] = self._choose.one_of(earlier[::-1]).id
        if "status" in said and self._choose.chance(50):
            del said["status"]
        return said

    def _record(self, slugs: list[str], maker: str, *, makes: bool) -> str:
        return super()._record([*slugs, *(f"second-{slug}" for slug in slugs)], maker, makes=makes)

    def _part_of(self, data: Event, fact: Fact, *others: str) -> None:
        super()._part_of(data, fact, *others)
        if "part_of" not in data:  # as likely again
            super()._part_of(data, fact, *others)
