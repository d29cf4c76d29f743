"""python3 x.py bench [--quick] [--size 10k|1m|10m] [--ledger FOLDER] [--keep] [--json FILE] [--docs] [ROW …]

Measures the rows named, or all of them, and prints a table and then a JSON line for each figure. A run of all rows is
added to benchmarks/history.csv, any other with --keep. What a row is, and what bounds it, is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks import appending, bulk, exposures, following, footprint, holdings, lists, writing
from benchmarks.ground import Ground
from benchmarks.machine import ROOT, commit, machine
from benchmarks.points import head
from benchmarks.table import CannotMeasure, Figure, Run, json_line, keep, show, write_docs

Row = Callable[[Ground], Iterator[Figure]]
# As docs/performance.md has them; those that share a server stand together.
WRITING: dict[str, Row] = {
    "single": writing.single,
    "latency": writing.latency,
    "bulk": bulk.bulk,
    "backdated": bulk.backdated,
    "umadb": appending.umadb,
}
"""These bring their own events, whatever the size of the ledger."""
ROWS: dict[str, Row] = {
    **WRITING,
    "follower": following.follower,
    "rebuild": following.rebuild,
    "memory": footprint.memory,
    "grown": writing.grown,
    "after-write": following.after_write,
    "start": footprint.start,
    "portfolio": holdings.portfolio,
    "disk": footprint.disk,
    "holdings": holdings.holdings,
    "page": lists.page,
    "exposure": exposures.exposure,
    "history": exposures.history,
    "tangled": exposures.tangled,
    "cycles": exposures.cycles,
}
SIZES = {"10k": 10_000, "1m": 1_000_000, "10m": 10_000_000}
ROW_SECONDS: float = 600
LONGER = 3  # times as long a row may take above a million events
TOLD_SECONDS: float = 20  # so often it is said which row is at it still
PAGE_WIDTH = 140  # of the table, where there is no terminal to fit


def main() -> int:
    """Exit codes: 0 all rows were measured, 1 a row failed, 2 wrong usage. A target that isn't met is no failure."""
    options = _options()
    if options.docs:
        write_docs(ROOT / "docs" / "performance.md", list(ROWS))
        return 0
    console = Console(stderr=True, log_path=False, width=None if sys.stderr.isatty() else PAGE_WIDTH)
    figures: dict[str, list[Figure]] = {}
    failed: set[str] = set()
    run, load = Run(datetime.now(UTC).isoformat(timespec="seconds"), commit()), os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C, so that what was started is ended too
    out = sys.stdout if options.json is None else options.json.open("a")
    with Ground(SIZES[options.size], options.quick, options.ledger, lambda line: console.log(line)) as ground:
        if set(options.rows) - set(WRITING):
            started = time.perf_counter()
            # It is made first, since that takes longer than a row may.
            with _at_most(math.inf, partial(_tell, console, "the ledger", [])), ground.log() as log:
                ground.size = head(log)
            console.log(f"the ledger: {time.perf_counter() - started:.1f} s")
        if options.keep and ground.size not in SIZES.values():
            console.print(f"--keep: this ledger has {ground.size:,} events, and the history {', '.join(SIZES)}")
            return 2
        limit = ROW_SECONDS * (LONGER if ground.size > SIZES["1m"] else 1)
        for name in options.rows:
            started = time.perf_counter()
            its = figures[name] = []
            try:
                with _at_most(limit, partial(_tell, console, name, its)):
                    for figure in ROWS[name](ground):  # those before a failure stay
                        its.append(figure)
            except CannotMeasure as why:
                its.append(Figure(name, None, "", note=str(why)))
            except _TooLong:
                its.append(Figure(name, None, "", note=f"not done within {limit} s"))
                ground.leave()  # whoever was asked may be at it still
            except Exception as error:
                traceback.print_exc()
                its.append(Figure(name, None, "", note=f"failed: {error}"[:300]))
                failed.add(name)
            ground.row.close()
            console.log(f"{name}: {time.perf_counter() - started:.1f} s")
            where = machine(ground.postgres_version, load)
            if options.keep and name not in failed:  # at once: a long run may be ended before its end
                keep(name, its, ground.size, run, where)
            for one in its:
                print(json_line(one, ground.size), file=out, flush=True)
    show((one for its in figures.values() for one in its), ground.size, console)
    console.print(f"[dim]{where}; commit {run.commit}[/dim]")
    return 1 if failed else 0


class _TooLong(BaseException):
    """A row takes longer than it may. No Exception, so that nothing on the way takes it for one of its own faults."""


def _tell(console: Console, name: str, its: list[Figure], seconds: float) -> None:
    console.log(f"{name}: {seconds:.0f} s so far{f', figures: {len(its)}' if its else ''}")


@contextmanager
def _at_most(limit: float, tell: Callable[[float], None]) -> Iterator[None]:
    """Raise _TooLong in this thread when so many seconds are over, whatever it waits for; until then `tell` now and
    then how many are."""
    started = time.perf_counter()

    def look(*_: object) -> None:
        if (seconds := time.perf_counter() - started) >= limit:
            raise _TooLong
        tell(seconds)

    signal.signal(signal.SIGALRM, look)
    every = min(TOLD_SECONDS, limit)
    signal.setitimer(signal.ITIMER_REAL, every, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="x.py bench", description=__doc__.partition("\n\n")[2])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="10k events, few repetitions: under 50 seconds")
    parser.add_argument("--size", choices=SIZES, default=None, help="events in the ledger that is asked; default 1m")
    parser.add_argument("--ledger", type=Path, help="ask this ledger's folder instead; its read model may be made anew")
    parser.add_argument("--keep", action="store_true", help="add the figures to the history, also if not all are asked")
    parser.add_argument("--docs", action="store_true", help="measure nothing; put the newest figures into docs")
    parser.add_argument("--json", type=Path, help="append the JSON lines to this file instead of printing them")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if options.quick and options.size not in (None, "10k"):
        parser.error("--quick is for 10k events")
    options.size = options.size or ("10k" if options.quick else "1m")
    options.keep = options.keep or (not options.rows and options.ledger is None)
    options.rows = options.rows or list(ROWS)
    return options


if __name__ == "__main__":
    sys.exit(main())
