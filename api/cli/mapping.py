"""`dealledger map`: proposes what an analyst's own columns mean, asks what it can't tell, and writes it to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from babel.numbers import is_currency

from api.cli.doors import door
from api.cli.ledgers import Data, Source, Url, settings_of
from api.cli.talking import Exit, fail, failures_told, say
from api.files.days import ORDERS
from api.files.guessing import Guess, Proposal, name_parties, propose
from api.files.map_text import written
from api.files.names import Parties
from api.files.rows import columns_of, fields_of
from api.files.table import NotATable, Table, read_table
from ledger.event import TYPES
from ledger.store.sqlite import LOG_FILE


def propose_map(
    file: Annotated[Path, typer.Argument(help="A CSV file with columns of your own.", show_default=False)],
    data: Data = None,
    url: Url = None,
    type: Annotated[str | None, typer.Option(help="The type of event that a row is. Default: a guess.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it. Default: the file's name with .map.toml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a map that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the guesses without asking.")] = False,
) -> None:
    """Propose what your own columns mean, as a file to look over. Asks what it can't tell if somebody is there."""
    target = output or file.with_name(f"{file.stem}.map.toml")
    with failures_told():
        if type is not None and type not in TYPES:
            fail(Exit.BAD_USAGE, f"--type {type}: no such event type.", f"Write one of {', '.join(TYPES)}.")
        if target.exists() and not force:
            fail(Exit.BAD_USAGE, f"{target} is there already.", "Say --force to write over it, or --output FILE.")
        try:
            table = read_table(file.read_bytes())
        except NotATable as wrong:
            fail(Exit.FOUND_WRONG, f"{file}:{wrong.line}: {wrong.detail}.", f"{wrong.mend}.")
        for note in table.notes:
            say(f"{file}: {note}.")
        proposal = propose(table, type)
        if not yes and sys.stdin.isatty():
            _ask(proposal)
        _look_up(proposal, table, Source(data, url))
        target.write_text(written(proposal, str(file)), encoding="utf-8")
    _tell(proposal, file, target)


def _ask(proposal: Proposal) -> None:
    """Ask for what nothing tells; an empty answer leaves it to the file."""
    say(f"Each row looks like {proposal.type}. (--type says another.)")
    known = {*fields_of(proposal.type), *columns_of(proposal.type)}
    for name in proposal.left_over:
        shown = ", ".join(proposal.samples[name][:3])[:60] or "empty"
        field = _asked(f"Which field is {name} (like {shown})? Empty leaves it out.", known)
        if field:
            proposal.columns[name] = Guess([field], proposal.columns[name].settings, "told by you")
    if proposal.dates_open:
        proposal.dates = _asked("Is 3/4/2023 in April (day-first) or in March (month-first)?", set(ORDERS)) or None
        proposal.dates_open = proposal.dates is None
    if proposal.needs_currency:
        while (code := typer.prompt("Which currency have amounts that name none?", default="", err=True).upper()) and (
            not is_currency(code)
        ):
            say(f"{code} is not a code of ISO 4217, like USD.")
        proposal.currency = code or None
    for one in proposal.missing:
        if not one.parts:
            words = f" ({', '.join(one.values)})" if one.values else ""
            value = _asked(f"Nothing fills {one.name}{words}. The same for every row?", set(one.values))
            if value:
                proposal.constants[one.name] = value


def _asked(question: str, known: set[str]) -> str:
    """An answer that is known, or none."""
    while True:
        prompt = typer.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True)
        answer = str(prompt).strip()
        if not answer or not known or answer in known:
            return answer
        say(f"There is no {answer}. There are {', '.join(sorted(known))}.")


def _look_up(proposal: Proposal, table: Table, source: Source) -> None:
    """Look up the names of parties, if there is a ledger to ask."""
    if source.url is None:
        settings = settings_of(source.data)
        if settings.database_url is None and not (settings.data / LOG_FILE).exists():
            return
    with door(source, make=False) as ledger:
        count = name_parties(proposal, table, Parties(ledger.rows("/v1/entities", {})))
    say(f"{count} names of parties, {len(proposal.entities)} of which the ledger doesn't know.")


def _tell(proposal: Proposal, file: Path, target: Path) -> None:
    mapped = len(proposal.columns) - len(proposal.left_over)
    say(f"{mapped} of {len(proposal.columns)} columns mapped to {proposal.type}.")
    if proposal.left_over:
        say(f"Left out: {', '.join(proposal.left_over)}.")
    missing = [one.name for one in proposal.missing]
    if proposal.dates_open:
        missing.append("the order of day and month")
    if proposal.needs_currency:
        missing.append("the currency")
    missing += [
        f"what {said} means for {name}" for name, all in proposal.values.items() for said in all if not all[said]
    ]
    if missing:
        say(f"Missing: {', '.join(missing)}.")
    say(f"Written to {target}. Look it over, then: dealledger import {file} --map {target} --dry-run")
