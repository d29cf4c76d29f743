"""Claims: what somebody said in sum, and the figures that follow. They are added to nothing, and nothing to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ledger.money import ARITHMETIC, ONE, Bounds, exactly, product, quotient, total
from projections.figures import Exchange, Figure, bounds_shown, number, own_currency, shown, with_missing
from projections.paging import Listing, Page, cut
from projections.reconciliation import Books, Claim, found_sum, reconciled
from projections.visibility import Point, Tables, counting


def claims(
    model: Tables,
    at: Point,
    *,
    by: str | None = None,
    about: str | None = None,
    kind: str | None = None,
    page: Page,
) -> Listing:
    """Claims by somebody, about somebody or something, of a kind, or all; by id. They have no totals."""
    every = _claims(model, at)
    chosen = [
        claim
        for claim in every
        if (by is None or claim.said.get("by") == by)
        and (about is None or about in (claim.said.get("about") or ()))
        and (kind is None or claim.said["kind"] == kind)
    ]
    rows, after = cut(chosen, page, lambda claim: (claim.id,))
    books = reconciled(model, at, every, rows)
    return Listing([_row(claim, books) for claim in rows], None, after is not None, after)


def _claims(model: Tables, at: Point) -> list[Claim]:
    """Every claim that counts, by id. Of several that made one, each after the one before was retracted, the last."""
    rule = counting(model, at)
    rows = model.rows(
        f"""SELECT chain, fact_position, last_day, data FROM records WHERE {rule.sql} AND type = 'claim.published'
        QUALIFY row_number() OVER (PARTITION BY stream ORDER BY fact_position DESC) = 1 ORDER BY fact_position""",
        rule.values,
    )
    found = [Claim(chain, position, last_day, json.loads(data)) for chain, position, last_day, data in rows]
    return sorted(found, key=lambda claim: claim.id)


def _row(claim: Claim, books: Books) -> dict[str, Any]:
    """The row as the contract has it."""
    said, converting = claim.said, books.converting
    claimed = claim.claimed(converting)
    found = books.found(claim)
    total_found = None if found is None else found_sum(found.values())
    whole = books.by_name.get(said.get("part_of"))
    before = books.before(claim)
    own = converting.target or own_currency(*(one for one in (claimed, total_found) if one is not None))
    quantity, share_of, count = claim.quantity, claim.share_of, said.get("count")
    explained = found_quantity = None
    if claimed is not None and total_found is not None and (both := _beside(total_found, claimed)) is not None:
        explained = quotient(*both)
        if quantity is not None:
            found_quantity = quotient(product(both[0], quantity), both[1])
    share = None if whole is None else _of_other(claim, whole, converting)
    growth = None if before is None else _growth(before, claim, converting)
    mean = None if claimed is None or not count else _each(claimed, lambda one: quotient(one, exactly(Decimal(count))))
    all_of_it = None
    if claimed is not None and share_of is not None:
        all_of_it = _each(claimed, lambda one: quotient(one, share_of))
    behind = {(claim.fact_position, claim.chain)}
    behind |= {(other.fact_position, other.chain) for other in (whole, before) if other is not None}
    behind |= {event for one in (found or {}).values() for event in one.events}
    row = {
        "claim": claim.id,
        "kind": said["kind"],
        "by": said.get("by"),
        "about": said.get("about") or [],
        "text": said["text"],
        "claimed": None if claimed is None else shown(claimed, own),
        "quantity": _counted(quantity, said),
        "found": None if total_found is None else shown(total_found, own),
        "explained": None if explained is None else bounds_shown(explained),
        "found_quantity": _counted(found_quantity, said),
        "count": count,
        "mean": None if mean is None else shown(mean, own),
        "share": None if share is None else bounds_shown(share),
        "whole": None if all_of_it is None else shown(all_of_it, own),
        "growth": number(growth),
        "denied_by": books.denied_by(claim),
        "events": [chain for _, chain in sorted(behind)],
    }
    others = [other.claimed(converting) for other in (whole, before) if other is not None]
    return with_missing(row, [one for one in (claimed, total_found, *others) if one is not None])


# --- figures of claims -----------------------------------------------------------------------------------------


def _each(figure: Figure, change: Callable[[Bounds], Bounds]) -> Figure:
    return replace(figure, amounts={currency: change(bounds) for currency, bounds in figure.amounts.items()})


def _counted(quantity: Bounds | None, said: dict[str, Any]) -> dict[str, Any] | None:
    """A number in the unit of the claim's quantity."""
    return None if quantity is None else {**bounds_shown(quantity), "unit": said["quantity"]["unit"]}


def _beside(part: Figure, whole: Figure) -> tuple[Bounds, Bounds] | None:
    """What is to be divided and by what, of a `whole` in one currency; None where currencies differ or a rate is
    missing."""
    if part.missing or whole.missing or len(whole.currencies) != 1 or not part.currencies <= whole.currencies:
        return None
    [divisor] = whole.amounts.values()
    amounts = list(part.amounts.values())
    return amounts[0] if len(amounts) == 1 else total(amounts), divisor


def _of_other(claim: Claim, other: Claim, converting: Exchange) -> Bounds | None:
    """What one claims over what the other claims: of money if both do, else of quantities."""
    ours, theirs = claim.claimed(converting), other.claimed(converting)
    if ours is not None and theirs is not None:
        both = _beside(ours, theirs)
        return None if both is None else quotient(*both)
    if claim.quantity is not None and other.quantity is not None:
        return quotient(claim.quantity, other.quantity)
    return None


def _growth(before: Claim, claim: Claim, converting: Exchange) -> Decimal | None:
    ratio = _of_other(claim, before, converting)
    return None if ratio is None or ratio.stated is None else ARITHMETIC.subtract(ratio.stated, ONE)
