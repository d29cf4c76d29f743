"""What moved facts between two points: of a fact's events the fewest that make its row at the one that at the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.chains import Member, row_member
from ledger.event import CORRECTED, RETRACTED
from ledger.head import Content, read_member
from ledger.store import Stored
from ledger.times import parse_period
from projections.visibility import ADDITIVE, Point, Tables, counts


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """An event, and why it isn't the same at both points; without an event, `time`: as_of itself."""

    position: int
    event: str | None
    why: str
    type: str | None
    """Of the event."""
    fact: str | None
    """The fact that it is, corrects or retracts, as `events` in rows name it."""


TIME = Cause(2**63, None, "time", None, None)


@dataclass(frozen=True, slots=True)
class Link:
    """An event of a chain: a fact, a correction or a retraction."""

    stored: Stored
    member: Member
    content: Content | None


@dataclass(slots=True)
class Moves:
    """What the events of facts did between two points; each fact is read and worked out once."""

    model: Tables
    before: Point
    after: Point
    every_status: bool
    """Whether rows of every status are shown, so that one that doesn't count is a cause too."""
    chains: dict[str, list[Link]] = field(default_factory=dict)
    """By fact, its events as far as either point sees them, once they are loaded."""
    _caused: tuple[dict[str, set[Cause]], dict[str, set[Cause]]] = field(default_factory=lambda: ({}, {}))

    def of(self, chains: Iterable[str], said: Sequence[str] | None = None) -> set[Cause]:
        """What changed the rows of these facts; with `said`, only what they say of that."""
        chains, known = set(chains), self._caused[said is not None]
        self.load(chains)
        for chain in chains - known.keys():
            known[chain] = self._of_chain(self.chains.get(chain, []), said)
        return set().union(*(known[chain] for chain in chains if known[chain]))

    def load(self, chains: Iterable[str]) -> None:
        """Read the events of the chains, as far as either point sees them."""
        new = sorted(set(chains) - set(self.chains))
        if not new:
            return
        rows = self.model.rows(
            """SELECT position, stream, type, event_id, chain FROM events
            WHERE list_contains($chains::VARCHAR[], chain) AND position <= $position ORDER BY position""",
            {"chains": new, "position": max(self.before.position, self.after.position)},
        )
        self.chains.update({chain: [] for chain in new})
        states = self.model.states([row[0] for row in rows])
        for position, stream, kind, event_id, chain in rows:
            stored = Stored(position, stream, 0, kind, states[position], event_id, chain)
            self.chains[chain].append(Link(stored, *read_member(stored)))

    def _of_chain(self, chain: list[Link], said: Sequence[str] | None) -> set[Cause]:
        """The fewest of the chain's events, and of the day, that make the first point's row the second's."""
        was, now = ({one.member.event_id: _seen(one, at) for one in chain} for at in (self.before, self.after))
        to_do = [one.member.event_id for one in chain if was[one.member.event_id] != now[one.member.event_id]]
        moves: list[str | None] = [*([None] if self.before.as_of != self.after.as_of else []), *to_do]

        def row(done: Iterable[str | None]) -> tuple[Any, ...] | None:
            done = set(done)
            seen = {one: (now if one in done else was)[one] for one in was}
            return self._row(chain, seen, self.after.as_of if None in done else self.before.as_of, said)

        if row([]) == (wanted := row(moves)):
            return set()
        again = True
        while again:
            again = False
            for move in list(moves):
                if row([one for one in moves if one != move]) == wanted:
                    moves.remove(move)
                    again = True
        by_id = {one.member.event_id: one for one in chain}
        found = {cause for move in moves if move for cause in self.why(by_id[move], was[move], now[move])}
        if None in moves:
            dated = self._shown(chain, now) or self._shown(chain, was)
            found |= {cause_by(dated, "effective")} if dated else set()
        return found

    def _row(
        self, chain: list[Link], seen: Mapping[str, int], as_of: date, said: Sequence[str] | None
    ) -> tuple[Any, ...] | None:
        """What the chain shows and how far its period is over; None if nothing that counts."""
        one = self._shown(chain, seen)
        if one is None or one.content is None:
            return None
        content = one.content
        period = parse_period(content.effective)
        reached = (content.type in ADDITIVE and period.first <= as_of) + (period.last <= as_of)
        if not reached or not (self.every_status or counts(content.status, self.after)):
            return None
        if said is not None:
            told = [(name, content.data[name]) for name in said if name in content.data]
            return (content.effective, reached, told) if told else None
        return content, one.member.shows_from, reached

    def _shown(self, chain: list[Link], seen: Mapping[str, int]) -> Link | None:
        """The event that is the chain's row, if these events are seen (1), and what they say shows (2)."""
        there = [one.member for one in chain if seen[one.member.event_id]]
        holds = row_member(there)
        if holds is None or seen[holds.event_id] < 2:
            return None
        return next(one for one in chain if one.member is holds)

    def why(self, one: Link, was: int, now: int) -> set[Cause]:
        if was and now:  # the correction was seen already; what it says shows from a later day on
            return {cause_by(one, "became_known")}
        if one.stored.type == CORRECTED:
            return {cause_by(one, "corrected")}
        if one.stored.type == RETRACTED:
            return {cause_by(one, "retracted")}
        return self.arrival(one)

    def arrival(self, one: Link) -> set[Cause]:
        """Why an event is seen at one point only; nothing if at both or none."""
        sides = [bool(_seen(one, at)) for at in (self.before, self.after)]
        if sides[0] == sides[1]:
            return set()
        unseen = self.after if sides[0] else self.before
        late = {"recorded": one.member.position > unseen.position, "became_known": one.member.known > unseen.known_at}
        return {cause_by(one, why) for why, is_so in late.items() if is_so}


def _seen(one: Link, at: Point) -> int:
    """0: not seen at the point; 1: seen, but what it says doesn't show yet; 2: seen and shown."""
    if one.member.position > at.position or one.member.known > at.known_at:
        return 0
    return 2 if one.member.shows_from <= at.known_at else 1


def cause_by(one: Link, why: str) -> Cause:
    return Cause(one.stored.position, one.stored.event_id, why, one.stored.type, one.stored.chain)
