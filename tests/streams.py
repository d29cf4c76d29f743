"""Streams of events over a small universe, full of what is hard: coarse dates, ties, back-dating, corrections of
corrections, retractions of retractions, words for bounds, missing rates, several sources for one fact.

One builder makes them out of choices, and the choices come either from Hypothesis (which then knows how to make a
failing stream small) or from a seeded random generator (for many thousands). The events are as somebody would post
them; the ledger refuses some, and that is part of it: the builder is told, so that later ones don't build on these.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.choices import Choices
from tests.oracle.dates import last_day
from tests.parts import ENTITIES, PARTIES, WORDS, Event, Parts

COMMITMENTS = ["pledge", "programme", "reserve"]
CONTRACTS = ["cloud-deal", "chip-deal", "licence-deal"]
GUARANTEES = ["backstop", "surety"]
CLAIMS = ["all-told", "last-year", "this-year", "next-year", "one-round", "this-round", "their-view", "our-view"]
RESTRICTIONS = ["mandate", "embargo", "covenant"]
LINKING = ("investment.made", "contract.signed", "commitment.made")
FORMS = ["cash", "cloud_credit", "stock", ["cash", "cloud_credit"]]
# What makes the records of each kind, and the ids that they are given.
RECORDS = {
    "commitment": ("commitment.made", COMMITMENTS),
    "contract": ("contract.signed", CONTRACTS),
    "guarantee": ("guarantee.given", GUARANTEES),
    "claim": ("claim.published", CLAIMS),
    "restriction": ("restriction.imposed", RESTRICTIONS),
}
INSTRUMENTS = [*["equity"] * 8, "fund_interest", "fund_interest", "debt", "grant", "warrant"]
# Few enough that days tie, and that periods overlap, touch and lie in one another.
EFFECTIVE = [
    "2022-06-30",
    "2022-03-31",
    "2022-04-01",
    "2022",
    "2022-Q1",
    "2022-Q2",
    "2022-06",
    "2022-03-31/2022-06-30",
    "2022-02/2022-Q3",
    "2021-12-31",
    "2021/2022-06",
    "2023-01-01",
    "2023-02",
    "2023",
    "2022-Q4/2023",
    "2024-02-29",
    "2024-Q1",
    "2027",
]
KNOWN = ["2022-06-30", "2021-06-30", "2022-03-31", "2022-12-31", "2023-01-01", "2023-07-01", "2024-03-01", "2025-06-30"]
CEILINGS = ["up_to", "up_to", *WORDS]
UNITS = ["100", "30", "70", "10", "0.5", "0"]
FRACTIONS = ["0.5", "0.25", "1", "0.333333333333", "0"]
RATES = ["1.1", "0.8", "3", "150", "0.000123456789"]


@dataclass
class Fact:
    """An event and what it takes to write another one of the same type and record."""

    id: str
    type: str
    slug: str | None
    # The ids that may be corrected or retracted, each with its known: the fact, its corrections, their retractions.
    members: list[tuple[str, str]]
    retractions: list[tuple[str, str]]


class Builder(Parts):
    """Writes events one after the other; each may refer to those before it."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self._count = 0
        self._facts: list[Fact] = []
        self._undo: Callable[[], Any] = lambda: None

    def registrations(self) -> list[Event]:
        """The parties, to be posted before anything else."""
        facts = [Fact(self._new_id(), "entity.registered", name, [], []) for name in ENTITIES]
        for fact in facts:
            fact.members.append((fact.id, "2015-12-31"))
        self._facts += facts
        return [
            {"type": fact.type, "id": fact.id, "effective": "2015", "data": self._party(name, kind)}
            for fact, (name, kind) in zip(facts, ENTITIES.items(), strict=True)
        ]

    def event(self) -> Event:
        """One more event."""
        kind = self._choose.one_of([*_KINDS, *["correct"] * 8, *["retract"] * 5])
        if kind == "correct" and self._facts:
            return self._correct(self._choose.one_of(self._facts[::-1]))
        if kind == "retract" and self._facts:
            return self._retract(self._choose.one_of(self._facts[::-1]))
        return self._fact("investment.made" if kind in ("correct", "retract") else kind)

    def refused(self) -> None:
        """The last event was not taken: nothing will refer to it."""
        self._undo()

    # --- envelopes --------------------------------------------------------------------------------------------

    def _new_id(self) -> str:
        self._count += 1
        return str(uuid.UUID(int=self._count))

    def _fact(self, kind: str) -> Event:
        slug = self._slug(kind)
        fact = Fact(self._new_id(), kind, slug, [], [])
        said = self._said(fact)
        if "known" not in said:
            # Only rates may leave it out: the default of the others is the day on which the test runs.
            said["known"] = str(min(last_day(said["effective"]), last_day("2025")))
        fact.members.append((fact.id, said["known"]))
        self._facts.append(fact)
        self._undo = self._facts.pop
        return {"type": kind, "id": fact.id, **said}

    def _said(self, fact: Fact) -> Event:
        """Everything but type and id: what a fact and a replacement have in common."""
        said: Event = {"effective": self._choose.one_of(EFFECTIVE)}
        if fact.type != "rate.published" or self._choose.chance(50):
            said["known"] = self._choose.one_of(KNOWN)
        if self._choose.chance(25):
            said["status"] = self._choose.one_of(["confirmed", "rumoured", "denied", "reported"])
        if self._choose.chance(12):
            earlier = self._before(fact, fact.type)
            if earlier:
                said["same_as"] = self._choose.one_of(earlier).id
        said["data"] = FACTS[fact.type](self, fact)
        return said

    def _before(self, fact: Fact, kind: str) -> list[Fact]:
        """The earlier facts of a type. Only those may be named: circles are another test's business."""
        until = self._facts.index(fact) if fact in self._facts else len(self._facts)
        return [one for one in self._facts[:until] if one.type == kind]

    def _slug(self, kind: str) -> str | None:
        if (record := RECORDS.get(kind.partition(".")[0])) is None:
            return None
        maker, slugs = record
        return self._record(slugs, maker, makes=kind == maker)

    def _record(self, slugs: list[str], maker: str, *, makes: bool) -> str:
        """One that isn't there yet to make it, one that is there for everything else; mostly."""
        there = [slug for slug in slugs if any(one.type == maker and one.slug == slug for one in self._facts)]
        fitting = [slug for slug in slugs if slug not in there] if makes else there
        return self._choose.one_of(fitting if fitting and self._choose.chance(90) else slugs)

    def _correct(self, fact: Fact) -> Event:
        target, known = self._choose.one_of(fact.members[::-1])
        replacement = {"type": fact.type, **self._said(fact)}
        if self._choose.chance(50):
            replacement.pop("known", None)
        correction = self._amendment("event.corrected", target, known)
        correction["data"]["replacement"] = replacement
        fact.members.append((correction["id"], correction["known"]))
        self._undo = fact.members.pop
        return correction

    def _retract(self, fact: Fact) -> Event:
        target, known = self._choose.one_of([*fact.retractions, *fact.members][::-1])
        retraction = self._amendment("event.retracted", target, known)
        fact.retractions.append((retraction["id"], retraction["known"]))
        self._undo = fact.retractions.pop
        return retraction

    def _amendment(self, kind: str, target: str, known: str) -> Event:
        later = [day for day in KNOWN if day >= known] or [known]
        amendment = {
            "type": kind,
            "id": self._new_id(),
            "known": self._choose.one_of(later if self._choose.chance(90) else KNOWN),
            "data": {"event": target, "reason": "better known"},
        }
        if self._choose.chance(15):
            amendment["effective"] = self._choose.one_of(EFFECTIVE)
        return amendment

    # --- parts ------------------------------------------------------------------------------------------------

    def _pledge(self) -> str:
        return self._record(COMMITMENTS, "commitment.made", makes=False)

    def _part_of(self, data: Event, fact: Fact, *others: str) -> None:
        """Part of an earlier one of its type, now and then of another type."""
        kind = self._choose.one_of([fact.type, fact.type, fact.type, *others])
        earlier = self._before(fact, kind)
        if earlier and self._choose.chance(50):
            whole = self._choose.one_of(earlier[-3:])
            by_slug = whole.slug is not None and whole.slug != fact.slug and self._choose.chance(60)
            data["part_of"] = whole.slug if by_slug else whole.id

    def _linked(self, data: Event, fact: Fact) -> None:
        """Named by another event of money, or by its record."""
        earlier = [one for kind in LINKING for one in self._before(fact, kind)]
        if earlier and self._choose.chance(25):
            other = self._choose.one_of(earlier)
            data["linked"] = other.slug if other.slug is not None and self._choose.chance(50) else [other.id]

    def _party(self, name: str, kind: str) -> Event:
        return {"entity": name, "name": name.title(), "kind": kind}

    # --- the types --------------------------------------------------------------------------------------------

    def investment_made(self, fact: Fact) -> Event:
        investor, issuer = self._two()
        data: Event = {
            "investor": investor,
            "issuer": issuer,
            "instrument": self._choose.one_of(INSTRUMENTS),
            "amount": self._money(),
        }
        self._maybe(data, 50, "units", lambda: self._choose.one_of(UNITS))
        self._maybe(data, 50, "stake", self._stake)
        self._maybe(data, 15, "cash_to", lambda: self._choose.one_of(["holders", "issuer"]))
        if self._choose.chance(30):
            data["commitment"] = self._pledge()
            self._maybe(data, 30, "inside_commitment", lambda: self._choose.chance(50))
        self._maybe(data, 25, "form", lambda: self._choose.one_of(FORMS))
        self._maybe(data, 10, "seller", lambda: self._choose.one_of(PARTIES))
        self._linked(data, fact)
        self._part_of(data, fact, "commitment.made")
        return data

    def investment_sold(self, _: Fact) -> Event:
        holder, issuer = self._two()
        data: Event = {
            "holder": holder,
            "issuer": issuer,
            "instrument": self._choose.one_of(INSTRUMENTS),
            "proceeds": self._money(),
        }
        measure = self._choose.one_of(["units", "units", "stake", "fraction", "all"])
        if measure == "units":
            data["units"] = self._choose.one_of(UNITS)
        elif measure == "stake":
            data["stake"] = self._stake()
        elif measure == "fraction":
            data["fraction"] = self._choose.one_of(FRACTIONS)
        else:
            data["all"] = True
        return data

    def holding_observed(self, _: Fact) -> Event:
        holder, issuer = self._two()
        data: Event = {"holder": holder, "issuer": issuer, "instrument": self._choose.one_of(INSTRUMENTS)}
        self._maybe(data, 60, "units", lambda: self._choose.one_of(UNITS))
        if "units" not in data or self._choose.chance(50):
            data["stake"] = self._stake()
        return data

    def distribution_paid(self, _: Fact) -> Event:
        holder, payer = self._two()
        kinds = ["dividend", "interest", "principal", "return_of_capital", "revenue_share"]
        data = {"payer": payer, "holder": holder, "amount": self._money(), "kind": self._choose.one_of(kinds)}
        self._maybe(data, 40, "recallable", self._money)
        self._maybe(data, 50, "commitment", self._pledge)
        self._maybe(data, 20, "instrument", lambda: self._choose.one_of(INSTRUMENTS))
        return data

    def commitment_made(self, fact: Fact) -> Event:
        from_, to = self._two()
        data: Event = {
            "commitment": fact.slug,
            "from": from_,
            "to": to,
            "amount": self._money(CEILINGS),
            "purpose": self._choose.one_of(["fund", "investment", "capex", "spend", "loan", "grant"]),
            "binding": self._choose.chance(30),
        }
        self._maybe(data, 40, "stage", lambda: self._choose.one_of(["planned", "announced", "agreed"]))
        self._maybe(data, 40, "horizon", self._horizon)
        self._maybe(data, 20, "form", lambda: self._choose.one_of(FORMS))
        self._part_of(data, fact)
        return data

    def commitment_changed(self, fact: Fact) -> Event:
        data: Event = {"commitment": fact.slug}
        self._maybe(data, 60, "amount", self._money)
        self._maybe(data, 30, "binding", lambda: self._choose.chance(50))
        self._maybe(data, 30, "stage", lambda: self._choose.one_of(["negotiation", "agreed"]))
        self._maybe(data, 30, "horizon", self._horizon)
        self._maybe(data, 30, "held", lambda: self._choose.chance(50))
        return data

    def commitment_closed(self, fact: Fact) -> Event:
        outcomes = ["fulfilled", "cancelled", "expired", "blocked", "withdrawn"]
        return {"commitment": fact.slug, "outcome": self._choose.one_of(outcomes)}

    def commitment_drawn(self, fact: Fact) -> Event:
        return {"commitment": fact.slug, "amount": self._money()}

    def contract_signed(self, fact: Fact) -> Event:
        provider, customer = self._two()
        if self._choose.chance(40):  # the others buy of whom they are financed by
            provider, customer = customer, provider
        data: Event = {
            "contract": fact.slug,
            "customer": customer,
            "provider": provider,
            "amount": self._money(CEILINGS),
            "resource": self._choose.one_of(["cloud", "chips", "licence"]),
            "binding": self._choose.chance(50),
        }
        self._maybe(data, 40, "term", self._horizon)
        self._maybe(data, 40, "exclusive", lambda: self._choose.one_of(["customer", "provider", "both"]))
        self._maybe(data, 40, "take_or_pay", lambda: self._choose.chance(70))
        self._linked(data, fact)
        return data

    def contract_changed(self, fact: Fact) -> Event:
        data: Event = {"contract": fact.slug}
        self._maybe(data, 70, "amount", self._money)
        self._maybe(data, 40, "term", lambda: {**self._horizon(), "months": 18})
        self._maybe(data, 40, "exclusive", lambda: self._choose.one_of(["customer", "provider"]))
        return data

    def contract_ended(self, fact: Fact) -> Event:
        return {"contract": fact.slug, "reason": "done"}

    def contract_settled(self, fact: Fact) -> Event:
        return {"contract": fact.slug, "amount": self._money()}

    def valuation_recorded(self, _: Fact) -> Event:
        holder, subject = self._two()
        bases = ["post_money", "fair_value", "market_cap", "secondary", "pre_money", "target", "counterfactual"]
        data = {"subject": subject, "value": self._money(), "basis": self._choose.one_of(bases)}
        self._maybe(data, 20, "holder", lambda: holder)
        self._maybe(data, 50, "price", self._money)
        self._maybe(data, 30, "stake", self._stake)
        return data

    def rate_published(self, _: Fact) -> Event:
        base, quote = self._choose.one_of([("EUR", "USD"), ("USD", "EUR"), ("EUR", "JPY")])
        return {"base": base, "quote": quote, "rate": self._choose.one_of(RATES)}

    def entity_registered(self, fact: Fact) -> Event:
        """What a correction says of a party: mostly that it is of another kind."""
        name = fact.slug or ""
        data = self._party(name, self._choose.one_of([ENTITIES[name], "company", "undisclosed"]))
        self._maybe(data, 30, "parent", lambda: self._choose.one_of(PARTIES))
        self._maybe(data, 30, "country", lambda: self._choose.one_of(["JP", "US"]))
        return data

    def entity_changed(self, _: Fact) -> Event:
        data: Event = {"entity": self._choose.one_of(PARTIES)}
        self._maybe(data, 50, "parent", lambda: self._choose.one_of([None, *PARTIES]))
        self._maybe(data, 50, "country", lambda: self._choose.one_of(["JP", "US", None]))
        self._maybe(data, 30, "sector", lambda: self._choose.one_of(["chips", "cloud", None]))
        self._maybe(data, 30, "state", lambda: self._choose.one_of(["active", "failed", None]))
        self._maybe(data, 40, "kind", lambda: self._choose.one_of(["company", "undisclosed", "fund"]))
        self._maybe(data, 20, "name", lambda: self._choose.one_of(["Another Name", None]))
        self._maybe(data, 20, "aliases", lambda: self._choose.one_of([["Alias"], [], None]))
        return data

    def guarantee_given(self, fact: Fact) -> Event:
        guarantor, to = self._two()
        of = self._choose.one_of(PARTIES)
        return {"guarantee": fact.slug, "guarantor": guarantor, "of": of, "to": to, "amount": self._money(CEILINGS)}

    def guarantee_called(self, fact: Fact) -> Event:
        return {"guarantee": fact.slug, "amount": self._money()}

    def claim_published(self, fact: Fact) -> Event:
        data: Event = {
            "claim": fact.slug,
            "text": "As was said.",
            "kind": self._choose.one_of(["aggregate", "target", "statement", "denial"]),
        }
        self._maybe(data, 40, "by", lambda: self._choose.one_of(PARTIES))
        self._maybe(data, 40, "about", lambda: self._some(PARTIES))
        self._maybe(data, 70, "value", self._money)
        if "value" in data and "currency" in data["value"]:
            data["value"]["currency"] = "USD"
        self._maybe(data, 50, "quantity", self._quantity)
        self._maybe(data, 30, "count", lambda: self._choose.one_of([3, 1, 0]))
        self._maybe(data, 30, "share_of", self._share_of)
        self._maybe(data, 80, "period", self._span)
        measures = ["funding", "commitments", "valuation", "revenue", "loss"]
        self._maybe(data, 80, "measures", lambda: self._choose.one_of(measures))
        self._maybe(data, 50, "payers", lambda: self._some(["delta-fund", "acme", *PARTIES]))
        self._maybe(data, 60, "payees", lambda: self._some(["borealis", "cumulus", *PARTIES]))
        self._maybe(data, 60, "series", lambda: "yearly")
        self._maybe(data, 50, "members", lambda: self._some(self._members(fact)))
        earlier = [name for one in self._before(fact, fact.type) for name in (one.id, one.slug) if name]
        if earlier:
            self._maybe(data, 60, "part_of", lambda: self._choose.one_of(earlier))
            self._maybe(data, 30, "denies", lambda: self._choose.one_of(earlier))
        return data

    def _members(self, fact: Fact) -> list[str]:
        """What a claim may sum up: events, and records by their ids."""
        until = self._facts.index(fact) if fact in self._facts else len(self._facts)
        earlier = self._facts[:until][::-1]
        no_members = ("entity.", "restriction.")
        records = [one.slug for one in earlier if one.slug is not None and not one.type.startswith(no_members)]
        return [*(one.id for one in earlier), *records]

    def restriction_imposed(self, fact: Fact) -> Event:
        promises = self._before(fact, "commitment.made")
        on = [*PARTIES[:4], *(one.slug or "" for one in promises), *(one.id for one in promises)]
        data: Event = {
            "restriction": fact.slug,
            "on": self._some(on),
            "kind": self._choose.one_of(["mandate", "exclusivity", "sanction", "covenant"]),
            "text": "As was agreed.",
        }
        labels = [*PARTIES, "JP", "US", "chips", "cloud"]
        self._maybe(data, 20, "by", lambda: self._choose.one_of(PARTIES))
        self._maybe(data, 60, "allows", lambda: self._some(labels) if self._choose.chance(90) else [])
        self._maybe(data, 60, "forbids", lambda: self._some(labels))
        return data

    def restriction_lifted(self, fact: Fact) -> Event:
        return {"restriction": fact.slug}


_WEIGHTED: list[tuple[int, str, Callable[[Builder, Fact], Event]]] = [
    (7, "investment.made", Builder.investment_made),
    (3, "commitment.made", Builder.commitment_made),
    (3, "contract.signed", Builder.contract_signed),
    (3, "investment.sold", Builder.investment_sold),
    (2, "holding.observed", Builder.holding_observed),
    (3, "distribution.paid", Builder.distribution_paid),
    (2, "commitment.changed", Builder.commitment_changed),
    (1, "commitment.closed", Builder.commitment_closed),
    (2, "commitment.drawn", Builder.commitment_drawn),
    (2, "contract.changed", Builder.contract_changed),
    (1, "contract.ended", Builder.contract_ended),
    (2, "contract.billed", Builder.contract_settled),
    (2, "contract.paid", Builder.contract_settled),
    (5, "valuation.recorded", Builder.valuation_recorded),
    (3, "rate.published", Builder.rate_published),
    (3, "entity.changed", Builder.entity_changed),
    (1, "guarantee.given", Builder.guarantee_given),
    (1, "guarantee.called", Builder.guarantee_called),
    (7, "claim.published", Builder.claim_published),
    (4, "restriction.imposed", Builder.restriction_imposed),
    (1, "restriction.lifted", Builder.restriction_lifted),
]
FACTS = {"entity.registered": Builder.entity_registered} | {kind: build for _, kind, build in _WEIGHTED}
_KINDS = [kind for weight, kind, _ in _WEIGHTED for _ in range(weight)]
