"""Restrictions: mandates, exclusivity, sanctions, approvals. A breach is flagged, never refused."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ledger.fields import AnyIds, Data, EntityId, Labels, SlugText, Text

RECORD = ("restriction", "restriction")


class RestrictionImposed(Data):
    """Binds the entities and records of `on`. Only `allows` and `forbids` (ids, countries, sectors) are checked."""

    type: ClassVar[str] = "restriction.imposed"
    record: ClassVar[tuple[str, str] | None] = RECORD
    makes: ClassVar[bool] = True

    restriction: SlugText
    on: Annotated[AnyIds, Field(min_length=1)]
    by: EntityId | None = None
    kind: Literal["mandate", "exclusivity", "sanction", "approval", "covenant", "limit"]
    text: Text
    allows: Labels | None = None
    forbids: Labels | None = None


class RestrictionLifted(Data):
    """The restriction no longer holds from the effective date on."""

    type: ClassVar[str] = "restriction.lifted"
    record: ClassVar[tuple[str, str] | None] = RECORD

    restriction: SlugText
    reason: Text | None = None
