"""The graph of exposures as tests read it: its edges and the figures of a pair, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ledger.money import Bounds, total
from projections import layers
from projections.chosen import Chosen
from projections.deals import rows_of
from projections.drafts import Books as Accounts
from projections.drafts import Layer
from projections.edges import Edge, edges_of, entity_of
from projections.exposures import Exposure, Terms, exposures
from projections.flow_flags import CREDIT
from projections.layers import Reading
from projections.parties import parties
from projections.rates import exchange
from projections.running import NODE_BITS, Running, Sums
from projections.visibility import Point, Tables
from tests.projections.conftest import Books

LAYERS = ("announced", "contracted", "paid")
Found = tuple[str, str, str, str]
Way = tuple[str, str, bool]


def edges(books: Books, layer: str = "contracted", *include: str, **times: Any) -> list[Edge]:
    at = books.at(**{"currency": "USD", **times})
    return graph(books.model, at, layer, frozenset(include))  # type: ignore[arg-type]


def graph(model: Tables, at: Point, layer: Layer, include: frozenset[str] = frozenset()) -> list[Edge]:
    """All edges of a layer, by each event's own rules.

    As columns have them all at once they have to be the same; and so from what was read as of a later day.
    """
    known = parties(model, at, of_groups=True)
    one_by_one = edges_of(Accounts(at, exchange(model, at), layer, include, known, rows_of(model, at)))
    later = layers.read(model, replace(at, as_of=date.max)).on(at.as_of)
    for whole in (layers.whole(model, at, layer, include), later.layer(layer, include)):
        assert list(map(_alike, whole.all().edges())) == list(map(_alike, one_by_one))
    half_a_year_before = at.as_of - timedelta(days=min(180, at.as_of.toordinal() - 1))
    assert_as_day_by_day(later, [half_a_year_before, at.as_of], layer, include)
    return one_by_one


def assert_as_day_by_day(reading: Reading, days: Sequence[date], layer: Layer, include: frozenset[str]) -> int:
    """That a layer taken from day to day is that of each of these days by itself; how many days could be compared."""
    running = Running.of(reading, layer, include)
    for day in days if running is not None else ():
        sums, alone = running.on(day), reading.on(day).layer(layer, include).all()  # type: ignore[union-attr]
        assert list(map(_alike, sums.tied)) == list(map(_alike, alone.tied))
        assert _ways(sums) == _ways_of(alone)
        assert len(sums) == len(alone)
        assert [sums.total(funding=one) for one in (True, False)] == [alone.total(funding=one) for one in (True, False)]
        networks = [Exposure.of(flows, Terms(with_finn=False)) for flows in (sums, alone)]
        assert networks[0].shown(reading.at) == networks[1].shown(reading.at)
        assert networks[0].missing == networks[1].missing
    return 0 if running is None else len(days)


def _ways(sums: Sums) -> dict[Way, Bounds]:
    """What flows from whom to whom, and whether it is funding."""
    label, found = sums.running.label, {}
    for place, way in enumerate(sums.way.tolist()):
        amount = sums.money[place : place + 1].total()
        if amount.high != 0:
            found[label(way >> (NODE_BITS + 1)), label((way >> 1) % (1 << NODE_BITS)), bool(way & 1)] = amount
    return found


def _ways_of(chosen: Chosen) -> dict[Way, Bounds]:
    amounts: dict[Way, list[Bounds]] = defaultdict(list)
    for edge in chosen.edges(with_events=False):
        if edge not in chosen.tied and edge.amount is not None:
            stated = replace(edge.amount, stated=edge.amount.stated_or_low)
            amounts[edge.payer, edge.payee, edge.kind == "funding"].append(stated)
    return {way: total(parts) for way, parts in amounts.items()}


def _alike(edge: Edge) -> Edge:
    """Without what doesn't show: forms but credit, and which group it is that the edge has a share of."""
    return edge._replace(form=CREDIT if edge.form == CREDIT else None, share=None)


def found(books: Books, layer: str = "contracted", *include: str, **times: Any) -> list[Found]:
    """Payer, payee, kind and the amount as `5`, or `low..stated..high`."""
    return [
        (entity_of(edge.payer), entity_of(edge.payee), edge.kind, amount(edge))
        for edge in edges(books, layer, *include, **times)
    ]


def amount(edge: Edge) -> str:
    if edge.amount is None:
        return "missing"
    bounds = [text(bound) for bound in (edge.amount.low, edge.amount.stated, edge.amount.high)]
    return bounds[0] if len(set(bounds)) == 1 else "..".join(bounds)


def text(bound: Decimal | None) -> str:
    return "?" if bound is None else f"{bound.normalize():f}"


def pair(books: Books, layer: str = "contracted", **terms: Any) -> dict[str, Any]:
    """The figures of the only pair, and of the network, as `5` or `low..stated..high`."""
    answer = asked(books, layer, **terms)
    [row] = answer["pairs"]
    figures = {name: shown(row[name]) for name in ("funding", "round_trip", "of_funding")}
    return figures | {f"network.{name}": figure for name, figure in network(books, layer, **terms).items()}


def network(books: Books, layer: str = "contracted", **terms: Any) -> dict[str, str]:
    """The amounts of the network."""
    figures = asked(books, layer, **terms)["network"]
    return {name: shown(figures[name]) for name in ("funding", "circulation", "recycled", "gross")}


def asked(books: Books, layer: str, **terms: Any) -> dict[str, Any]:
    times = {name: terms.pop(name) for name in ("as_of",) if name in terms}
    return exposures(books.model, books.at(**{"currency": "USD", **times}), Terms(layer=layer, **terms))  # type: ignore[arg-type]


def shown(figure: dict[str, str | None]) -> str:
    ends = [figure[end] or "?" for end in ("low", "stated", "high")]
    return ends[0] if len(set(ends)) == 1 else "..".join(ends)
