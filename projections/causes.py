"""Which events, or what else, made a difference between two answers: those that bear on the row and aren't the same."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.event import CORRECTED, RETRACTED
from ledger.times import parse_period
from projections.behind import Behind, Seen, events_in
from projections.differences import Answer, Difference, Lists, differences
from projections.moves import TIME, Cause, Moves, cause_by
from projections.visibility import FACTS, Point, Rule, Tables, counting, held, held_at_either

# What a group, a country and a sector are read from.
_OF_PARTIES = ("parent", "country", "sector")


@dataclass(slots=True)
class Causes:
    """What events did between two points. `behind` finds what a row rests on beside the events that it names."""

    model: Tables
    before: Point
    after: Point
    answers: tuple[Answer, Answer]
    lists: Lists
    behind: Callable[[Point, Seen], Behind]
    every_status: bool = False
    """Whether rows of every status are shown, so that one that doesn't count is a cause too."""
    _fact_of: dict[str, str | None] = field(default_factory=dict)
    _same: dict[str, set[str]] | None = None
    _published: dict[Point, dict[str, list[tuple[date, str]]]] = field(default_factory=dict)
    _everything: dict[Cause, None] | None = None
    _anywhere: set[Cause] | None = None
    _memo: dict[str, Any] = field(default_factory=dict)
    _moved: list[tuple[frozenset[str], frozenset[str]]] | None = None
    _parts: dict[Point, frozenset[str]] = field(default_factory=dict)
    _held: Rule = field(init=False)
    _moves: Moves = field(init=False)

    def __post_init__(self) -> None:
        self._held = held_at_either(self.before, self.after)
        self._moves = Moves(self.model, self.before, self.after, self.every_status)

    def of_all(self, found: Sequence[Difference]) -> list[list[Cause]]:
        """The causes of each difference. The events that they name are read together."""
        self._moves.load(self._with_repeated(self._facts(events_in([[one.before, one.after] for one in found]))))
        return [self.of(one) for one in found]

    def of(self, one: Difference) -> list[Cause]:
        """The causes of a difference, by position: at least one."""
        if _is_event(one.before) or _is_event(one.after):
            return sorted(self._of_event(one)) or self._last_resort()
        if one.change != "changed":  # whether a row is there is up to its own events, if they differ
            own = self._moves.of(self._with_repeated(events_in([one.before, one.after])))
            if own:
                return sorted(own)
        rests = [self._rests(one, at, answer, row) for at, answer, row in self._sides(one)]
        chains = events_in([one.before, one.after]).union(*(rest.chains for rest in rests))
        found = self._moves.of(self._with_repeated(chains))
        found |= self._of_parties(set().union(*(rest.parties for rest in rests)))
        found |= self._of_rates(chains)
        found |= {cause for rest in rests if rest.record for cause in self._of_count(rest.record)}
        if self.before.as_of != self.after.as_of and any(rest.day for rest in rests):
            found.add(TIME)
        if any(rest.every for rest in rests):
            everything = self._of_everything()
            if everything and found <= everything.keys():
                return list(everything)
            found |= everything.keys()
        if not found:
            if self._anywhere is None:
                self._anywhere = self._of_answers()
            found = self._anywhere
        return sorted(found) or self._last_resort()

    def _of_answers(self) -> set[Cause]:
        """Of all that the two answers name."""
        chains = events_in([dict(answer) for answer in self.answers])
        return self._moves.of(self._with_repeated(chains)) | self._of_rates(chains) | self._arrivals(chains)

    def _sides(self, one: Difference) -> Iterable[tuple[Point, Answer, Any]]:
        if one.change != "added":
            yield self.before, self.answers[0], one.before
        if one.change != "removed":
            yield self.after, self.answers[1], one.after

    def _rests(self, one: Difference, at: Point, answer: Answer, row: Any) -> Behind:
        """What a row rests on: a total on the rows whose figures differ and on all that says what it is part of."""
        if one.in_ == "totals":
            return self._of_total(one, at, answer)
        fields = one.fields or (list(row) if isinstance(row, Mapping) else [])
        named = row if one.key is not None else {one.in_: row}
        differs = frozenset(fields) | (set() if one.key else {one.in_})
        return self.behind(at, Seen(answer, named, differs, self._held, self._memo))

    def _of_total(self, total: Difference, at: Point, answer: Answer) -> Behind:
        [name] = [name for name in self.lists if name != "totals"]
        figures = set(total.fields)
        if self._moved is None:
            self._moved = list(self._rows_moved(name))
        if at not in self._parts:
            parts = self.model.rows(
                f"""SELECT chain FROM flows
                WHERE {self._held.sql} AND part_of IS NOT NULL AND list_contains($chains::VARCHAR[], chain)""",
                {**self._held.values, "chains": sorted(events_in(answer.get(name)))},
            )
            self._parts[at] = frozenset(chain for (chain,) in parts)
        moved = (chains for fields, chains in self._moved if not (figures and fields) or figures & fields)
        return Behind(self._parts[at].union(*moved))

    def _rows_moved(self, name: str) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
        """Of each row of a list that differs, the fields that do, and the facts that it rests on."""
        for one in differences({name: self.answers[0].get(name)}, {name: self.answers[1].get(name)}, self.lists):
            rests = (self._rests(one, *side).chains for side in self._sides(one))
            yield frozenset(one.fields), events_in([one.before, one.after]).union(*rests)

    # --- what else bears ---

    def _with_repeated(self, chains: Iterable[str]) -> set[str]:
        """The facts, and all that are other sources for the same."""
        if self._same is None:
            self._same = self._sources()
        return {other for chain in chains for other in self._same.get(chain, {chain})}

    def _sources(self) -> dict[str, set[str]]:
        """The facts that `same_as` joins at either point."""
        joined: dict[str, set[str]] = {}
        for at in (self.before, self.after):
            rule = held(at)
            rows = self.model.rows(
                f"SELECT chain, same_as FROM {FACTS.name} WHERE {rule.sql} AND same_as IS NOT NULL", rule.values
            )
            for chain, same_as in rows:
                both = joined.get(chain, {chain}) | joined.get(same_as, {same_as})
                joined.update(dict.fromkeys(both, both))
        return joined

    def _of_parties(self, parties: Iterable[str]) -> set[Cause]:
        """What changed whose group these are, or where and what they are."""
        parties, waiting = set(parties), sorted(parties)
        chains: set[str] = set()
        while waiting:
            rows = self.model.rows(
                f"""SELECT chain, said FROM entities
                WHERE {self._held.sql} AND list_contains($waiting::VARCHAR[], entity)""",
                {**self._held.values, "waiting": waiting},
            )
            chains |= {chain for chain, _ in rows}
            above = {json.loads(said).get("parent") for _, said in rows} - parties - {None}
            parties |= above
            waiting = sorted(above)
        return self._moves.of(chains, _OF_PARTIES) if chains else set()

    def _of_rates(self, chains: Iterable[str]) -> set[Cause]:
        """The rates that the amounts of these facts are converted at, at either point."""
        if self.after.currency is None:
            return set()
        self._moves.load(chains)
        contents = [one.content for chain in chains for one in self._moves.chains.get(chain, []) if one.content]
        dated = {(one, parse_period(said.effective).last) for said in contents for one in _currencies(said.data)}
        used = set()
        for at in (self.before, self.after):
            published = self._rates(at)
            for currency, day in dated:
                of_pair = published.get(currency, [])
                place = bisect_right(of_pair, min(day, at.as_of), key=lambda one: one[0])
                used |= {chain for _, chain in of_pair[place - 1 : place]}
        return self._moves.of(self._with_repeated(used))

    def _rates(self, at: Point) -> dict[str, list[tuple[date, str]]]:
        """By the other currency, the rates with the one asked for, each with its last day, in order."""
        if at not in self._published:
            rule = counting(self.model, at)
            found: dict[str, list[tuple[date, str]]] = defaultdict(list)
            for other, day, chain in self.model.rows(
                f"""SELECT CASE WHEN quote = $currency THEN base ELSE quote END, last_day, chain FROM rates
                WHERE {rule.sql} AND (base = $currency OR quote = $currency) ORDER BY last_day, fact_position""",
                {**rule.values, "currency": at.currency},
            ):
                found[other].append((day, chain))
            self._published[at] = found
        return self._published[at]

    # --- events themselves ---

    def _of_event(self, one: Difference) -> set[Cause]:
        """Why an event of the audit trail comes or goes, or is named by another one now."""
        event_id = (one.after or one.before)["id"]
        chains = self._facts([event_id])
        reviews = {said["review"] for row in (one.before, one.after) if row for said in row["reviews"]}
        self._moves.load(chains | reviews)
        of_chain = [other for chain in chains for other in self._moves.chains[chain]]
        own = {cause for other in of_chain if other.stored.event_id == event_id for cause in self._moves.arrival(other)}
        return own or {
            cause_by(other, "corrected" if other.stored.type == CORRECTED else "retracted")
            for other in of_chain
            if other.stored.type in (CORRECTED, RETRACTED) and self._moves.arrival(other)
        } | {
            cause
            for review in reviews
            for other in self._moves.chains[review]
            if self._moves.arrival(other)
            for cause in self._moves.why(other, 0, 0)
        }

    def _arrivals(self, events: Iterable[str]) -> set[Cause]:
        """Which of these events one point sees and the other doesn't, whether they count or not."""
        ids = set(events)
        chains = self._facts(ids)
        self._moves.load(chains)
        return {
            cause
            for chain in chains
            for one in self._moves.chains[chain]
            if one.stored.event_id in ids
            for cause in self._moves.arrival(one)
        }

    def _facts(self, events: Iterable[str]) -> set[str]:
        """The facts that these events are, correct or retract."""
        new = sorted(set(events) - set(self._fact_of))
        if new:
            rows = self.model.rows(
                """SELECT event_id, chain FROM events
                WHERE list_contains($ids::VARCHAR[], event_id) AND position <= $position""",
                {"ids": new, "position": max(self.before.position, self.after.position)},
            )
            self._fact_of.update(dict.fromkeys(new) | dict(rows))
        return {fact for event in events if (fact := self._fact_of[event]) is not None}

    def _of_count(self, record: str) -> set[Cause]:
        """The record's events between the two positions."""
        low, high = sorted((self.before.position, self.after.position))
        rows = self.model.rows(
            """SELECT position, event_id, type, chain FROM events
            WHERE stream = $record AND position > $low AND position <= $high""",
            {"record": record, "low": low, "high": high},
        )
        return {Cause(position, event_id, "recorded", kind, chain) for position, event_id, kind, chain in rows}

    def _last_resort(self) -> list[Cause]:
        """Where nothing that a row names tells: whatever differs, else the day."""
        return list(self._of_everything()) or [TIME]

    def _of_everything(self) -> dict[Cause, None]:
        """What changed any fact, in order; of an entity, its group, country and sector."""
        if self._everything is None:
            chains = self._differing()
            entities = {chain for chain, kind in chains.items() if kind.startswith("entity.")}
            found = self._moves.of(chains.keys() - entities) | self._moves.of(entities, _OF_PARTIES)
            self._everything = dict.fromkeys(sorted(found))
        return self._everything

    def _differing(self) -> dict[str, str]:
        """The facts, and their types, whose row isn't the same at both points, or isn't over at both."""
        sides: list[str] = []
        values: dict[str, Any] = {}
        for name, at in (("was_", self.before), ("now_", self.after)):
            rule = held(at, name)
            sides.append(
                f"SELECT chain, type, pos_from, known_from, first_day <= ${name}as_of, last_day <= ${name}as_of "
                f"FROM {FACTS.name} WHERE {rule.sql}"
            )
            values |= {**rule.values, f"{name}as_of": at.as_of}
        was, now = sides
        rows = self.model.rows(f"(({was}) EXCEPT ({now})) UNION (({now}) EXCEPT ({was}))", values)
        return {chain: kind for chain, kind, *_ in rows}


def _is_event(row: Any) -> bool:
    """Whether a row is an event of the audit trail."""
    return isinstance(row, Mapping) and "corrected_by" in row


def _currencies(value: Any) -> set[str]:
    """Every currency in what events say."""
    if isinstance(value, Mapping):
        own = {value["currency"]} if isinstance(value.get("currency"), str) else set()
        return own.union(*(_currencies(one) for one in value.values()))
    return set().union(*(_currencies(one) for one in value)) if isinstance(value, list) else set()
