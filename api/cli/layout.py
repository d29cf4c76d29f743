"""Rows of cells as lines that fit a width: broken where words and ids allow it, as a table or else as blocks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from rich.cells import cell_len

GAP = "  "
INDENT = "    "
# A row is at most so many lines tall; where that isn't enough, each becomes a block.
TALLEST = 4

_WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[,;]?|-?[0-9][0-9.]*[A-Za-z%]?")
_DATES = re.compile(r"[0-9]{4}(-[0-9Q]{2})?(-[0-9]{2})?(/[0-9]{4}(-[0-9Q]{2})?(-[0-9]{2})?)?[,;]?")
# A word with the currency that follows it.
_WORDS = re.compile(r"[^ ]+(?: [A-Z]{3}(?![^ ,)]))? *")
_AFTER_SLASH = re.compile(r"(?<=/)(?=.)")
# After a hyphen or a slash inside a word, after a dot between letters, and between the characters of scripts that
# are written without spaces.
_BREAKS = re.compile(
    r"(?<=[A-Za-z0-9]-)(?=[A-Za-z0-9])|(?<=/)(?=.)|(?<=[a-z]\.)(?=[a-z])|(?<=[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef])"
)


def pieces(text: str) -> Iterator[str]:
    """What a line is never broken inside of, with the space that follows. Event ids, dates and money stay whole."""
    for word in _WORDS.findall(text):
        bare = word.rstrip()
        if _WHOLE.fullmatch(bare):
            yield word
        else:
            yield from (_AFTER_SLASH if _DATES.fullmatch(bare) else _BREAKS).split(word)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width`; longer only where a piece is."""
    lines = [""]
    for piece in pieces(text):
        if lines[-1] and cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int], width: int) -> list[str] | None:
    """The heads' lines first, then each row's. None if that doesn't fit: then `blocks` do."""
    columns = list(zip(heads, *rows, strict=True))
    for tallest in range(1, TALLEST + 1):
        widths = [_narrowest(column, tallest) for column in columns]
        spare = width - sum(widths) - len(GAP) * (len(widths) - 1)
        if spare >= 0:
            _widen(columns, widths, tallest, spare)
            return [line for row in (heads, *rows) for line in _row(row, widths, right)]
    return None


def blocks(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Each row as its first cell and, named by their heads, the others that say something, as many to a line as fit."""
    lines: list[str] = []
    for first, *others in rows:
        lines.append(f"#{first}" if heads[0] == "#" else first)
        start = len(lines)
        for head, cell in zip(heads[1:], others, strict=True):
            if cell in ("–", ""):
                continue
            told = f"{head} {cell}"
            if len(lines) > start and cell_len(lines[-1]) + len(GAP) + cell_len(told) <= width:
                lines[-1] += GAP + told
            else:
                lines += [INDENT + line for line in wrapped(told, width - len(INDENT))]
    return lines


def _narrowest(column: Sequence[str], tallest: int) -> int:
    """The least width at which no cell of the column is taller."""
    low = max((cell_len(piece.rstrip()) for cell in column for piece in pieces(cell)), default=0)
    high = max(map(cell_len, column), default=0)
    while low < high:
        middle = (low + high) // 2
        if all(len(wrapped(cell, middle)) <= tallest for cell in column):
            high = middle
        else:
            low = middle + 1
    return low


def _widen(columns: Sequence[Sequence[str]], widths: list[int], tallest: int, spare: int) -> None:
    """Give what is left to the first columns that get lower by it."""
    for index, column in enumerate(columns):
        for lines in range(1, tallest):
            more = _narrowest(column, lines) - widths[index]
            if more <= spare:
                widths[index] += more
                spare -= more
                break


def _row(cells: Sequence[str], widths: Sequence[int], right: Collection[int]) -> Iterator[str]:
    parts = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for line in range(max(map(len, parts))):
        placed = []
        for index, (part, width) in enumerate(zip(parts, widths, strict=True)):
            text = part[line] if line < len(part) else ""
            space = " " * (width - cell_len(text))
            placed.append(space + text if index in right else text + space)
        yield GAP.join(placed).rstrip()
