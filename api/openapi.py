"""The OpenAPI document: FastAPI's, with the events' own schemas and an example for each kind of body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import ledger.example
from api.answers import Problem
from ledger.event import event_schema

DESCRIPTION = """Facts about deals go in once and are never changed; every question can be asked at any point in three
times: `as_of` (what was true), `known_at` (what one could know), `position` (what this ledger held).

Money and shares are intervals: `low` and `high` bound them, `stated` is the figure named. All numbers are decimal
strings. An answer to a question with all three times given is the same bytes for ever.

Refusals are problems of RFC 9457 with a reason; `GET /problems` explains each.
"""


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Deal ledger",
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        schemas = document["components"]["schemas"]
        schemas.update(_problem_schemas())
        for methods in document["paths"].values():
            for operation in methods.values():
                _without_fastapis_own(operation["responses"])
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        event = event_schema()
        schemas.update(event.pop("$defs", {}))
        schemas["Event"] = {"title": "Event", "description": "An event as submitted.", **event}
        document["components"]["examples"] = _examples()
        document["paths"]["/v1/events"]["post"]["requestBody"] = _body(document["components"]["examples"])
        app.openapi_schema = document
    return app.openapi_schema


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _without_fastapis_own(responses: dict[str, Any]) -> None:
    """FastAPI documents an answer of its own wherever there is a parameter; ours are all problems."""
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]


def _examples() -> dict[str, Any]:
    """The example ledger's last event of each type."""
    examples = {one["type"]: one for one in ledger.example.events()}
    return {name: {"summary": name, "value": examples[name]} for name in sorted(examples)}


def _body(examples: Iterable[str]) -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    array = {"type": "array", "items": event, "minItems": 1}
    return {
        "required": True,
        "description": "One event, an array of events (all or none), or lines of events (each for itself).",
        "content": {
            "application/json": {
                "schema": {"oneOf": [event, array]},
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in examples},
            },
            "application/x-ndjson": {"schema": {"type": "string", "description": "One event a line."}},
        },
    }
