"""`dealledger changes holdings …`: what differs between two points in the three times, and what caused it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.text import Text

from api.changes import PATH, TIMES, ChangesQuestion
from api.cli.questions import AS_JSON, SOURCE, address_of, as_command, option, parameters_of, tell_answer
from api.cli.tables import figure
from api.paging import OF_THE_PAGE, ListQuestion
from api.question import Question
from api.questions import QUESTIONS

app = typer.Typer(
    help="What differs between two points in time in the answer to a question, and which events caused it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_OWN = {name: field.description or "" for name, field in ChangesQuestion.model_fields.items() if name != "of"}


def command(question: Question[Any]) -> Callable[..., None]:
    """The question's command with two points in place of one."""
    left_out = (*TIMES, *(OF_THE_PAGE if isinstance(question, ListQuestion) else ()))
    # Of a question that takes a limit of its own, this is that; the differences come in pages of the usual size.
    own = {name: text for name, text in _OWN.items() if name in left_out or name not in question.shape.model_fields}

    def ask(**given: Any) -> None:
        path, filters = address_of(question, {name: value for name, value in given.items() if name not in taken})
        query = {"of": f"{path}?{urlencode(filters)}" if filters else path}
        query |= {name: given[f"{name}_"] for name in own if given[f"{name}_"] is not None}
        tell_answer(given, PATH, query, show)

    taken = {f"{name}_" for name in own}
    options = [option(name, str | None, text, f"--{name.replace('_', '-')}") for name, text in own.items()]
    parameters = [*parameters_of(question, leave_out=left_out), *options, AS_JSON, *SOURCE]
    return as_command(ask, f"What differs in: {question.about}", parameters)


for _question in QUESTIONS:
    app.command(_question.name)(command(_question))


def show(console: Console, answer: Mapping[str, Any]) -> None:
    """Each difference with its fields, before and after, and its causes; then the two points."""
    for one in answer["changes"]:
        named = ", ".join(figure(value) for value in (one["key"] or {}).values())
        _say(console, f"{SIGNS[one['change']]} {one['in']} {named}".rstrip(), "bold")
        for line in _fields(one):
            _say(console, f"    {line}")
        for cause in one["causes"]:
            about = "" if cause["fact"] in (None, cause["event"]) else f", of {cause['fact']}"
            told = f"{cause['type']} {cause['event']}{about}" if cause["event"] else "no event: the day itself"
            _say(console, f"    {cause['why'].replace('_', ' ')}: {told}", "dim")
        if one["more_causes"]:
            _say(console, f"    and {one['more_causes']} events more", "dim")
    if not answer["changes"]:
        _say(console, "Nothing differs.")
    if answer["more"]:
        _say(console, f"There is more: --cursor {answer['next']}")
    for side in ("from", "to"):
        at = answer[side]
        there = "" if at["found"] else "; there is no such thing there"
        _say(
            console, f"{side}: as of {at['as_of']}, known at {at['known_at']}, position {at['position']}{there}", "dim"
        )


def _fields(one: Mapping[str, Any]) -> list[str]:
    before, after = one["before"], one["after"]
    if one["change"] != "changed":
        row = after if before is None else before
        return [f"{name} {figure(value)}" for name, value in row.items() if _is_figure(value)] if one["key"] else []
    if one["fields"]:
        return [
            f"{name.replace('_', ' ')}: {figure(before.get(name)) or '–'} → {figure(after.get(name)) or '–'}"
            for name in one["fields"]
            if name != "events"
        ]
    return [f"{figure(before)} → {figure(after)}"]


def _is_figure(value: Any) -> bool:
    return isinstance(value, dict) and "low" in value


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text), style=style, soft_wrap=True)
