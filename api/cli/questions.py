"""The questions of the REST API as commands: the same filters, from the same models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.ledgers import Data, Source, Url
from api.cli.tables import show
from api.cli.talking import answers, fail_with, failures_told
from api.question import Question


def command(question: Question[Any]) -> Callable[..., None]:
    """A function that typer makes a command of: an option for each parameter of the question."""
    options = options_of(question)

    def ask(**given: Any) -> None:
        source = Source(given.pop("data"), given.pop("url"))
        as_json = given.pop("json")
        path = question.path.format(**{part: quote(given.pop(part), safe="") for part in question.parts})
        query = {
            name: value for name, value in ((name, given[_variable(name)]) for name in options) if value is not None
        }
        with failures_told():
            response = source.get(path, query)
        answer = json.loads(response.content)
        if response.is_error:
            fail_with(answer, response.status_code)
        if as_json:
            typer.echo(response.content)
        else:
            show(answers, question.name, answer)

    parameters = [_argument(part) for part in question.parts]
    parameters += [_option(name, str | None, text, f"--{name.replace('_', '-')}") for name, text in options.items()]
    parameters += [
        _option("json", bool, "The answer as the service gives it, on stdout.", "--json", default=False),
        inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, annotation=Data, default=None),
        inspect.Parameter("url", inspect.Parameter.KEYWORD_ONLY, annotation=Url, default=None),
    ]
    ask.__doc__ = question.about
    ask.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads its options here
    ask.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return ask


def options_of(question: Question[Any]) -> dict[str, str]:
    """The parameters of a question that are options, and what each says. A file is a command of its own: export."""
    fields = question.shape.model_fields.items()
    return {(field.alias or name): field.description or "" for name, field in fields if name != "format"}


def _variable(name: str) -> str:
    """`from` can't be the name of a variable."""
    return f"{name}_"


def _argument(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, typer.Argument()])


def _option(name: str, kind: Any, text: str, flag: str, default: Any = None) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(flag, help=text, show_default=False)]
    variable = name if kind is bool else _variable(name)
    return inspect.Parameter(variable, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
