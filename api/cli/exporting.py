"""`dealledger export`: all events of a ledger, or all rows of a question, as a file."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Annotated, Any, Literal

import httpx
import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from api.cli.bundling import export_bundle
from api.cli.ledgers import Data, Source, Url, follow, opened
from api.cli.questions import SOURCE, address_of, as_command, parameters_of
from api.cli.talking import Exit, fail, fail_with, failures_told, messages, say
from api.export.asking import Asking, all_rows, as_submitted, export_of
from api.export.door import BLOCK_BYTES, FORMATS, SPOOL_BYTES, write
from api.export.tables import Export
from api.paging import OF_THE_PAGE
from api.problems import Faulty, problem, status_of
from api.question import Question, parse_question, resolve
from api.questions import QUESTIONS
from api.service import Service

SECONDS = 3600
_READ = 5_000
_BINARY = ("xlsx", "parquet")

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write to this file; its suffix names the format. Default: stdout.", show_default=False
    ),
]
Format = Annotated[
    Literal["jsonl", "csv", "xlsx", "parquet"] | None,
    typer.Option("--format", help="Default: what the suffix of --output says, or jsonl.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def export(
    context: typer.Context,
    output: Output = None,
    format: Format = None,
    force: Force = False,
    data: Data = None,
    url: Url = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Write a folder that is verified without the ledger.", show_default=False),
    ] = None,
    record: Annotated[
        list[str] | None, typer.Option("--record", help="In a bundle: proofs of this record's events, like contract/x.")
    ] = None,
    ask: Annotated[
        list[str] | None,
        typer.Option("--ask", help="In a bundle: the answer to a question, like holdings?holder=x."),
    ] = None,
    vkey: Annotated[
        str | None, typer.Option("--vkey", help="For a bundle with --url: the log's public key, or a file with it.")
    ] = None,
) -> None:
    """Write all events as `import` takes them, or with a question's name all its rows, as JSONL, CSV, XLSX, Parquet."""
    if context.invoked_subcommand is not None:
        if any(context.params.values()):
            name = context.invoked_subcommand
            fail(Exit.BAD_USAGE, "Options come after the question.", f"Write `dealledger export {name} …` first.")
        return
    if bundle is not None:
        if output is not None or format is not None:
            fail(Exit.BAD_USAGE, "A bundle is a folder of its own form.", "Leave --output and --format out.")
        with failures_told():
            source = Source(data, url)
            export_bundle(bundle, source.data, source.url, vkey, record or [], ask or [])
        return
    if record or ask or vkey:
        fail(Exit.BAD_USAGE, "--record, --ask and --vkey are about a bundle.", "Name its folder with --bundle.")
    with failures_told(), _target(output, format, force) as (file, chosen), _events(Source(data, url)) as trail:
        count = _write(as_submitted(trail), chosen, file)
    _say_written(count, "events", output)


def question_command(question: Question[Any]) -> Callable[..., None]:
    """The command that writes all rows of a question."""

    def ask(**given: Any) -> None:
        source = Source(given["data"], given["url"])
        output = given["output"]
        with failures_told(), _target(output, given["format"], given["force"]) as (file, chosen):
            if source.url is not None:
                path, query = address_of(question, given)
                _fetch(source.url, path, {**query, "format": chosen}, file)
                count = None
            else:
                with opened(source.data, make=False) as service:
                    count = _write(_ask(service, question, given), chosen, file)
        _say_written(count, "rows", output)

    target = (("output", Output, None), ("format", Format, None), ("force", Force, False))
    written = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in target
    ]
    return as_command(ask, question.about, [*parameters_of(question, leave_out=OF_THE_PAGE), *written, *SOURCE])


for _question in QUESTIONS:
    if _question.list_name:
        app.command(_question.name)(question_command(_question))


# --- where to --------------------------------------------------------------------------------------------------


@contextmanager
def _target(output: Path | None, format: str | None, force: bool) -> Iterator[tuple[IO[bytes], str]]:
    """A file to write, and in which format. It gets its name once it is whole; a failure leaves nothing behind."""
    chosen = _format(output, format)
    if output is None:
        if chosen in _BINARY and _is_terminal():
            fail(Exit.BAD_USAGE, f"A terminal does not show {chosen}.", f"Name a file: --output file.{chosen}.")
        with SpooledTemporaryFile(SPOOL_BYTES) as spool:
            yield spool, chosen
            spool.seek(0)
            shutil.copyfileobj(spool, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    if output.exists() and not force:
        fail(Exit.BAD_USAGE, f"{output} is there already.", "Name another file, or write over it with --force.")
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with unfinished.open("x+b") as file:
            yield file, chosen
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _format(output: Path | None, given: str | None) -> str:
    if given is not None:
        return given
    if output is None:
        return "jsonl"
    suffix = output.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        fail(Exit.BAD_USAGE, f"{output.name} does not say its format.", f"Say --format {'|'.join(FORMATS)}.")
    return suffix


def _say_written(count: int | None, of: str, output: Path | None) -> None:
    if output is not None:
        say(f"Wrote {output}." if count is None else f"Wrote {count:,} {of} to {output}.")


# --- where from ------------------------------------------------------------------------------------------------


def _ask(service: Service, question: Question[Any], given: Mapping[str, Any]) -> Export:
    """All rows of a question to a folder, once its read model holds the log."""
    follow(service)
    try:
        query = all_rows(question, address_of(question, given)[1])
        asked = parse_question(question.shape, query)
        at = asyncio.run(resolve(service, asked, 0))
        parts = tuple(given[part] for part in question.parts)
        return export_of(service.model, Asking(question, parts, query, asked, at))
    except Faulty as faulty:
        fail_with(problem(faulty.faults), status_of(faulty.faults))


@contextmanager
def _events(source: Source) -> Iterator[Callable[[], Iterator[Mapping[str, Any]]]]:
    """Every event of a ledger by position, from the first on each time."""
    if source.url is not None:
        with TemporaryFile() as lines:
            _fetch(source.url, "/v1/events", {"order": "position", "format": "jsonl"}, lines)
            yield lambda: _read_lines(lines)
    else:
        with opened(source.data, make=False) as service:
            yield lambda: _read_log(service)


def _read_lines(lines: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    lines.seek(0)
    return map(json.loads, lines)


def _read_log(service: Service) -> Iterator[Mapping[str, Any]]:
    after = 0
    while stored := service.store.read(after, _READ):
        yield from (json.loads(one.state) for one in stored)
        after = stored[-1].position


def _fetch(url: str, path: str, query: dict[str, str], file: IO[bytes]) -> None:
    """What a service answers, into the file."""
    with (
        httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client,
        client.stream("GET", path, params=query) as response,
    ):
        if response.is_error:
            response.read()
            fail_with(response.json(), response.status_code)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
            task = progress.add_task("Receiving", total=int(response.headers["content-length"]))
            for block in response.iter_bytes(BLOCK_BYTES):
                file.write(block)
                progress.advance(task, len(block))


def _write(export: Export, chosen: str, file: IO[bytes]) -> int:
    """Write the file, showing how many rows it has so far; how many it has in the end."""
    count = 0
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("Writing", total=None)

        def counted(rows: Callable[[], Iterator[Any]]) -> Callable[[], Iterator[Any]]:
            def each() -> Iterator[Any]:
                nonlocal count
                progress.reset(task, total=None)
                count = 0
                for row in rows():
                    count += 1
                    progress.advance(task)
                    yield row

            return each

        table = replace(export.table, rows=counted(export.table.rows))
        try:
            write(replace(export, table=table, objects=counted(export.objects)), chosen, file)
        except Faulty as faulty:
            fail_with(problem(faulty.faults), status_of(faulty.faults))
    return count
