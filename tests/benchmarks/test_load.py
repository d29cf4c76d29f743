"""The load that the benchmarks put on a server: every request is answered once, counted once, and a refusal is seen."""

from __future__ import annotations

from itertools import islice

import httpx
import pytest

from benchmarks import load
from benchmarks.processes import Address, Client
from benchmarks.writing import posts


@pytest.fixture
def address(service: httpx.Client) -> Address:
    """Where a fresh ledger listens."""
    return service.base_url.host, service.base_url.port or 0


def test_each_request_is_answered_until_there_are_no_more(address: Address):
    """Given fifty requests and four connections; when they are sent as fast as they go; then fifty answers count."""
    done = load.held(address, iter([load.request("GET", "/livez")] * 50), seconds=60, connections=4)

    assert (len(done.latencies), done.refused) == (50, [])
    assert done.rate == 50 / done.seconds


def test_at_a_rate_as_many_are_sent_as_are_due(address: Address):
    """Given a rate; when requests are sent at it; then so many are, and none is left without an answer."""
    done = load.at_rate(address, iter([load.request("GET", "/livez")] * 40), rate=200, seconds=0.2, connections=2)

    assert (len(done.latencies), done.refused) == (40, [])


def test_a_refusal_is_kept(address: Address):
    """Given a request that the ledger refuses; when it is sent; then it is no answer like the others."""
    done = load.held(address, iter([load.request("POST", "/v1/events", b"{}", Content_Type="application/json")]), 1, 1)

    assert len(done.refused) == 1
    with Client(address) as client, pytest.raises(RuntimeError, match="404"):
        client.get("/nowhere")


def test_single_posts_are_taken_in_any_order(address: Address, service: httpx.Client):
    """Given deals that each stand by themselves, of parties that are there; when many connections send them; then all
    are recorded."""
    from benchmarks.ground import SMALL, body_of, record
    from benchmarks.workload import events

    with Client(address) as client:
        entities = record(client, body_of([one for one in events(SMALL) if one["type"] == "entity.registered"]))
    done = load.held(address, islice(posts("/v1/events"), 200), seconds=60)

    assert done.refused == []
    assert service.get("/readyz").json()["position"] == entities + 200
