"""A service for tests that only read."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.world import entity, event, given, usd
from tests.service import fresh_service


@pytest.fixture(scope="session")
def shared() -> Iterator[httpx.Client]:
    """A service that holds a few events and is never written to."""
    with fresh_service(wait_seconds=0.3) as client:
        given(
            client,
            entity("ant"),
            entity("bee"),
            event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10")),
            *(entity(f"e-{number}") for number in range(7)),
        )
        yield client
