"""A full example of every type of event, and how tests change one place of it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from ledger.event import parse_event
from ledger.refusals import Problem, Refusal
from tests.facts import Fact, ident, stake, usd

SOURCE = {
    "url": "https://example.com/a?b=c#d",
    "title": "Ａ title, “quoted” — 東京",
    "publisher": "The Paper",
    "published": "2023-09",
    "anchor": "2023-09-25/2023-09-26",
    "quote": "They said:\n\t“up to $4 billion”",
    "sha256": "0123456789abcdef" * 4,
}
MONEY = {**usd("3", low="2", high="4", high_open=True), "original": "between two and four"}
SPAN = {"start": "2023", "end": "2027-Q1"}
TERM = {**SPAN, "months": 48}

OLD_KEY = "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_KEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"

# The places in events that hold the id of a party or a record.
SLUGS = (
    *("/entity", "/commitment", "/contract", "/guarantee", "/claim", "/restriction", "/from", "/to", "/of", "/by"),
    *("/investor", "/issuer", "/holder", "/payer", "/customer", "/provider", "/subject", "/parent", "/manager"),
    *("/seller", "/buyer", "/guarantor"),
)

# Every field of every type, each with a value that it takes.
# A reviewer is anybody's name, and no party.
REVIEWER = "An auditor"
FULL: dict[str, dict[str, Any]] = {
    "entity.registered": {
        "entity": "acme-2",
        "name": "Acmé",
        "kind": "company",
        "parent": "acme",
        "manager": "manager",
        "country": "JP",
        "city": "東京",
        "sector": "AI",
        "state": "active",
        "lei": "5493001KJTIIGC8Y1R12",
        "aliases": ["Acme", "ACME"],
        "names": {"ja": "アクメ", "zh-Hant": "艾克米"},
    },
    "entity.changed": {
        "entity": "acme-2",
        "name": "Acmé",
        "kind": "fund",
        "parent": None,
        "manager": None,
        "country": "JP",
        "city": "Ōsaka",
        "sector": "AI",
        "state": "merged",
        "lei": None,
        "aliases": [],
        "names": ["アクメ", {"text": "艾克米", "lang": "zh"}],
    },
    "commitment.made": {
        "commitment": "acme-beta-2023",
        "from": "acme",
        "to": "beta",
        "amount": MONEY,
        "purpose": "capex",
        "binding": False,
        "stage": "negotiation",
        "form": ["cash", "cloud_credit"],
        "horizon": SPAN,
        "conditions": ["approval", "a profit"],
        "part_of": "programme",
        "overlaps": [ident(1), "other"],
        "linked": "cloud-deal",
    },
    "commitment.changed": {
        "commitment": "acme-beta-2023",
        "amount": MONEY,
        "binding": True,
        "stage": "agreed",
        "horizon": {"end": "2030"},
        "held": False,
    },
    "commitment.closed": {"commitment": "acme-beta-2023", "outcome": "blocked", "by": "regulator"},
    "commitment.drawn": {"commitment": "acme-beta-2023", "amount": MONEY},
    "guarantee.given": {
        "guarantee": "acme-for-beta",
        "guarantor": "acme",
        "of": "beta",
        "to": "bank",
        "amount": MONEY,
        "term": TERM,
    },
    "guarantee.called": {"guarantee": "acme-for-beta", "amount": MONEY},
    "investment.made": {
        "investor": "acme",
        "issuer": "beta",
        "instrument": "convertible",
        "amount": MONEY,
        "form": "cash",
        "cash_to": "holders",
        "seller": "founder",
        "units": "1000.5",
        "stake": stake("0.49", qualifier="up_to", basis="profit_share"),
        "round": "Series B",
        "lead": True,
        "commitment": "acme-beta-2023",
        "inside_commitment": False,
        "collateral": "chips",
        "term": TERM,
        "part_of": ident(2),
        "linked": ["cloud-deal", ident(1)],
    },
    "investment.sold": {
        "holder": "acme",
        "issuer": "beta",
        "instrument": "warrant",
        "proceeds": {},
        "fraction": "0.5",
        "buyer": "founder",
    },
    "holding.observed": {
        "holder": "acme",
        "issuer": "beta",
        "instrument": "mixed",
        "units": "7",
        "stake": {"low": "0.1", "high": "0.2", "basis": "voting"},
    },
    "distribution.paid": {
        "payer": "beta",
        "holder": "acme",
        "amount": MONEY,
        "kind": "return_of_capital",
        "recallable": usd("1"),
        "commitment": "acme-beta-2023",
        "instrument": "fund_interest",
    },
    "contract.signed": {
        "contract": "cloud-deal",
        "customer": "beta",
        "provider": "acme",
        "amount": MONEY,
        "resource": "gpu",
        "binding": True,
        "term": {"months": 36},
        "exclusive": "both",
        "take_or_pay": True,
        "cancellable": False,
        "linked": [ident(1)],
    },
    "contract.changed": {"contract": "cloud-deal", "amount": MONEY, "term": TERM, "exclusive": "provider"},
    "contract.ended": {"contract": "cloud-deal", "reason": "it ran out"},
    "contract.billed": {"contract": "cloud-deal", "amount": MONEY, "period": SPAN},
    "contract.paid": {"contract": "cloud-deal", "amount": MONEY, "period": {"start": "2023-Q1"}},
    "valuation.recorded": {
        "subject": "beta",
        "value": MONEY,
        "basis": "post_money",
        "holder": "acme",
        "stake": stake("0.1"),
        "method": "by comparison",
        "level": 3,
        "price": usd("12.5"),
        "peak": True,
    },
    "rate.published": {"base": "EUR", "quote": "JPY", "rate": "158.123456789012"},
    "claim.published": {
        "claim": "tens-of-billions",
        "text": "It is a lot.",
        "kind": "forecast",
        "by": "acme",
        "about": ["beta", ident(1)],
        "denies": ident(2),
        "value": MONEY,
        "quantity": {"number": "350000", "unit": "chips"},
        "count": 12,
        "share_of": "0.4",
        "period": SPAN,
        "measures": "funding",
        "payers": ["acme"],
        "payees": ["beta"],
        "members": ["acme-beta-2023", ident(1)],
        "series": "capex a year",
        "part_of": "a-larger-claim",
    },
    "restriction.imposed": {
        "restriction": "no-guns",
        "on": ["acme", "acme-beta-2023"],
        "by": "regulator",
        "kind": "sanction",
        "text": "No guns.",
        "allows": ["US", "acme"],
        "forbids": ["weapons"],
    },
    "restriction.lifted": {"restriction": "no-guns", "reason": "peace"},
    "event.corrected": {
        "event": ident(3),
        "replacement": {
            "type": "investment.made",
            "effective": "2023-Q3",
            "known": "2023-11-05",
            "source": SOURCE,
            "status": "denied",
            "same_as": ident(4),
            "note": "what it should have said",
            "data": {"investor": "acme", "issuer": "beta", "instrument": "equity", "amount": {}},
        },
        "reason": "a slip",
    },
    "event.retracted": {"event": ident(3), "reason": "never happened"},
    "review.recorded": {
        "events": [ident(3), ident(4)],
        "verdict": "questioned",
        "comment": "Are you sure?",
        "by": REVIEWER,
    },
    "attachment.added": {
        "attachment": "agreement",
        "about": [ident(3), "acme", "acme-beta-2023"],
        "title": "The agreement",
        "media_type": "text/plain;charset=utf-8",
        "size": 12,
        "hash": f"sha256:{'0123456789abcdef' * 4}",
    },
    "attachment.erased": {"attachment": "agreement", "reason": "The parties asked for it."},
    "key.rotated": {
        "previous": "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        "key": "ledger.example/deals+d55dac7e+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
        "reason": "Whoever had the key has left.",
    },
}


def full(kind: str) -> Fact:
    envelope = {
        "id": ident(9),
        "known": "2023-11-05",
        "source": SOURCE,
        "status": "confirmed",
        "same_as": ident(8),
        "note": "one\ntwo",
    }
    return {"type": kind, "effective": "2023-Q3/2023-11-05", **deepcopy(envelope), "data": deepcopy(FULL[kind])}


def problems(submitted: Any) -> tuple[Problem, ...]:
    with pytest.raises(Refusal) as refused:
        parse_event(submitted)
    return refused.value.problems


def problem(submitted: Any) -> tuple[str, str]:
    """The reason and the pointer of the one thing that is wrong."""
    [one] = problems(submitted)
    assert one.detail
    assert one.mend
    return one.reason, one.pointer


def put(event: Fact, pointer: str, value: Any) -> Fact:
    """The event with another value at a JSON pointer."""
    *path, last = pointer.split("/")[1:]
    part: Any = event
    for step in path:
        part = part[int(step) if isinstance(part, list) else step]
    part[int(last) if isinstance(part, list) else last] = value
    return event


def fields(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every JSON pointer into a value, with what stands there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inside:
        yield f"{pointer}/{name}", part
        yield from fields(part, f"{pointer}/{name}")


def every(test: Any) -> list[tuple[str, str]]:
    """(type, pointer) of every place in the full examples whose pointer and value pass the test."""
    return [(kind, pointer) for kind in FULL for pointer, value in fields(full(kind)) if test(pointer, value)]
