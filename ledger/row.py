"""A fact as its chain of corrections leaves it: what checks read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ledger.times import Period


class Row(NamedTuple):
    """The fact or its latest correction. `position` is the fact's; it orders rows of one day."""

    chain: str
    position: int
    type: str
    period: Period
    status: str
    same_as: str | None
    data: dict[str, Any]

    @property
    def counts(self) -> bool:
        """Denied events count nowhere, rumoured ones only when asked for: neither limits what may be recorded."""
        return self.status in ("confirmed", "reported")


def in_order(rows: Iterable[Row]) -> list[Row]:
    """By the last day that the date may mean, then as recorded."""
    return sorted(rows, key=lambda row: (row.period.last, row.position))


def counting(rows: Sequence[Row]) -> list[Row]:
    """Those that count: not denied, not rumoured, and only the first of several sources for one fact."""
    if not any(row.same_as for row in rows):
        return in_order([row for row in rows if row.counts])
    pointers = {row.chain: row.same_as for row in rows}
    first: dict[str, Row] = {}
    for row in sorted((row for row in rows if row.counts), key=lambda row: row.position):
        root, seen = row.chain, {row.chain}
        while (named := pointers.get(root)) and named not in seen:
            root = named
            seen.add(named)
        first.setdefault(root, row)
    return in_order(first.values())
