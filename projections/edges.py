"""Edges: who pays whom how much, for one layer of the graph of exposures.

An edge goes between ultimate parents as of the day that is asked about; what flows inside a group is none. docs/
exposure.md says which event makes which edge, and why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from ledger.money import Bounds, total
from projections.deals import KINDS, Row, words
from projections.drafts import Books, Draft, Kind
from projections.figures import MissingRate
from projections.forest import Forest
from projections.wholes import Group, Share


class Edge(NamedTuple):
    """Money, or what stands for it, from a payer to a payee. `amount` is None where a rate is missing.

    Payer and payee are nodes of the graph: an entity, or one of the places that a party nobody named takes in it.
    """

    payer: str
    payee: str
    kind: Kind
    form: str | None
    amount: Bounds | None
    missing: frozenset[MissingRate]
    first_day: date
    last_day: date
    events: tuple[tuple[int, str], ...]
    """Position and id of the events that make it, in order."""
    share: Share | None = None
    """Of a whole, and of a part of one: which of the group it is, since such amounts depend on one another."""
    both_ways: bool = False
    """Credit and the purchase that it is: an edge each way, of one amount on one day."""


def entity_of(node: str) -> str:
    """The entity at a node. A party that nobody named has a node for each lot of events that are linked."""
    return node.partition(" ")[0]


def carried(edges: Iterable[Edge]) -> Bounds:
    """What edges come to together, but for those where a rate is missing.

    Amounts are taken as independent, except for those of one group, whose sum is exact. An item of it may flow twice,
    as funding and as the purchase that this comes back by: these are added up by themselves.
    """
    plain: list[Bounds] = []
    shared: dict[tuple[Group, bool], dict[int, bool]] = defaultdict(dict)
    for edge in edges:
        if edge.amount is not None and edge.share is None:
            plain.append(edge.amount)
        elif edge.amount is not None and edge.share is not None:
            shared[edge.share.group, edge.kind == "purchase"][edge.share.place] = edge.share.all_of_it
    return total([*plain, *(group.carried(places) for (group, _), places in shared.items())])


def edges_of(books: Books) -> list[Edge]:
    """The edges between nodes, by the position of their first event.

    A party that nobody named passes on only what linked events bring it.
    """
    drafts = [draft for draft in books.drafts() if draft.is_edge]
    unnamed = {
        node
        for node in {node for draft in drafts for node in (draft.payer, draft.payee)}
        if books.parties.attribute(node, "kind", books.at.as_of) == "undisclosed"
    }
    lots = _lots(books.rows) if unnamed else {}

    def place(node: str, draft: Draft) -> str:
        return f"{node} {lots[draft.made.chain]}" if node in unnamed else node

    found = [
        Edge(
            place(draft.payer, draft),
            place(draft.payee, draft),
            draft.kind,
            draft.form,
            None if draft.figure.missing else draft.amount,
            draft.figure.missing,
            draft.made.first_day,
            draft.made.last_day,
            draft.events,
            draft.share,
            draft.both_ways,
        )
        for draft in drafts
    ]
    return sorted(found, key=lambda edge: (edge.events[0], edge.payer, edge.payee, edge.kind))


def _lots(rows: Iterable[Row]) -> dict[str, int]:
    """For each event its lot, by the first position in it: all events of one record, and all that links connect."""
    forest = Forest()
    position: dict[str, int] = {}
    for row in rows:
        position[row.chain] = row.fact_position
        linked = [name for link in words(row.linked) for name in (link, *(f"{kind}/{link}" for kind in KINDS))]
        forest.join((row.chain, *linked, row.record or row.chain))
    lot = forest.lot
    earliest: dict[str, int] = {}
    for chain, where in position.items():
        earliest[lot(chain)] = min(where, earliest.get(lot(chain), where))
    return {chain: earliest[lot(chain)] for chain in position}
