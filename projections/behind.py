"""What a row rests on beside the events that it names, noun by noun, so that a change of it can be put down to them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.fields import is_uuid
from projections import commitments, holdings
from projections.paging import EVERYTHING
from projections.valuations import IMPLIED
from projections.visibility import Point, Rule, Tables, counts, duplicates, held


@dataclass(frozen=True, slots=True)
class Behind:
    """Facts by their chains; entities whose group, country or sector matters; a record's count; the day itself."""

    chains: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    record: str | None = None
    """The record whose events are counted."""
    day: bool = False
    """Whether `as_of` itself moves the fields that differ, without any event."""
    every: bool = False
    """Whether every fact bears, as on the figures of a whole network."""


NOTHING = Behind()


@dataclass(frozen=True, slots=True)
class Seen:
    """A row as one of two answers has it, and the fields of it that differ. Of a single answer: one field, by name."""

    answer: Mapping[str, Any]
    row: Mapping[str, Any]
    fields: frozenset[str]
    held: Rule
    """The rows that the ledger holds at either point: what is recorded after both bears on neither answer."""
    memo: dict[str, Any] = field(default_factory=dict)
    """What was read for one row and serves the others of the same comparison too."""


def of_holding(model: Tables, at: Point, one: Seen) -> Behind:
    """The commitments that decide which instrument a distribution is of; a mark grows older day by day."""
    chains = NOTHING.chains
    if {"distributions", "events"} & one.fields:
        if "deciding" not in one.memo:
            one.memo["deciding"] = _deciding(model, one.held)
        chains = frozenset(one.memo["deciding"].get((one.row["holder"], one.row["issuer"]), ()))
    return Behind(chains, day="age_days" in one.fields and "valued_on" not in one.fields)


def _deciding(model: Tables, rule: Rule) -> dict[tuple[str, str], set[str]]:
    """By holder and issuer, the commitments that say of which instrument their distributions are."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for holder, issuer, chain in model.rows(
        f"""SELECT DISTINCT holder, issuer, made.chain
        FROM (SELECT holder, issuer, commitment FROM holdings
            WHERE {rule.sql} AND role = 'paid' AND instrument IS NULL)
        JOIN (SELECT commitment, chain FROM commitments WHERE {rule.sql} AND role = 'made') AS made
        USING (commitment)""",
        rule.values,
    ):
        found[holder, issuer].add(chain)
    return found


def of_commitment(model: Tables, at: Point, one: Seen) -> Behind:
    """A horizon goes by."""
    return Behind(day="horizon_gone" in one.fields and "horizon" not in one.fields)


def of_mark(model: Tables, at: Point, one: Seen) -> Behind:
    """The mark before it that a step up is against, and the deal before it."""
    kinds = []
    if "step_up" in one.fields:
        kinds.append((one.row["basis"], one.row["holder"]))
    if "since_deal" in one.fields:
        kinds.append((IMPLIED, None))
    if not kinds:
        return NOTHING
    marks = one.answer["marks"]
    repeated = duplicates(model, at)
    before = {
        (mark["basis"], mark["holder"]): chain
        for mark in marks[: marks.index(one.row)]
        if counts(mark["status"], at)
        for chain in mark["events"]
        if chain not in repeated
    }
    return Behind(frozenset(before[kind] for kind in kinds if kind in before))


def of_performance(model: Tables, at: Point, one: Seen, issuer: str | None = None) -> Behind:
    """A flow: what is part of it. All else: what the holder has and promised, until the day of the question."""
    if one.row.get("kind") in ("investment", "sale", "distribution"):
        return Behind(
            _chains(model, one, "performance", "list_contains($events::VARCHAR[], part_of)", events=one.row["events"])
        )
    holder = one.answer["holder"]
    has = holdings.holdings(model, at, holder=holder, issuer=issuer, page=EVERYTHING).rows
    promised = commitments.commitments(model, at, from_=holder, to=issuer, page=EVERYTHING).rows
    registered = _chains(model, one, "entities", "entity = $holder AND type = 'entity.registered'", holder=holder)
    chains = events_in([has, promised, one.answer["cash_flows"]]) | registered
    valued = any(flow["kind"] == "nav" for flow in one.answer["cash_flows"])
    return Behind(chains, day=valued and bool(one.fields & {"xirr", "xirr_all", "annualised", "xirr_reason", "date"}))


def of_claim(model: Tables, at: Point, one: Seen) -> Behind:
    """Its members and theirs, the claims that deny it, the records of the flows found, the groups of the parties."""
    rule = held(at)
    claims = {
        name: (chain, json.loads(data))
        for chain, data in model.rows(
            f"SELECT chain, data FROM records WHERE {rule.sql} AND type = 'claim.published' ORDER BY fact_position",
            rule.values,
        )
        for name in (chain, json.loads(data)["claim"])
    }
    waiting, met, parties = [one.row["claim"], *one.row["denied_by"]], set(), set()
    while waiting:
        name = waiting.pop()
        if name not in met:
            met.add(name)
            said = claims[name][1] if name in claims else {}
            waiting += said.get("members") or ()
            parties |= {*(said.get("payers") or ()), *(said.get("payees") or ())}
    known = (
        events_in(one.row) | {claims[name][0] for name in met if name in claims} | {one for one in met if is_uuid(one)}
    )
    records = {f"{kind}/{name}" for kind in ("commitment", "contract", "guarantee") for name in met}
    return Behind(
        known | _of_records(model, one, sorted(records), sorted(known)),
        frozenset(parties) | _parties_of(model, one, known),
    )


def of_restriction(model: Tables, at: Point, one: Seen) -> Behind:
    """The commitment that it is on; who pays and is paid in what breaches it, and their groups."""
    if "breaches" not in one.fields:
        return NOTHING
    on = _chains(
        model,
        one,
        "flows",
        """type = 'commitment.made'
        AND (list_contains($chains::VARCHAR[], chain) OR list_contains($records::VARCHAR[], record))""",
        chains=one.row["on"],
        records=[f"commitment/{name}" for name in one.row["on"]],
    )
    return Behind(on, frozenset(one.row["on"]) | _parties_of(model, one, events_in(one.row["breaches"])))


def of_graph(model: Tables, at: Point, one: Seen) -> Behind:
    """A pair or a circle: what ends or changes the records of its flows, and whose groups they are. Else everything."""
    if one.fields & {"to", "untimed"}:  # the span that is asked about
        return Behind(day=True)
    if not {"funder", "entities"} & set(one.row):
        return Behind(every=True)
    known = events_in(one.row)
    return Behind(_of_records(model, one, [], sorted(known)), _parties_of(model, one, known))


def of_record(model: Tables, at: Point, one: Seen) -> Behind:
    """The version counts events, known or not; a commitment's horizon goes by; its history is of all its events."""
    record = f"{one.answer['kind']}/{one.answer['id']}"
    if "changes" in one.fields:
        return Behind(events_in(one.answer["events"]), day="horizon_gone" in json.dumps(one.row["changes"]))
    return Behind(
        record=record if "version" in one.fields else None,
        day="horizon_gone" in one.fields and "horizon" not in one.fields,
    )


def events_in(value: Any) -> frozenset[str]:
    """The ids of events anywhere in an answer."""
    found, waiting = set(), [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if is_uuid(one):
                found.add(one)
        elif isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return frozenset(found)


def _parties_of(model: Tables, one: Seen, chains: Iterable[str]) -> frozenset[str]:
    """Who pays and is paid."""
    rows = model.rows(
        f"SELECT payer, payee FROM flows WHERE {one.held.sql} AND list_contains($chains::VARCHAR[], chain)",
        {**one.held.values, "chains": sorted(chains)},
    )
    return frozenset(party for row in rows for party in row if party is not None)


def _of_records(model: Tables, one: Seen, records: Sequence[str], chains: Sequence[str]) -> frozenset[str]:
    """All flows of these records, or of the records of these flows."""
    of_chains = f"SELECT record FROM flows WHERE {one.held.sql} AND list_contains($chains::VARCHAR[], chain)"
    condition = f"(list_contains($records::VARCHAR[], record) OR record IN ({of_chains}))"
    return _chains(model, one, "flows", condition, records=records, chains=chains)


def _chains(model: Tables, one: Seen, table: str, condition: str, **values: Any) -> frozenset[str]:
    """The facts of a table's rows that were held at either point and fulfil a condition."""
    sql = f"SELECT chain FROM {table} WHERE {one.held.sql} AND {condition}"
    return frozenset(chain for (chain,) in model.rows(sql, {**one.held.values, **values}))
