"""Rows as a Parquet file, made by DuckDB."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import duckdb

from api.export.columns import Cell, Kind, fits
from api.export.tables import Export, Table

_BATCH = 10_000
_DECIMAL = "DECIMAL(38,12)"
# A DECIMAL(38,12) has so many digits before the point. A product of two great figures may have more.
_DIGITS = 26
_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.NUMBER: _DECIMAL,
    Kind.SHARE: _DECIMAL,
    Kind.INTEGER: "BIGINT",
    Kind.DAY: "DATE",
    Kind.MOMENT: "TIMESTAMP",
    Kind.FLAG: "BOOLEAN",
}


def write_parquet(export: Export, file: IO[bytes]) -> None:
    """The list with typed columns, every decimal exact; what was asked is in the file's metadata."""
    table = export.table
    names = [_quoted(column.name) for column in table.columns]
    types = _types(table)
    values = ", ".join(f"unnest(${place}::VARCHAR[])::{kind}" for place, kind in enumerate(types, 1))
    said = ", ".join(f"{_text(f'deal_ledger.{one.name}')}: {_text(_plain(one.value))}" for one in export.question)
    with TemporaryDirectory(prefix="dealledger-") as folder, duckdb.connect() as connection:
        path = Path(folder) / "rows.parquet"
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
        connection.execute(f"CREATE TABLE rows ({columns})")
        for batch in _batches(table):
            connection.execute(f"INSERT INTO rows SELECT {values}", batch)
        options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{said}}}"
        connection.execute(f"COPY rows TO {_text(str(path))} ({options})")
        with path.open("rb") as written:
            shutil.copyfileobj(written, file)


def _types(table: Table) -> list[str]:
    """The columns' types. A cell that isn't of its kind, or too great for it, makes it one of texts."""
    kinds = [column.kind for column in table.columns]
    typed = {place for place, kind in enumerate(kinds) if kind is not Kind.TEXT}
    for row in table.rows():
        typed -= {place for place in typed if row[place] is not None and not _takes(kinds[place], row[place])}
    return [_TYPES[kind] if place in typed else "VARCHAR" for place, kind in enumerate(kinds)]


def _takes(kind: Kind, cell: Cell) -> bool:
    return fits(kind, cell) and (_TYPES[kind] != _DECIMAL or len(str(cell).partition(".")[0].lstrip("-")) <= _DIGITS)


def _batches(table: Table) -> Iterator[list[list[str | None]]]:
    """The rows in batches, each column by column, as texts for DuckDB to read."""
    rows: Iterator[Sequence[Cell]] = table.rows()
    while batch := list(islice(rows, _BATCH)):
        yield [[None if cell is None else _plain(cell) for cell in column] for column in zip(*batch, strict=True)]


def _plain(cell: Cell) -> str:
    return str(cell).lower() if isinstance(cell, bool) else "" if cell is None else str(cell)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
