"""Whether a correction or a retraction may be recorded: what it names is live, and every rule holds afterwards."""

from __future__ import annotations

from datetime import date

from ledger.attachments import ADDED, ERASED, correction_problems
from ledger.chains import Member, retracted
from ledger.event import RETRACTED, TYPES, Event, keys_of, references
from ledger.head import Admitted, Chain, Content, Head
from ledger.naming import check_references, unknown_event
from ledger.refusals import Reason, Refusal, refuse
from ledger.row import Row
from ledger.rules import check_change, placed, record_of
from ledger.store import Stored
from ledger.times import parse_day


def check_correction(head: Head, event: Event, event_id: str, effective: str, known: str, today: date) -> Admitted:
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
        not_in_future(replacement["known"], f"{prefix}/known", today)
    said = Content(
        replacement["type"],
        replacement["effective"],
        replacement.get("status") or "reported",
        replacement.get("same_as"),
        replacement["data"],
    )
    fact = chain.contents[chain.id]
    record = record_of(fact)
    if said.type != fact.type or record_of(said) != record:
        raise refuse(
            Reason.DIFFERENT_RECORD,
            f"{prefix}/type" if said.type != fact.type else f"{prefix}/data",
            f"the fact is {fact.type}{f' of {record}' if record else ''}, and a correction keeps both",
            "to record something else, retract the fact and submit a new event",
        )
    if said.type == ADDED and (changed := list(correction_problems(fact.data, said.data))):
        raise Refusal(*(problem.under(prefix) for problem in changed))
    check_references(head, references(said.type, said.data), said.same_as, prefix)
    old, new = chain.keys(), set(keys_of(said.type, said.data))
    row = said.row(chain.id, chain.position)
    check_change(head, chain, row, prefix, old | new)
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


def check_retraction(head: Head, event: Event, event_id: str, effective: str, known: str) -> Admitted:
    target, chain = _live_target(head, event.data["event"], "retract")
    if target.type == ERASED:
        raise refuse(
            Reason.ALREADY_ERASED,
            "/data/event",
            f"{target.event_id} is an erasure",
            "the bytes are gone; if they are still somewhere, attach them under another id",
        )
    would_be = Chain(chain.id, chain.position, list(chain.members), chain.contents)
    last = max(member.position for member in chain.members)
    would_be.members.append(Member(event_id, last + 1, parse_day(known), parse_day(known), target.event_id))
    row = would_be.row()
    if row is not None and row != chain.row():
        _check_restored(head, row)
    check_change(head, chain, row, "/data/event", chain.keys())
    return Admitted(event_id, effective, known, _stream(head, chain.id), chain.id, tuple(sorted(chain.keys())))


def _check_restored(head: Head, row: Row) -> None:
    """What comes back must still find what it names; its first source may be gone, that holds nobody up."""
    try:
        check_references(head, references(row.type, row.data), None, "")
    except Refusal as refusal:
        raise Refusal(*(placed(problem, "/data/event") for problem in refusal.problems)) from None


def _live_target(head: Head, event_id: str, verb: str) -> tuple[Stored, Chain]:
    target = head.event(event_id)
    if target is None:
        raise Refusal(unknown_event("/data/event", event_id))
    chain = head.chain(target.chain)
    if TYPES[chain.contents[chain.id].type].ledger_only:
        raise refuse(
            Reason.LEDGER_ONLY,
            "/data/event",
            f"{event_id} is a {target.type}, which the ledger recorded of its own log",
            "what happened to the log can't be taken back; record what happens next",
        )
    if event_id in retracted(chain.members):
        raise refuse(
            Reason.NOT_LIVE,
            "/data/event",
            f"{event_id} is retracted already",
            f"there is nothing to {verb}; retract its retraction to bring it back",
        )
    return target, chain


def _stream(head: Head, fact: str) -> str:
    return next(stored.stream for stored in [head.event(fact)] if stored is not None)


def _earlier(head: Head, chain: Chain) -> tuple[Stored, ...]:
    return tuple(stored for member in chain.members if (stored := head.event(member.event_id)) is not None)


def not_in_future(known: str, pointer: str, today: date) -> None:
    if parse_day(known) > today:
        raise refuse(
            Reason.KNOWN_IN_FUTURE,
            pointer,
            f"{known} is after today, {today}",
            "known is the day it became known; what is still to come goes into effective",
        )
