"""The forms that fields of events take: ids, names, free text, days, terms, and references to what exists already."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ledger.times import parse_day, parse_period

# Explicit embeddings, overrides and isolates reorder what a reader sees; plain direction marks do not.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Two names that differ in a character that nobody sees look the same. Joiners stay: some scripts need them.
_UNSEEN = ("Cf", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether an id names an event (a UUID) rather than a record or an entity (a slug)."""
    return _UUID.fullmatch(text) is not None


# The same ids, codes and dates come again and again, so what they were found to be is remembered.
_remembered = lru_cache(maxsize=65_536)


@_remembered
def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text) or is_uuid(text):
        raise PydanticCustomError(
            "invalid", "not an id; write lower-case letters, digits and hyphens like aws-anthropic-2023"
        )
    return text


def _uuid(text: str) -> str:
    if not is_uuid(text):
        raise PydanticCustomError("invalid", "not a UUID in lower case")
    return text


def _id(text: str) -> str:
    return text if is_uuid(text) else _slug(text)


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable() and text.strip():
        return text
    for character in text:
        if character in _BIDI or (unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"):
            raise PydanticCustomError(
                "invalid_text", "the character U+{code} isn't allowed; leave it out", {"code": f"{ord(character):04X}"}
            )
    if not text.strip():
        raise PydanticCustomError("invalid_text", "blank; leave the field out instead")
    return text


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN and character not in _JOINERS


def _name(text: str) -> str:
    _clean(text)
    if text.isascii() and text.isprintable() and text == text.strip():
        return text
    if "\n" in text or "\t" in text or text != text.strip() or any(map(_unseen, text)):
        raise PydanticCustomError(
            "invalid_text", "not a name; write one line, with no space around it and none that is unseen"
        )
    if not unicodedata.is_normalized("NFC", text):
        raise PydanticCustomError("invalid_text", "not in Unicode normal form C; normalise the name before you send it")
    return text


@_remembered
def _period(text: str) -> str:
    try:
        parse_period(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_date", "{why}", {"why": str(error)}) from None
    return text


@_remembered
def _day(text: str) -> str:
    try:
        parse_day(text)
    except ValueError as error:
        raise PydanticCustomError("invalid_date", "{why}", {"why": str(error)}) from None
    return text


@dataclass(frozen=True, slots=True)
class Names:
    """Marks a field whose value must exist already: an `entity`, a record of one kind, or `anything` with an id.

    A `subject` is anything with an id, or any event; that something is about it doesn't keep it from being retracted.
    """

    kind: str


SlugText = Annotated[
    str,
    AfterValidator(_slug),
    Field(
        max_length=100,
        description="an id of lower-case letters, digits and hyphens",
        examples=["aws-anthropic-2023"],
    ),
]
UuidText = Annotated[
    str,
    AfterValidator(_uuid),
    Field(
        max_length=36,
        description="an event's id, a UUID in lower case",
        examples=["7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11"],
    ),
]
IdText = Annotated[
    str,
    AfterValidator(_id),
    Field(
        max_length=100,
        description="the id of an entity or a record, like openai or aws-anthropic-2023, or an event's UUID",
    ),
]
Name = Annotated[str, AfterValidator(_name), Field(max_length=200, description="one line of text")]
Text = Annotated[str, AfterValidator(_clean), Field(max_length=4_000)]
Url = Annotated[str, AfterValidator(_name), Field(max_length=2_000)]
Effective = Annotated[
    str,
    AfterValidator(_period),
    Field(
        max_length=21,
        description="a day, month, quarter, year or two of these with a slash between",
        examples=["2023-09-25", "2023-09", "2023-Q3", "2023", "2023-09-25/2023-11-05"],
    ),
]
Day = Annotated[str, AfterValidator(_day), Field(max_length=10, description="a day", examples=["2023-11-05"])]
Count = Annotated[int, Field(ge=0, lt=2**53, description="a whole number, 0 or more")]

EntityId = Annotated[SlugText, Names("entity")]
CommitmentId = Annotated[SlugText, Names("commitment")]
EventId = Annotated[UuidText, Names("event")]
AnyId = Annotated[IdText, Names("anything")]
AnyIds = Annotated[list[AnyId], Field(max_length=1_000)]
SubjectIds = Annotated[list[Annotated[IdText, Names("subject")]], Field(max_length=1_000)]
EntityIds = Annotated[list[EntityId], Field(max_length=1_000)]
Labels = Annotated[list[Name], Field(max_length=1_000)]

Form = Literal["cash", "cloud_credit", "in_kind", "stock"]
Instrument = Literal["equity", "convertible", "debt", "fund_interest", "warrant", "grant", "mixed"]
Status = Literal["confirmed", "reported", "rumoured", "denied"]


class Part(BaseModel):
    """A part of an event: frozen, strict, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Data(Part):
    """What an event of one type says. The class names the type and the record that it speaks of."""

    type: ClassVar[str]
    # The kind of record and the field that holds its id; None where the event has no record of its own.
    record: ClassVar[tuple[str, str] | None] = None
    # Whether the event brings the record into being; the others need one that is live.
    makes: ClassVar[bool] = False
    # Whether only the ledger itself records it, about its own log, and nobody takes it back.
    ledger_only: ClassVar[bool] = False

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        """The stream that the event is stored in, versioned one by one."""
        return f"{cls.record[0]}/{data[cls.record[1]]}" if cls.record else f"event/{event_id}"

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        """The records whose rules the event can touch."""
        return [] if cls.record is None else [f"{cls.record[0]}/{data[cls.record[1]]}"]


class Span(Part):
    """From the first day of `start` to the last day of `end`; either may be open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"start": "2024-01", "end": "2026-12"}]})

    start: Effective | None = None
    end: Effective | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start and self.end and parse_period(self.start).first > parse_period(self.end).last:
            raise PydanticCustomError("invalid_date", "ends before it starts; write the earlier date as start")
        return self


class Term(Span):
    """A span, or its length in months, or both."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"start": "2024-01", "months": 36}]})

    months: Annotated[int, Field(ge=1, le=12_000, description="a whole number from 1 to 12000")] | None = None
