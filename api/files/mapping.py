"""Rows of an analyst's own table as rows of events, by a map: figures, dates, words and names are read and resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from api.files.days import read_date
from api.files.figures import Style, Unreadable, read_money, read_number, read_share
from api.files.maps import ColumnMap, Target, field_of
from api.files.names import Parties, slug
from api.files.rows import Column, entity_columns, pointer_of
from ledger.event import TYPES
from ledger.refusals import Problem, Reason
from ledger.times import parse_period

_YES = frozenset({"yes", "y", "true", "x", "1"})
_NO = frozenset({"no", "n", "false", "0"})
_KIND = "company"
_FULL = 10**6
# Of the whole: 0.1 and 1 per cent.
_TINY, _USUAL = Decimal("0.001"), Decimal("0.01")
_SHARE = re.compile(r"[0-9]+(\.[0-9]+)?")
_PERCENT = re.compile(r"%|percent|pct", re.IGNORECASE)
REGISTERED = "entity.registered"
# How the problem of a cell with a word that isn't known is told, around the word and the field.
NO_WORD = "is none of the words for"


@dataclass
class Mapped:
    """A row as cells of an event, and what could not be read. `new` are the parties that it is the first to name."""

    cells: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)  # what is taken, and worth a second look
    new: list[tuple[str, str, str]] = field(default_factory=list)  # id, name, the field that names it


class Mapper:
    """Reads rows by a map, among the parties of a ledger; with `register`, unknown ones become parties."""

    def __init__(self, column_map: ColumnMap, parties: Parties, *, register: bool) -> None:
        self._map = column_map
        self._parties = parties
        self._register = register
        self._entities = {name.casefold(): entity for name, entity in column_map.entities.items()}
        self._values = {
            name: {said.casefold(): meant for said, meant in values.items()}
            for name, values in column_map.values.items()
        }
        # Types last, so that a column may say it.
        self._targets = sorted(column_map.targets.items(), key=lambda one: "type" not in one[1].fields)

    def read(self, row: Mapping[str, str]) -> Mapped:
        """The row as an event's cells (api/files/rows.py); problems point into the event."""
        mapped = Mapped(dict(self._map.constants))
        if self._map.type is not None:
            mapped.cells["type"] = self._map.type
        for name, target in self._targets:
            text = row.get(name, "").strip()
            for said in target.fields if text else ():
                try:
                    mapped.cells.update(self._cells(mapped, said, text, target))
                except Unreadable as wrong:
                    mapped.cells.pop(said, None)
                    mapped.problems.append(Problem(wrong.reason, pointer_of(said), wrong.detail, wrong.mend))
        return mapped

    def admit(self, mapped: Mapped) -> None:
        """From here on the parties that a row is the first to name are known."""
        for entity, name, _ in mapped.new:
            self._parties.add(entity, [name])

    def registrations(self, mapped: Mapped, since: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """The events, as cells, that register these parties, each `since` the first day that it takes part."""
        for entity, name, said in mapped.new:
            kind = self._map.register_as.get(said, _KIND)
            effective = since[entity]
            yield {"type": REGISTERED, "effective": effective, "entity": entity, "name": name, "kind": kind}

    def _cells(self, mapped: Mapped, said: str, text: str, target: Target) -> dict[str, str]:
        """What a cell of the file puts into the event. Raises Unreadable."""
        kind = mapped.cells.get("type", "")
        meant = self._values.get(said, {}).get(text.casefold())
        if meant is not None:
            return {said: meant} if meant else {}
        column = field_of(kind, said) if kind in TYPES else None
        if column is None:  # the reader of rows says so
            return {said: text}
        style = self._map.style(target)
        parts = {part.name: part for part in column.parts}
        if "currency" in parts:
            money = read_money(text, style)
            self._doubt(mapped, said, text, money, style)
            return _parts(said, parts, money)
        if "share" in parts and ("text" not in column.forms or column.format == "share"):
            return _parts(said, parts, read_share(text, style))
        if said in entity_columns(kind):
            return {said: self._party(mapped, said, text)}
        return {said: _plain(column, text, target, self._map)}

    @staticmethod
    def _doubt(mapped: Mapped, said: str, text: str, money: Mapping[str, Any], style: Style) -> None:
        """A million millions is likely somebody who wrote the cell in full, in a column of millions."""
        amount = money.get("amount") or money.get("high") or "0"
        if style.unit > 1 and Decimal(amount) >= style.unit * _FULL:
            detail = f"{text!r} is read as {Decimal(amount):,f} {money['currency']}"
            mend = "if it is written in full there, give its unit in the cell, or another one for the column in the map"
            mapped.doubts.append(Problem(Reason.INVALID_AMOUNT, pointer_of(said), detail, mend))

    def doubt_shares(self, rows: Sequence[tuple[Mapping[str, str], Mapped]]) -> None:
        """A bare 0.05 among per cents from 1 to 100 is likely somebody who meant 5 %."""
        for name, target in self._targets:
            for said in target.fields if target.percent else ():
                read = [(row.get(name, "").strip(), mapped, _share(mapped, said)) for row, mapped in rows]
                filled = [(text, mapped, share) for text, mapped, share in read if share]
                tiny = [one for one in filled if one[2] < _TINY and not _PERCENT.search(one[0])]
                usual = sum(share >= _USUAL for _, _, share in filled)
                if len(tiny) >= usual or 2 * usual <= len(filled) - len(tiny):
                    continue
                for text, mapped, share in tiny:
                    detail = f"{text!r} is read as {_plainly(share * 100)} %, and most in the column are from 1 to 100"
                    mend = f"if a share of 1 is meant, write {_plainly(share * 10_000)} %; if it is right, add a %"
                    mapped.doubts.append(Problem(Reason.INVALID_AMOUNT, pointer_of(said), detail, mend))

    def _party(self, mapped: Mapped, said: str, text: str) -> str:
        """The id of the entity that a name means. Raises Unreadable for nobody, and for several."""
        given = self._entities.get(text.casefold())
        found = [given] if given is not None and given in self._parties else []
        if given is None:
            found = self._parties.found(text) or [one for one, name, _ in mapped.new if name == text]
        if len(found) == 1:
            return found[0]
        near = self._parties.nearest(given or text)
        likely = found or [one.partition(" ")[0] for one in near] or ["its-id"]
        place = f'under [entities] in the map: "{text}" = "{likely[0]}"'
        if found:
            several = f"{text} is a name of {' and of '.join(found)}"
            raise Unreadable(several, f"say which {place}", Reason.UNKNOWN_ENTITY)
        entity = given or slug(text)
        slip = given is None and self._parties.likely(text)
        if self._register and entity and not slip:
            if not any(one == entity for one, _, _ in mapped.new):
                mapped.new.append((entity, text, said))
            return entity
        mends = [f"did you mean {' or '.join(near)}? Write that, or say it {place}"] if near else []
        if not entity:
            mends.append(f"its letters make no id; say one {'there' if near else place}")
        elif slip and self._register:
            mends.append("to register it all the same, give it an id there")
        elif slip:
            # With --register it is refused as well.
            mends.append("if it is somebody else, register it on its own: --register refuses a name so near another's")
        else:
            mends.append("--register registers who is unknown")
        raise Unreadable(f"nobody is called {text}", "; ".join(mends), Reason.UNKNOWN_ENTITY)


def first_days(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The first day on which each party may have taken part, by the rows that name it."""
    first: dict[str, str] = {}
    for cells in rows:
        day = parse_period(cells["effective"]).first.isoformat()
        for name in entity_columns(cells["type"]) & cells.keys():
            first[cells[name]] = min(day, first.get(cells[name], day))
    return first


def _share(mapped: Mapped, said: str) -> Decimal | None:
    """The one share that a field of the row was read as; None where there isn't one."""
    text = mapped.cells.get(f"{said}.share", mapped.cells.get(said, ""))
    return Decimal(text) if _SHARE.fullmatch(text) else None


def _plainly(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _parts(said: str, parts: Mapping[str, Column], value: dict[str, Any]) -> dict[str, str]:
    return {f"{said}.{name}": parts[name].write(one) for name, one in value.items()}


def _plain(column: Column, text: str, target: Target, column_map: ColumnMap) -> str:
    """A cell of a field without parts. Raises Unreadable."""
    if column.format == "date":
        return read_date(text, target.dates or column_map.dates)
    if column.format == "number":
        return read_number(text, column_map.style(target))
    if column.format == "share":
        said = read_share(text, column_map.style(target))
        if "share" not in said or "qualifier" in said:
            raise Unreadable(f"{text!r} is not one exact share", "write it like 12.5 %")
        return str(said["share"])
    if column.forms == {"flag"}:
        if text.casefold() in _YES | _NO:
            return "true" if text.casefold() in _YES else "false"
        raise Unreadable(f"{text!r} is neither yes nor no", "write one of the two", Reason.INVALID)
    if column.values:
        word = text.casefold().replace(" ", "_").replace("-", "_")
        if word not in column.values:
            known = ", ".join(column.values)
            mend = f'write one of {known}, or say under [values.{column.name}] in the map what "{text}" means'
            raise Unreadable(f"{text!r} {NO_WORD} {column.name}", mend, Reason.INVALID)
        return word
    if column.forms == {"text"}:
        return column.write(text)  # also where it looks like JSON, or like null
    return text
