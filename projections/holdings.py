"""Holdings: what is held of an issuer, what it cost, what came back and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Any, NamedTuple

from ledger.money import ARITHMETIC, NOTHING, UNKNOWN, ZERO, Bounds, exactly, product, total
from projections.amounts import AMOUNT, MONEY_COLUMNS, STAKE_COLUMNS, number_of
from projections.figures import (
    EMPTY,
    Exchange,
    Figure,
    Item,
    Part,
    bounds_shown,
    grouped,
    number,
    own_currency,
    shown,
    summed,
    totals_shown,
    with_missing,
)
from projections.paging import Listing, Page, cut
from projections.rates import exchange
from projections.replay import replays
from projections.table import Fact, Said, View, same
from projections.valuations import Marks, Usable, newest_marks
from projections.visibility import ByHolder, Lost, Point, Rule, Tables, believed, counting, duplicates, held

_COLUMNS = {
    "role": "holding_role",  # made, sold, observed, paid
    **same("holder", "issuer"),
    "instrument": "held_as",
    "commitment": "CASE WHEN type = 'distribution.paid' THEN agreement END",
    **same("part_of", *MONEY_COLUMNS, "units", *STAKE_COLUMNS, "fraction"),
}


def _said(fact: Fact) -> Said | None:
    said, role = fact.data, fact.type.partition(".")[2]
    instrument = said.get("instrument")
    if instrument == "grant":  # that is no holding
        return None
    if role == "paid" and instrument is None and said["kind"] in ("interest", "principal"):
        instrument = "debt"
    fact.needs("low", "share_low")
    return {
        "holding_role": role,
        "holder": said["investor" if role == "made" else "holder"],
        "issuer": said["payer" if role == "paid" else "issuer"],
        "held_as": instrument,
        "agreement": said.get("commitment"),
        "part_of": said.get("part_of"),
        "units": number_of(said.get("units")),
        "fraction": "1" if said.get("all") else number_of(said.get("fraction")),
    }


TABLE = View(
    "holdings",
    frozenset({"investment.made", "investment.sold", "holding.observed", "distribution.paid"}),
    _COLUMNS,
    mark="holding_role",
    adds={
        **dict.fromkeys(("holding_role", "holder", "issuer", "held_as", "agreement", "part_of"), "VARCHAR"),
        "units": AMOUNT,
        "fraction": AMOUNT,
    },
    said=_said,
)


class _Row(NamedTuple):
    """One event of a holding that counts."""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    role: Any
    holder: str
    issuer: str
    instrument: str
    part_of: str | None
    amount: Figure
    """As it was recorded; empty if nothing was said."""
    units: Decimal | None
    basis: str | None
    share: Bounds
    fraction: Decimal | None

    def figure(self, converting: Exchange) -> Figure:
        """What of the amount counts by now, converted."""
        if not self.amount.amounts or (converting.target is None and self.last_day <= converting.as_of):
            return self.amount
        [(currency, bounds)] = self.amount.amounts.items()
        return Part(currency, bounds, self.first_day, self.last_day).figure(converting)


class _Holding(NamedTuple):
    """A holding at a point in the three times. `value` is None where no mark values it; `own` is its currency."""

    key: tuple[str, str, str]
    events: list[str]
    costs: list[Item]
    cost: Figure
    proceeds: Figure
    distributions: Figure
    own: str | None
    units: Decimal | None
    stakes: dict[str, Bounds]
    incomplete: bool
    mark: Usable | None
    value: Figure | None


def holdings(model: Tables, at: Point, *, holder: str | None = None, issuer: str | None = None, page: Page) -> Listing:
    """Holdings of a holder, of an issuer, or all; by (holder, issuer, instrument). Closed ones stay listed."""
    found = _holdings(model, at, holder, issuer)
    page_rows, after = cut(found, page, lambda one: one.key)
    totals = totals_shown(
        {
            "cost": grouped([item for one in found for item in one.costs]),
            "proceeds": summed(one.proceeds for one in found),
            "distributions": summed(one.distributions for one in found),
            "value": summed(one.value for one in found if one.value is not None),
        }
    )
    return Listing([_shown(one, at) for one in page_rows], totals, after is not None, after)


@dataclass(frozen=True, slots=True)
class Valued:
    """What a holding is worth (None where no mark values it), and the mark that says so."""

    issuer: str
    instrument: str
    value: Figure | None
    mark: str | None


def values(model: Tables, at: Point, *, holder: str, issuer: str | None = None) -> list[Valued]:
    """The worth of everything that a holder has, or has of one issuer."""
    return [
        Valued(one.key[1], one.key[2], one.value, one.mark.chain if one.mark else None)
        for one in _holdings(model, at, holder, issuer)
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """The shares of an issuer that a holder has by one instrument, by basis."""

    holder: str
    issuer: str
    instrument: str
    stakes: dict[str, Bounds]
    events: list[str]


def stakes(model: Tables, at: Point) -> list[Held]:
    """Every holding with a stake."""
    found = _holdings(model, at, None, None)
    return [Held(*one.key, one.stakes, one.events) for one in found if one.stakes]


def _holdings(model: Tables, at: Point, holder: str | None, issuer: str | None) -> list[_Holding]:
    rows, marks = _found(model, at, holder, issuer)
    converting = exchange(model, at)
    by_key: dict[tuple[str, str, str], list[_Row]] = {}
    for row in rows:
        by_key.setdefault((row.holder, row.issuer, row.instrument), []).append(row)
    return [_fold(key, by_key[key], at, marks, converting) for key in sorted(by_key)]


def _found(model: Tables, at: Point, holder: str | None, issuer: str | None) -> tuple[list[_Row], Marks]:
    """The rows that count, and the marks that may value them."""
    if holder is not None and (by_holder := model.by_holder(at.position)) is not None:
        with suppress(Lost):
            return _of_holder(model, by_holder, at, holder, issuer)
    chosen = {name: value for name, value in (("holder", holder), ("issuer", issuer)) if value is not None}
    return _counting_rows(model, at, chosen), newest_marks(model, at, _subjects(chosen))


def _of_holder(
    model: Tables, by_holder: ByHolder, at: Point, holder: str, issuer: str | None
) -> tuple[list[_Row], Marks]:
    """The rows of a holder that count, by position, and the marks that may value them."""
    repeated = duplicates(model, at) if by_holder.any_repeats(at) else {}
    rows = [_read(deal, holder) for deal in by_holder.deals(at, holder, issuer) if deal[0] not in repeated]
    if repeated and at.include_rumoured:
        repeated = duplicates(model, believed(at))

    def newest(use: str, owner: str, issuers: set[str]) -> dict[str, Usable]:
        found = by_holder.marks(at, use, owner, issuers, repeated) if issuers else ()
        return {subject: _mark(*mark) for subject, mark in found}

    of_position = newest("position", holder, {row.issuer for row in rows})
    of_unit = newest("unit", "", {row.issuer for row in rows if row.units is not None})
    of_whole = newest("whole", "", {row.issuer for row in rows if row.basis is not None})
    return rows, Marks({(subject, holder): mark for subject, mark in of_position.items()}, of_unit, of_whole)


def _read(deal: Sequence[Any], holder: str) -> _Row:
    chain, position, first, last, role, issuer, instrument, part_of, money, units, stake, fraction = deal
    basis, share = _NO_STAKE if stake is None else _named_bounds(stake)
    last_day = date.fromordinal(last)
    return _Row(
        chain,
        position,
        last_day if first == last else date.fromordinal(first),
        last_day,
        role,
        holder,
        issuer,
        instrument,
        part_of,
        EMPTY if money is None else _amount(money),
        None if units is None else _decimal(units),
        basis,
        share,
        None if fraction is None else _decimal(fraction),
    )


def _mark(chain: str, last_day: int, basis: str, money: str) -> Usable:
    currency, bounds = _named_bounds(money)
    return Usable(chain, date.fromordinal(last_day), basis, currency, bounds)


_NO_STAKE = (None, UNKNOWN)


# The same few figures come again and again.
@lru_cache(maxsize=65_536)
def _amount(text: str) -> Figure:
    currency, bounds = _named_bounds(text)
    return Figure({currency: bounds})


@lru_cache(maxsize=65_536)
def _named_bounds(text: str) -> tuple[str | None, Bounds]:
    """What portfolios.py writes as one text: a currency and an amount, or a basis and a share."""
    name, _, figures = text.partition(" ")
    low, *others = figures.split("|")
    if not others:
        return name or None, exactly(Decimal(low))
    stated, high = (Decimal(one) if one else None for one in others)
    return name or None, Bounds(Decimal(low), stated, high)


@lru_cache(maxsize=65_536)
def _decimal(text: str) -> Decimal:
    return Decimal(text)


def _counting_rows(model: Tables, at: Point, chosen: dict[str, str]) -> list[_Row]:
    """The rows that count, by position; each distribution under the instrument that it is of."""
    rule = counting(model, at)
    funds = f"SELECT commitment FROM commitments WHERE {held(at).sql} AND role = 'made' AND purpose = 'fund'"
    instrument = f"coalesce(instrument, CASE WHEN commitment IN ({funds}) THEN 'fund_interest' ELSE 'equity' END)"
    columns = ["chain", "fact_position", "first_day", "last_day", *(name for name in _COLUMNS if name != "commitment")]
    names = ", ".join(f"{instrument} AS instrument" if name == "instrument" else name for name in columns)
    filters = "".join(f" AND {column} = ${column}" for column in chosen)
    rows = model.rows(
        f"SELECT {names} FROM holdings WHERE {rule.sql}{filters} ORDER BY fact_position", {**rule.values, **chosen}
    )
    found = []
    for *row, currency, low, stated, high, units, basis, share_low, share_stated, share_high, fraction in rows:
        amount = EMPTY if low is None else Figure({currency: Bounds(low, stated, high)})
        share = UNKNOWN if share_low is None else Bounds(share_low, share_stated, share_high)
        found.append(_Row._make((*row, amount, units, basis, share, fraction)))
    return found


def _subjects(chosen: dict[str, str]) -> Rule:
    """The condition on the subjects of marks that can value the chosen holdings."""
    if "issuer" in chosen:
        return Rule("subject = $issuer", {"issuer": chosen["issuer"]})
    if "holder" in chosen:
        return Rule("subject IN (SELECT issuer FROM holdings WHERE holder = $holder)", {"holder": chosen["holder"]})
    return Rule("true", {})


def _fold(key: tuple[str, str, str], rows: Sequence[_Row], at: Point, marks: Marks, converting: Exchange) -> _Holding:
    """The holding that its rows, by position, make."""
    costs = [Item((row.chain,), row.part_of, row.figure(converting)) for row in rows if row.role == "made"]
    steps = [row for row in rows if row.role != "paid"]
    cost, proceeds, distributions = grouped(costs), EMPTY, EMPTY
    if len(costs) < len(rows):
        proceeds = summed(row.figure(converting) for row in rows if row.role == "sold")
        distributions = summed(row.figure(converting) for row in rows if row.role == "paid")
    own = converting.target or own_currency(cost, proceeds, distributions)

    low, position, high = replays(steps, at.as_of)
    units = position.units
    if units is None and any(step.units is not None for step in steps if step.role != "sold"):
        units = ZERO  # bought, but on a day that may be still to come
    stakes: dict[str, Bounds] = {}
    if low is position is high:
        stakes = {basis: exactly(position.shares[basis]) for basis in sorted(position.shares)}
    else:
        for basis in sorted({*low.shares, *position.shares, *high.shares}):
            stakes[basis] = _between(*(one.shares.get(basis, ZERO) for one in (low, position, high)))

    mark, worth = (None, exactly(ZERO)) if position.sold_out else _worth(key, units, stakes.get("economic"), marks)
    value: Figure | None = None
    if mark is not None:
        value = Part(mark.currency, worth, mark.last_day, mark.last_day).figure(converting)
    elif position.sold_out:
        value = EMPTY
    return _Holding(
        key=key,
        events=[row.chain for row in rows],
        costs=costs,
        cost=cost,
        proceeds=proceeds,
        distributions=distributions,
        own=own,
        units=units,
        stakes=stakes,
        incomplete=position.incomplete,
        mark=mark,
        value=value,
    )


def _shown(one: _Holding, at: Point) -> dict[str, Any]:
    """The row as the contract has it."""
    holder, issuer, instrument = one.key
    mark, value = one.mark, one.value
    row = {
        "holder": holder,
        "issuer": issuer,
        "instrument": instrument,
        "units": number(one.units),
        "stake": [{"basis": basis, **bounds_shown(share)} for basis, share in one.stakes.items()],
        "cost": shown(one.cost, one.own),
        "proceeds": shown(one.proceeds, one.own),
        "distributions": shown(one.distributions, one.own),
        "value": None if value is None else shown(value, one.own),
        "value_basis": mark.basis if mark else None,
        "valued_on": mark.last_day.isoformat() if mark else None,
        "value_event": mark.chain if mark else None,
        "age_days": (at.as_of - mark.last_day).days if mark else None,
        "multiple": None if value is None else number(_multiple(one, value)),
        "incomplete": one.incomplete,
        "events": one.events,
    }
    return with_missing(row, [one.cost, one.proceeds, one.distributions, *([value] if value else [])])


def _between(low: Decimal, stated: Decimal, high: Decimal) -> Bounds:
    """A sale of more than is sure to be held can turn the replays round; the interval holds all three."""
    return Bounds(min(low, stated, high), stated, max(low, stated, high))


def _worth(
    key: tuple[str, str, str], units: Decimal | None, stake: Bounds | None, marks: Marks
) -> tuple[Usable | None, Bounds]:
    """The mark that values a holding, and the value: the position's own mark, else price × units, else a stake."""
    holder, issuer, _ = key
    if mark := marks.of_holder.get((issuer, holder)):
        return mark, mark.bounds
    if units is not None and (mark := marks.of_unit.get(issuer)):
        return mark, product(exactly(units), mark.bounds)
    if stake is not None and (mark := marks.of_whole.get(issuer)):
        return mark, product(stake, mark.bounds)
    return None, NOTHING


def _multiple(one: _Holding, value: Figure) -> Decimal | None:
    """(value + proceeds + distributions) / cost at the stated figures; none where currencies or rates forbid it."""
    figures = (one.cost, value, one.proceeds, one.distributions)
    if any(figure.missing for figure in figures) or len(set().union(*(figure.currencies for figure in figures))) != 1:
        return None
    if any(bounds.stated is None for bounds in value.amounts.values()):
        return None
    [spent, *back] = (total(figure.amounts.values()).stated_or_low for figure in figures)
    return ARITHMETIC.divide(reduce(ARITHMETIC.add, back), spent) if spent else None
