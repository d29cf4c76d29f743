"""A CSV file as rows of cells, each with the line on which an editor shows it to begin."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from api.export.cells import unescaped

SEPARATORS = ",;\t"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class NotATable(Exception):
    """The file as a whole can't be read: what is wrong and how to mend it, and the line, if it is one line's fault."""

    def __init__(self, detail: str, mend: str, line: int = 1) -> None:
        super().__init__(detail)
        self.detail, self.mend, self.line = detail, mend, line


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of a row by column, and the line of the file on which it begins, from 1."""

    line: int
    cells: dict[str, str]
    more: tuple[str, ...] = ()  # cells beyond the last column


@dataclass(frozen=True, slots=True)
class Table:
    """The columns as named in the first row, and the rows that aren't blank."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    separator: str
    notes: tuple[str, ...] = ()  # what was noticed about the file and is worth telling


def read_table(body: bytes) -> Table:
    """Read CSV in UTF-8 (or what it says it is, or Windows-1252), with commas, semicolons or tabs. Raises NotATable."""
    text, notes = _decoded(body)
    lines = io.StringIO(text, newline="")
    separator = _separator(text)
    records = _records(csv.reader(lines, delimiter=separator, strict=True))
    line, header = next(records, (1, []))
    columns = [unescaped(name).strip() for name in header]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise NotATable("there is nothing in the file", "the first row names the columns")
    repeated = [name for name, count in Counter(columns).items() if name and count > 1]
    if repeated:
        raise NotATable(f"the column {repeated[0]} is there twice", "give each column a name of its own", line)
    if "" in columns:
        raise NotATable(f"column {columns.index('') + 1} has no name", "name it in the first row, or take it out", line)
    rows = []
    for number, cells in records:
        # Inside a cell a line ends as everywhere in the ledger, whatever the spreadsheet's own machine does.
        found = [unescaped(cell).replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
        if any(cell.strip() for cell in found):
            more = tuple(cell for cell in found[len(columns) :] if cell.strip())
            rows.append(TableRow(number, dict(zip(columns, found, strict=False)), more))
    return Table(tuple(columns), tuple(rows), separator, tuple(notes))


def _decoded(body: bytes) -> tuple[str, list[str]]:
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            try:
                return body[len(mark) :].decode(encoding), []
            except UnicodeDecodeError as error:
                raise _not_text(body, error.start + len(mark), encoding) from None
    try:
        return body.decode("utf-8"), []
    except UnicodeDecodeError as error:
        start = error.start
    line = body[:start].count(b"\n") + 1
    try:
        text = body.decode("cp1252")
    except UnicodeDecodeError:
        raise _not_text(body, start, "utf-8") from None
    return text, [f"not UTF-8 on line {line}, so read as Windows-1252; look whether the names come out right"]


def _not_text(body: bytes, start: int, encoding: str) -> NotATable:
    line = body[:start].count(b"\n") + 1
    return NotATable(f"byte {start} is not {encoding.upper()}", "save the file as CSV in UTF-8", line)


def _separator(text: str) -> str:
    """What stands between the names in the first row: the most frequent one outside quotation marks."""
    outside = "".join(text[:65_536].partition("\n")[0].split('"')[::2])
    return max(SEPARATORS, key=outside.count)


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each record and the line on which it begins: a cell in quotation marks may hold several lines."""
    last = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mend = 'write " inside a cell in quotation marks twice, and close every cell that opens with one'
            raise NotATable(f"not CSV: {error}", mend, last + 1) from None
        yield last + 1, cells
        last = reader.line_num  # type: ignore[attr-defined]  # a csv.reader; its class has no name to annotate with
