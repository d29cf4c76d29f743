"""docs/columns.md, written from the columns themselves: `python -m api.files.columns_page > docs/columns.md`."""

from __future__ import annotations

import csv
import io
import sys

from api.files.examples import example
from api.files.rows import ENVELOPE, Column, fields_of, leaves
from ledger.event import CORRECTED, TYPES

_HEAD = """# Columns of an event in a table

Made from the events' own schema by `python -m api.files.columns_page`; a test holds it to that. What the fields mean is
told in [events](events.md); how files go in and out, in [files](files.md).

One row is one event. A column is the path of a field in the event's JSON, with the fields of `data` beside those of
the envelope: `type`, `effective`, `investor`, `amount.currency`. Columns may stand in any order, and an empty cell says
nothing. ★ must be filled; of a figure (★ with several columns) whatever says it: `amount.currency` and
`amount.amount`, or `amount.low` and `amount.high`, or the one cell `{}` in a column `amount` for wholly unknown.

## Cells

| form | is |
|---|---|
| text | as it is; space around it is left out. Dates, ids and amounts are texts: `2023-Q3`, `4000000000` |
| words | one of those named |
| true, false | in small or capital letters |
| whole number | digits |
| list | parts with `;` between them, or a JSON array. Without `;` it is a list of one, or one text where that will do |
| `null` | in any column: the field is there and empty, which in `entity.changed` clears it |

Whatever can't be said plainly is said as JSON, and everything can: `"null"` or `"a; b"` with quotation marks is a text
that would read as something else, `["cash"]` a list of one where a single text would do, `{"ja": "…"}` an object, and
`{}` in a column like `amount` an object with nothing in it. So an event written as a row reads as the same event.

Where a cell begins with `'`, or several, and then one of `= + - @`, a tab or a carriage return, one `'` is taken off:
exports put it there so that no spreadsheet takes the cell for a formula.

`position`, `record`, `version`, `recorded_at`, `recorded_by`, `batch`, `idempotency_key`, `trace_id`, `corrected_by`,
`retracted_by` and the like are the ledger's own. An export has them; an import passes over them.
"""


def page() -> str:
    """The whole page."""
    outer = {**fields_of("commitment.made"), "type": Column("type", frozenset({"text"}), True, tuple(TYPES))}
    parts = [_HEAD, "## For every event", "", *_table([outer[name] for name in ENVELOPE]), ""]
    parts += ["`event.corrected`, `event.retracted` and `review.recorded` may leave `effective` out.", ""]
    for kind in TYPES:
        own = [one for name, one in fields_of(kind).items() if name not in ENVELOPE]
        parts += [f"## {kind}", "", (TYPES[kind].__doc__ or "").strip(), "", *_table(own), ""]
        if kind == CORRECTED:
            parts += [
                "`replacement.` stands before each column of the event that takes the place: `replacement.type`,"
                " `replacement.effective`, `replacement.amount.amount`.",
                "",
            ]
        parts += ["```csv", *_csv(example(kind)), "```", ""]
    return "\n".join(parts).rstrip() + "\n"


def _table(columns: list[Column]) -> list[str]:
    return [
        "| column | | cell |",
        "|---|---|---|",
        *(f"| {_names(one)} | {_star(one)} | {_cell(one)} |" for one in columns),
    ]


def _star(column: Column) -> str:
    return "★" if column.required else ""


def _names(column: Column) -> str:
    return ", ".join(f"`{name}`" for name in leaves(column))


def _cell(column: Column) -> str:
    if column.parts:
        told = [f"`{part.name}`: {_cell(part)}" for part in column.parts if part.values or part.forms != {"text"}]
        one = ["text, or in parts"] if "text" in column.forms else []
        return "; ".join((*one, *told)) or "text"
    if column.values:
        words = ", ".join(column.values) if column.values != tuple(TYPES) else "one of the types below"
        return f"{words}; a list where several" if "list" in column.forms else words
    names = {"text": "text", "whole": "whole number", "flag": "true, false", "list": "list", "object": "JSON object"}
    return " or ".join(name for form, name in names.items() if form in column.forms)


def _csv(row: dict[str, str]) -> list[str]:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([row.keys(), row.values()])
    return text.getvalue().splitlines()


if __name__ == "__main__":
    sys.stdout.write(page())
