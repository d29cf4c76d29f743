"""The answer to a question as what goes into a file: all of its rows, and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

import projections.events
from api.answers import Answered, EventBody, Listed
from api.export import events
from api.export.columns import Cell, Column, Flat, Kind, bare, flat, times_columns
from api.export.tables import Export, Said, Table
from api.paging import OF_THE_PAGE, ListQuestion
from api.problems import Fault, Faulty
from api.question import Asked, Question, Resolved, Times, times_of
from api.reasons import Door
from projections.database import ReadModel
from projections.paging import Page

# Events are read in pages, so that a log that is larger than memory can be written.
_PAGE = 20_000
_ENVELOPE = {*Answered.model_fields, *Listed.model_fields, "totals"}

Row = Mapping[str, Any]
Rows = Callable[[], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Asking:
    """A question with rows, put at a point: what its path leaves open, and its parameters as given and as parsed."""

    question: Question[Any]
    parts: tuple[str, ...]
    given: Mapping[str, str]
    asked: Times
    at: Resolved

    @property
    def address(self) -> str:
        """Where the same is answered in JSON, for ever."""
        path = self.question.path.format(**dict(zip(self.question.parts, self.parts, strict=True)))
        page = OF_THE_PAGE if isinstance(self.question, ListQuestion) else ("format",)
        given = {name: value for name, value in self.given.items() if name not in page}
        return Asked(given, times_of(self.at), pinned=False).address(path)

    @property
    def name(self) -> str:
        """Of a file, without what tells its format."""
        parts = (self.question.name, *self.parts, str(self.at.as_of), str(self.at.position))
        return "-".join("".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in part) for part in parts)


def all_rows(question: Question[Any], given: Mapping[str, str]) -> dict[str, str]:
    """The parameters for a file: where an answer has a limit of its own instead of pages, the highest."""
    limit = question.shape.model_fields.get("limit")
    if limit is None or isinstance(question, ListQuestion):
        return dict(given)
    [highest] = [rule.le for rule in limit.metadata if hasattr(rule, "le")]
    return {**given, "limit": str(highest)}


def export_of(model: ReadModel, asking: Asking) -> Export:
    """All rows of the answer. It blocks. Raises Faulty if what the path names isn't there, or isn't all there."""
    question = asking.question
    rows = bare(get_type_hints(question.answer, include_extras=True)[question.list_name])
    if isinstance(question, ListQuestion) and rows == list[EventBody]:
        trail = _trail(model, question, asking)
        return _events(model, asking, trail)
    found = question.whole(model, asking.at, asking.asked, asking.parts)
    if found is None:
        raise question.not_there(asking.parts)
    more = found.get("more")
    if isinstance(more, dict) and more[question.list_name]:
        raise too_many(f"There are more than {asking.given['limit']} {question.list_name}.")
    named = dict(zip(question.parts, asking.parts, strict=True))
    others = [(name, of) for name, of in _lists(question.answer) if name != question.list_name and found.get(name)]
    table = _table(question.list_name, get_args(rows)[0], found[question.list_name], named, asking)
    times = dict(zip((one.name for one in table.columns[-3:]), times_of(asking.at).values(), strict=True))
    return Export(
        question=_said(model, asking),
        table=table,
        others=[_table(name, of, found[name], {}, None) for name, of in others],
        figures=_figures(question, found),
        objects=lambda: ({**times, **named, **row} for row in found[question.list_name]),
    )


def too_many(detail: str) -> Faulty:
    mend = "Ask for Parquet, CSV or JSONL, or for less with a filter."
    return Faulty(Fault(Door.TOO_MANY_ROWS, detail, mend, parameter="format"))


def _trail(model: ReadModel, question: ListQuestion[Any], asking: Asking) -> Rows:
    def rows() -> Iterator[Row]:
        after = None
        while True:
            page = Page(limit=_PAGE, after=after)
            found = question.rows(model, asking.at, asking.asked, page, asking.parts)
            if found is None:
                raise question.not_there(asking.parts)
            yield from found.rows
            after = found.after
            if after is None:
                return

    return rows


def _events(model: ReadModel, asking: Asking, trail: Rows) -> Export:
    columns = events.columns_of(trail())
    extra = times_columns([*columns, Column("position")])
    times = list(times_of(asking.at).values())
    names = [column.name for column in extra]
    return Export(
        question=_said(model, asking),
        table=Table(
            "events", [*columns, *extra], lambda: ([*events.cells_of(one, columns), *times] for one in trail())
        ),
        others=(),
        figures=(),
        objects=lambda: ({**dict(zip(names, times, strict=True)), **one} for one in trail()),
    )


def as_submitted(trail: Rows) -> Export:
    """Events in the form in which `import` takes them, and nothing of what the server said of them."""
    columns = events.columns_of(map(events.submitted, trail()))
    return Export(
        question=(),
        table=Table("events", columns, lambda: (events.cells_of(events.submitted(one), columns) for one in trail())),
        others=(),
        figures=(),
        objects=lambda: map(events.submitted, trail()),
    )


def _lists(answer: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The lists of parts in an answer, by name."""
    for name, hint in get_type_hints(answer, include_extras=True).items():
        [*of] = get_args(bare(hint))
        if len(of) == 1 and isinstance(of[0], type) and issubclass(of[0], BaseModel):
            yield name, of[0]


def _table(
    name: str, of: type[BaseModel], rows: Sequence[Row], named: Mapping[str, str], asking: Asking | None
) -> Table:
    """Rows of a model, after what the path named; the list of the question with the three times at the end."""
    form: Flat = flat(of)
    columns = [*map(Column, named), *form.columns]
    times: list[Cell] = []
    leading = 1
    if asking is not None:
        columns += times_columns(columns)
        times = [*times_of(asking.at).values()]
        question = asking.question
        own = question.identity if isinstance(question, ListQuestion) else question.identities.get(name, ())
        identity = [*named, *own]
        if [column.name for column in columns[: len(identity)]] == identity:
            leading = len(identity)
    return Table(name, columns, lambda: ([*named.values(), *form.cells(row), *times] for row in rows), leading)


def _figures(question: Question[Any], found: Row) -> list[Said]:
    """What an answer says beside its lists."""
    lists = {name for name, _ in _lists(question.answer)} | _ENVELOPE | {question.list_name}
    return [
        Said(column.name, cell, column.kind)
        for name, field in flat(question.answer).fields.items()
        if name not in lists
        for column, cell in zip(field.columns, field.cells(found.get(name)), strict=True)
    ]


def _said(model: ReadModel, asking: Asking) -> list[Said]:
    """What was asked, so that a file tells it by itself."""
    at, recorded = asking.at, projections.events.recorded_at(model, asking.at.position)
    filters = {
        **dict(zip(asking.question.parts, asking.parts, strict=True)),
        **{name: value for name, value in asking.given.items() if name not in (*OF_THE_PAGE, *_RESOLVED)},
    }
    currency = at.currency or "each figure in its own"
    return [
        Said("question", asking.question.name, meaning=asking.question.about),
        Said("address", asking.address, meaning="Of a service that holds this ledger: the same answer as JSON."),
        Said("as_of", at.as_of.isoformat(), Kind.DAY, "What was true on this day."),
        Said("known_at", at.known_at.isoformat(), Kind.DAY, "What one could know on this day."),
        Said("position", at.position, Kind.INTEGER, "What the ledger held after so many events."),
        Said("root", at.root, meaning="Of the log's tree at this position, as the checkpoint of that size has it."),
        Said("recorded_at", recorded, meaning="When the last of these events was recorded (UTC)."),
        Said("currency", currency, meaning="ISO 4217. A converted figure is at the rate of its day."),
        *(Said(name, value, meaning="Only what this selects.") for name, value in filters.items()),
        Said("software", f"deal-ledger {version('deal-ledger')}"),
    ]


_RESOLVED = (*Answered.model_fields, "currency")
