"""Restrictions: who is bound to what, and the events that look like a breach. A breach is flagged, never refused."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from projections.doubles import Doubles, doubles
from projections.flows import Flow, flows
from projections.paging import Listing, Page, cut
from projections.parties import Parties, parties
from projections.visibility import Point, Rule, Tables, counting

# Where somebody pays, or promises to. Draws of capex and spend name nobody, sales and marks buy nothing.
_CHECKED = ("investment.made", "commitment.made", "contract.signed")
# What the payee of such a commitment then buys is bought with its money.
_PASSED_ON = ("fund", "grant")


@dataclass(frozen=True, slots=True)
class _Restriction:
    """A restriction that counts, and what lifted it first."""

    chain: str
    fact_position: int
    since: date
    said: dict[str, Any]
    lifted: tuple[str, int, date, str] | None
    """Its chain, position, last day, and when in the words of the event."""

    @property
    def id(self) -> str:
        return str(self.said["restriction"])

    @property
    def checked(self) -> bool:
        return self.said.get("allows") is not None or self.said.get("forbids") is not None

    def in_force(self, day: date) -> bool:
        """From the last day of its own date on, until the last day of the date that lifts it."""
        return self.since <= day and (self.lifted is None or day < self.lifted[2])


def restrictions(model: Tables, at: Point, *, on: str | None = None, page: Page) -> Listing:
    """Restrictions on an entity or record, or all; by id. Lifted ones stay listed, with the breaches before that."""
    repeated = doubles(model, at)
    chosen = [one for one in _restrictions(model, at, repeated) if on is None or on in one.said["on"]]
    rows, after = cut(chosen, page, lambda one: (one.id,))
    books = _books(model, at, [one for one in rows if one.checked], repeated)
    return Listing([_row(one, books) for one in rows], None, after is not None, after)


def _restrictions(model: Tables, at: Point, repeated: Doubles) -> list[_Restriction]:
    """Every restriction that counts, by id; what lifts its double lifts it."""
    rule = counting(model, at)
    rows = model.rows(
        f"""SELECT stream, type, chain, fact_position, last_day, effective, data FROM records
        WHERE {rule.sql} AND type IN ('restriction.imposed', 'restriction.lifted') ORDER BY last_day, fact_position""",
        rule.values,
    )
    imposed: dict[str, tuple[str, int, date, dict[str, Any]]] = {}
    lifted: dict[str, tuple[str, int, date, str]] = {}
    for stream, kind, chain, position, last_day, effective, data in rows:
        if kind == "restriction.lifted":
            lifted.setdefault(repeated.records.get(stream, stream), (chain, position, last_day, effective))
        elif stream not in imposed or imposed[stream][1] < position:  # several, each after the one before was retracted
            imposed[stream] = (chain, position, last_day, json.loads(data))
    found = [_Restriction(*made, lifted=lifted.get(stream)) for stream, made in imposed.items()]
    return sorted(found, key=lambda one: one.id)


def _row(one: _Restriction, books: _Books) -> dict[str, Any]:
    """The row as the contract has it."""
    said = one.said
    events = [(one.fact_position, one.chain), *([(one.lifted[1], one.lifted[0])] if one.lifted else [])]
    return {
        "restriction": one.id,
        "kind": said["kind"],
        "on": said["on"],
        "by": said.get("by"),
        "text": said["text"],
        "allows": said.get("allows"),
        "forbids": said.get("forbids"),
        "lifted": one.lifted[3] if one.lifted else None,
        "breaches": list(_breaches(one, books)) if one.checked else [],
        "events": [chain for _, chain in sorted(events)],
    }


# --- breaches --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Books:
    """What restrictions are checked against."""

    parties: Parties
    commitments: dict[str, Flow]
    """By id, and by the id of the event that made it; also by those of its doubles."""
    of_payer: dict[str, list[Flow]]
    of_record: dict[str, list[Flow]]

    def paid_by(self, entity: str) -> Iterator[Flow]:
        """What an entity or one of its subsidiaries paid or promised, by whose it was on the day."""
        for payer in self.parties.ever_below([entity]):
            for flow in self.of_payer.get(payer, ()):
                if entity in self.parties.line(payer, flow.last_day):
                    yield flow


def _breaches(one: _Restriction, books: _Books) -> Iterator[dict[str, str]]:
    """The events, by position, that go to somebody who isn't allowed while the restriction is in force.

    An exclusive customer may not buy elsewhere; it may still invest where it likes.
    """
    types = ("contract.signed",) if one.said["kind"] == "exclusivity" else _CHECKED
    bound = {flow.chain: flow for name in one.said["on"] for flow in _bound(name, books) if flow.type in types}
    for flow in sorted(bound.values(), key=lambda flow: flow.fact_position):
        if flow.payee is not None and flow.payee != flow.payer and one.in_force(flow.last_day):
            why = _why(one, flow.payee, flow.last_day, books.parties)
            if why is not None:
                yield {"event": flow.chain, "why": why}


def _bound(name: str, books: _Books) -> Iterator[Flow]:
    """What a restriction on an entity or a commitment speaks of.

    Of a commitment: the draws on it; and of a fund or grant, what whoever takes the money then invests and promises,
    instead of the draws that only bring the money there.
    """
    yield from books.paid_by(name)
    commitment = books.commitments.get(name)
    if commitment is None:
        return
    passed_on = commitment.subtype in _PASSED_ON
    for flow in books.of_record.get(commitment.record or "", ()):
        if flow.type == "investment.made" and not (passed_on and flow.payee == commitment.payee):
            yield flow
    if passed_on and commitment.payee is not None:
        yield from (flow for flow in books.paid_by(commitment.payee) if flow.type != "contract.signed")


def _why(one: _Restriction, payee: str, day: date, known: Parties) -> str | None:
    """Why the payee isn't allowed; None if it is."""
    line = known.line(payee, day)
    country, sector = (known.inherited(payee, name, day) for name in ("country", "sector"))
    labels = [label for label in (*line, country, sector) if label is not None]
    allows, forbids = one.said.get("allows"), one.said.get("forbids")
    hit = next((label for label in labels if forbids is not None and label in forbids), None)
    if hit is not None:
        return f"{payee} is forbidden" if hit == payee else f"{payee} is of {hit}, which is forbidden"
    if allows is not None and not set(allows) & set(labels):
        is_of = ", ".join(labels[1:]) or "no known group, country or sector"
        return f"{payee}, of {is_of}, isn't among what is allowed: {', '.join(allows) or 'nothing'}"
    return None


def _books(model: Tables, at: Point, checked: Sequence[_Restriction], repeated: Doubles) -> _Books:
    """The events that the restrictions can speak of."""
    names = {name for one in checked for name in one.said["on"]}
    if not names:
        return _Books(Parties({}, {}), {}, {}, {})
    firsts = {**repeated.slugs("commitment"), **repeated.events}
    of_firsts = {firsts.get(name, name) for name in names}
    records = Rule(
        "(list_contains($records::VARCHAR[], record) OR list_contains($chains::VARCHAR[], chain))",
        {
            "records": sorted(f"commitment/{name}" for name in of_firsts),
            "chains": sorted(of_firsts),
        },
    )
    drawn = flows(model, at, records, repeated)
    commitments = _commitments(drawn)
    commitments |= {name: commitments[first] for name, first in firsts.items() if first in commitments}
    known = parties(model, at)
    payers = names | {flow.payee for flow in commitments.values() if flow.payee is not None}
    condition = "list_contains($payers::VARCHAR[], payer)"
    paid = flows(model, at, Rule(condition, {"payers": sorted(known.ever_below(payers))}), repeated)
    every = {flow.chain: flow for flow in (*drawn, *paid) if flow.type in _CHECKED and flow.last_day <= at.as_of}
    of_payer: dict[str, list[Flow]] = defaultdict(list)
    of_record: dict[str, list[Flow]] = defaultdict(list)
    for flow in every.values():
        if flow.payer is not None:
            of_payer[flow.payer].append(flow)
        if flow.record is not None:
            of_record[flow.record].append(flow)
    return _Books(known, commitments, of_payer, of_record)


def _commitments(drawn: Iterable[Flow]) -> dict[str, Flow]:
    """Where several made one, each after the one before was retracted, the last one recorded has it."""
    found: dict[str, Flow] = {}
    for flow in drawn:
        if flow.type == "commitment.made" and flow.record is not None:
            found[flow.record.partition("/")[2]] = found[flow.chain] = flow
    return found
