"""Commitments: what was promised, what of it was drawn, and what is still open."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.oracle.bounds import ZERO, Bounds
from tests.oracle.dates import last_day
from tests.oracle.money import (
    Figure,
    Item,
    additive,
    difference,
    grouped,
    missing_rates,
    money,
    nothing,
    own_currency,
    recorded,
    total,
    totals,
)
from tests.oracle.rows import Question, Row, by_position, rows_of_firsts


def commitments(
    q: Question,
    from_: str | None = None,
    to: str | None = None,
) -> dict[str, Any]:
    rows = rows_of_firsts(q)
    made_rows = [
        row
        for row in newest_of_each([row for row in rows if row.type == "commitment.made"], "commitment")
        if (from_ is None or row.data["from"] == from_) and (to is None or row.data["to"] == to)
    ]
    made_rows.sort(key=lambda row: row.data["commitment"])
    answers = [_commitment(q, rows, made) for made in made_rows]
    counted = [(made, figures) for made, (_, figures) in zip(made_rows, answers, strict=True)]
    counted = [(made, figures) for made, figures in counted if made.data["from"] != made.data["to"]]
    return {
        **q.header(),
        "commitments": [answer for answer, _ in answers],
        "totals": totals(
            q,
            {
                name: grouped(
                    [
                        Item({made.id, made.data["commitment"]}, made.data.get("part_of"), figures[name])
                        for made, figures in counted
                    ]
                )
                for name in ("committed", "drawn", "unfunded")
            },
        ),
    }


def in_force(q: Question, rows: list[Row], kind: str, slug: str, made: Row, name: str) -> tuple[Any, Row]:
    """The value of a field, and the row that set it: the latest change that names it, else the first fact."""
    record = kind.partition(".")[0]
    changes = [row for row in rows if row.type == kind and row.data[record] == slug and row.last <= q.as_of]
    changes = [row for row in changes if row.data.get(name) is not None]
    if not changes:
        return made.data.get(name), made
    newest = max(changes, key=lambda row: row.order)
    return newest.data[name], newest


def amount_in_force(q: Question, rows: list[Row], kind: str, slug: str, made: Row, taken: Figure) -> Figure:
    """The amount by its latest terms. Of "up to X" as much is certain as was taken."""
    amount, set_by = in_force(q, rows, kind, slug, made, "amount")
    result = recorded(q, rows, amount, set_by.last)
    if made.last > q.as_of:
        return Figure(
            {key: Bounds(Fraction(0), Fraction(0), one.high) for key, one in result.amounts.items()}, result.missing
        )
    if amount.get("qualifier") == "up_to":
        if taken.missing:
            return Figure(missing=result.missing + taken.missing)
        for key, one in result.amounts.items():
            assert one.high is not None
            result.amounts[key] = one._replace(low=min(one.high, taken.amounts.get(key, ZERO).low))
    return result


def newest_of_each(made_rows: list[Row], record: str) -> list[Row]:
    """Of a record that was made anew after it was retracted, the one made last, wherever both can be seen."""
    return [
        row
        for row in made_rows
        if not any(one.data[record] == row.data[record] and one.position > row.position for one in made_rows)
    ]


def _commitment(q: Question, rows: list[Row], made: Row) -> tuple[dict[str, Any], dict[str, Figure]]:
    slug = made.data["commitment"]

    def now(name: str) -> Any:
        return in_force(q, rows, "commitment.changed", slug, made, name)[0]

    draws = [
        row
        for row in rows
        if (row.type == "commitment.drawn" and row.data["commitment"] == slug)
        or (
            row.type == "investment.made"
            and row.data.get("commitment") == slug
            and row.data.get("inside_commitment") is not False
        )
    ]
    recalls = [
        row
        for row in rows
        if row.type == "distribution.paid"
        and row.data.get("commitment") == slug
        and row.data.get("recallable") is not None
    ]
    changes = [row for row in rows if row.type == "commitment.changed" and row.data["commitment"] == slug]
    closes = [row for row in rows if row.type == "commitment.closed" and row.data["commitment"] == slug]
    outcome = max(closes, key=lambda row: row.order).data["outcome"] if closes else None

    drawn = total(additive(q, rows, row, row.data["amount"]) for row in draws)
    recallable = total(additive(q, rows, row, row.data["recallable"]) for row in recalls)
    committed = amount_in_force(q, rows, "commitment.changed", slug, made, drawn)
    up_to = now("amount").get("qualifier") == "up_to"
    own = own_currency(q, [committed, drawn])
    unfunded = difference(total([committed, recallable]), drawn) if outcome is None else nothing(own)

    horizon = now("horizon")
    end = (horizon or {}).get("end")
    answer = {
        "commitment": slug,
        "from": made.data["from"],
        "to": made.data["to"],
        "purpose": made.data["purpose"],
        "binding": now("binding"),
        "stage": now("stage"),
        "held": now("held") or False,
        "committed": money(committed, own),
        "drawn": money(drawn, own),
        "unfunded": money(unfunded, own),
        **({"unfunded_bounds": "independent"} if up_to and outcome is None else {}),
        "outcome": outcome,
        "horizon": horizon,
        "horizon_gone": end is not None and last_day(end) < q.as_of,
        "events": by_position([made, *changes, *closes, *draws, *recalls]),
        **missing_rates([committed, drawn, unfunded]),
    }
    return answer, {"committed": committed, "drawn": drawn, "unfunded": unfunded}
