"""Rows as a workbook (XLSX): typed cells, a sheet of totals, and one that says what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from api.export.cells import is_exact
from api.export.columns import Cell, Kind, fits
from api.export.tables import Export, Said, Table

LONGEST_SHEET = 1_048_576
LONGEST_TEXT = 32_767
# Before it spreadsheets disagree about the days: one of them has a 29 February 1900.
_FIRST_DAY = "1900-03-01"
_WIDEST = 60
# A workbook says when it was made. The same question is to give the same bytes, so it is always the same moment.
_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - the library wants it without a zone
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_DECIMALS = (Kind.NUMBER, Kind.SHARE)


class TooLong(Exception):
    """A list with more rows than a sheet has."""


@dataclass
class _Shape:
    """What must be known of a table before the first cell of it is written."""

    widths: list[int]
    filled: list[bool]
    rows: int = 0
    exact: bool = True
    cut: int = 0


def write_workbook(export: Export, file: IO[bytes]) -> None:
    """The list, its totals, what was asked, and where a figure has more digits than a cell holds all figures as text.

    Raises TooLong.
    """
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        book.set_properties({"created": _MADE, "title": export.table.name})
        formats = _Formats(book)
        tables = [export.table, *export.others]
        shapes = [_shape(table) for table in tables]
        for table, shape in zip(tables, shapes, strict=True):
            _write(book.add_worksheet(table.name), table, shape, formats, exactly=False)
        for table, shape in zip(tables, shapes, strict=True):
            if not shape.exact:
                _write(book.add_worksheet(f"{table.name} exact"), table, shape, formats, exactly=True)
        if export.figures:
            _write_said(book.add_worksheet("figures"), export.figures, formats)
        _write_said(book.add_worksheet("question"), [*export.question, *_notes(tables, shapes)], formats)


class _Formats:
    """How cells look."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        def made(properties: dict[str, object]) -> Format:
            return book.add_format({"valign": "top", **properties})

        self.header = made({"bold": True, "align": "left", "indent": 1, "bg_color": "#E8ECF1", "bottom": 1})
        self.text = made({"align": "left", "indent": 1})
        self.exact = made({"align": "right"})
        self.day = made({"num_format": "yyyy-mm-dd", "align": "left", "indent": 1})
        self.whole = made({"num_format": "#,##0"})
        self.number = made({"num_format": "#,##0.0###########"})
        self.share = made({"num_format": "0.0##########%"})
        self.plain = made({"num_format": "0"})

    def of(self, kind: Kind, number: float) -> Format:
        if kind is Kind.SHARE:
            return self.share
        return self.whole if number == int(number) else self.number


def _shape(table: Table) -> _Shape:
    shape = _Shape([len(column.name) + 3 for column in table.columns], [False] * len(table.columns))
    kinds = [column.kind for column in table.columns]
    for row in table.rows():
        shape.rows += 1
        if shape.rows >= LONGEST_SHEET:
            raise TooLong(f"{table.name} has more than the {LONGEST_SHEET - 1:,} rows that a sheet holds.")
        for place, cell in enumerate(row):
            if cell is None:
                continue
            shape.filled[place] = True
            shown = str(cell)
            if kinds[place] in _DECIMALS and fits(kinds[place], cell):
                shape.exact = shape.exact and is_exact(shown)
                shown = f"{Decimal(shown):,.2f}" if len(shown) > 15 else f"{Decimal(shown):,f}"
            elif len(shown) > LONGEST_TEXT // 2 and _units(shown) > LONGEST_TEXT:
                shape.cut += 1
            shape.widths[place] = max(shape.widths[place], min(len(shown) + 2, _WIDEST))
    return shape


def _write(sheet: Worksheet, table: Table, shape: _Shape, formats: _Formats, *, exactly: bool) -> None:
    """One sheet. With `exactly` every figure is a text with all its digits."""
    sheet.freeze_panes(1, table.leading)
    _on_paper(sheet)
    if table.leading:
        sheet.repeat_columns(0, table.leading - 1)
    for place, column in enumerate(table.columns):
        hidden = {} if shape.filled[place] or not shape.rows else {"hidden": True}
        sheet.set_column(place, place, shape.widths[place], None, hidden)
        sheet.write_string(0, place, column.name, formats.header)
    kinds = [Kind.TEXT if exactly and one.kind in _DECIMALS else one.kind for one in table.columns]
    looks = [formats.exact if one.kind in _DECIMALS else formats.text for one in table.columns]
    for number, row in enumerate(table.rows(), 1):
        for place, cell in enumerate(row):
            if cell is not None:
                _write_cell(sheet, number, place, kinds[place], cell, formats, looks[place])
    sheet.autofilter(0, 0, shape.rows, len(table.columns) - 1)
    if exactly:
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{LONGEST_SHEET}"})


def _on_paper(sheet: Worksheet) -> None:
    """Printed, every page has the names of the columns."""
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.repeat_rows(0)


def _write_cell(
    sheet: Worksheet, row: int, column: int, kind: Kind, cell: Cell, formats: _Formats, look: Format
) -> None:
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell, formats.text)
    elif isinstance(cell, int):
        sheet.write_number(row, column, cell, formats.plain)
    elif kind in _DECIMALS and fits(kind, cell):
        number = float(str(cell))
        sheet.write_number(row, column, number, formats.of(kind, number))
    elif kind is Kind.DAY and fits(kind, cell) and str(cell) >= _FIRST_DAY:
        sheet.write_datetime(row, column, date.fromisoformat(str(cell)), formats.day)
    else:
        _write_text(sheet, row, column, str(cell), look)


def _write_text(sheet: Worksheet, row: int, column: int, text: str, look: Format) -> None:
    """Text as text, never as a formula, a link or markup."""
    if len(text) > LONGEST_TEXT // 2 and _units(text) > LONGEST_TEXT:
        text = _cut(text)
    if text.startswith("<r>") and text.endswith("</r>"):
        # The library would take it for its own markup; in two pieces it doesn't.
        sheet.write_rich_string(row, column, text[0], look, text[1:], look)
    else:
        sheet.write_string(row, column, text, look)


def _units(text: str) -> int:
    """The length as a spreadsheet counts it."""
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str) -> str:
    """The beginning of a text that no cell holds, and that it is one."""
    told = f" … (the first part of {len(text):,} characters)"
    room = LONGEST_TEXT - len(told)
    return text.encode("utf-16-le")[: room * 2].decode("utf-16-le", errors="ignore") + told


def _notes(tables: Sequence[Table], shapes: Sequence[_Shape]) -> Iterator[Said]:
    """What a reader of this workbook must know of how it was made."""
    yield Said("rows", shapes[0].rows, Kind.INTEGER, f"All rows of the sheet {tables[0].name}.")
    hidden = any(shape.rows and not all(shape.filled) for shape in shapes)
    if hidden:
        yield Said("hidden columns", "those without a value", meaning="They are there, for programs.")
    inexact = [f"{table.name} exact" for table, shape in zip(tables, shapes, strict=True) if not shape.exact]
    if inexact:
        meaning = "A cell holds 15 digits of a number. These sheets have every figure with all its digits, as text."
        yield Said("exact figures", ", ".join(inexact), meaning=meaning)
    cut = sum(shape.cut for shape in shapes)
    if cut:
        meaning = f"Texts with more than {LONGEST_TEXT:,} characters: whole in CSV, JSONL and Parquet."
        yield Said("texts cut", cut, Kind.INTEGER, meaning)


def _write_said(sheet: Worksheet, said: Sequence[Said], formats: _Formats) -> None:
    _on_paper(sheet)
    sheet.fit_to_pages(1, 0)
    sheet.print_area(0, 0, len(said), 2)
    sheet.set_column(0, 0, max(len(one.name) for one in said) + 3)
    sheet.set_column(1, 1, _WIDEST)
    sheet.set_column(2, 2, _WIDEST + 20)
    sheet.freeze_panes(1, 0)
    for place, title in enumerate(
        ("what", "value", "meaning") if any(one.meaning for one in said) else ("what", "value")
    ):
        sheet.write_string(0, place, title, formats.header)
    for row, one in enumerate(said, 1):
        sheet.write_string(row, 0, one.name, formats.text)
        if one.value is not None:
            _write_cell(sheet, row, 1, one.kind, one.value, formats, formats.text)
        if one.meaning:
            sheet.write_string(row, 2, one.meaning, formats.text)
