"""The process that writes: see scribe.py. It is told over a socket, whose number it is started with."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from ledger.reading import Unread
from ledger.refusals import Refusal
from ledger.requests import Job, Outcome, Unavailable
from ledger.scribe import Call, Fault, Told, received, send
from ledger.store import open_beside
from ledger.writer import Writer


class Scribing:
    """Brings calls to the writer, and the answers of one commit back together."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        # What the writer's thread is about to tell.
        self._outcomes: list[tuple[int, list[Outcome] | Exception]] = []
        self._head = 0
        self._seconds: float | None = None
        self._forbidden: str | None = None

    def run(self) -> None:
        """Until it is told to end, and has done what it was asked; or at once when whoever asks is gone."""
        store = open_beside(received(self._connection))
        writer = Writer(store, self._committed, self._timed, lambda: self._forbidden)
        writer.answered = self._tell
        gc.collect()
        gc.freeze()  # see api/cli/serving.py
        gc.set_threshold(10_000, 20, 50)
        while (message := self._next()) is not None:
            self._forbidden, calls = message
            for call in calls:
                self._take(writer, call)
        writer.close()
        store.close()

    def _next(self) -> tuple[str | None, list[Call]] | None:
        try:
            message: tuple[str | None, list[Call]] | None = received(self._connection)
        except (EOFError, ConnectionError):
            os._exit(1)  # nobody is left to be told, and the folder may get another holder at any moment
        return message

    def _take(self, writer: Writer, call: Call) -> None:
        reply = _Reply(self._outcomes, call.number)
        if not isinstance(call.asked, Unread):
            writer.hand_in(Job(call.asked, call.stop, call.dry_run, reply))
            return
        try:
            writer.take(call.asked, reply)
        except Refusal as refusal:
            self._send(None, [(call.number, [refusal])])
        except Exception as error:
            self._send(None, [(call.number, told(error))])

    def _committed(self, head: int) -> None:
        self._head = head

    def _timed(self, seconds: float) -> None:
        self._seconds = seconds

    def _tell(self) -> None:
        self._send(self._seconds, self._outcomes)
        self._outcomes.clear()
        self._seconds = None

    def _send(self, seconds: float | None, outcomes: list[tuple[int, list[Outcome] | Exception]]) -> None:
        with self._sending, suppress(ConnectionError):  # if nobody is there, _next ends it all
            send(self._connection, Told(self._head, seconds, outcomes))


class _Reply:
    """Whoever waits for the outcomes of a call does so in the other process."""

    def __init__(self, outcomes: list[tuple[int, list[Outcome] | Exception]], number: int) -> None:
        self._outcomes = outcomes
        self._number = number

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, outcomes: list[Outcome]) -> None:
        self._outcomes.append((self._number, outcomes))

    def set_exception(self, error: BaseException | None) -> None:
        if error is not None:
            self._outcomes.append((self._number, told(error)))


def told(error: BaseException) -> Exception:
    """An error as it may be told to another process, which needn't know its type."""
    return error if isinstance(error, Unavailable) else Fault("".join(traceback.format_exception(error)))


def main() -> None:
    # Ctrl-C, and who ends all processes of a service at once, mean the one that answers; it tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Connection(int(sys.argv[1])) as connection:
        Scribing(connection).run()


if __name__ == "__main__":
    main()
