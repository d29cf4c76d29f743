"""Events for tests, in few words: `invest("acme", "borealis", usd("5"), on="2023-Q3", commitment="pledge")`.

Each builder takes what its type can't do without, `on` (the effective date), and by name whatever else: fields of the
envelope (id, known, source, status, same_as, note) go there, all others into `data`.
"""

from __future__ import annotations

import uuid
from typing import Any

Fact = dict[str, Any]
Money = dict[str, Any]

ON = "2023-06-30"
_ENVELOPE = ("id", "known", "source", "status", "same_as", "note")


def ident(number: int) -> str:
    """The event id that this number stands for."""
    return str(uuid.UUID(int=number))


def fact(kind: str, on: str | None, data: dict[str, Any], **more: Any) -> Fact:
    """Any event."""
    envelope = {name: more.pop(name) for name in _ENVELOPE if name in more}
    effective = {} if on is None else {"effective": on}
    return {"type": kind, **effective, **envelope, "data": {**data, **more}}


# --- figures ----------------------------------------------------------------------------------------------------


def money(currency: str, amount: str | None = None, qualifier: str | None = None, **more: Any) -> Money:
    said = {"currency": currency, "amount": amount, "qualifier": qualifier, **more}
    return {name: value for name, value in said.items() if value is not None}


def usd(amount: str | None = None, qualifier: str | None = None, **more: Any) -> Money:
    return money("USD", amount, qualifier, **more)


def eur(amount: str | None = None, qualifier: str | None = None, **more: Any) -> Money:
    return money("EUR", amount, qualifier, **more)


def stake(share: str, **more: Any) -> dict[str, Any]:
    return {"share": share, **more}


# --- parties ----------------------------------------------------------------------------------------------------


def entity(name: str, kind: str = "company", *, on: str = "2015", **more: Any) -> Fact:
    return fact("entity.registered", on, {"entity": name, "name": name.title(), "kind": kind}, **more)


def entities(*names: str) -> list[Fact]:
    return [entity(name) for name in names]


def entity_changed(name: str, *, on: str = ON, **more: Any) -> Fact:
    return fact("entity.changed", on, {"entity": name}, **more)


# --- commitments ------------------------------------------------------------------------------------------------


def commit(commitment: str, from_: str, to: str, amount: Money | None = None, *, on: str = "2022", **more: Any) -> Fact:
    """Binding unless said otherwise."""
    data = {"commitment": commitment, "from": from_, "to": to, "amount": usd("100") if amount is None else amount}
    return fact("commitment.made", on, {**data, "purpose": "investment", "binding": True}, **more)


def change(commitment: str, *, on: str = ON, **more: Any) -> Fact:
    return fact("commitment.changed", on, {"commitment": commitment}, **more)


def close(commitment: str, outcome: str = "fulfilled", *, on: str = ON, **more: Any) -> Fact:
    return fact("commitment.closed", on, {"commitment": commitment, "outcome": outcome}, **more)


def draw(commitment: str, amount: Money, *, on: str = ON, **more: Any) -> Fact:
    return fact("commitment.drawn", on, {"commitment": commitment, "amount": amount}, **more)


def guarantee(name: str, guarantor: str, of: str, to: str, amount: Money, *, on: str = ON, **more: Any) -> Fact:
    data = {"guarantee": name, "guarantor": guarantor, "of": of, "to": to, "amount": amount}
    return fact("guarantee.given", on, data, **more)


def call_guarantee(name: str, amount: Money, *, on: str = ON, **more: Any) -> Fact:
    return fact("guarantee.called", on, {"guarantee": name, "amount": amount}, **more)


# --- holdings ---------------------------------------------------------------------------------------------------


def invest(
    investor: str, issuer: str, amount: Money | None = None, *, on: str = ON, instrument: str = "equity", **more: Any
) -> Fact:
    """For a million dollars unless said otherwise."""
    data = {"investor": investor, "issuer": issuer, "instrument": instrument}
    return fact("investment.made", on, {**data, "amount": usd("1000000") if amount is None else amount}, **more)


def sell(
    holder: str, issuer: str, proceeds: Money | None = None, *, on: str = ON, instrument: str = "equity", **more: Any
) -> Fact:
    """Say how much with one of units, stake, fraction and all."""
    data = {"holder": holder, "issuer": issuer, "instrument": instrument}
    return fact("investment.sold", on, {**data, "proceeds": usd("1") if proceeds is None else proceeds}, **more)


def observe(holder: str, issuer: str, *, on: str = ON, instrument: str = "equity", **more: Any) -> Fact:
    """Say what was seen with units, stake or both."""
    return fact("holding.observed", on, {"holder": holder, "issuer": issuer, "instrument": instrument}, **more)


def distribute(payer: str, holder: str, amount: Money, kind: str = "dividend", *, on: str = ON, **more: Any) -> Fact:
    return fact("distribution.paid", on, {"payer": payer, "holder": holder, "amount": amount, "kind": kind}, **more)


# --- contracts --------------------------------------------------------------------------------------------------


def sign(
    contract: str, customer: str, provider: str, amount: Money | None = None, *, on: str = "2022", **more: Any
) -> Fact:
    """A binding contract for cloud."""
    data = {"contract": contract, "customer": customer, "provider": provider, "resource": "cloud", "binding": True}
    return fact("contract.signed", on, {**data, "amount": usd("100") if amount is None else amount}, **more)


def change_contract(contract: str, *, on: str = ON, **more: Any) -> Fact:
    return fact("contract.changed", on, {"contract": contract}, **more)


def end_contract(contract: str, *, on: str = ON, **more: Any) -> Fact:
    return fact("contract.ended", on, {"contract": contract}, **more)


def bill(contract: str, amount: Money, *, on: str = ON, **more: Any) -> Fact:
    return fact("contract.billed", on, {"contract": contract, "amount": amount}, **more)


def pay(contract: str, amount: Money, *, on: str = ON, **more: Any) -> Fact:
    return fact("contract.paid", on, {"contract": contract, "amount": amount}, **more)


# --- marks, rates, claims, restrictions -------------------------------------------------------------------------


def mark(subject: str, value: Money, basis: str = "fair_value", *, on: str = ON, **more: Any) -> Fact:
    return fact("valuation.recorded", on, {"subject": subject, "value": value, "basis": basis}, **more)


def rate(base: str, quote: str, number: str, *, on: str = ON, **more: Any) -> Fact:
    """One base is so many of quote."""
    return fact("rate.published", on, {"base": base, "quote": quote, "rate": number}, **more)


def claim(name: str, *, on: str = ON, kind: str = "aggregate", **more: Any) -> Fact:
    return fact("claim.published", on, {"claim": name, "text": f"Somebody said {name}.", "kind": kind}, **more)


def restrict(name: str, *on_whom: str, on: str = ON, kind: str = "mandate", **more: Any) -> Fact:
    data = {"restriction": name, "on": list(on_whom), "kind": kind, "text": f"It is forbidden: {name}."}
    return fact("restriction.imposed", on, data, **more)


def lift(name: str, *, on: str = ON, **more: Any) -> Fact:
    return fact("restriction.lifted", on, {"restriction": name}, **more)


# --- about other events -----------------------------------------------------------------------------------------


def correct(event_id: str, replacement: Fact, **more: Any) -> Fact:
    """The replacement is an event; its id, if it has one, is left out."""
    said = {name: value for name, value in replacement.items() if name != "id"}
    data = {"event": event_id, "replacement": said, "reason": "better known"}
    return fact("event.corrected", more.pop("on", None), data, **more)


def retract(event_id: str, **more: Any) -> Fact:
    return fact("event.retracted", more.pop("on", None), {"event": event_id, "reason": "it was wrong"}, **more)


def review(*event_ids: str, verdict: str = "approved", **more: Any) -> Fact:
    return fact("review.recorded", more.pop("on", None), {"events": list(event_ids), "verdict": verdict}, **more)


# --- attachments ------------------------------------------------------------------------------------------------


def attachment(name: str, *about: str, size: int = 12, hash: str = "0" * 64, **more: Any) -> Fact:
    """That there is one, as it comes in without its bytes."""
    data = {"attachment": name, "about": list(about), "media_type": "text/plain", "size": size}
    return fact("attachment.added", more.pop("on", None), {**data, "hash": f"sha256:{hash}"}, **more)


def erase(name: str, **more: Any) -> Fact:
    return fact("attachment.erased", more.pop("on", None), {"attachment": name, "reason": "they asked for it"}, **more)
