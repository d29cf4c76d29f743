"""Events as rows of texts: nothing is lost on the way there and back, and the documentation says how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ledger.example
from api.files.columns_page import page
from api.files.examples import EXAMPLES, example
from api.files.rows import (
    ENVELOPE,
    SERVER,
    column_of,
    columns_of,
    entity_columns,
    event_of,
    fields_of,
    in_order,
    pointer_of,
    row_of,
)
from ledger.event import TYPES, parse_event
from ledger.refusals import Refusal
from tests.choices import Drawn, Seeded
from tests.streams import Builder

DOCS = Path(__file__).parents[3] / "docs"


def there_and_back(event: dict[str, Any]) -> dict[str, Any]:
    row = row_of(event)
    assert "" not in row.values()
    return event_of(row)


def test_every_event_of_the_example_comes_back():
    """Given the example ledger, when each event is a row, then the row is that event."""
    for event in ledger.example.events():
        assert there_and_back(event) == event


@pytest.mark.parametrize("seed", range(20))
def test_every_event_of_a_stream_comes_back(seed: int):
    """Also corrections of corrections, bounds, stakes, nulls and empty lists."""
    builder = Builder(Seeded(seed))
    for event in [*builder.registrations(), *(builder.event() for _ in range(200))]:
        assert there_and_back(event) == event


@given(st.data())
def test_every_event_that_can_be_found_comes_back(data: st.DataObject):
    event = Builder(Drawn(data.draw)).event()
    assert there_and_back(event) == event


TEXTS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from(["null", '"null"', '"', " x ", "a; b", "a;b", "[1]", "{}", "true", "1", "\x00", "\r", "\n", "'=1"]),
)


@given(note=TEXTS, aliases=st.lists(TEXTS, max_size=3), conditions=st.one_of(TEXTS, st.lists(TEXTS)), forms=TEXTS)
def test_texts_come_back_whatever_they_are(note: str, aliases: list[str], conditions: Any, forms: str):
    """A text that would read as something else is written as JSON."""
    for data in (
        {"entity": "ant", "aliases": aliases, "names": {"ja": note}},
        {"entity": "ant", "names": [note, {"text": note}]},
        {"conditions": conditions, "amount": {}, "form": [forms], "linked": forms, "overlaps": [forms]},
    ):
        kind = "entity.changed" if "entity" in data else "commitment.made"
        event = {"type": kind, "note": note, "source": {}, "data": data}
        assert there_and_back(event) == event


def test_what_the_server_adds_is_written_and_passed_over():
    """An export's rows import as the events that they are."""
    event = {
        "position": 7,
        **ledger.example.events()[0],
        "recorded_by": "rest",
        "corrected_by": ["a", "b"],
        "batch": "x",
    }
    row = row_of(event)
    assert {name: row[name] for name in row if name in SERVER} == {
        "position": "7",
        "recorded_by": "rest",
        "batch": "x",
        "corrected_by": "a; b",
    }
    assert event_of(row) == ledger.example.events()[0]


def test_every_type_has_an_example_that_is_an_event():
    assert list(EXAMPLES) == list(TYPES)
    for kind in TYPES:
        row = example(kind)
        event = event_of(row)
        assert parse_event(event).type == kind
        assert row_of(event) == row


@pytest.mark.parametrize("kind", TYPES)
def test_every_column_is_a_field_and_every_field_has_a_column(kind: str):
    """Pointers and columns are two names of one thing, and no field of data is called as one of the envelope."""
    assert not set(TYPES[kind].model_fields) & set(ENVELOPE)
    assert {field.alias or name for name, field in TYPES[kind].model_fields.items()} | set(ENVELOPE) == set(
        fields_of(kind)
    )
    for column in columns_of(kind):
        assert column_of(pointer_of(column)) == column
    assert in_order(reversed(columns_of(kind)))[0] == "type"


def test_pointers_lead_to_columns():
    assert column_of("/data/replacement/data/amount/currency") == "replacement.amount.currency"
    assert column_of("/data/replacement/source/url") == "replacement.source.url"
    assert column_of("/data/linked/0") == "linked"
    assert column_of("") == ""
    assert entity_columns("investment.made") == {"investor", "issuer", "seller"}


@pytest.mark.parametrize(
    ("row", "pointer", "told"),
    [
        ({"type": "investment.made", "investr": "x"}, "/data/investr", "investor"),
        ({"type": "investment.made", "amount.curency": "x"}, "/data/amount/curency", "amount.currency"),
        ({"type": "investment.made", "amount": "4bn"}, "/data/amount", "amount.currency"),
        ({"type": "investment.made", "amount": "{}", "amount.currency": "USD"}, "/data/amount/currency", "in parts"),
        ({"type": "investment.made", "lead": "maybe"}, "/data/lead", "true"),
        ({"type": "valuation.recorded", "level": "1.0"}, "/data/level", "digits"),
        ({"type": "entity.changed", "names": "{x"}, "/data/names", "JSON"),
        (
            {"type": "event.corrected", "replacement.type": "entity.changed", "replacement.x": "1"},
            "/data/replacement/data/x",
            "no column",
        ),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(row: dict[str, str], pointer: str, told: str):
    with pytest.raises(Refusal) as refused:
        event_of(row)
    [problem] = refused.value.problems
    assert problem.pointer == pointer
    assert told in f"{problem.detail} {problem.mend}"


def test_a_row_of_no_known_type_is_left_to_the_ledger():
    """It knows which types there are, and the nearest."""
    for row in ({"type": "investment.mad"}, {"investor": "ant"}):
        with pytest.raises(Refusal) as refused:
            parse_event(event_of(row))
        assert [one.reason for one in refused.value.problems] == ["unknown_type"]


def test_the_page_of_columns_is_what_the_models_say():
    """`python -m api.files.columns_page > docs/columns.md` writes it again."""
    assert (DOCS / "columns.md").read_text() == page()
