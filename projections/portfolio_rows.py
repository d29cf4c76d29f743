"""What is kept by holder, table by table: what each column holds and which rows of `segments` give a row.

That is told twice: in SQL, by which DuckDB makes very many rows, and in Python for the few that news brings, since
DuckDB takes longer to plan a query than these take to make. A test holds both to the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any

from projections.amounts import AMOUNT, BOUNDS, UNIT_COLUMNS, UNIT_PLACES
from projections.apply import COLUMNS
from projections.changes import Row
from projections.table import SAME_AS, SEGMENTS
from projections.valuations import NOT_REAL, OF_WHOLE, USES

Reading = Callable[[Row], Any]

# As SQLite is given what it has no type for: days as numbers (as date.toordinal), numbers as texts.
_DAY = "({} - DATE '0001-01-01' + 1)::INTEGER"
_NUMBER = "rtrim(rtrim({}::VARCHAR, '0'), '.')"
_END, _NO_DAY = 2**63 - 1, date.max.toordinal()
_AS_CHANGED = {"DATE": _DAY, AMOUNT: "{}::VARCHAR"}
AS_CHANGED = ", ".join(_AS_CHANGED.get(kind, "{}").format(name) for name, kind in COLUMNS[SEGMENTS].items())
"""Rows of `segments` as a batch brings them."""


@dataclass(frozen=True, slots=True)
class Column:
    """What it holds: in SQL of a table's source, and of a row of `segments` as a batch brings it."""

    sql: str
    of: Reading


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: a query to the read model, what tells a row of `segments` that is one of them, and what
    columns hold there if it isn't what they hold in others."""

    sql: str
    has: Callable[[Row], bool]
    gives: Mapping[str, Reading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file: its columns, what stands in them where there is nothing, its key and its sources."""

    name: str
    columns: Mapping[str, Column]
    usual: Mapping[str, str | int]
    key: tuple[str, ...]
    sources: tuple[Source, ...]

    @property
    def made(self) -> str:
        return (
            f"CREATE TABLE {self.name} ({', '.join(self.columns)}, PRIMARY KEY ({', '.join(self.key)})) WITHOUT ROWID"
        )

    @property
    def insert(self) -> str:
        """Takes a row with all that it has."""
        unusual = (f"nullif({one}, {self.usual[one]})" if one in self.usual else one for one in self.columns)
        given = ", ".join(f"? AS {one}" for one in self.columns)
        return f"INSERT OR REPLACE INTO {self.name} SELECT {', '.join(unusual)} FROM (SELECT {given})"

    @property
    def whole(self) -> str:
        """Its rows with all that they have."""
        values = (f"coalesce({one}, {self.usual[one]}) AS {one}" if one in self.usual else one for one in self.columns)
        return f"(SELECT {', '.join(values)} FROM {self.name})"

    def query(self, condition: str) -> str:
        """For the rows that a condition chooses, in the file's order, in which it takes them fastest."""
        values = ", ".join(f"{column.sql} AS {name}" for name, column in self.columns.items())
        found = " UNION ALL ".join(f"SELECT {values} FROM ({source.sql}) WHERE {condition}" for source in self.sources)
        return f"{found} ORDER BY {', '.join(self.key)}"

    def rows(self, of: Iterable[Row]) -> Iterator[list[Any]]:
        """The rows that these rows of `segments` give."""
        made = [
            (source.has, [source.gives.get(name, column.of) for name, column in self.columns.items()])
            for source in self.sources
        ]
        for row in of:
            for has, columns in made:
                if has(row):
                    yield [value(row) for value in columns]


# --- columns -----------------------------------------------------------------------------------------------------


def _same(name: str, in_segments: str = "") -> Column:
    """What stands as it is in `segments`, perhaps under another name."""
    return Column(name, itemgetter(in_segments or name))


def _day(name: str) -> Column:
    return Column(_DAY.format(name), itemgetter(name))


def _number(name: str) -> Column:
    return Column(_NUMBER.format(name), lambda row: _short(row[name]))


def _figure(name: str, low: str, stated: str, high: str) -> str:
    """A currency and its amount, or a basis and its share, as one text: `USD 5`, or `USD 4|5|6` with its bounds.

    What is lacking is empty; nothing if there is no low.
    """
    texts = [_NUMBER.format(one) for one in (low, stated, high)]
    bounds = ", '|', ".join(texts)
    amount = f"CASE WHEN {low} = {stated} AND {stated} = {high} THEN {texts[0]} ELSE concat({bounds}) END"
    return f"CASE WHEN {low} IS NOT NULL THEN concat({name}, ' ', {amount}) END"


def _figure_of(name: str | None, low: str | None, stated: str | None, high: str | None) -> str | None:
    """The same of texts."""
    if low is None:
        return None
    amount = low if low == stated == high else f"{low}|{stated or ''}|{high or ''}"
    return f"{name or ''} {amount}"


@lru_cache(maxsize=65_536)
def _short(text: str | None) -> str | None:
    """A number as _NUMBER writes it."""
    return text.rstrip("0").rstrip(".") if text is not None and "." in text else text


@lru_cache(maxsize=65_536)
def _of_units(units: int | None) -> str | None:
    return None if units is None else _short(format(Decimal(units).scaleb(-UNIT_PLACES), "f"))


def _bounds(row: Row, prefix: str) -> list[str | None]:
    return [_short(row[prefix + bound]) for bound in BOUNDS]


def _amount(row: Row) -> list[str | None]:
    """The bounds of its amount."""
    return _bounds(row, "wide_") if row["low_units"] is None else [_of_units(row[name]) for name in UNIT_COLUMNS]


def _says(low: str | None, stated: str | None, high: str | None) -> bool:
    """Whether a mark says anything."""
    return low is not None and not (low == "0" and stated is None and high is None)


def _money(row: Row) -> str | None:
    return _figure_of(row["currency"], *_amount(row))


_MONEY = Column(_figure("currency", *BOUNDS), _money)
_STAKE = Column(
    _figure("share_basis", *(f"share_{bound}" for bound in BOUNDS)),
    lambda row: _figure_of(row["share_basis"], *_bounds(row, "share_")),
)
_SEGMENT = {name: _same(name) for name in ("chain", "status", "fact_position", "pos_from", "pos_to")} | {
    name: _day(name) for name in ("known_from", "known_to", "seen_from", "last_day")
}
# Nearly all rows have these, so they take no room.
_USUAL: dict[str, str | int] = {
    "status": "'reported'",
    "pos_to": _END,
    "known_to": _NO_DAY,
    "seen_from": "last_day",
}

# --- tables ------------------------------------------------------------------------------------------------------

DEALS = Table(
    "deals",
    {
        **_SEGMENT,
        "first_day": _day("first_day"),
        "role": _same("role", "holding_role"),
        "holder": _same("holder"),
        "issuer": _same("issuer"),
        "instrument": _same("instrument", "held_as"),
        "commitment": Column(
            "commitment", lambda row: row["agreement"] if row["type"] == "distribution.paid" else None
        ),
        "part_of": _same("part_of"),
        "money": _MONEY,
        "stake": _STAKE,
        "units": _number("units"),
        "fraction": _number("fraction"),
    },
    {**_USUAL, "first_day": "last_day", "role": "'made'"},
    ("holder", "fact_position", "pos_from", "known_from"),
    (Source("SELECT * FROM holdings", lambda row: row["holding_role"] is not None),),
)


def _real(row: Row) -> bool:
    return row["mark"] is not None and row["mark"] not in NOT_REAL


def _of_position(row: Row) -> bool:
    return _real(row) and row["holder"] is not None and _says(*_amount(row))


def _of_unit(row: Row) -> bool:
    return _real(row) and _says(*_bounds(row, "more_"))


def _of_whole(row: Row) -> bool:
    return row["mark"] in OF_WHOLE and row["holder"] is None and _says(*_amount(row))


MARKS = Table(
    "marks",
    {
        **_SEGMENT,
        "use": Column("use", lambda row: ""),
        "subject": _same("subject", "issuer"),
        "owner": Column("owner", lambda row: ""),
        "basis": _same("basis", "mark"),
        "money": _MONEY,
    },
    _USUAL,
    ("use", "owner", "subject", "last_day", "fact_position", "pos_from", "known_from"),
    (
        Source(USES["position"], _of_position, {"use": lambda row: "position", "owner": itemgetter("holder")}),
        Source(
            USES["unit"],
            _of_unit,
            {
                "use": lambda row: "unit",
                "money": lambda row: _figure_of(row["more_currency"], *_bounds(row, "more_")),
            },
        ),
        Source(USES["whole"], _of_whole, {"use": lambda row: "whole"}),
    ),
)
FUNDS = Table(
    "funds",
    {**_SEGMENT, "commitment": _same("commitment", "agreement")},
    _USUAL,
    ("commitment", "fact_position", "pos_from", "known_from"),
    (
        Source(
            "SELECT * FROM commitments WHERE role = 'made' AND purpose = 'fund'",
            lambda row: row["commitment_role"] == "made" and row["subtype"] == "fund",
        ),
    ),
)
REPEATS = Table(
    "repeats",
    _SEGMENT,
    _USUAL,
    ("fact_position", "pos_from", "known_from"),
    (Source("SELECT * FROM facts WHERE same_as IS NOT NULL", lambda row: row["fact"] and row[SAME_AS] is not None),),
)
TABLES = (DEALS, MARKS, FUNDS, REPEATS)
