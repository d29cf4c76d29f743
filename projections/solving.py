"""Solves the parts of a network: of a large one half of them in a process beside this one, for OR-tools holds Python's
lock while it solves."""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from select import POLLIN, poll
from subprocess import PIPE
from threading import Lock
from typing import IO, Any, cast

from projections.solver import Part

# So much work is worth the way to another process and back, of some milliseconds.
_WORTH = 50_000
# The process ends when nothing was asked of it for so long: it takes some 70 MiB.
_IDLE_SECONDS = 600

log = logging.getLogger(__name__)


def solved(parts: Sequence[Part]) -> list[list[int]]:
    """What each part can carry (see Part.most_carried)."""
    if len(parts) < 2 or sum(part.work for part in parts) < _WORTH:
        return [part.most_carried() for part in parts]
    away = _half(parts)
    given = _helper.give([parts[place] for place in away])
    found = {place: part.most_carried() for place, part in enumerate(parts) if not (given and place in away)}
    if given:
        theirs = _helper.take() or [parts[place].most_carried() for place in away]
        found.update(zip(away, theirs, strict=True))
    return [found[place] for place in range(len(parts))]


def _half(parts: Sequence[Part]) -> list[int]:
    """The places of some parts, with about half of the work."""
    chosen, here, away = [], 0, 0
    for place in sorted(range(len(parts)), key=lambda place: -parts[place].work):
        if away < here:
            chosen.append(place)
            away += parts[place].work
        else:
            here += parts[place].work
    return chosen


class _Helper:
    """A process that solves what it is given, for one question at a time; whoever finds it busy does without."""

    def __init__(self) -> None:
        self._taken = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def give(self, parts: Sequence[Part]) -> bool:
        """Whether it solves these. Then what it found has to be taken."""
        if not self._taken.acquire(blocking=False):
            return False
        try:
            if self._is_ready():
                _tell(self._to, parts)
                return True
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._gone(error)
        self._taken.release()
        return False

    def take(self) -> list[list[int]] | None:
        """What it has found; None if it has ended, for whatever happened to it may happen here."""
        try:
            found: list[list[int]] = pickle.load(self._from)  # noqa: S301 - it's ours
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._gone(error)
            return None
        finally:
            self._taken.release()
        return found

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._from.close()
            with suppress(OSError):  # what it wasn't told any more
                self._to.close()
            self._process = None

    @property
    def _to(self) -> IO[bytes]:
        return cast(IO[bytes], cast("subprocess.Popen[bytes]", self._process).stdin)

    @property
    def _from(self) -> IO[bytes]:
        return cast(IO[bytes], cast("subprocess.Popen[bytes]", self._process).stdout)

    def _is_ready(self) -> bool:
        """Whether it is there; else it is started, which takes half a second, and nobody waits for that."""
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._process is None:
            path = os.pathsep.join(part or os.getcwd() for part in sys.path)
            command, environment = [sys.executable, "-P", "-m", __name__], {**os.environ, "PYTHONPATH": path}
            self._process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, env=environment)  # noqa: S603
            self._ready = False
        if not self._ready and _comes(self._from, 0):
            pickle.load(self._from)  # noqa: S301 - it says that it is there
            self._ready = True
        return self._ready

    def _gone(self, error: Exception) -> None:
        log.warning("the process that solves networks is gone: %r", error)
        self.end()


def _tell(to: IO[bytes], told: Any) -> None:
    pickle.dump(told, to, pickle.HIGHEST_PROTOCOL)
    to.flush()


def _comes(source: IO[bytes], seconds: float) -> bool:
    """Whether there is something to read, or an end, within so many seconds."""
    waiting = poll()
    waiting.register(source, POLLIN)
    return bool(waiting.poll(seconds * 1000))


def _serve() -> None:
    """What the process does, until it is idle, or the one that started it ends it, or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal it goes to both
    told, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever prints doesn't do so among the answers
    _tell(answers, None)
    while _comes(told, _IDLE_SECONDS):
        _tell(answers, [part.most_carried() for part in pickle.load(told)])  # noqa: S301 - from whoever started this


_helper = _Helper()
atexit.register(_helper.end)

if __name__ == "__main__":
    with suppress(EOFError, BrokenPipeError):
        _serve()
