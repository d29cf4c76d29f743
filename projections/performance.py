"""Performance: what a holder paid in, what came back, what is left, and the rate of return of it all.

Figures are plain numbers at the stated amounts, in one currency, in the two conventions that funds use for recallable
distributions: left in, or taken out of both what was paid in and what was distributed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.money import ARITHMETIC, Bounds, total
from projections import commitments, entities, holdings
from projections.amounts import MONEY_COLUMNS
from projections.commitments import Capital
from projections.figures import (
    Exchange,
    Figure,
    Item,
    Part,
    beyond_parts,
    grouped,
    left_of,
    number,
    summed,
    with_missing,
)
from projections.holdings import Valued
from projections.rates import exchange
from projections.returns import Returns, returns
from projections.table import Fact, Said, View, same
from projections.visibility import Point, Tables, counting

_COLUMNS = {
    "kind": "deal",  # investment, sale, distribution
    **same("holder", "issuer"),
    "commitment": "agreement",
    **same("part_of", *MONEY_COLUMNS),
    **{f"recallable_{name}": f"more_{name}" for name in MONEY_COLUMNS},
}
_KINDS = {"investment.made": "investment", "investment.sold": "sale", "distribution.paid": "distribution"}


def _said(fact: Fact) -> Said | None:
    said, deal = fact.data, _KINDS[fact.type]
    if said.get("instrument") == "grant":  # that is no holding
        return None
    fact.needs("low", "more_low")
    if "low" not in fact.amounts:
        raise ValueError("no amount")
    return {
        "deal": deal,
        "holder": said["investor" if deal == "investment" else "holder"],
        "issuer": said["payer" if deal == "distribution" else "issuer"],
        "agreement": said.get("commitment"),
        "part_of": said.get("part_of"),
    }


TABLE = View(
    "performance",
    frozenset(_KINDS),
    _COLUMNS,
    mark="deal",
    adds=dict.fromkeys(("deal", "holder", "issuer", "agreement", "part_of"), "VARCHAR"),
    said=_said,
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One event that moved money between a holder and an issuer, and that counts."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    kind: str
    holder: str
    issuer: str
    commitment: str | None
    part_of: str | None
    currency: str | None
    low: Decimal
    stated: Decimal | None
    high: Decimal | None
    recallable_currency: str | None
    recallable_low: Decimal | None
    recallable_stated: Decimal | None
    recallable_high: Decimal | None

    def amount(self, converting: Exchange) -> Figure:
        return self._figure(converting, self.currency, Bounds(self.low, self.stated, self.high))

    def recallable(self, converting: Exchange) -> Figure:
        if self.recallable_low is None:
            return Figure()
        bounds = Bounds(self.recallable_low, self.recallable_stated, self.recallable_high)
        return self._figure(converting, self.recallable_currency, bounds)

    def _figure(self, converting: Exchange, currency: str | None, bounds: Bounds) -> Figure:
        return Part(currency, bounds, self.first_day, self.last_day).figure(converting)


@dataclass(frozen=True, slots=True)
class _Flow:
    """Money that moved on a day, above zero if the holder received it; None where a rate is missing."""

    day: date
    kind: str
    amount: Decimal | None
    events: list[str]

    def shown(self) -> dict[str, Any]:
        return {
            "date": self.day.isoformat(),
            "kind": self.kind,
            "amount": number(self.amount),
            "events": self.events,
        }


def performance(model: Tables, at: Point, holder: str, *, issuer: str | None = None) -> dict[str, Any] | None:
    """How a holder did, with everything it holds or with one issuer; None if there was never such an entity.

    `at` names the currency.
    """
    if not entities.ever_registered(model, at, holder):
        return None
    rows = _effective_rows(model, at, holder, issuer)
    converting = exchange(model, at)
    capital = commitments.capital(model, at, from_=holder, to=issuer)
    worth = holdings.values(model, at, holder=holder, issuer=issuer)
    nav = summed(one.value for one in worth if one.value is not None)

    promised = [row for row in rows if row.commitment in capital.ids or row.issuer in capital.payees]
    paid_in, called = grouped(_items(rows, converting)), grouped(_items(promised, converting))
    distributed = summed(row.amount(converting) for row in rows if row.kind != "investment")
    recallable, recallable_of_called = (summed(row.recallable(converting) for row in some) for some in (rows, promised))
    flows = [*_flows(rows, converting), *_worth_flow(model, worth, nav, at.as_of)]
    found = _returns(flows)
    included = _figures(capital, paid_in, called, distributed, nav)
    answer = {
        "holder": holder,
        "currency": at.currency,
        "included": included,
        "excluded": _figures(
            capital,
            left_of(paid_in, recallable),
            left_of(called, recallable_of_called),
            left_of(distributed, recallable),
            nav,
        ),
        "distributed": number(_stated(distributed)),
        "nav": number(_stated(nav)),
        "moic": included["tvpi"],
        "xirr": number(found.only),
        "xirr_all": [number(rate) for rate in found.rates],
        "annualised": found.annualised,
        "xirr_reason": found.reason,
        "unvalued": [{"issuer": one.issuer, "instrument": one.instrument} for one in worth if one.value is None],
        "commitment_events": _by_position(model, capital.events),
        "cash_flows": [flow.shown() for flow in flows],
    }
    return with_missing(answer, [paid_in, distributed, recallable, nav, capital.committed, capital.unfunded])


def _effective_rows(model: Tables, at: Point, holder: str, issuer: str | None) -> list[_Row]:
    """The rows that count and whose whole period is over, since stated amounts count from then; by (day, position)."""
    rule = counting(model, at)
    columns = ", ".join(["chain", "fact_position", "first_day", "last_day", *_COLUMNS])
    rows = model.rows(
        f"""SELECT {columns} FROM performance
        WHERE {rule.sql} AND last_day <= $as_of AND holder = $holder{"" if issuer is None else " AND issuer = $issuer"}
        ORDER BY last_day, fact_position""",
        {**rule.values, "holder": holder, **({} if issuer is None else {"issuer": issuer})},
    )
    return [_Row(*row) for row in rows]


def _items(rows: Iterable[_Row], converting: Exchange) -> list[Item]:
    return [Item((row.chain,), row.part_of, row.amount(converting)) for row in rows if row.kind == "investment"]


def _flows(rows: Sequence[_Row], converting: Exchange) -> Iterator[_Flow]:
    """A flow for each event; of a whole what its parts leave of it, so that flows add up to what was paid in."""
    left = iter(beyond_parts(_items(rows, converting)))
    for row in rows:
        figure = next(left) if row.kind == "investment" else row.amount(converting)
        amount = _stated(figure)
        if amount is not None and row.kind == "investment":
            amount = -amount
        yield _Flow(row.last_day, row.kind, amount, [row.chain])


def _worth_flow(model: Tables, worth: Sequence[Valued], nav: Figure, day: date) -> Iterator[_Flow]:
    """What is held, as if it were received on the day that is asked about; nothing where no mark values anything."""
    marks = {one.mark for one in worth if one.mark is not None}
    if marks:
        yield _Flow(day, "nav", _stated(nav), _by_position(model, marks))


def _by_position(model: Tables, chains: Iterable[str]) -> list[str]:
    """Facts in the order of the log."""
    rows = model.rows(
        """SELECT DISTINCT chain, fact_position FROM facts WHERE list_contains($chains::VARCHAR[], chain)
        ORDER BY fact_position""",
        {"chains": sorted(chains)},
    )
    return [chain for chain, _ in rows]


def _returns(flows: Sequence[_Flow]) -> Returns:
    dated = [(flow.day, flow.amount) for flow in flows if flow.amount is not None]
    return returns(dated) if len(dated) == len(flows) else Returns(reason="missing_rates")


def _figures(
    capital: Capital, paid_in: Figure, called: Figure, distributed: Figure, nav: Figure
) -> dict[str, str | None]:
    """The figures of one convention."""
    paid, back, left = _stated(paid_in), _stated(distributed), _stated(nav)
    both = None if back is None or left is None else ARITHMETIC.add(back, left)
    return {
        "paid_in": number(paid),
        "pic": number(_ratio(_stated(called), _stated(capital.committed))),
        "dpi": number(_ratio(back, paid)),
        "rvpi": number(_ratio(left, paid)),
        "tvpi": number(_ratio(both, paid)),
        "unfunded": number(_stated(capital.unfunded)),
    }


def _stated(figure: Figure) -> Decimal | None:
    """The amount in the one currency; None where a rate is missing."""
    return None if figure.missing else total(figure.amounts.values()).stated_or_low


def _ratio(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return ARITHMETIC.divide(one, other) if one is not None and other else None
