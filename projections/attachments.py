"""Attachments: which documents there are about what, and which of them were erased. As the log has it: no bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ledger.attachments import ADDED, ERASED
from projections.paging import EVERYTHING, Listing, Page
from projections.table import Fact, Said, Table, lines
from projections.visibility import Point, Tables, held

_SAYS = ("title", "media_type", "size", "hash", "reason")


def _rows(fact: Fact) -> Iterator[Said]:
    said = fact.data
    yield {
        "attachment": said["attachment"],
        "about": lines(said.get("about") or ()),
        **{name: said.get(name) for name in _SAYS},
        "effective": fact.effective,
    }


TABLE = Table(
    "attachments",
    frozenset({ADDED, ERASED}),
    {
        "attachment": "VARCHAR",
        "about": "VARCHAR[]",
        "title": "VARCHAR",
        "media_type": "VARCHAR",
        "size": "BIGINT",
        "hash": "VARCHAR",
        "reason": "VARCHAR",
        "effective": "VARCHAR",
    },
    _rows,
)
_MOMENT = "strftime({}.recorded_at, '%Y-%m-%dT%H:%M:%S.%fZ')"
_NAMES = (
    *("attachment", "about", "title", "media_type", "size", "hash", "effective", "known", "status"),
    *("recorded_at", "recorded_by", "event", "erased_by", "erased_at", "reason"),
)


def attachments(
    model: Tables, at: Point, *, about: str | None = None, attachment: str | None = None, page: Page
) -> Listing:
    """Attachments known by `known_at`, in the order of the log; `as_of` doesn't matter.

    `about` is the id of an event, a record or an entity.
    """
    rule = held(at)
    conditions = {
        "about": "list_contains(added.about, $about)",
        "attachment": "added.attachment = $attachment",
        "after": "added.fact_position > $after",
    }
    given = {"about": about, "attachment": attachment, "after": None if page.after is None else int(page.after)}
    chosen = {name: value for name, value in given.items() if value is not None}
    rows = model.rows(
        f"""WITH held AS (SELECT * FROM attachments WHERE {rule.sql})
        SELECT added.fact_position, added.attachment, added.about, added.title, added.media_type, added.size,
            added.hash, added.effective, own.known::VARCHAR, added.status, {_MOMENT.format("own")}, own.recorded_by,
            added.chain, erased.chain, {_MOMENT.format("erasing")}, erased.reason
        FROM held AS added
        JOIN events AS own ON own.event_id = added.chain
        LEFT JOIN held AS erased ON erased.type = '{ERASED}' AND erased.attachment = added.attachment
        LEFT JOIN events AS erasing ON erasing.event_id = erased.chain
        WHERE {" AND ".join([f"added.type = '{ADDED}'", *(conditions[name] for name in chosen)])}
        ORDER BY added.fact_position LIMIT {page.limit + 1:d}""",
        {**rule.values, **chosen},
    )
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return Listing([_shown(row) for row in rows], None, more, str(rows[-1][0]) if more else None)


def attachment(model: Tables, at: Point, name: str) -> dict[str, Any] | None:
    """One attachment; None if none of this id is known."""
    found = attachments(model, at, attachment=name, page=EVERYTHING).rows
    return found[-1] if found else None


def attachments_of(model: Tables, at: Point, subjects: Sequence[str]) -> dict[str, list[str]]:
    """The attachments about each of these events, records or entities, in the order of the log."""
    rule = held(at)
    found: dict[str, list[str]] = defaultdict(list)
    for subject, name in model.rows(
        f"""SELECT subject, attachment FROM (
            SELECT unnest(about) AS subject, attachment, fact_position FROM attachments
            WHERE type = '{ADDED}' AND {rule.sql})
        WHERE subject IN (SELECT unnest($subjects::VARCHAR[])) ORDER BY fact_position""",
        {**rule.values, "subjects": list(subjects)},
    ):
        found[subject].append(name)
    return found


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    told = dict(zip(_NAMES, row[1:], strict=True))
    return {**told, "content": f"/v1/attachments/{told['attachment']}/content"}
