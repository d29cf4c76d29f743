"""Lists in pages: how much of one was asked for, and what is given."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows, those after the key that the page before gave."""

    limit: int = 100
    after: str | None = None


EVERYTHING = Page(limit=2**31)


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of one page; `totals` are over all pages; `after` is the key of the last row if there are more."""

    rows: list[dict[str, Any]]
    totals: list[dict[str, Any]] | None
    more: bool
    after: str | None


def cut(rows: Sequence[Row], page: Page, key: Callable[[Row], tuple[str | int, ...]]) -> tuple[list[Row], str | None]:
    """The page's part of all rows, which are ordered by `key`, and the key to go on with if more follow."""
    start = 0 if page.after is None else bisect_right(rows, tuple(json.loads(page.after)), key=key)
    chosen = list(rows[start : start + page.limit])
    more = start + page.limit < len(rows)
    return chosen, json.dumps(key(chosen[-1])) if more else None
