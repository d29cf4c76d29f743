"""The head's cache is never seen: with it, without it and after others wrote, the ledger decides the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import head as head_module
from ledger.checks import check, look_up
from ledger.event import Event, Origin, parse_event, references, state_text
from ledger.head import Admitted, Head
from ledger.refusals import Refusal
from ledger.store import Stored
from tests.choices import Seeded
from tests.facts import correct, entities, entity, ident, invest, retract, sell
from tests.ledger.cases import PARTIES
from tests.ledgers import Ledger, taken
from tests.parts import ENTITIES
from tests.streams import Builder

TODAY = date(2026, 11, 22)


class Log:
    """What the store keeps, in lists: enough for a head to read."""

    def __init__(self) -> None:
        self.events: list[Stored] = []
        self.keys: dict[str, set[int]] = defaultdict(set)

    @property
    def head(self) -> int:
        return len(self.events)

    def read(self, after: int, limit: int) -> list[Stored]:
        return self.events[after : after + limit]

    def by_id(self, event_id: str) -> Stored | None:
        return next((one for one in self.events if one.event_id == event_id), None)

    def by_key(self, key: str) -> list[Stored]:
        return [self.events[position - 1] for position in sorted(self.keys.get(key, ()))]

    def by_chain(self, chain: str) -> list[Stored]:
        return [one for one in self.events if one.chain == chain]

    def version(self, stream: str) -> int:
        return max((one.version for one in self.events if one.stream == stream), default=0)

    def known_ids(self, event_ids: Collection[str]) -> set[str]:
        return {one.event_id for one in self.events} & set(event_ids)

    def by_keys(self, keys: Collection[str]) -> dict[str, list[Stored]]:
        return {key: self.by_key(key) for key in keys if key in self.keys}

    def versions(self, streams: Collection[str]) -> dict[str, int]:
        return {stream: version for stream in streams if (version := self.version(stream))}

    def append(self, stored: Stored, admitted: Admitted) -> None:
        self.events.append(stored)
        for key in admitted.keys:
            self.keys[key].add(stored.position)
        for key in admitted.moved_to:
            self.keys[key].update(one.position for one in admitted.moved)


def stream(seed: int, length: int) -> Iterator[tuple[Event, str]]:
    """Random events, each with an id; those that are not of their form never come as far as the head. The builder isn't
    told which are refused, so later ones also build on what isn't there."""
    builder = Builder(Seeded(seed))
    registrations = builder.registrations()
    submitted = [*registrations, *(builder.event() for _ in range(length))]
    submitted[len(registrations) :: 5] = [
        retract(registrations[place % len(registrations)]["id"])
        for place in range(len(range(len(registrations), len(submitted), 5)))
    ]
    for place, one in enumerate(submitted):
        with suppress(Refusal):
            yield parse_event(one), one.get("id") or ident(10**6 + place)


def take(head: Head, position: int, event: Event, event_id: str) -> tuple[Stored, Admitted]:
    """Check an event and take it into the head's view at this position."""
    admitted = check(head, event, event_id, TODAY)
    stamp = "2026-11-22T10:00:00.000000Z"
    text = state_text(event, event_id, admitted.effective, admitted.known, stamp, Origin("tests"))
    version = head.version(admitted.stream) + 1
    stored = Stored(position, admitted.stream, version, event.type, text, event_id, admitted.chain)
    head.accept(stored, admitted.keys, admitted.moved, admitted.moved_to)
    return stored, admitted


def fresh(log: Log) -> Head:
    head = Head()
    head.begin(log)
    return head


def decide(head: Head, log: Log, batch: Sequence[tuple[Event, str]], pending: int) -> Any:
    """What becomes of a request: what to store, or why not; a refused one leaves no trace in the head."""
    taken: list[tuple[Stored, Admitted]] = []
    try:
        for event, event_id in batch:
            taken.append(take(head, log.head + pending + len(taken) + 1, event, event_id))
    except Refusal as refusal:
        head.withdraw([stored.event_id for stored, _ in taken])
        return [(one.reason, one.pointer, one.detail) for one in refusal.problems]
    return taken


def scanned(head: Head, events: Sequence[Stored], name: str) -> set[str]:
    """The facts that name an entity, found by looking at each of them."""
    rows = (head.chain(chain).row() for chain in {one.chain for one in events})
    return {row.chain for row in rows if row and name in {one.id for one in references(row.type, row.data)}}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.data())
def test_a_head_with_a_cache_decides_as_a_fresh_one(seed: int, data: st.DataObject) -> None:
    """Over random streams in requests of several events, several requests to a transaction, some of which never commit,
    with another writer in between, and looked up at once or one by one: every decision and every record is that of a
    head that starts from the log alone."""
    events = list(stream(seed, data.draw(st.integers(10, 60), label="length")))
    log = Log()
    ours, theirs = Head(), Head()
    while events:
        head = ours if data.draw(st.integers(0, 3), label="writer") else theirs
        head.begin(log)
        look_up(head, events[: data.draw(st.integers(0, 12), label="looked up")])
        commits = data.draw(st.integers(0, 9), label="commits") > 0
        pending: list[tuple[Stored, Admitted]] = []
        for _ in range(data.draw(st.integers(1, 4), label="requests")):
            size = data.draw(st.integers(1, 3), label="size")
            batch, events = events[:size], events[size:]
            found = decide(head, log, batch, len(pending))
            slow = fresh(log)
            for stored, admitted in pending:
                slow.accept(stored, admitted.keys, admitted.moved, admitted.moved_to)
            assert found == decide(slow, log, batch, len(pending))
            if found and isinstance(found[0][0], Stored):
                pending += found
            stored_so_far = [*log.events, *(stored for stored, _ in pending)]
            for name in ENTITIES:
                assert {row.chain for row in head.naming(name)} == scanned(head, stored_so_far, name)
        if commits:
            for stored, admitted in pending:
                log.append(stored, admitted)
            head.commit()
        else:
            head.forget()
    for head in (ours, theirs):
        head.begin(log)
        for key in log.keys:
            assert head.rows(key) == fresh(log).rows(key)
        for name in {stored.stream for stored in log.events}:
            assert head.version(name) == log.version(name)


def test_random_streams_are_taken_and_refused_for_many_reasons() -> None:
    """The control of the test above: its streams are neither all taken nor all refused."""
    log = Log()
    outcomes: Counter[str] = Counter()
    for event in stream(1, 400):
        found = decide(fresh(log), log, [event], 0)
        outcomes["taken" if isinstance(found[0][0], Stored) else found[0][0]] += 1
        for stored, admitted in found if isinstance(found[0][0], Stored) else ():
            log.append(stored, admitted)
    assert outcomes["taken"] > 100
    assert len(outcomes) > 5


def test_a_head_that_forgot_to_withdraw_would_decide_otherwise() -> None:
    """The other control: what a refused request left behind is seen by the next one."""
    log, head = Log(), Head()
    head.begin(log)
    batch = [(parse_event(one), ident(number)) for number, one in enumerate(entities("acme", "acme"))]
    assert decide(head, log, batch, 0)[0][0] == "record_exists"
    take(head, 1, parse_event(entity("acme")), ident(3))
    with pytest.raises(Refusal, match="record_exists"):
        take(head, 2, parse_event(entity("acme")), ident(4))


def test_what_was_withdrawn_does_not_turn_the_order_of_what_names_an_entity() -> None:
    """Given a request whose second event named gamma, and that was refused; when the next ones name it at the positions
    that became free; then the first of them is the first that is told."""
    log, head = Log(), Head()
    parties = [(parse_event(one), ident(90 + number)) for number, one in enumerate(PARTIES)]
    for stored, admitted in decide(fresh(log), log, parties, 0):
        log.append(stored, admitted)
    head.begin(log)
    assert list(head.naming("gamma")) == []  # from here on there is an index
    deals = [invest("acme", "beta"), invest("acme", "gamma"), invest("acme", "nobody")]
    request = [(parse_event(one), ident(number)) for number, one in enumerate(deals)]
    assert decide(head, log, request, 0)[0][0] == "unknown_entity"
    for pending in (0, 1):
        [_] = decide(head, log, [(parse_event(invest("acme", "gamma")), ident(10 + pending))], pending)
    assert [row.chain for row in head.naming("gamma")] == [ident(10), ident(11)]


def test_an_index_that_missed_what_others_wrote_would_tell_too_little() -> None:
    """The control of what names an entity: without a look at what another writer recorded, a fact is missing."""
    log, ours = Log(), Head()
    for number, one in enumerate([*entities("acme", "beta"), invest("acme", "beta", units="1")], 1):
        ours.begin(log)
        log.append(*take(ours, number, parse_event(one), ident(number)))
        ours.commit()
    assert [row.chain for row in ours.naming("acme")] == [ident(3)]
    log.append(*take(fresh(log), 4, parse_event(invest("acme", "beta", units="1")), ident(4)))
    assert [row.chain for row in ours.naming("acme")] == [ident(3)]
    ours.begin(log)
    assert [row.chain for row in ours.naming("acme")] == [ident(3), ident(4)]


def test_a_small_cache_decides_the_same(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two records, and for one, everything is loaded again and again, and nothing changes."""
    monkeypatch.setattr(head_module, "RECORDS_KEPT", 2)
    ledger.given(*entities("acme", "beta", "gamma"))
    for number in range(1, 6):
        ledger.given(invest("acme", "beta", units="1", id=ident(number), on="2023-01-01"))
        ledger.given(invest("gamma", "beta", units="1", on="2023-01-01"))
    ledger.given(sell("acme", "beta", units="5", on="2023-02-01"))
    assert ledger.refused(sell("acme", "beta", units="1", on="2023-03-01")).reason == "oversold"
    assert ledger.refused(retract(ident(3))).reason == "oversold"
    ledger.given(correct(ident(3), invest("acme", "beta", units="2", on="2023-01-01")))
    ledger.given(sell("acme", "beta", units="1", on="2023-03-01"))


def test_a_refused_batch_leaves_no_names_behind(ledger: Ledger) -> None:
    """Neither as hints for a mistyped id nor as names that a new one looks like."""
    ledger.given(*entities("beta"))
    problem = ledger.refused(entity("borealis"), invest("borealis", "nobody"))
    assert "borealis" not in problem.mend
    assert "borealis" not in ledger.refused(invest("borealiss", "beta")).mend
    assert taken(ledger.ask(entity("borealis"))).warnings == []
    assert "borealis" in ledger.refused(invest("borealiss", "beta")).mend
