"""The eventsourcing library's own conformance cases, on our recorders.

Its cases for aggregate recorders want inserts that give no positions, which contradicts those for application
recorders, and ours are the latter. Its cases for tracking and process recorders and for factories are of parts that
the ledger doesn't have: a projection keeps its position beside its rows.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg.conninfo import conninfo_to_dict

from ledger.store import postgres, sqlite

# The module with the cases imports a cipher, which needs a package that nothing here does, for cases that aren't ours.
cipher = ModuleType("eventsourcing.cipher")
cipher.AESCipher = object  # type: ignore[attr-defined]
sys.modules.setdefault(cipher.__name__, cipher)
from eventsourcing.tests import persistence as library  # noqa: E402


class SQLite(library.RecorderTestCase):
    """A SQLite recorder on an empty file. Streams have text ids."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "log.sqlite"

    def new_originator_id(self) -> str:
        return str(uuid.uuid4())

    def create_recorder(self) -> sqlite.Recorder:
        datastore = sqlite.Datastore(self.path)
        self.addCleanup(datastore.close)
        recorder = sqlite.Recorder(datastore)
        recorder.create_table()
        return recorder


class Postgres(library.RecorderTestCase):
    """A PostgreSQL recorder on an empty database, with a connection for each of the cases' twelve threads."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> None:
        self.url = database_url

    def new_originator_id(self) -> str:
        return str(uuid.uuid4())

    def create_recorder(self) -> postgres.Recorder:
        datastore = postgres.Datastore(dict(conninfo_to_dict(self.url)), "public", connections=12)
        self.addCleanup(datastore.close)
        recorder = postgres.Recorder(datastore)
        recorder.create_table()
        return recorder


class TestSQLiteRecorder(SQLite, library.ApplicationRecorderTestCase[sqlite.Recorder]):
    def test_subscribing_is_not_for_sqlite(self) -> None:
        """The library has no subscriptions on SQLite, so its case for them can't apply; followers pull in batches."""
        with pytest.raises(NotImplementedError):
            self.create_recorder().subscribe()


class TestSQLiteOrder(SQLite, library.NonInterleavingNotificationIDsBaseCase):
    pass


class TestPostgresRecorder(Postgres, library.ApplicationRecorderTestCase[postgres.Recorder]):
    def test_whoever_listens_is_told(self) -> None:
        """The library's optional case for subscriptions hangs now and then: a subscription listens only after it has
        looked for events, and waits for ever for one that came in between. The ledger's followers pull and need none;
        what the recorder has to do for subscriptions, one notice for each transaction with events, is held here."""
        recorder = self.create_recorder()
        with psycopg.connect(self.url, autocommit=True) as listener:
            listener.execute(f"LISTEN {recorder.channel_name}".encode())
            assert list(listener.notifies(timeout=0.1)) == []
            for stream in ("a", "b"):
                recorder.insert_events([StoredEvent(stream, version, "topic", b"{}") for version in (1, 2)])
            assert len(list(listener.notifies(timeout=0.5))) == 2


class TestPostgresOrder(Postgres, library.NonInterleavingNotificationIDsBaseCase):
    pass


def test_the_librarys_function_that_inserts_without_the_lock_is_not_there(database_url: str) -> None:
    """The library would create it in every database; ours has only the functions of the triggers."""
    postgres.PostgresStore(database_url, None).close()
    with psycopg.connect(database_url) as connection:
        names = connection.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace").fetchall()
    assert sorted(names) == [(f"refuse_change_of_{table}",) for table in ("attachments", "events", "index", "tree")]
