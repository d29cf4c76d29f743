"""A first column map for a table, from the names of its columns and the values in them; whoever reads it decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from babel.numbers import is_currency
from rapidfuzz import fuzz

from api.files.days import is_of_numbers, order_of, read_date
from api.files.figures import SYMBOLS, UNITS, Style, Unreadable, read_money, read_number, unit_of
from api.files.maps import field_of
from api.files.names import Parties
from api.files.rows import Column, columns_of, entity_columns, fields_of
from api.files.synonyms import BESIDE, CALLED, INSTRUMENTS, ROUNDS, SERIES, STATUSES
from api.files.table import Table

_LIKELY_TYPES = (
    "investment.made",
    "investment.sold",
    "contract.signed",
    "commitment.made",
    "distribution.paid",
    "valuation.recorded",
    "holding.observed",
    "entity.registered",
    "rate.published",
)
# A comma or a point that can only stand before a fraction.
_COMMA = re.compile(r"[0-9],([0-9]{1,2}|[0-9]{4,})(?![0-9])")
_POINT = re.compile(r"[0-9]\.([0-9]{1,2}|[0-9]{4,})(?![0-9])")
_WORD = re.compile("|".join(map(re.escape, sorted(SYMBOLS, key=len, reverse=True))) + r"|[^\W\d_]+|[¥%]")
_NEAR = 82
_LOOKED_AT = 500
_WHOLE = 100  # per cent


@dataclass
class Guess:
    """What a column is guessed to be. `settings` are those of its figures."""

    fields: list[str]
    settings: dict[str, str | bool] = field(default_factory=dict)
    why: str = ""


@dataclass
class Proposal:
    """A map in the making: what is guessed, what is left over, what is missing."""

    type: str
    columns: dict[str, Guess]
    samples: dict[str, list[str]]
    dates: str | None = None
    dates_open: bool = False  # whether the order of day and month has to be said
    currency: str | None = None
    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    entities: dict[str, list[str]] = field(default_factory=dict)  # unknown names, and who may be meant

    @property
    def left_over(self) -> list[str]:
        return [name for name, guess in self.columns.items() if not guess.fields]

    @property
    def missing(self) -> list[Column]:
        """The fields that an event needs and nothing fills."""
        filled = {name.partition(".")[0] for guess in self.columns.values() for name in guess.fields}
        needed = [one for one in fields_of(self.type).values() if one.required and one.name != "type"]
        return [one for one in needed if one.name not in filled | {name.partition(".")[0] for name in self.constants}]

    @property
    def needs_currency(self) -> bool:
        """Whether there are amounts that name no currency."""
        return self.currency is None and any(
            "currency" not in guess.settings and _is_money(self.type, name) and not _names_one(self.samples[column])
            for column, guess in self.columns.items()
            for name in guess.fields
        )


def propose(table: Table, kind: str | None) -> Proposal:
    """A map for the table, of the type given or else of the one that its columns fit best."""
    samples = {name: _values(table, name) for name in table.columns}
    if kind is None:
        kind = max(_LIKELY_TYPES, key=lambda one: _fit(one, table.columns))
    columns = _guessed(kind, table.columns, samples)
    proposal = Proposal(kind, columns, samples)
    _order_dates(proposal)
    if kind == "investment.made":
        _instrument(proposal)
    _statuses(proposal)
    return proposal


def name_parties(proposal: Proposal, table: Table, parties: Parties) -> int:
    """Note the names that no entity has, with those that may be meant; how many names there are."""
    names = {
        value
        for column, guess in proposal.columns.items()
        if set(guess.fields) & entity_columns(proposal.type)
        for row in table.rows
        if (value := row.cells.get(column, "").strip())
    }
    proposal.entities = {name: parties.nearest(name) for name in sorted(names) if len(parties.found(name)) != 1}
    return len(names)


def _values(table: Table, name: str) -> list[str]:
    """Some values of a column, each once."""
    values = (row.cells.get(name, "").strip() for row in table.rows[:_LOOKED_AT])
    return list(dict.fromkeys(value for value in values if value))


def _fit(kind: str, names: Sequence[str]) -> float:
    """How well a type's fields answer to the names of columns; a required field that nothing fills tells against it."""
    best = {one: max((_likeness(name, one) for name in names), default=0) for one in _fillable(kind)}
    required = [one.name for one in fields_of(kind).values() if one.required and one.name in CALLED]
    missing = sum(best.get(name, 0) < _NEAR for name in required)
    return sum(score for score in best.values() if score >= _NEAR) / 100 - missing


def _fillable(kind: str) -> list[str]:
    known = {*fields_of(kind), *columns_of(kind)}
    return [name for name in CALLED if name in known]


def _guessed(kind: str, names: Sequence[str], samples: dict[str, list[str]]) -> dict[str, Guess]:
    """Each column with the field that its name is nearest to, the surest first, each field once."""
    columns = {name: Guess([], _settings(name)) for name in names}
    known = {*fields_of(kind), *columns_of(kind)}
    pairs = sorted(
        ((_likeness(name, one), -index, name, one) for index, one in enumerate(_fillable(kind)) for name in names),
        reverse=True,
    )
    taken: set[str] = set()
    for name in names:
        if name in known:  # it is called as the field is
            columns[name].fields, columns[name].why = [name], "guessed by its name"
            taken.add(name)
    for score, _, name, one in pairs:
        if score >= _NEAR and not columns[name].fields and one not in taken and _suits(kind, one, samples[name]):
            columns[name].fields, columns[name].why = [one], "guessed by its name"
            taken.add(one)
    for name, guess in columns.items():
        found = None if guess.fields else _by_values(samples[name])
        if found is not None and found not in taken:
            guess.fields, guess.why = [found], "guessed by its values"
            taken.add(found)
    for name, guess in columns.items():
        if any(_COMMA.search(text) for text in samples[name]) and not any(
            _POINT.search(text) for text in samples[name]
        ):
            guess.settings["decimal"] = ","
        if not any(_is_figure(kind, one) for one in guess.fields):
            guess.settings = {}
        elif any(_is_money(kind, one) for one in guess.fields):
            guess.settings.pop("percent", None)
        else:
            guess.settings = {key: value for key, value in guess.settings.items() if key in ("percent", "decimal")}
            if any(_is_share(kind, one) for one in guess.fields) and _in_per_cent(samples[name], guess.settings):
                guess.settings["percent"] = True
    return columns


def _in_per_cent(samples: Iterable[str], settings: dict[str, str | bool]) -> bool:
    """Whether bare figures can be shares only as per cents: most are above 1, and none is above 100."""
    style = Style(decimal=str(settings.get("decimal", ".")))
    figures: list[Decimal] = []
    for text in samples:
        with suppress(Unreadable):
            figures.append(Decimal(read_number(text, style)))
    return 2 * sum(one > 1 for one in figures) > len(figures) and max(figures) <= _WHOLE


def _likeness(name: str, one: str) -> float:
    plain = _bare(name)
    return max(fuzz.token_sort_ratio(plain, called) for called in (one, *CALLED[one]))


def _bare(name: str) -> str:
    """A column's name without currency, unit and percent sign."""
    return " ".join(word for word in _words(name) if not (_unit(word) or _currency(word) or word in ("%", "pct", "in")))


def _words(name: str) -> list[str]:
    return _WORD.findall(name.casefold())


def _unit(word: str) -> str | None:
    amount = unit_of(word) if word != "t" else None
    return next((name for name, size in UNITS.items() if size == amount), None)


def _currency(word: str) -> str | None:
    code = word.upper()
    return SYMBOLS.get(word) or (code if len(code) == 3 and code.isascii() and is_currency(code) else None)


def _settings(name: str) -> dict[str, str | bool]:
    """What a column's name says of its figures: `Amount ($M)`, `Stake %`."""
    words = _words(name)
    found: dict[str, str | bool] = {}
    currency = next((code for word in words if (code := _currency(word))), None)
    unit = next((unit for word in words if (unit := _unit(word))), None)
    if currency:
        found["currency"] = currency
    if unit:
        found["unit"] = unit
    if "%" in words or "pct" in words or "percent" in words:
        found["percent"] = True
    return found


def _is_money(kind: str, name: str) -> bool:
    column = field_of(kind, name)
    return column is not None and any(part.name == "currency" for part in column.parts)


def _is_figure(kind: str, name: str) -> bool:
    column = field_of(kind, name)
    return column is not None and (bool(column.parts) or column.format in ("number", "share"))


def _is_share(kind: str, name: str) -> bool:
    column = field_of(kind, name)
    return column is not None and (column.format == "share" or any(part.name == "share" for part in column.parts))


def _suits(kind: str, name: str, samples: Sequence[str]) -> bool:
    """Whether most of a column's values can be what the field takes."""
    column = field_of(kind, name)
    if column is not None and column.format == "date":
        return _most(samples, lambda text: _reads(lambda: read_date(text, "day-first")) or order_of(text) is not None)
    if _is_money(kind, name):
        return _most(samples, lambda text: _reads(lambda: read_money(text, Style("USD"))))
    if name == "source.url":
        return _most(samples, lambda text: "." in text or "/" in text)
    return True


def _by_values(samples: Sequence[str]) -> str | None:
    """What a column can only be, by its values, of which a few may be slips."""
    if samples and _nearly_all(samples, lambda text: re.match(r"https?://", text) is not None):
        return "source.url"
    if samples and _nearly_all(samples, lambda text: _reads(lambda: read_date(text, order_of(text) or "day-first"))):
        return "effective" if any(len(text) > len("2023") for text in samples) else None
    return None


def _nearly_all(samples: Sequence[str], fits: Callable[[str], bool]) -> bool:
    return sum(map(fits, samples)) * 10 >= len(samples) * 9


def _most(samples: Sequence[str], fits: Callable[[str], bool]) -> bool:
    return sum(map(fits, samples)) * 2 >= len(samples)


def _reads(read: Callable[[], object]) -> bool:
    try:
        read()
    except Unreadable:
        return False
    return True


def _names_one(samples: Iterable[str]) -> bool:
    return all(_reads(lambda text=text: read_money(text, Style())) for text in samples)  # type: ignore[misc]


def _order_dates(proposal: Proposal) -> None:
    """The order of day and month that the values show; open where they show none, or both."""
    texts = [
        text
        for column, guess in proposal.columns.items()
        for name in guess.fields
        if (found := field_of(proposal.type, name)) is not None and found.format == "date"
        for text in proposal.samples[column]
        if is_of_numbers(text)
    ]
    orders = {order for text in texts if (order := order_of(text))}
    if len(orders) == 1:
        proposal.dates = orders.pop()
    elif texts:
        proposal.dates_open = True


def _instrument(proposal: Proposal) -> None:
    """The words of the column of instruments, or else of rounds, as instruments."""
    column = next(
        (
            name
            for wanted in ("instrument", "round")
            for name, guess in proposal.columns.items()
            if wanted in guess.fields
        ),
        None,
    )
    if column is None:
        proposal.constants["instrument"] = "equity"
        return
    if "instrument" not in proposal.columns[column].fields:
        proposal.columns[column].fields.append("instrument")
    proposal.values["instrument"] = {text: _instrument_of(text) for text in proposal.samples[column]}


def _instrument_of(text: str) -> str:
    """The one instrument that all of the words together can mean; "" if one of them is unknown, or there are two."""
    plain, series = re.subn(SERIES, " ", " ".join(text.casefold().split()).replace("line of credit", "credit line"))
    words = re.findall(r"\w+|[^\w\s().-]", plain)
    known = {word: name for name, called in INSTRUMENTS.items() for word in called}
    if not all(word in known or word in ROUNDS or word in BESIDE for word in words):
        return ""
    named = {known[word] for word in words if word in known}
    if named == {"convertible", "debt"}:  # a convertible note
        return "convertible"
    if named:
        return named.pop() if len(named) == 1 else ""
    if "bridge" in words:
        return "convertible"
    return "equity" if series or not set(ROUNDS).isdisjoint(words) else ""


def _statuses(proposal: Proposal) -> None:
    """The words of the column of statuses that aren't words of the ledger's."""
    known = fields_of(proposal.type)["status"].values
    for column, guess in proposal.columns.items():
        if "status" in guess.fields:
            others = [text for text in proposal.samples[column] if text.casefold() not in known]
            if others:
                proposal.values["status"] = {text: _meant(text, STATUSES) for text in others}


def _meant(text: str, words: Iterable[tuple[str, str]]) -> str:
    if "?" in text:  # whoever wrote it wasn't sure either
        return ""
    plain = " ".join(text.casefold().split())
    return next((word for pattern, word in words if re.search(pattern, plain)), "")
