"""What the ledger holds of claims: their members, or the flows between the parties that they name. Each event once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ledger.claims import Quantity
from ledger.fields import is_uuid
from ledger.money import ZERO, Bounds, bounds_of, money_of, stake_of
from ledger.times import parse_period
from projections.doubles import Doubles, doubles
from projections.figures import Exchange, Figure, Item, Part, grouped, larger_of
from projections.flows import CHANGES, MAKES, Flow, agreed, flows
from projections.parties import Parties, parties
from projections.rates import exchange
from projections.visibility import Point, Rule, Tables

# What a claim can measure in flows. A mark isn't one: the newest of each subject serves.
_MEASURED = {
    "funding": "investment.made",
    "commitments": "commitment.made",
    "revenue": "contract.paid",
    "valuation": "valuation.recorded",
}
_NO_MARK = frozenset({"target", "counterfactual"})
_RECORDS = ("commitment", "contract", "guarantee")


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that counts."""

    chain: str
    fact_position: int
    last_day: date
    said: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.said["claim"])

    @property
    def quantity(self) -> Bounds | None:
        if (stored := self.said.get("quantity")) is None:
            return None
        quantity = Quantity.model_construct(**stored)
        return bounds_of(quantity, quantity.number, quantity.low, quantity.high, None)

    @property
    def share_of(self) -> Bounds | None:
        said = self.said.get("share_of")
        if said is None:
            return None
        return stake_of({"share": said} if isinstance(said, str) else said)[1]

    @property
    def first(self) -> date:
        """The first day of its period; the beginning of time if it names none."""
        start = (self.said.get("period") or {}).get("start")
        return date.min if start is None else parse_period(start).first

    @property
    def last(self) -> date | None:
        """The last day of its period, if it names one."""
        end = (self.said.get("period") or {}).get("end")
        return None if end is None else parse_period(end).last

    def claimed(self, converting: Exchange) -> Figure | None:
        if (value := self.said.get("value")) is None:
            return None
        currency, bounds = money_of(value)
        return Part(currency, bounds, self.last_day, self.last_day).figure(converting)


@dataclass(frozen=True, slots=True)
class Found:
    """An event, or a commitment or contract as a whole, that a claim sums up; the events behind its figure."""

    names: tuple[str, ...]
    wholes: tuple[str | None, ...]
    figure: Figure
    events: tuple[tuple[int, str], ...]


def found_sum(found: Iterable[Found]) -> Figure:
    """The sum, each event once, a whole and its parts as the larger of the two."""
    found = list(found)
    names = {name for one in found for name in one.names}
    return grouped(
        [Item(one.names, next((whole for whole in one.wholes if whole in names), None), one.figure) for one in found]
    )


def reconciled(model: Tables, at: Point, every: list[Claim], asked: Iterable[Claim]) -> Books:
    """What the claims that are asked for, and those that they sum up, are reconciled with."""
    repeated = doubles(model, at)
    by_name = _by_name(every, repeated)
    needed = list(_with_members(asked, by_name))
    between = {name for claim in needed for side in ("payers", "payees") for name in claim.said.get(side) or ()}
    members = {name for claim in needed for name in claim.said.get("members") or ()}
    events = {repeated.events.get(name, name) for name in members if is_uuid(name)}
    records = {f"{kind}/{name}" for name in members if not is_uuid(name) for kind in _RECORDS}
    known = parties(model, at) if between else Parties({}, {})
    chosen = Rule(
        """(list_contains($parties::VARCHAR[], payer) OR list_contains($parties::VARCHAR[], payee)
        OR list_contains($members::VARCHAR[], chain) OR list_contains($records::VARCHAR[], record))""",
        {
            "parties": sorted(known.ever_below(between)),
            "members": sorted(events),
            "records": sorted(repeated.records.get(record, record) for record in records),
        },
    )
    of_record: dict[str, list[Flow]] = defaultdict(list)
    by_chain: dict[str, Flow] = {}
    if between or members:
        for flow in flows(model, at, chosen, repeated):
            by_chain[flow.chain] = flow
            if flow.record is not None:
                of_record[flow.record].append(flow)
    sides = _sides(by_chain.values(), of_record, known, at.as_of)
    return Books(at, exchange(model, at), every, repeated, by_name, by_chain, of_record, sides)


def _by_name(every: Iterable[Claim], repeated: Doubles) -> dict[str | None, Claim]:
    """Claims by their ids and by those of the events that made them; also by those of their doubles."""
    found: dict[str | None, Claim] = {name: claim for claim in every for name in (claim.id, claim.chain)}
    for double, first in {**repeated.slugs("claim"), **repeated.events}.items():
        if first in found:
            found[double] = found[first]
    return found


def _sides(
    every: Iterable[Flow], of_record: Mapping[str, list[Flow]], known: Parties, day: date
) -> dict[tuple[str, str, str], set[str]]:
    """Flows by each side. A group takes part through its subsidiaries; what one pays oneself is no flow."""
    sides: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for flow in every:
        between = _made(of_record.get(flow.record or "", ())) if flow.type == "contract.paid" else flow
        if between is None or between.payer == between.payee or _is_secondary(flow):
            continue
        for side, party in (("payers", between.payer), ("payees", between.payee)):
            if party is not None:
                # What a subsidiary is worth isn't what its parent is.
                line = [party] if flow.type == "valuation.recorded" else known.line(party, day)
                for one in line:
                    sides[flow.type, side, one].add(flow.chain)
    return sides


def _with_members(asked: Iterable[Claim], by_name: Mapping[str | None, Claim]) -> Iterator[Claim]:
    """The claims, and all claims among their members."""
    met: set[str] = set()
    waiting = list(asked)
    while waiting:
        claim = waiting.pop()
        if claim.chain not in met:
            met.add(claim.chain)
            yield claim
            waiting += [other for name in claim.said.get("members") or () if (other := by_name.get(name))]


@dataclass(frozen=True, slots=True)
class Books:
    """What claims are reconciled with at a point in the three times."""

    at: Point
    converting: Exchange
    claims: list[Claim]
    repeated: Doubles
    by_name: Mapping[str | None, Claim]
    by_chain: Mapping[str, Flow]
    of_record: Mapping[str, list[Flow]]
    sides: Mapping[tuple[str, str, str], set[str]]
    """The flows by what they are, and by who pays or is paid, or whose group does: (type, payers or payees, entity)."""

    def before(self, claim: Claim) -> Claim | None:
        """The claim of the same series whose period is the last to end before this one's begins.

        Without a first day, as of what was reached by a day, it is the last to end before this one's ends.
        """
        series, end = claim.said.get("series"), claim.last
        if series is None or end is None:
            return None
        limit = end if claim.first == date.min else claim.first
        earlier = [
            (other.last, other.last_day, other.fact_position, other)
            for other in self.claims
            if other.said.get("series") == series and other.last is not None and other.last < limit
        ]
        return max(earlier, key=lambda one: one[:3])[3] if earlier else None

    def denied_by(self, claim: Claim) -> list[str]:
        """The claims that deny it, by id."""
        return [other.id for other in self.claims if self.by_name.get(other.said.get("denies")) is claim]

    def found(self, claim: Claim) -> dict[str, Found] | None:
        """What the claim sums up, by the event that brought it; None for a claim that can't be reconciled."""
        return self._found(claim, {claim.chain})

    def _found(self, claim: Claim, met: set[str]) -> dict[str, Found] | None:
        measures = claim.said.get("measures")
        members = claim.said.get("members")
        if not members:
            return self._between(claim) if _compares_flows(claim) else None
        found: dict[str, Found] = {}
        for member in members:
            other = self.by_name.get(member)
            if other is None:
                _add(found, self._member(member, measures))
            elif other.chain not in met:  # claims can sum up one another in a circle
                met.add(other.chain)
                _add(found, self._found(other, met) or {})
        return found

    def _member(self, member: str, measures: str | None) -> dict[str, Found]:
        """An event as it says, a record as what the claim measures of it, else as agreed."""
        if is_uuid(member):
            flow = self.by_chain.get(self.repeated.events.get(member, member))
            if flow is None:
                return {}
            return self._record(flow.record) if flow.type in MAKES | CHANGES else _once(self._event(flow))
        found: dict[str, Found] = {}
        for kind in _RECORDS:
            record = self.repeated.records.get(f"{kind}/{member}", f"{kind}/{member}")
            measured = _MEASURED.get(measures or "")
            if (kind, measured) in (("commitment", "investment.made"), ("contract", "contract.paid")):
                for flow in self.of_record.get(record, ()):
                    if flow.type == measured and not _is_secondary(flow):
                        found |= _once(self._event(flow))
            else:
                found |= self._record(record)
        return found

    def _between(self, claim: Claim) -> dict[str, Found]:
        """The flows of the kind that the claim measures, between its payers and payees, in its period."""
        found: dict[str, Found] = {}
        measured = _MEASURED[claim.said["measures"]]
        flows_of_sides = [
            set().union(*(self.sides.get((measured, side, name), ()) for name in names))
            for side in ("payers", "payees")
            if (names := claim.said.get(side)) and not (side == "payers" and measured == "valuation.recorded")
        ]
        chains = set.intersection(*flows_of_sides)
        if measured == "valuation.recorded":
            return self._marks(chains, claim)
        for flow in sorted((self.by_chain[chain] for chain in chains), key=lambda one: one.fact_position):
            within = _within(flow, claim)
            if within is not None:
                one = self._record(flow.record) if flow.type in MAKES else _once(self._event(flow))
                found |= one if within else {name: _perhaps(part) for name, part in one.items()}
        return found

    def _marks(self, chains: set[str], claim: Claim) -> dict[str, Found]:
        """The newest mark of each subject that is in the period for sure."""
        newest: dict[str | None, Flow] = {}
        for flow in sorted(
            (self.by_chain[chain] for chain in chains), key=lambda one: (one.last_day, one.fact_position)
        ):
            if flow.payer is None and flow.subtype not in _NO_MARK and _within(flow, claim):
                newest[flow.payee] = flow
        return {flow.chain: self._event(flow) for flow in newest.values()}

    def _event(self, flow: Flow) -> Found:
        return Found(
            (flow.chain,),
            (flow.part_of, flow.record),
            flow.part.figure(self.converting),
            ((flow.fact_position, flow.chain),),
        )

    def _record(self, record: str | None) -> dict[str, Found]:
        """A commitment, contract or guarantee as agreed."""
        rows = self.of_record.get(record or "", ())
        made = _made(rows)
        if made is None or record is None:
            return {}
        rows = [flow for flow in rows if flow.type not in MAKES or flow is made]
        events = tuple((flow.fact_position, flow.chain) for flow in rows if flow is made or flow.type in CHANGES)
        names = (made.chain, record, record.partition("/")[2])
        return {made.chain: Found(names, (made.part_of,), agreed(rows, self.at, self.converting), events)}


def _once(found: Found) -> dict[str, Found]:
    return {found.names[0]: found}


def _add(found: dict[str, Found], more: dict[str, Found]) -> None:
    """Of what is found already, the surer: another claim's period may not hold it for sure."""
    for name, one in more.items():
        there = found.get(name)
        found[name] = one if there is None else replace(one, figure=larger_of(there.figure, one.figure))


def _is_secondary(flow: Flow) -> bool:
    """Whether an investment's cash goes to former holders. Marks have a basis of that name."""
    return flow.type == "investment.made" and flow.subtype == "secondary"


def _perhaps(found: Found) -> Found:
    """What may lie outside of the period: nothing of it is sure."""
    amounts = {currency: Bounds(ZERO, ZERO, bounds.high) for currency, bounds in found.figure.amounts.items()}
    return replace(found, figure=replace(found.figure, amounts=amounts))


def _within(flow: Flow, claim: Claim) -> bool | None:
    """Whether the flow is in the claim's period for sure (True), perhaps (False), or not at all (None)."""
    end = claim.last or date.max
    if flow.last_day < claim.first or flow.first_day > end:
        return None
    return claim.first <= flow.first_day and flow.last_day <= end


def _made(of_record: Iterable[Flow]) -> Flow | None:
    """What made a record; where several did, each after the one before was retracted, the last one recorded."""
    return max((flow for flow in of_record if flow.type in MAKES), key=lambda flow: flow.fact_position, default=None)


def _compares_flows(claim: Claim) -> bool:
    """Whether the claim says between whom to look, and for what."""
    said = claim.said
    if said.get("measures") == "valuation":
        return bool(said.get("payees"))
    return said.get("measures") in _MEASURED and bool(said.get("payers") or said.get("payees"))
