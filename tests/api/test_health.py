"""/livez, /readyz, /metrics, and the log: what an operator sees, and never an amount."""

from __future__ import annotations

import httpx

from tests.api.world import entity, event, given, reasons, usd


def test_a_server_that_runs_is_alive_and_ready(service: httpx.Client) -> None:
    """Positions of the log and of the read model, nothing set aside."""
    assert service.get("/livez").json() == {"alive": True}
    given(service, entity("ant"), entity("bee"))
    service.get("/v1/entities")  # waits until both are applied
    assert service.get("/readyz").json() == {
        "ready": True, "position": 2, "applied": 2, "lag": 0, "rebuilding": None, "failure": None, "set_aside": []
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
        'dealledger_request_seconds_count{method="GET",route="/v1/entities/{entity}",status="200"} 1.0',
    ):
        assert line in text.splitlines(), line
    assert "12345" not in text
