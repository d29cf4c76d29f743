"""What differs between two answers to one question: added, removed and changed rows, and fields that changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Lists = Mapping[str, tuple[str, ...]]
Answer = Mapping[str, Any]
Rows = Mapping[tuple[Any, ...], tuple[int, Any]]
"""The rows of a list with their places."""
Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a list (`key` says which) or a field of the answer (no key) that isn't the same."""

    in_: str
    """The field of the answer."""
    key: dict[str, Any] | None
    change: Change
    fields: list[str]
    """What differs in it, where it has fields on both sides."""
    before: Any
    after: Any
    place: int | None
    """The row's place in the second answer's list."""


def differences(before: Answer, after: Answer, lists: Lists) -> list[Difference]:
    """What differs, in the order of the answers. Rows of `lists` are told apart by the fields given.

    A field that is null and one that isn't there are the same.
    """
    found: list[Difference] = []
    for name in {**after, **before}:
        was, now = before.get(name), after.get(name)
        old, new = (_by_identity(rows or [], lists[name]) if name in lists else None for rows in (was, now))
        if old is not None and new is not None:
            rows = list(_of_rows(name, old, new, lists[name]))
            found += rows
            if rows or (was is None) == (now is None):
                continue
        if _differ(was, now):
            change: Change = "added" if name not in before else "removed" if name not in after else "changed"
            found.append(Difference(name, None, change, _fields(was, now), was, now, None))
    return found


def _of_rows(name: str, old: Rows, new: Rows, identity: Sequence[str]) -> Iterable[Difference]:
    """Added and changed rows where they are in the second list; those that went before what followed them."""
    gone = [(place, row) for its, (place, row) in old.items() if its not in new]
    gone.reverse()
    for its, (place, row) in new.items():
        if its not in old:
            yield _row(name, identity, None, row, place)
            continue
        before = old[its]
        while gone and gone[-1][0] < before[0]:
            yield _row(name, identity, gone.pop()[1], None, None)
        if _differ(before[1], row):
            yield _row(name, identity, before[1], row, place)
    while gone:
        yield _row(name, identity, gone.pop()[1], None, None)


def _row(name: str, identity: Sequence[str], before: Any, after: Any, place: int | None) -> Difference:
    row = after or before
    change: Change = "added" if before is None else "removed" if after is None else "changed"
    return Difference(name, {one: row[one] for one in identity}, change, _fields(before, after), before, after, place)


def _differ(before: Any, after: Any) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return before != after and bool(_fields(before, after))
    return bool(before != after)


def _fields(before: Any, after: Any) -> list[str]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _by_identity(rows: list[Any], identity: Sequence[str]) -> Rows | None:
    """The rows with their places, by what tells them apart; None if it doesn't."""
    found = {}
    for place, row in enumerate(rows):
        its = tuple(value if isinstance(value := row[name], str) else (json.dumps(value),) for name in identity)
        found[its] = place, row
    return found if len(found) == len(rows) else None
