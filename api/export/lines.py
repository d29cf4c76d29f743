"""Rows as lines of JSON, and as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import IO

from api.export.cells import escaped
from api.export.columns import Cell, Kind, fits
from api.export.tables import Export


def write_jsonl(export: Export, file: IO[bytes]) -> None:
    """Each row as the JSON answer has it, on a line of its own."""
    for row in export.objects():
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def write_csv(export: Export, file: IO[bytes]) -> None:
    """RFC 4180 in UTF-8: a line of names, then the rows. Nothing is written as an empty cell."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    columns = export.table.columns
    writer.writerow(column.name for column in columns)
    kinds = [column.kind for column in columns]
    for row in export.table.rows():
        writer.writerow([_cell(kind, cell) for kind, cell in zip(kinds, row, strict=True)])
    text.detach()  # the file stays open


def _cell(kind: Kind, cell: Cell) -> str | int | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    # Numbers and days are what they look like. Anything else may look like a formula.
    risky = isinstance(cell, str) and (kind is Kind.TEXT or not fits(kind, cell))
    return escaped(str(cell)) if risky else cell
