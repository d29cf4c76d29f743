"""What the ledger refuses: every rule that depends on what it holds, run on the head as it would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ledger import commitments, contracts, entities, holdings
from ledger.chains import Member
from ledger.event import CORRECTED, KNOWN_AS_EFFECTIVE, RETRACTED, TYPES, Event, Reference, keys_of, references
from ledger.fields import is_uuid
from ledger.head import Chain, Content, Head
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.row import Row, counting, in_order
from ledger.store import Stored
from ledger.times import parse_day, parse_period

Rule = Callable[[Sequence[Row], Row | None], Iterator[Problem]]

# The rules of a record, by the first word of its key.
_RULES: dict[str, Rule] = {
    "commitment": commitments.problems,
    "contract": contracts.problems,
    "holding": holdings.problems,
}
# A purchase can't lower a holding, so it is never refused for one.
_NEVER_AGAINST = {("holding", "investment.made")}
# The kinds of record that an id can name where a field takes any.
_KINDS = ("entity", *dict.fromkeys(model.record[0] for model in TYPES.values() if model.record and model.makes))

# Where a fact that is still to be written orders among those of its day.
_LATEST = 2**62


@dataclass(frozen=True, slots=True)
class Admitted:
    """An event that may be written: where it goes and what it touches."""

    event_id: str
    effective: str
    known: str
    stream: str
    chain: str
    keys: tuple[str, ...]
    moved: tuple[Stored, ...] = ()  # the earlier events of a chain that a correction moves
    moved_to: tuple[str, ...] = ()  # the keys that they are to be found under from now on
    warnings: tuple[Problem, ...] = ()


def check(head: Head, event: Event, event_id: str, today: date) -> Admitted:
    """Whether the ledger takes the event now; raises Refusal with every problem found at the first that bars it."""
    if head.event(event_id) is not None:
        raise refuse(
            Reason.EVENT_EXISTS, "/id", f"the id {event_id} was used before", "ids are unique for ever; make a new one"
        )
    effective, known = _dates(event, today)
    if event.type == CORRECTED:
        return _check_correction(head, event, event_id, effective, known, today)
    if event.type == RETRACTED:
        return _check_retraction(head, event, event_id, effective, known)
    return _check_fact(head, event, event_id, effective, known)


def _dates(event: Event, today: date) -> tuple[str, str]:
    """The effective and known dates with their defaults."""
    known, effective = event.body.get("known"), event.body.get("effective")
    if known is None:
        known = today.isoformat()
        if event.type in KNOWN_AS_EFFECTIVE and effective is not None:
            known = min(today, parse_period(effective).last).isoformat()
    _not_in_future(known, "/known", today)
    return effective or known, known


def _not_in_future(known: str, pointer: str, today: date) -> None:
    if parse_day(known) > today:
        raise refuse(
            Reason.KNOWN_IN_FUTURE,
            pointer,
            f"{known} is after today, {today}",
            "known is the day it became known; what is still to come goes into effective",
        )


# --- facts ------------------------------------------------------------------------------------------------------


def _check_fact(head: Head, event: Event, event_id: str, effective: str, known: str) -> Admitted:
    body = event.body
    content = Content(event.type, effective, body.get("status") or "reported", body.get("same_as"), event.data)
    _check_references(head, content, "")
    _check_record(head, event)
    stands = head.rows
    row = content.row(event_id, _LATEST)
    for key in event.model.keys(event.data):
        kind = key.partition("/")[0]
        if kind in _RULES and (kind, event.type) not in _NEVER_AGAINST:
            _check_rule(key, stands(key), [*stands(key), row], row, "")
    if content.data.get("parent"):
        _check_parents(head, f"entity/{content.data['entity']}", event_id, row, "/data/parent")
    keys = tuple(keys_of(event.type, event.data))
    stream = event.model.stream(event.data, event_id)
    return Admitted(event_id, effective, known, stream, event_id, keys, warnings=tuple(_warnings(head, content)))


def _check_record(head: Head, event: Event) -> None:
    """A record is made once, and everything else needs one that is live."""
    model = event.model
    if model.record is None:
        return
    kind, field = model.record
    name = event.data[field]
    exists = _exists(head, kind, name)
    if model.makes and exists:
        raise refuse(
            Reason.RECORD_EXISTS,
            f"/data/{field}",
            f"there is a {kind} {name} already",
            f"take another id, or record what is different with {kind}.changed or event.corrected",
        )
    if not model.makes and not exists:
        if kind == "entity":
            raise Refusal(_unknown_entity(head, f"/data/{field}", name))
        raise Refusal(_unknown_record(f"/data/{field}", kind, name))


def _exists(head: Head, kind: str, name: str) -> bool:
    return any(TYPES[row.type].makes and TYPES[row.type].record == (kind, kind) for row in head.rows(f"{kind}/{name}"))


def _check_references(head: Head, said: Content, prefix: str) -> None:
    """Every id that the event names must be of something that the ledger holds now."""
    named = list(references(said.type, said.data))
    if said.same_as is not None:
        named.append(Reference("/same_as", "fact", said.same_as))
    if found := [problem for one in named for problem in _missing(head, one)]:
        raise Refusal(*(problem.under(prefix) for problem in found))


def _missing(head: Head, named: Reference) -> Iterator[Problem]:
    if named.kind == "entity":
        if not _exists(head, "entity", named.id):
            yield _unknown_entity(head, named.pointer, named.id)
    elif named.kind == "event" or is_uuid(named.id):
        stored = head.event(named.id)
        if stored is None:
            yield _unknown_event(named.pointer, named.id)
        elif named.kind != "event" and stored.chain != named.id:
            yield Problem(
                Reason.UNKNOWN_EVENT, named.pointer, f"{named.id} is no fact", f"name the fact itself, {stored.chain}"
            )
        elif named.kind != "event" and head.chain(named.id).row() is None:
            yield Problem(
                Reason.UNKNOWN_EVENT, named.pointer, f"{named.id} was retracted", "name an event that is live"
            )
    elif named.kind == "anything":
        if not any(_exists(head, kind, named.id) for kind in _KINDS):
            yield Problem(
                Reason.UNKNOWN_RECORD,
                named.pointer,
                f"nothing has the id {named.id}",
                f"record it first, or name a live one of {', '.join(_KINDS)} or an event",
            )
    elif not _exists(head, named.kind, named.id):
        yield _unknown_record(named.pointer, named.kind, named.id)


def _unknown_entity(head: Head, pointer: str, name: str) -> Problem:
    near = head.directory.nearest(name)
    mend = f"did you mean {' or '.join(near)}? Else register" if near else "register"
    return Problem(
        Reason.UNKNOWN_ENTITY, pointer, f"no entity {name} is registered", f"{mend} it first with entity.registered"
    )


def _unknown_record(pointer: str, kind: str, name: str) -> Problem:
    maker = next(model.type for model in TYPES.values() if model.makes and model.record == (kind, kind))
    return Problem(Reason.UNKNOWN_RECORD, pointer, f"there is no {kind} {name}", f"record it first with {maker}")


def _unknown_event(pointer: str, event_id: str) -> Problem:
    return Problem(Reason.UNKNOWN_EVENT, pointer, f"no event has the id {event_id}", "name one from GET /v1/events")


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


# --- corrections and retractions --------------------------------------------------------------------------------


def _check_correction(head: Head, event: Event, event_id: str, effective: str, known: str, today: date) -> Admitted:
    target, chain = _live_target(head, event.data["event"], "correct")
    if target.type == RETRACTED:
        raise refuse(
            Reason.NOT_CORRECTABLE,
            "/data/event",
            f"{target.event_id} is a retraction",
            "a retraction is undone by retracting it; then correct the fact",
        )
    replacement, prefix = event.data["replacement"], "/data/replacement"
    member = next(one for one in chain.members if one.event_id == target.event_id)
    if parse_day(known) < member.known:
        raise refuse(
            Reason.KNOWN_BEFORE_TARGET,
            "/known",
            f"{known} is before {member.known}, when what it corrects became known",
            "nobody corrects what isn't known yet; use that day or a later one",
        )
    if replacement.get("known") is not None:
        _not_in_future(replacement["known"], f"{prefix}/known", today)
    said = Content(
        replacement["type"],
        replacement["effective"],
        replacement.get("status") or "reported",
        replacement.get("same_as"),
        replacement["data"],
    )
    fact = chain.contents[chain.id]
    if said.type != fact.type or _record(said) != _record(fact):
        raise refuse(
            Reason.DIFFERENT_RECORD,
            f"{prefix}/type" if said.type != fact.type else f"{prefix}/data",
            f"the fact is {fact.type}{f' of {_record(fact)}' if _record(fact) else ''}, and a correction keeps both",
            "to record something else, retract the fact and submit a new event",
        )
    _check_references(head, said, prefix)
    old, new = chain.keys(), set(keys_of(said.type, said.data))
    row = said.row(chain.id, chain.position)
    _check_change(head, chain, row, prefix, old | new)
    return Admitted(
        event_id,
        effective,
        known,
        stream=_stream(head, chain.id),
        chain=chain.id,
        keys=tuple(sorted(old | new)),
        moved=_earlier(head, chain) if new - old else (),
        moved_to=tuple(sorted(new - old)),
    )


def _check_retraction(head: Head, event: Event, event_id: str, effective: str, known: str) -> Admitted:
    target, chain = _live_target(head, event.data["event"], "retract")
    would_be = Chain(chain.id, chain.position, list(chain.members), chain.contents)
    last = max(member.position for member in chain.members)
    would_be.members.append(Member(event_id, last + 1, parse_day(known), parse_day(known), target.event_id))
    row = would_be.row()
    if row is not None and row != chain.row():
        _check_restored(head, row)
    _check_change(head, chain, row, "/data/event", chain.keys())
    return Admitted(event_id, effective, known, _stream(head, chain.id), chain.id, tuple(sorted(chain.keys())))


def _check_restored(head: Head, row: Row) -> None:
    """What comes back must still find what it names; its first source may be gone, that holds nobody up."""
    try:
        _check_references(head, Content(row.type, "", row.status, None, row.data), "")
    except Refusal as refusal:
        raise Refusal(*(_placed(problem, "/data/event") for problem in refusal.problems)) from None


def _live_target(head: Head, event_id: str, verb: str) -> tuple[Stored, Chain]:
    target = head.event(event_id)
    if target is None:
        raise Refusal(_unknown_event("/data/event", event_id))
    chain = head.chain(target.chain)
    retracted: set[str] = set()
    for member in sorted(chain.members, key=lambda one: one.position, reverse=True):
        if member.retracts is not None and member.event_id not in retracted:
            retracted.add(member.retracts)
    if event_id in retracted:
        raise refuse(
            Reason.NOT_LIVE,
            "/data/event",
            f"{event_id} is retracted already",
            f"there is nothing to {verb}; retract its retraction to bring it back",
        )
    return target, chain


def _record(said: Content) -> str | None:
    record = TYPES[said.type].record
    return None if record is None else f"{record[0]}/{said.data[record[1]]}"


def _stream(head: Head, fact: str) -> str:
    return next(stored.stream for stored in [head.event(fact)] if stored is not None)


def _earlier(head: Head, chain: Chain) -> tuple[Stored, ...]:
    return tuple(stored for member in chain.members if (stored := head.event(member.event_id)) is not None)


def _check_change(head: Head, chain: Chain, row: Row | None, prefix: str, keys: set[str]) -> None:
    """Run the rules on every record that the chain touches, with `row` in the place of what holds now."""
    before = chain.row()
    for key in sorted(keys):
        kind = key.partition("/")[0]
        if kind not in _RULES and kind not in _KINDS:
            continue
        now = head.rows(key)
        would_be = [one for one in now if one.chain != chain.id]
        if row is not None and key in TYPES[row.type].keys(row.data):
            would_be = in_order([*would_be, row])
        if kind in _KINDS:
            _check_made_once(key, would_be, prefix)
        if kind in _RULES:
            _check_rule(key, now, would_be, row, prefix)
    _check_circles(head, chain.id, row, prefix)
    for said in (row, before):
        if said is not None and said.type.startswith("entity."):
            _check_parents(head, f"entity/{said.data['entity']}", chain.id, row, prefix)
            break
    if row is None and before is not None:
        _check_unused(head, chain.id, before, prefix)


def _check_made_once(key: str, rows: Sequence[Row], prefix: str) -> None:
    kind, _, name = key.partition("/")
    makers = [row for row in rows if TYPES[row.type].makes and TYPES[row.type].record == (kind, kind)]
    if len(makers) > 1:
        raise refuse(
            Reason.RECORD_EXISTS, prefix, f"there would be two of {kind} {name}", "retract the later one first"
        )
    if rows and not makers:
        raise refuse(
            Reason.DEPENDED_ON,
            prefix,
            f"{len(rows)} other events speak of {kind} {name}, the first is {rows[0].chain}",
            "retract those first, or correct this one",
        )


def _check_rule(key: str, now: Sequence[Row], would_be: Sequence[Row], row: Row | None, prefix: str) -> None:
    """Refuse what the change would make wrong; what was so before is not its fault."""
    kind = key.partition("/")[0]
    if kind == "holding" and holdings.opening_unknown(counting(now)):
        return
    if kind == "holding" and not any(one.type == "investment.sold" for one in would_be):
        return
    already = {problem.reason for problem in _RULES[kind](now, None)}
    found = [problem for problem in _RULES[kind](in_order(would_be), row) if problem.reason not in already]
    if found:
        raise Refusal(*(_placed(problem, prefix) for problem in found))


def _placed(problem: Problem, prefix: str) -> Problem:
    """A retraction has no field of its own to point into; a replacement has all of the fact's."""
    if prefix == "/data/event":
        return Problem(problem.reason, prefix, problem.detail, problem.mend)
    return problem.under(prefix)


def _check_parents(head: Head, key: str, chain: str, row: Row | None, pointer: str) -> None:
    entity = key.partition("/")[2]

    def rows_of(other: str) -> Sequence[Row]:
        rows = [one for one in head.rows(f"entity/{other}") if one.chain != chain]
        return in_order([*rows, row]) if row is not None and other == entity else rows

    entities.check_parents(entity, rows_of, pointer)


def _check_circles(head: Head, chain: str, row: Row | None, prefix: str) -> None:
    """Refuse a part that would be part of itself, or a source that would be the same as itself."""
    if row is None:
        return
    own = {chain, (_record(Content(row.type, "", "", None, row.data)) or "/").partition("/")[2]}
    for field, start in (("part_of", row.data.get("part_of")), ("same_as", row.same_as)):
        named, seen = start, set[str]()
        while named is not None and named not in seen:
            if named in own:
                raise refuse(
                    Reason.REFERENCE_CIRCLE,
                    f"{prefix}/{'data/part_of' if field == 'part_of' else field}"
                    if prefix != "/data/event"
                    else prefix,
                    f"{field} leads back to where it started",
                    "name a whole, or a first source, that isn't this one",
                )
            seen.add(named)
            found = _named_row(head, named)
            named = None if found is None else (found.data.get("part_of") if field == "part_of" else found.same_as)


def _named_row(head: Head, name: str) -> Row | None:
    """The row of an event or of whatever made a record."""
    if is_uuid(name):
        return head.chain(name).row()
    rows = (row for kind in _KINDS for row in head.rows(f"{kind}/{name}") if TYPES[row.type].makes)
    return next((row for row in rows if name in row.data.values()), None)


def _check_unused(head: Head, chain: str, gone: Row, prefix: str) -> None:
    """Refuse to take away what others name: as part, whole, link, member or subject, or as a party."""
    model = TYPES[gone.type]
    names = [chain]
    if model.makes and model.record is not None:
        names.append(gone.data[model.record[1]])
    for name in names:
        _raise_if_used([row for row in head.rows(f"ref/{name}") if row.chain != chain], name, prefix)
    if gone.type == "entity.registered":
        entity = gone.data["entity"]
        for stored in head.mentioning(f'"{entity}"'):
            row = head.chain(stored.chain).row()
            if row and row.chain != chain and any(one.id == entity for one in references(row.type, row.data)):
                _raise_if_used([row], entity, prefix)


def _raise_if_used(rows: Sequence[Row], name: str, prefix: str) -> None:
    if rows:
        raise refuse(
            Reason.DEPENDED_ON,
            prefix,
            f"{rows[0].chain}{f' and {len(rows) - 1} more' if len(rows) > 1 else ''} name {name}",
            "correct or retract those first",
        )
