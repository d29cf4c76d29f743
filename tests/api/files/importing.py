"""What tests of imports share: an analyst's map and mistakes, the command, and what the ledger then holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from typer.testing import CliRunner

from api.cli import app
from tests.api.files.analyst import FIRST_REF, MISTAKES

MAP = """
type = "investment.made"
currency = "USD"
constants = { known = "2024-01-01" }

[columns]
"Date" = "effective"
"Investor" = "investor"
"Company" = "issuer"
"Round" = ["round", "instrument"]
"Amount ($M)" = { to = "amount", unit = "millions" }
"Stake %" = { to = "stake", percent = true }
"Status" = "status"
"Pledge" = "commitment"
"Ref" = "id"
"Source" = "source.url"
"Notes" = "note"

[values.instrument]
"Seed" = "equity"
"Series A" = "equity"
"Series B" = "equity"
"Bridge note" = "convertible"
"Term loan" = "debt"
"""
# Rows after a few draws on the commitment, far enough apart; the one with the first use of an id comes before.
PLACES = range(100, 100 + 8 * len(MISTAKES), 8)
WRONG = dict(zip(PLACES, (mistake.cells for mistake in MISTAKES), strict=True))
WITH_FIRST = {50: FIRST_REF}


@dataclass(frozen=True)
class Done:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path) -> Done:
    """A command of `dealledger` in this process, with nobody to be asked."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def holdings(*where: str | Path) -> dict[tuple[str, str, str], Decimal]:
    """The cost of every holding."""
    found = json.loads(run("holdings", *where, "--limit", "1000", "--json").stdout)
    return {
        (row["holder"], row["issuer"], row["instrument"]): Decimal(row["cost"]["stated"]) for row in found["holdings"]
    }


def position(*where: str | Path) -> int:
    return int(json.loads(run("events", *where, "--limit", "1", "--json").stdout)["position"])
