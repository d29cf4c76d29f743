"""Reviews: what an auditor thinks of events. They change no figure."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ledger.fields import Data, EventId, Name, Text


class ReviewRecorded(Data):
    """A verdict on one or more events, `by` whom. Without `by`, the reviewer is the door that it came in by."""

    type: ClassVar[str] = "review.recorded"

    events: Annotated[list[EventId], Field(min_length=1, max_length=1_000)]
    verdict: Literal["approved", "questioned", "rejected"]
    comment: Text | None = None
    by: Name | None = None
