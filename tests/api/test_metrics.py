"""/metrics: the figures that an operator needs, as Prometheus itself reads them, each documented."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ledger.writer import Writer
from projections.database import ReadModel
from tests.api.sse import feed
from tests.api.world import entity, given
from tests.service import fresh_service

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def figures(client: httpx.Client) -> dict[str, list[Sample]]:
    """Every family of figures by its name, a counter's with _total; read by Prometheus' own parser."""
    text = client.get("/metrics").text
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family.samples
        for family in text_string_to_metric_families(text)
    }


def figure(client: httpx.Client, name: str, **labels: str) -> float:
    found = [one.value for one in figures(client)[name] if one.name == name and one.labels == labels]
    assert len(found) == 1, name
    return found[0]


def test_every_figure_is_documented_and_no_other(service: httpx.Client) -> None:
    """The table of docs/operations.md says what each is, and what to look at it for."""
    given(service, entity("ant"))
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", OPERATIONS.read_text(), re.MULTILINE))
    named = {name for name in documented if name.startswith(("dealledger_", "process_", "python_"))}
    assert named == set(figures(service))


def test_figures_tell_what_the_service_does(service: httpx.Client) -> None:
    """Commits, refusals by name, requests by route and the process itself."""
    given(service, entity("ant"), entity("bee"))
    assert service.post("/v1/events", json=entity("ant")).status_code == 422
    service.get("/v1/entities")
    found = figures(service)
    assert figure(service, "dealledger_position") == figure(service, "dealledger_applied_position") == 2
    assert figure(service, "dealledger_accepted_events_total") == 2
    assert figure(service, "dealledger_problems_total", reason="record_exists") == 1
    [commits] = [one.value for one in found["dealledger_commit_seconds"] if one.name.endswith("_count")]
    assert commits == 2
    routes = {one.labels["route"] for one in found["dealledger_request_seconds"]}
    assert {"/v1/events", "/v1/entities"} <= routes
    assert figure(service, "dealledger_build_info", version=version("deal-ledger")) == 1
    assert figure(service, "process_resident_memory_bytes") > 10_000_000
    assert 0 < figure(service, "process_open_fds") <= figure(service, "process_max_fds")
    for quiet in ("set_aside_events", "rebuilding", "follower_failing", "waiting_writes", "open_feeds", "lag_events"):
        assert figure(service, f"dealledger_{quiet}") == 0
    with feed(service):
        assert figure(service, "dealledger_open_feeds") == 1


def test_figures_tell_what_goes_wrong(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that wait, a read model that cannot follow; none of it stays once it is over."""
    given(service, entity("ant"))
    service.get("/v1/entities")  # so that the read model is made
    busy, go_on = threading.Event(), threading.Event()
    settle = Writer._settle

    def held(self: Writer, jobs: object) -> object:
        busy.set()
        go_on.wait(30)
        return settle(self, jobs)  # type: ignore[arg-type]

    def broken(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_settle", held)
        threads = [threading.Thread(target=given, args=(service, entity(f"e-{n}"))) for n in range(4)]
        for thread in threads:
            thread.start()
            assert busy.wait(30)
        until(lambda: figure(service, "dealledger_waiting_writes") == 3)
        patch.setattr(ReadModel, "follow", broken)
        go_on.set()
        for thread in threads:
            thread.join()
        until(lambda: figure(service, "dealledger_follower_failing") == 1)
        assert figure(service, "dealledger_lag_events") == 4
    until(lambda: figure(service, "dealledger_lag_events") == figure(service, "dealledger_follower_failing") == 0)
    assert figure(service, "dealledger_waiting_writes") == 0


def test_a_rebuild_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the read model is made anew."""
    with fresh_service(tmp_path) as client:
        given(client, entity("ant"))
    (tmp_path / "read-model.duckdb").unlink()
    go_on = threading.Event()
    use = ReadModel._use

    def held(self: ReadModel, connection: object) -> None:
        go_on.wait(30)
        use(self, connection)  # type: ignore[arg-type]

    monkeypatch.setattr(ReadModel, "_use", held)
    with fresh_service(tmp_path) as client:
        until(lambda: figure(client, "dealledger_rebuilding") == 1)
        go_on.set()
        until(lambda: figure(client, "dealledger_rebuilding") == 0)
        assert figure(client, "dealledger_applied_position") == 1


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
