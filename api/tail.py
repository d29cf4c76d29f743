"""The end of the log, for those who follow it: one watcher tells them all that there is more, and one read serves
those who are at the same place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ledger.store import StoreError

# How often to look whether the service stops, and whether another server has written.
POLL_SECONDS = 0.1


class Tail:
    """Coroutines of one event loop that wait for the log to grow. None of them holds a thread."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._head = 0
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._reads: dict[Hashable, asyncio.Future[Any]] = {}
        self.followers = 0
        """How many follow the log just now."""

    @contextmanager
    def following(self, head: int, ask: Callable[[], Awaitable[int]]) -> Iterator[None]:
        """While this lasts, `more` hears of what is written. `head` is the head as the caller knows it, `ask` asks."""
        self._loop = asyncio.get_running_loop()
        self._tell(head)
        self.followers += 1
        if self._watching is None or self._watching.done():
            self._watching = self._loop.create_task(self._watch(ask))
        try:
            yield
        finally:
            self.followers -= 1

    async def more(self, position: int, seconds: float) -> bool:
        """Whether the log goes beyond the position within so many seconds; no longer once the service stops."""
        deadline = asyncio.get_running_loop().time() + seconds
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while self._head <= position and not self._stopping.is_set():
                    await self._news.wait()
        return self._head > position and not self._stopping.is_set()

    async def together(self, key: Hashable, read: Callable[[], Awaitable[Any]]) -> Any:
        """What `read` finds; whoever asks for the same key meanwhile gets the same."""
        reading = self._reads.get(key)
        if reading is None:
            reading = self._reads[key] = asyncio.ensure_future(read())
            reading.add_done_callback(lambda _: self._reads.pop(key))
        return await asyncio.shield(reading)  # one that goes away must not take it from the others

    def wake(self, head: int) -> None:
        """The log has grown up to `head`. Called from any thread."""
        if self.followers and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it those who waited
                self._loop.call_soon_threadsafe(self._tell, head)

    async def _watch(self, ask: Callable[[], Awaitable[int]]) -> None:
        """Look while anybody follows."""
        asking: asyncio.Task[None] | None = None
        while self.followers and not self._stopping.is_set():
            if asking is None or asking.done():
                asking = asyncio.create_task(self._look(ask))
            await asyncio.sleep(POLL_SECONDS)
        self._ring()

    async def _look(self, ask: Callable[[], Awaitable[int]]) -> None:
        with suppress(StoreError):  # whoever reads finds out
            self._tell(await ask())

    def _tell(self, head: int) -> None:
        if head > self._head:
            self._head = head
            self._ring()

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
