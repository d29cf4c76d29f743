"""Makes what the events of the log change, ahead of what is written: in a thread, or for very many in processes."""

from __future__ import annotations

import gc
import logging
import os
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
# A process that takes longer to start, or for a slice, hangs.
PATIENCE_SECONDS = 10

log = logging.getLogger(__name__)

Given = TypeVar("Given")
Found = TypeVar("Found")
Slice = tuple[int, int]  # the position before it, and its last


def far(after: int, head: int) -> bool:
    """Whether there are so many events after a position that they are made in processes."""
    return head - after >= FAR


def made(store: Store, after: int, head: int, size: int) -> Generator[Changes]:
    """What the events after a position and up to the head change, in batches of a size at most, or, if they are very
    many, in slices."""
    if store.place is not None and far(after, head):
        count = min(os.cpu_count() or 1, MOST_PROCESSES)
        with _processes(store, store.place, count) as (make, end):
            yield from _ahead(make, _slices(after, head, SLICE), count, end)
    elif head - after > size:
        yield from _ahead(partial(_made, store), _slices(after, head, size), 1)
    elif head > after:  # as most often: no thread is needed
        yield _made(store, (after, head))


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
