"""The audit trail: every event as the log holds it, and what corrects, retracts or reviews it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from ledger.entities import DIRECTORY
from ledger.event import CORRECTED, RETRACTED, TYPES, reference_fields
from ledger.fields import is_uuid
from ledger.store import Stored
from projections.attachments import attachments_of
from projections.paging import Listing, Page
from projections.reviews import reviews_of
from projections.table import lines
from projections.visibility import RECORDED, Point, Tables

UUID_LENGTH = 36
NAME = "events"
COLUMNS = {
    "position": "BIGINT",
    "event_id": "VARCHAR",
    "amends": "VARCHAR",  # the fact that it corrects or retracts
    "type": "VARCHAR",
    "stream": "VARCHAR",
    "version": "BIGINT",
    "about": "VARCHAR",  # the event that this one corrects or retracts
    "reviews": "VARCHAR[]",
    "known": "DATE",
    "recorded_at": "TIMESTAMP",
    "recorded_by": "VARCHAR",
    "batch": "VARCHAR",
    "idempotency_key": "VARCHAR",
    "trace_id": "VARCHAR",
    "status": "VARCHAR",
    "source": "VARCHAR",  # its title, publisher and address, in lower case
    "entities": "VARCHAR[]",
    "records": "VARCHAR[]",  # "kind/id" of its own record, and of the commitment that it draws on
}
WORKED_OUT = {"chain": "VARCHAR AS (coalesce(amends, event_id))"}


def row(chain: Sequence[tuple[Stored, dict[str, Any]]]) -> list[Any]:
    """The values of COLUMNS for the last event of a chain, as projections/writing.py takes them."""
    stored, state = chain[-1]
    about = state["data"]["event"] if stored.type in (CORRECTED, RETRACTED) else None
    reviews = state["data"]["events"] if stored.type == "review.recorded" else []
    return [
        stored.position,
        stored.event_id,
        None if stored.chain == stored.event_id else stored.chain,
        stored.type,
        stored.stream,
        stored.version,
        about,
        lines(reviews),
        date.fromisoformat(state["known"]).toordinal(),
        state["recorded_at"],
        state["recorded_by"],
        state.get("batch"),
        state.get("idempotency_key"),
        state.get("trace_id"),
        state["status"],
        _source(state),
        lines(sorted(_entities(chain))),
        lines(sorted(_records(chain))),
    ]


def _source(state: dict[str, Any]) -> str | None:
    said = state.get("source") or {}
    named = [said[name] for name in ("title", "publisher", "url") if said.get(name)]
    return "\n".join(named).lower() or None


def _entities(chain: Sequence[tuple[Stored, dict[str, Any]]]) -> set[str]:
    """The entities that an event names; a correction or retraction also those of its fact and of the replacement."""
    _, state = chain[0]
    found = _named(state["type"], state["data"])
    if len(chain) > 1:
        states = {stored.event_id: its_state for stored, its_state in chain}
        last: dict[str, Any] | None = chain[-1][1]
        while last is not None and last["type"] == RETRACTED:
            last = states.get(last["data"]["event"])
        if last is not None and last["type"] == CORRECTED:
            replacement = last["data"]["replacement"]
            found |= _named(replacement["type"], replacement["data"])
    return found


def _records(chain: Sequence[tuple[Stored, dict[str, Any]]]) -> set[str]:
    """The records that an event is of; a correction or retraction is of all that its chain ever was of."""
    found = {chain[0][0].stream}
    for stored, state in chain:
        if stored.type != RETRACTED:
            said = state["data"]["replacement"] if stored.type == CORRECTED else state
            found.update(TYPES[said["type"]].keys(said["data"]))
    found.discard(DIRECTORY)
    return found


def _named(kind: str, data: dict[str, Any]) -> set[str]:
    """Ids that are entities', or may be: a restriction's `on` doesn't say whether it names an entity or a record."""
    found = set()
    for name in _naming(kind):
        value = data.get(name)
        if isinstance(value, str):
            found.add(value)
        elif value:
            found.update(value)
    return {one for one in found if len(one) != UUID_LENGTH or not is_uuid(one)}


@lru_cache(maxsize=64)
def _naming(kind: str) -> tuple[str, ...]:
    """The fields of an event type that name entities, or may."""
    own = ("entity",) if kind.startswith("entity.") else ()
    naming = (name for name, names in reference_fields(kind) if names in ("entity", "anything", "subject"))
    return tuple(dict.fromkeys((*own, *naming)))


def events(
    model: Tables,
    at: Point,
    *,
    entity: str | None = None,
    record: str | None = None,
    type: str | None = None,
    recorded_by: str | None = None,
    batch: str | None = None,
    idempotency_key: str | None = None,
    trace_id: str | None = None,
    status: str | None = None,
    source: str | None = None,
    live: bool | None = None,
    from_: str | None = None,
    to: str | None = None,
    order: Literal["newest", "position"] = "newest",
    page: Page,
) -> Listing:
    """Events known by `known_at`, newest first or by position; `as_of` doesn't matter.

    `record` is "kind/id" or an id of any kind; `source` a part of a title, publisher or address; `live` leaves out
    those that a live retraction names, or those that none names; `from_` and `to` are days or moments of recording
    (UTC), inclusive.
    """
    retracted, values = ("", {}) if live is None else gone(model, at)
    conditions = {
        "entity": "list_contains(entities, $entity)",
        "record": "len(list_filter(records, lambda one: $record IN (one, substr(one, instr(one, '/') + 1)))) > 0",
        "type": "type = $type",
        "recorded_by": "recorded_by = $recorded_by",
        **{name: f"{name} = ${name}" for name in ("batch", "idempotency_key", "trace_id", "status")},
        "source": "contains(source, $source)",
        "live": f"(event_id NOT IN ({retracted})) = $live",
        "from_": "recorded_at >= $from_::TIMESTAMP",
        "to": "recorded_at <= $to::TIMESTAMP" if to and "T" in to else "recorded_at < $to::TIMESTAMP + INTERVAL 1 DAY",
        "after": "position < $after" if order == "newest" else "position > $after",
    }
    after = None if page.after is None else int(page.after)
    given = {
        "entity": entity,
        "record": record,
        "type": type,
        "recorded_by": recorded_by,
        "batch": batch,
        "idempotency_key": idempotency_key,
        "trace_id": trace_id,
        "status": status,
        "source": None if source is None else source.lower(),
        "live": live,
        "from_": from_,
        "to": to,
        "after": after,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    sql = "".join(f" AND {conditions[name]}" for name in chosen)
    direction = "DESC" if order == "newest" else "ASC"
    rows = _selected(model, at, f"{sql} ORDER BY position {direction} LIMIT {page.limit + 1:d}", {**values, **chosen})
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return Listing(_shown(model, at, rows), None, more, str(rows[-1][0]) if more else None)


def gone(model: Tables, at: Point) -> tuple[str, dict[str, Any]]:
    """A query for the `id` of every event that a live retraction names, and its values."""
    values = {"position": at.position, "known_at": at.known_at, "retraction": RETRACTED}
    # Retractions of retractions are few. From the newest down each one's fate is known when it is met.
    undone: set[str] = set()
    for event_id, about in model.rows(
        f"""SELECT event_id, about FROM events
        WHERE type = $retraction AND {RECORDED}
            AND about IN (SELECT event_id FROM events WHERE type = $retraction AND {RECORDED})
        ORDER BY position DESC""",
        values,
    ):
        if event_id not in undone:
            undone.add(about)
    sql = f"""SELECT DISTINCT about AS id FROM events
        WHERE type = $retraction AND {RECORDED} AND event_id NOT IN (SELECT unnest($undone::VARCHAR[]))"""
    return sql, {**values, "undone": sorted(undone)}


def event(model: Tables, at: Point, event_id: str) -> dict[str, Any] | None:
    """One event with its corrections (also those of corrections), retractions and reviews; None if none is known."""
    rows = _selected(model, at, " AND event_id = $id", {"id": event_id})
    if not rows:
        return None
    chain = _selected(model, at, " AND chain = $chain AND about IS NOT NULL ORDER BY position", {"chain": rows[0][2]})
    concerned, about_it = {event_id}, []
    for one in chain:
        if one[4] in concerned:
            concerned.add(one[1])
            about_it.append(one)
    reviews = _selected(model, at, " AND list_contains(reviews, $id) ORDER BY position", {"id": event_id})
    return {
        "event": _shown(model, at, rows)[0],
        "corrections": _shown(model, at, [one for one in about_it if one[3] == CORRECTED]),
        "retractions": _shown(model, at, [one for one in about_it if one[3] == RETRACTED]),
        "reviews": _shown(model, at, reviews),
    }


def recorded_at(model: Tables, position: int) -> str | None:
    """When the event at a position was recorded (UTC), as the log has it; None for position 0."""
    states = model.states([position])
    return str(json.loads(states[position])["recorded_at"]) if states else None


def of_record(model: Tables, at: Point, record: str) -> list[dict[str, Any]]:
    """The events of one record that are known, by position; a commitment's draws are among them."""
    condition = " AND list_contains(records, $record) ORDER BY position"
    return _shown(model, at, _selected(model, at, condition, {"record": record}))


def version(model: Tables, at: Point, stream: str) -> int:
    """How many events the record has at the position, whenever they became known."""
    [(count,)] = model.rows(
        "SELECT count(*) FROM events WHERE stream = $stream AND position <= $position",
        {"stream": stream, "position": at.position},
    )
    return int(count)


_Selected = tuple[int, str, str, str, str | None, str, int]


def _selected(model: Tables, at: Point, sql: str, values: dict[str, Any]) -> list[_Selected]:
    rows: list[Any] = model.rows(
        f"""SELECT position, event_id, chain, type, about, stream, version FROM events
        WHERE {RECORDED}{sql}""",
        {"position": at.position, "known_at": at.known_at, **values},
    )
    return rows


def _shown(model: Tables, at: Point, rows: Sequence[_Selected]) -> list[dict[str, Any]]:
    """Events with what names them."""
    if not rows:
        return []
    ids = [one[1] for one in rows]
    about: dict[tuple[str, str], list[str]] = defaultdict(list)
    for event_id, kind, named in model.rows(
        f"""SELECT event_id, type, about FROM events
        WHERE {RECORDED} AND about IN (SELECT unnest($ids::VARCHAR[])) ORDER BY position""",
        {"position": at.position, "known_at": at.known_at, "ids": ids},
    ):
        about[kind, named].append(event_id)
    states = model.states([one[0] for one in rows])
    verdicts, documents = reviews_of(model, at, ids), attachments_of(model, at, ids)
    return [
        shown(
            position,
            stream,
            version,
            states[position],
            about[CORRECTED, event_id],
            about[RETRACTED, event_id],
            verdicts.get(event_id, ()),
            documents.get(event_id, ()),
        )
        for position, event_id, _, _, _, stream, version in rows
    ]


def shown(
    position: int,
    stream: str,
    version: int,
    text: str,
    corrected_by: Sequence[str] = (),
    retracted_by: Sequence[str] = (),
    reviews: Sequence[dict[str, Any]] = (),
    attachments: Sequence[str] = (),
) -> dict[str, Any]:
    """An event as recorded, less the number of its schema, with its place, what names it and where its proof is.

    `stream` and `version` are those that its leaf in the log hashes: the record that it is the n-th event of.
    """
    state = json.loads(text)
    del state["schema"]
    return {
        "position": position,
        "record": stream,
        "version": version,
        **state,
        "corrected_by": list(corrected_by),
        "retracted_by": list(retracted_by),
        "reviews": list(reviews),
        "attachments": list(attachments),
        "proof": f"/v1/proofs/{state['id']}",
    }
