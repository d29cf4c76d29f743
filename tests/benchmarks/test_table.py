"""The table of the benchmarks: how a figure is judged, and that none is lost on the way to the documentation."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.table import Figure, Target, compared, in_turns, json_line, percentile, repeated, verdict

MILLION = 1_000_000
FAST = Figure("fast", 5.0, "ms", 10.0, 0.5, (Target("value", "≤", 10, MILLION),))


def test_the_ratio_is_that_of_the_rounds_and_not_of_the_medians():
    """Given a machine that gets slower; when value and floor are compared; then each round counts for itself."""
    figure = compared("rate", "events/s", ([100.0, 50.0, 10.0], [200.0, 100.0, 20.0]))

    assert (figure.value, figure.floor, figure.ratio) == (50.0, 100.0, 0.5)


def test_times_faster_turns_the_ratio_round():
    """Given times in which ours is a quarter of the floor; when they are compared; then we are four times faster."""
    assert compared("time", "ms", ([5.0], [20.0]), times_faster=True).ratio == 4


@pytest.mark.parametrize(
    ("figure", "size", "said"),
    [
        (FAST, MILLION, "met"),
        (Figure("slow", 11.0, "ms", targets=FAST.targets), MILLION, "NOT MET"),
        (Figure("slow", 11.0, "ms", targets=FAST.targets), 10_000, "told at 1,000,000"),
        (Figure("by ratio", 9.0, "ms", 10.0, 0.9, (Target("ratio", "≥", 0.5),)), 10_000, "met"),
        (Figure("by either", 9.0, "/s", 30.0, 0.3, (Target("value", "≥", 50), Target("ratio", "≥", 0.2))), 1, "met"),
        (Figure("by neither", 9.0, "/s", 30.0, 0.3, (Target("value", "≥", 50), Target("ratio", "≥", 1))), 1, "NOT MET"),
        (Figure("only told", 9.0, "ms"), MILLION, ""),
        (Figure("umadb", None, "", note="it isn't installed"), MILLION, "not measured: it isn't installed"),
    ],
    ids=lambda value: value.name if isinstance(value, Figure) else "",
)
def test_a_figure_is_judged_at_the_size_that_its_target_is_for(figure: Figure, size: int, said: str):
    """Given a figure and its targets, any of which will do; when it is judged; then it says met, or not, or why not."""
    assert verdict(figure, size) == said


def test_everything_is_measured_once_a_round_and_each_comes_first_in_turn():
    """Given three things to measure; when they are measured in turns; then none is always the one after another."""
    order: list[int] = []

    def measuring(number: int) -> float:
        order.append(number)
        return float(number)

    found = in_turns(3, *(partial(measuring, number) for number in range(3)))

    assert order == [0, 1, 2, 1, 2, 0, 2, 0, 1]
    assert found == [[0.0] * 3, [1.0] * 3, [2.0] * 3]


def test_what_takes_long_is_measured_at_least_once():
    """Given no time; when something is measured repeatedly; then there is one figure."""
    assert repeated(5, lambda: 1.0, seconds=0) == [1.0]
    assert repeated(5, lambda: 1.0) == [1.0] * 5


def test_a_percentile_is_a_value_that_was_measured():
    assert percentile([float(n) for n in range(100)], 0.99) == 99
    assert percentile([3.0], 0.5) == 3


def test_a_line_has_what_the_issue_asks_for():
    """Given a figure; when it is printed; then a program finds name, value, unit, floor and ratio."""
    line = json.loads(json_line(FAST, MILLION))

    assert {name: line[name] for name in ("name", "value", "unit", "floor", "ratio")} == {
        "name": "fast", "value": 5.0, "unit": "ms", "floor": 10.0, "ratio": 0.5,
    }  # fmt: skip
    assert (line["target"], line["met"], line["size"]) == ("≤ 10", True, MILLION)


def test_the_documentation_shows_each_row_as_it_was_measured_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Given runs of two sizes, one of them of some rows only; when the page is written; then each row has its newest
    figures, in the order of the rows, and tells of which run they are; rows that are gone aren't shown."""
    monkeypatch.setattr(table, "HISTORY", tmp_path / "history.csv")
    page = tmp_path / "performance.md"
    page.write_text(f"above\n{table.BEGIN}\nold\n{table.END}\nbelow\n")
    times = (f"2026-01-0{day}T00:00:00" for day in range(1, 5))
    umadb = Figure("umadb", None, "", note="it isn't installed")
    for size, figures in (
        (10_000, {"a": [Figure("a of 77", 1.0, "ms"), Figure("a, more", 2.0, "ms")], "gone": [FAST]}),
        (10_000, {"b": [FAST], "c": [umadb]}),
        (10_000, {"a": [Figure("a of 78", 3.0, "ms")]}),
        (MILLION, {"b": [FAST]}),
    ):
        run = table.Run(next(times), "0123abc")
        for row, its in figures.items():
            table.keep(row, its, size, run, "a machine, 2 cores")
    table.write_docs(page, ["c", "a", "b"])

    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    small, large = text.split("### ")[1:]
    assert [line for line in small.splitlines() if line.startswith("| ")][1:] == [
        "| umadb: it isn't installed | –  | – | – |  |  | 1 |",
        "| a of 78 | 3 ms | – | – |  |  | 2 |",
        "| fast | 5 ms | 10.0 | 0.5 | ≤ 10 |  | 1 |",
    ]
    assert "Run 1, 2026-01-02 00:00, commit 0123abc: a machine, 2 cores." in small
    assert "Run 2, 2026-01-03 00:00" in small
    assert "| fast | 5 ms | 10.0 | 0.5 | ≤ 10 | yes |\n" in large
    assert "\n2026-01-04 00:00, commit 0123abc" in large
