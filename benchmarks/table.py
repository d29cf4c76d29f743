"""What was measured, beside its floor and its target: as a table, as lines of JSON, and in the history."""

from __future__ import annotations

import csv
import dataclasses
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

HISTORY = Path(__file__).parent / "history.csv"
# What stands between these in docs/performance.md is written from the history.
BEGIN, END = "<!-- from benchmarks/history.csv: -->", "<!-- :until here -->"


class CannotMeasure(Exception):
    """Why a row has no figure here: a package isn't installed, or the ledger is too small for it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure's value, or its ratio to the floor, has to be, and the size of ledger for which that is said."""

    of: Literal["value", "ratio"]
    sign: Literal["≥", "≤"]
    limit: float
    size: int = 0
    """Events; at any other size the figure is shown and not judged. 0: whatever the size."""

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:,g}{' ×' if self.of == 'ratio' else ''}"

    def met(self, figure: Figure, size: int) -> bool | None:
        """Whether the figure is good enough; None where it has no value, or the target is for another size."""
        measured = figure.value if self.of == "value" else figure.ratio
        if measured is None or (self.size and self.size != size):
            return None
        return measured >= self.limit if self.sign == "≥" else measured <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ratio` is value / floor as measured in turns, where a floor is given; or the other way
    round, where the note says that it is how many times faster."""

    name: str
    value: float | None
    unit: str
    floor: float | None = None
    ratio: float | None = None
    targets: tuple[Target, ...] = ()
    """Any one of them will do."""
    note: str = ""
    """What the floor is, and what else must be known to read the figure."""

    def target(self) -> str:
        return " or ".join(map(str, self.targets))

    def met(self, size: int) -> bool | None:
        judged = [target.met(self, size) for target in self.targets]
        if True in judged:
            return True
        return None if None in judged or not judged else False

    def judged_at(self) -> int:
        return max((target.size for target in self.targets), default=0)


def in_turns(rounds: int, *measured: Callable[[], float]) -> list[list[float]]:
    """Measure each once a round, the first in turns, so that whatever else the machine does falls on all alike."""
    found: list[list[float]] = [[] for _ in measured]
    for number in range(rounds):
        for offset in range(len(measured)):
            place = (number + offset) % len(measured)
            found[place].append(measured[place]())
    return found


def repeated(most: int, measure: Callable[[], float], seconds: float = 20.0) -> list[float]:
    """Measure so often, or until so much time is over: what takes long needs fewer repetitions to tell."""
    started = time.perf_counter()
    found: list[float] = []
    while len(found) < most and (not found or time.perf_counter() - started < seconds):
        found.append(measure())
    return found


def compared(
    name: str,
    unit: str,
    found: Sequence[Sequence[float]],
    *targets: Target,
    note: str = "",
    times_faster: bool = False,
) -> Figure:
    """A figure and its floor of the same rounds: their medians, and the median of the rounds' ratios.

    `times_faster`: the ratio is floor / value, where both are times.
    """
    values, floors = found
    over, under = (floors, values) if times_faster else (values, floors)
    ratio = statistics.median(one / other for one, other in zip(over, under, strict=True))
    return Figure(name, statistics.median(values), unit, statistics.median(floors), ratio, targets, note)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values doesn't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# --- showing -----------------------------------------------------------------------------------------------------


def amount(value: float | None) -> str:
    """A number with three digits that matter."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def verdict(figure: Figure, size: int) -> str:
    if figure.value is None:
        return f"not measured: {figure.note}"
    met = figure.met(size)
    if met is None:
        judged_at = figure.judged_at()
        return f"told at {judged_at:,}" if judged_at else ""
    return "met" if met else "NOT MET"


def show(figures: Iterable[Figure], size: int, console: Console) -> None:
    """The table as a terminal has it; the notes are in the lines of JSON."""
    table = Table(title=f"{size:,} events", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("row", ratio=1)
    for name in ("value", "floor", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("")
    for one in figures:
        judged = verdict(one, size)
        style = {"met": "green", "NOT MET": "red"}.get(judged, "dim")
        value = f"{amount(one.value)} {one.unit}"
        table.add_row(one.name, value, amount(one.floor), amount(one.ratio), one.target(), f"[{style}]{judged}[/]")
    console.print(table)


def json_line(figure: Figure, size: int) -> str:
    told: dict[str, Any] = {
        name: getattr(figure, name) if not isinstance(getattr(figure, name), float) else rounded(getattr(figure, name))
        for name in ("name", "value", "unit", "floor", "ratio")
    }
    told |= {"target": figure.target() or None, "met": figure.met(size), "size": size, "note": figure.note or None}
    return json.dumps(told, ensure_ascii=False)


def rounded(value: float) -> float:
    """Five digits: the others are noise."""
    return float(f"{value:.5g}")


# --- keeping -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """What is measured, and when that began."""

    measured: str
    commit: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A line of the history: a figure of a row, when and where it was measured, and of which commit."""

    measured: str
    commit: str
    machine: str
    size: str
    row: str
    name: str
    value: str
    unit: str
    floor: str
    ratio: str
    target: str
    met: str
    note: str

    @property
    def run(self) -> Run:
        return Run(self.measured, self.commit)


def keep(row: str, figures: Iterable[Figure], size: int, run: Run, machine: str) -> None:
    """Append the figures of a row to the history."""
    fresh = not HISTORY.exists()
    with HISTORY.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(field.name for field in dataclasses.fields(Kept))
        for one in figures:
            value, floor, ratio = ("" if x is None else f"{x:.5g}" for x in (one.value, one.floor, one.ratio))
            met = {True: "yes", False: "no", None: ""}[one.met(size)]
            where = (run.measured, run.commit, machine, str(size))
            kept = Kept(*where, row, one.name, value, one.unit, floor, ratio, one.target(), met, one.note)
            writer.writerow(dataclasses.astuple(kept))


def newest(rows: Sequence[str]) -> dict[int, list[Kept]]:
    """What each of the rows, in their order, had when it was measured last, by size, the smallest first."""
    if not HISTORY.exists():
        return {}
    with HISTORY.open(newline="") as file:
        kept = [Kept(**line) for line in csv.DictReader(file)]
    last = {(int(one.size), one.row): one.measured for one in kept}
    found: dict[int, list[Kept]] = {size: [] for size in sorted({size for size, _ in last})}
    for one in sorted(kept, key=lambda one: rows.index(one.row) if one.row in rows else -1):
        if one.row in rows and last[int(one.size), one.row] == one.measured:
            found[int(one.size)].append(one)
    return found


def told_in_docs(rows: Sequence[str]) -> str:
    """The newest figures of each size as Markdown. Where they are of several runs, each tells of which."""
    told = []
    for size, found in newest(rows).items():
        machines: dict[Run, str] = {}  # the longest: what a row first needs, its version is told from then on
        for one in found:
            machines[one.run] = max(machines.get(one.run, ""), one.machine, key=len)
        runs = sorted(machines)
        told += [f"### {size:,} events", ""]
        for number, run in enumerate(runs, 1):
            named = f"Run {number}, " if len(runs) > 1 else ""
            when = run.measured[:16].replace("T", " ")
            told += [f"{named}{when}, commit {run.commit}: {machines[run]}.", ""]
        several = len(runs) > 1
        told.append(f"| row | value | floor | ratio | target | met |{' run |' if several else ''}")
        told.append(f"|---|--:|--:|--:|---|---|{'--:|' if several else ''}")
        for one in found:
            value, floor, ratio = (amount(float(x) if x else None) for x in (one.value, one.floor, one.ratio))
            name = one.name if one.value else f"{one.name}: {one.note}"
            of = f" {runs.index(one.run) + 1} |" if several else ""
            told.append(f"| {name} | {value} {one.unit} | {floor} | {ratio} | {one.target} | {one.met} |{of}")
        told.append("")
    return "\n".join(told)


def write_docs(page: Path, rows: Sequence[str]) -> None:
    """Put the newest figures of these rows between the two marks of the page."""
    text = page.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}\n\n{told_in_docs(rows)}\n{after}")
