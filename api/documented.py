"""What /openapi.json says of an address: its parameters, its answers, and every problem it may give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from api.export.door import FORMATS
from api.paging import ListQuestion
from api.problems import MEDIA_TYPE, Fault, problem
from api.question import Question
from api.reasons import MEANINGS, Door
from ledger.refusals import Reason

# api/openapi.py puts it there.
PROBLEM = "#/components/schemas/Problem"

ASKED: tuple[Reason | Door, ...] = (
    Door.INVALID_QUERY,
    Door.UNKNOWN_PARAMETER,
    Door.REPEATED_PARAMETER,
    Door.INVALID_HEADER,
    Door.FUTURE_KNOWN_AT,
    Door.FUTURE_POSITION,
    Door.BEHIND,
    Door.UNAVAILABLE,
)

WRITTEN = (
    Door.UNKNOWN_PARAMETER,
    Door.REPEATED_PARAMETER,
    Door.INVALID_QUERY,
    Door.INVALID_HEADER,
    Door.UNSUPPORTED_MEDIA_TYPE,
    Door.SLOW_BODY,
    Door.UNAVAILABLE,
)

WRITE_HEADERS = {
    "Ledger-Position": {
        "description": "Send it as Min-Position to read what was written.",
        "schema": {"type": "integer"},
    }
}
_MIN_POSITION = {
    "name": "Min-Position",
    "in": "header",
    "required": False,
    "description": "A Ledger-Position that a write answered: the answer includes it, or is a 503.",
    "schema": {"type": "integer", "minimum": 0},
}
_NOT_MODIFIED = {"description": "The bytes are those of the ETag in If-None-Match."}
_QUESTION_HEADERS = {
    "ETag": {"description": "Of the answer's bytes.", "schema": {"type": "string"}},
    "Cache-Control": {"description": "immutable if all three times were given.", "schema": {"type": "string"}},
    "Content-Location": {"description": "The address of these bytes for ever.", "schema": {"type": "string"}},
}


def question(question: Question[Any]) -> Any:
    """Keyword arguments for the route that answers a question."""
    reasons = [*ASKED]
    if isinstance(question, ListQuestion):
        reasons.append(Door.INVALID_CURSOR)
    if question.missing:
        reasons.append(Door.NOT_FOUND)
    files = {}
    if question.list_name:
        reasons.append(Door.TOO_MANY_ROWS)
        files = {one.media_type: {"schema": {"type": "string", "format": "binary"}} for one in FORMATS.values()}
    parts = [{"name": part, "in": "path", "required": True, "schema": {"type": "string"}} for part in question.parts]
    told = answered(question.shape, question.answer, reasons)
    told["openapi_extra"]["parameters"][:0] = parts
    told["responses"][200]["content"] = files
    return told


def answered(shape: type[BaseModel], answer: type[BaseModel], reasons: Iterable[Reason | Door]) -> Any:
    """Keyword arguments for a route that answers with bytes that may last for ever."""
    return {
        "response_model": None,
        "openapi_extra": {"parameters": [*parameters(shape), _MIN_POSITION]},
        "responses": {
            200: {"model": answer, "description": "The answer.", "headers": _QUESTION_HEADERS},
            304: _NOT_MODIFIED,
            **problems(reasons),
        },
    }


def write(shape: type[BaseModel], answer: type[BaseModel]) -> Any:
    """Keyword arguments for the route that takes events; api/openapi.py adds the events' schema."""
    headers = [
        header("Idempotency-Key", "Asked again with the same key and body, the first answer is given again."),
        header("If-Match", 'The record\'s version in quotes, like "3": nothing is written if it has another by now.'),
    ]
    return {
        "response_model": None,
        "openapi_extra": {"parameters": [*parameters(shape), *headers]},
        "responses": {
            201: {"model": answer, "description": "Recorded.", "headers": WRITE_HEADERS},
            200: {
                "description": "Of lines: what became of each, then a summary.",
                "headers": WRITE_HEADERS,
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            },
            **problems([*Reason, *WRITTEN]),
        },
    }


def header(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def parameters(shape: type[BaseModel]) -> list[dict[str, Any]]:
    """The query parameters that `shape` takes.

    A default is told in words: clients made from the document send what `default` says, also where it isn't taken.
    """
    listed = []
    whole = shape.model_json_schema()
    for name, schema in whole["properties"].items():
        given = [one for one in schema.pop("anyOf", []) if one.get("type") != "null"]
        default = schema.pop("default", None)
        told = {key: value for key, value in schema.items() if key not in ("title", "description", "examples")}
        described = schema.get("description", "")
        parameter = {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()),
            "description": described if default is None else f"{described} Default: {default}.",
            "schema": {**(given[0] if given else {}), **told},
        }
        listed.append(parameter)
    return listed


def problems(reasons: Iterable[Reason | Door]) -> dict[int | str, dict[str, Any]]:
    """The problems an address may give, by status, each with an example."""
    found: dict[int | str, dict[str, Any]] = {}
    for reason in reasons:
        meaning = MEANINGS[reason]
        entry = found.setdefault(
            meaning.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}, "examples": {}}}},
        )
        entry["description"] += f"`{reason}` {meaning.title}. "
        example = problem([Fault(reason, meaning.title + ".", meaning.explanation)])
        entry["content"][MEDIA_TYPE]["examples"][reason.value] = {"value": example}
    return found
