"""A ledger to test on: a writer over a real store, told facts one after the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.event import Origin, parse_event
from ledger.refusals import Problem, Refusal
from ledger.store import Store
from ledger.writer import Accepted, NotTried, Outcome, Request, Writer

WAIT_SECONDS = 60


def request(*events: dict[str, Any], key: str | None = None, if_match: int | None = None) -> Request:
    """Events as one door would hand them in; the digest is that of what they say."""
    digest = hashlib.sha256(json.dumps(events, sort_keys=True).encode()).hexdigest()
    parsed = tuple(parse_event(event) for event in events)
    return Request(parsed, Origin("tests"), key, body_sha256=digest, if_match=if_match)


class Ledger:
    """given(...): all of it is taken; ask(...): what the answer is; refused(...): it isn't taken, and nothing of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.committed: list[int] = []
        self.writer = Writer(store, self.committed.append)

    def submit(self, *requests: Request, stop: bool = False, dry_run: bool = False) -> list[Outcome]:
        return self.writer.submit(requests, stop=stop, dry_run=dry_run).result(WAIT_SECONDS)

    def ask(self, *events: dict[str, Any], **more: Any) -> Outcome:
        """One request of these events, all or none."""
        [outcome] = self.submit(request(*events, **more))
        return outcome

    def given(self, *events: dict[str, Any]) -> list[str]:
        """These events are facts from now on, each a request of its own. Gives their ids."""
        return [one["id"] for outcome in self.submit(*map(request, events)) for one in taken(outcome).events]

    def submit_dry(self, *events: dict[str, Any]) -> Outcome:
        """What the answer would be; nothing is written."""
        [outcome] = self.submit(request(*events), dry_run=True)
        return outcome

    def refused(self, *events: dict[str, Any], **more: Any) -> Problem:
        """One request of these events is refused for one problem, and the log is as it was before."""
        [problem] = self.problems(*events, **more)
        return problem

    def problems(self, *events: dict[str, Any], **more: Any) -> tuple[Problem, ...]:
        """As `refused`, for any number of problems; those of the form and those of the content alike."""
        before = self.store.head()
        try:
            outcome = self.ask(*events, **more)
        except Refusal as refusal:
            outcome = refusal
        assert isinstance(outcome, Refusal), f"it was taken: {outcome}"
        assert self.store.head() == before
        return outcome.problems

    def close(self) -> None:
        self.writer.close()


def taken(outcome: Outcome) -> Accepted:
    """The answer to what was accepted; the test fails with the reason for what wasn't."""
    if isinstance(outcome, Refusal):
        raise outcome
    assert not isinstance(outcome, NotTried)
    return outcome


@pytest.fixture
def ledger(sqlite_store: Store) -> Iterator[Ledger]:
    """An empty ledger on SQLite."""
    ledger = Ledger(sqlite_store)
    yield ledger
    ledger.close()


@pytest.fixture
def any_ledger(store: Store) -> Iterator[Ledger]:
    """An empty ledger; the test runs once on each kind of store."""
    ledger = Ledger(store)
    yield ledger
    ledger.close()
