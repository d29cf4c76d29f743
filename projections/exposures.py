"""Circular-flow exposure: how much of what a funder gave comes back to it as purchases, in pairs and in the network.

Every figure is an exposure, no judgement: real goods move through these circles. docs/exposure.md explains each.
Definitions follow D'Errico & Roukny (arXiv 1705.07155) for the network; see also arXiv 2506.12546.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from ledger.money import ARITHMETIC, ONE, ZERO, Bounds, total
from projections import layers
from projections import network as networks
from projections.chosen import Chosen
from projections.circulation import Circulation, circulation
from projections.cycles import Cycles, cycles
from projections.drafts import Layer
from projections.edges import Edge, carried, entity_of
from projections.figures import MissingRate, bounds_shown, money_shown, number
from projections.finn import finn
from projections.flow_flags import CREDIT
from projections.network import Network, Ratio
from projections.round_trip import WINDOW_DAYS, Leg, TimeRule, round_trip, shares
from projections.running import Sums
from projections.self_funded import Pool, pool_of
from projections.visibility import Point, Tables

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a question about exposures leaves to whoever asks. `extras`: what is let in beside (edges.Extra).

    `with_finn`: Finn's index too, which on a large network takes many times as long as all else.
    """

    layer: Layer = "contracted"
    time_rule: TimeRule = "untimed"
    window_days: int = WINDOW_DAYS
    extras: frozenset[str] = frozenset()
    entity: str | None = None
    hops: int = 1
    max_length: int = 5
    limit: int = 1_000
    with_finn: bool = True

    def stated(self, at: Point) -> dict[str, Any]:
        """The terms as every answer states them."""
        return {
            "layer": self.layer,
            "time_rule": self.time_rule,
            "window_days": self.window_days if self.time_rule == "window" else None,
            "currency": at.currency,
            "include": sorted(self.extras | ({"rumoured"} if at.include_rumoured else set())),
        }


def exposures(model: Tables, at: Point, terms: Terms) -> dict[str, Any]:
    """Pairs, the network and its cycles at a point, in the point's currency."""
    whole = layers.whole(model, at, terms.layer, terms.extras)
    chosen = whole.all() if terms.entity is None else whole.around(terms.entity, terms.hops)
    limit = terms.limit
    pairs = chosen.pairs(with_one_leg=terms.entity is not None)
    shown = pairs_of(chosen.of_pairs(pairs[:limit]).edges(), with_one_leg=terms.entity is not None)
    pools = Pools(whole.pools({pair.customer for pair in shown}))
    net = Exposure(chosen.tied, chosen, with_finn=terms.with_finn)
    components = net.every.components("strong")
    found = cycles(net.every, terms.max_length, limit)
    events, more_events = chosen.first_events(limit)
    unbounded, more_unbounded = chosen.unbounded(limit)
    answer = {
        **terms.stated(at),
        "entity": terms.entity,
        "hops": None if terms.entity is None else terms.hops,
        "pairs": [pair.shown(at, terms, pools) for pair in shown],
        "network": {**net.shown(at), "events": events},
        "max_length": terms.max_length,
        "cycles": _cycles(chosen, found, at),
        "cycles_stopped": found.stopped,
        "components": [[entity_of(node) for node in nodes] for nodes in components[:limit]],
        "unbounded": [_named(edge) for edge in unbounded],
        "untimed": ["network", "cycles"],
        "limit": limit,
        "more": {
            "pairs": len(pairs) > limit,
            "network_events": more_events,
            "cycles": found.stopped is not None,
            "components": len(components) > limit,
            "unbounded": more_unbounded,
        },
    }
    return with_missing(answer, net.missing)


def _named(edge: Edge) -> dict[str, Any]:
    return {
        "payer": entity_of(edge.payer),
        "payee": entity_of(edge.payee),
        "kind": edge.kind,
        "events": [chain for _, chain in edge.events],
    }


def _events(edges: Iterable[Edge]) -> list[str]:
    """The ids of what makes the edges, each once, by position."""
    return [chain for _, chain in sorted({event for edge in edges for event in edge.events})]


def _missing(edges: Iterable[Edge]) -> set[MissingRate]:
    return set().union(*(edge.missing for edge in edges))


def with_missing(row: dict[str, Any], missing: Iterable[MissingRate]) -> dict[str, Any]:
    named = [{"base": one.base, "quote": one.quote, "on": one.on.isoformat()} for one in sorted(missing)]
    return {**row, "missing_rates": named} if named else row


def _at_most(bounds: Bounds, limit: Bounds) -> Bounds:
    """The same with a high that isn't above that of what it is a part of."""
    highs = [one.high for one in (bounds, limit) if one.high is not None]
    return replace(bounds, high=min(highs, default=None))


def _money(bounds: Bounds | None, at: Point) -> dict[str, Any] | None:
    return None if bounds is None else money_shown(at.currency, bounds)


# --- pairs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PairFlows:
    """What a funder gave to a customer, and what the customer bought of it."""

    funder: str
    customer: str
    funding: Sequence[Edge] = ()
    purchases: Sequence[Edge] = ()

    def shown(self, at: Point, terms: Terms, pools: Pools) -> dict[str, Any]:
        """The row of the pair; a figure that is undefined is null, with the reason in `undefined`."""
        figures = self.figures(terms)
        amounts = ("funding", "purchases", "round_trip")
        undefined = {name: "missing_rates" for name in amounts if figures[name] is None}
        for name, empty in (("of_funding", "no_funding"), ("of_purchases", "no_purchases")):
            if figures[name] is None:
                undefined[name] = "missing_rates" if figures["round_trip"] is None else empty
            elif figures[name].stated is None:  # the leg may be something, yet what is stated of it is nothing
                undefined[f"{name}.stated"] = "none_stated"
        own, share, reasons = pools.of(self.funder, self.customer, self.purchases)
        missing = _missing((*self.funding, *self.purchases))
        row = {
            "funder": entity_of(self.funder),
            "customer": entity_of(self.customer),
            **{name: _money(figures[name], at) for name in amounts},
            **{
                name: None if (share_of := figures[name]) is None else bounds_shown(share_of)
                for name in ("of_funding", "of_purchases")
            },
            "self_funded": own,
            "self_funded_share": share,
            "uninformative": any(_is_unknown(figures[name]) for name in ("funding", "purchases")),
            "undefined": {**undefined, **reasons},
            "events": _events((*self.funding, *self.purchases)),
        }
        return with_missing(row, missing | (pools.missing(self.customer) if reasons else set()))

    def figures(self, terms: Terms) -> dict[str, Any]:
        """Its figures by name, None where a rate is missing or there is nothing to take a share of."""
        funding, purchases = (
            None if any(edge.amount is None for edge in edges) else carried(edges)
            for edges in (self.funding, self.purchases)
        )
        trip = of_funding = of_purchases = None
        if funding is not None and purchases is not None:
            rule, days = terms.time_rule, terms.window_days
            given, back, credit = (_legs(edges, rule) for edges in self._with_credit_apart(rule))
            of_funding, of_purchases = shares(given, back, rule, days, credit=credit)
            trip = round_trip(given, back, rule, days, credit=credit)
            trip = _at_most(_at_most(trip, funding), purchases)
        return {
            "funding": funding,
            "purchases": purchases,
            "round_trip": trip,
            "of_funding": of_funding,
            "of_purchases": of_purchases,
        }

    def _with_credit_apart(self, rule: TimeRule) -> tuple[list[Edge], list[Edge], list[Edge]]:
        """Funding, purchases, and what is both. Where a group is added up, it isn't torn apart."""
        mixed = {
            edge.share.group
            for edge in (*self.funding, *self.purchases)
            if rule == "untimed" and edge.share is not None and not edge.both_ways
        }

        def is_apart(edge: Edge) -> bool:
            return edge.both_ways and (edge.share is None or edge.share.group not in mixed)

        given = [edge for edge in self.funding if not is_apart(edge)]
        back = [edge for edge in self.purchases if not is_apart(edge)]
        return given, back, [edge for edge in self.funding if is_apart(edge)]


def _legs(edges: Sequence[Edge], rule: TimeRule) -> list[Leg]:
    """What a rule of time matches. Where the days don't matter, a whole and its parts are taken together.

    Where they do, each is taken by itself, as the least and the most that it can be: sure, and maybe wider.
    """
    if rule == "untimed" and any(edge.share is not None for edge in edges):
        return [Leg(carried(edges), min(edge.first_day for edge in edges), max(edge.last_day for edge in edges))]
    return [Leg(edge.amount, edge.first_day, edge.last_day) for edge in edges if edge.amount is not None]


def _is_unknown(bounds: Bounds | None) -> bool:
    return bounds is not None and bounds.low == ZERO and bounds.high is None


def pairs_of(edges: Iterable[Edge], *, with_one_leg: bool) -> list[PairFlows]:
    """Everyone who funds or sells, with everyone who is funded or buys, by their ids; both, if not `with_one_leg`."""
    legs: dict[Pair, tuple[list[Edge], list[Edge]]] = defaultdict(lambda: ([], []))
    for edge in edges:
        if edge.kind == "funding":
            legs[edge.payer, edge.payee][0].append(edge)
        elif edge.kind == "purchase":
            legs[edge.payee, edge.payer][1].append(edge)
    chosen = (between for between, (given, back) in legs.items() if with_one_leg or (given and back))
    return [PairFlows(*between, *legs[between]) for between in sorted(chosen)]


class Pools:
    """What every customer got from whom, and spent with whom, for what of it is a vendor's own money.

    Credit is in no pool: it can be spent with its giver alone, which it pays with the giver's own money.
    """

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._funding: dict[str, list[Edge]] = defaultdict(list)
        self._payments: dict[str, list[Edge]] = defaultdict(list)
        self._credit: dict[Pair, Decimal] = defaultdict(lambda: ZERO)
        self._found: dict[str, Pool] = {}
        for edge in edges:
            if edge.kind == "funding" and (edge.form != CREDIT or edge.missing):
                self._funding[edge.payee].append(edge)
            elif edge.kind == "purchase" and (edge.form != CREDIT or edge.missing):
                self._payments[edge.payer].append(edge)
            elif edge.kind == "purchase":
                given = edge.payee, edge.payer
                self._credit[given] = ARITHMETIC.add(self._credit[given], _stated(edge))

    def missing(self, customer: str) -> set[MissingRate]:
        """The rates that its pool lacks."""
        return _missing((*self._funding.get(customer, ()), *self._payments.get(customer, ())))

    def of(self, vendor: str, customer: str, purchases: Sequence[Edge]) -> tuple[Any, Any, dict[str, str]]:
        """The vendor's own money in what the customer pays it: amounts, their shares of it, and what is undefined."""
        if self.missing(customer):
            return None, None, {"self_funded": "missing_rates", "self_funded_share": "missing_rates"}
        if customer not in self._found:
            self._found[customer] = pool_of(
                [(edge.last_day, edge.payer, _stated(edge)) for edge in self._funding[customer]],
                [(edge.last_day, edge.payee, _stated(edge)) for edge in self._payments[customer]],
            )
        own = self._found[customer].of(vendor)
        credit = self._credit[vendor, customer]
        by_rule = {"lower": own.lower, "pro_rata": own.pro_rata, "upper": own.upper}
        amounts = {name: ARITHMETIC.add(amount, credit) for name, amount in by_rule.items()}
        paid = carried(purchases).stated_or_low
        shown = {name: number(amount) for name, amount in amounts.items()}
        if not paid:
            return shown, None, {"self_funded_share": "none_stated" if purchases else "no_purchases"}
        return shown, {name: number(ARITHMETIC.divide(amount, paid)) for name, amount in amounts.items()}, {}


def _stated(edge: Edge) -> Decimal:
    return ZERO if edge.amount is None else edge.amount.stated_or_low


# --- the network ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exposure:
    """The network of some edges, and of the plain ones among those chosen of a layer; `named`: its circles, too.

    A missing rate takes away the figures that need it, and no other.
    """

    edges: Sequence[Edge]
    others: Chosen | Sums | None = None
    with_finn: bool = True
    named: bool = True

    @classmethod
    def of(cls, flows: Chosen | Sums, terms: Terms) -> Exposure:
        """The figures of flows, without their circles."""
        return cls(flows.tied, flows, with_finn=terms.with_finn, named=False)

    @cached_property
    def missing(self) -> set[MissingRate]:
        return _missing(self.edges)

    @cached_property
    def known(self) -> Network:
        """The network of the edges whose amounts are known."""
        return self._network(None)

    @cached_property
    def every(self) -> Network:
        """The network of all edges, to find its circles: where a rate is missing, any amount will do."""
        return self._network(Bounds(ONE, ONE, ONE)) if self.missing else self.known

    def _network(self, instead: Bounds | None) -> Network:
        """Wherever something of a whole and its parts flows, all that flows the same way is one arc."""
        arcs = []
        groups: dict[tuple[str, str, bool], list[Edge]] = {
            (edge.payer, edge.payee, edge.kind == "funding"): [] for edge in self.edges if edge.share is not None
        }
        for edge in self.edges:
            way = edge.payer, edge.payee, edge.kind == "funding"
            amount = instead if edge.amount is None else edge.amount
            if edge.amount is not None and way in groups:
                groups[way].append(edge)
            elif amount is not None:
                arcs.append(networks.Edge(*way[:2], amount, way[2]))
        arcs += [networks.Edge(*way[:2], carried(edges), way[2]) for way, edges in groups.items() if edges]
        return (
            networks.network(arcs)
            if self.others is None
            else self.others.network(arcs, named=self.named or instead is not None)
        )

    def _carried(self, *, funding: bool) -> Bounds:
        """What they come to together; with `funding` those that finance somebody."""
        of_edges = carried(edge for edge in self.edges if edge.kind == "funding" or not funding)
        return of_edges if self.others is None else total([of_edges, self.others.total(funding=funding)])

    @cached_property
    def circulation(self) -> Circulation:
        """Wholes and parts that flow different ways make no more together than their group: nor do their circles."""
        found = circulation(self.known)
        if all(edge.share is None for edge in self.edges):
            return found
        gross, funding = self._carried(funding=False), self._carried(funding=True)
        return Circulation(gross, _at_most(found.circulation, gross), funding, _at_most(found.recycled, funding))

    @cached_property
    def figures(self) -> dict[str, Bounds | Ratio | None]:
        """The figures by name; None where a rate is missing that they need."""
        lacking = [edge for edge in self.edges if edge.missing]
        found = self.circulation
        all_known = not lacking
        funding_known = all(edge.kind != "funding" for edge in lacking)
        circles_known = not lacking or not self._on_circles(lacking)
        return {
            "gross": found.gross if all_known else None,
            "circulation": found.circulation if circles_known else None,
            "funding": found.funding if funding_known else None,
            "recycled": found.recycled if circles_known else None,
            "circularity": found.circularity if all_known else None,
            "recycled_share": found.recycled_share if funding_known and circles_known else None,
            "finn": finn(self.known) if all_known and self.with_finn else None,
        }

    def _on_circles(self, edges: Iterable[Edge]) -> bool:
        """Whether any of these edges is on a circle."""
        circle_of = {node: place for place, nodes in enumerate(self.every.components("strong")) for node in nodes}
        return any(circle_of.get(edge.payer, -1) == circle_of.get(edge.payee, -2) for edge in edges)

    def shown(self, at: Point) -> dict[str, Any]:
        """The figures, and the reasons for those that are undefined."""
        row: dict[str, Any] = {"time_rule": "untimed", "flows": len(self.edges if self.others is None else self.others)}
        undefined: dict[str, str] = {}
        for name, figure in self.figures.items():
            if figure is None:
                row[name] = None
                undefined[name] = "left_out" if name == "finn" and not self.with_finn else "missing_rates"
            elif isinstance(figure, Bounds):
                row[name] = money_shown(at.currency, figure)
            else:
                row[name] = {point: number(getattr(figure, point)) for point in ("at_low", "at_stated", "at_high")}
                undefined |= {f"{name}.{point}": reason for point, reason in figure.reasons.items()}
        return {**row, "undefined": undefined}


def _cycles(chosen: Chosen, found: Cycles, at: Point) -> list[dict[str, Any]]:
    """The circles, each with the narrowest of its flows; null if a rate is missing for any of them."""
    ways = [list(zip(one.entities, [*one.entities[1:], one.entities[0]], strict=True)) for one in found.cycles]
    between: dict[Pair, list[Edge]] = defaultdict(list)
    for edge in chosen.along({way for circle in ways for way in circle}).edges():
        between[edge.payer, edge.payee].append(edge)
    rows = []
    for circle, around in zip(found.cycles, ways, strict=True):
        flows = [edge for way in around for edge in between[way]]
        missing = _missing(flows)
        row = {
            "entities": [entity_of(node) for node in circle.entities],
            "amount": None if missing else money_shown(at.currency, circle.amount),
            "events": _events(flows),
        }
        rows.append(with_missing(row, missing))
    return rows
