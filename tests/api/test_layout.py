"""Tables on a terminal: they fit it, and nothing that is read or copied as one is broken."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from api.cli.layout import blocks, pieces, table, wrapped

ID = "863b53b9-0333-50ff-b008-a834c662bb83"


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("amazon-anthropic-2023", 14, ["amazon-", "anthropic-2023"]),
        ("4B USD (0–4B)", 6, ["4B USD", "(0–4B)"]),
        ("4B USD (0–4B)", 2, ["4B USD", "(0–4B)"]),
        ("2023-01/2023-11-05", 12, ["2023-01/", "2023-11-05"]),
        ("investment.made", 12, ["investment.", "made"]),
        ("jic-nea-2023, jic-vertex-2023", 16, ["jic-nea-2023,", "jic-vertex-2023"]),
        ("-32.5B", 2, ["-32.5B"]),
        (ID, 10, [ID]),
        ("軟銀集團", 4, ["軟銀", "集團"]),
        ("", 4, [""]),
    ],
)
def test_lines_break_where_a_reader_would(text: str, width: int, lines: list[str]) -> None:
    """Given a text and a width; when it is wrapped; then ids, days, numbers and money stay whole."""
    assert wrapped(text, width) == lines


def test_a_row_is_as_low_as_the_width_allows() -> None:
    """Given a wide and a narrow terminal; when rows are laid out; then they take one line, two lines, or a block."""
    heads, rows = ("claim", "value", "event"), [("all-of-2023", "4B USD (0–4B)", ID), ("x", "–", ID)]
    assert table(heads, rows, {1}, 80) == [
        "claim                value  event",
        f"all-of-2023  4B USD (0–4B)  {ID}",
        f"x                        –  {ID}",
    ]
    assert table(heads, rows, {1}, 54) == [
        "claim     value  event",
        f"all-of-  4B USD  {ID}",
        "2023     (0–4B)",
        f"x             –  {ID}",
    ]
    assert table(heads, rows, {1}, 50) is None
    assert blocks(heads, rows, 44) == [
        "all-of-2023",
        "    value 4B USD (0–4B)",
        "    event",
        f"    {ID}",
        "x",
        "    event",
        f"    {ID}",
    ]


cells = st.text(alphabet="abcdefghij -/.–0123456789(), 軟銀ü", max_size=30)


@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6), width=st.integers(10, 120))
def test_a_table_fits_and_loses_nothing(rows: list[tuple[str, str, str]], width: int) -> None:
    """Given any cells; when a table is made of them; then no line is wider than asked and no character is lost."""
    heads = ("one", "two", "three")
    lines = table(heads, rows, {1}, width)
    if lines is None:
        return
    assert max(map(cell_len, lines)) <= width
    shown = sorted(re.sub(r"\s", "", "".join(lines)))
    assert shown == sorted(re.sub(r"\s", "", "".join("".join(row) for row in (heads, *rows))))


@given(text=cells)
def test_pieces_put_together_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text.lstrip(" ")
