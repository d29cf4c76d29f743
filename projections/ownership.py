"""Look-through ownership: who holds how much of whom in the end, and what that is worth without counting twice.

A(i,j) is the share of j that i holds. Integrated ownership is A (I - A)⁻¹: directly, through others, and round through
cross-holdings. With p, what each owns beside its holdings, (I - A)⁻¹ p is what each is worth, and with Ĉ(j,j) = 1 - Σ
A(i,j), the part of j that nobody in the graph holds, Ĉ (I - A)⁻¹ p is what of it reaches owners outside (Elliott, Golub
& Jackson, American Economic Review 104, 2014).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ledger.money import ZERO, Bounds, total
from projections.figures import bounds_shown, number
from projections.holdings import stakes
from projections.integrated import Group, Stake, groups
from projections.visibility import Point, Tables
from projections.worth import Worth


def ownership(model: Tables, at: Point, *, basis: str, entity: str | None, limit: int) -> dict[str, Any]:
    """Stakes by holder and issuer, values by entity, at a point and in its currency; `entity` narrows to its own."""
    owned = groups(_direct(model, at, basis))
    worth = Worth(model, at, owned)
    stakes_of = sorted(
        (
            (holder, issuer, group)
            for group in owned
            for holder, issuer in group.pairs
            if entity is None or entity in (holder, issuer)
        ),
        key=lambda one: one[:2],
    )
    members = sorted((one, group) for group in owned for one in group.members if entity in (None, one))
    factor = worth.double_count()
    rows = [_stake_shown(*one) for one in stakes_of[:limit]]
    values = [worth.shown(*one) for one in members[:limit]]
    _order_events(model, [*rows, *values])
    return {
        "basis": basis,
        "currency": at.currency,
        "entity": entity,
        "stakes": rows,
        "values": values,
        "double_count_factor": None if isinstance(factor, str) else number(factor),
        "undefined": {"double_count_factor": factor} if isinstance(factor, str) else {},
        "errors": [
            {"issuer": issuer, "reason": reason, "sum": bounds_shown(group.held_of(issuer))}
            for group in owned
            for issuer, reason in group.wrong.items()
        ],
        "limit": limit,
        "more": {"stakes": len(stakes_of) > limit, "values": len(members) > limit},
    }


def _direct(model: Tables, at: Point, basis: str) -> list[Stake]:
    """The stakes of one basis, by holder and issuer. Debt is no share of anything."""
    found: dict[tuple[str, str], list[tuple[Bounds, list[str]]]] = defaultdict(list)
    for held in stakes(model, at):
        share = held.stakes.get(basis)
        if share is not None and share.high != ZERO and held.instrument != "debt":
            found[held.holder, held.issuer].append((share, held.events))
    return [
        Stake(*between, total(share for share, _ in parts), [event for _, events in parts for event in events])
        for between, parts in sorted(found.items())
    ]


def _stake_shown(holder: str, issuer: str, group: Group) -> dict[str, Any]:
    direct = next((one for one in group.of_holder.get(holder, ()) if one.issuer == issuer), None)
    integrated = group.integrated(holder, issuer)
    return {
        "holder": holder,
        "issuer": issuer,
        "direct": None if direct is None else bounds_shown(direct.share),
        "integrated": None if integrated is None else bounds_shown(integrated),
        "undefined": {} if integrated is not None else {"integrated": next(iter(group.wrong.values()))},
        "events": [event for one in group.on_the_way(holder, issuer) for event in one.events],
    }


def _order_events(model: Tables, rows: Sequence[dict[str, Any]]) -> None:
    """Put the events of each row in the order of their positions, each once."""
    named = sorted({event for row in rows for event in row["events"]})
    chains = "SELECT DISTINCT chain, fact_position FROM facts WHERE list_contains($chains::VARCHAR[], chain)"
    position = dict(model.rows(chains, {"chains": named})) if named else {}
    for row in rows:
        row["events"] = sorted(set(row["events"]), key=lambda event: position[event])
