"""Nothing private in a leaf by accident: every text that an event takes is limited, and the limits are documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.event import event_schema

EVENTS = Path(__file__).resolve().parents[2] / "docs" / "events.md"


def texts(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every string in a JSON Schema that isn't one of a few words, under the name of its field."""
    if isinstance(schema, list):
        for one in schema:
            yield from texts(one, name)
    elif isinstance(schema, dict):
        if schema.get("type") == "string" and not {"enum", "const"} & schema.keys():
            yield name, schema
        for key, inside in schema.items():
            if key in ("properties", "$defs"):
                for field, one in inside.items():
                    yield from texts(one, field)
            elif key not in ("examples", "default"):
                yield from texts(inside, name)


def test_every_text_of_an_event_has_a_longest_length():
    """Given the schema of all events; when its texts are walked; then none is without a limit."""
    found = list(texts(event_schema()))
    unlimited = {name for name, one in found if "maxLength" not in one and not one.get("pattern", "").endswith("}$")}
    assert len(found) > 100
    assert unlimited == set()


def test_every_free_text_is_in_the_table_of_limits():
    """A reader finds each field that takes free text, and how much of it."""
    _, _, section = EVENTS.read_text().partition("## Limits of texts")
    free = {(name, one["maxLength"]) for name, one in texts(event_schema()) if one.get("maxLength", 0) >= 200}
    missing = [name for name, _ in free if f"`{name}`" not in section and f".{name}`" not in section]
    assert missing == []
    assert {str(limit) for _, limit in free} == {"200", "500", "2000", "4000"}
