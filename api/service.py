"""One running ledger, put together in one place and in reading order: log, read model, follower, writer."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from api.desk import Desk
from api.metrics import Metrics
from api.settings import Settings
from api.tail import Tail
from api.witnesses import Asking, parse_witnesses
from ledger.log.cycling import Cycling
from ledger.log.prover import Prover
from ledger.log.remade import Fault
from ledger.log.signing import signer_of
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
    signer: Cycling
    model: ReadModel
    follower: Follower
    writer: Writer
    desk: Desk
    threads: ThreadPoolExecutor
    tail: Tail
    stopping: threading.Event
    metrics: Metrics
    witnesses: Asking

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


def age_of(file: Path) -> float:
    """How long ago a file was written, in seconds; NaN if it isn't there."""
    try:
        return max(time.time() - file.stat().st_mtime, 0)
    except OSError:
        return math.nan


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
            follower.wake(head)
            tail.wake(head)

        metrics = Metrics()

        def found(fault: Fault | None) -> None:
            if fault is not None:
                metrics.signer_failures.inc()
                structlog.get_logger("signer").error("log_not_signed", kind=fault.kind)
            if witnesses is not None:
                witnesses.wake()

        witnesses: Asking | None = None
        signer = signer_of(
            store,
            settings.keys,
            settings.high_water_file,
            settings.log_name,
            alone=settings.database_url is None,
            told=found,
        )
        asked = parse_witnesses(settings.witnesses) if settings.witnesses is not None else ()
        witnesses = Asking(store, lambda: signer.newest, asked)
        closing.callback(witnesses.stop)  # after the signer, whose last checkpoint they are to sign
        signer.start(settings.sign_seconds)  # it looks at the log before anybody may write
        closing.callback(signer.stop)
        witnesses.start()

        def forbidden() -> str | None:
            fault = signer.fault
            return str(fault) if fault is not None and fault.read_only else None

        writer = Writer(store, on_commit=committed, timed=metrics.commits.observe, forbidden=forbidden)
        closing.callback(writer.close)
        threads = ThreadPoolExecutor(settings.question_threads, thread_name_prefix="question")
        closing.callback(threads.shutdown)
        service = Service(
            settings,
            store,
            Prover(store),
            signer,
            model,
            follower,
            writer,
            Desk(writer),
            threads,
            tail,
            stopping,
            metrics,
            witnesses,
        )
        metrics.watch(
            head=service.last_position,
            applied=lambda: model.position,
            by_holder=lambda: model.portfolios.position,
            set_aside=lambda: len(model.set_aside()),
            rebuilding=lambda: model.rebuilding is not None,
            failing=lambda: follower.failure is not None,
            waiting=lambda: writer.waiting,
            feeds=lambda: tail.followers,
            signed=lambda: math.nan if signer.newest is None else signer.newest.checkpoint.size,
            signed_for=lambda: age_of(settings.high_water_file),
            not_signing=lambda: signer.fault is not None,
            not_witnessed=lambda: sum(one.failure is not None for one in witnesses.states),
        )
        closing.callback(stopping.set)
        yield service
