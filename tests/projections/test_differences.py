"""What differs between two answers, and what doesn't."""

from __future__ import annotations

from typing import Any

from projections.differences import differences

LISTS = {"rows": ("name",)}


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(one.in_, one.change, one.fields) for one in differences(before, after, LISTS)]


def test_null_and_absent_are_the_same() -> None:
    """In an answer, in a row and in a figure; whether anything else differs or not."""
    assert told({"nav": None, "rows": [{"name": "a", "rate": None}]}, {"rows": [{"name": "a"}]}) == []
    assert told({"state": {"ended": None, "low": 1}}, {"state": {"low": 1}}) == []
    assert told({"state": {"ended": None, "low": 1}}, {"state": {"low": 2}}) == [("state", "changed", ["low"])]
    assert told({"rows": [{"name": "a", "cost": 1}]}, {"rows": [{"name": "a", "rate": None, "cost": 2}]}) == [
        ("rows", "changed", ["cost"])
    ]


def test_null_and_a_figure_are_not() -> None:
    """Nor is a list that is there without rows the same as none."""
    assert told({"nav": None}, {"nav": "1"}) == [("nav", "changed", [])]
    assert told({}, {"nav": "1"}) == [("nav", "added", [])]
    assert told({"nav": "1"}, {}) == [("nav", "removed", [])]
    assert told({"rows": [{"name": "a", "rate": None}]}, {"rows": [{"name": "a", "rate": "2"}]}) == [
        ("rows", "changed", ["rate"])
    ]
    assert told({}, {"rows": []}) == [("rows", "added", [])]


def test_rows_that_nothing_tells_apart_are_compared_as_one() -> None:
    assert told({"rows": [{"name": "a"}]}, {"rows": [{"name": "a"}, {"name": "a"}]}) == [("rows", "changed", [])]
    assert told({"rows": [{"name": None}]}, {"rows": [{"name": "null"}]}) == [
        ("rows", "added", []),
        ("rows", "removed", []),
    ]
