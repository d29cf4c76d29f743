"""Deals: the events that name amounts, and the commitments, contracts and guarantees that they make, change and use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ledger.money import NOTHING, Bounds
from projections.doubles import Doubles, doubles
from projections.figures import Exchange, Figure, Part, in_force, summed
from projections.flows import CHANGES, ENDS, FORM_COLUMNS, MAKES
from projections.visibility import ALL, Point, Rule, Tables, counting

KINDS = ("commitment", "contract", "guarantee")
TYPES = (
    "commitment.made",
    "commitment.changed",
    "commitment.closed",
    "commitment.drawn",
    "investment.made",
    "contract.signed",
    "contract.changed",
    "contract.ended",
    "contract.paid",
    "distribution.paid",
    "guarantee.given",
    "guarantee.called",
)
_COLUMNS = (
    *("chain", "fact_position", "first_day", "last_day", "type", "record", "payer", "payee", "subtype", "part_of"),
    *("currency", "low", "stated", "high", "up_to"),
    *FORM_COLUMNS,
)
_TAKES = frozenset({"investment.made", "commitment.drawn", "contract.paid", "guarantee.called"})


class Row(NamedTuple):
    """One event that counts and names an amount, or ends something. (A tuple, since there are so many of them.)"""

    chain: str
    fact_position: int
    first_day: date
    last_day: date
    type: str
    record: str | None
    payer: str
    payee: str
    subtype: str | None
    part_of: str | None
    currency: str | None
    low: Decimal | None
    stated: Decimal | None
    high: Decimal | None
    up_to: bool
    form: str | None
    instrument: str | None
    seller: str | None
    binding: bool | None
    outcome: str | None
    linked: str | None

    @property
    def part(self) -> Part:
        bounds = NOTHING if self.low is None else Bounds(self.low, self.stated, self.high)
        return Part(self.currency, bounds, self.first_day, self.last_day)

    @property
    def order(self) -> tuple[date, int]:
        return self.last_day, self.fact_position


@dataclass(frozen=True, slots=True)
class Deal:
    """A commitment, contract or guarantee: what made it, its terms in order, its end, and what it was used for."""

    made: Row
    terms: Sequence[Row]
    end: Row | None
    taken: Sequence[Row]

    @property
    def rows(self) -> list[Row]:
        return [*self.terms, *([self.end] if self.end else []), *self.taken]

    @property
    def binding(self) -> bool | None:
        return next((row.binding for row in reversed(self.terms) if row.binding is not None), None)

    @property
    def is_open(self) -> bool:
        """Whether the promise stands, or stood until it was kept."""
        return self.end is None or self.end.outcome == "fulfilled"

    def used(self, converting: Exchange) -> Figure:
        return summed(row.part.figure(converting) for row in self.taken)

    def agreed(self, converting: Exchange, used: Figure) -> Figure:
        """The amount by its latest terms, as the lists of commitments and contracts have it."""
        priced = next(row for row in reversed(self.terms) if row.low is not None)
        return in_force(
            priced.part,
            certain=self.made.last_day <= converting.as_of,
            up_to=priced.up_to,
            taken=used,
            exchange=converting,
        )


def rows_of(model: Tables, at: Point, chosen: Rule = ALL) -> list[Row]:
    """Every event that counts and makes, changes, ends or uses a deal, or is a flow by itself; by position.

    With `chosen` only those. What names a double of a deal, or of an event, names the first.
    """
    rule = counting(model, at)
    rows = model.rows(
        f"""SELECT {", ".join(_COLUMNS)} FROM flows
        WHERE {rule.sql} AND {chosen.sql} AND list_contains($types::VARCHAR[], type) ORDER BY fact_position""",
        {**rule.values, **chosen.values, "types": list(TYPES)},
    )
    found = list(map(Row._make, rows))
    repeated = doubles(model, at)
    if not repeated.events:
        return found
    return [
        _of_first(row, repeated) if row.part_of or row.linked or row.record in repeated.records else row
        for row in found
    ]


def _of_first(row: Row, repeated: Doubles) -> Row:
    """The row with every double that it names replaced by the first; a link to a record may be to one of any kind."""
    linked = []
    for link in row.linked.split() if row.linked else ():
        of_kinds = {repeated.records.get(f"{kind}/{link}", "").partition("/")[2] for kind in KINDS} - {""}
        linked += [repeated.events.get(link, link), *sorted(of_kinds)]
    whole = row.part_of
    if whole is not None:
        whole = repeated.events.get(whole) or repeated.slugs("commitment").get(whole, whole)
    return row._replace(
        record=repeated.records.get(row.record or "", row.record), part_of=whole, linked=" ".join(linked) or None
    )


def deals_of(rows: Iterable[Row]) -> dict[str, Deal]:
    """What was made, by its name with its kind. What nothing makes that counts isn't there."""
    of_record: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.record is not None:
            of_record[row.record].append(row)
    found = {}
    for name, its_rows in of_record.items():
        makers = [row for row in its_rows if row.type in MAKES]
        if makers:
            made = makers[-1]
            changes = sorted((row for row in its_rows if row.type in CHANGES), key=lambda row: row.order)
            end = max((row for row in its_rows if row.type in ENDS), key=lambda row: row.order, default=None)
            taken = [row for row in its_rows if row.type in _TAKES]
            found[name] = Deal(made, [made, *changes], end, taken)
    return found


def words(text: str | None) -> set[str]:
    """Words of a column that has several."""
    return set(text.split()) if text else set()
