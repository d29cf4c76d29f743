"""One running ledger, put together in one place and in reading order: log, read model, follower, writer."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from api.metrics import Metrics
from api.settings import Settings
from api.tail import Tail
from ledger.log.prover import Prover
from ledger.store import Store, StoreError, open_store
from ledger.writer import Writer
from projections.database import ReadModel
from projections.follower import Follower

Found = TypeVar("Found")


@dataclass(frozen=True)
class Service:
    """What the doors hold on to. Threads: one writes, one follows, some answer; the event loop only waits."""

    settings: Settings
    store: Store
    prover: Prover
    model: ReadModel
    follower: Follower
    writer: Writer
    threads: ThreadPoolExecutor
    tail: Tail
    stopping: threading.Event
    metrics: Metrics

    async def run(self, function: Callable[..., Found], *arguments: Any) -> Found:
        """Call what blocks off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    def last_position(self) -> float:
        """The last position of the log as the log itself has it, for the metrics; NaN while it cannot be read."""
        try:
            return self.store.head()
        except StoreError:
            return math.nan

    async def head(self, expected: int = 0) -> int:
        """The last position of the log. Only the log itself knows with other writers on one database, or if somebody
        expects a later one: the feed shows what is committed a moment before the writer says so."""
        if self.settings.database_url is None and self.writer.head >= expected:
            return self.writer.head
        return await self.run(self.store.head)


@contextmanager
def open_service(settings: Settings) -> Iterator[Service]:
    """A service on the ledger of these settings, closed in reverse order at the end.

    Raises ledger.store's FolderHeld (which says who holds it), StoreRefused and StoreUnavailable.
    """
    with ExitStack() as closing:
        store = open_store(settings.data, settings.database_url)
        closing.callback(store.close)
        model = ReadModel(settings.data)
        closing.callback(model.close)
        follower = Follower(store, model)
        follower.start()
        closing.callback(follower.stop)
        stopping = threading.Event()
        tail = Tail(stopping)

        def committed(head: int) -> None:
            follower.wake()
            tail.wake(head)

        metrics = Metrics()
        writer = Writer(store, on_commit=committed, timed=metrics.commits.observe)
        closing.callback(writer.close)
        threads = ThreadPoolExecutor(settings.question_threads, thread_name_prefix="question")
        closing.callback(threads.shutdown)
        service = Service(settings, store, Prover(store), model, follower, writer, threads, tail, stopping, metrics)
        metrics.watch(
            head=service.last_position,
            applied=lambda: model.position,
            set_aside=lambda: len(model.set_aside()),
            rebuilding=lambda: model.rebuilding is not None,
            failing=lambda: follower.failure is not None,
            waiting=lambda: writer.waiting,
            feeds=lambda: tail.followers,
        )
        closing.callback(stopping.set)
        yield service
