"""Solves the parts of a network: of a large one half of them in a process beside this one, for OR-tools holds Python's
lock while it solves."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Sequence
from threading import Lock

from projections.beside import Beside, Gone, serve
from projections.solver import Part

# So much work is worth the way to another process and back, of some milliseconds.
_WORTH = 50_000
# The process ends when nothing was asked of it for so long: it takes some 70 MiB.
_IDLE_SECONDS = 600
# It has about as much to do as this process. If it takes so many times as long, and so much longer, it hangs.
_PATIENCE, _PATIENCE_SECONDS = 4, 5

log = logging.getLogger(__name__)


def solved(parts: Sequence[Part]) -> list[list[int]]:
    """What each part can carry (see Part.most_carried)."""
    if len(parts) < 2 or sum(part.work for part in parts) < _WORTH:
        return [part.most_carried() for part in parts]
    away = _half(parts)
    given = _helper.give([parts[place] for place in away])
    began, theirs = time.monotonic(), None
    try:
        found = {place: part.most_carried() for place, part in enumerate(parts) if not (given and place in away)}
    finally:
        if given:
            theirs = _helper.take(given, _PATIENCE_SECONDS + _PATIENCE * (time.monotonic() - began))
    if given:
        theirs = theirs or [parts[place].most_carried() for place in away]
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
        self._process: Beside | None = None

    def give(self, parts: Sequence[Part]) -> Beside | None:
        """The process, if it solves these: then what it found has to be taken."""
        if not self._taken.acquire(blocking=False):
            return None
        try:
            if (process := self._ready()) is not None:
                process.tell(parts, _PATIENCE_SECONDS)
                return process
        except (Gone, OSError) as error:
            self._gone(error)
        self._taken.release()
        return None

    def take(self, process: Beside, seconds: float) -> list[list[int]] | None:
        """What it finds within so many seconds; None if it doesn't, for whatever happened to it may happen here."""
        try:
            found: list[list[int]] = process.receive(seconds)
        except Gone as error:
            self._gone(error)
            return None
        finally:
            self._taken.release()
        return found

    def end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def _ready(self) -> Beside | None:
        """The process if it is there; else it is started, which takes half a second, and nobody waits for that."""
        if self._process is not None and self._process.ended:
            self.end()
        if self._process is None:
            self._process = Beside(__name__)
        return self._process if self._process.ready() else None

    def _gone(self, error: Exception) -> None:
        log.warning("the process that solves networks is gone: %s", error)
        self.end()


_helper = _Helper()
atexit.register(_helper.end)

if __name__ == "__main__":
    serve(lambda parts: [part.most_carried() for part in parts], _IDLE_SECONDS)
