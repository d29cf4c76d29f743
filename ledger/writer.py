"""The one append path: check, stamp inside the write lock, store. REST, files and the command line all come here.

One thread takes every request that waits, checks them in order, and writes all that it accepts in one transaction
(group commit), then answers them all.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from ledger.group import DryRun, Group
from ledger.head import Head
from ledger.requests import Accepted, Job, NotTried, Outcome, Request, Unavailable
from ledger.store import Conflict, OutcomeUnknown, Store, StoreError

__all__ = ["Accepted", "Job", "NotTried", "Outcome", "Request", "Unavailable", "Writer"]

EVENTS_PER_COMMIT = 5_000


class Writer:
    """Owns the thread that appends. `head` is the last position it knows of; `on_commit` is told each new one, `timed`
    the seconds that it took. While `forbidden` gives a reason, nothing is taken."""

    def __init__(
        self,
        store: Store,
        on_commit: Callable[[int], None],
        timed: Callable[[float], object] = lambda _: None,
        forbidden: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._on_commit = on_commit
        self._timed = timed
        self._forbidden = forbidden
        self.answered: Callable[[], object] = lambda: None
        """Called when all jobs of a commit have been told their outcomes."""
        self._records = Head()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self.head = store.head()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(
        self, requests: Sequence[Request], *, stop: bool = False, dry_run: bool = False
    ) -> Future[list[Outcome]]:
        """Hand in requests, each all or none; the future gives one outcome each, or raises Unavailable.

        With `stop`, those after the first refusal are not tried. With `dry_run`, each is checked as if those before it
        were written, and nothing is.
        """
        done: Future[list[Outcome]] = Future()
        self.hand_in(Job(requests, stop, dry_run, done))
        return done

    def hand_in(self, job: Job) -> None:
        """As `submit`, for whoever waits in a way of his own."""
        with self._closing:
            if self._closed:
                raise Unavailable("the ledger is shutting down")
            self._jobs.put(job)

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what was handed in and end the thread."""
        with self._closing:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            jobs = self._waiting()
            for group in _groups(job for job in jobs if job is not None):
                self._answer(group)
                self.answered()
            if None in jobs:
                return

    def _waiting(self) -> list[Job | None]:
        """At least one job, and whatever else waits, up to what one commit takes. None is the end."""
        jobs = [self._jobs.get()]
        size = 0
        while (last := jobs[-1]) is not None and (size := size + last.size) < EVENTS_PER_COMMIT:
            try:
                jobs.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        # Whoever went away while waiting is not served; from here on nobody can go away.
        return [job for job in jobs if job is None or job.done.set_running_or_notify_cancel()]

    def _answer(self, jobs: Sequence[Job]) -> None:
        try:
            outcomes = self._settle(jobs)
        except Exception as error:  # whatever it is, those who wait must hear of it, and the thread goes on
            self._records.forget()
            for job in jobs:
                job.done.set_exception(Unavailable(str(error)) if isinstance(error, StoreError) else error)
            return
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Exception):
                job.done.set_exception(outcome)
            else:
                job.done.set_result(outcome)

    def _settle(self, jobs: Sequence[Job]) -> list[list[Outcome] | Exception]:
        """Commit the jobs. If the store can't tell how that went, look inside the next lock, and else write again."""
        started = time.perf_counter()
        group = Group(self._records, self._forbidden)
        try:
            self._commit(group, jobs)
        except OutcomeUnknown:
            self._records.forget()
            with self._store.write() as transaction:
                kept = group.kept(transaction)
            if not kept:
                group = Group(self._records, self._forbidden)
                self._commit(group, jobs)
        except Conflict:  # someone wrote past the lock, so what is cached is wrong
            self._records.forget()
            group = Group(self._records, self._forbidden)
            self._commit(group, jobs)
        self.head = max(self.head, group.position)
        self._timed(time.perf_counter() - started)
        self._on_commit(self.head)
        return group.outcomes

    def _commit(self, group: Group, jobs: Sequence[Job]) -> None:
        try:
            with self._store.write() as transaction:
                group.take(transaction, jobs)
        except DryRun:
            self._records.forget()
        else:
            self._records.commit()


def _groups(jobs: Iterable[Job]) -> list[list[Job]]:
    """Jobs that may share a transaction; a dry run goes alone, since all that it does is undone."""
    groups: list[list[Job]] = []
    for job in jobs:
        if groups and not job.dry_run and not groups[-1][-1].dry_run:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups
