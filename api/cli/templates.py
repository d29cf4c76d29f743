"""`dealledger template`: the columns of a type of event as the beginning of a CSV file, with an example."""

from __future__ import annotations

import csv
import sys
from difflib import get_close_matches
from typing import Annotated

import typer

from api.cli.talking import Exit, fail
from api.files.examples import example
from api.files.rows import columns_of
from ledger.event import TYPES


def template(
    type: Annotated[str, typer.Argument(help="A type of event, like investment.made.")],
    bare: Annotated[bool, typer.Option("--bare", help="Leave out the example: the header alone.")] = False,
) -> None:
    """Print a CSV file to fill in: every column of a type, and an example to write over."""
    if type not in TYPES:
        near = get_close_matches(type, TYPES, 2)
        mend = f"Did you mean {' or '.join(near)}?" if near else f"Write one of {', '.join(TYPES)}."
        fail(Exit.BAD_USAGE, f"There is no event type {type}.", mend)
    row = example(type)
    columns = list(dict.fromkeys((*columns_of(type), *row)))
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    if not bare:
        writer.writerow(row)
