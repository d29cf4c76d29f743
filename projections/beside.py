"""A process beside this one that answers what it is told: work that would hold Python's lock here for long."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from select import POLLIN, POLLOUT, poll
from subprocess import PIPE
from typing import IO, Any, cast

_LENGTH = 8  # bytes that say how long a message is
_MOST = 1 << 20  # bytes that are read at a time


class Gone(Exception):
    """The process has ended, whyever, or was ended because it didn't answer."""


class Beside:
    """A process that runs a module, which has to `serve`. One thread at a time may use it, and any may `kill` it."""

    def __init__(self, module: str) -> None:
        path = os.pathsep.join(part or os.getcwd() for part in sys.path)
        command, environment = [sys.executable, "-P", "-m", module], {**os.environ, "PYTHONPATH": path}
        self._process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, env=environment)  # noqa: S603
        self._to, self._from = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        os.set_blocking(self._to.fileno(), False)
        self._coming, self._going = poll(), poll()
        self._coming.register(self._from, POLLIN)
        self._going.register(self._to, POLLOUT)
        self._started = False

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def ready(self) -> bool:
        """Whether it has started, which takes part of a second. Raises Gone."""
        if not self._started and self._coming.poll(0):
            self._start(1)
        return self._started

    def ask(self, told: Any, seconds: float) -> Any:
        """What it answers within so many seconds, and as many for its start. Raises Gone."""
        self.tell(told, seconds)
        return self.receive(seconds)

    def tell(self, told: Any, seconds: float) -> None:
        """What it answers to this has to be received. Raises Gone if it doesn't take it within so many seconds."""
        if not self._started:
            self._start(seconds)
        deadline, rest = time.monotonic() + seconds, memoryview(pickle.dumps(told, pickle.HIGHEST_PROTOCOL))
        with self._lost():
            while rest:
                _wait(self._going, deadline)
                rest = rest[os.write(self._to.fileno(), rest) :]

    def receive(self, seconds: float) -> Any:
        """What it says next within so many seconds. Raises Gone."""
        deadline, received, length = time.monotonic() + seconds, bytearray(), _LENGTH
        with self._lost():
            while len(received) < length:
                _wait(self._coming, deadline)
                part = os.read(self._from.fileno(), _MOST)
                if not part:
                    raise EOFError("it has ended")
                received += part
                if len(received) >= _LENGTH:
                    length = _LENGTH + int.from_bytes(received[:_LENGTH])
            return pickle.loads(memoryview(received)[_LENGTH:])  # noqa: S301 - it's ours

    def _start(self, seconds: float) -> None:
        self.receive(seconds)
        self._started = True

    @contextmanager
    def _lost(self) -> Iterator[None]:
        """Whatever goes wrong in here ends it: what it says later would be taken for another answer."""
        try:
            yield
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self.kill()
            raise Gone(repr(error)) from error

    def kill(self) -> None:
        """It needs no more than that to end, and whoever waits for its answer is told; `end` all the same."""
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._from.close()
        self._to.close()


def serve(answer: Callable[[Any], Any], idle_seconds: float | None = None) -> None:
    """What the module does there: it answers until whoever started it ends it, or ends, or asks nothing for so long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal it goes to both
    told, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever prints doesn't do so among the answers
    asked = poll()
    asked.register(told, POLLIN)
    with suppress(EOFError, BrokenPipeError):
        _answer(answers, None)  # it is ready
        while asked.poll(None if idle_seconds is None else idle_seconds * 1000):
            _answer(answers, answer(pickle.load(told)))  # noqa: S301 - from whoever started this


def _wait(ready: poll, deadline: float) -> None:
    if not ready.poll(max(0, deadline - time.monotonic()) * 1000):
        raise TimeoutError("it doesn't answer")


def _answer(to: IO[bytes], answer: Any) -> None:
    message = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    to.write(len(message).to_bytes(_LENGTH))
    to.write(message)
    to.flush()
