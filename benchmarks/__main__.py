"""python3 x.py bench [--quick] [--size 10k|1m|10m] [--ledger FOLDER] [--json FILE] [--docs] [ROW …]

Measures the rows named, or all of them, and prints a table and then a JSON line for each figure. A run of all rows is
added to benchmarks/history.csv. What a row is, and what bounds it, is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import appending, bulk, exposures, following, footprint, holdings, lists, writing
from benchmarks.ground import Ground
from benchmarks.machine import ROOT, commit, machine
from benchmarks.points import head
from benchmarks.table import CannotMeasure, Figure, json_line, keep, show, write_docs

Row = Callable[[Ground], Iterator[Figure]]
# In the order of docs/performance.md.
ROWS: dict[str, Row] = {
    "single": writing.single,
    "latency": writing.latency,
    "bulk": bulk.bulk,
    "backdated": bulk.backdated,
    "umadb": appending.umadb,
    "follower": following.follower,
    "rebuild": following.rebuild,
    "after-write": following.after_write,
    "holdings": holdings.holdings,
    "portfolio": holdings.portfolio,
    "exposure": exposures.exposure,
    "history": exposures.history,
    "cycles": exposures.cycles,
    "page": lists.page,
    "memory": footprint.memory,
    "disk": footprint.disk,
    "start": footprint.start,
}
SIZES = {"10k": 10_000, "1m": 1_000_000, "10m": 10_000_000}


def main() -> int:
    """Exit codes: 0 all rows were measured, 1 a row failed, 2 wrong usage. A target that isn't met is no failure."""
    options = _options()
    if options.docs:
        write_docs(ROOT / "docs" / "performance.md")
        return 0
    console = Console(stderr=True)
    figures: list[Figure] = []
    failed = False
    with Ground(SIZES[options.size], options.quick, options.ledger, lambda line: console.log(line)) as ground:
        if ground.given is not None:
            with ground.log() as log:
                ground.size = head(log)
        for name in options.rows or ROWS:
            started = time.perf_counter()
            try:
                for figure in ROWS[name](ground):  # those before a failure stay
                    figures.append(figure)
            except CannotMeasure as why:
                figures.append(Figure(name, None, "", note=str(why)))
            except Exception as error:
                traceback.print_exc()
                figures.append(Figure(name, None, "", note=f"failed: {error}"[:300]))
                failed = True
            ground.row.close()
            console.log(f"{name}: {time.perf_counter() - started:.1f} s")
        where = machine(ground.postgres_version)
    show(figures, ground.size, console)
    console.print(f"[dim]{where}; commit {commit()}[/dim]")
    out = sys.stdout if options.json is None else options.json.open("a")
    for one in figures:
        print(json_line(one, ground.size), file=out, flush=True)
    if not options.rows and options.ledger is None and not failed:
        keep(figures, ground.size, commit(), where, datetime.now(UTC).isoformat(timespec="seconds"))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="x.py bench", description=__doc__.partition("\n\n")[2])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="10k events, few repetitions: under 50 seconds")
    parser.add_argument("--size", choices=SIZES, default=None, help="events in the ledger that is asked; default 1m")
    parser.add_argument("--ledger", type=Path, help="ask this ledger's folder instead; its read model may be made anew")
    parser.add_argument("--docs", action="store_true", help="measure nothing; put the last runs into docs")
    parser.add_argument("--json", type=Path, help="append the JSON lines to this file instead of printing them")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if options.quick and options.size not in (None, "10k"):
        parser.error("--quick is for 10k events")
    options.size = options.size or ("10k" if options.quick else "1m")
    return options


if __name__ == "__main__":
    sys.exit(main())
