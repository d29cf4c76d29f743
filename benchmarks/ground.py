"""What the rows stand on: the ledger that holds the workload, servers, a database, and a folder for what is thrown
away. Each is made when a row first asks for it, and ended when the run is over."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import filling, parties, points, postgres, processes, workload
from benchmarks.peers import bitemporal
from benchmarks.processes import Client, Server

CACHE = Path(__file__).resolve().parent.parent / ".benchmarks"
LINES = "application/x-ndjson"
LOG_FILE, READ_MODEL_FILE = "ledger.sqlite", "read-model.duckdb"
# Questions about writing are put to a ledger of this size, whatever the size of the run: PostgreSQL's isn't kept.
SMALL = 5_000


def body_of(events: list[dict[str, Any]]) -> bytes:
    """Events as lines."""
    return b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)


def record(client: Client, body: bytes) -> int:
    """Record lines; the position of the last. Raises if any is refused: the workload is one that a ledger takes."""
    answer = client.post("/v1/events", body, content_type=LINES)
    last = answer.rstrip().rpartition(b"\n")[2]
    summary = json.loads(last)["summary"]
    if summary["refused"] or summary["not_tried"]:
        first = next(line for line in answer.splitlines() if b'"problem"' in line)
        raise RuntimeError(f"the ledger refused an event of the workload: {first.decode()[:1000]}")
    return int(summary["position"])


@dataclass
class Ground:
    """`size` is how many events the ledger that is asked holds. With `quick`, everything is measured less often."""

    size: int
    quick: bool
    given: Path | None = None
    """A ledger folder to ask instead of the workload's own."""
    told: Callable[[str], object] = lambda line: None
    closing: ExitStack = field(default_factory=ExitStack)
    row: ExitStack = field(default_factory=ExitStack)
    """What ends with the row that is being measured: a server that idles takes its part of the processor too."""
    _numbers: Iterator[int] = field(default_factory=count)
    _standing: ExitStack = field(default_factory=ExitStack)
    _stands: tuple[Path, Server] | None = None
    _rested: Server | None = None
    _portfolios: dict[int, list[tuple[str, int]]] = field(default_factory=dict)

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self.row.close()
        self.closing.close()

    def rounds(self, quick: int, thorough: int) -> int:
        """How often something is measured."""
        return quick if self.quick else thorough

    # --- folders ---

    @cached_property
    def work(self) -> Path:
        """A folder on the disk of the cache, since that is where durability costs what it costs; emptied at the end."""
        CACHE.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
        folder.chmod(0o755)  # PostgreSQL's own user goes through it
        self.closing.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def folder(self, name: str) -> Path:
        """The path of a new folder, which isn't there yet."""
        return self.work / f"{name}-{next(self._numbers)}"

    # --- the ledger that is asked ---

    @cached_property
    def ledger(self) -> Path:
        """The folder of the ledger with all events of the workload. Nobody writes into it: see `copy`."""
        folder = self.given or filled(self.size, self.told)
        _ = self._standing_on(folder).address  # it makes the read model anew, should it be of another version
        return folder

    @cached_property
    def tangled(self) -> Path:
        """The folder of a ledger as large, in which anyone deals with anyone."""
        return filled(self.size, self.told, mixed=True)

    @cached_property
    def copy(self) -> Path:
        """The folder of a copy of the ledger that may be written to, for all the rows that do."""
        folder, ledger = self.folder("copy"), self.ledger
        self.leave()  # files that a server has open may be in the middle of something
        shutil.copytree(ledger, folder)
        return folder

    @contextmanager
    def log(self, folder: Path | None = None) -> Iterator[sqlite3.Connection]:
        """The log's own table, to be read only, also while a server has it: of the ledger, or of another folder."""
        connection = sqlite3.connect(f"file:{(folder or self.ledger) / LOG_FILE}?mode=ro", uri=True)
        yield connection
        connection.close()

    def portfolios(self, position: int) -> list[tuple[str, int]]:
        """As points.portfolios, which reads the whole log up to there, but once only."""
        if position not in self._portfolios:
            with self.log() as log:
                self._portfolios[position] = points.portfolios(log, position)
        return self._portfolios[position]

    @property
    def asked(self) -> Server:
        """The server that answers questions on the ledger, and has nothing else to do."""
        return self.asked_of(self.ledger)

    def asked_of(self, folder: Path) -> Server:
        """The same on another folder."""
        server = self._standing_on(folder)
        if server is not self._rested:
            server.rest()
            self._rested = server
        return server

    @property
    def written(self) -> Server:
        """The server of the copy."""
        return self._standing_on(self.copy)

    def _standing_on(self, folder: Path) -> Server:
        """One of these servers, which goes on from row to row until another is needed."""
        if self._stands is not None and self._stands[0] == folder:
            return self._stands[1]
        self.leave()
        server = self._standing.enter_context(processes.ledger(folder, None, self.folder("server.log")))
        self._stands = folder, server
        return server

    def leave(self) -> None:
        """End the server that is standing, since a folder may be open in one process only."""
        self._standing.close()
        self._stands = None

    # --- servers ---

    @cached_property
    def small(self) -> Server:
        """A server on SQLite with SMALL events, to write to."""
        folder = self.folder("small")
        filling.fill(folder, SMALL)
        return self.closing.enter_context(self._thrown_away(folder))

    @cached_property
    def small_on_postgres(self) -> Server:
        """The same on PostgreSQL."""
        server = self.closing.enter_context(self._thrown_away(self.folder("small"), self.database()))
        with Client(server.address) as client:
            record(client, body_of(list(workload.events(SMALL))))
        return server

    def serve(self, database_url: str | None = None) -> Server:
        """`dealledger serve` on an empty ledger, until the row is measured."""
        return self.row.enter_context(self._thrown_away(self.folder("empty"), database_url))

    def _thrown_away(self, data: Path, database_url: str | None = None) -> AbstractContextManager[Server]:
        return processes.ledger(data, database_url, self.folder("server.log"), lasting=False)

    @cached_property
    def postgres(self) -> str:
        """The URL of a PostgreSQL server with durability on. Raises CannotMeasure."""
        return self.closing.enter_context(postgres.postgres(self.work / "postgres"))

    def database(self) -> str:
        """The URL of a new database, dropped when the run is over."""
        return self.closing.enter_context(postgres.database(self.postgres, f"bench_{next(self._numbers)}"))

    @cached_property
    def postgres_version(self) -> str | None:
        """Its version, if any row has asked for it."""
        return postgres.version(self.postgres) if "postgres" in self.__dict__ else None

    @cached_property
    def peers(self) -> Server:
        """The server of what we are compared with: a route that does nothing, the stock library, a PostgreSQL table."""
        from benchmarks.peers.server import command  # needs FastAPI only when it is started

        return self.closing.enter_context(
            processes.running(*command(self.folder("stock"), self.database(), self.work / "peers.log"), lasting=False)
        )

    @cached_property
    def bitemporal(self) -> str:
        """The URL of the database with the PostgreSQL table that holdings are compared with."""
        url = self.database()
        ledger = self.ledger
        self.leave()
        bitemporal.fill(url, ledger / READ_MODEL_FILE)
        return url


# --- filling -----------------------------------------------------------------------------------------------------


def filled(size: int, told: Callable[[str], object], *, mixed: bool = False) -> Path:
    """A ledger with so many events of the workload, made once and kept in the cache; its read model is still to be
    made."""
    texts = b"".join(Path(str(module.__file__)).read_bytes() for module in (workload, parties))
    fingerprint = hashlib.sha256(texts).hexdigest()[:12]
    folder = CACHE / f"{size}-{'mixed-' if mixed else ''}{fingerprint}"
    if folder.exists():
        return folder
    told(f"Filling a ledger with {size:,} events; this is done once")
    unfinished = folder.with_name(folder.name + ".filling")
    shutil.rmtree(unfinished, ignore_errors=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("events recorded", total=size)
        filling.fill(unfinished, size, lambda done: progress.update(task, completed=done), mixed=mixed)
    unfinished.rename(folder)
    return folder
