"""Answers as tables that fit a terminal: figures shortened for the eye; --json has every digit."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from rich.console import Console
from rich.text import Text

from api.cli.layout import blocks, table, wrapped

FOUR = Context(prec=4)
UNITS = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))
MONEY = ("cost", "proceeds", "distributions", "value", "committed", "drawn", "unfunded", "amount", "billed", "paid")
CLAIMED = ("claimed", "found", "explained", "found_quantity", "count", "mean", "share", "whole", "growth")
STEPS = ("step_up", "since_deal")
FUND = ("paid_in", "pic", "dpi", "rvpi", "tvpi")
REVIEWED = ("approved", "questioned", "rejected", "outdated", "unreviewed", "last_position")
NUMERIC = frozenset(
    (
        *MONEY,
        *CLAIMED,
        *REVIEWED,
        *FUND,
        "remaining",
        "implied",
        "units",
        "stake",
        "multiple",
        *STEPS,
        "position",
        "size",
    )
)

COLUMNS: dict[str, tuple[str, ...]] = {
    "holdings": ("holder", "issuer", "instrument", "units", "stake", "cost", "proceeds", "value", "multiple"),
    "commitments": ("commitment", "from", "to", "stage", "committed", "drawn", "unfunded", "outcome"),
    "contracts": ("contract", "customer", "provider", "resource", "amount", "billed", "paid", "remaining"),
    "marks": ("effective", "known", "status", "basis", "holder", "value", "implied", *STEPS),
    "claims": ("claim", "kind", "by", *CLAIMED),
    "restrictions": ("restriction", "kind", "on", "by", "allows", "forbids", "lifted", "breaches"),
    "conventions": ("recallable", "paid_in", "pic", "dpi", "rvpi", "tvpi", "unfunded"),
    "cash_flows": ("date", "kind", "amount"),
    "entities": ("entity", "name", "kind", "parent", "country", "state"),
    "imports": ("batch", "events", "retracted", "first_position", "last_position", "last_recorded_at"),
    "reviews": ("last_position", "record", "type", "effective", "known", "state", "reviews", "event"),
    "verdicts": ("position", "recorded_at", "verdict", "reviewer", "outdated", "comment"),
    "reviewers": ("reviewer", *REVIEWED[:-1], "share", "last_position"),
    "attachments": ("attachment", "about", "title", "media_type", "size", "recorded_at", "erased_at"),
    "events": ("position", "recorded_at", "type", "effective", "known", "status", "id"),
}


# Where the column's own name takes more room than what is in it.
HEADS = {
    "position": "#",
    "recorded_at": "recorded",
    "last_recorded_at": "recorded",
    "erased_at": "erased",
    "first_position": "first #",
    "last_position": "last #",
}


def show(console: Console, name: str, answer: dict[str, Any]) -> None:
    """An answer as a table, its totals under it, and what it was asked at."""
    one = next((answer[noun] for noun in ("entity", "attachment") if noun in answer), None)
    if one is not None:
        _show_fields(console, one)
    elif "event" in answer:
        _show_event(console, answer)
    else:
        key = next(key for key in answer if isinstance(answer[key], list) and key in COLUMNS)
        if "included" in answer:
            _show_performance(console, answer)
        _show_rows(console, key, answer[key])
        for row in answer[key] if key == "restrictions" else ():
            for breach in row["breaches"]:
                say(console, f"Breach of {row['restriction']}: {breach['why']} (event {breach['event']})")
        for total in answer.get("totals") or []:
            told = ", ".join(f"{field} {figure(value)}" for field, value in total.items() if _is_money(value))
            say(console, f"Total {total['currency'] or 'of no known currency'}: {told}")
        if not answer[key]:
            console.print(Text("Nothing at these three times."))
        if answer.get("more"):
            console.print(Text(f"There is more: --cursor {answer['next']}"), soft_wrap=True)
    times = f"as of {answer['as_of']}, known at {answer['known_at']}, position {answer['position']}"
    console.print(Text(times), style="dim", soft_wrap=True)


def _show_rows(console: Console, key: str, rows: list[dict[str, Any]]) -> None:
    """The rows as a table, or as blocks where the terminal is too narrow for it; one line a row where there is none."""
    if not rows:
        return
    columns = [column for column in COLUMNS[key] if any(row.get(column) not in (None, [], "") for row in rows)]
    heads = [HEADS.get(column, column.replace("_", " ")) for column in columns]
    cells = [[_cell(column, row.get(column)) for column in columns] for row in rows]
    right = {index for index, column in enumerate(columns) if column in NUMERIC}
    width = width_of(console)
    lines = table(heads, cells, right, width)
    for line in lines or blocks(heads, cells, width):
        console.print(Text(line), soft_wrap=True)


def width_of(console: Console) -> int:
    """How wide a line may be. What no terminal shows goes to a program or a file, which wants a line for each row."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else sys.maxsize


def say(console: Console, text: str, indent: str = "") -> None:
    for line in wrapped(text, width_of(console) - len(indent)):
        console.print(Text(indent + line), soft_wrap=True)


def _cell(column: str, value: Any) -> str:
    if column == "breaches":
        return str(len(value))
    if column == "reviews":
        return "; ".join(_verdict(one) for one in value)
    if column == "share" and isinstance(value, str):
        return f"{_number(value, True)}"
    if column == "amount" and isinstance(value, str):
        return short(value)
    if value and column.endswith(("recorded_at", "erased_at")):
        return str(value)[:16].replace("T", " ")  # to the minute, UTC
    return figure(value)


def _show_event(console: Console, answer: dict[str, Any]) -> None:
    """What was recorded, what amends it, and the verdicts that stand."""
    _show_fields(console, {name: value for name, value in answer["event"].items() if name != "reviews" and value != []})
    for name in ("corrections", "retractions"):
        if answer[name]:
            console.print(Text(name), style="bold")
            _show_rows(console, "events", answer[name])
    if answer["event"]["reviews"]:
        console.print(Text("reviews"), style="bold")
        _show_rows(console, "verdicts", answer["event"]["reviews"])


def _verdict(review: dict[str, Any]) -> str:
    outdated = ", outdated" if review["outdated"] else ""
    return f"{review['reviewer']} {review['verdict']}{outdated}"


def _show_fields(console: Console, fields: dict[str, Any]) -> None:
    for field, value in fields.items():
        say(console, f"{field}: {figure(value)}", "  ")


def _show_performance(console: Console, answer: dict[str, Any]) -> None:
    """Figures in both conventions, then the rate of return or why there is none; the flows follow."""
    conventions = (("left in", answer["included"]), ("left out", answer["excluded"]))
    shortened = [
        {"recallable": name, **{field: value and short(value) for field, value in figures.items()}}
        for name, figures in conventions
    ]
    _show_rows(console, "conventions", shortened)
    rates = ", ".join(f"{_number(rate, True)}" for rate in answer["xirr_all"]) or "–"
    reason = f" ({answer['xirr_reason'].replace('_', ' ')})" if answer["xirr_reason"] else ""
    nav = "–" if answer["nav"] is None else short(answer["nav"])
    console.print(Text(f"XIRR {rates}{reason}, NAV {nav} {answer['currency']}"))
    if answer["unvalued"]:
        told = ", ".join(f"{one['issuer']} {one['instrument']}" for one in answer["unvalued"])
        say(console, f"No mark values: {told}")


def _is_money(value: Any) -> bool:
    return isinstance(value, dict) and "low" in value


def figure(value: Any) -> str:
    """One cell."""
    forms: dict[type, Callable[[Any], str]] = {
        dict: _interval,
        list: lambda items: ", ".join(figure(item) for item in items),
        bool: lambda flag: "yes" if flag else "no",
        type(None): lambda _: "–",
    }
    return forms.get(type(value), str)(value)


def _interval(value: dict[str, Any]) -> str:
    """`4B USD`, or `3B–4B USD` where it is not exact; the stated figure first if there is one. Stakes in per cent."""
    if "low" not in value:
        return ", ".join(f"{name} {figure(one)}" for name, one in value.items() if one is not None)
    low, stated, high = (_number(value[bound], "basis" in value) for bound in ("low", "stated", "high"))
    unit = f" {value.get('currency') or value.get('basis') or ''}".rstrip().removesuffix(" economic")
    if stated is None:
        return f"{low}–{high or '?'}{unit}"
    return f"{stated}{unit}" + ("" if low == stated == high else f" ({low}–{high or '?'})")


def _number(number: str | None, is_share: bool) -> str | None:
    if number is None:
        return None
    return f"{_digits(Decimal(number) * 100)}%" if is_share else short(number)


def short(number: str) -> str:
    """Four digits at most, and a unit: 2.5B."""
    amount = Decimal(number)
    for size, unit in UNITS:
        if abs(amount) >= size:
            return f"{_digits(amount / size)}{unit}"
    return _digits(amount)


def _digits(number: Decimal) -> str:
    text = format(FOUR.plus(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
