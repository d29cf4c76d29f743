"""Which of a fact and its corrections holds: the one rule of liveness, used by the checks and by every projection.

A fact, the corrections that name it (or one another) and the retractions that name any of these form a chain. An
event is live at (known_at, position) if it is recorded by `position`, known by `known_at`, and no live retraction
names it. The chain's row is the live fact or correction with the highest position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Member(NamedTuple):
    """One event of a chain."""

    event_id: str
    position: int
    known: date
    shows_from: date  # a correction whose replacement became known later supersedes first and shows then
    retracts: str | None  # the event that this one retracts; None for a fact or a correction


@dataclass(frozen=True, slots=True)
class Segment:
    """From `known_from` until before `known_to` (None: for ever) this member is the chain's row."""

    event_id: str
    known_from: date
    known_to: date | None


def live_members(members: Sequence[Member], known_at: date | None = None) -> list[Member]:
    """The live facts and corrections among `members`, by position; at the end of knowledge without `known_at`."""
    gone = retracted(members, known_at)
    alive = [one for one in members if one.retracts is None and one.event_id not in gone]
    if known_at is not None:
        alive = [one for one in alive if one.known <= known_at]
    return sorted(alive, key=lambda one: one.position)


def retracted(members: Sequence[Member], known_at: date | None = None) -> set[str]:
    """The ids of all members, retractions included, that a live retraction names."""
    gone: set[str] = set()
    # A retraction can only name an earlier event, so from the newest down each one's fate is known when it is met.
    for member in sorted(members, key=lambda one: one.position, reverse=True):
        known = known_at is None or member.known <= known_at
        if known and member.retracts is not None and member.event_id not in gone:
            gone.add(member.retracts)
    return gone


def row_member(members: Sequence[Member], known_at: date | None = None) -> Member | None:
    """The member that is the chain's row, shown or not yet shown; None if none is live."""
    alive = live_members(members, known_at)
    return alive[-1] if alive else None


def segments(members: Sequence[Member]) -> list[Segment]:
    """The chain's row for every known_at, as the log stands with exactly these members; gaps show nothing."""
    days = sorted({day for one in members for day in (one.known, one.shows_from)})
    found: list[Segment] = []
    for day, until in zip(days, [*days[1:], None], strict=True):
        member = row_member(members, day)
        if member is None or member.shows_from > day:
            continue
        if found and found[-1].event_id == member.event_id and found[-1].known_to == day:
            found[-1] = Segment(member.event_id, found[-1].known_from, until)
        else:
            found.append(Segment(member.event_id, day, until))
    return found
