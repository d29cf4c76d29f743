"""What is visible and what counts: liveness by recursion on retractions, then statuses, then `same_as`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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

# What makes a record, and the field that names it.
# What makes a record, which a later one of its kind can repeat, and what kind it is.
MAKERS = {
    "commitment.made": "commitment",
    "contract.signed": "contract",
    "guarantee.given": "guarantee",
    "claim.published": "claim",
    "restriction.imposed": "restriction",
}
DEALS = ("commitment", "contract", "guarantee")


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
    candidates, first_of = _sources(q)
    return [row for row in candidates if first_of[row.id] is row]


def rows_of_firsts(q: Question) -> list[Row]:
    """The rows that make figures; where one names a double, an event or a record, it names the first instead."""
    candidates, first_of = _sources(q)
    counted = [row for row in candidates if first_of[row.id] is row]
    events = {row.id: first_of[row.id].id for row in candidates}
    made_and_counted = {(MAKERS[row.type], row.data[MAKERS[row.type]]) for row in counted if row.type in MAKERS}
    records = {}
    for row in candidates:
        kind = MAKERS.get(row.type)
        if kind is not None and (kind, row.data[kind]) not in made_and_counted:
            records[kind, row.data[kind]] = first_of[row.id].data[kind]

    def renamed(row: Row) -> Row:
        data = dict(row.data)
        if row.type.partition(".")[0] in (*MAKERS.values(), "investment", "distribution"):
            for kind in MAKERS.values():
                if kind in data:
                    data[kind] = records.get((kind, data[kind]), data[kind])
            if "part_of" in data:
                whole, kind = data["part_of"], "claim" if row.type == "claim.published" else "commitment"
                data["part_of"] = events.get(whole) or records.get((kind, whole), whole)
            if "denies" in data:
                denied = data["denies"]
                data["denies"] = events.get(denied) or records.get(("claim", denied), denied)
            for names, kinds in (("members", (*DEALS, "claim")), ("on", ("commitment",))):
                if names in data:
                    of_records = [
                        records[kind, name] for kind in kinds for name in data[names] if (kind, name) in records
                    ]
                    data[names] = [*(events.get(name, name) for name in data[names]), *of_records]
            if "linked" in data:
                links = data["linked"] if isinstance(data["linked"], list) else [data["linked"]]
                of_records = [records[kind, link] for kind in DEALS for link in links if (kind, link) in records]
                data["linked"] = [events.get(link, link) for link in links] + of_records
        return replace(row, data=data)

    return [renamed(row) for row in counted]


def _sources(q: Question) -> tuple[list[Row], dict[str, Row]]:
    """The rows that would make figures were it not for other sources, and for each the first of its fact, by its id."""
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
    return candidates, {row.id: firsts.setdefault(root(row), row) for row in candidates}  # already by position


def by_position(rows: Iterable[Row]) -> list[str]:
    """The ids of rows, each once, by position: the `events` of an answer."""
    return [row.id for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.position)]
