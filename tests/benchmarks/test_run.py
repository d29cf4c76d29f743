"""A run of the benchmarks: whatever becomes of a row, the others are measured and the table says what became of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import benchmarks.__main__ as bench
from benchmarks import table
from benchmarks.ground import Ground
from benchmarks.table import CannotMeasure, Figure


def _good(ground: Ground) -> Iterator[Figure]:
    yield Figure("good", 1.0, "ms")


def _endless(ground: Ground) -> Iterator[Figure]:
    yield Figure("before", 2.0, "ms")
    time.sleep(60)
    yield Figure("after", 3.0, "ms")


def _broken(ground: Ground) -> Iterator[Figure]:
    yield Figure("half", 4.0, "ms")
    raise ValueError("no such thing")


def _lacking(ground: Ground) -> Iterator[Figure]:
    yield from ()
    raise CannotMeasure("it isn't installed")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs these rows in place of the real ones; gives the exit code and the lines."""
    monkeypatch.setattr(table, "HISTORY", tmp_path / "history.csv")
    monkeypatch.setattr(bench, "ROW_SECONDS", 0.2)
    rows = {"single": _endless, "latency": _broken, "bulk": _lacking, "umadb": _good}
    monkeypatch.setattr(bench, "ROWS", rows)

    def run(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        out = tmp_path / "lines"
        monkeypatch.setattr("sys.argv", ["bench", "--quick", "--json", str(out), *arguments])
        code = bench.main()
        return code, [json.loads(line) for line in out.read_text().splitlines()]

    return run


def test_a_row_that_takes_too_long_or_fails_says_so_and_the_others_are_measured(told: Any):
    """Given a row without end, one that fails, one that can't be measured and a good one; when all are run; then each
    has a line, what was found before stays, and the exit code tells of the failure."""
    code, lines = told("single", "latency", "bulk", "umadb")

    assert code == 1
    assert [(line["name"], line["value"], line["note"]) for line in lines] == [
        ("before", 2.0, None),
        ("single", None, "not done within 0.2 s"),
        ("half", 4.0, None),
        ("latency", None, "failed: no such thing"),
        ("bulk", None, "it isn't installed"),
        ("good", 1.0, None),
    ]


def test_some_rows_are_kept_only_on_request_and_never_those_that_failed(told: Any):
    """Given rows that are named; when they are run; then the history has none of them, and with --keep those that
    didn't fail."""
    told("umadb", "latency")
    assert not table.HISTORY.exists()

    assert told("umadb", "latency", "bulk", "--keep")[0] == 1
    assert [one.name for one in table.newest(list(bench.ROWS))[10_000]] == ["bulk", "good"]
