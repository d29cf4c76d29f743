"""The form that a field of an event has, in words for whoever sent something else: what is wanted, and an example.

The words follow from the models: from a field's type, and where that doesn't say enough, its description and example.
"""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

MISSING = "the field is missing"
# As pydantic says that it is an object's key that is wrong, not its value.
_KEY = "[key]"
# What is wrong, by pydantic's name for it; the numbers are those of the field's form.
_WRONG = {
    "missing": MISSING,
    "extra_forbidden": "there is no such field",
    "string_type": "not a string",
    "bool_type": "not true or false",
    "int_type": "not a whole number",
    "list_type": "not a list",
    "dict_type": "not an object",
    "model_type": "not an object",
    "literal_error": "none of the words that it takes",
    "string_pattern_mismatch": "not of its form",
    "greater_than_equal": "less than {ge}",
    "less_than_equal": "more than {le}",
    "less_than": "not less than {lt}",
    "too_short": "fewer than {min_length}",
    "too_long": "longer than {max_length} {unit}",
    "string_too_long": "longer than {max_length} characters",
}
# What it then most likely is that is wrong.
_QUOTES = {"string_type": "in quotes ", "bool_type": "without quotes ", "int_type": "without quotes "}


def fault(error: ErrorDetails, model: type[BaseModel], pointer: str) -> tuple[str, str]:
    """What is wrong at `pointer` in what was sent as `model`, and how to mend it."""
    kind, given = error["type"], error["input"]
    # A rule's own message: what is wrong, and after a semicolon how to mend it, unless its form says that.
    detail, _, mend = error["msg"].partition("; ")
    if kind in _WRONG:
        unit = "characters" if isinstance(given, str) else "entries"
        detail = _WRONG[kind].format(**{"unit": unit, **error.get("ctx", {})})
    if mend:
        return detail, mend
    path = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if error["loc"][-1:] == (_KEY,):
        path[-1] = _KEY
    if kind == "extra_forbidden":
        return detail, _no_such_field(path[-1], _names(_at(model, path[:-1])))
    wanted = form_of(*_at(model, path))
    if kind == "missing":
        return detail, f"add it: {wanted}"
    if kind == "literal_error" and (near := difflib.get_close_matches(str(given)[:100], _words(_at(model, path)), 1)):
        return detail, f"did you mean {near[0]}? It is {wanted}"
    if kind in ("too_long", "string_too_long"):
        return detail, "shorten it"
    return detail, f"write {_QUOTES.get(kind, '')}{wanted}"


def form_of(*annotations: Any) -> str:
    """The form of a value that is of one of the types, as it goes after `write`."""
    said: list[str] = []
    for one in _apart(annotations):
        words = _said(one)
        if typing.get_origin(kind := _plain(one)[0]) is list and form_of(typing.get_args(kind)[0]) in said:
            words = "a list of such"
        said.append(words)
    return ", or ".join(dict.fromkeys(said))


def _said(annotation: Any) -> str:
    kind, infos = _plain(annotation)
    example = next((f", like {one}" for info in infos for one in info.examples or ()), "")
    if description := next((info.description for info in infos if info.description), ""):
        return description + example
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(args)}" if len(args) > 1 else str(args[0])
    if origin is list:
        return f"a list, and in it {form_of(args[0])}"
    if kind is bool:
        return "true or false"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        extra = kind.model_config.get("json_schema_extra")
        shown = extra.get("examples", []) if isinstance(extra, dict) else []
        like = f", like {json.dumps(shown[0])}" if isinstance(shown, list) and shown else ""
        return f"an object with {_listed(kind)}{like}"
    return f"text{example}" if kind is str else "an object" if origin is dict else "a number"


def _listed(model: type[BaseModel]) -> str:
    must = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
    may = [field.alias or name for name, field in model.model_fields.items() if not field.is_required()]
    if not must:
        return f"any of {', '.join(may)}"
    return ", ".join(must) + (f" (also {', '.join(may)})" if may else "")


def _no_such_field(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name[:100], names, 1)
    return f"did you mean {near[0]}? Else leave it out" if near else f"leave it out; there are {', '.join(names)}"


# --- where a pointer leads in the models -------------------------------------------------------------------------


def _at(model: type[BaseModel], path: Iterable[str]) -> list[Any]:
    """The types that what stands at the path may be of."""
    here: list[Any] = [model]
    for step in path:
        here = [inner for one in here for inner in _inside(_plain(one)[0], step)]
        here = list(_apart(here))
    return here


def _inside(kind: Any, step: str) -> Iterator[Any]:
    """The type of an object's field, of a list's entry, or of a value by name."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step == (field.alias or name):
                yield Annotated[field.annotation, field]
    elif typing.get_origin(kind) is list and step.isdigit():
        yield typing.get_args(kind)[0]
    elif typing.get_origin(kind) is dict:
        yield typing.get_args(kind)[0 if step == _KEY else 1]


def _apart(annotations: Iterable[Any]) -> Iterator[Any]:
    """Each of the types that a union joins; that a field can be left out is no form of it."""
    for annotation in annotations:
        kind, infos = _plain(annotation)
        if typing.get_origin(kind) in (Union, types.UnionType):
            yield from _apart(one for one in typing.get_args(kind) if one is not types.NoneType)
        else:
            yield Annotated[kind, *infos] if infos else kind


def _plain(annotation: Any) -> tuple[Any, list[FieldInfo]]:
    """The type itself, and what is noted of it."""
    if typing.get_origin(annotation) is not Annotated:
        return annotation, []
    kind, *notes = typing.get_args(annotation)
    return kind, [note for note in notes if isinstance(note, FieldInfo)]


def _names(annotations: Iterable[Any]) -> list[str]:
    kinds = [_plain(one)[0] for one in annotations]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _words(annotations: Iterable[Any]) -> list[str]:
    kinds = [_plain(one)[0] for one in annotations]
    return [word for kind in kinds if typing.get_origin(kind) is Literal for word in typing.get_args(kind)]
