"""Performance: what a holder paid in and got back at stated amounts, what is left, and every rate of return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from tests.oracle.bounds import text
from tests.oracle.commitments import _commitment, newest_of_each
from tests.oracle.holdings import Key, _holding, holding_of
from tests.oracle.money import Figure, Item, additive, grouped, maximum, missing_rates, total
from tests.oracle.rows import Question, Row, by_position, counting_rows, rows_of_firsts

KINDS = {"investment.made": "investment", "investment.sold": "sale", "distribution.paid": "distribution"}
MONEY = {"investment.made": "amount", "investment.sold": "proceeds", "distribution.paid": "amount"}
CAPITAL = ("fund", "investment", "loan")


def performance(
    q: Question,
    subject: str,
    issuer: str | None = None,
) -> dict[str, Any]:
    q = replace(q, currency=q.currency or "USD")
    if not any(
        at <= q.position and state["type"] == "entity.registered" and state["data"]["entity"] == subject
        for at, state in q.log
    ):
        return {**q.header(), "cash_flows": []}
    rows = counting_rows(q)

    def figure(row: Row, name: str) -> Figure:
        return additive(q, rows, row, row.data[name]) if row.data.get(name) is not None else Figure()

    moved = [row for row in rows if row.type in KINDS and row.last <= q.as_of and _key(q, row, subject, issuer)]
    moved.sort(key=lambda row: row.order)
    investments = [row for row in moved if row.type == "investment.made"]
    received = [row for row in moved if row.type != "investment.made"]

    # What was promised: binding, of capital, to somebody else.
    ids, payees, promises, behind = set(), set(), [], set()
    promising = rows_of_firsts(q)
    for made in newest_of_each([row for row in promising if row.type == "commitment.made"], "commitment"):
        data = made.data
        if data["from"] != subject or data["to"] == subject or (issuer is not None and data["to"] != issuer):
            continue
        answer, figures = _commitment(q, promising, made)
        if answer["binding"] and data["purpose"] in CAPITAL:
            ids.add(data["commitment"])
            payees.add(data["to"])
            behind |= set(answer["events"])
            promises.append((made, figures))
    committed, unfunded = (
        grouped(
            [Item({made.id, made.data["commitment"]}, made.data.get("part_of"), one[name]) for made, one in promises]
        )
        for name in ("committed", "unfunded")
    )

    # What is held.
    of_key: dict[Key, list[Row]] = {}
    for row in rows:
        key = holding_of(q, row)
        if key is not None and key[0] == subject and issuer in (None, key[1]):
            of_key.setdefault(key, []).append(row)
    held = {key: _holding(q, rows, key, of_key[key]) for key in sorted(of_key)}
    nav = total(figures["value"] for _, figures in held.values() if "value" in figures)
    marks = {answer["value_event"] for answer, _ in held.values()} - {None}

    commitment_of = {row.id: row.data.get("commitment") for row in promising}

    def paid_in(some: Sequence[Row]) -> Figure:
        return grouped([Item({row.id}, row.data.get("part_of"), figure(row, "amount")) for row in some])

    def under_promise(row: Row) -> bool:
        return commitment_of[row.id] in ids or (row.data.get("issuer") or row.data.get("payer")) in payees

    paid, called = paid_in(investments), paid_in([row for row in investments if under_promise(row)])
    back = total(figure(row, MONEY[row.type]) for row in received)
    recallable = total(figure(row, "recallable") for row in received)
    of_called = total(figure(row, "recallable") for row in received if under_promise(row))

    flows = []
    for row in moved:
        amount = _stated(figure(row, MONEY[row.type]))
        if row.type == "investment.made":
            amount = _less(amount, _stated(_parts_of(row, investments, figure)))
            amount = None if amount is None else -amount
        flows.append((row.last, KINDS[row.type], amount, [row.id]))
    if marks:
        flows.append((q.as_of, "nav", _stated(nav), by_position([row for row in rows_of(q) if row.id in marks])))

    included = _convention(paid, called, back, nav, committed, unfunded, Figure(), Figure())
    rates, annualised, reason = _rates(flows)
    return {
        **q.header(),
        "holder": subject,
        "currency": q.currency,
        "included": included,
        "excluded": _convention(paid, called, back, nav, committed, unfunded, recallable, of_called),
        "distributed": text(_stated(back)),
        "nav": text(_stated(nav)),
        "moic": included["tvpi"],
        "xirr": rates[0] if len(rates) == 1 else None,
        "xirr_all": rates,
        "annualised": annualised,
        "xirr_reason": reason,
        "unvalued": [
            {"issuer": key[1], "instrument": key[2]} for key, (_, figures) in held.items() if "value" not in figures
        ],
        "commitment_events": by_position([row for row in rows if row.id in behind]),
        "cash_flows": [
            {"date": str(day), "kind": kind, "amount": text(amount), "events": events}
            for day, kind, amount, events in flows
        ],
        **missing_rates([paid, back, recallable, nav, committed, unfunded]),
    }


def rows_of(q: Question) -> list[Row]:
    """The rows that marks are among: rumours never value."""
    return counting_rows(replace(q, include=frozenset()))


def _key(q: Question, row: Row, holder: str, issuer: str | None) -> bool:
    key = holding_of(q, row)
    return key is not None and key[0] == holder and issuer in (None, key[1])


def _parts_of(whole: Row, investments: list[Row], figure: Any) -> Figure:
    parts = [row for row in investments if row.data.get("part_of") == whole.id]
    return total(maximum(figure(part, "amount"), _parts_of(part, investments, figure)) for part in parts)


def _stated(one: Figure) -> Fraction | None:
    if one.missing:
        return None
    return sum((bounds.counted for bounds in one.amounts.values()), Fraction(0))


def _less(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else max(Fraction(0), one - other)


def _ratio(one: Fraction | None, other: Fraction | None) -> str | None:
    return text(one / other) if one is not None and other else None


def _convention(
    paid: Figure,
    called: Figure,
    back: Figure,
    nav: Figure,
    committed: Figure,
    unfunded: Figure,
    recallable: Figure,
    of_called: Figure,
) -> dict[str, str | None]:
    paid_in, out = _less(_stated(paid), _stated(recallable)), _less(_stated(back), _stated(recallable))
    left = _stated(nav)
    return {
        "paid_in": text(paid_in),
        "pic": _ratio(_less(_stated(called), _stated(of_called)), _stated(committed)),
        "dpi": _ratio(out, paid_in),
        "rvpi": _ratio(left, paid_in),
        "tvpi": _ratio(None if out is None or left is None else out + left, paid_in),
        "unfunded": text(_stated(unfunded)),
    }


# --- rates of return -------------------------------------------------------------------------------------------

Terms = list[tuple[int, Decimal]]


def _rates(flows: list[tuple[date, str, Fraction | None, list[str]]]) -> tuple[list[str], bool | None, str | None]:
    if any(amount is None for _, _, amount, _ in flows):
        return [], None, "missing_rates"
    by_day: dict[date, Fraction] = {}
    for day, _, amount, _ in flows:
        if amount:
            by_day[day] = by_day.get(day, Fraction(0)) + amount
    if len(by_day) < 2:
        return [], None, "one_date" if by_day else "no_flows"
    days = sorted(day for day, amount in by_day.items() if amount)
    with localcontext(prec=80):
        terms = [
            ((day - days[0]).days, Decimal(by_day[day].numerator) / Decimal(by_day[day].denominator)) for day in days
        ]
        turns = len(_turns(terms))
        if not turns:
            return [], None, "no_sign_change"
        span = terms[-1][0]
        unit = min(365, span)
        rates = sorted(
            {(zero.exp() - 1).quantize(Decimal("1e-30")).quantize(Decimal("1e-12")) for zero in zeros(terms, unit)}
        )
    annual = span >= 365
    reason = None if annual else "not_annualised"
    if not rates:
        return [], None, "out_of_range" if turns % 2 else "no_rate"
    written = [str(text(Fraction(rate))) for rate in rates]
    return written, annual, reason if len(rates) == 1 else "several_rates"


def _turns(terms: Terms) -> list[int]:
    return [index for index in range(len(terms) - 1) if (terms[index][1] > 0) != (terms[index + 1][1] > 0)]


def zeros(terms: Terms, unit: int) -> list[Decimal]:
    """The logarithms of growth at which the terms, discounted, sum to zero, by Rolle's theorem.

    Times e^(x·t), with t at a change of sign, the slope of the sum has one change of sign less. Between the zeros of
    the slope the sum only rises or only falls.
    """
    turns = _turns(terms)
    if not turns:
        return []
    end = Decimal(10**12).ln()
    t = Decimal(terms[turns[0]][0] + terms[turns[0] + 1][0]) / 2
    slope_zeros = zeros([(days, amount * (t - days)) for days, amount in terms], unit)
    points = [-end, *slope_zeros, end]
    values = [_value(terms, unit, x) for x in points]
    found = [x for x, value in zip(points, values, strict=True) if value == 0]
    for index in range(len(points) - 1):
        low, high, sign = points[index], points[index + 1], values[index]
        if sign * values[index + 1] >= 0:
            continue
        for _ in range(150):
            middle = (low + high) / 2
            value = _value(terms, unit, middle)
            if value * sign > 0:
                low = middle
            else:
                high = middle
        found.append((low + high) / 2)
    return sorted(found)


def _value(terms: Terms, unit: int, x: Decimal) -> int:
    """The sign of the sum at x; 0 where it is nothing beside its terms."""
    a_day = (-x / unit).exp()
    parts = [amount * a_day**days for days, amount in terms]
    value = sum(parts, Decimal(0))
    if abs(value) <= Decimal("1e-40") * sum(abs(part) for part in parts):
        return 0
    return 1 if value > 0 else -1
