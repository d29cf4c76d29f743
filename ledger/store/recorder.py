"""The shapes of the event log, whichever database holds it: what goes in, what comes out, what can go wrong.

Table `events` has one row per event under its `position`, counted from 1 without gaps in the order of commits; its
column `chain` is null for a fact. Table `event_keys` says which events touch which records, beside the one whose stream
they are in; the key '' says that an event doesn't touch that one. (In ledgers that earlier versions began, `chain` and
`event_keys` say all of it.) Table `answers` keeps the first answer to each idempotency key. Table `tree_runs` holds the
hashes of the tree over the events (see tree.py). All are written in one transaction. Tables `checkpoints` and
`cosignatures` keep what was signed of the tree. Table `attachments` has the salts and bytes that the log only has
hashes of; it alone forgets, when an erasure is recorded. The view `stored_events` shows `events` as the eventsourcing
library wants to read them; its recorders, subclassed in sqlite.py and postgres.py, do the connections and conflicts.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from eventsourcing.persistence import (
    ConnectionPoolClosedError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    PersistenceError,
    StoredEvent,
)

from ledger.attachments import Content
from ledger.store import tree
from ledger.store.errors import Conflict, StoreError, StoreRefused, StoreUnavailable

VALUES_AT_ONCE = 512  # ids or keys in one query


class Entry(NamedTuple):
    """One event to append."""

    stream: str
    """The record whose history this is, e.g. "commitment/jic-nea-2023"."""
    version: int
    """Its place in the stream, from 1, without gaps."""
    type: str
    """The stored type's name, e.g. "investment.made"."""
    state: str
    """JSON text."""
    event_id: str
    """A UUID, unique for ever."""
    chain: str
    """The id of the fact that this event is, corrects or retracts."""
    keys: tuple[str, ...]
    """The records that it touches, e.g. ("commitment/x", "holding/a/b/equity")."""


FORMAT = 1
"""How the tables are to be read. A new log says it, and one that says more than a program knows is refused by it: raise
it with any change that a program of before would misread, and have old logs say it when they are changed so. Logs that
say nothing (0) are from before it was said, and any program since reads them."""

COLUMNS = "position, stream, version, type, state, id, coalesce(chain, id)"


def check_format(found: int) -> None:
    """Raises StoreRefused for a log that a later version began, or changed."""
    if found > FORMAT:
        raise StoreRefused(
            f"the log is of format {found}, and this version of deal-ledger knows none above {FORMAT}: a later version"
            " has written it. Use that one; nothing was changed."
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands in the database beside an event's text."""

    brief: bool
    """Whether that leaves out what goes without saying; not in ledgers that earlier versions began."""

    def chain(self, entry: Entry) -> str | None:
        """The column `chain`."""
        return None if self.brief and entry.chain == entry.event_id else entry.chain

    def keys(self, stream: str, touched: Collection[str]) -> Collection[str]:
        """The keys in event_keys of an event in a stream that touches these records."""
        if not self.brief:
            return touched
        return [key for key in touched if key != stream] if stream in touched else [*touched, ""]

    @property
    def touching(self) -> str:
        """The query for which events touch which of some records, which `{}` stands for."""
        kept = "SELECT key, position FROM event_keys WHERE key IN ({})"
        if not self.brief:
            return kept
        return f"""{kept} UNION SELECT stream, position FROM events WHERE stream IN ({{}}) AND NOT EXISTS
            (SELECT 1 FROM event_keys AS aside WHERE aside.key = '' AND aside.position = events.position)"""


class Stored(NamedTuple):
    """One event as the log holds it."""

    position: int
    stream: str
    version: int
    type: str
    state: str
    event_id: str
    chain: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request with this idempotency key was answered, and a digest of the body that it came with."""

    key: str
    body_sha256: str
    answer: str
    """As `told` writes it."""
    position: int

    @staticmethod
    def told(position: int, events: list[dict[str, Any]], warnings: list[dict[str, Any]]) -> str:
        """The text of an answer: the position of its last event, {id, position, type} of each, and the warnings."""
        return json.dumps({"position": position, "events": events, "warnings": warnings})


class Reading(ABC):
    """Questions to the log. A store answers each from what is committed, a write transaction from inside its lock."""

    _database: ClassVar[ModuleType]
    """The driver whose errors are translated: sqlite3 or psycopg."""
    layout: Layout

    @abstractmethod
    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of one query, with `?` for each value."""

    def read(self, after: int, limit: int) -> list[Stored]:
        """The events after a position, at most `limit`, by position."""
        return self._events("WHERE position > ? ORDER BY position LIMIT ?", after, limit)

    def states(self, positions: Collection[int]) -> dict[int, str]:
        """The states of the events at these positions, as JSON text."""
        return dict(self._rows_in("SELECT position, state FROM events WHERE position IN ({})", positions))

    def by_id(self, event_id: str) -> Stored | None:
        return next(iter(self._events("WHERE id = ?", event_id)), None)

    def at(self, positions: Collection[int]) -> list[Stored]:
        """The events at these positions, in no order."""
        rows = self._rows_in(f"SELECT {COLUMNS} FROM events WHERE position IN ({{}})", positions)
        return [Stored._make(row) for row in rows]

    def by_type(self, *types: str) -> Iterator[Stored]:
        """All events of these types, by position. It looks at every event."""
        clause, position = (
            f"WHERE position > ? AND type IN ({', '.join('?' * len(types))}) ORDER BY position LIMIT ?",
            0,
        )
        while found := self._events(clause, position, *types, VALUES_AT_ONCE):
            yield from found
            position = found[-1].position

    def by_key(self, key: str) -> list[Stored]:
        """The events that touch a record, by position."""
        return self.by_keys([key]).get(key, [])

    def by_chain(self, chain: str) -> list[Stored]:
        """A fact with its corrections and retractions, by position."""
        of_chain = "WHERE id = ? AND coalesce(chain, id) = id OR chain = ? AND chain <> id ORDER BY position"
        return self._events(of_chain, chain, chain)

    def version(self, stream: str) -> int:
        """The version of the stream's last event, 0 if it has none."""
        [(version,)] = self._rows("SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", stream)
        return int(version)

    def known_ids(self, event_ids: Collection[str]) -> set[str]:
        """Those of the ids that the log has an event of."""
        return {event_id for (event_id,) in self._rows_in("SELECT id FROM events WHERE id IN ({})", event_ids)}

    def by_keys(self, keys: Collection[str]) -> dict[str, list[Stored]]:
        """As by_key, for many records at once; one that no event touches isn't in the answer."""
        touching = self.layout.touching
        sql = f"SELECT key, {COLUMNS} FROM ({touching}) AS touching JOIN events USING (position) ORDER BY position"
        found: dict[str, list[Stored]] = defaultdict(list)
        for key, *columns in self._rows_in(sql, keys):
            found[key].append(Stored(*columns))
        return found

    def indexed(self, keys: Collection[str], first: int, last: int) -> set[tuple[str, int]]:
        """Under which of these keys event_keys has the events from one position to another: (key, position)."""
        sql = f"""SELECT key, position FROM event_keys
            WHERE position BETWEEN {int(first)} AND {int(last)} AND key IN ({{}})"""
        return {(key, position) for key, position in self._rows_in(sql, keys)}

    def indexed_count(self) -> int:
        """How many pairs of a key and a position event_keys has."""
        [(count,)] = self._rows("SELECT count(*) FROM event_keys")
        return int(count)

    def versions(self, streams: Collection[str]) -> dict[str, int]:
        """As version, for many streams at once; one without events isn't in the answer."""
        sql = "SELECT stream, max(version) FROM events WHERE stream IN ({}) GROUP BY stream"
        return dict(self._rows_in(sql, streams))

    def answers(self, keys: Collection[str]) -> dict[str, Answer]:
        """As answer, for many keys at once."""
        sql = "SELECT key, body_sha256, answer, position FROM answers WHERE key IN ({})"
        return {row[0]: Answer(*row) for row in self._rows_in(sql, keys)}

    def answer(self, key: str) -> Answer | None:
        rows = self._rows("SELECT key, body_sha256, answer, position FROM answers WHERE key = ?", key)
        return Answer(*rows[0]) if rows else None

    def answers_after(self, key: str, limit: int) -> list[Answer]:
        """The first answers to the keys that follow this one, in the order of their bytes, at most `limit`."""
        sql = "SELECT key, body_sha256, answer, position FROM answers WHERE key > ? ORDER BY key LIMIT ?"
        return [Answer(*row) for row in self._rows(sql, key, limit)]

    def heads(self) -> tree.Heads:
        """How many events the log has and how many leaves the tree, at one moment."""
        return tree.heads(self._rows)

    def hashes(self, level: int, first: int, count: int) -> bytes:
        """`count` hashes of a level from `first` on, all of one tile. Raises TreeDamaged unless all are there."""
        return tree.hashes(self._rows, level, first, count)

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint, as it was signed; None if there is none."""
        rows = self._rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
        return str(rows[0][0]) if rows else None

    def checkpoint_of(self, size: int) -> str | None:
        """The signed checkpoint of that size; None if there is none."""
        rows = self._rows("SELECT note FROM checkpoints WHERE size = ?", size)
        return str(rows[0][0]) if rows else None

    def checkpoints(self) -> Iterator[str]:
        """All signed checkpoints, the newest first."""
        last = "SELECT size, note FROM checkpoints {} ORDER BY size DESC LIMIT 1"
        rows = self._rows(last.format(""))
        while rows:
            yield str(rows[0][1])
            rows = self._rows(last.format("WHERE size < ?"), rows[0][0])

    def cosignatures(self, size: int) -> list[str]:
        """What witnesses signed of the checkpoint of that size, a line each."""
        return [str(line) for (line,) in self._rows("SELECT line FROM cosignatures WHERE size = ? ORDER BY line", size)]

    def stray_cosignature(self) -> int | None:
        """The size of a checkpoint that isn't kept, and what a witness signed of it is; None if there is none such."""
        [(size,)] = self._rows("SELECT min(size) FROM cosignatures WHERE size NOT IN (SELECT size FROM checkpoints)")
        return None if size is None else int(size)

    def content(self, attachment: str) -> Content | None:
        """The salt and the bytes of an attachment; None if they were erased, or never here."""
        rows = self._rows("SELECT salt, bytes FROM attachments WHERE id = ? AND bytes IS NOT NULL", attachment)
        return Content(attachment, _blob(rows[0][0]), _blob(rows[0][1])) if rows else None

    def contents(self) -> Iterator[Content]:
        """All that are there, in the order in which they came, one at a time."""
        after = 0
        while rows := self._rows(
            """SELECT number, id, salt, bytes FROM attachments WHERE number > ? AND bytes IS NOT NULL
            ORDER BY number LIMIT 1""",
            after,
        ):
            [(after, attachment, salt, content)] = rows
            yield Content(attachment, _blob(salt), _blob(content))

    def _rows_in(self, sql: str, values: Collection[str] | Collection[int]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query in which each `{}` stands for the same many values."""
        times = sql.count("{}")
        left: Iterator[str | int] = iter(values)
        while some := list(islice(left, VALUES_AT_ONCE)):
            places = 1 << (len(some) - 1).bit_length()  # few lengths, so that the database knows the query already
            some += some[-1:] * (places - len(some))
            yield from self._rows(sql.format(*[", ".join("?" * places)] * times), *some * times)

    def _events(self, clause: str, *values: object) -> list[Stored]:
        return [Stored._make(row) for row in self._rows(f"SELECT {COLUMNS} FROM events {clause}", *values)]

    def _head(self) -> int:
        [(head,)] = self._rows("SELECT coalesce(max(position), 0) FROM events")
        return int(head)


class WriteTransaction(Reading):
    """What may be done while the write lock is held. Nobody else can append; what is appended shows once it commits."""

    def __init__(self) -> None:
        last = self.read(self._head() - 1, 1)
        self.head: int = last[0].position if last else 0
        """The last position, this transaction's own events included."""
        self.last_recorded_at: str | None = recorded_at(last[0].state) if last else None
        """`recorded_at` of the event at the head."""
        self.failure: BaseException | None = None
        """Why an append failed. The transaction then can't commit, even if its user went on."""
        self.erased = False
        """Whether it deletes what nobody may find again."""

    def append(
        self,
        entries: Sequence[Entry],
        more_keys: Sequence[tuple[str, int]] = (),
        answers: Sequence[Answer] = (),
        contents: Sequence[Content] = (),
        erased: Sequence[str] = (),
    ) -> list[int]:
        """Store events, index rows (key, position) for events stored before, and answers. Gives the events' positions.

        Each event's leaf and the nodes that it completes are stored with it. So are the contents of attachments that
        the events add, and those that they erase are deleted: `erased` are the ids.
        Raises Conflict, NoLeaf, TreeDamaged, StoreUnavailable; the transaction must then be left, and nothing of it is
        stored.
        """
        if self.failure is not None:
            raise self.failure
        try:
            with translated(self._database):
                positions = self._insert(entries, more_keys, answers)
                for one in contents:
                    row = (one.attachment, one.salt, one.bytes)
                    self._execute("INSERT INTO attachments (id, salt, bytes) VALUES (?, ?, ?)", *row)
                for attachment in erased:
                    self._execute("UPDATE attachments SET salt = NULL, bytes = NULL WHERE id = ?", attachment)
                    self.erased = True
        except BaseException as failure:
            self.failure = failure
            raise
        if entries:
            self.head = positions[-1]
            self.last_recorded_at = recorded_at(entries[-1].state)
        return positions

    def add_checkpoint(self, size: int, note: str) -> None:
        """Keep a signed checkpoint. Raises Conflict if there is one of this size."""
        self._execute("INSERT INTO checkpoints (size, note) VALUES (?, ?)", size, note)

    def add_cosignature(self, size: int, line: str) -> None:
        """Keep what a witness signed of the checkpoint of that size; a line that is there already is no fault."""
        self._execute("INSERT INTO cosignatures (size, line) VALUES (?, ?) ON CONFLICT DO NOTHING", size, line)

    @abstractmethod
    def _execute(self, sql: str, *values: object) -> None:
        """A statement, with `?` for each value."""

    @abstractmethod
    def _insert(
        self, entries: Sequence[Entry], more_keys: Sequence[tuple[str, int]], answers: Sequence[Answer]
    ) -> list[int]: ...


# A file or a URL.
Place = Path | str


class Store(Reading):
    """The log as committed. Safe to use from several threads."""

    place: Place | None = None
    """Where another process can read it, with `open_reading`."""

    def head(self) -> int:
        """The last position, 0 in an empty log."""
        return self._head()

    @abstractmethod
    def write(self) -> AbstractContextManager[WriteTransaction]:
        """A transaction that holds the write lock from the start; commits at the end, rolls back on any exception.

        Raises StoreUnavailable, and OutcomeUnknown if it can't be told whether the commit was kept.
        """

    @abstractmethod
    def signing(self) -> AbstractContextManager[bool]:
        """The right to sign checkpoints, which one has at a time in whatever process; False if somebody else has it."""

    @abstractmethod
    def close(self) -> None: ...


def _blob(value: object) -> bytes:
    """What a column of bytes holds; SQLite lets somebody else's shell put anything in it."""
    return value if isinstance(value, bytes) else str(value).encode()


def entry_of(event: StoredEvent) -> Entry:
    """An event that came through the library's own API. It has no id of ours: its place in its stream names it."""
    stream = str(event.originator_id)
    name = f"{stream}@{event.originator_version}"
    return Entry(stream, event.originator_version, event.topic, event.state.decode(), name, name, (stream,))


def recorded_at(state: str) -> str | None:
    """The server's time stamp in an event's state; None if the event came through the library's own API."""
    try:
        stamp = json.loads(state)["recorded_at"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return str(stamp)


@contextmanager
def translated(database: ModuleType) -> Iterator[None]:
    """Turn the library's errors and its driver's into the store's, the only ones that the rest of the ledger knows.

    sqlite3, psycopg and the library all name their errors as PEP 249 does.
    """
    try:
        yield
    except (IntegrityError, database.IntegrityError) as error:
        raise Conflict(str(error)) from error
    except ConnectionPoolClosedError as error:
        raise StoreUnavailable("the store is closed") from error
    except (
        OperationalError,
        InterfaceError,
        InternalError,
        database.OperationalError,
        database.InterfaceError,
        database.InternalError,
    ) as error:
        if "decode to UTF-8" in str(error):  # SQLite's word for a text that was changed to none
            raise StoreError(str(error)) from error
        raise StoreUnavailable(str(error)) from error
    except (PersistenceError, database.Error) as error:
        raise StoreError(str(error)) from error
