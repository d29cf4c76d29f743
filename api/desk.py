"""Where requests wait for what the writer says to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from ledger.writer import Job, Outcome, Request, Writer


class _Reply:
    """Somebody in an event loop who waits for outcomes. Only the writer's thread calls it."""

    def __init__(self, desk: Desk, waiting: asyncio.Future[list[Outcome]]) -> None:
        self._desk = desk
        self.waiting = waiting
        self.outcomes: list[Outcome] = []
        self.error: BaseException | None = None

    def set_running_or_notify_cancel(self) -> bool:
        return not self.waiting.cancelled()

    def set_result(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes
        self._desk.ready.append(self)

    def set_exception(self, error: BaseException | None) -> None:
        self.error = error
        self._desk.ready.append(self)


class Desk:
    """Brings what one commit answers back to the event loop at once: to go from one thread to another costs a request
    more than to be brought along."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.ready: list[_Reply] = []
        writer.answered = self._bring_back

    async def write(self, requests: Sequence[Request], *, stop: bool = False, dry_run: bool = False) -> list[Outcome]:
        """As Writer.submit."""
        waiting: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._writer.hand_in(Job(requests, stop, dry_run, _Reply(self, waiting)))
        return await waiting

    def _bring_back(self) -> None:
        """In the writer's thread, when a commit's answers are ready."""
        ready, self.ready = self.ready, []
        loops = {reply.waiting.get_loop() for reply in ready}
        for loop in loops:
            with suppress(RuntimeError):  # closed: nobody waits there any more
                loop.call_soon_threadsafe(_tell, [one for one in ready if one.waiting.get_loop() is loop])


def _tell(ready: Sequence[_Reply]) -> None:
    for one in ready:
        if one.waiting.done():  # whoever waited has gone
            continue
        if one.error is not None:
            one.waiting.set_exception(one.error)
        else:
            one.waiting.set_result(one.outcomes)
