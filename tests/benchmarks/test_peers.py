"""What the ledger is compared with gives the same answers: a peer that does something else would be no comparison."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.ground import LOG_FILE, READ_MODEL_FILE, body_of, record
from benchmarks.holdings import replay
from benchmarks.peers import bitemporal
from benchmarks.points import head, past, portfolios
from benchmarks.processes import Client
from benchmarks.workload import events
from tests.service import fresh_service

SIZE = 3_000


def test_the_postgres_table_and_the_replay_tell_the_same_costs(tmp_path: Path, database_url: str):
    """Given the workload; when the largest portfolio is asked for at a past point; then the ledger, the table and the
    replay agree on what each position cost."""
    import random

    with fresh_service(tmp_path) as service:
        with Client((service.base_url.host, service.base_url.port or 0)) as client:
            record(client, body_of(list(events(SIZE))))
        with sqlite3.connect(tmp_path / LOG_FILE) as log:
            at = past(log, head(log) * 3 // 4, random.Random(1))
            holder, companies = portfolios(log, at.position)[0]
            replayed = replay(log, holder, at)
        ours = service.get(f"/v1/holdings?{at.query(holder=holder, limit=1000)}").json()["holdings"]
    bitemporal.fill(database_url, tmp_path / READ_MODEL_FILE)
    with psycopg.connect(database_url) as connection:
        theirs = bitemporal.holdings(connection, holder, at.as_of, at.known_at, at.position)

    costs = {(row["issuer"], one["currency"]): Decimal(one["stated"]) for row in ours for one in _monies(row["cost"])}
    assert companies > 10
    assert {key: cost for key, cost in costs.items() if cost} == {
        (row["issuer"], row["currency"]): row["cost_stated"] for row in theirs if row["cost_stated"]
    }
    for company, spent in replayed.items():
        assert spent == sum(cost for (issuer, _), cost in costs.items() if issuer == company)


def _monies(figure: Any) -> list[dict[str, Any]]:
    """A figure's amounts: one, or one for each currency."""
    return figure if isinstance(figure, list) else [figure]
