"""A proposed map as a TOML file, with comments for whoever looks it over."""

from __future__ import annotations

import json
import re

from api.files.guessing import Guess, Proposal
from api.files.rows import entity_columns

_SHOWN = 3


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
        lines.append(f"{_text(name)} = {_target(guess)}  # {guess.why or 'left out'}; like {_comment(shown)}")
    lines += ["", "# The same for every row.", "[constants]"]
    lines += [f"{_key(name)} = {_text(value)}" for name, value in proposal.constants.items()]
    if not any("known" in guess.fields for guess in proposal.columns.values()):
        lines.append('# known = "2024-01-01"  # the day all of it became known; without it, the day of the import')
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
