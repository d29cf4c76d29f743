"""Fixtures that tests of every layer may take by name."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, settings

from tests.service import fresh_service
from tests.stores import database_url, postgres_store, sqlite_store, store

__all__ = ["database_url", "postgres_store", "service", "sqlite_store", "store"]

# Commands are tested as in a pipe, unless a test says otherwise. Where pytest has loaded readline, the processes that
# it starts, pytest-xdist's too, find a width here that is no terminal's.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

# A test beside others, on a machine that has more to do, may take its time.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def service() -> Iterator[httpx.Client]:
    """A client of a service on an empty ledger of its own."""
    with fresh_service() as client:
        yield client
