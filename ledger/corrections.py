"""Corrections and retractions: how the ledger changes its mind without changing what it wrote."""

from __future__ import annotations

from typing import Any, ClassVar

from ledger.fields import Data, Text, UuidText


class EventCorrected(Data):
    """`replacement` is a whole event of the same type and record, with no id of its own."""

    type: ClassVar[str] = "event.corrected"

    event: UuidText
    replacement: dict[str, Any]
    reason: Text


class EventRetracted(Data):
    """The event named no longer holds; retracting a correction or a retraction restores what it hid."""

    type: ClassVar[str] = "event.retracted"

    event: UuidText
    reason: Text
