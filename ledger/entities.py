"""Entities: companies, funds, governments, people, places, groups, and parties that nobody named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ledger.fields import Data, EntityId, Labels, Name, Part, SlugText
from ledger.refusals import Reason, Refusal, refuse
from ledger.row import Row

Kind = Literal["company", "fund", "government", "person", "group", "place", "undisclosed"]
State = Literal["active", "failed", "merged", "dissolved"]


Language = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="a language's tag (BCP 47)",
        examples=["ja", "zh-Hant"],
    ),
]


class LocalName(Part):
    """A name in another language or script."""

    text: Name
    lang: Language | None = None


# The index key under which the names of all entities are found.
DIRECTORY = "entities"


class _Attributes(Data):
    record: ClassVar[tuple[str, str] | None] = ("entity", "entity")

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        return [f"entity/{data['entity']}", DIRECTORY]

    parent: EntityId | None = None
    manager: EntityId | None = None
    country: Name | None = None
    city: Name | None = None
    sector: Name | None = None
    state: State | None = None
    lei: (
        Annotated[
            str,
            Field(
                pattern=r"^[A-Z0-9]{18}[0-9]{2}$",
                description="a Legal Entity Identifier of 18 capital letters and digits and 2 digits",
                examples=["5493006MHB84DD0ZWV18"],
            ),
        ]
        | None
    ) = None
    aliases: Labels | None = None
    names: dict[Language, Name] | list[Name | LocalName] | None = None


class EntityRegistered(_Attributes):
    """A party enters the ledger. `parent` rolls up into its group, `manager` does not."""

    type: ClassVar[str] = "entity.registered"
    makes: ClassVar[bool] = True

    entity: SlugText
    name: Name
    kind: Kind


class EntityChanged(_Attributes):
    """What is different from a date on. `null` clears a field (but name and kind): `parent: null` leaves the group."""

    type: ClassVar[str] = "entity.changed"

    entity: SlugText
    name: Name | None = None
    kind: Kind | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.model_fields_set == {"entity"}:
            raise PydanticCustomError("invalid", "nothing changes; give at least one field beside entity")
        if {"name", "kind"} & {field for field in self.model_fields_set if getattr(self, field) is None}:
            raise PydanticCustomError("invalid", "a name or a kind can't be cleared; leave it out, or give the new one")
        return self


def check_parents(entity: str, rows_of: Callable[[str], Sequence[Row]], pointer: str) -> None:
    """Refuse a circle among parents on any day, with `rows_of` giving every entity's rows as they would be."""
    timelines: dict[str, list[tuple[date, str | None]]] = {}
    waiting = [entity]
    while waiting:
        one = waiting.pop()
        if one not in timelines:
            timelines[one] = _parents(rows_of(one))
            waiting.extend(parent for _, parent in timelines[one] if parent)
    for day in sorted({day for timeline in timelines.values() for day, _ in timeline}):
        path = [entity]
        while parent := _parent_on(timelines[path[-1]], day):
            if parent in path:
                raise _circle(entity, [*path, parent], day, pointer)
            path.append(parent)


def _parents(rows: Sequence[Row]) -> list[tuple[date, str | None]]:
    """The parent from each day on, in the order of rows: by day, then as recorded."""
    return [(row.period.last, row.data["parent"]) for row in rows if "parent" in row.data and row.counts]


def _parent_on(timeline: Sequence[tuple[date, str | None]], day: date) -> str | None:
    parent = None
    for since, named in timeline:
        if since <= day:
            parent = named
    return parent


def _circle(entity: str, path: Sequence[str], day: date, pointer: str) -> Refusal:
    return refuse(
        Reason.PARENT_CIRCLE,
        pointer,
        f"{entity} would be its own ancestor on {day}: {' → '.join(path)}",
        "name another parent, or end the other parentage first with entity.changed and parent null",
    )


def entity_names(data: dict[str, Any]) -> list[str]:
    """Every name that an entity's event gives it, in any script."""
    given = data.get("names") or []
    local = (
        list(given.values())
        if isinstance(given, dict)
        else [one if isinstance(one, str) else one["text"] for one in given]
    )
    return [name for name in (data.get("name"), *(data.get("aliases") or []), *local) if name]
