"""What differs between two answers to one question: added, removed and changed rows, and fields that changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Lists = Mapping[str, tuple[str, ...]]
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a list (`key` says which) or a field of the answer (no key) that isn't the same."""

    in_: str
    """The field of the answer."""
    key: dict[str, Any] | None
    change: Literal["added", "removed", "changed"]
    fields: list[str]
    """What differs in it, where it has fields on both sides."""
    before: Any
    after: Any
    place: int | None
    """The row's place in the second answer's list."""


def differences(before: Answer, after: Answer, lists: Lists) -> list[Difference]:
    """What differs, in the order of the answers. Rows of `lists` are told apart by the fields given."""
    found: list[Difference] = []
    for name in {**after, **before}:
        there = [one.get(name) for one in (before, after)]
        if name in lists and all(_are_apart(rows or [], lists[name]) for rows in there):
            rows = list(_of_rows(name, there[0] or [], there[1] or [], lists[name]))
            found += rows
            if not rows and (name in before) != (name in after):
                found.append(
                    Difference(name, None, "added" if name in after else "removed", [], there[0], there[1], None)
                )
        elif name not in before:
            found.append(Difference(name, None, "added", [], None, after[name], None))
        elif name not in after:
            found.append(Difference(name, None, "removed", [], before[name], None, None))
        elif before[name] != after[name]:
            found.append(Difference(name, None, "changed", _fields(*there), there[0], there[1], None))
    return found


def _of_rows(name: str, before: list[Any], after: list[Any], identity: Sequence[str]) -> Iterable[Difference]:
    """Added and changed rows where they are in the second list; those that went before what followed them."""
    old = {_identity(row, identity): row for row in before}
    new = {_identity(row, identity): place for place, row in enumerate(after)}
    gone = [(place, row) for place, (its, row) in enumerate(old.items()) if its not in new]
    places = {its: place for place, its in enumerate(old)}
    for place, row in enumerate(after):
        its = _identity(row, identity)
        while gone and its in places and gone[0][0] < places[its]:
            yield _row(name, identity, gone.pop(0)[1], None, None)
        if its not in old:
            yield _row(name, identity, None, row, place)
        elif old[its] != row:
            yield _row(name, identity, old[its], row, place)
    for _, row in gone:
        yield _row(name, identity, row, None, None)


def _row(name: str, identity: Sequence[str], before: Any, after: Any, place: int | None) -> Difference:
    row = after or before
    change: Any = "added" if before is None else "removed" if after is None else "changed"
    return Difference(name, {one: row[one] for one in identity}, change, _fields(before, after), before, after, place)


def _fields(before: Any, after: Any) -> list[str]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    return [
        name for name in {**before, **after} if name not in before or name not in after or before[name] != after[name]
    ]


def _identity(row: Mapping[str, Any], identity: Sequence[str]) -> str:
    return json.dumps([row[name] for name in identity])


def _are_apart(rows: list[Any], identity: Sequence[str]) -> bool:
    return len({_identity(row, identity) for row in rows}) == len(rows)
