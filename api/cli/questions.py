"""The questions of the REST API as commands: the same filters, from the same models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from api.cli import exposures, trail
from api.cli.ledgers import Data, Source, Url
from api.cli.tables import show
from api.cli.talking import answers, fail_with, failures_told, tell
from api.question import Question

SHOWN = {**exposures.SHOWN, **trail.SHOWN}


def command(question: Question[Any]) -> Callable[..., None]:
    """A function that typer makes a command of: an option for each parameter of the question."""

    def ask(**given: Any) -> None:
        shown = SHOWN.get(question.name) or (lambda console, answer: show(console, question.name, answer))
        tell_answer(given, *address_of(question, given), shown)

    return as_command(ask, question.about, [*parameters_of(question), AS_JSON, *SOURCE])


def tell_answer(
    given: Mapping[str, Any], path: str, query: dict[str, str], shown: Callable[[Console, dict[str, Any]], None]
) -> None:
    """Ask the ledger that a command's options name, and show what it answers, or print it as it is."""
    source = Source(given["data"], given["url"])
    with failures_told():
        response = source.get(path, query)
    answer = json.loads(response.content)
    if response.is_error:
        fail_with(answer, response.status_code)
    if given["json"]:
        tell(response.content)
    else:
        shown(answers, answer)


def as_command(function: Callable[..., None], about: str, parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """The function with the signature that typer reads its arguments and options from."""
    function.__doc__ = about
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function


def parameters_of(question: Question[Any], leave_out: Collection[str] = ()) -> list[inspect.Parameter]:
    """What the path of a question leaves open, as arguments, and its parameters as options."""
    options = [
        option(name, str | None, text, f"--{name.replace('_', '-')}")
        for name, text in options_of(question).items()
        if name not in leave_out
    ]
    return [*map(_argument, question.parts), *options]


def address_of(question: Question[Any], given: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The path and the query of a question from a command's arguments and options."""
    path = question.path.format(**{part: quote(given[part], safe="") for part in question.parts})
    values = ((name, given.get(_variable(name))) for name in options_of(question))
    return path, {name: value for name, value in values if value is not None}


def options_of(question: Question[Any]) -> dict[str, str]:
    """The parameters of a question that are options, and what each says. A file is a command of its own: export."""
    fields = question.shape.model_fields.items()
    return {(field.alias or name): field.description or "" for name, field in fields if name != "format"}


def _variable(name: str) -> str:
    """`from` can't be the name of a variable."""
    return f"{name}_"


def _argument(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, typer.Argument()])


def option(name: str, kind: Any, text: str, flag: str, default: Any = None) -> inspect.Parameter:
    """An option; flags keep their names, all else may be a word of Python's."""
    annotation = Annotated[kind, typer.Option(flag, help=text, show_default=False)]
    variable = name if kind is bool else _variable(name)
    return inspect.Parameter(variable, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


AS_JSON = option("json", bool, "The answer as the service gives it, on stdout.", "--json", default=False)
SOURCE = [
    inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, annotation=Data, default=None),
    inspect.Parameter("url", inspect.Parameter.KEYWORD_ONLY, annotation=Url, default=None),
]
