"""Whether the ledger takes an event now: the door to every rule that depends on what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from ledger import attachments, entities
from ledger.amendments import check_correction, check_retraction, not_in_future
from ledger.attachments import ADDED, ERASED
from ledger.event import CORRECTED, KNOWN_AS_EFFECTIVE, RETRACTED, Event
from ledger.head import Admitted, Content, Head
from ledger.naming import check_references, exists, unknown_entity, unknown_record
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.rules import RULES, check_parents, check_rule
from ledger.times import parse_period

# A purchase can't lower a holding, so it is never refused for one.
_NEVER_AGAINST = {("holding", "investment.made")}
# References whose ids don't tell in which record they are found.
_OF_ANY_KIND = ("event", "anything", "subject")
# Where a fact that is still to be written orders among those of its day.
_LATEST = 2**62


def check(head: Head, event: Event, event_id: str, today: date) -> Admitted:
    """Whether the ledger takes the event now; raises Refusal with every problem found at the first that bars it."""
    if head.event(event_id) is not None:
        raise refuse(
            Reason.EVENT_EXISTS,
            "/id",
            f"the id {event_id} was used before",
            "ids are unique for ever: leave the id out or make a new one; to change what was recorded, send"
            " event.corrected, and to bring back what was retracted, retract the retraction",
        )
    if event.model.ledger_only:
        raise refuse(
            Reason.LEDGER_ONLY,
            "/type",
            f"{event.type} is recorded by the ledger itself, of its own log",
            "leave it out: what it says is true of the log that it came from, and of no other",
        )
    effective, known = _dates(event, today)
    if event.type == CORRECTED:
        return check_correction(head, event, event_id, effective, known, today)
    if event.type == RETRACTED:
        return check_retraction(head, event, event_id, effective, known)
    return _check_fact(head, event, event_id, effective, known)


def look_up(head: Head, events: Sequence[tuple[Event, str]]) -> None:
    """Let the head ask the store at once for what `check` will ask of these events, each with its id, as far as they
    tell it themselves."""
    streams, keys = set[str](), set[str]()
    for event, event_id in events:
        if event.type in (CORRECTED, RETRACTED):
            continue
        model = event.model
        streams.add(model.stream(event.data, event_id))
        keys.update([f"{one.kind}/{one.id}" for one in event.references if one.kind not in _OF_ANY_KIND])
        if model.record is not None:
            kind, field = model.record
            keys.add(f"{kind}/{event.data[field]}")
        keys.update(_ruled(event))
    head.expect({event_id for _, event_id in events}, streams, keys)


def _dates(event: Event, today: date) -> tuple[str, str]:
    """The effective and known dates with their defaults."""
    known, effective = event.body.get("known"), event.body.get("effective")
    if known is None:
        known = today.isoformat()
        if event.type in KNOWN_AS_EFFECTIVE and effective is not None:
            known = min(today, parse_period(effective).last).isoformat()
    not_in_future(known, "/known", today)
    return effective or known, known


def _check_fact(head: Head, event: Event, event_id: str, effective: str, known: str) -> Admitted:
    body = event.body
    content = Content(event.type, effective, body.get("status") or "reported", body.get("same_as"), event.data)
    check_references(head, event.references, content.same_as, "")
    _check_record(head, event)
    stands = head.rows
    row = content.row(event_id, _LATEST)
    for key in _ruled(event):
        check_rule(head, key, stands(key), [*stands(key), row], row, "")
    if content.data.get("parent"):
        check_parents(head, f"entity/{content.data['entity']}", event_id, row, "/data/parent")
    stream = event.model.stream(event.data, event_id)
    return Admitted(event_id, effective, known, stream, event_id, event.keys, warnings=tuple(_warnings(head, content)))


def _ruled(event: Event) -> list[str]:
    """The keys of the records whose rules the event can break."""
    kinds = [(key.partition("/")[0], key) for key in event.touched]
    return [key for kind, key in kinds if kind in RULES and (kind, event.type) not in _NEVER_AGAINST]


def _check_record(head: Head, event: Event) -> None:
    """A record is made once, and everything else needs one that is live."""
    model = event.model
    if model.record is None:
        return
    if event.type in (ADDED, ERASED):
        name = event.data["attachment"]
        ever = [*head.ever(f"attachment/{name}"), *head.ever(f"erasure/{name}")]
        if found := list(attachments.problems(event.type, event.data, [(said.type, said.data) for said in ever])):
            raise Refusal(*found)
        if event.type == ERASED:  # also of one that is retracted
            return
    kind, field = model.record
    name = event.data[field]
    held = exists(head, kind, name)
    if model.makes and held:
        raise refuse(
            Reason.RECORD_EXISTS,
            f"/data/{field}",
            f"{kind} {name} exists already",
            f"take another id, or record what is different with {kind}.changed or event.corrected",
        )
    if not model.makes and not held:
        if kind == "entity":
            raise Refusal(unknown_entity(head, f"/data/{field}", name))
        raise Refusal(unknown_record(f"/data/{field}", kind, name))


def _warnings(head: Head, said: Content) -> Iterator[Problem]:
    """What is taken, and still worth a second look."""
    if said.type.startswith("entity."):
        for name, other in head.directory.alike(said.data["entity"], entities.entity_names(said.data)):
            yield Problem(
                Reason.RECORD_EXISTS,
                "/data/name",
                f"{name} looks like a name of {other}",
                f"if it is the same party, retract this event and use {other}",
            )
    if said.same_as is not None and head.chain(said.same_as).contents[said.same_as].type != said.type:
        yield Problem(
            Reason.DIFFERENT_RECORD,
            "/same_as",
            "another source for a fact is of the fact's own type; so this counts nowhere",
            "if that is a slip, correct the event without same_as",
        )
    if said.type == "investment.made" and said.data.get("commitment"):
        yield from _draw_elsewhere(head, said)


def _draw_elsewhere(head: Head, said: Content) -> Iterator[Problem]:
    """A draw that reaches another issuer than the commitment names, unless that is a place, group or sector."""
    rows = head.rows(f"commitment/{said.data['commitment']}")
    to = next(row.data["to"] for row in rows if row.type == "commitment.made")
    kinds = [row.data["kind"] for row in head.rows(f"entity/{to}") if row.data.get("kind")]
    if to != said.data["issuer"] and kinds and kinds[-1] not in ("place", "group", "undisclosed", "government"):
        yield Problem(
            Reason.DIFFERENT_RECORD,
            "/data/commitment",
            f"the commitment is to {to}, the draw goes to {said.data['issuer']}",
            "if that is a slip, correct the event",
        )
