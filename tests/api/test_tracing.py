"""OpenTelemetry: spans that a collector of the test's own gets and reads, without anything that was sent in them."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.api.world import entity, event, usd

ROOT = Path(__file__).parents[2]
SECONDS = 30
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
AMOUNT, NAME = "918273645", "canary-holdings"
SERVE = "from api.cli import main; main()"
# As if the extra weren't installed.
BARE = "import sys; sys.modules['opentelemetry.sdk'] = sys.modules['opentelemetry.exporter'] = None; " + SERVE


@dataclass
class Collector:
    """What came over OTLP/HTTP: the bytes of each body by path."""

    address: str = ""
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """The spans so far."""
        found = []
        for path, body in list(self.bodies):
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def metrics(self) -> set[str]:
        """The names of the metrics so far."""
        requests = [ExportMetricsServiceRequest.FromString(body) for path, body in self.bodies if path == "/v1/metrics"]
        resources = [one for request in requests for one in request.resource_metrics]
        return {metric.name for one in resources for scope in one.scope_metrics for metric in scope.metrics}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a loopback port."""
    got = Collector()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.bodies.append(
                (self.path, gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            )
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        got.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield got
        server.shutdown()
        thread.join()


@contextmanager
def serving(folder: Path, program: str = SERVE, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service in a process of its own, and its address. Its log lines go to `folder`.log."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DEALLEDGER_", "OTEL_"))}
    with folder.with_suffix(".log").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--data", str(folder), "--port", "0"],
            cwd=ROOT, env={**ours, **environment}, stdout=said, stderr=said, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + SECONDS
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", folder.with_suffix(".log").read_text())):
                assert process.poll() is None, folder.with_suffix(".log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            while True:
                try:
                    httpx.get(f"{found.group()}/livez", trust_env=False)
                    break
                except httpx.ConnectError:
                    time.sleep(0.02)
            yield found.group(), process
        finally:
            process.terminate()
            process.wait(SECONDS)


def to(collector: Collector) -> dict[str, str]:
    """The environment of a service that tells a collector soon."""
    return {
        "DEALLEDGER_OTEL": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    said = folder.with_suffix(".log").read_text().splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


def test_a_collector_gets_the_spans_of_requests(tmp_path: Path, collector: Collector) -> None:
    """By route, in the caller's trace or in one whose id the log line has; the last of them when the service stops."""
    with serving(tmp_path / "ledger", **to(collector)) as (address, _):
        with httpx.Client(base_url=address, trust_env=False) as client:
            parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            assert client.post("/v1/events", json=entity("ant"), headers=parent).status_code == 201
            assert client.get("/v1/entities/ant").status_code == 200
            assert client.get("/v1/entities/nobody", headers={"X-Request-Id": "mine"}).status_code == 404
            client.get("/readyz")
        deadline = time.monotonic() + SECONDS
        while not collector.metrics() and time.monotonic() < deadline:
            time.sleep(0.05)
        httpx.get(f"{address}/v1/holdings", trust_env=False)
    spans = {span.name: span for span in collector.spans() if span.kind == Span.SPAN_KIND_SERVER}
    assert {"POST /v1/events", "GET /v1/entities/{id}", "GET /v1/holdings"} <= set(spans)
    assert not [name for name in spans if "z" in name]
    posted = spans["POST /v1/events"]
    assert (posted.trace_id.hex(), posted.parent_span_id.hex()) == (TRACE, PARENT)
    assert "http.server.request.duration" in collector.metrics()
    logged = {(one["path"], one["status"]): one["trace_id"] for one in lines(tmp_path / "ledger") if "path" in one}
    assert logged["/v1/events", 201] == TRACE
    ids = {span.trace_id.hex() for span in collector.spans()}
    assert {logged["/v1/entities/ant", 200], logged["/v1/entities/nobody", 404], logged["/v1/holdings", 200]} <= ids


def test_no_span_has_what_was_sent(tmp_path: Path, collector: Collector) -> None:
    """Neither bodies nor queries nor what is refused of them, in any byte that a collector gets."""
    investment = event("investment.made", investor="ant", issuer=NAME, instrument="equity", amount=usd(AMOUNT))
    with (
        serving(tmp_path / "ledger", **to(collector)) as (address, _),
        httpx.Client(base_url=address, trust_env=False, timeout=SECONDS) as client,
    ):
        for body in (entity("ant"), entity(NAME), investment, {**investment, AMOUNT: NAME}, [NAME, AMOUNT]):
            client.post("/v1/events", json=body)
        for path in ("/v1/holdings", "/v1/events", "/nowhere"):
            client.get(path, params={"issuer": NAME, AMOUNT: NAME})
            client.get(path, params={"issuer": NAME}, headers={"Min-Position": AMOUNT, "Last-Event-ID": NAME})
    told = b"".join(body for _, body in collector.bodies)
    assert len(collector.spans()) > 10
    assert b"url.query" in told
    assert AMOUNT.encode() not in told
    assert NAME.encode() not in told


def test_nothing_is_told_unless_one_asks_for_it(tmp_path: Path, collector: Collector) -> None:
    """Also where the environment names a collector, for other programs maybe."""
    environment = {**to(collector), "DEALLEDGER_OTEL": "false", "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    with serving(tmp_path / "ledger", **environment) as (address, _):
        assert httpx.get(f"{address}/v1/holdings", trust_env=False).status_code == 200
        time.sleep(0.5)
    assert collector.bodies == []


def test_a_collector_that_is_away_is_nobodys_problem(tmp_path: Path) -> None:
    """The service answers, and stops within its grace."""
    away = {**to(Collector("http://127.0.0.1:1")), "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with serving(tmp_path / "ledger", **away) as (address, process):
        for _ in range(20):
            assert httpx.get(f"{address}/v1/holdings", trust_env=False).status_code == 200
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        assert time.monotonic() - started < 8


def test_without_the_packages_all_else_works(tmp_path: Path) -> None:
    """Who asks for it nevertheless is told what to install; nothing of them is imported where they are there."""
    with serving(tmp_path / "ledger", BARE) as (address, _):
        assert httpx.get(f"{address}/v1/holdings", trust_env=False).status_code == 200
    environment = {**os.environ, "DEALLEDGER_OTEL": "true"}
    command = [sys.executable, "-c", BARE, "serve", "--data", str(tmp_path / "other")]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "deal-ledger[otel]" in done.stderr
    look = "import sys, api.cli; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
