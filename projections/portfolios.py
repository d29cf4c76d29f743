"""What questions about one holder need, ordered by holder.

DuckDB reads columns: to find the few rows of one holder it goes through everybody's. So these rows stand a second time
in a SQLite file, ordered by holder, and the marks that may value a holding by subject and day. The file is filled from
the read model, follows it by position, and is thrown away with the process: what may go wrong in it isn't kept.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from ledger.event import CORRECTED, RETRACTED
from projections.apply import COLUMNS
from projections.changes import Changes
from projections.portfolio_rows import AS_CHANGED, DEALS, FUNDS, MARKS, REPEATS, TABLES, Table
from projections.table import SEGMENTS
from projections.visibility import Lost, Point, believed, held, uncounted, visible

FILE = "portfolios.sqlite"
# A question itself takes in so many events. While there are more, the follower does, and it goes to the read model.
AT_ONCE = 5_000
# The follower leaves fewer than these to the questions: there may be none.
WORTHWHILE = 1_000
# The follower takes in so many, and then looks for news.
_STEP = 50_000
_PATIENCE_SECONDS = 0.05
_CACHE_KIB = 16_384

log = logging.getLogger(__name__)

# A deal and a mark, as questions get them: days are numbers (as date.toordinal), amounts and shares texts (as _figure).
DEAL = (
    *("chain", "fact_position", "first_day", "last_day", "role", "issuer", "instrument", "part_of"),
    *("money", "units", "stake", "fraction"),
)
MARK = ("chain", "last_day", "basis", "money")
# The same as in holdings.py, where the read model is asked.
_INSTRUMENT = f"""coalesce(instrument, CASE WHEN commitment IS NOT NULL
    AND EXISTS (SELECT 1 FROM {FUNDS.whole} AS funds WHERE funds.commitment = deals.commitment AND {{held}})
    THEN 'fund_interest' ELSE 'equity' END)"""


class Followed(Protocol):
    """A read model as the file follows it."""

    @property
    def position(self) -> int: ...

    def changes_after(self, position: int) -> list[Changes] | None: ...

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]: ...


class Portfolios:
    """The file, up to a position of the log. One thread at a time takes in what is new; any thread may ask."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._position = 0
        self._ended = 0
        """Rows that end up to this position have their ends."""
        self._packed = False
        self._taking = threading.Lock()
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._closed = False

    @property
    def position(self) -> int:
        """The last position taken in."""
        return self._position

    def follow(self, model: Followed) -> bool:
        """Take in a part of what the read model has, if that is much, and say whether there is more."""
        with self._taking:
            if model.position - self._position < WORTHWHILE:
                return False
            more = self._follow(model, _STEP)
            if not more and not self._packed:
                self._pack()
            return more

    def reach(self, model: Followed, position: int) -> bool:
        """Whether all up to a position is there; if little is lacking, it is taken in first."""
        if 0 < position - self._position <= AT_ONCE and self._taking.acquire(timeout=_PATIENCE_SECONDS):
            try:
                self._follow(model, AT_ONCE)
            finally:
                self._taking.release()
        return self._writer is not None and not self._closed and position <= self._position

    def deals(self, at: Point, holder: str, issuer: str | None) -> list[tuple[Any, ...]]:
        """The visible events of a holder's holdings that count, as DEAL, by position."""
        rule = visible(at)
        instrument = _INSTRUMENT.format(held=held(at).sql)
        columns = ", ".join(instrument if name == "instrument" else name for name in DEAL)
        of_issuer = "" if issuer is None else "AND issuer = $issuer"
        return self._rows(
            f"""SELECT {columns} FROM {DEALS.whole} AS deals
                WHERE holder = $holder AND fact_position <= $position {of_issuer} AND {rule.sql}
                AND status NOT IN ({_quoted(uncounted(at))}) ORDER BY fact_position""",
            {**rule.values, "holder": holder, "issuer": issuer},
        )

    def marks(
        self, at: Point, use: str, owner: str, issuers: Collection[str], repeated: Collection[str]
    ) -> Iterator[tuple[str, list[Any]]]:
        """The newest mark of each issuer for a use, of an owner: issuer, and MARK.

        `repeated` are the chains of marks that don't count.
        """
        rule = visible(at)
        found = self._rows(
            f"""SELECT value, (
                SELECT json_array({", ".join(MARK)}) FROM {MARKS.whole} AS marks
                WHERE subject = issuer.value AND use = $use AND owner = $owner AND last_day <= $as_of
                    AND {rule.sql} AND status NOT IN ({_quoted(uncounted(believed(at)))})
                    {"AND chain NOT IN (SELECT value FROM json_each($repeated))" if repeated else ""}
                ORDER BY last_day DESC, fact_position DESC LIMIT 1)
            FROM json_each($issuers) AS issuer
            WHERE EXISTS (SELECT 1 FROM marks WHERE use = $use AND owner = $owner)""",
            {
                **rule.values,
                "use": use,
                "owner": owner,
                "issuers": json.dumps([*issuers]),
                "repeated": json.dumps([*repeated]),
            },
        )
        return ((issuer, json.loads(mark)) for issuer, mark in found if mark is not None)

    def any_repeats(self, at: Point) -> bool:
        """Whether the ledger holds any other source of a fact."""
        rule = held(at)
        return bool(self._rows(f"SELECT 1 FROM {REPEATS.whole} WHERE {rule.sql} LIMIT 1", rule.values))

    def _rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Raises Lost, e.g. if somebody took the file away."""
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self._connect()
        given = {name: value.toordinal() if isinstance(value, date) else value for name, value in values.items()}
        try:
            return connection.execute(sql, given).fetchall()
        except sqlite3.Error as error:
            self._give_up("the portfolios can't be read")
            raise Lost from error

    def _give_up(self, why: str) -> None:
        """From here on questions go to the read model."""
        if not self._closed:
            log.exception(why)
        self._closed = True

    def _follow(self, model: Followed, most: int) -> bool:
        """Take in so many positions at most, and say whether there are more."""
        head = model.position
        if self._position >= head or self._closed:
            return False
        try:
            self._take(model, self._position, min(head, self._position + most))
        except sqlite3.Error:
            self._give_up("the portfolios can't follow the read model")
        return self._position < head and not self._closed

    def _take(self, model: Followed, after: int, last: int) -> None:
        """Take in the rows that begin in a span of positions, and those before them that have ended since they came."""
        if self._writer is None:
            self._writer = self._made()
            self._ended = model.position  # rows come as they are by then, or later
        news = model.changes_after(after)
        if news:
            last = news[-1].last
        with self._writer:
            for table, rows in self._new(model, news) if news else self._between(model, after, last):
                self._writer.executemany(table.insert, rows)
        if last - after > AT_ONCE:  # much was written before it: it needn't stay
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._position, self._ended = last, max(last, self._ended)

    def _new(self, model: Followed, news: Sequence[Changes]) -> Iterator[tuple[Table, Iterable[Sequence[Any]]]]:
        """What was changed just now: no query finds it as fast as it is made again."""
        names = COLUMNS[SEGMENTS]
        rows = [row for changes in news for row in changes.rows(SEGMENTS, names)]
        if any(SEGMENTS in changes.ends for changes in news):
            found = model.rows(
                f"SELECT {AS_CHANGED} FROM {SEGMENTS} WHERE pos_to > $after AND pos_to <= $last",
                {"after": news[0].before, "last": news[-1].last},
            )
            rows += [dict(zip(names, values, strict=True)) for values in found]
        return ((table, table.rows(rows)) for table in TABLES)

    def _between(self, model: Followed, after: int, last: int) -> Iterator[tuple[Table, Iterable[Sequence[Any]]]]:
        """The rows of a span of positions as the read model has them, and those before it that have ended since."""
        conditions = ["pos_from > $after AND pos_from <= $last"]
        if last > self._ended and self._any_ends(model, last):
            conditions.append("pos_from <= $after AND pos_to > $ended AND pos_to <= $last")
        values = {"after": after, "last": last, "ended": self._ended}
        for table in TABLES:
            for condition in conditions:
                named = {name: value for name, value in values.items() if f"${name}" in condition}
                yield table, model.rows(table.query(condition), named)

    def _pack(self) -> None:
        """Write the file anew, once it is filled: as parts of it came one after another, its pages aren't full."""
        self._packed = True
        if self._writer is not None and not self._closed:
            try:
                self._writer.execute("VACUUM")
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:  # e.g. no room for a second one: then it stays as it is
                log.warning("the portfolios can't be packed: %s", error)

    def _any_ends(self, model: Followed, last: int) -> bool:
        """Whether anything was corrected or retracted since."""
        amending = "position > $ended AND position <= $last AND type IN ($corrected, $retracted)"
        values = {"ended": self._ended, "last": last, "corrected": CORRECTED, "retracted": RETRACTED}
        return bool(model.rows(f"SELECT 1 FROM events WHERE {amending} LIMIT 1", values))

    def _made(self) -> sqlite3.Connection:
        """The empty file."""
        self._remove()
        connection = self._connect()
        connection.execute("PRAGMA journal_mode = WAL")  # who asks waits for nobody
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        for table in TABLES:
            connection.execute(table.made)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False)
        self._connections.append(connection)
        return connection

    def _remove(self) -> None:
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)

    def close(self) -> None:
        self._closed = True  # whoever is taking something in stops after that
        with self._taking:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            if self._writer is not None:
                self._remove()


def _quoted(words: Collection[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
