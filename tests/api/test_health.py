"""/livez, /readyz, /metrics, and the log: what an operator sees, and never an amount."""

from __future__ import annotations

import httpx
import psycopg

from tests.api.world import entity, event, given, reasons, usd
from tests.service import fresh_service


def test_a_server_that_runs_is_alive_and_ready(service: httpx.Client) -> None:
    """Positions of the log and of the read model, nothing set aside."""
    assert service.get("/livez").json() == {"alive": True}
    given(service, entity("ant"), entity("bee"))
    service.get("/v1/entities")  # waits until both are applied
    assert service.get("/readyz").json() == {
        "ready": True, "position": 2, "applied": 2, "lag": 0, "rebuilding": None, "failure": None, "set_aside": [],
        "signing": {"size": 0, "fault": None, "kind": None, "read_only": False}, "witnesses": [],
    }  # fmt: skip
    assert service.get("/livez").headers["cache-control"] == "no-store"
    assert reasons(service.get("/readyz?verbose")) == ["unknown_parameter"]


def test_metrics_count_what_happens(service: httpx.Client) -> None:
    """Positions, refusals by reason, requests by route."""
    given(service, entity("ant"))
    investment = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("12345"))
    service.post("/v1/events", json=investment)
    service.get("/v1/entities/ant")
    text = service.get("/metrics").text
    for line in (
        "dealledger_position 1.0",
        "dealledger_applied_position 1.0",
        "dealledger_lag_events 0.0",
        "dealledger_set_aside_events 0.0",
        "dealledger_accepted_events_total 1.0",
        'dealledger_problems_total{reason="unknown_entity"} 1.0',
        'dealledger_request_seconds_count{method="GET",route="/v1/entities/{id}",status="200"} 1.0',
    ):
        assert line in text.splitlines(), line
    assert "12345" not in text


def test_methods_that_nobody_knows_are_counted_as_one(service: httpx.Client) -> None:
    """A label for each would let anybody fill the memory."""
    for method in ("FOO", "BAR", "DELETE"):
        service.request(method, "/livez")
    text = service.get("/metrics").text
    assert 'method="other",route="/livez",status="405"} 3.0' in text
    assert "FOO" not in text


def test_the_metrics_have_the_head_of_the_log(database_url: str) -> None:
    """Also of what another server wrote; not a number while the log is away."""
    with fresh_service(database_url=database_url) as one, fresh_service(database_url=database_url) as other:
        given(other, entity("ant"))
        assert "dealledger_position 1.0" in one.get("/metrics").text.splitlines()
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("ALTER TABLE events RENAME TO events_away")
            shown = one.get("/metrics").text.splitlines()
            admin.execute("ALTER TABLE events_away RENAME TO events")
        assert {"dealledger_position NaN", "dealledger_lag_events NaN"} <= set(shown)
