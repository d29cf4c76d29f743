"""Exposure over time: figures of the network, and of a pair, at the end of every step or whenever a flow changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from projections.edges import Edge, entity_of, graph
from projections.exposures import Exposure, PairFlows, Pools, Terms, pairs_of
from projections.visibility import Point, Tables, held

Step = Literal["month", "quarter", "year", "event"]
# More points than anybody can see in a chart; each is a question of its own.
MOST_POINTS = 1_000
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
    """The figures as of the end of each step, all known at the same known_at and position. Raises TooManyPoints."""
    days = _days(model, at, span)
    points = []
    for day in days:
        then = replace(at, as_of=day)
        whole = graph(model, then, terms.layer, terms.extras)
        flows = whole.edges if terms.entity is None else whole.around(terms.entity, terms.hops)
        point: dict[str, Any] = {"as_of": day.isoformat(), "network": Exposure(flows).shown(then)}
        if funder is not None and customer is not None:
            found = _between(flows, whole.root(funder), whole.root(customer))
            point["pair"] = found.shown(then, terms, Pools(whole.edges))
        points.append(point)
    return {
        **terms.stated(at),
        "entity": terms.entity,
        "hops": None if terms.entity is None else terms.hops,
        "step": span.step,
        "from": days[0].isoformat(),
        "to": span.last.isoformat(),
        "funder": funder,
        "customer": customer,
        "untimed": ["network"],
        "points": points,
    }


def _between(edges: Sequence[Edge], funder: str, customer: str) -> PairFlows:
    """The pair; of one with a party that nobody named, the row with flows both ways if there is one."""
    both = {funder, customer}
    flows = [edge for edge in edges if {entity_of(edge.payer), entity_of(edge.payee)} == both]
    found = [pair for pair in pairs_of(flows, with_one_leg=True) if entity_of(pair.funder) == funder]
    found.sort(key=lambda pair: not (pair.funding and pair.purchases))
    return found[0] if found else PairFlows(funder, customer)


def _days(model: Tables, at: Point, span: Span) -> list[date]:
    """The days of the points, in order: the last is always that of the span."""
    changes, first_flow = _changes(model, at, span.last)
    first = span.first or first_flow or span.last
    if span.step == "event":
        days = {day for day in changes if first <= day} | {span.last}
        if len(days) > MOST_POINTS:
            raise TooManyPoints
        return sorted(days)
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


def _changes(model: Tables, at: Point, last: date) -> tuple[list[date], date | None]:
    """The days up to `last` on which some amount, or a group, may become another one; the first day of any flow."""
    rule = held(at)
    rows = model.rows(
        f"""SELECT day, bool_or(flows) FROM (
            SELECT unnest([first_day, last_day]) AS day, true AS flows FROM flows
            WHERE {rule.sql} AND type <> 'valuation.recorded'
            UNION ALL SELECT last_day, false FROM entities WHERE {rule.sql} AND type = 'entity.changed'
        ) WHERE day <= $last GROUP BY day ORDER BY day""",
        {**rule.values, "last": last},
    )
    return [day for day, _ in rows], next((day for day, flows in rows if flows), None)
