"""Whether two read models hold the same: the one that answers, and one that was made from the log just now."""

from __future__ import annotations

from projections.apply import COLUMNS
from projections.database import ReadModel


def differing(one: ReadModel, other: ReadModel) -> list[str]:
    """The tables whose rows differ, whatever their order."""
    return [name for name in ("set_aside", *COLUMNS) if _digest(one, name) != _digest(other, name)]


def _digest(model: ReadModel, table: str) -> tuple[object, ...]:
    return model.rows(f"SELECT count(*), sum(hash({table})::HUGEINT) FROM {table}", {})[0]
