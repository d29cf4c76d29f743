"""A read model over a log in a list, asked about any point in the three times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from projections import commitments, contracts, entities, events, holdings, records, valuations
from projections.database import ReadModel
from projections.follower import Follower
from projections.paging import Listing, Page
from projections.visibility import Point
from tests.facts import Fact
from tests.projections.logs import ListedLog

TODAY = "2025-12-31"
ALL = Page(limit=1000)


@dataclass
class Books:
    """given(...) facts, then what the lists say. Times are given as text; without any, all that is there counts."""

    folder: Path
    log: ListedLog = field(default_factory=ListedLog)

    def __post_init__(self) -> None:
        self.model = ReadModel(self.folder)
        self.follower = Follower(self.log.store, self.model)

    def given(self, *facts: Fact) -> list[str]:
        ids = self.log.given(*facts)
        self.follower.catch_up()
        return ids

    def at(
        self,
        as_of: str = TODAY,
        known_at: str = TODAY,
        position: int | None = None,
        currency: str | None = None,
        rumours: bool = False,
    ) -> Point:
        held = self.log.head() if position is None else position
        return Point(date.fromisoformat(as_of), date.fromisoformat(known_at), held, currency, rumours)

    def holdings(
        self, *, holder: str | None = None, issuer: str | None = None, page: Page = ALL, **times: Any
    ) -> Listing:
        return holdings.holdings(self.model, self.at(**times), holder=holder, issuer=issuer, page=page)

    def holding(self, **asked: Any) -> dict[str, Any]:
        """The only holding that there is."""
        [row] = self.holdings(**asked).rows
        return row

    def commitments(
        self, *, from_: str | None = None, to: str | None = None, page: Page = ALL, **times: Any
    ) -> Listing:
        return commitments.commitments(self.model, self.at(**times), from_=from_, to=to, page=page)

    def commitment(self, **asked: Any) -> dict[str, Any]:
        """The only commitment that there is."""
        [row] = self.commitments(**asked).rows
        return row

    def contracts(
        self, *, customer: str | None = None, provider: str | None = None, page: Page = ALL, **times: Any
    ) -> Listing:
        return contracts.contracts(self.model, self.at(**times), customer=customer, provider=provider, page=page)

    def contract(self, **asked: Any) -> dict[str, Any]:
        """The only contract that there is."""
        [row] = self.contracts(**asked).rows
        return row

    def marks(self, subject: str, page: Page = ALL, **times: Any) -> list[dict[str, Any]]:
        found = valuations.valuations(self.model, self.at(**times), subject, page)
        assert found is not None
        return found.rows

    def entities(self, page: Page = ALL, **asked: Any) -> list[dict[str, Any]]:
        filters = {name: asked.pop(name) for name in ("kind", "parent", "q") if name in asked}
        return entities.entities(self.model, self.at(**asked), page=page, **filters).rows

    def entity(self, name: str, **times: Any) -> dict[str, Any] | None:
        return entities.entity(self.model, self.at(**times), name)

    def trail(self, page: Page = ALL, **asked: Any) -> Listing:
        times = {name: asked.pop(name) for name in ("known_at", "position") if name in asked}
        return events.events(self.model, self.at(**times), page=page, **asked)

    def event(self, event_id: str, **times: Any) -> dict[str, Any] | None:
        return events.event(self.model, self.at(**times), event_id)

    def record(self, kind: str, record_id: str, **times: Any) -> dict[str, Any] | None:
        return records.record(self.model, self.at(**times), kind, record_id)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Empty books."""
    books = Books(tmp_path)
    books.follower.catch_up()
    yield books
    books.model.close()
