"""The log in a PostgreSQL database: any number of writer processes, whose events get positions in commit order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, cast

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import ConnectionPool, PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow, dict_row, tuple_row

from ledger.log.tiles import Run
from ledger.store import tree
from ledger.store.errors import NotReplicated, OutcomeUnknown, StoreError, StoreRefused
from ledger.store.folder import HeldFolder
from ledger.store.recorder import (
    COLUMNS,
    FORMAT,
    Answer,
    Entry,
    Layout,
    Reading,
    Store,
    Stored,
    WriteTransaction,
    check_format,
    entry_of,
    translated,
)

LOCK_SECONDS = 60  # how long a writer waits for the others before it gives up
IDLE_SECONDS = 30  # how long a writer that has stalled may keep the lock before the server ends its session
CONNECT_SECONDS = 5.0
READ_CONNECTIONS = 8
# A server that vanishes without a word is noticed within half a minute. The database URL may say otherwise.
CONNECTION_DEFAULTS: dict[str, Any] = {
    "fallback_application_name": "deal-ledger",
    "connect_timeout": int(CONNECT_SECONDS),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}

# Made once, in one transaction. Ids sort as bytes: no question depends on a language's order of letters.
TABLES = [
    """CREATE TABLE events (
        position bigint PRIMARY KEY CHECK (position > 0),
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        type text NOT NULL,
        state text NOT NULL,
        id text COLLATE "C" NOT NULL UNIQUE,
        chain text COLLATE "C",
        UNIQUE (stream, version))""",
    """CREATE TABLE event_keys (
        key text COLLATE "C" NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (key, position))""",
    """CREATE TABLE answers (
        key text COLLATE "C" PRIMARY KEY,
        body_sha256 text NOT NULL,
        answer text NOT NULL,
        position bigint NOT NULL)""",
    """CREATE VIEW stored_events AS
        SELECT stream AS originator_id, version AS originator_version, type AS topic,
            convert_to(state, 'UTF8') AS state, position AS notification_id
        FROM events""",
    """CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'events are never changed or deleted: % refused', TG_OP; END $$""",
    """CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()""",
    # Also for sessions that switch ordinary triggers off (session_replication_role).
    "ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_change",
    f"COMMENT ON TABLE events IS 'deal-ledger, format {FORMAT}'",  # as _format reads it
]
# A fact's own row is found by its id. (Ledgers of earlier versions have an index of all rows.)
AMENDING_INDEX = [
    "CREATE INDEX events_amending ON events (chain) WHERE chain <> id",
    "DROP INDEX IF EXISTS events_chain",
]
TREE_TABLES = [
    """CREATE TABLE tree_runs (
        level smallint NOT NULL,
        first bigint NOT NULL,
        hashes bytea NOT NULL CHECK (length(hashes) > 0 AND length(hashes) % 32 = 0),
        PRIMARY KEY (level, first))""",
    "ALTER TABLE tree_runs ALTER hashes SET STORAGE EXTERNAL",  # hashes can't be compressed, so nobody should try
    "CREATE TABLE checkpoints (size bigint PRIMARY KEY CHECK (size >= 0), note text NOT NULL)",
    """CREATE TABLE cosignatures (
        size bigint NOT NULL REFERENCES checkpoints,
        line text COLLATE "C" NOT NULL,
        PRIMARY KEY (size, line))""",
    """CREATE FUNCTION refuse_change_of_tree() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% are never changed or deleted: % refused', TG_TABLE_NAME, TG_OP; END $$""",
    *(
        statement
        for table in ("tree_runs", "checkpoints", "cosignatures")
        for statement in (
            f"""CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_tree()""",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_change",
        )
    ),
]
# What the writer finds records and first answers by.
INDEX_TRIGGERS = [
    """CREATE FUNCTION refuse_change_of_index() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% are never changed or deleted: % refused', TG_TABLE_NAME, TG_OP; END $$""",
    *(
        statement
        for table in ("event_keys", "answers")
        for statement in (
            f"""CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_index()""",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_change",
        )
    ),
]
# As in SQLite, rows stay when they are blanked, so that an id isn't taken again.
ATTACHMENT_TABLES = [
    """CREATE TABLE attachments (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text COLLATE "C" NOT NULL UNIQUE,
        salt bytea,
        bytes bytea,
        CHECK ((salt IS NULL) = (bytes IS NULL)))""",
    "ALTER TABLE attachments ALTER bytes SET STORAGE EXTERNAL",  # most documents are compressed already
    """CREATE FUNCTION refuse_change_of_attachments() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'attachments are never changed, only erased: % refused', TG_OP; END $$""",
    """CREATE TRIGGER attachments_only_erased BEFORE UPDATE ON attachments FOR EACH ROW
        WHEN (NEW.number <> OLD.number OR NEW.id <> OLD.id OR NEW.bytes IS NOT NULL)
        EXECUTE FUNCTION refuse_change_of_attachments()""",
    """CREATE TRIGGER attachments_no_delete BEFORE DELETE OR TRUNCATE ON attachments
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_attachments()""",
    "ALTER TABLE attachments ENABLE ALWAYS TRIGGER attachments_only_erased",
    "ALTER TABLE attachments ENABLE ALWAYS TRIGGER attachments_no_delete",
]
MAKING_TABLES = 5_227_101  # advisory lock: several processes may start on an empty database at once
SIGNING = 5_227_102  # advisory lock, with the schema's


class Datastore(PostgresDatastore):
    """Connections to a primary server, checked before each use and replaced when broken."""

    def __init__(self, parameters: dict[str, Any], schema: str, connections: int) -> None:
        # The library asks for the parts of a URL; all that a URL may say is in `parameters`.
        super().__init__(
            dbname="",
            host="",
            port="",
            user="",
            password="",
            idle_in_transaction_session_timeout=IDLE_SECONDS,
            lock_timeout=LOCK_SECONDS,
            schema=schema,
            originator_id_type="text",
        )
        self.pool = ConnectionPool(
            connection_class=psycopg.Connection[DictRow],
            kwargs={**parameters, "row_factory": dict_row},
            min_size=1,
            max_size=connections,
            open=False,
            configure=self.after_connect_func(),
            check=ConnectionPool.check_connection,
            timeout=CONNECT_SECONDS,
        )
        self.pool.open()  # now, because a pool that is first opened after `close` would come to life

    def after_connect_func(self) -> Callable[[psycopg.Connection[Any]], None]:
        library_settings = super().after_connect_func()

        def after_connect(connection: psycopg.Connection[Any]) -> None:
            library_settings(connection)
            # A role or database may have it off, and would lose acknowledged events in a power cut.
            connection.execute(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )

        return after_connect

    @contextmanager
    def transaction(self, *, commit: bool = False) -> Iterator[psycopg.Cursor[DictRow]]:
        with self.get_connection() as connection, connection.cursor() as cursor:
            # Said, because a role's default may be stricter: the lock orders writers, nobody should be told to retry.
            cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            yield cursor
            if commit:
                commit_surely(cursor)
            else:
                connection.rollback()


def commit_surely(cursor: psycopg.Cursor[Any]) -> None:
    """Commit, or say that it can't be told whether the commit was kept (OutcomeUnknown), or where (NotReplicated)."""
    warnings: list[str] = []

    def note(notice: Diagnostic) -> None:  # its fields can only be read in here
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "no text")

    connection = cursor.connection
    connection.add_notice_handler(note)
    try:
        cursor.execute("COMMIT")
    except psycopg.Error as error:
        if connection.closed:
            raise OutcomeUnknown(f"the connection was lost while committing: {error}") from error
        raise
    finally:
        connection.remove_notice_handler(note)
    if cursor.statusmessage != "COMMIT":
        raise StoreError("the server rolled the transaction back, because a statement in it had failed")
    if warnings:
        # Synchronous replication says so when its wait is cancelled: stored here, perhaps not on the standby.
        raise NotReplicated(f"the server commits with a warning: {'; '.join(warnings)}")


class Recorder(PostgresApplicationRecorder):
    """The library's recorder over our tables: it reads the view, and what it inserts gets the next positions."""

    datastore: Datastore
    layout: Layout
    hashed: tree.Told = staticmethod(lambda done, of: None)

    def create_table(self) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING_TABLES,))
            if cursor.execute("SELECT to_regclass('stored_events') AS name").fetchall() == [{"name": None}]:
                for statement in TABLES:
                    cursor.execute(statement.encode())
            check_format(_format(cursor))
            if cursor.execute("SELECT to_regclass('events_amending') AS name").fetchall() == [{"name": None}]:
                for statement in AMENDING_INDEX:
                    cursor.execute(statement.encode())
            always = (
                "SELECT 1 FROM pg_attribute WHERE attrelid = 'events'::regclass AND attname = 'chain' AND attnotnull"
            )
            self.layout = Layout(brief=not cursor.execute(always).fetchall())
            if cursor.execute("SELECT to_regclass('tree_runs') AS name").fetchall() == [{"name": None}]:
                self.lock(cursor)
                for statement in TREE_TABLES:
                    cursor.execute(statement.encode())
                tree.fill(partial(rows, cursor), partial(_read, cursor), partial(_store_runs, cursor), self.hashed)
            guarded = "SELECT 1 FROM pg_trigger WHERE tgrelid = 'answers'::regclass AND tgname = 'answers_no_change'"
            if not cursor.execute(guarded).fetchall():
                for statement in INDEX_TRIGGERS:
                    cursor.execute(statement.encode())
            if cursor.execute("SELECT to_regclass('attachments') AS name").fetchall() == [{"name": None}]:
                for statement in ATTACHMENT_TABLES:
                    cursor.execute(statement.encode())

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """As the library's, but without its pipeline (large batches hang) and its retry (which doubles, or conflicts
        with itself, when the reply to COMMIT is lost)."""
        with self.datastore.transaction(commit=True) as cursor:
            self.lock(cursor)
            return self.insert(cursor, [entry_of(event) for event in stored_events])

    def lock(self, cursor: psycopg.Cursor[Any]) -> None:
        """Keep other writers out, readers not, until the transaction ends: so positions follow commit order."""
        self._lock_table(cursor)

    def insert(self, cursor: psycopg.Cursor[Any], entries: Sequence[Entry]) -> list[int]:
        """Store events and their keys in the transaction of `cursor`, which holds the lock."""
        before = tree.heads(partial(rows, cursor))
        placed = list(enumerate(entries, before.position + 1))
        with cursor.copy("COPY events (position, stream, version, type, state, id, chain) FROM STDIN") as copy:
            for at, e in placed:
                copy.write_row((at, e.stream, e.version, e.type, e.state, e.event_id, self.layout.chain(e)))
        _store_runs(cursor, tree.grown(partial(rows, cursor), before, entries))
        self.index(cursor, [(key, at) for at, entry in placed for key in self.layout.keys(entry.stream, entry.keys)])
        self._notify_channel(cursor)
        return [at for at, _ in placed]

    def index(self, cursor: psycopg.Cursor[Any], keys: Sequence[tuple[str, int]]) -> None:
        """Note that the events at these positions touch these records."""
        cursor.execute(
            "INSERT INTO event_keys (key, position) SELECT * FROM unnest(%b::text[], %b::bigint[])"
            " ON CONFLICT DO NOTHING",
            ([key for key, _ in keys], [at for _, at in keys]),
        )


class PostgresWriteTransaction(WriteTransaction):
    _database: ClassVar = psycopg

    def __init__(self, recorder: Recorder, cursor: psycopg.Cursor[Any]) -> None:
        self._recorder = recorder
        self.layout = recorder.layout
        self._cursor = cursor
        super().__init__()

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(psycopg):
            return rows(self._cursor, sql, *values)

    def _execute(self, sql: str, *values: object) -> None:
        with translated(psycopg):
            self._cursor.execute(sql.replace("?", "%s").encode(), values)

    def _insert(
        self, entries: Sequence[Entry], more_keys: Sequence[tuple[str, int]], answers: Sequence[Answer]
    ) -> list[int]:
        positions = self._recorder.insert(self._cursor, entries) if entries else []
        if more_keys:
            self._recorder.index(self._cursor, more_keys)
        if answers:
            self._cursor.execute(
                "INSERT INTO answers (key, body_sha256, answer, position)"
                " SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])",
                (
                    [a.key for a in answers],
                    [a.body_sha256 for a in answers],
                    [a.answer for a in answers],
                    [a.position for a in answers],
                ),
            )
        return positions


class PostgresStore(Store):
    """The log in the database at a URL. A folder that is given (the server's own) is held until `close`."""

    _database: ClassVar = psycopg

    def __init__(self, database_url: str, folder: Path | None, hashed: tree.Told = lambda done, of: None) -> None:
        self._folder = HeldFolder(folder) if folder is not None else None
        try:
            with translated(psycopg):
                parameters = parameters_of(database_url)
                schema = writable_schema(parameters)
                self._recorder = Recorder(Datastore(parameters, schema, connections=1))
                self._recorder.hashed = hashed
                self._recorder.create_table()
                self.layout = self._recorder.layout
            # Readers have connections of their own, so that they can't keep the writer from its one.
            self._readers = Datastore(parameters, schema, connections=READ_CONNECTIONS)
        except BaseException:
            if self._folder is not None:
                self._folder.release()
            raise
        self.place = database_url
        self._writing = Lock()

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        with self._writing, translated(psycopg), self._recorder.datastore.transaction(commit=True) as cursor:
            self._recorder.lock(cursor)
            transaction = PostgresWriteTransaction(self._recorder, cursor)
            yield transaction
            if transaction.failure is not None:
                raise transaction.failure

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(psycopg), self._readers.get_connection() as connection, connection.cursor() as cursor:
            return rows(cursor, sql, *values)

    @contextmanager
    def signing(self) -> Iterator[bool]:
        with translated(psycopg), self._readers.get_connection() as connection:
            connection.autocommit = True  # the server would end a transaction for idling while entries are hashed
            lock = f"{SIGNING}, hashtext(current_schema())"
            [answer] = connection.execute(f"SELECT pg_try_advisory_lock({lock}) AS has".encode()).fetchall()
            try:
                yield answer["has"]
            finally:
                if not connection.closed:
                    if answer["has"]:
                        connection.execute(f"SELECT pg_advisory_unlock({lock})".encode())
                    connection.autocommit = False

    def close(self) -> None:
        self._readers.close()
        self._recorder.datastore.close()
        if self._folder is not None:
            self._folder.release()


class PostgresReading(Reading):
    """The log in the database at a URL, over one connection."""

    _database: ClassVar = psycopg

    def __init__(self, database_url: str) -> None:
        with translated(psycopg):
            self._connection = psycopg.connect(**parameters_of(database_url), autocommit=True)

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(psycopg), self._connection.cursor() as cursor:
            return rows(cursor, sql, *values)

    def close(self) -> None:
        self._connection.close()


def parameters_of(database_url: str) -> dict[str, Any]:
    """What to connect with: what the URL says, and our defaults where it says nothing."""
    # Never a standby: it lags behind what was acknowledged, and may be promoted without it.
    return CONNECTION_DEFAULTS | conninfo_to_dict(database_url) | {"target_session_attrs": "primary"}


def writable_schema(parameters: dict[str, Any]) -> str:
    """Where unqualified names lead. Asked over a connection of its own, whose error says what is wrong with the URL."""
    with psycopg.connect(**parameters) as connection:
        [(schema,)] = connection.execute("SELECT current_schema()").fetchall()
    if schema is None:
        raise StoreRefused("the database has no schema that this user may use: create one, or set the search_path")
    return cast(str, schema)


def rows(cursor: psycopg.Cursor[Any], sql: str, *values: object) -> list[tuple[Any, ...]]:
    with cursor.connection.cursor(row_factory=tuple_row) as asking:
        return asking.execute(sql.replace("?", "%s").encode(), values).fetchall()


def _format(cursor: psycopg.Cursor[Any]) -> int:
    """What the log says of itself; 0 if it says nothing."""
    [(said,)] = rows(cursor, "SELECT obj_description('events'::regclass, 'pg_class')")
    match = re.fullmatch(r"deal-ledger, format ([0-9]+)", said or "")
    return int(match[1]) if match else 0


def _store_runs(cursor: psycopg.Cursor[Any], runs: Sequence[Run]) -> None:
    cursor.execute(  # binary (%b), for lists go as text else, and bytes take four times as long as hex digits
        "INSERT INTO tree_runs (level, first, hashes) SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])",
        ([run.level for run in runs], [run.first for run in runs], [run.hashes for run in runs]),
    )


def _read(cursor: psycopg.Cursor[Any], after: int, limit: int) -> list[Stored]:
    """As Reading.read, on a cursor."""
    sql = f"SELECT {COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?"
    return [Stored._make(row) for row in rows(cursor, sql, after, limit)]
