"""Cells of a spreadsheet: text that a spreadsheet would take for a formula, and figures that it can hold exactly."""

from __future__ import annotations

import re
from decimal import Decimal

# A spreadsheet that opens a CSV file takes a cell that starts with one of these for a formula. What starts with a
# quote that could be taken for ours gets one as well, so that one can be taken away again.
_RISKY = re.compile(r"[=+\-@\t\r]|'[=+\-@'\t\r]")


def escaped(text: str) -> str:
    """Text that no spreadsheet runs: with a ' in front where it would. `unescaped` gives the text back."""
    return "'" + text if _RISKY.match(text) else text


def unescaped(text: str) -> str:
    """The text that `escaped` was given."""
    return text[1:] if text.startswith("'") and _RISKY.match(text) else text


def as_shown(number: str) -> Decimal:
    """What a spreadsheet shows of a figure: its nearest binary number, in the 15 digits that a cell has."""
    return Decimal(f"{float(number):.15G}")


def is_exact(number: str) -> bool:
    """Whether a cell shows every digit of a figure."""
    return as_shown(number) == Decimal(number)
