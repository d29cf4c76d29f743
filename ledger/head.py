"""The head: records as the log holds them now, loaded on demand and kept in a bounded cache.

Only the writer uses it, inside its transaction, so that a check sees what was accepted a moment before.
"""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Protocol

from ledger.chains import Member, retracted, row_member
from ledger.directory import Directory
from ledger.entities import DIRECTORY, entity_names
from ledger.event import CORRECTED, RETRACTED, keys_of, references
from ledger.fields import is_uuid
from ledger.refusals import Problem
from ledger.row import Row, in_order
from ledger.store import Stored
from ledger.times import parse_period

RECORDS_KEPT = 50_000
# Another writer's events: up to here their records are dropped one by one, above it all are.
CATCH_UP = 5_000


class Reads(Protocol):
    """What the head asks of the store's transaction."""

    @property
    def head(self) -> int: ...
    def read(self, after: int, limit: int) -> Sequence[Stored]: ...
    def by_id(self, event_id: str) -> Stored | None: ...
    def by_key(self, key: str) -> Sequence[Stored]: ...
    def by_chain(self, chain: str) -> Sequence[Stored]: ...
    def version(self, stream: str) -> int: ...
    def known_ids(self, event_ids: Collection[str]) -> set[str]: ...
    def by_keys(self, keys: Collection[str]) -> Mapping[str, Sequence[Stored]]: ...
    def versions(self, streams: Collection[str]) -> Mapping[str, int]: ...


class Content(NamedTuple):
    """What a fact or the replacement of a correction says."""

    type: str
    effective: str
    status: str
    same_as: str | None
    data: dict[str, Any]

    def row(self, chain: str, position: int) -> Row:
        """What is said, as the row of the chain whose fact stands at `position`."""
        return Row(chain, position, self.type, parse_period(self.effective), self.status, self.same_as, self.data)


@dataclass(slots=True)
class Chain:
    """A fact, its corrections and their retractions, oldest first."""

    id: str
    position: int = 0
    members: list[Member] = field(default_factory=list)
    contents: dict[str, Content] = field(default_factory=dict)

    def add(self, stored: Stored, read: Read | None = None) -> None:
        """`read` is what read_member gives for it, if that is known already."""
        member, content = read or read_member(stored)
        if not self.members:
            self.position = stored.position
        self.members.append(member)
        if content is not None:
            self.contents[member.event_id] = content

    def row(self) -> Row | None:
        # A fact that nobody amended holds, and nearly all are such.
        member = self.members[0] if len(self.members) == 1 else row_member(self.members)
        if member is None:
            return None
        said = self.contents[member.event_id]
        return said.row(self.id, self.position)

    def keys(self) -> set[str]:
        """The index keys of all that the chain ever said."""
        return {key for said in self.contents.values() for key in keys_of(said.type, said.data)}


Read = tuple[Member, Content | None]
"""An event as a member of its chain, with what it says unless it is a retraction."""


def read_member(stored: Stored) -> Read:
    """A stored event, read."""
    return member_of(stored, json.loads(stored.state))


def member_of(stored: Stored, state: Mapping[str, Any]) -> Read:
    """The same of an event whose state is at hand."""
    known, data = date.fromisoformat(state["known"]), state["data"]
    if stored.type == RETRACTED:
        return Member(stored.event_id, stored.position, known, known, data["event"]), None
    said, shows_from = state, known
    if stored.type == CORRECTED:
        said = data["replacement"]
        shows_from = max(known, date.fromisoformat(said["known"])) if said.get("known") else known
    return Member(stored.event_id, stored.position, known, shows_from, None), content_of(said)


def content_of(said: Mapping[str, Any]) -> Content:
    """What the state of a fact says, or a replacement."""
    return Content(said["type"], said["effective"], said.get("status") or "reported", said.get("same_as"), said["data"])


class Admitted(NamedTuple):
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


class Record:
    """The chains that ever touched one key."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._chains: dict[str, Chain] = {}
        self._rows: list[Row] = []
        self._changed: set[str] = set()  # the chains whose rows are not as `_rows` has them

    def add(self, stored: Stored, read: Read | None = None) -> None:
        chain = self._chains.get(stored.chain)
        if chain is None:
            chain = self._chains[stored.chain] = Chain(stored.chain)
        chain.add(stored, read)
        self._changed.add(stored.chain)

    @property
    def rows(self) -> list[Row]:
        """The rows that touch the key now, in order. A list once given stays as it is."""
        if self._changed:
            # Only what changed is made anew: records that everybody deals with have very many rows.
            rows = [row for row in self._rows if row.chain not in self._changed]
            rows += filter(None, map(self._row, self._changed))
            self._rows = in_order(rows)
            self._changed.clear()
        return self._rows

    def _row(self, chain: str) -> Row | None:
        """The row of a chain, if it touches the key. What nobody amended does, since it is found here."""
        found = self._chains[chain]
        row = found.row()
        touches = row is not None and (len(found.members) == 1 or self._key in keys_of(row.type, row.data))
        return row if touches else None


def _names(said: Content | Row) -> set[str]:
    """The entities and records that a fact names."""
    return {one.id for one in references(said.type, said.data) if one.kind != "subject" and not is_uuid(one.id)}


class Head:
    """Records, versions and ids at the head, with what the open transaction has accepted so far."""

    _absent: set[str]  # ids that the store has no event of, as far as it was asked at the beginning

    def __init__(self) -> None:
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._versions: OrderedDict[str, int] = OrderedDict()
        self._directory: Directory | None = None
        self._named: dict[str, array[int]] | None = None  # where in the log an entity or a record is named
        self._position = 0
        self._store: Reads
        self._forget_pending()

    def begin(self, store: Reads) -> None:
        """Start on a transaction's view; what other writers recorded since the last one is dropped from the cache."""
        self._store = store
        self._forget_pending()
        if store.head == self._position:
            return
        others = store.read(self._position, CATCH_UP) if store.head - self._position < CATCH_UP else None
        if others is None or not self._records:
            self.forget()
        else:
            for stored in others:
                self._drop(self._chain_from(stored.chain).keys(), [stored.stream])
                self._index(stored)
            self._directory = None
        self._position = store.head

    def expect(self, event_ids: set[str], streams: set[str], keys: set[str]) -> None:
        """Ask the store at once for what will be asked of these: one query for many events costs little more than for
        one. What is asked beside is looked up then."""
        self._absent = event_ids - self._store.known_ids(event_ids)
        # One by one: a set less the keys of a dictionary goes through all that the dictionary has.
        new_streams = [stream for stream in streams if stream not in self._versions]
        self._versions.update(dict.fromkeys(new_streams, 0) | dict(self._store.versions(new_streams)))
        new_keys = [key for key in keys if key not in self._records]
        stored = self._store.by_keys(new_keys)
        for key in new_keys:
            record = self._records[key] = Record(key)
            for one in stored.get(key, ()):
                record.add(one)

    def commit(self) -> None:
        """What was accepted is stored."""
        self._position += len(self._pending_ids)
        self._forget_pending()
        for cache in (self._records, self._versions):
            while len(cache) > RECORDS_KEPT:
                cache.popitem(last=False)

    def forget(self) -> None:
        """Nothing that is cached can be trusted."""
        self._records.clear()
        self._versions.clear()
        self._directory = None
        self._named = None
        self._position = 0
        self._forget_pending()

    def _forget_pending(self) -> None:
        self._absent = set()
        self._pending_ids: dict[str, Stored] = {}
        self._pending_positions: dict[int, Stored] = {}
        # By record: what touches it, and with which accepted event that came about.
        self._pending_keys: dict[str, list[tuple[str, Stored]]] = defaultdict(list)
        self._pending_chains: dict[str, list[Stored]] = defaultdict(list)

    def rows(self, key: str) -> list[Row]:
        """The rows of a record, in order."""
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = Record(key)
            stored = {one.position: one for one in (*self._store.by_key(key), *self._pending(key))}
            for position in sorted(stored):
                record.add(stored[position])
        self._records.move_to_end(key)
        return record.rows

    def ever(self, key: str) -> list[Content]:
        """What was ever said of a record, retracted or not, by position; for records with few events."""
        stored = {one.position: one for one in (*self._store.by_key(key), *self._pending(key))}
        return [said for position in sorted(stored) if (said := read_member(stored[position])[1]) is not None]

    def _pending(self, key: str) -> Iterator[Stored]:
        """What touches a record in the open transaction."""
        return (stored for _, stored in self._pending_keys.get(key, ()))

    def event(self, event_id: str) -> Stored | None:
        if (pending := self._pending_ids.get(event_id)) is not None:
            return pending
        return None if event_id in self._absent else self._store.by_id(event_id)

    def chain(self, chain: str) -> Chain:
        """The chain of a fact, by the fact's id."""
        return self._chain_from(chain)

    def stands(self, event_id: str) -> bool:
        """Whether what an event recorded holds: a fact while its chain has a row, all else until it is retracted."""
        stored = self.event(event_id)
        if stored is None:
            return False
        chain = self.chain(stored.chain)
        return chain.row() is not None if event_id == chain.id else event_id not in retracted(chain.members)

    def _chain_from(self, chain: str) -> Chain:
        found = Chain(chain)
        for stored in (*self._store.by_chain(chain), *self._pending_chains.get(chain, ())):
            found.add(stored)
        return found

    def version(self, stream: str) -> int:
        """How many events the stream has."""
        if stream not in self._versions:
            self._versions[stream] = self._store.version(stream)
        self._versions.move_to_end(stream)
        return self._versions[stream]

    def naming(self, name: str) -> Iterator[Row]:
        """The rows of the facts that name an entity or a record, by the position of the first event that names it.

        Rarely asked, and then often: so the first time the whole log is read, for an index that is kept.
        """
        if self._named is None:
            self._named = defaultdict(lambda: array("Q"))
            for stored in (*self._stored(), *self._pending_ids.values()):
                self._index(stored)
        seen: set[str] = set()
        for position in self._named.get(name, ()):
            pending = self._pending_positions.get(position)
            for stored in (pending,) if pending else self._store.read(position - 1, 1):
                row = None if stored.chain in seen else self.chain(stored.chain).row()
                seen.add(stored.chain)
                if row is not None and name in _names(row):
                    yield row

    def _stored(self) -> Iterator[Stored]:
        position = 0
        while batch := self._store.read(position, CATCH_UP):
            yield from batch
            position = batch[-1].position

    def _index(self, stored: Stored) -> None:
        """Note what an event names. What is then withdrawn stays noted, for the index only says where to look; but not
        before an event that gets its position, or an earlier one."""
        if self._named is None:
            return
        _, said = read_member(stored)
        for name in () if said is None else _names(said):
            noted = self._named[name]
            while noted and noted[-1] >= stored.position:
                noted.pop()
            noted.append(stored.position)

    @property
    def directory(self) -> Directory:
        if self._directory is None:
            self._directory = Directory()
            for stored in (*self._store.by_key(DIRECTORY), *self._pending(DIRECTORY)):
                self._enter(stored)
        return self._directory

    def _enter(self, stored: Stored) -> None:
        _, said = read_member(stored)
        if said is not None and self._directory is not None:
            self._directory.add(said.data["entity"], entity_names(said.data))

    def accept(
        self,
        stored: Stored,
        keys: Sequence[str],
        moved: Sequence[Stored],
        moved_to: Sequence[str],
        read: Read | None = None,
    ) -> None:
        """Take an event into the view; a correction that moves its chain to new records brings the chain along.

        `read` is what read_member gives for the event, if that is known already.
        """
        self._pending_ids[stored.event_id] = stored
        self._pending_positions[stored.position] = stored
        self._index(stored)
        self._pending_chains[stored.chain].append(stored)
        self._versions[stored.stream] = stored.version
        for key in moved_to:
            self._pending_keys[key].extend((stored.event_id, one) for one in moved)
            self._records.pop(key, None)
        for key in keys:
            self._pending_keys[key].append((stored.event_id, stored))
            if key in self._records and key not in moved_to:
                self._records[key].add(stored, read)
        if DIRECTORY in keys and self._directory is not None:
            self._enter(stored)

    def withdraw(self, event_ids: Sequence[str]) -> None:
        """Undo `accept` for the last events accepted, of a request that was refused half-way."""
        if not event_ids:
            return
        gone = set(event_ids)
        streams = {self._pending_ids.pop(event_id).stream for event_id in event_ids}
        for chain, group in self._pending_chains.items():
            self._pending_chains[chain] = [one for one in group if one.event_id not in gone]
        for key, brought in self._pending_keys.items():
            if any(by in gone for by, _ in brought):
                self._pending_keys[key] = [(by, one) for by, one in brought if by not in gone]
                self._records.pop(key, None)
                if key == DIRECTORY:
                    self._directory = None
        for stream in streams:
            self._versions.pop(stream, None)
        for stored in self._pending_ids.values():
            if stored.stream in streams:
                self._versions[stored.stream] = stored.version

    def _drop(self, keys: set[str], streams: Sequence[str]) -> None:
        for key in keys:
            self._records.pop(key, None)
        for stream in streams:
            self._versions.pop(stream, None)
