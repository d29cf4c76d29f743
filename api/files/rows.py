"""An event as a flat row of texts, and back without loss: one column for each field, read off the events' own schema.

A column's name is the path of its field, `amount.currency`; the fields of `data` stand beside those of the envelope.
docs/columns.md says what the cells look like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from ledger.event import CORRECTED, TYPES, event_schema, references
from ledger.money import Bounded
from ledger.refusals import Problem, Reason, Refusal

# What the server adds, and what an export of a question repeats of it. Written where an event brings it, passed over
# where a file does.
SERVER = (
    "position",
    "record",
    "version",
    "recorded_at",
    "recorded_by",
    "batch",
    "idempotency_key",
    "trace_id",
    "corrected_by",
    "retracted_by",
    "as_of",
    "known_at",
    "up_to_position",
)
ENVELOPE = ("type", "id", "effective", "known", "status", "source", "same_as", "note")
# The order of a table: when and what first, where it comes from and which event it is last.
_BEFORE, _AFTER = ("type", "effective", "known", "status"), ("source", "same_as", "note", "id")
REPLACEMENT = "replacement"
SEPARATOR = ";"
# Longer texts than an id are prose, where a semicolon is a semicolon.
_ID_LENGTH = 100
_WHOLE = re.compile(r"-?[0-9]{1,16}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_FLAGS = {"true": True, "false": False}
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Column:
    """A field and the forms that its cells take: text, whole (number), flag, list, object."""

    name: str
    forms: frozenset[str]
    required: bool
    values: tuple[str, ...] = ()  # the words that it takes, if only these
    prose: bool = False
    format: str = ""  # of a text: date, number or share, as the schema's examples show
    parts: tuple[Column, ...] = ()  # the fields of the object, under names of their own

    def read(self, cell: str) -> Any:
        """The value that a cell is. Raises ValueError with what is wrong; mend."""
        cell = cell.strip()
        if cell == "null":
            return None
        if cell.startswith('"') and "text" in self.forms and (quoted := _json(cell)) is not None:
            return quoted
        if cell.startswith(("[", "{")) and self.forms & {"list", "object"}:
            if (value := _json(cell)) is not None:
                return value
            if "text" not in self.forms:
                raise ValueError("this begins like JSON and isn't; write it as JSON, or plainly")
        if "list" in self.forms and not ("text" in self.forms and (self.prose or SEPARATOR not in cell)):
            return [part.strip() for part in cell.split(SEPARATOR)]
        if "flag" in self.forms:
            if cell.lower() not in _FLAGS:
                raise ValueError("neither true nor false; write one of the two")
            return _FLAGS[cell.lower()]
        if "whole" in self.forms:
            if not _WHOLE.fullmatch(cell):
                raise ValueError("not a whole number; write digits")
            return int(cell)
        if "text" not in self.forms:
            parts = " and ".join(f"{self.name}.{part.name}" for part in self.parts[:2]) or "JSON"
            raise ValueError(f"this has parts; write them in columns of their own like {parts}")
        return cell

    def write(self, value: Any) -> str:
        """The cell that reads as the value: plain if that will do, else JSON."""
        if isinstance(value, bool):
            return "true" if value else "false"
        plain = str(value) if isinstance(value, str | int) else None
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            plain = f"{SEPARATOR} ".join(value)
        if plain is not None and not _UNSEEN.search(plain) and self._reads_as(plain, value):
            return plain
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def _reads_as(self, cell: str, value: Any) -> bool:
        try:
            return bool(cell) and self.read(cell) == value
        except ValueError:
            return False


def _json(text: str) -> Any:
    """The value of a JSON text; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# --- the columns of a type, from the schema of its events -------------------------------------------------------


@lru_cache(maxsize=1)
def _schemas() -> tuple[dict[str, Any], dict[str, str]]:
    """The definitions of the schema, and each type's name among them."""
    schema = event_schema()
    names = {kind: address.rpartition("/")[2] for kind, address in schema["discriminator"]["mapping"].items()}
    return schema["$defs"], names


@lru_cache(maxsize=64)
def fields_of(kind: str) -> dict[str, Column]:
    """The fields of a type of event by name, those of the envelope and of `data` side by side, in a table's order."""
    definitions, names = _schemas()
    envelope = definitions[names[kind]]
    data = definitions[envelope["properties"]["data"]["$ref"].rpartition("/")[2]]
    outer = {one.name: one for one in _parts(envelope) if one.name != "data"}
    inner = _parts(data)
    given = [one for one in inner if one.required] + [one for one in inner if not one.required]
    ordered = (*(outer[name] for name in _BEFORE), *given, *(outer[name] for name in _AFTER))
    return {one.name: one for one in ordered}


def _parts(schema: dict[str, Any]) -> tuple[Column, ...]:
    required = schema.get("required", ())
    # The figure first, then the words about it.
    properties = sorted(schema.get("properties", {}).items(), key=lambda one: one[0] in Bounded.model_fields)
    return tuple(_column(name, one, name in required) for name, one in properties)


def _column(name: str, schema: dict[str, Any], required: bool) -> Column:
    forms: set[str] = set()
    values: list[str] = []
    parts: tuple[Column, ...] = ()
    prose = False
    format = ""
    for one in schema.get("anyOf", [schema]):
        if "$ref" in one:
            one = _schemas()[0][one["$ref"].rpartition("/")[2]]
        match one["type"]:
            case "string":
                forms.add("text")
                format = format or _format(one)
                values += one.get("enum", [one["const"]] if "const" in one else [])
                prose = not values and "pattern" not in one and one.get("maxLength", _ID_LENGTH + 1) > _ID_LENGTH
            case "integer":
                forms.add("whole")
            case "boolean":
                forms.add("flag")
            case "array":
                forms.add("list")
            case "object":
                forms.add("object")
                parts = _parts(one)
    return Column(name, frozenset(forms), required, tuple(values), prose, format, parts)


def _format(schema: dict[str, Any]) -> str:
    """What a text is, told by its first example: ids have some too."""
    [example, *_] = schema.get("examples") or [""]
    if _DAY.fullmatch(example):
        return "date"
    if _DECIMAL.fullmatch(example):
        return "share" if Decimal(example) <= 1 else "number"
    return ""


def columns_of(kind: str) -> tuple[str, ...]:
    """The names of every column that an event of the type can fill, in a table's order.

    Corrections have those of the event that takes the place as well, each after `replacement.`; they depend on its
    type, and are not among these.
    """
    return tuple(name for one in fields_of(kind).values() for name in leaves(one))


def leaves(column: Column) -> Iterator[str]:
    """The columns of a field: its own where one cell can say it, and those of its parts."""
    if column.forms != {"object"} or not column.parts:
        yield column.name
    for part in column.parts:
        yield f"{column.name}.{part.name}"


def in_order(names: Iterable[str]) -> list[str]:
    """Columns in a table's order: the envelope's around those of `data`, type by type, and the server's last."""
    ranks = _ranks()
    last = len(ranks)

    def place(name: str) -> tuple[int, ...]:
        outer, _, inner = name.partition(".")
        if outer == REPLACEMENT and inner:
            return (ranks[outer], *place(inner))
        return (ranks.get(outer, last), ranks.get(name, -1))

    return sorted(set(names), key=lambda name: (place(name), name))


@lru_cache(maxsize=1)
def _ranks() -> dict[str, int]:
    data = [one for kind in TYPES for one in fields_of(kind).values() if one.name not in ENVELOPE]
    outer = fields_of("review.recorded")
    fields = [*(outer[name] for name in _BEFORE), *data, *(outer[name] for name in _AFTER)]
    names = [name for one in fields for name in (one.name, *leaves(one))]
    return {name: place for place, name in enumerate(dict.fromkeys([*names, *SERVER]))}


@lru_cache(maxsize=64)
def entity_columns(kind: str) -> frozenset[str]:
    """The columns whose cells are ids of entities that must be registered already."""
    data = {name: [name] for name in fields_of(kind) if name not in ENVELOPE}
    return frozenset(one.pointer.split("/")[2] for one in references(kind, data) if one.kind == "entity")


# --- an event as a row, a row as an event -----------------------------------------------------------------------


def row_of(event: Mapping[str, Any]) -> dict[str, str]:
    """An event, as submitted or as /v1/events shows it, as cells by column; only those that it fills."""
    fields = fields_of(event["type"])
    row: dict[str, str] = {}
    for name, value in {**event["data"], **{name: event[name] for name in ENVELOPE if name in event}}.items():
        if name == REPLACEMENT:
            row.update((f"{name}.{inner}", cell) for inner, cell in row_of(value).items())
        elif isinstance(value, dict) and value and fields[name].parts:
            parts = {part.name: part for part in fields[name].parts}
            row.update((f"{name}.{inner}", parts[inner].write(one)) for inner, one in value.items())
        else:
            row[name] = fields[name].write(value)
    for name in SERVER:
        if event.get(name):
            row[name] = f"{SEPARATOR} ".join(event[name]) if isinstance(event[name], list) else str(event[name])
    return {name: row[name] for name in in_order(row)}


def event_of(row: Mapping[str, str]) -> dict[str, Any]:
    """The event that a row says, to be read by ledger.event.parse_event; empty cells say nothing.

    Raises Refusal for cells that can't be read and for columns that the type doesn't have; its pointers are those of
    the event's JSON (`column_of` gives the column back).
    """
    cells = {name: cell for name, cell in row.items() if cell.strip() and name not in SERVER}
    kind = cells.get("type", "").strip()
    if kind not in TYPES:
        return {"type": kind, "data": {}} if kind else {"data": {}}
    event: dict[str, Any] = {"data": {}}
    problems: list[Problem] = []
    nested: dict[str, str] = {}
    for name, cell in cells.items():
        outer, _, inner = name.partition(".")
        if kind == CORRECTED and outer == REPLACEMENT and inner:
            nested[inner] = cell
            continue
        try:
            if inner and outer in cells:
                raise ValueError(f"{outer} is given in one cell and in parts; fill one or the others")
            _put(event if outer in ENVELOPE else event["data"], kind, outer, inner, cell)
        except ValueError as error:
            detail, _, mend = str(error).partition("; ")
            problems.append(Problem(Reason.INVALID, pointer_of(name), detail, mend))
    if nested:
        try:
            event["data"][REPLACEMENT] = event_of(nested)
        except Refusal as refusal:
            problems += refusal.under(f"/data/{REPLACEMENT}").problems
    if problems:
        raise Refusal(*problems)
    return event


def _put(into: dict[str, Any], kind: str, outer: str, inner: str, cell: str) -> None:
    """Enter a cell into the event. Raises ValueError."""
    column = fields_of(kind).get(outer)
    parts = {} if column is None else {part.name: part for part in column.parts}
    if column is None or (inner and inner not in parts):
        name = f"{outer}.{inner}" if inner else outer
        near = get_close_matches(name, columns_of(kind), 2, cutoff=0.6)
        known = f"did you mean {' or '.join(near)}?" if near else f"`dealledger template {kind}` shows those there are"
        raise ValueError(f"{kind} has no column {name[:100]}; {known}")
    if inner:
        into.setdefault(outer, {})[inner] = parts[inner].read(cell)
    else:
        into[outer] = column.read(cell)


def pointer_of(column: str) -> str:
    """Where a column's field stands in the event's JSON."""
    outer, _, inner = column.partition(".")
    if outer == REPLACEMENT and inner:
        return f"/data/{REPLACEMENT}{pointer_of(inner)}"
    path = "/" + column.replace("~", "~0").replace("/", "~1").replace(".", "/")
    return path if outer in ENVELOPE else f"/data{path}"


def column_of(pointer: str) -> str:
    """The column in which a field of the event's JSON stands; "" for the event as a whole."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return ".".join(step for index, step in enumerate(steps) if not step.isdigit() and not _is_data(steps, index))


def _is_data(steps: Sequence[str], index: int) -> bool:
    return steps[index] == "data" and (index == 0 or steps[index - 1] == REPLACEMENT)
