"""Cells that would do harm, or that a format has no room for: nothing runs, nothing is lost without a word."""

from __future__ import annotations

import io
from collections.abc import Sequence
from zipfile import ZipFile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.export import workbook
from api.export.cells import as_shown, escaped, is_exact, unescaped
from api.export.columns import Cell, Column, Kind, joined, mixed
from api.export.lines import write_csv
from api.export.parquet import write_parquet
from api.export.tables import Export, Said, Table
from api.export.workbook import TooLong, write_workbook
from tests.api.export.reading import read_csv, read_metadata, read_parquet, read_workbook

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "\t=1+1",
    "\r=1+1",
    "'=1+1",
    "''quoted",
    "'plain",
    'say "hi", twice',
    "two\nlines",
    "a;b,c\td",
    " space around ",
    "http://example.com/=1",
    "internal:'question'!A1",
    "{=1+1}",
    "1e5",
    "TRUE",
    "2024-01-01",
    "<r><t>bold</t></r>",
    "<b>&amp;</b>",
    "日本 — Ἀθῆναι 🚀",
)


def export(*rows: Sequence[Cell], kinds: Sequence[Kind] = (Kind.TEXT,), said: Sequence[Said] = ()) -> Export:
    columns = [Column(f"c{place}", kind) for place, kind in enumerate(kinds)]
    return Export(said, Table("rows", columns, lambda: iter(rows)), (), (), lambda: iter(()))


def written_csv(*rows: Sequence[Cell], kinds: Sequence[Kind] = (Kind.TEXT,)) -> bytes:
    file = io.BytesIO()
    write_csv(export(*rows, kinds=kinds), file)
    return file.getvalue()


def written_book(*rows: Sequence[Cell], kinds: Sequence[Kind] = (Kind.TEXT,)) -> bytes:
    file = io.BytesIO()
    write_workbook(export(*rows, kinds=kinds), file)
    return file.getvalue()


def written_parquet(*rows: Sequence[Cell], kinds: Sequence[Kind] = (Kind.TEXT,)) -> bytes:
    file = io.BytesIO()
    write_parquet(export(*rows, kinds=kinds), file)
    return file.getvalue()


# --- text that runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_csv_runs(text: str) -> None:
    """And reading gives the text back."""
    [row] = read_csv(written_csv([text])).rows
    assert not row["c0"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescaped(row["c0"]) == text


@given(st.text(alphabet="'=+-@\t\r x", max_size=6))
def test_every_text_is_made_safe_and_comes_back(text: str) -> None:
    safe = escaped(text)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescaped(safe) == text


def test_numbers_of_csv_are_not_touched() -> None:
    """A cash flow below zero begins with a minus sign."""
    body = written_csv(["-5.25", -3, "2024-01-01"], kinds=[Kind.NUMBER, Kind.INTEGER, Kind.DAY])
    assert body == b"c0,c1,c2\r\n-5.25,-3,2024-01-01\r\n"


def test_what_is_no_number_is_made_safe_in_a_column_of_numbers() -> None:
    assert written_csv(["=1+1"], kinds=[Kind.NUMBER]) == b"c0\r\n'=1+1\r\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_workbook_runs(text: str) -> None:
    """It is a text cell that holds the text: no formula, no link, no markup, no number."""
    body = written_book([text])
    cell = openpyxl.load_workbook(io.BytesIO(body))["rows"]["A2"]
    assert (cell.data_type, cell.hyperlink) == ("s", None)
    assert cell.value == text.replace("\r", "_x000D_")  # openpyxl leaves this escape of XLSX as it is
    assert b"<f>" not in ZipFile(io.BytesIO(body)).read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("text", HOSTILE)
def test_parquet_holds_the_text(text: str) -> None:
    assert read_parquet(written_parquet([text])).rows == [{"c0": text}]


def test_what_was_asked_cannot_break_out_of_the_metadata() -> None:
    file = io.BytesIO()
    write_parquet(export(["x"], said=[Said("q", "it's', evil: 'x"), Said("as_of", None)]), file)
    assert read_metadata(file.getvalue()) == {"deal_ledger.q": "it's', evil: 'x", "deal_ledger.as_of": ""}


# --- what has no room -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["x", "é", "🚀"])
def test_a_text_longer_than_a_cell_is_cut_and_says_so(sign: str) -> None:
    """A workbook says how many; CSV and Parquet hold all of it."""
    text = sign * 40_000
    book = read_workbook(written_book([text]))
    [row] = book["rows"].rows
    assert row["c0"].startswith(sign * 16_000)
    assert row["c0"].endswith("… (the first part of 40,000 characters)")
    assert len(row["c0"].encode("utf-16-le")) // 2 <= 32_767
    assert {"what": "texts cut", "value": "1"}.items() <= book["question"].rows[-1].items()
    assert read_csv(written_csv([text])).rows == [{"c0": text}]
    assert read_parquet(written_parquet([text])).rows == [{"c0": text}]


def test_a_text_that_just_fits_is_whole() -> None:
    text = "x" * 32_767
    assert read_workbook(written_book([text]))["rows"].rows == [{"c0": text}]


def test_a_list_longer_than_a_sheet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last row that there is room for is written, one more isn't."""
    monkeypatch.setattr(workbook, "LONGEST_SHEET", 4)
    assert len(read_workbook(written_book(["a"], ["b"], ["c"]))["rows"].rows) == 3
    with pytest.raises(TooLong, match="more than the 3 rows"):
        written_book(["a"], ["b"], ["c"], ["d"])


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "1900-01-01", "1900-02-28", "1900-03-01", "9999-12-31"])
def test_every_day_is_the_same_day_in_every_format(day: str) -> None:
    """Also where spreadsheets have no days, or disagree about them."""
    for read in (read_workbook(written_book([day], kinds=[Kind.DAY]))["rows"], read_csv(written_csv([day]))):
        assert read.rows == [{"c0": day}]
    assert read_parquet(written_parquet([day], kinds=[Kind.DAY])).rows == [{"c0": day}]


def test_columns_without_a_value_are_hidden_and_there() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written_book(["a", None], kinds=[Kind.TEXT, Kind.NUMBER])))
    assert [book["rows"].column_dimensions[name].hidden for name in "AB"] == [False, True]
    assert book["rows"]["B1"].value == "c1"


def test_a_sheet_is_ready_to_read() -> None:
    """Headings stay, rows can be filtered, columns are as wide as what they hold up to a limit."""
    book = openpyxl.load_workbook(io.BytesIO(written_book(["a" * 30, "b" * 300], kinds=[Kind.TEXT, Kind.TEXT])))
    sheet = book["rows"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:B2")
    assert [round(sheet.column_dimensions[name].width) for name in "AB"] == [33, 61]
    assert sheet["A1"].font.bold


# --- figures ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.decimals(min_value="-999999999999999999", max_value="999999999999999999", places=12))
def test_a_figure_is_exact_where_the_workbook_says_so(number: object) -> None:
    """What openpyxl reads of the cell is the figure, or the sheet of exact figures has it."""
    figure = f"{number:f}"
    cell = openpyxl.load_workbook(io.BytesIO(written_book([figure], kinds=[Kind.NUMBER])))
    assert ("rows exact" in cell) is not is_exact(figure)
    if is_exact(figure):
        assert as_shown(f"{cell['rows']['A2'].value!r}") == as_shown(figure)
    else:
        assert cell["rows exact"]["A2"].value == figure


@pytest.mark.parametrize("number", ["0", "4000000000", "0.1", "123456789012345", "33.333333333333", "-2.5"])
def test_usual_figures_are_exact(number: str) -> None:
    assert is_exact(number)


@pytest.mark.parametrize(
    "number", ["999999999999999999", "3636363636.363636363636", "1234567890123456", "2040.816326530612"]
)
def test_long_figures_are_not(number: str) -> None:
    assert not is_exact(number)


def test_a_decimal_too_great_makes_its_column_text() -> None:
    """In Parquet; the others stay decimals."""
    great = "1" * 27
    table = read_parquet(written_parquet([great, "1.5"], ["2", "2.5"], kinds=[Kind.NUMBER, Kind.NUMBER]))
    assert table.rows == [{"c0": great, "c1": "1.5"}, {"c0": "2", "c1": "2.5"}]
    assert {name: {kind.__name__ for kind in kinds} for name, kinds in table.types.items()} == {
        "c0": {"str"},
        "c1": {"Decimal"},
    }


def test_more_rows_than_a_batch_come_in_order() -> None:
    rows = [[number] for number in range(25_000)]
    read = read_parquet(written_parquet(*rows, kinds=[Kind.INTEGER])).rows
    assert read == [{"c0": str(number)} for [number] in rows]


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (("EUR", "10", "10", "10"), "EUR 10"),
        (("USD", "15", "20", "25"), "USD 15..25 (20)"),
        (("USD", "0", None, None), "USD 0..? (?)"),
        ((None, "0", "0", None), "? 0..? (0)"),
    ],
)
def test_one_of_several_amounts_is_a_text_with_nothing_left_out(figure: tuple[str | None, ...], text: str) -> None:
    assert mixed(dict(zip(("currency", "low", "stated", "high"), figure, strict=True))) == text


@pytest.mark.parametrize(
    ("items", "text"),
    [(["a", "b"], "a; b"), (["a"], "a"), ([], "[]"), (None, None), (["a;b"], '["a;b"]'), (["[x"], '["[x"]')],
)
def test_a_list_is_a_text_that_reads_as_one_list(items: list[str] | None, text: str | None) -> None:
    assert joined(items) == text
