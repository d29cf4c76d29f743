"""CSV as editors and spreadsheets save it: what is in it, and on which line."""

from __future__ import annotations

import pytest

from api.export.cells import escaped
from api.files.table import NotATable, read_table

ROWS = [["name", "note"], ["Ärger", "x"], ["b", "y"]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_however_it_was_saved(separator: str, encoding: str, end: str):
    """Encodings, separators and line ends; a guess at the encoding is told."""
    body = end.join(separator.join(row) for row in ROWS).encode(encoding)
    table = read_table(body)
    assert table.columns == ("name", "note")
    assert [(row.line, row.cells) for row in table.rows] == [
        (2, {"name": "Ärger", "note": "x"}),
        (3, {"name": "b", "note": "y"}),
    ]
    assert bool(table.notes) == (encoding == "cp1252")


def test_lines_are_those_that_an_editor_shows():
    """Through cells of several lines, blank lines and a last line without an end."""
    table = read_table(b'a,b\n"1\n\n1",x\n\n,\r\n"2\r\n2",y\n3')
    assert [(row.line, row.cells["a"]) for row in table.rows] == [(2, "1\n\n1"), (7, "2\n2"), (9, "3")]


def test_cells_are_what_an_export_was_given():
    """The sign that keeps a spreadsheet from running a cell is taken away again."""
    texts = ["=1+1", "'=1", "-5", "@x", "plain", "'quoted'"]
    body = "a\n" + "".join(f'"{escaped(text)}"\n' for text in texts)
    assert [row.cells["a"] for row in read_table(body.encode()).rows] == texts


def test_separators_inside_quotation_marks_are_none():
    table = read_table(b'"a,b,c";d\n1;2\n')
    assert table.columns == ("a,b,c", "d")


def test_a_short_row_says_nothing_of_the_rest_and_a_long_one_is_noticed():
    short, long = read_table(b"a,b\n1\n1,2,3,,4\n").rows
    assert (short.cells, short.more) == ({"a": "1"}, ())
    assert long.more == ("3", "4")


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        (b"", 1, "nothing in the file"),
        (b"\n\n", 1, "nothing in the file"),
        (b"a,a\n1,2\n", 1, "there twice"),
        (b"a,,c\n1,2,3\n", 1, "has no name"),
        (b'a\n1\n"2\n3\n', 3, "not CSV"),
        (b'a\n1\n"2"2\n', 3, "not CSV"),
        (b"a\n\x81\n", 2, "not UTF-8"),
        (b"\xff\xfea", 1, "not UTF-16"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(body: bytes, line: int, told: str):
    with pytest.raises(NotATable) as wrong:
        read_table(body)
    assert (wrong.value.line, told in wrong.value.detail) == (line, True), wrong.value.detail
    assert wrong.value.mend
