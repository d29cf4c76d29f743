"""The writer in a process of its own: checking and storing then take no time from the interpreter that answers."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from ledger.reading import Unread
from ledger.requests import Job, Outcome, Request, Unavailable, Waiting
from ledger.store import Place, Store, StoreError


class Call(NamedTuple):
    """What is asked of the process, under a number."""

    number: int
    asked: Sequence[Request] | Unread
    stop: bool
    dry_run: bool


class Told(NamedTuple):
    """What the process says: its head, how many seconds its commit took (None if it made none), and the outcomes of
    calls by their numbers, or the error."""

    head: int
    seconds: float | None
    outcomes: list[tuple[int, list[Outcome] | Exception]]


class Fault(Exception):
    """An error in the process that nobody foresaw, as text with its traceback."""


def send(connection: Connection, message: object) -> None:
    """The connection's own way to do so takes several times as long."""
    connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def received(connection: Connection) -> Any:
    """The next message. Raises EOFError or ConnectionError if nobody is at the other end."""
    return pickle.loads(connection.recv_bytes())  # noqa: S301 (from nobody but our own process)


class Scribe:
    """Stands for a Writer, is made and asked in the same way, and writes to the same place in another process.

    The process ends when this one does, however that ends. If it ends by itself, or is killed, whoever waits is told
    Unavailable, and the next call starts another. That is as safe as killing all of it: a commit is on the disk or
    isn't, and whoever has a key may ask again.
    """

    def __init__(
        self,
        store: Store,
        on_commit: Callable[[int], None],
        timed: Callable[[float], object] = lambda _: None,
        forbidden: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._on_commit = on_commit
        self._timed = timed
        self._forbidden = forbidden
        self.answered: Callable[[], object] = lambda: None
        """Called when all that the process said at once has been told."""
        self._waiting: queue.SimpleQueue[tuple[Call, Waiting] | None] = queue.SimpleQueue()
        self._numbers = count()
        self._closing = threading.Lock()
        self._closed = False
        self.head = store.head()
        self._process = _Process(store.place, self._tell, self._give_up)
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._thread.start()

    @property
    def process_id(self) -> int:
        return self._process.id

    def submit(
        self, requests: Sequence[Request], *, stop: bool = False, dry_run: bool = False
    ) -> Future[list[Outcome]]:
        """As Writer.submit."""
        done: Future[list[Outcome]] = Future()
        self.hand_in(Job(requests, stop, dry_run, done))
        return done

    def hand_in(self, job: Job) -> None:
        """As Writer.hand_in."""
        self._put(Call(next(self._numbers), job.requests, job.stop, job.dry_run), job.done)

    def take(self, unread: Unread, done: Waiting) -> None:
        """As Writer.take, but that a refusal is an outcome like others, for it is the process that reads."""
        self._put(Call(next(self._numbers), unread, stop=False, dry_run=False), done)

    def _put(self, call: Call, done: Waiting) -> None:
        with self._closing:
            if self._closed:
                raise Unavailable("the ledger is shutting down")
            self._waiting.put((call, done))

    @property
    def waiting(self) -> int:
        """How many calls have no answer yet."""
        return self._waiting.qsize() + self._process.waiting

    def close(self) -> None:
        """Finish what was handed in and end the process."""
        with self._closing:
            self._closed = True
            self._waiting.put(None)
        self._thread.join()
        self._process.join()

    def _run(self) -> None:
        while True:
            given = self._given()
            # Whoever went away while waiting is not served; from here on nobody can go away.
            asked = [one for one in given if one is not None and one[1].set_running_or_notify_cancel()]
            while asked and not self._process.ask(self._forbidden(), asked):
                self._process.join()
                self._process = _Process(self._store.place, self._tell, self._give_up)
            if None in given:
                self._process.end()
                return

    def _given(self) -> list[tuple[Call, Waiting] | None]:
        """At least one call, and whatever else waits. None is the end."""
        given = [self._waiting.get()]
        while given[-1] is not None:
            try:
                given.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return given

    def _tell(self, told: Told, asked: dict[int, Waiting]) -> None:
        """In the thread that listens to the process: pass on what it said to what was asked."""
        self.head = max(self.head, told.head)
        if told.seconds is not None:
            self._timed(told.seconds)
            self._on_commit(self.head)
        for number, outcomes in told.outcomes:
            if isinstance(outcomes, Exception):
                asked.pop(number).set_exception(outcomes)
            else:
                asked.pop(number).set_result(outcomes)
        self.answered()

    def _give_up(self, asked: dict[int, Waiting]) -> None:
        """In the same thread, when the process is gone: what it did last may be stored, though it told nobody."""
        with suppress(StoreError):
            self.head = max(self.head, self._store.head())
            self._on_commit(self.head)
        for one in asked.values():
            one.set_exception(Unavailable("the process that writes has ended"))
        self.answered()


class _Process:
    """One process that writes, and a thread that listens to it: to `tell` and, at its end, to `give_up` go those who
    wait for it by their numbers."""

    def __init__(
        self,
        place: Place | None,
        tell: Callable[[Told, dict[int, Waiting]], None],
        give_up: Callable[[dict[int, Waiting]], None],
    ) -> None:
        self._tell = tell
        self._give_up = give_up
        self._asked: dict[int, Waiting] = {}
        self._asking = threading.Lock()
        self._gone = False
        ours, its = Pipe()
        with its:
            # It finds the modules that this process finds, and looks for none in the folder where it is started.
            command = [sys.executable, "-P", "-m", "ledger.scribing", str(its.fileno())]
            path = os.pathsep.join(part or os.getcwd() for part in sys.path)
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()], env={**os.environ, "PYTHONPATH": path}
            )
        self._connection = ours
        self._send(place)
        self._listener = threading.Thread(target=self._listen, name="scribe's listener", daemon=True)
        self._listener.start()

    @property
    def id(self) -> int:
        return self._process.pid

    @property
    def waiting(self) -> int:
        return len(self._asked)

    def ask(self, forbidden: str | None, asked: Sequence[tuple[Call, Waiting]]) -> bool:
        """False if the process is gone, and wasn't asked. While `forbidden` gives a reason, it takes nothing."""
        with self._asking:
            if not self._gone:
                self._asked.update((call.number, done) for call, done in asked)
                self._send((forbidden, [call for call, _ in asked]))
            return not self._gone

    def end(self) -> None:
        """Let it finish what it was asked, and go."""
        with self._asking:
            if not self._gone:
                self._send(None)

    def join(self) -> None:
        self._listener.join()

    def _send(self, message: object) -> None:
        with suppress(ConnectionError):  # it is gone, which the listener finds out too
            send(self._connection, message)

    def _listen(self) -> None:
        try:
            while True:
                self._tell(received(self._connection), self._asked)
        except (EOFError, ConnectionError):
            pass
        finally:
            self._process.kill()  # which is over, unless something is wrong with what it says
            self._process.wait()
            with self._asking:
                self._gone = True
                self._connection.close()
            self._give_up(self._asked)
