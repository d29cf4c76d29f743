"""Reviews: what reviewers think of the facts, what is left to be looked at, and how far each reviewer is.

What is reviewed is a fact as it stands, with its corrections and retractions: its chain. A review that names any event
of the chain speaks of what the chain was when the review was recorded; once the chain has a newer event, the review is
outdated.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from ledger.money import plain
from ledger.reviews import ReviewRecorded
from projections.paging import Listing, Page
from projections.table import Fact, Said, Table
from projections.visibility import RECORDED, Point, Tables, held

# From the mildest: of several reviewers' verdicts the last of these is the fact's state.
VERDICTS = ("approved", "questioned", "rejected")
UNREVIEWED = "unreviewed"
# Of all chains those that are reviewed as a matter of course: all but reviews themselves.
FACTS = f"true GROUP BY chain HAVING bool_and(type <> '{ReviewRecorded.type}')"
# The chains of the events that are asked about.
OF_THESE = "chain IN (SELECT chain FROM events WHERE event_id IN (SELECT unnest($ids::VARCHAR[]))) GROUP BY chain"


def _rows(fact: Fact) -> Iterator[Said]:
    said = fact.data
    for event in dict.fromkeys(said["events"]):
        yield {
            "event": event,
            "verdict": said["verdict"],
            "named_by": said.get("by"),
            "comment": said.get("comment"),
        }


TABLE = Table(
    "reviews",
    frozenset({ReviewRecorded.type}),
    dict.fromkeys(("event", "verdict", "named_by", "comment"), "VARCHAR"),
    _rows,
)


def _said(at: Point, chains: str = FACTS) -> tuple[str, dict[str, Any]]:
    """Tables for a WITH clause: `facts`, each with the position of the last event of its chain; `said`, every review
    of one, with the reviewer and whether it is outdated; `current`, each reviewer's newest word on it, if it isn't."""
    rule = held(at)
    sql = f"""facts AS (
            SELECT chain AS fact, max(position) AS last_position FROM events
            WHERE {RECORDED} AND {chains}),
        standing AS (
            SELECT * FROM reviews WHERE {rule.sql} AND status NOT IN ('denied', 'rumoured')),
        said AS (
            SELECT named.chain AS fact, standing.event, standing.chain AS review, standing.fact_position AS said_at,
                standing.verdict, coalesce(standing.named_by, own.recorded_by) AS reviewer, standing.comment,
                own.recorded_by, own.recorded_at, last_position > standing.fact_position AS outdated
            FROM standing
            JOIN events AS named ON named.event_id = standing.event
            JOIN events AS own ON own.event_id = standing.chain
            JOIN facts ON facts.fact = named.chain),
        current AS (
            SELECT fact, reviewer, arg_max(verdict, said_at) AS verdict FROM said WHERE NOT outdated
            GROUP BY fact, reviewer)"""
    return sql, rule.values


def reviews_of(model: Tables, at: Point, events: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The reviews that name these events, by the event, in order."""
    # Most pages of the trail have none, and to know that is cheap.
    named = "SELECT 1 FROM reviews WHERE list_contains($ids::VARCHAR[], event) LIMIT 1"
    if not model.rows(named, {"ids": list(events)}):
        return {}
    return _listed(model, at, "event", events)


def _listed(model: Tables, at: Point, by: str, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    tables, values = _said(at, OF_THESE)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key, position, *row in model.rows(
        f"""WITH {tables} SELECT {by}, said_at, review, event, verdict, reviewer, comment, recorded_by,
            strftime(recorded_at, '%Y-%m-%dT%H:%M:%S.%fZ'), outdated
        FROM said WHERE {by} IN (SELECT unnest($ids::VARCHAR[])) ORDER BY said_at, event""",
        {**values, "ids": list(ids)},
    ):
        names = ("review", "event", "verdict", "reviewer", "comment", "recorded_by", "recorded_at", "outdated")
        found[key].append({"position": position, **dict(zip(names, row, strict=True))})
    return found


def reviews(
    model: Tables,
    at: Point,
    *,
    state: str | None = None,
    reviewer: str | None = None,
    since_position: int = 0,
    entity: str | None = None,
    page: Page,
) -> Listing:
    """Facts with their reviews, by the position of the last event of each; `as_of` doesn't matter.

    A fact's state is the gravest of its reviewers' newest verdicts, or unreviewed; with `reviewer`, that one's alone.
    `since_position`: only facts that are new, or corrected or retracted, after it.
    """
    tables, values = _said(at)
    conditions = {
        "state": "queue.state = $state",
        "since": "last_position > $since",
        "entity": "fact IN (SELECT chain FROM events WHERE list_contains(entities, $entity))",
        "after": "last_position > $after",
    }
    given = {
        "state": state,
        "since": since_position or None,
        "entity": entity,
        "after": None if page.after is None else int(page.after),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    rows = model.rows(
        f"""WITH {tables},
        judged AS (
            SELECT fact, $verdicts[max(list_position($verdicts, verdict))] AS state FROM current
            WHERE $reviewer IS NULL OR reviewer = $reviewer GROUP BY fact),
        queue AS (
            SELECT fact, last_position, coalesce(state, '{UNREVIEWED}') AS state
            FROM facts LEFT JOIN judged USING (fact))
        SELECT fact, last_position, queue.state, events.position, stream FROM queue JOIN events ON event_id = fact
        WHERE {" AND ".join(["true", *(conditions[name] for name in chosen)])}
        ORDER BY last_position LIMIT {page.limit + 1:d}""",
        {**values, **chosen, "verdicts": list(VERDICTS), "reviewer": reviewer},
    )
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    ids = [row[0] for row in rows]
    amended, said = _amendments(model, at, ids), _listed(model, at, "fact", ids)
    states = model.states([row[3] for row in rows])
    shown = [_shown(row, states[row[3]], amended.get(row[0], []), said.get(row[0], [])) for row in rows]
    return Listing(shown, None, more, str(rows[-1][1]) if more else None)


def _shown(row: tuple[Any, ...], text: str, amended_by: list[str], said: list[dict[str, Any]]) -> dict[str, Any]:
    fact, last_position, state, _, stream = row
    event = json.loads(text)
    return {
        "event": fact,
        "state": state,
        "type": event["type"],
        "record": stream,
        "effective": event["effective"],
        "known": event["known"],
        "status": event["status"],
        "recorded_at": event["recorded_at"],
        "recorded_by": event["recorded_by"],
        "amended_by": amended_by,
        "last_position": last_position,
        "reviews": said,
    }


def _amendments(model: Tables, at: Point, facts: Sequence[str]) -> dict[str, list[str]]:
    """The corrections and retractions in the chain of each fact, by position."""
    found: dict[str, list[str]] = defaultdict(list)
    for event_id, chain in model.rows(
        f"""SELECT event_id, chain FROM events
        WHERE {RECORDED} AND chain IN (SELECT unnest($ids::VARCHAR[])) AND event_id <> chain ORDER BY position""",
        {"position": at.position, "known_at": at.known_at, "ids": list(facts)},
    ):
        found[chain].append(event_id)
    return found


def reviewers(model: Tables, at: Point, *, page: Page) -> Listing:
    """How far each reviewer is, by name; `as_of` doesn't matter.

    The counts are of facts by the reviewer's newest verdict; `outdated` are those that changed after it. `share` is the
    part of all facts that has a verdict which isn't outdated.
    """
    after = "" if page.after is None else json.loads(page.after)[0]
    tables, values = _said(at)
    counts = ", ".join(f"count(*) FILTER (verdict = '{verdict}')" for verdict in VERDICTS)
    rows = model.rows(
        f"""WITH {tables},
        looked AS (
            SELECT fact, reviewer, max(last_position) AS last_position, max(said_at) AS said_at,
                bool_and(outdated) AS outdated
            FROM said JOIN facts USING (fact) GROUP BY fact, reviewer)
        SELECT reviewer, {counts}, count(*) FILTER (outdated), (SELECT count(*) FROM facts),
            max(last_position) FILTER (NOT outdated), max(said_at)
        FROM looked LEFT JOIN current USING (fact, reviewer)
        WHERE reviewer > $after GROUP BY reviewer ORDER BY reviewer LIMIT {page.limit + 1:d}""",
        {**values, "after": after},
    )
    more = len(rows) > page.limit
    shown = [_progress(*row) for row in rows[: page.limit]]
    return Listing(shown, None, more, json.dumps([shown[-1]["reviewer"]]) if more else None)


def _progress(
    reviewer: str,
    approved: int,
    questioned: int,
    rejected: int,
    outdated: int,
    facts: int,
    last_position: int | None,
    last_review: int,
) -> dict[str, Any]:
    done = approved + questioned + rejected
    return {
        "reviewer": reviewer,
        "approved": approved,
        "questioned": questioned,
        "rejected": rejected,
        "outdated": outdated,
        "unreviewed": facts - done - outdated,
        "facts": facts,
        "share": plain(Decimal(done) / facts),
        "last_position": last_position,
        "last_review": last_review,
    }
