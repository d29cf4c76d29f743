"""Rows go into the tables one by one or as arrays, in batches of any size: the tables hold the same."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.apply import COLUMNS
from projections.database import ReadModel
from tests.choices import Seeded
from tests.facts import attachment, ident, review
from tests.projections.logs import ListedLog
from tests.streams import Builder

EVENTS = 150


def random_log(seed: int) -> ListedLog:
    """Events of all types, with corrections and retractions of one another."""
    builder = Builder(Seeded(seed))
    log = ListedLog()
    log.given(*builder.registrations())
    for number in range(EVENTS):
        event = builder.event()
        about = event["data"].get("event")
        if about is None or log.by_id(about) is not None:
            [event_id] = log.given(event)
            if number % 20 == 0:
                review_id, document_id = ident(10**6 + 2 * number), ident(10**6 + 2 * number + 1)
                document = attachment(f"paper-{number}", event_id, "acme", known="2024-01-01", id=document_id)
                log.given(review(event_id, known="2024-01-01", id=review_id), document)
    return log


def written(log: ListedLog, size: int, many: int) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a read model that applied the log in batches of a size, with so many rows going in as arrays."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("projections.writing.MANY", many)
        model = ReadModel(Path(folder))
        model.prepare(ListedLog().store)
        model.follow(log.store, size, threading.Event())
        found = {name: model.rows(f"SELECT * FROM {name} ORDER BY ALL", {}) for name in ("set_aside", *COLUMNS)}
        model.close()
    return found


@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), size=st.integers(1, EVENTS))
def test_rows_are_the_same_one_by_one_and_as_arrays(seed: int, size: int) -> None:
    """Given any log; when it is applied at once, as arrays, and in small batches, row by row; then every table holds
    the same."""
    log = random_log(seed)
    at_once = written(log, log.head(), many=1)
    assert written(log, size, many=10**9) == at_once
    assert len(at_once["events"]) == log.head()
    assert len(at_once["segments"]) > EVENTS / 2


def test_the_log_of_this_test_fills_every_table() -> None:
    """The control: nothing is the same because nothing is there."""
    filled = [written(random_log(seed), 1000, many=1) for seed in range(3)]
    assert {name for found in filled for name, rows in found.items() if rows} >= set(COLUMNS)
