"""Exposure over time: figures of the network, and of a pair, at the end of every step or whenever a flow changes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from projections.chosen import Chosen
from projections.edges import entity_of
from projections.exposures import Exposure, PairFlows, Pools, Terms, pairs_of, with_missing
from projections.forest import Forest
from projections.layers import Reading, read
from projections.running import Running
from projections.visibility import Point, Tables, held

Step = Literal["month", "quarter", "year", "event"]
# More points than anybody can see in a chart; each is a question of its own.
MOST_POINTS = 1_000
_IS_FLOW = "type <> 'valuation.recorded'"
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


class TooManyPoints(Exception):
    """The span has more points than one answer gives."""


@dataclass(frozen=True, slots=True)
class Span:
    """From which day to which, in what steps. Without a first day, from the first flow on."""

    step: Step
    first: date | None
    last: date


def history(
    model: Tables, at: Point, terms: Terms, span: Span, *, funder: str | None, customer: str | None
) -> dict[str, Any]:
    """The figures as of the end of each step, all known at the same known_at and position. Raises TooManyPoints.

    By event, with an entity, a point for each day on which what flows around it changes.
    """
    points = []
    days = _days(model, at, terms, span)
    around = span.step == "event" and terms.entity is not None
    reading = read(model, replace(at, as_of=span.last))
    alone = len(days) == 1 or terms.entity is not None or (funder is not None and customer is not None)
    running = None if alone else Running.of(reading, terms.layer, terms.extras)
    before = _chosen(reading.on(_day_before(days[0])), terms).state if around else None
    for day in days:
        then = replace(at, as_of=day)
        if running is not None:
            net = Exposure.of(running.on(day), terms)
            points.append(_point(day, net, net.shown(then)))
            continue
        chosen = _chosen(reading.on(day), terms)
        if around and day != span.last and chosen.state == before:
            continue
        before = chosen.state if around else None
        point = _point(day, chosen.net, chosen.network)
        if funder is not None and customer is not None:
            found = _between(chosen.flows, funder, customer)
            pools = Pools(chosen.flows.whole.pools([found.customer] if found.purchases else []))
            point["pair"] = found.shown(then, terms, pools)
        points.append(point)
    return {
        **terms.stated(at),
        "entity": terms.entity,
        "hops": None if terms.entity is None else terms.hops,
        "step": span.step,
        "from": points[0]["as_of"],
        "to": span.last.isoformat(),
        "funder": funder,
        "customer": customer,
        "untimed": ["network"],
        "points": points,
    }


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The flows at a point that are asked about, and their network."""

    flows: Chosen
    net: Exposure
    network: dict[str, Any]

    @property
    def state(self) -> tuple[Any, ...]:
        """All that has to be the same for nothing to have changed."""
        return self.network, [edge._replace(share=None) for edge in self.flows.edges()]


def _chosen(reading: Reading, terms: Terms) -> _Chosen:
    whole = reading.layer(terms.layer, terms.extras)
    flows = whole.all() if terms.entity is None else whole.around(terms.entity, terms.hops)
    net = Exposure.of(flows, terms)
    return _Chosen(flows, net, net.shown(reading.at))


def _point(day: date, net: Exposure, network: dict[str, Any]) -> dict[str, Any]:
    return with_missing({"as_of": day.isoformat(), "network": network}, net.missing)


def _day_before(day: date) -> date:
    return day if day == date.min else day - timedelta(days=1)


def _between(flows: Chosen, funder: str, customer: str) -> PairFlows:
    """The pair; of one with a party that nobody named, the row with flows both ways if there is one."""
    funder, customer = flows.whole.root(funder), flows.whole.root(customer)
    found = pairs_of(flows.between(funder, customer).edges(), with_one_leg=True)
    found = [pair for pair in found if entity_of(pair.funder) == funder]
    found.sort(key=lambda pair: not (pair.funding and pair.purchases))
    return found[0] if found else PairFlows(funder, customer)


def _days(model: Tables, at: Point, terms: Terms, span: Span) -> list[date]:
    """The days of the points, in order: the last is always that of the span."""
    if span.step == "event":
        around = None if terms.entity is None else _around(model, at, terms.entity, terms.hops)
        days = {day for day, _ in _changes(model, at, span.last, around) if span.first is None or span.first <= day}
        if len(days | {span.last}) > MOST_POINTS:
            raise TooManyPoints
        return sorted(days | {span.last})
    first = span.first
    if first is None:
        first = next((day for day, flows in _changes(model, at, span.last, None) if flows), span.last)
    found = []
    for day in _ends(first, span.last, _MONTHS[span.step]):
        found.append(day)
        if len(found) > MOST_POINTS:
            raise TooManyPoints
    return found


def _ends(first: date, last: date, months: int) -> Iterator[date]:
    """The last days of the months, quarters or years from the one that `first` is in, and `last` for the end."""
    count = first.year * 12 + (first.month - 1) // months * months + months  # since the year 0, of the next step
    while (day := _before(count)) < last:
        yield day
        count += months
    yield last


def _before(count: int) -> date:
    year, month = divmod(count, 12)
    return date.max if year > date.max.year else date(year, month + 1, 1) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Around:
    """The events that can bear on flows around an entity on any day, and the entities whose groups can."""

    chains: set[str]
    entities: set[str]


def _around(model: Tables, at: Point, entity: str, hops: int) -> _Around:
    """Everything within so many hops, with the groups that anybody ever was in: it may be more than there is on a day.

    Events go together that are of one record, whole and part of each other, or sources for one fact.
    """
    rule = held(at)
    groups = Forest()
    said_of = model.rows(f"SELECT entity, said FROM entities WHERE {rule.sql}", rule.values)
    for one, said in said_of:
        groups.join((one, json.loads(said).get("parent") or one))
    together = Forest()
    parties_of: dict[str, set[str]] = defaultdict(set)
    rows = model.rows(
        f"SELECT chain, record, part_of, same_as, payer, payee, seller FROM flows WHERE {rule.sql} AND {_IS_FLOW}",
        rule.values,
    )
    for chain, record, part_of, same_as, *parties in rows:
        # A whole is named by its event, or as a commitment by its id.
        wholes = [] if part_of is None else [part_of, f"commitment/{part_of}"]
        together.join((chain, *wholes, *(name for name in (record, same_as) if name is not None)))
        parties_of[chain] |= {groups.lot(party) for party in parties if party is not None}
    of_lot: dict[str, set[str]] = defaultdict(set)
    for chain, its_parties in parties_of.items():
        of_lot[together.lot(chain)] |= its_parties
    near, lots = {groups.lot(entity)}, set[str]()
    for _ in range(hops):
        lots = {lot for lot, its_parties in of_lot.items() if its_parties & near}
        near = near.union(*(of_lot[lot] for lot in lots))
    chains = {chain for chain in parties_of if together.lot(chain) in lots}
    return _Around(chains, {one for one, _ in said_of if groups.lot(one) in near})


def _changes(model: Tables, at: Point, last: date, around: _Around | None) -> list[tuple[date, bool]]:
    """The days up to `last` on which some amount, or a group, may become another one; whether that is by a flow."""
    rule = held(at)
    values: dict[str, Any] = {**rule.values, "last": last}
    of_flows, of_groups = _IS_FLOW, "type = 'entity.changed'"
    if around is not None:
        of_flows += " AND chain IN (SELECT unnest($chains::VARCHAR[]))"
        of_groups += " AND entity IN (SELECT unnest($entities::VARCHAR[]))"
        values |= {"chains": sorted(around.chains), "entities": sorted(around.entities)}
    return [
        (day, by_flow)
        for day, by_flow in model.rows(
            f"""SELECT day, bool_or(flows) FROM (
                SELECT unnest([first_day, last_day]) AS day, true AS flows FROM flows WHERE {rule.sql} AND {of_flows}
                UNION ALL SELECT last_day, false FROM entities WHERE {rule.sql} AND {of_groups}
            ) WHERE day <= $last GROUP BY day ORDER BY day""",
            values,
        )
    ]
