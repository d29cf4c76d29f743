"""The form of the rules' cases, and the facts that several of them begin with."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.refusals import Reason
from tests.facts import Fact, commit, entities, entity_changed, ident, invest, usd
from tests.ledgers import Ledger, taken

PARTIES = entities("acme", "beta", "gamma")


Case = tuple[str, list[Fact], Fact, Reason | None]


def cases(*listed: Case) -> Any:
    return pytest.mark.parametrize(
        ("given", "then", "reason"), [one[1:] for one in listed], ids=[one[0] for one in listed]
    )


def check(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    ledger.given(*PARTIES, *given)
    if reason is None:
        taken(ledger.ask(then))
    else:
        assert ledger.refused(then).reason == reason


PLEDGE = commit("pledge", "acme", "beta", id=ident(1))


def drawing(amount: str, **more: Any) -> Fact:
    return invest("acme", "beta", usd(amount), commitment="pledge", **more)


def bought(units: str = "10", on: str = "2023-01-01", **more: Any) -> Fact:
    return invest("acme", "beta", on=on, units=units, **more)


def under(name: str, parent: str | None, on: str = "2020", **more: Any) -> Fact:
    return entity_changed(name, on=on, parent=parent, **more)


WHOLE, PART = commit("whole", "acme", "beta", id=ident(1)), commit("part", "acme", "beta", part_of="whole", id=ident(2))


FIRST, SECOND = bought(id=ident(1)), bought(id=ident(2), same_as=ident(1))


def part_of(name: str, whole: str | None) -> Fact:
    more: dict[str, Any] = {} if whole is None else {"part_of": whole}
    return commit(name, "acme", "beta", **more)
