"""A first column map for a table, from the names of its columns and the values in them; whoever reads it decides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from babel.numbers import is_currency
from rapidfuzz import fuzz

from api.files.days import is_of_numbers, order_of, read_date
from api.files.figures import SYMBOLS, UNITS, Style, Unreadable, read_money, unit_of
from api.files.maps import field_of
from api.files.names import Parties
from api.files.rows import Column, columns_of, entity_columns, fields_of
from api.files.table import Table

# How people call what a field holds. A column whose name is near one of these is guessed to be it.
_CALLED = {
    "effective": ("date", "deal date", "closing date", "close date", "transaction date", "announced", "signed", "when"),
    "known": ("known", "reported on", "publication date", "published on", "news date", "source date"),
    "status": ("status", "confidence", "deal status"),
    "note": ("note", "notes", "comment", "comments", "remarks", "memo"),
    "source.url": ("source", "url", "link", "source url", "reference"),
    "source.title": ("source title", "headline", "article"),
    "source.publisher": ("publisher", "source name", "newspaper", "outlet"),
    "investor": ("investor", "investors", "lead investor", "backer", "fund", "buyer", "acquirer", "lender", "firm"),
    "issuer": ("company", "issuer", "target", "portfolio company", "investee", "startup", "business", "borrower"),
    "holder": ("holder", "seller", "owner", "investor", "shareholder", "fund", "lp"),
    "amount": ("amount", "deal size", "size", "investment", "amount invested", "invested", "value", "deal value",
               "total", "consideration", "commitment", "contract value", "cost", "ticket"),
    "proceeds": ("proceeds", "amount", "price", "sale price", "value", "deal value", "exit value"),
    "instrument": ("instrument", "security", "deal type", "investment type", "asset class", "type of security"),
    "round": ("round", "series", "funding round", "stage", "round name"),
    "stake": ("stake", "ownership", "equity stake", "share acquired", "share", "percent acquired", "holding"),
    "units": ("units", "shares", "number of shares", "quantity", "no of shares"),
    "seller": ("seller", "vendor", "sold by"),
    "buyer": ("buyer", "acquirer", "sold to", "purchaser"),
    "lead": ("lead", "is lead", "led"),
    "form": ("form", "form of payment", "consideration type"),
    "from": ("from", "investor", "lp", "limited partner", "committed by", "pledged by", "payer"),
    "to": ("to", "company", "fund", "recipient", "committed to", "beneficiary"),
    "commitment": ("commitment", "commitment id", "pledge"),
    "purpose": ("purpose", "use of funds"),
    "binding": ("binding", "is binding"),
    "contract": ("contract", "contract id", "agreement"),
    "customer": ("customer", "client", "buyer", "purchaser"),
    "provider": ("provider", "supplier", "vendor", "seller"),
    "resource": ("resource", "product", "service"),
    "subject": ("company", "subject", "issuer", "name"),
    "value": ("valuation", "value", "post money", "market cap", "fair value", "nav", "mark"),
    "basis": ("basis", "valuation basis", "valuation type"),
    "payer": ("payer", "paid by", "fund", "company"),
    "entity": ("id", "entity", "slug"),
    "name": ("name", "company", "entity name", "party"),
    "kind": ("kind", "type", "category"),
    "country": ("country", "domicile", "hq country"),
    "city": ("city", "hq"),
    "sector": ("sector", "industry"),
    "parent": ("parent", "owner", "group"),
    "base": ("base", "from currency"),
    "quote": ("quote", "to currency"),
    "rate": ("rate", "fx rate", "exchange rate"),
}  # fmt: skip
# Which word is meant by what people write for an instrument.
_INSTRUMENTS = (
    (r"seed|series|angel|pre-?seed|growth|equity|ipo|common|preferred|stock|share", "equity"),
    (r"convert|safe|bridge", "convertible"),
    (r"debt|loan|bond|credit|note|venture debt", "debt"),
    (r"fund|lp\b", "fund_interest"),
    (r"warrant", "warrant"),
    (r"grant", "grant"),
)
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
_NEAR = 82
_LOOKED_AT = 500
_SHOWN = 3


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
    required = [one.name for one in fields_of(kind).values() if one.required and one.name in _CALLED]
    missing = sum(best.get(name, 0) < _NEAR for name in required)
    return sum(score for score in best.values() if score >= _NEAR) / 100 - missing


def _fillable(kind: str) -> list[str]:
    known = {*fields_of(kind), *columns_of(kind)}
    return [name for name in _CALLED if name in known]


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
            columns[name].fields, columns[name].why = [name], "its name"
            taken.add(name)
    for score, _, name, one in pairs:
        if score >= _NEAR and not columns[name].fields and one not in taken and _suits(kind, one, samples[name]):
            columns[name].fields, columns[name].why = [one], "its name"
            taken.add(one)
    for name, guess in columns.items():
        found = None if guess.fields else _by_values(samples[name])
        if found is not None and found not in taken:
            guess.fields, guess.why = [found], "its values"
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
    return columns


def _likeness(name: str, one: str) -> float:
    plain = _bare(name)
    return max(fuzz.token_sort_ratio(plain, called) for called in (one, *_CALLED[one]))


def _bare(name: str) -> str:
    """A column's name without currency, unit and percent sign."""
    return " ".join(word for word in _words(name) if not (_unit(word) or _currency(word) or word in ("%", "pct", "in")))


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|[$€£₹₩¥]|%", name.casefold())


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
    """What a column can only be, by its values."""
    if samples and all(re.match(r"https?://", text) for text in samples):
        return "source.url"
    if samples and all(_reads(lambda text=text: read_date(text, order_of(text) or "day-first")) for text in samples):  # type: ignore[misc]
        return "effective" if any(len(text) > len("2023") for text in samples) else None
    return None


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
    proposal.values["instrument"] = {text: _meant(text) for text in proposal.samples[column]}


def _meant(text: str) -> str:
    plain = text.casefold()
    return next((word for pattern, word in _INSTRUMENTS if re.search(pattern, plain)), "")


# --- as TOML ----------------------------------------------------------------------------------------------------


def written(proposal: Proposal, source: str) -> str:
    """The map as a file, with comments for whoever looks it over."""
    lines = [
        f"# How the columns of {source} become events. Look it over, and import with --map.",
        "# docs/files.md tells what a map can say.",
        "",
        f"type = {_text(proposal.type)}",
    ]
    if proposal.dates is not None:
        lines.append(f"dates = {_text(proposal.dates)}  # of dates in numbers; guessed from the values")
    elif proposal.dates_open:
        lines.append('# dates = "day-first"  # MISSING: 3/4/2023 may be two days; say day-first or month-first')
    if proposal.currency is not None:
        lines.append(f"currency = {_text(proposal.currency)}  # of amounts that name none")
    elif proposal.needs_currency:
        lines.append('# currency = "USD"  # MISSING: there are amounts that name no currency')
    lines += ["", "[columns]"]
    for name, guess in proposal.columns.items():
        shown = ", ".join(proposal.samples[name][:_SHOWN])[:80] or "empty"
        why = f"guessed by {guess.why}" if guess.why else "left out"
        lines.append(f"{_text(name)} = {_target(guess)}  # {why}; like {_comment(shown)}")
    lines += ["", "# The same for every row.", "[constants]"]
    lines += [f"{_key(name)} = {_text(value)}" for name, value in proposal.constants.items()]
    for one in proposal.missing:
        words = ", ".join(one.values) or "nothing in the file fills it"
        lines.append(f'# {_key(one.name)} = ""  # MISSING: {words}')
    for name, values in proposal.values.items():
        lines += ["", f"# What the words of the file mean for {name}.", f"[values.{_key(name)}]"]
        for said, meant in values.items():
            note = "" if meant else "  # MISSING"
            lines.append(f"{'# ' if not meant else ''}{_text(said)} = {_text(meant)}{note}")
    lines += ["", "# Names in the file that the ledger doesn't have, and the ids of those who are meant.", "[entities]"]
    for name, near in proposal.entities.items():
        nearest = f" near: {', '.join(near)}" if near else " nobody near; --register registers it"
        lines.append(f"# {_text(name)} = {_text(near[0].partition(' ')[0] if near else '')}  #{_comment(nearest)}")
    kinds = [
        name for guess in proposal.columns.values() for name in guess.fields if name in entity_columns(proposal.type)
    ]
    lines += ["", "# What becomes of unknown names with --register.", "[register]"]
    lines += [f'{_key(name)} = "company"' for name in kinds]
    return "\n".join(lines) + "\n"


def _target(guess: Guess) -> str:
    to = json.dumps(guess.fields) if len(guess.fields) > 1 else _text(guess.fields[0] if guess.fields else "")
    if not guess.settings:
        return to
    more = "".join(f", {name} = {json.dumps(value)}" for name, value in guess.settings.items())
    return f"{{ to = {to}{more} }}"


def _text(text: str) -> str:
    """A text as TOML has it; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _comment(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
