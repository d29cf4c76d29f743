"""The stock eventsourcing library, as its documentation shows it: an aggregate per record, saved by an Application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate


class Deal(Aggregate):
    """A record with what was said of it; nothing is checked."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said


class Stock:
    """An Application on one store."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._app: Application[Any] = Application(env)

    def record(self, events: Sequence[dict[str, Any]], batch: int) -> None:
        """Save each event as a new aggregate, so many to a transaction."""
        for at in range(0, len(events), batch):
            self._app.save(*[Deal(said=event) for event in events[at : at + batch]])
