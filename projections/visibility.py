"""The one rule of what is visible at a point in the three times, and of what counts; every question goes by it.

Rows are segments of chains. A chain is a fact with its corrections and retractions. Whenever an event of a chain is
recorded at position p, the chain's open rows end there (`pos_to` = p) and its rows as they then are, one for each span
of knowledge, begin (`pos_from` = p). So a point in the past is a filter over columns and costs what the present does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

from ledger.event import CORRECTED, RETRACTED, TYPES
from ledger.reviews import ReviewRecorded
from projections.table import View

# What adds is possible, and so listed, from its period's first day on; what sets a state holds from the last.
ADDITIVE = frozenset(
    {
        "entity.registered",
        "commitment.made",
        "commitment.drawn",
        "guarantee.given",
        "guarantee.called",
        "investment.made",
        "investment.sold",
        "distribution.paid",
        "contract.signed",
        "contract.billed",
        "contract.paid",
    }
)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a question stands in the three times, the currency it wants figures in, and whether rumours count."""

    as_of: date
    known_at: date
    position: int
    currency: str | None = None
    include_rumoured: bool = False


class Lost(Exception):
    """What is kept by holder can't be read. The tables have all of it."""


class ByHolder(Protocol):
    """The rows of one holder and the marks of what it holds, found without a search (projections/portfolios.py).

    All raise Lost.
    """

    def deals(self, at: Point, holder: str, issuer: str | None) -> list[tuple[Any, ...]]: ...

    def marks(
        self, at: Point, use: str, owner: str, issuers: Collection[str], repeated: Collection[str]
    ) -> Iterator[tuple[str, list[Any]]]: ...

    def any_repeats(self, at: Point) -> bool: ...


class Tables(Protocol):
    """The tables of a read model, as questions see them."""

    def by_holder(self, position: int) -> ByHolder | None:
        """The rows up to a position by holder; None while they are not there."""

    def states(self, positions: Sequence[int]) -> dict[int, str]:
        """The states of events by their positions, as JSON text. Raises StoreError."""

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a query with named parameters."""

    def arrays(self, sql: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a query with named parameters, none of them with nulls, as arrays by their names."""


# Every fact, for the rules that look across the nouns: a draw may have the same source as an investment.
FACTS = View(
    "facts",
    frozenset(TYPES) - {CORRECTED, RETRACTED, ReviewRecorded.type},
    {},
    mark="fact",
    adds={"fact": "BOOLEAN"},
    said=lambda fact: {"fact": True},
)

# Events, rather than rows, that the ledger holds at (known_at, position).
RECORDED = "position <= $position AND known <= $known_at"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on rows for a WHERE clause, with the values of its parameters."""

    sql: str
    values: dict[str, Any]


ALL = Rule("true", {})


def held(at: Point, name: str = "") -> Rule:
    """Rows that the ledger holds at (known_at, position), whatever day they speak of.

    `name` begins the names of the values, for queries of more than one point.
    """
    known, position = f"{name}known_at", f"{name}position"
    sql = f"(known_from <= ${known} AND ${known} < known_to AND pos_from <= ${position} AND ${position} < pos_to)"
    return Rule(sql, {known: at.known_at, position: at.position})


def held_at_either(one: Point, other: Point) -> Rule:
    """Rows that the ledger holds at one of two points, or at both. What is recorded after both is none of them."""
    first, second = held(one, "one_"), held(other, "other_")
    return Rule(f"({first.sql} OR {second.sql})", first.values | second.values)


def visible(at: Point) -> Rule:
    """Rows that are visible at the three times, whatever their status."""
    rule = held(at)
    return Rule(f"({rule.sql} AND seen_from <= $as_of)", {**rule.values, "as_of": at.as_of})


def counting(model: Tables, at: Point) -> Rule:
    """Visible rows that count: not denied, not rumoured unless asked for, only the first of several sources."""
    rule, repeated = visible(at), duplicates(model, at)
    sql = f"{rule.sql} AND NOT list_contains($nowhere::VARCHAR[], status)"
    values = {**rule.values, "nowhere": uncounted(at)}
    if repeated:
        sql += " AND chain NOT IN (SELECT unnest($repeated::VARCHAR[]))"
        values["repeated"] = sorted(repeated)
    return Rule(f"({sql})", values)


def counts(status: str, at: Point) -> bool:
    """Whether rows of this status count."""
    return status not in uncounted(at)


def uncounted(at: Point) -> list[str]:
    """The statuses of rows that don't count."""
    return ["denied"] if at.include_rumoured else ["denied", "rumoured"]


def believed(at: Point) -> Point:
    """The same point without rumours, for what rumours never do: to value a holding."""
    return replace(at, include_rumoured=False)


def duplicates(model: Tables, at: Point) -> dict[str, str]:
    """The chains that only repeat, by `same_as`, what another chain says and counts for; each with that other one."""
    rule = held(at)
    # Few facts have another source. To find these first costs next to nothing: blocks without any are passed over.
    columns = f"SELECT fact_position, chain, same_as, status, seen_from <= $as_of FROM {FACTS.name} WHERE {rule.sql}"
    values = {**rule.values, "as_of": at.as_of}
    later = model.rows(f"{columns} AND same_as IS NOT NULL", values)
    if not later:
        return {}
    named = sorted({same_as for _, _, same_as, _, _ in later})
    first_of_all = model.rows(
        f"{columns} AND same_as IS NULL AND chain IN (SELECT unnest($named::VARCHAR[]))", {**values, "named": named}
    )
    rows = [row[1:] for row in sorted([*later, *first_of_all], key=lambda row: row[0])]
    pointers = {chain: same_as for chain, same_as, _, _ in rows if same_as is not None}
    roots: dict[str, str] = {}
    first: dict[str, str] = {}
    repeated = {}
    for chain, _, status, seen in rows:
        if seen and counts(status, at):
            counted = first.setdefault(_root(chain, pointers, roots), chain)
            if counted != chain:
                repeated[chain] = counted
    return repeated


def _root(chain: str, pointers: Mapping[str, str], roots: dict[str, str]) -> str:
    """Where `same_as` leads in the end. A circle, which the checks refuse, would end where it is entered first.

    `roots` keeps what is found, so that a long line of sources is walked once.
    """
    path: dict[str, None] = {}
    while chain not in roots and chain not in path and chain in pointers:
        path[chain] = None
        chain = pointers[chain]
    root = roots.get(chain, chain)
    roots.update(dict.fromkeys(path, root))
    return root
