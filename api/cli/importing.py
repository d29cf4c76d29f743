"""`dealledger import`: files of events, one a line; looked at first, then recorded, and never twice."""

from __future__ import annotations

import asyncio
import codecs
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.bulk import Line, Rules, Summary, content_keys, lines_of, record_lines
from api.cli.ledgers import Data, Source, Url, opened
from api.cli.talking import Exit, fail, fail_with, failures_told, messages, say
from api.service import Service
from ledger.event import Origin

KEY = "import"
SHOWN = 20
SECONDS = 3600

Told = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Files:
    """The lines of several files as one row of lines, and where each came from."""

    lines: list[Line]
    places: dict[int, str]


def read_files(paths: Sequence[Path]) -> Files:
    """Every line that isn't blank, numbered through all files in the order given. Raises OSError."""
    files = Files([], {})
    before = 0
    for path in paths:
        body = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        for line in lines_of(body):
            files.lines.append(Line(before + line.number, line.raw))
            files.places[before + line.number] = f"{path}:{line.number}"
        before += body.count(b"\n") + 1
    return files


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files of events, one JSON object a line.", show_default=False)],
    data: Data = None,
    url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Record without asking.")] = False,
    on_error: Annotated[
        Literal["stop", "continue"],
        typer.Option(help="If lines are refused: record nothing (stop), or the others (continue)."),
    ] = "stop",
) -> None:
    """Record events from files. First shows what would be refused; a second run records nothing twice."""
    with failures_told():
        read = read_files(files)
        if not read.lines:
            fail(Exit.BAD_USAGE, "There are no events in these files.")
        source = Source(data, url)
        if source.url is not None:
            _import(read, _Remote(source.url), yes, on_error)
        else:
            with opened(source.data, make=True) as service, asyncio.Runner() as runner:
                _import(read, _Local(service, runner), yes, on_error)


class _Local:
    """Lines go to the writer of a folder that this process holds."""

    def __init__(self, service: Service, runner: asyncio.Runner) -> None:
        self._service = service
        self._runner = runner

    def record(self, lines: Sequence[Line], *, stop: bool, dry_run: bool) -> Iterator[Told]:
        rules = Rules(Origin("import"), stop=stop, dry_run=dry_run, key_of=content_keys(KEY), while_it_stands=True)
        chunks = record_lines(self._service, iter(lines), rules)
        while (told := self._runner.run(_next(chunks))) is not None:
            yield told


async def _next(chunks: AsyncIterator[Told]) -> Told | None:
    return await anext(chunks, None)


class _Remote:
    """Lines go to a running service, all in one request: their keys are made from all of them."""

    def __init__(self, url: str) -> None:
        self._url = url

    def record(self, lines: Sequence[Line], *, stop: bool, dry_run: bool) -> Iterator[Told]:
        query = {"keys": "content", "on_error": "stop" if stop else "continue", "dry_run": str(dry_run).lower()}
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": KEY}
        with httpx.Client(base_url=self._url, timeout=SECONDS, trust_env=False) as client:
            body = b"".join(line.raw.rstrip(b"\r") + b"\n" for line in lines)
            response = client.post("/v1/events", params=query, headers=headers, content=body)
            if response.is_error:
                fail_with(response.json(), response.status_code)
            told = [json.loads(line) for line in response.iter_lines()]
        yield [{**one, "line": line.number} for one, line in zip(told, lines, strict=False)]


def _import(files: Files, ledger: _Local | _Remote, yes: bool, on_error: str) -> None:
    preview = Summary(dry_run=True)
    for one in _progress("Checking", files.lines, ledger.record(files.lines, stop=False, dry_run=True)):
        preview.count(one)
        if "problem" in one and preview.refused <= SHOWN:
            _say_problem(files, one)
    if preview.refused > SHOWN:
        say(f"… and {preview.refused - SHOWN} more.")
    fresh = preview.accepted - preview.repeated
    say(f"{preview.lines} events: {fresh} to record, {preview.repeated} there already, {preview.refused} refused.")
    if preview.refused and on_error == "stop":
        fail(
            Exit.FOUND_WRONG, "Nothing was recorded.", "Mend the lines, or record the others with --on-error continue."
        )
    if not fresh:
        return
    if not yes:
        if not sys.stdin.isatty():
            fail(Exit.BAD_USAGE, "Nobody is here to be asked.", "Say --yes to record without asking.")
        typer.confirm(f"Record {fresh} events?", abort=True, err=True)
    summary = Summary(dry_run=False)
    for one in _progress("Recording", files.lines, ledger.record(files.lines, stop=on_error == "stop", dry_run=False)):
        summary.count(one)
        if "problem" in one and on_error == "stop":
            _say_problem(files, one)
    say(f"Recorded {summary.accepted - summary.repeated} events; {summary.repeated} were there already.")
    if summary.refused or summary.not_tried:
        say(f"{summary.refused} refused, {summary.not_tried} not tried. The same command goes on from here.")
        raise typer.Exit(Exit.FOUND_WRONG)


def _progress(label: str, lines: Sequence[Line], chunks: Iterator[Told]) -> Iterator[dict[str, Any]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task(label, total=len(lines))
        for told in chunks:
            yield from told
            progress.advance(task, len(told))


def _say_problem(files: Files, told: dict[str, Any]) -> None:
    for error in told["problem"]["errors"]:
        say(f"{files.places[told['line']]}: {error['pointer'] or '/'}: {error['detail']} ({error['reason']})")
        say(f"  {error['mend']}")
