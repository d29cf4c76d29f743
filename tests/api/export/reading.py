"""Files read back, each by another library than the one that wrote it, as rows of texts like those of the JSON answer.

And the JSON answer as such rows, by the value and not by the model: what api/export makes of a row, said once more.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import openpyxl

BOUNDS = ("low", "stated", "high")
# Objects whose fields are names or ids of the rows' own.
AS_JSON = ("names", "undefined")


@dataclass(frozen=True)
class Sheet:
    """A table as it was read: the rows without their empty cells, as texts, and the types of the cells by column."""

    rows: list[dict[str, str]]
    types: dict[str, set[type]]


def sheet(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Sheet:
    types: dict[str, set[type]] = {}
    read = []
    for row in rows:
        cells = {name: cell for name, cell in zip(names, row, strict=True) if cell not in (None, "")}
        for name, cell in cells.items():
            types.setdefault(name, set()).add(type(cell))
        read.append({name: text(cell) for name, cell in cells.items()})
    return Sheet(read, types)


def text(cell: Any) -> str:
    """A cell as JSON would have it."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        cell = Decimal(f"{cell:.15G}")  # all that a spreadsheet promises
    if isinstance(cell, Decimal):
        plain = f"{cell:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(cell, datetime) and (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0):
        return cell.date().isoformat()
    if isinstance(cell, datetime):
        return f"{cell.isoformat(timespec='microseconds')}Z"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def read_jsonl(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


def read_csv(body: bytes) -> Sheet:
    names, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
    return sheet(names, rows)


def read_parquet(body: bytes) -> Sheet:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.parquet"
        path.write_bytes(body)
        found = duckdb.execute(f"SELECT * FROM '{path}'")
        return sheet([name for name, *_ in found.description], found.fetchall())


def read_metadata(body: bytes) -> dict[str, str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.parquet"
        path.write_bytes(body)
        rows = duckdb.execute(f"SELECT key, value FROM parquet_kv_metadata('{path}')").fetchall()
        return {key.decode(): value.decode() for key, value in rows}


def read_workbook(body: bytes) -> dict[str, Sheet]:
    """The sheets by name."""
    book = openpyxl.load_workbook(io.BytesIO(body))
    found = {}
    for one in book.worksheets:
        names, *rows = one.iter_rows(values_only=True)
        found[one.title] = sheet([str(name) for name in names], rows)
    return found


# --- the JSON answer, for comparison ----------------------------------------------------------------------------


def cells_of(row: Mapping[str, Any]) -> dict[str, str]:
    """What the cells of a row must say; nothing for null."""
    found: dict[str, str | None] = {}
    for name, value in row.items():
        if isinstance(value, dict) and name not in AS_JSON:
            found |= {f"{name}_{part}": cell for part, cell in cells_of(value).items()}
        elif isinstance(value, list) and value and isinstance(value[0], dict) and "low" in value[0]:
            if "basis" in value[0]:
                found |= {f"{name}_{one['basis']}_{bound}": one[bound] for one in value for bound in BOUNDS}
            else:
                found[f"{name}_mixed"] = "; ".join(map(_mixed, value))
        elif name == "stake" and not value:
            continue
        elif name == "missing_rates":
            found[name] = "; ".join(f"{one['base']}/{one['quote']} {one['on']}" for one in value)
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            awkward = not value or value[0][:1] == "[" or any(";" in one for one in value)
            found[name] = _json(value) if awkward else "; ".join(value)
        elif isinstance(value, dict | list):
            found[name] = _json(value)
        elif value is not None:
            found[name] = text(value)
    return {name: cell for name, cell in found.items() if cell is not None}


def _mixed(one: dict[str, Any]) -> str:
    low, stated, high = (one[bound] or "?" for bound in BOUNDS)
    figure = low if low == stated == high else f"{low}..{high} ({stated})"
    return f"{one['currency'] or '?'} {figure}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
