"""A ledger exported and imported into an empty one gives the same answer to every question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import ledger.example
from api.cli import app
from tests.api.export.conftest import stream
from tests.api.world import entity, event, post_lines, usd
from tests.api.world import given as recorded
from tests.choices import Drawn, Seeded
from tests.parts import PARTIES
from tests.service import fresh_service

SHORT = 40
STAMPS = ("root", "recorded_at", "recorded_by", "reviewer", "batch", "idempotency_key", "trace_id")
LISTS = ("holdings", "commitments", "contracts", "entities", "claims", "restrictions", "events?order=position")
POINTS = ("2022-06-30", "2023-07-01", "2026-01-01")
RECORDS = {"commitments": "commitment", "contracts": "contract", "claims": "claim", "restrictions": "restriction"}


def command(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def unstamped(value: Any) -> Any:
    """Without what is new in every ledger: when and how an event came in."""
    if isinstance(value, dict):
        return {name: unstamped(one) for name, one in value.items() if name not in STAMPS}
    return [unstamped(one) for one in value] if isinstance(value, list) else value


def questions(client: httpx.Client) -> Iterator[str]:
    """Every question, at a few points in the three times."""
    head = client.get("/readyz").json()["position"]
    for day in POINTS:
        for position in (head // 2, head):
            at = f"as_of={day}&known_at={day}&position={position}&include=rumoured"
            for path in LISTS:
                yield f"/v1/{path}{'&' if '?' in path else '?'}{at}&limit=1000"
            for row in client.get(f"/v1/entities?{at}&limit=1000").json()["entities"]:
                if row["entity"] in (*PARTIES, "softbank", "openai", "arm"):
                    yield f"/v1/valuations/{row['entity']}?{at}&limit=1000"
                    yield f"/v1/performance/{row['entity']}?{at}"
            for path, kind in RECORDS.items():
                for row in client.get(f"/v1/{path}?{at}&limit=1000").json()[path]:
                    yield f"/v1/records/{kind}/{row[kind]}?{at}"


def assert_same_answers(one: httpx.Client, other: httpx.Client) -> None:
    """The same bytes, but for the stamps of events."""
    asked = list(questions(one))
    assert asked == list(questions(other))
    for question in asked:
        first, second = one.get(question), other.get(question)
        if first.content != second.content:
            assert unstamped(first.json()) == unstamped(second.json()), question


def moved(client: httpx.Client, folder: Path, form: str) -> Path:
    """The whole ledger as a file."""
    path = folder / f"everything.{form}"
    command("export", "--url", str(client.base_url), "--output", path, "--force")
    return path


@pytest.fixture
def awkward() -> Iterator[httpx.Client]:
    """What is hard to say in a cell."""
    names = ["=cmd|' /C calc'!A0", "@x", "'=1", 'say "hi"', "a; b", "[x", "null", "true", "12", "{}", "0012", "1e5"]
    with fresh_service() as client:
        recorded(
            client,
            *(entity(f"e-{place}", name=name, city=name) for place, name in enumerate(names)),
            entity("listed", aliases=["a; b", "=x", "[", "null"], names={"ja": "日本", "zh-Hant": "=是"}),
            entity("empty", aliases=[], names=["one", {"text": "two", "lang": "en"}]),
        )
        recorded(
            client,
            event("entity.changed", entity="listed", country=None, sector=None, aliases=None),
            event("investment.made", investor="e-0", issuer="e-1", instrument="equity", amount={}, form=["cash"]),
            {
                **event("investment.made", investor="e-0", issuer="e-2", instrument="equity", amount=usd("1")),
                "note": "-1 + 2\nis a line\tand a tab",
                "source": {"title": "+title", "quote": "=quote", "url": "https://example.com/?a=1,2;b"},
            },
        )
        yield client


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("which", ["example", "hard", "awkward"])
def test_a_ledger_moves_as_a_file(
    which: str, form: str, request: pytest.FixtureRequest, service: httpx.Client, tmp_path: Path
) -> None:
    """With its corrections and retractions, at the same positions; moved once more, it is the same file."""
    original: httpx.Client = request.getfixturevalue(which)
    path = moved(original, tmp_path, form)
    first = path.read_bytes()
    command("import", path, "--url", str(service.base_url), "--yes")
    assert_same_answers(original, service)
    assert moved(service, tmp_path, form).read_bytes() == first


@settings(max_examples=2, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), form=st.sampled_from(["jsonl", "csv"]))
def test_any_ledger_moves_as_a_file(data: st.DataObject, form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with fresh_service() as original, fresh_service() as copy:
        stream(original, Drawn(data.draw), SHORT)
        path = moved(original, tmp_path_factory.mktemp("moved"), form)
        command("import", path, "--url", str(copy.base_url), "--yes")
        assert_same_answers(original, copy)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_many_ledgers_move_as_a_file(seed: int, tmp_path: Path) -> None:
    with fresh_service() as original, fresh_service() as copy:
        stream(original, Seeded(seed))
        path = moved(original, tmp_path, ("jsonl", "csv")[seed % 2])
        command("import", path, "--url", str(copy.base_url), "--yes")
        assert_same_answers(original, copy)


def test_the_comparison_sees_a_difference(service: httpx.Client, example: httpx.Client) -> None:
    """A ledger that lacks one event's last digit does not pass for the same."""
    events = [json.loads(json.dumps(one)) for one in ledger.example.events()]
    changed = next(one for one in events if one["type"] == "investment.made" and "amount" in one["data"]["amount"])
    changed["data"]["amount"]["amount"] += "1"
    post_lines(service, *events)
    with pytest.raises(AssertionError):
        assert_same_answers(example, service)


def test_the_audit_trail_imports_as_csv_too(service: httpx.Client, hard: httpx.Client, tmp_path: Path) -> None:
    """What the server said of the events is passed over."""
    path = tmp_path / "trail.csv"
    command("export", "events", "--order", "position", "--url", str(hard.base_url), "--output", path)
    assert b"recorded_at" in path.read_bytes().splitlines()[0]
    command("import", path, "--url", str(service.base_url), "--yes")
    assert_same_answers(hard, service)
