"""The bytes that a leaf hashes are the canonical JSON of the event as stored, and are read no other way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.event import event_schema
from ledger.log.entry import INTEGERS_END, Leaf, NotAnEntry, entry_bytes, parse_entry

TEXTS = st.text() | st.text(st.characters(max_codepoint=0x100))  # much of what has to be escaped is among the first
VERSIONS = st.integers(0, INTEGERS_END - 1)


@given(TEXTS, VERSIONS, TEXTS, TEXTS)
def test_an_entry_is_canonical_json(stream: str, version: int, type_: str, state: str) -> None:
    """A library that knows nothing but RFC 8785 writes the same bytes, whatever the texts are."""
    fields: dict[str, Any] = {"stream": stream, "version": version, "type": type_, "state": state}
    assert entry_bytes(stream, version, type_, state) == rfc8785.dumps(fields)


@given(TEXTS, VERSIONS, TEXTS, TEXTS)
def test_an_entry_is_read_as_it_was_written(stream: str, version: int, type_: str, state: str) -> None:
    """Every field comes back to the letter."""
    assert parse_entry(entry_bytes(stream, version, type_, state)) == Leaf(stream, version, type_, state)


def test_the_state_is_not_encoded_anew() -> None:
    """Spaces, the order of fields and 1.50 stay in the entry as they are in the database."""
    state = '{"b": 1.50,  "a":"\\u00e9"}'
    entry = entry_bytes("commitment/x", 3, "commitment.made", state)
    assert entry == (
        b'{"state":"{\\"b\\": 1.50,  \\"a\\":\\"\\\\u00e9\\"}","stream":"commitment/x",'
        b'"type":"commitment.made","version":3}'
    )
    assert json.loads(entry)["state"] == state


GOOD = b'{"state":"{}","stream":"s","type":"t","version":1}'


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        GOOD + b"\n",
        b" " + GOOD,
        GOOD[:-1],
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b":1", b":1.0"),
        GOOD.replace(b":1", b":1e0"),
        GOOD.replace(b":1", b":01"),
        GOOD.replace(b":1", b":-1"),
        GOOD.replace(b":1", b":true"),
        GOOD.replace(b":1", b':"1"'),
        GOOD.replace(b":1", b":9007199254740992"),
        GOOD.replace(b'"{}"', b"{}"),
        GOOD.replace(b'"s"', b"null"),
        GOOD.replace(b'"s"', b'"\\u0073"'),
        GOOD.replace(b'"s"', b'"\\ud800"'),
        GOOD.replace(b'"s"', b'"\\/"'),
        GOOD.replace(b":1}", b':1,"x":1}'),
        GOOD.replace(b'{"state"', b'{"state":"","state"'),
        b'{"stream":"s","state":"{}","type":"t","version":1}',
    ],
)
def test_what_is_no_entry(entry: bytes) -> None:
    """Nothing but the canonical bytes is read, so that one event has one leaf."""
    with pytest.raises(NotAnEntry):
        parse_entry(entry)


def test_an_entry_after_all() -> None:
    """The control of the test above."""
    assert parse_entry(GOOD) == Leaf("s", 1, "t", "{}")


@pytest.mark.parametrize("version", [-1, INTEGERS_END])
def test_integers_that_not_every_reader_keeps_are_refused(version: int) -> None:
    """A version beyond 2^53 - 1 is no number of JSON that everybody reads alike."""
    with pytest.raises(NotAnEntry, match="2\\^53"):
        entry_bytes("s", version, "t", "{}")


def test_half_a_surrogate_pair_has_no_bytes() -> None:
    """It is refused with a word, not with a codec's error."""
    with pytest.raises(NotAnEntry, match="surrogate"):
        entry_bytes("s", 1, "t", "\ud800")


def test_no_event_has_floats() -> None:
    """The schema of events knows strings, booleans and integers that every reader keeps, but no other numbers."""

    def numbers(schema: Any) -> list[Any]:
        if isinstance(schema, list):
            return [found for part in schema for found in numbers(part)]
        if not isinstance(schema, dict):
            return []
        found = [schema] if schema.get("type") in ("number", "integer") else []
        return found + numbers(list(schema.values()))

    for number in numbers(event_schema()):
        assert number["type"] == "integer"
        assert number.get("exclusiveMaximum", number.get("maximum", INTEGERS_END) + 1) <= INTEGERS_END, number
