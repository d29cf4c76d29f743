"""Files as lines to record: JSONL as it is, CSV by the columns of events or by a map; each has the place it is from."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from api.bulk import lines_of
from api.files.mapping import Mapped, Mapper, first_days
from api.files.maps import ColumnMap, field_of
from api.files.names import Parties
from api.files.rows import REPLACEMENT, SERVER, column_of, columns_of, event_of, fields_of, pointer_of
from api.files.table import NotATable, Table, TableRow, read_table
from ledger.event import CORRECTED, RETRACTED, TYPES, parse_event, references
from ledger.forms import MISSING
from ledger.refusals import Problem, Reason, Refusal
from ledger.times import parse_period, today

# The column that a file of problems has beside the others, for its reader alone.
WHY = "problem"
LEDGER_ONLY = tuple(name for name, model in TYPES.items() if model.ledger_only)
_LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Item:
    """An event to record, or what is wrong with the place where it should stand."""

    file: File
    line: int
    raw: bytes | None  # the event's JSON; None where it can't be read
    problems: tuple[Problem, ...] = ()
    row: TableRow | None = None
    doubts: tuple[Problem, ...] = ()  # of what is taken all the same
    registers: str | None = None  # the name of the party that a row is the first to name

    @property
    def place(self) -> str:
        return f"{self.file.path}:{self.line}"


@dataclass
class File:
    """A file, its columns if it is a table, and how a field of an event is called in it."""

    path: Path
    columns: tuple[str, ...] = ()
    separator: str = ","
    notes: tuple[str, ...] = ()
    title: Callable[[str], str] = lambda pointer: pointer or "/"
    items: list[Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reading:
    """How tables are read: the type of rows that don't say it, or a map, who is known, and whether others become so."""

    type: str | None = None
    map: ColumnMap | None = None
    register: bool = False
    parties: Callable[[], Parties] = lambda: Parties(())


def read_files(paths: Sequence[Path], reading: Reading) -> list[File]:
    """Each file with an item for every event, in the order in which they are to be recorded. Raises OSError."""
    mapper = None
    if reading.map is not None:
        mapper = Mapper(reading.map, reading.parties(), register=reading.register)
    left = LeftOut()
    return [_read(path, reading, mapper, left) for path in paths]


def _read(path: Path, reading: Reading, mapper: Mapper | None, left: LeftOut) -> File:
    body = path.read_bytes()
    if mapper is None and _is_lines(path, body):
        file = File(path)
        lines = lines_of(body.removeprefix(codecs.BOM_UTF8))
        file.items = [Item(file, line.number, line.raw.rstrip(b"\r")) for line in lines]
        left.leave_out(file, None)
        return file
    file = File(path)
    try:
        table = read_table(body)
    except NotATable as wrong:
        file.items = [Item(file, wrong.line, None, (Problem(Reason.MALFORMED, "", wrong.detail, wrong.mend),))]
        return file
    file.columns, file.separator, file.notes = table.columns, table.separator, table.notes
    if mapper is not None and reading.map is not None:
        _read_mapped(file, table, reading.map, mapper)
    else:
        _read_rows(file, table, reading)
        left.leave_out(file, reading.type)
    return file


def _is_lines(path: Path, body: bytes) -> bool:
    """Whether it is JSONL: by its name, else by its first sign."""
    if path.suffix.lower() in _LINES:
        return True
    return path.suffix.lower() not in (".csv", ".tsv") and body.lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:1] == b"{"


def _read_rows(file: File, table: Table, reading: Reading) -> None:
    """Rows whose columns are those of events."""
    file.title = lambda pointer: column_of(pointer) or "row"
    problems = list(_header_problems(file.path, table, reading.type))
    file.items = [Item(file, 1, None, (problem,)) for problem in problems]
    if reading.type is None and "type" not in table.columns:
        return
    unknown = {column_of(problem.pointer) for problem in problems}
    for row in table.rows:
        cells = {name: cell for name, cell in row.cells.items() if name not in unknown and name != WHY}
        if reading.type is not None and not cells.get("type", "").strip():
            cells["type"] = reading.type
        file.items.append(replace(_item(file, row, cells, [], _mend_parts), doubts=_to_come(cells)))


class LeftOut:
    """What another ledger recorded of its own log, as an export of it has: here it wouldn't be true. And what is about
    it, such as its reviews: here they would be about nothing."""

    def __init__(self) -> None:
        self._names: set[str] = set()  # ids of events, and records as kind/id

    def leave_out(self, file: File, kind: str | None) -> None:
        """Pass over these items, and note it; `kind` is the type of rows that don't say theirs."""
        kept: list[Item] = []
        own, about, hints = 0, list[tuple[str, int]](), self._hints()
        for item in file.items:
            event = _lines_event(item.raw, hints) if item.row is None else _rows_event(item, kind, hints)
            if event.get("type") in LEDGER_ONLY:
                own += 1
                self._names.add(str(event.get("id")))
                hints = self._hints()
            elif self._names and event and self._is_about(event):
                about.append((event["type"], item.line))
                hints = self._hints()
            else:
                kept.append(item)
        if own:
            file.notes += (f"left out, as of another ledger's own log: {own} of {', '.join(LEDGER_ONLY)}",)
        if about:
            counts = ", ".join(f"{count} of {name}" for name, count in Counter(name for name, _ in about).items())
            file.notes += (f"left out, as about what is left out: {counts}, the first in line {about[0][1]}",)
        file.items = kept

    def _hints(self) -> tuple[bytes, ...]:
        """What the text of a line has in it, if it can be of this kind."""
        return tuple(name.rpartition("/")[2].encode() for name in (*LEDGER_ONLY, *self._names))

    def _is_about(self, event: dict[str, Any]) -> bool:
        """Whether it names something that was left out; then it is left out too, and the record that it makes."""
        try:
            parsed = parse_event(event)
        except Refusal:  # told where it is checked
            return False
        model, data = parsed.model, parsed.data
        record = None if model.record is None else f"{model.record[0]}/{data[model.record[1]]}"
        if not self._names.isdisjoint(_named(event)) or (not model.makes and record in self._names):
            self._names.add(str(event.get("id")))
            if model.makes and record is not None:
                self._names.add(record)
            return True
        if model.makes and record is not None:
            self._names.discard(record)
        return False


def _named(event: Mapping[str, Any]) -> Iterator[str]:
    """What an event is about: ids of events, and records as kind/id."""
    data = event["data"]
    if event.get("same_as"):
        yield event["same_as"]
    if event["type"] in (CORRECTED, RETRACTED):
        yield data["event"]
        if event["type"] == CORRECTED:
            yield from _named(data["replacement"])
        return
    for one in references(event["type"], data):
        yield from (one.id, f"{one.kind}/{one.id}")


def _lines_event(raw: bytes | None, hints: tuple[bytes, ...]) -> dict[str, Any]:
    """Of a line that has one of these in it; others needn't be read here."""
    if raw is None or not any(one in raw for one in hints):
        return {}
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _rows_event(item: Item, kind: str | None, hints: tuple[bytes, ...]) -> dict[str, Any]:
    """Of a row, likewise; if it can't be read as a whole, its type and its id."""
    if item.raw is not None:
        return _lines_event(item.raw, hints)
    cells = item.row.cells if item.row is not None else {}
    return {"type": cells.get("type", kind), "id": cells.get("id")}


def _header_problems(path: Path, table: Table, kind: str | None) -> Iterator[Problem]:
    if kind is None and "type" not in table.columns:
        mend = f"say --type investment.made, add a column type, or map your own columns: dealledger map {path}"
        yield Problem(Reason.INVALID, pointer_of("type"), "no row says which type of event it is", mend)
        return
    known = all_columns() if kind is None else frozenset((*columns_of(kind), *fields_of(kind), *SERVER))
    for name in table.columns:
        if name not in known and name != WHY and not name.startswith(f"{REPLACEMENT}."):
            near = get_close_matches(name, known, 2)
            mend = f"did you mean {' or '.join(near)}?" if near else f"see docs/columns.md, or dealledger map {path}"
            detail = f"no event has a column {name}" if kind is None else f"{kind} has no column {name}"
            yield Problem(Reason.INVALID, pointer_of(name), detail, mend)


@lru_cache(maxsize=1)
def all_columns() -> frozenset[str]:
    """Every column that an event of some type can have."""
    return frozenset(name for kind in TYPES for name in (*columns_of(kind), *fields_of(kind))) | frozenset(SERVER)


def _read_mapped(file: File, table: Table, column_map: ColumnMap, mapper: Mapper) -> None:
    """Rows whose columns are an analyst's own."""
    file.title = lambda pointer: column_map.title(column_of(pointer)) or column_of(pointer) or "row"
    targets = column_map.targets
    for name in targets:
        if name not in table.columns and name != WHY:
            near = get_close_matches(name, table.columns, 2)
            mend = (
                f"did you mean {' or '.join(near)}?" if near else "take it out of the map, or name it as the file does"
            )
            problem = Problem(Reason.INVALID, "", f"the map names a column {name}, and the file has none", mend)
            file.items.append(Item(file, 1, None, (problem,)))
    filled = {field for target in targets.values() for field in target.fields} | column_map.constants.keys()

    def mend_missing(name: str) -> str:
        if name in filled:
            return "add it"
        return f'say in the map which column it is, "…" = "{name}", or under [constants] what it is in every row'

    left_out = [name for name in table.columns if name not in targets and name != WHY]
    if left_out:
        file.notes += (f"in no line of the map, so left out: {', '.join(left_out)}",)
    found: list[tuple[Mapped, Item]] = []
    for row in table.rows:
        mapped = mapper.read(row.cells)
        item = _item(
            file, row, mapped.cells, mapped.problems, lambda name: _mend_amount(name, column_map), mend_missing
        )
        if not item.problems:
            mapper.admit(mapped)
        found.append((mapped, item))
    mapper.doubt_shares([(item.row.cells, mapped) for mapped, item in found if item.row is not None])
    since = first_days(mapped.cells for mapped, item in found if not item.problems and "effective" in mapped.cells)
    for mapped, item in found:
        if not item.problems and item.row is not None:
            for cells in mapper.registrations(mapped, since):
                file.items.append(replace(_item(file, item.row, cells, []), registers=cells["name"]))
        file.items.append(replace(item, doubts=(*mapped.doubts, *_to_come(mapped.cells))))


def _mend_parts(name: str) -> str:
    """As `_mend_amount`, in the columns of events."""
    return f"fill {name}.currency and {name}.amount, or write undisclosed in {name}.original if it isn't known"


def _mend_amount(name: str, column_map: ColumnMap) -> str:
    """What to write for an amount that an event must have and nobody knows."""
    if any(name in target.fields for target in column_map.targets.values()):
        return "add it, or write undisclosed if it isn't known"
    return f"add it in a column that the map reads as {name}; undisclosed there means that it isn't known"


def _to_come(cells: Mapping[str, str]) -> tuple[Problem, ...]:
    """The doubt about a row that takes effect after today: it may, but 2031 for 2021 looks the same."""
    effective = cells.get("effective", "").strip()
    try:
        if parse_period(effective).first <= (day := today()):
            return ()
    except ValueError:  # the reader of rows says so
        return ()
    mend = "if that is a slip, mend it; if it is still to come, leave it"
    return (Problem(Reason.INVALID_DATE, pointer_of("effective"), f"{effective} is after today, {day}", mend),)


def _item(
    file: File,
    row: TableRow,
    cells: dict[str, str],
    problems: list[Problem],
    mend_amount: Callable[[str], str] = lambda name: "add it",
    mend_missing: Callable[[str], str] = lambda name: "add it",
) -> Item:
    """A row as an event, or with all that is wrong with its form; by its name, what mends an amount that is missing, or
    another field."""
    found = list(problems)
    event: dict[str, Any] = {}
    if row.more:
        mend = "put a cell that has the separator in it into quotation marks"
        found.append(Problem(Reason.MALFORMED, "", f"{len(row.more)} cells more than there are columns", mend))
    try:
        event = event_of(cells)
        parse_event(event)
    except Refusal as refusal:
        # What a cell that can't be read leaves out is no news.
        broken = tuple(problem.pointer for problem in problems)
        for one in refusal.problems:
            if not _touches(one.pointer, broken):
                mend_it = mend_amount if _lacks_amount(one, cells) else mend_missing if one.detail == MISSING else None
                found.append(one if mend_it is None else replace(one, mend=mend_it(column_of(one.pointer))))
    raw = None if found else json.dumps(event, ensure_ascii=False).encode()
    return Item(file, row.line, raw, tuple(found), row)


def _lacks_amount(problem: Problem, cells: Mapping[str, str]) -> bool:
    """Whether the problem is a field of money that no cell fills."""
    name, kind = column_of(problem.pointer), cells.get("type", "").strip()
    column = field_of(kind, name) if kind in TYPES else None
    filled = any(cell.strip() for one, cell in cells.items() if one == name or one.startswith(f"{name}."))
    return column is not None and not filled and any(part.name == "currency" for part in column.parts)


def _touches(pointer: str, broken: tuple[str, ...]) -> bool:
    return any(f"{pointer}/".startswith(f"{one}/") or f"{one}/".startswith(f"{pointer}/") for one in broken)
