"""Figures as people write them, exactly: `$4.5bn`, `up to 4B`, `10-12M`, `12 %`. What may be two things is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import is_currency

from ledger.money import ARITHMETIC
from ledger.refusals import Reason

UNITS = {
    "ones": Decimal(1),
    "thousands": Decimal(10) ** 3,
    "millions": Decimal(10) ** 6,
    "billions": Decimal(10) ** 9,
    "trillions": Decimal(10) ** 12,
}
_UNIT_WORDS = {
    **dict.fromkeys(("k", "th", "thousand", "thousands"), UNITS["thousands"]),
    **dict.fromkeys(("m", "mm", "mn", "mio", "mil", "mln", "million", "millions"), UNITS["millions"]),
    **dict.fromkeys(("b", "bn", "bln", "bil", "billion", "billions", "mrd"), UNITS["billions"]),
    **dict.fromkeys(("t", "tn", "trn", "trillion", "trillions"), UNITS["trillions"]),
}
SYMBOLS = {
    "us$": "USD", "c$": "CAD", "ca$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD",
    "nt$": "TWD", "r$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₪": "ILS",
}  # fmt: skip
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD"})
# ¥ is of two countries.
_YEN = ("JPY", "CNY")
# In this order: "at least" before "least", longer before shorter.
_WORDS = (
    ("just under", "just_under"), ("just below", "just_under"), ("nearly", "nearly"), ("almost", "nearly"),
    ("close to", "nearly"), ("up to", "up_to"), ("as much as", "up_to"), ("max.", "up_to"), ("max", "up_to"),
    ("<=", "up_to"), ("≤", "up_to"), ("at least", "at_least"), ("min.", "at_least"), (">=", "at_least"),
    ("≥", "at_least"), ("more than", "over"), ("over", "over"), ("above", "over"), (">", "over"),
    ("less than", "below"), ("under", "below"), ("below", "below"), ("<", "below"), ("approximately", "about"),
    ("approx.", "about"), ("approx", "about"), ("around", "about"), ("about", "about"), ("roughly", "about"),
    ("circa", "about"), ("ca.", "about"), ("c.", "about"), ("~", "about"), ("≈", "about"),
    ("tens of", "tens_of"), ("hundreds of", "hundreds_of"),
)  # fmt: skip
UNDISCLOSED = frozenset(
    {"undisclosed", "not disclosed", "unknown", "n/a", "na", "n.a.", "nd", "tbd", "tba", "-", "–", "—", "?"}
)
_NUMBER = r"[0-9][0-9.,'\u2019 ]*"
_FIGURE = re.compile(rf"(?P<before>[^0-9]*?)(?P<number>{_NUMBER}|(?<=of ))(?P<after>[^0-9]*)")
_EXPONENT = re.compile(r"[0-9][.,]?[0-9]*e[+-]?[0-9]+", re.IGNORECASE)
_RANGE = re.compile(r"(?<=[0-9a-z€£$ ])\s*(?:-|\bto\b|\band\b)\s*(?=[^\s])")


class Unreadable(ValueError):
    """What is wrong with a cell, how to mend it, and the ledger's reason that comes nearest."""

    def __init__(self, detail: str, mend: str, reason: Reason = Reason.INVALID_AMOUNT) -> None:
        super().__init__(detail)
        self.detail, self.mend, self.reason = detail, mend, reason


@dataclass(frozen=True, slots=True)
class Style:
    """What a column's figures mean where a cell doesn't say it itself."""

    currency: str | None = None
    unit: Decimal = UNITS["ones"]
    decimal: str = "."
    percent: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """One number of a figure, with the currency and the unit that stand at it."""

    number: Decimal
    currency: str | None
    unit: Decimal | None
    percent: bool


def read_money(text: str, style: Style) -> dict[str, Any]:
    """Money as an event has it; `original` keeps the words. Raises Unreadable."""
    plain = _plain(text)
    if plain in UNDISCLOSED:
        return {"original": text.strip()}
    word, parts = _figure(plain, text, style)
    if any(part.percent for part in parts):
        raise Unreadable(f"{text.strip()!r} is a share, and this is money", "write an amount")
    currencies: set[str | None] = {part.currency for part in parts if part.currency} or {style.currency}
    if len(currencies) > 1:
        raise Unreadable(f"{text.strip()!r} names two currencies", "write one row for each")
    [currency] = currencies
    if currency is None:
        mend = "write it like USD 4bn, or give the column's currency in the map"
        raise Unreadable(f"{text.strip()!r} names no currency", mend, Reason.UNKNOWN_CURRENCY)
    # In 10-12M both are millions.
    units = [part.unit for part in parts if part.unit is not None]
    amounts = [_times(part.number, part.unit or (units[-1] if units else style.unit)) for part in parts]
    said = {"currency": currency, **_bounds(word, amounts, "amount", text)}
    if not re.fullmatch(r"[0-9.,]+", text.strip()):
        said["original"] = text.strip()
    return said


def read_share(text: str, style: Style) -> dict[str, Any]:
    """A stake as an event has it, between 0 and 1. Raises Unreadable."""
    plain = _plain(text)
    if plain in UNDISCLOSED:
        return {"original": text.strip()}
    word, parts = _figure(plain, text, style)
    if any(part.currency or part.unit for part in parts):
        raise Unreadable(f"{text.strip()!r} is money, and this is a share", "write it like 12.5 %, or 0.125")
    percent = style.percent or any(part.percent for part in parts)
    shares = [_times(part.number, Decimal("0.01") if percent else Decimal(1)) for part in parts]
    if max(shares) > 1 and not percent:
        mend = "write it with %, or say percent = true for this column in the map"
        raise Unreadable(f"{text.strip()!r} is above 1, and no % says otherwise", mend)
    if max(shares) > 1:
        raise Unreadable(
            f"{text.strip()!r} is more than the whole", "a stake is at most 100 %; look at the source again"
        )
    said = _bounds(word, shares, "share", text)
    if not re.fullmatch(r"[0-9.,]+\s*%?", text.strip()):
        said["original"] = text.strip()
    return said


def read_number(text: str, style: Style) -> str:
    """A plain number, like a count of units, as a decimal. Raises Unreadable."""
    word, parts = _figure(_plain(text), text, style)
    if word is not None or len(parts) > 1 or parts[0].currency or parts[0].percent:
        raise Unreadable(f"{text.strip()!r} is not one exact number", "write digits")
    return _written(_times(parts[0].number, parts[0].unit or Decimal(1)))


def unit_of(word: str) -> Decimal | None:
    """How much a word like `bn` multiplies by; None for no such word."""
    return _UNIT_WORDS.get(word.rstrip("."))


def _plain(text: str) -> str:
    """In small letters, with one kind of dash and of space."""
    dashes = text.translate(dict.fromkeys(map(ord, "‐‑‒–—−"), "-")).casefold()
    return re.sub(r"\s+", " ", dashes).strip()


def _figure(plain: str, text: str, style: Style) -> tuple[str | None, list[_Part]]:
    """The word before a figure, and its one number or two."""
    shown = repr(text.strip())
    if _EXPONENT.search(plain):
        mend = "a spreadsheet shortened it; format the column as numbers without exponent, and write every digit"
        raise Unreadable(f"{shown} has an exponent, so digits may be lost", mend)
    if re.match(r"^\(.*\)$", plain) or re.match(r"^[^0-9a-z]*-", plain):
        mend = "amounts are never negative; the event's type says who pays"
        raise Unreadable(f"{shown} is below zero", mend, Reason.NEGATIVE_AMOUNT)
    word, rest = None, plain.removeprefix("est. ").removeprefix("between ")
    for prefix, meaning in _WORDS:
        if rest.startswith(prefix):
            word, rest = meaning, rest.removeprefix(prefix).strip()
            break
    if rest.endswith("+"):
        word, rest = word or "at_least", rest[:-1].strip()
    if word in ("tens_of", "hundreds_of") and not re.match(r"[^0-9]*[0-9]", rest):
        rest = f"1 {rest}"
    pieces = _RANGE.split(rest)
    if len(pieces) > 2 or (len(pieces) == 2 and word is not None):
        raise _not_a_figure(shown)
    return word, [_part(piece.strip(), shown, style) for piece in pieces]


def _part(piece: str, shown: str, style: Style) -> _Part:
    match = _FIGURE.fullmatch(piece)
    if match is None or not match["number"]:
        raise _not_a_figure(shown)
    number = _number(match["number"], shown, style)
    currency: str | None = None
    unit: Decimal | None = None
    percent = False
    for word in re.findall(r"[a-z]*[$€£₹₩₪¥]|[a-z]+\.?|%|\S", f"{match['before']} {match['after']}"):
        if word in ("%", "percent", "pct"):
            percent = True
        elif unit is None and unit_of(word) is not None:
            unit = unit_of(word)
        elif (found := _currency(word, shown, style)) is not None and currency in (None, found):
            currency = found
        else:
            raise _not_a_figure(shown)
    return _Part(number, currency, unit, percent)


def _currency(word: str, shown: str, style: Style) -> str | None:
    if word == "$" and style.currency in _DOLLARS:
        return style.currency
    if word == "¥":
        if style.currency not in _YEN:
            mend = "write JPY or CNY, or give the column's currency in the map"
            raise Unreadable(f"{shown}: ¥ is of Japan and of China", mend, Reason.UNKNOWN_CURRENCY)
        return style.currency
    if word in SYMBOLS:
        return SYMBOLS[word]
    code = word.upper()
    if len(code) == 3 and code.isascii() and code.isalpha():
        if not is_currency(code):
            mend = "write a code of ISO 4217 like USD"
            raise Unreadable(f"{shown}: {code} is no currency", mend, Reason.UNKNOWN_CURRENCY)
        return code
    return None


def _number(text: str, shown: str, style: Style) -> Decimal:
    """The number, with its thousands in groups or not, and the style's sign before the fraction."""
    thousands = "," if style.decimal == "." else "."
    whole, _, fraction = re.sub(r"['’ ]", thousands, text.strip()).rstrip(",.").partition(style.decimal)
    groups = whole.split(thousands)
    grouped = len(groups) > 1
    if not all(re.fullmatch(r"[0-9]+", one) for one in (*groups, fraction or "0")) or (
        grouped and (len(groups[0]) > 3 or any(len(one) != 3 for one in groups[1:]))
    ):
        other = "," if style.decimal == "." else "."
        mend = f"write it like 1250{style.decimal}5, or say decimal = '{other}' in the map"
        raise Unreadable(f"{shown} is not a number with {style.decimal} before the fraction", mend)
    return Decimal(f"{''.join(groups)}.{fraction or 0}")


def _bounds(word: str | None, figures: list[Decimal], name: str, text: str) -> dict[str, Any]:
    """One figure with its word, or two bounds."""
    written = [_written(one) for one in figures]
    if len(written) == 2:
        if figures[0] > figures[1]:
            raise Unreadable(f"{text.strip()!r} ends below its start", "write the smaller figure first")
        return {"low": written[0], "high": written[1]}
    if word == "below":
        return {"high": written[0], "high_open": True}
    return {name: written[0], **({} if word is None else {"qualifier": word})}


def _times(number: Decimal, unit: Decimal) -> Decimal:
    return ARITHMETIC.multiply(number, unit)


def _written(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _not_a_figure(shown: str) -> Unreadable:
    return Unreadable(f"{shown} is not a figure", "write it like 4500000000, $4.5bn, up to 4B, ~20M or 10-12M")
