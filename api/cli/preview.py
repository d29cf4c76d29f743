"""What an import would do, before it does it: every problem by file and line, likely doubles, and how many events."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.bulk import Line
from api.cli.doors import Door
from api.cli.talking import say
from api.export.cells import escaped
from api.files import doubles
from api.files.mapping import NO_WORD
from api.files.reading import WHY, File, Item
from ledger.forms import MISSING
from ledger.refusals import Reason

SHOWN = 50
SHORT = 60
# Of the rows with one unknown name.
LINES = 5
# Doubles are looked for in the ledger as long as there are no more pairs of a type and a party to ask for.
PAIRS_ASKED = 500
# The newest so many for each: a party with more of one type is a stream, not a file of deals.
EVENTS_ASKED = 2_000


@dataclass(frozen=True, slots=True)
class Told:
    """A problem in two lines: what is wrong, and how to mend it. Those of one `group` are mended at once."""

    what: str
    mend: str
    group: str = ""


@dataclass
class Preview:
    """The files' items by number, and what is wrong with which."""

    files: Sequence[File]
    items: dict[int, Item] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    problems: dict[int, list[Told]] = field(default_factory=dict)
    warnings: list[tuple[int, str, str]] = field(default_factory=list)
    there: set[int] = field(default_factory=set)
    returning: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for number, item in enumerate((item for file in self.files for item in file.items), 1):
            self.items[number] = item
            self.warnings += [
                (number, f"{item.file.title(one.pointer)}: {one.detail}", one.mend) for one in item.doubts
            ]
            if item.raw is not None:
                self.lines.append(Line(number, item.raw))
            else:
                self.problems[number] = [
                    _told(item, one.pointer, one.detail, one.reason, one.mend) for one in item.problems
                ]

    @property
    def fresh(self) -> int:
        """How many events would be recorded."""
        return len(self.items) - len(self.problems) - len(self.there)

    def know(self, known: Mapping[int, Line | None]) -> None:
        """What the ledger has under the files' own ids: it stands (None), or the line in its place brings it back."""
        self.there |= {number for number, line in known.items() if line is None}
        self.returning |= known.keys() - self.there
        replaced = (known.get(line.number, line) for line in self.lines)
        self.lines = [line for line in replaced if line is not None]

    def take(self, told: dict[str, Any]) -> None:
        """What the ledger says to a line."""
        number = told["line"]
        if "problem" in told:
            self.problems[number] = self._errors(told)
        elif told.get("repeated"):
            self.there.add(number)
        self.warnings += [(number, one["detail"], one["mend"]) for one in told.get("warnings", ())]

    def _errors(self, told: dict[str, Any]) -> list[Told]:
        item = self.items[told["line"]]
        return [
            _told(item, one["pointer"], one["detail"], one["reason"], one["mend"]) for one in told["problem"]["errors"]
        ]

    def events(self) -> list[tuple[int, dict[str, Any]]]:
        """Those that would be recorded for the first time, read again."""
        return [
            (line.number, json.loads(line.raw))
            for line in self.lines
            if line.number not in self.problems.keys() | self.there | self.returning
        ]

    def tell(self) -> None:
        """Problems in the order of the files, then warnings, then how many there are of what."""
        for file in self.files:
            for note in file.notes:
                say(f"{file.path}: {note}.")
        grouped = self._grouped()
        for one, numbers in grouped[:SHOWN]:
            self._tell(numbers[0], one, self._lines(numbers))
        if len(grouped) > SHOWN:
            say(f"… and {len(grouped) - SHOWN} more; --problems FILE writes them all down.")
        for number, detail, mend in sorted(self.warnings)[:SHOWN]:
            say(f"{self.items[number].place}: look again: {detail}")
            say(f"  {mend}")
        if len(self.warnings) > SHOWN:
            say(f"… and {len(self.warnings) - SHOWN} more of these.")
        new = [one.registers for number, one in self.items.items() if one.registers and number not in self.there]
        if new:
            say(f"To be registered, as nobody knows them yet: {', '.join(new[:SHOWN])}{', …' if new[SHOWN:] else ''}.")
        refused = len(self.problems)
        say(f"{len(self.items)} events: {self.fresh} to record, {len(self.there)} there already, {refused} refused.")
        if self.returning:
            say(f"{len(self.returning)} of them were retracted, and are brought back under the ids that they have.")

    def tell_one(self, told: dict[str, Any]) -> None:
        for one in self._errors(told):
            self._tell(told["line"], one)

    def _grouped(self) -> list[tuple[Told, list[int]]]:
        """Every problem with the items that have it, in the order of the files; but a name once for all its rows."""
        found: dict[str | tuple[int, int], tuple[Told, list[int]]] = {}
        for number in sorted(self.problems):
            for index, one in enumerate(self.problems[number]):
                numbers = found.setdefault(one.group or (number, index), (one, []))[1]
                if number not in numbers[-1:]:
                    numbers.append(number)
        return list(found.values())

    def _lines(self, numbers: Sequence[int]) -> str:
        """In how many rows a problem is, and where the first of them are; nothing if it is in one."""
        if len(numbers) == 1:
            return ""
        first, *more = (self.items[number] for number in numbers[:LINES])
        places = [str(first.line), *(str(one.line) if one.file is first.file else one.place for one in more)]
        return f", in {len(numbers)} rows: lines {', '.join(places)}{', …' if len(numbers) > LINES else ''}"

    def _tell(self, number: int, one: Told, rows: str = "") -> None:
        say(f"{self.items[number].place}: {one.what}{rows}")
        say(f"  {one.mend}")


def _told(item: Item, pointer: str, detail: str, reason: str, mend: str) -> Told:
    """A problem with its column and what is in it, what is wrong and why.

    An unknown name is one in all its rows; so are a word that the map doesn't know, a field that it doesn't fill, and
    what one setting of a column in the map mends.
    """
    title = item.file.title(pointer)
    cell = "" if item.row is None else item.row.cells.get(title, "").strip()
    shown = f" {cell!r}" if cell and len(cell) <= SHORT and cell not in detail else ""
    nowhere = detail == MISSING and item.row is not None and title not in item.row.cells
    group = title if nowhere else detail if NO_WORD in detail or reason == Reason.UNKNOWN_ENTITY else ""
    if not group and item.row is not None and mend.endswith("in the map"):
        group = f"{title}: {mend}"
    return Told(f"{title}{shown}: {detail} ({reason})", mend, group)


def look_for_doubles(preview: Preview, ledger: Door) -> None:
    """Warn of what looks as if it came twice: in the files, or because the ledger has it."""
    events = preview.events()
    mend = "if it is the same deal, take one out; if another source for it, say so with same_as"
    for one in doubles.in_file(events):
        place = preview.items[one.earlier or 0].place
        preview.warnings.append((one.number, f"{one.alike} as {place}", mend))

    def recorded(kind: str, party: str) -> list[dict[str, Any]]:
        return ledger.rows("/v1/events", {"type": kind, _asked_by(kind): party, "live": "true"}, EVENTS_ASKED)

    for one in doubles.in_ledger(events, recorded, PAIRS_ASKED):
        event = one.event or {}
        there = f"the ledger has {event['type']} of {one.alike} at position {event['position']}"
        preview.warnings.append((one.number, there, mend))


def _asked_by(kind: str) -> str:
    return "record" if kind.startswith(("commitment.", "contract.", "guarantee.")) else "entity"


def write_problems(path: Path, preview: Preview) -> None:
    """The lines that have problems, as they are in their files; rows of tables with a column that says what is wrong.

    What stands between cells is what does so in the first such table: whoever opens the one can open the other. Raises
    OSError.
    """
    wrong = [(preview.items[number], preview.problems[number]) for number in sorted(preview.problems)]
    columns = list(dict.fromkeys(name for item, _ in wrong for name in item.file.columns if name != WHY))
    if not columns:
        path.write_bytes(b"".join((item.raw or b"") + b"\n" for item, _ in wrong))
        return
    # With a byte order mark, so that a spreadsheet reads the file as UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        separator = next(item.file.separator for item, _ in wrong if item.file.columns)
        writer = csv.writer(file, delimiter=separator)
        writer.writerow([*map(escaped, columns), WHY])
        for item, problems in wrong:
            if item.row is not None:
                why = "; ".join(f"{one.what}: {one.mend}" for one in problems)
                writer.writerow([*(escaped(item.row.cells.get(name, "")) for name in columns), escaped(why)])
