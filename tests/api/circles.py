"""Given: parties of circular deals, some of their deals, and short ways to ask about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.api.world import given
from tests.facts import Fact, commit, entity, sign, usd
from tests.service import fresh_service

PARTIES = ("google", "anthropic", "amazon", "aws", "microsoft", "openai", "others", "a", "b", "c", "crusoe", "nvidia")


@contextmanager
def acquainted() -> Iterator[httpx.Client]:
    """A service in which the parties are known; AWS belongs to Amazon."""
    with fresh_service() as client:
        parents = {"aws": {"parent": "amazon"}}
        given(client, *(entity(name, on="2015-01-01", **parents.get(name, {})) for name in sorted(PARTIES)))
        yield client


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with acquainted() as client:
        yield client


def ask(client: httpx.Client, path: str = "/v1/exposures", **query: Any) -> dict[str, Any]:
    answer = client.get(path, params={"known_at": "2025-12-31", "as_of": "2025-12-31", **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tell(client: httpx.Client, *facts: Fact) -> list[str]:
    return [one["id"] for one in given(client, *({"known": "2024-06-30", **one} for one in facts))]


def pair(answer: dict[str, Any], funder: str, customer: str) -> dict[str, Any]:
    [row] = [row for row in answer["pairs"] if (row["funder"], row["customer"]) == (funder, customer)]
    found: dict[str, Any] = row
    return found


def interval(figure: dict[str, str | None] | None) -> tuple[str | None, ...] | None:
    return None if figure is None else (figure["low"], figure["stated"], figure["high"])


def at(ratio: dict[str, str | None]) -> tuple[str | None, ...]:
    return ratio["at_low"], ratio["at_stated"], ratio["at_high"]


def rounded(number: str | None, places: int = 4) -> float:
    assert number is not None
    return round(float(number), places)


GOOGLE = [
    sign("anthropic-google", "anthropic", "google", usd(low="3", high="4", high_open=True), on="2023-06"),
    commit("google-anthropic", "google", "anthropic", usd("2"), on="2023-10-27"),
]
AMAZON = [
    commit("amazon-anthropic", "amazon", "anthropic", usd("4", "up_to"), on="2023-09"),
    sign("anthropic-aws", "anthropic", "aws", usd("4"), on="2023-09"),
]
OPENAI = [
    commit("microsoft-openai", "microsoft", "openai", usd("13"), on="2023-01-31"),
    sign("openai-azure", "openai", "microsoft", usd("0.4"), on="2023-09-30"),
]
