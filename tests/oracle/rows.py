"""What is visible and what counts: liveness by recursion on retractions, then statuses, then `same_as`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.dates import first_day, last_day

Log = list[tuple[int, dict[str, Any]]]

# These add up (a sale adds proceeds) or bring into being. All else sets a state, from the last day of its period.
ADDITIVE = {
    "entity.registered",
    "investment.made",
    "investment.sold",
    "commitment.made",
    "commitment.drawn",
    "contract.signed",
    "contract.billed",
    "contract.paid",
    "distribution.paid",
    "guarantee.given",
    "guarantee.called",
}


@dataclass(frozen=True)
class Question:
    """A question's three times, its currency and what it lets in."""

    log: Log
    as_of: date
    known_at: date
    position: int
    currency: str | None
    include: frozenset[str]

    @property
    def rumoured(self) -> bool:
        return "rumoured" in self.include

    def header(self) -> dict[str, Any]:
        return {"as_of": str(self.as_of), "known_at": str(self.known_at), "position": self.position}


def question(
    log: Log, as_of: str, known_at: str, position: int, currency: str | None, include: Iterable[str]
) -> Question:
    return Question(
        log, date.fromisoformat(as_of), date.fromisoformat(known_at), position, currency, frozenset(include)
    )


@dataclass(frozen=True)
class Row:
    """A fact as it holds after its corrections. `id` and `position` are those of the fact."""

    id: str
    position: int
    type: str
    effective: str
    known: date
    status: str
    same_as: str | None
    data: dict[str, Any]

    @property
    def first(self) -> date:
        return first_day(self.effective)

    @property
    def last(self) -> date:
        return last_day(self.effective)

    @property
    def order(self) -> tuple[date, int]:
        return self.last, self.position


def is_live(q: Question, position: int, state: dict[str, Any]) -> bool:
    """Recorded, known, and named by no live retraction."""
    if position > q.position or date.fromisoformat(state["known"]) > q.known_at:
        return False
    for other_position, other in q.log:
        names_it = other["type"] == "event.retracted" and other["data"]["event"] == state["id"]
        if names_it and is_live(q, other_position, other):
            return False
    return True


def fact_of(log: Log, event_id: str) -> str:
    """The id of the fact whose chain this event belongs to; the id itself for a fact."""
    for _, state in log:
        if state["id"] == event_id and state["type"] == "event.corrected":
            return fact_of(log, state["data"]["event"])
    return event_id


def visible_rows(q: Question) -> list[Row]:
    """One row for each chain that shows something at (known_at, position), by the fact's position; all statuses."""
    found = []
    for position, fact in q.log:
        if fact["type"] in ("event.corrected", "event.retracted"):
            continue
        live = [
            (at, member)
            for at, member in q.log
            if (member["id"] == fact["id"] or member["type"] == "event.corrected")
            and fact_of(q.log, member["id"]) == fact["id"]
            and is_live(q, at, member)
        ]
        if not live:
            continue
        _, holding = max(live, key=lambda pair: pair[0])
        known = date.fromisoformat(holding["known"])
        content = holding
        if holding["type"] == "event.corrected":
            content = holding["data"]["replacement"]
            if content.get("known") is not None:
                known = max(known, date.fromisoformat(content["known"]))
        if known > q.known_at:
            continue
        found.append(
            Row(
                id=fact["id"],
                position=position,
                type=fact["type"],
                effective=content["effective"],
                known=known,
                status=content.get("status") or "reported",
                same_as=content.get("same_as"),
                data=content["data"],
            )
        )
    return found


def in_time(q: Question, row: Row) -> bool:
    """Whether the row is there at as_of, be it only possibly."""
    return (row.first if row.type in ADDITIVE else row.last) <= q.as_of


def counting_rows(q: Question) -> list[Row]:
    """The rows that make figures, at as_of too: not denied, rumoured only if asked, and the first of its fact."""
    shown = visible_rows(q)
    by_id = {row.id: row for row in shown}

    def root(row: Row) -> str:
        seen: list[Row] = []
        while row.same_as is not None:
            if row in seen:
                circle = seen[seen.index(row) :]
                return min(circle, key=lambda one: one.position).id
            seen.append(row)
            named = fact_of(q.log, row.same_as)
            if named not in by_id:
                return named
            row = by_id[named]
        return row.id

    candidates = [
        row for row in shown if in_time(q, row) and row.status != "denied" and (row.status != "rumoured" or q.rumoured)
    ]
    firsts: dict[str, Row] = {}
    for row in candidates:  # already by position
        firsts.setdefault(root(row), row)
    return [row for row in candidates if row in firsts.values()]


def by_position(rows: Iterable[Row]) -> list[str]:
    """The ids of rows, each once, by position: the `events` of an answer."""
    return [row.id for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.position)]
