"""`dealledger import`: files of events, looked at first, then recorded, and never twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.bulk import Line, Summary
from api.cli.doors import Door, Step, Way, door, trial_door
from api.cli.ledgers import Data, Source, Url
from api.cli.preview import Preview, look_for_doubles, write_problems
from api.cli.returning import known_by_id
from api.cli.talking import Exit, ask_unless, fail, failures_told, messages, say
from api.files.maps import BadMap, ColumnMap, read_map
from api.files.names import Parties
from api.files.reading import File, Reading, read_files
from ledger.event import TYPES

# The same for every import, so that what came in by one file isn't recorded again by another.
KEY = "import"
LONGEST_NAME = 64
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

MapFile = Annotated[
    Path | None, typer.Option("--map", help="A TOML file that says what the columns mean; `dealledger map` makes one.")
]


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files of events: JSONL, or CSV.", show_default=False)],
    data: Data = None,
    url: Url = None,
    type: Annotated[str | None, typer.Option(help="The type of rows that don't say it: investment.made.")] = None,
    map: MapFile = None,
    register: Annotated[
        bool, typer.Option("--register", help="With --map: register parties that nobody knows, before their first use.")
    ] = False,
    batch: Annotated[
        str | None, typer.Option(help="The import's name, to find and undo it by. Default: the first file's name.")
    ] = None,
    problems: Annotated[
        Path | None, typer.Option(help="Write the lines that have problems to this file, to mend just those.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop after the preview; exit code 0 if nothing is wrong, else 1.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Record without asking.")] = False,
    on_error: Annotated[
        Literal["stop", "continue"],
        typer.Option(help="If lines are refused: record nothing (stop), or the others (continue)."),
    ] = "stop",
) -> None:
    """Record events from JSONL or CSV files. First shows what would be refused; a second run records nothing twice."""
    with failures_told():
        name = _batch(batch, files)
        column_map = _map(map, type, register)
        for path in files:
            path.open("rb").close()  # before a folder is made for a ledger
        source = Source(data, url)
        with trial_door(source) if dry_run else door(source, make=True) as ledger:
            reading = Reading(type, column_map, register, lambda: Parties(ledger.rows("/v1/entities", {})))
            found = read_files(files, reading)
            preview = _preview(found, ledger, Way("import", KEY, name))
            if problems is not None and preview.problems:
                write_problems(problems, preview)
                say(f"The lines with problems are in {problems}: mend them there, and import that file.")
            _told_batch(ledger, name, preview)
            if dry_run:
                raise typer.Exit(Exit.FOUND_WRONG if preview.problems else Exit.OK)
            _decide(preview, yes, on_error)
            if preview.fresh:
                _record(preview, ledger, Way("import", KEY, name), on_error == "stop", where(data, url))


def _batch(given: str | None, files: Sequence[Path]) -> str:
    """The import's name, from the first file's if none is given."""
    if given is None:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", files[0].stem)[:LONGEST_NAME].lstrip("._-")
        return plain or "import"
    if not _BATCH.fullmatch(given):
        fail(Exit.BAD_USAGE, f"--batch {given}", "Write up to 64 letters, digits, points, hyphens and underscores.")
    return given


def _map(path: Path | None, type: str | None, register: bool) -> ColumnMap | None:
    if type is not None and type not in TYPES:
        fail(Exit.BAD_USAGE, f"--type {type}: no such event type.", f"Write one of {', '.join(TYPES)}.")
    if path is None:
        if register:
            fail(Exit.BAD_USAGE, "--register without --map.", "Names of parties are read by a map; others are ids.")
        return None
    if type is not None:
        fail(Exit.BAD_USAGE, "Both --type and --map are given.", "The map says the type.")
    try:
        return read_map(path)
    except BadMap as wrong:
        fail(Exit.BAD_USAGE, f"{wrong.where}: {wrong.detail}", f"{wrong.mend[:1].upper()}{wrong.mend[1:]}.")


def _preview(files: Sequence[File], ledger: Door, way: Way) -> Preview:
    """What would become of every line, told."""
    preview = Preview(files)
    if not preview.items:
        fail(Exit.BAD_USAGE, "There are no events in these files.")
    told = _checked(preview.lines, ledger, way)
    if known := known_by_id(ledger, preview.lines, told):
        preview.know(known)
        told = _checked(preview.lines, ledger, way)
    for one in told:
        preview.take(one)
    look_for_doubles(preview, ledger)
    preview.tell()
    return preview


def _checked(lines: Sequence[Line], ledger: Door, way: Way) -> list[dict[str, Any]]:
    """What would become of the lines."""
    steps = ledger.record(lines, way, stop=False, dry_run=True)
    return [one for step in progress(f"Checking {len(lines)} events", None, steps) for one in step.told]


def _told_batch(ledger: Door, name: str, preview: Preview) -> None:
    """Say that a name is taken: its events and these would be undone together."""
    there = next((row for row in ledger.rows("/v1/imports", {}) if row["batch"] == name), None)
    # Whoever goes on with an import, or mends it, knows.
    if (
        there is not None
        and preview.fresh
        and not preview.there
        and not preview.returning
        and there["events"] > there["retracted"]
    ):
        say(f"{there['events']} events came in as {name} before, and these would join them, to be undone together.")
        say("  --batch NAME keeps them apart.")


def _decide(preview: Preview, yes: bool, on_error: str) -> None:
    """Ask whoever is there; ends the command if nothing is to be recorded."""
    if preview.problems and on_error == "stop":
        mend = "Mend the lines, or record the others with --on-error continue."
        fail(Exit.FOUND_WRONG, "Nothing was recorded.", mend)
    if preview.fresh:
        ask_unless(yes, f"Record {preview.fresh} events?", "record")


def _record(preview: Preview, ledger: Door, way: Way, stop: bool, again: str) -> None:
    summary = Summary(dry_run=False)
    sent = [line for line in preview.lines if line.number not in preview.problems]
    try:
        for step in progress("Recording", len(sent), ledger.record(sent, way, stop=stop, dry_run=False)):
            for one in step.told:
                summary.count(one)
                if "problem" in one:
                    preview.tell_one(one)
    except KeyboardInterrupt:
        say("Stopped. The same command goes on from here.")
        raise typer.Exit(Exit.FOUND_WRONG) from None
    recorded = summary.accepted - summary.repeated
    there = len(preview.items) - len(preview.problems) - len(sent) + summary.repeated
    say(f"Recorded {recorded} events; {there} were there already.")
    if recorded:
        say(f"The import is called {way.batch}. To undo it: dealledger undo {way.batch}{again}")
    if summary.refused or summary.not_tried or preview.problems:
        refused = summary.refused + len(preview.problems)
        say(f"{refused} refused, {summary.not_tried} not tried. The same command goes on from here.")
        raise typer.Exit(Exit.FOUND_WRONG)


def where(data: Path | None, url: str | None) -> str:
    """The same ledger again, as options."""
    return f" --url {url}" if url else f" --data {data}" if data else ""


def progress(label: str, count: int | None, steps: Iterator[Step]) -> Iterator[Step]:
    """The steps, with a bar on a terminal of how far they are; without a count, only that something is done."""
    counted = [] if count is None else [MofNCompleteColumn()]
    columns = (TextColumn("{task.description}"), BarColumn(), *counted, TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task(label, total=count)
        for step in steps:
            yield step
            bar.advance(task, step.through)
