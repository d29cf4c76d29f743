"""What a file holds: tables of typed cells, and beside them what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.export.columns import Cell, Column, Kind


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of typed cells. `rows` gives them from the first on each time it is called, so that none need be kept.

    The first `leading` columns tell one row from the others.
    """

    name: str
    columns: Sequence[Column]
    rows: Callable[[], Iterator[Sequence[Cell]]]
    leading: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """One thing about the question: its name, its value and what it means."""

    name: str
    value: Cell
    kind: Kind = Kind.TEXT
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """A list and what belongs to it: other lists of the answer, and its single figures.

    `objects` gives the rows of the list as JSON has them.
    """

    question: Sequence[Said]
    table: Table
    others: Sequence[Table]
    figures: Sequence[Said]
    objects: Callable[[], Iterator[Mapping[str, Any]]]
