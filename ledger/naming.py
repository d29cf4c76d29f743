"""What an event names must be there: entities, records and facts, as the ledger holds them now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ledger.event import TYPES, Reference
from ledger.fields import is_uuid
from ledger.head import Head
from ledger.refusals import Problem, Reason, Refusal

# The kinds of record that an id can name where a field takes any.
KINDS = tuple(dict.fromkeys(model.record[0] for model in TYPES.values() if model.record and model.makes))


def check_references(head: Head, named: Iterable[Reference], same_as: str | None, prefix: str) -> None:
    """Every id that an event names must be of something that the ledger holds now."""
    if same_as is not None:
        named = [*named, Reference("/same_as", "fact", same_as)]
    found: list[Problem] = []
    for one in named:
        if one.kind != "entity" or not exists(head, "entity", one.id):
            found += _missing(head, one)
    if found:
        raise Refusal(*(problem.under(prefix) for problem in found))


def exists(head: Head, kind: str, name: str) -> bool:
    for row in head.rows(f"{kind}/{name}"):
        model = TYPES[row.type]
        if model.makes and model.record == (kind, kind):
            return True
    return False


def _missing(head: Head, named: Reference) -> Iterator[Problem]:
    """Why what is named won't do, if it won't; an entity is known not to be there."""
    if named.kind == "entity":
        yield unknown_entity(head, named.pointer, named.id)
    elif named.kind == "event" or is_uuid(named.id):
        stored = head.event(named.id)
        if stored is None:
            yield unknown_event(named.pointer, named.id)
        elif named.kind not in ("event", "subject") and stored.chain != named.id:
            yield Problem(
                Reason.UNKNOWN_EVENT, named.pointer, f"{named.id} is no fact", f"name the fact itself, {stored.chain}"
            )
        elif named.kind not in ("event", "subject") and head.chain(named.id).row() is None:
            yield Problem(
                Reason.UNKNOWN_EVENT, named.pointer, f"{named.id} was retracted", "name an event that is live"
            )
    elif named.kind in ("anything", "subject"):
        if not any(exists(head, kind, named.id) for kind in KINDS):
            yield Problem(
                Reason.UNKNOWN_RECORD,
                named.pointer,
                f"nothing has the id {named.id}",
                f"record it first, or name a live one of {', '.join(KINDS)} or an event",
            )
    elif not exists(head, named.kind, named.id):
        yield unknown_record(named.pointer, named.kind, named.id)


def unknown_entity(head: Head, pointer: str, name: str) -> Problem:
    near = head.directory.nearest(name)
    mend = f"did you mean {' or '.join(near)}? Else register" if near else "register"
    return Problem(
        Reason.UNKNOWN_ENTITY, pointer, f"no entity {name} is registered", f"{mend} it first with entity.registered"
    )


def unknown_record(pointer: str, kind: str, name: str) -> Problem:
    maker = next(model.type for model in TYPES.values() if model.makes and model.record == (kind, kind))
    return Problem(Reason.UNKNOWN_RECORD, pointer, f"there is no {kind} {name}", f"record it first with {maker}")


def unknown_event(pointer: str, event_id: str) -> Problem:
    return Problem(Reason.UNKNOWN_EVENT, pointer, f"no event has the id {event_id}", "name one from GET /v1/events")
