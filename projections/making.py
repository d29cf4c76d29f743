"""Makes what the events of the log change, ahead of what is written: in a thread, or of many in processes."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from itertools import islice
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

from ledger.store import Place, Reading, Store, open_reading
from projections.apply import changes_of
from projections.beside import Beside, Gone, serve
from projections.changes import Changes

# So many events are worth the start of processes, which takes each of them a third of a second.
FAR = 50_000
SLICE = 10_000  # what a process makes at a time
MOST_PROCESSES = 3
# Of fewer, if this process has made so many lately, one process makes the next ones, if they are many at a time: what
# is made here holds Python's lock for 25 µs an event. It ends when there were none for so long.
WORTH = 10_000
MANY = 100
IDLE_SECONDS = 60
# A process that takes longer to start, or for a slice, hangs.
PATIENCE_SECONDS = 10

log = logging.getLogger(__name__)

Given = TypeVar("Given")
Found = TypeVar("Found")
Slice = tuple[int, int]  # the position before it, and its last


def far(after: int, head: int) -> bool:
    """Whether there are so many events after a position that they are made in processes."""
    return head - after >= FAR


def made(store: Store, after: int, head: int, size: int, helper: Helper | None = None) -> Generator[Changes]:
    """What the events after a position and up to the head change, in batches of a size at most, or, if they are very
    many, in slices."""
    if store.place is not None and far(after, head):
        count = min(os.cpu_count() or 1, MOST_PROCESSES)
        with _processes(store, store.place, count) as (make, end):
            yield from _ahead(make, _slices(after, head, SLICE), count, end)
        return
    here = partial(_made, store)
    make = here if helper is None else helper.making(store, head - after)
    if head - after > size:
        yield from _ahead(make, _slices(after, head, size), 1)
    elif head > after:  # as most often: no thread is needed
        yield make((after, head))


def _slices(after: int, head: int, size: int) -> Iterator[Slice]:
    return ((before, min(before + size, head)) for before in range(after, head, size))


def _made(store: Reading, wanted: Slice) -> Changes:
    before, last = wanted
    return changes_of(store, store.read(before, last - before))


def _ahead(
    make: Callable[[Given], Found], given: Iterator[Given], threads: int, end: Callable[[], None] = lambda: None
) -> Iterator[Found]:
    """What is made of each, in order; the next ones while that is put to use: DuckDB works without Python's lock.

    `end` is called when no more is wanted, so that what is being made need not be waited for.
    """
    pool = ThreadPoolExecutor(threads, "ahead")
    try:
        coming = deque(pool.submit(make, one) for one in islice(given, threads + 1))
        while coming:
            found = coming.popleft().result()
            coming.extend(pool.submit(make, one) for one in islice(given, 1))
            yield found
    finally:
        end()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _processes(
    store: Store, place: Place, count: int
) -> Iterator[tuple[Callable[[Slice], Changes], Callable[[], None]]]:
    """What makes slices of a log in processes that read it themselves, several at a time; and what ends them at once.
    They end with this."""
    idle: SimpleQueue[_Process] = SimpleQueue()
    ended = Event()

    def make(wanted: Slice) -> Changes:
        process = idle.get()
        try:
            return process.make(wanted)
        except Gone as error:  # whatever happened to it may happen here
            if ended.is_set():
                raise
            log.warning("a process that made rows of the read model is gone: %s", error)
            return _made(store, wanted)
        finally:
            idle.put(process)

    with ExitStack() as ending:
        for _ in range(count):
            process = _Process(place)
            ending.callback(process.end)
            idle.put(process)
        ending.callback(ended.set)  # before they end
        yield make, ending.close


class Helper:
    """Makes what new events change in a process beside this one while many come, and ends it when they don't any more.
    One thread at a time may use it, and any may `stop` it."""

    def __init__(self) -> None:
        self._process: _Process | None = None
        self._lately = 0  # events that came in many at a time
        self._last = 0.0  # when they last did
        self._stopped = False

    def making(self, store: Store, count: int) -> Callable[[Slice], Changes]:
        """What makes the next events, which are so many."""
        here = partial(_made, store)
        if time.monotonic() - self._last > IDLE_SECONDS:
            self._lately = 0
            self.end()
        if store.place is None or count < MANY:
            return here
        if self._process is None and self._lately >= WORTH:
            try:
                self._process = _Process(store.place)
                self._process.give_way()
            except OSError as error:
                self._gone(error)
        self._lately += count
        self._last = time.monotonic()
        return partial(self._made, here)

    def _made(self, here: Callable[[Slice], Changes], wanted: Slice) -> Changes:
        if self._process is not None:
            try:
                if self._process.ready():
                    return self._process.make(wanted)
            except Gone as error:
                self._gone(error)
        return here(wanted)

    def _gone(self, error: Exception) -> None:
        if not self._stopped:
            log.warning("the process that makes rows of the read model is gone: %s", error)
        self._lately = 0  # the next one is to be worth its start, too
        self.end()

    def stop(self) -> None:
        """Whoever waits for the process needn't any more."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()

    def end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _Process(Beside):
    """A process that makes slices of the log at a place."""

    def __init__(self, place: Place) -> None:
        super().__init__(__name__)
        self._place = place

    def make(self, wanted: Slice) -> Changes:
        """Raises Gone."""
        changes: Changes = self.ask((self._place, wanted), PATIENCE_SECONDS)
        return changes


def _serve() -> None:
    gc.disable()  # there is nothing that refers to itself
    with ExitStack() as closing:
        opened = cache(lambda place: closing.enter_context(open_reading(place)))
        serve(lambda told: _made(opened(told[0]), told[1]))


if __name__ == "__main__":
    _serve()
