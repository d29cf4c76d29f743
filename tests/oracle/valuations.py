"""Valuations: the marks of one subject, and what each was a step up from."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tests.oracle.bounds import UNKNOWN, Bounds, of_money, of_stake, text
from tests.oracle.money import Figure, missing_rates, money, recorded
from tests.oracle.rows import Question, Row, counting_rows, visible_rows


def valuations(
    q: Question,
    subject: str = "",
) -> dict[str, Any]:
    counting = counting_rows(q)
    marks = [
        row
        for row in visible_rows(q)
        if row.last <= q.as_of
        and (
            (row.type == "valuation.recorded" and row.data["subject"] == subject)
            or (
                row.type in ("investment.made", "investment.sold")
                and row.data["issuer"] == subject
                and row.data.get("stake") is not None
                and of_money(_worth(row)) != UNKNOWN
            )
        )
    ]
    marks.sort(key=lambda row: row.order)
    answers = []
    for index, row in enumerate(marks):
        same = [one for one in marks[:index] if one in counting and _kind(one) == _kind(row)]
        deals = [one for one in marks[:index] if one in counting and _kind(one) == ("implied", None)]
        answers.append(_mark(q, counting, row, same[-1] if same else None, deals[-1] if deals else None))
    return {**q.header(), "marks": answers}


def _kind(row: Row) -> tuple[str, str | None]:
    """The basis and the holder: marks that agree in both are steps of one ladder. What deals imply is of the whole."""
    if row.type == "valuation.recorded":
        return row.data["basis"], row.data.get("holder")
    return "implied", None


def _worth(row: Row) -> dict[str, Any]:
    return row.data[
        {"valuation.recorded": "value", "investment.made": "amount", "investment.sold": "proceeds"}[row.type]
    ]


def _figures(q: Question, rates: list[Row], row: Row) -> tuple[Figure, Figure | None]:
    """The value, and what it implies of the whole where a stake is given."""
    worth = _worth(row)
    bounds = of_money(worth)
    value = recorded(q, rates, worth, row.last)
    if row.data.get("stake") is None:
        return value, None
    stake = of_stake(row.data["stake"])

    def over(amount: Fraction | None, share: Fraction | None) -> Fraction | None:
        return None if amount is None or not share else amount / share

    low = over(bounds.low, stake.high)
    whole = Bounds(low or Fraction(0), over(bounds.stated, stake.stated), over(bounds.high, stake.low))
    return value, recorded(q, rates, worth, row.last, whole)


def _times(now: Figure | None, then: Figure | None) -> str | None:
    """One stated figure over the other; None without both in one currency."""
    if now is None or then is None or not now.amounts or set(now.amounts) != set(then.amounts):
        return None
    (this,), (previous,) = now.amounts.values(), then.amounts.values()
    return text(this.stated / previous.stated) if this.stated is not None and previous.stated else None


def _mark(q: Question, rates: list[Row], row: Row, before: Row | None, deal: Row | None) -> dict[str, Any]:
    value, implied = _figures(q, rates, row)
    basis, holder = _kind(row)
    pick = 1 if basis == "implied" else 0
    step_up = None if before is None else _times((value, implied)[pick], _figures(q, rates, before)[pick])
    of_all = value if implied is None and holder is None else implied
    return {
        "effective": row.effective,
        "known": str(row.known),
        "status": row.status,
        "basis": basis,
        "holder": holder,
        "value": money(value, None),
        "implied": None if implied is None else money(implied, None),
        "step_up": step_up,
        "since_deal": None if deal is None else _times(of_all, _figures(q, rates, deal)[1]),
        "events": [row.id],
        **missing_rates([value] if implied is None else [value, implied]),
    }
