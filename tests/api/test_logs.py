"""Log lines: the ids of the request and of its trace on each, and nothing of what was sent or what it is worth."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, StreamingResponse

import api.events
from api import logs
from api.doorkeeper import Doorkeeper
from api.service import open_service
from api.settings import Settings
from api.tracing import trace_id_of
from ledger.writer import Writer
from projections.database import ReadModel
from tests.api.world import LINES, entity, event, given, usd
from tests.service import fresh_service

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
AMOUNT, NAME = "918273645", "canary-holdings"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process logs, at every level."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = structlog.get_config()
    handlers, level = logging.root.handlers[:], logging.root.level
    logs.configure("debug")
    logging.root.setLevel(logging.DEBUG)  # lower than it ever is, so that the libraries' lines are all there
    for client in ("httpx", "httpcore"):  # these are the test's, not the service's
        monkeypatch.setattr(logging.getLogger(client), "disabled", True)
    yield stream
    structlog.configure(**before)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize(
    "given",
    [
        f"00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-00",
        f" 00-{TRACE}-{PARENT}-ff ",
        f"cc-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
    ],
)
def test_the_trace_id_is_that_of_a_valid_traceparent(given: str) -> None:
    """As W3C Trace Context has it, later versions of the header among them."""
    assert trace_id_of(Headers({"traceparent": given})) == TRACE


@pytest.mark.parametrize(
    "given",
    [
        "",
        TRACE,
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01-",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"ff-{TRACE}-{PARENT}-01",
        f"0-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00_{TRACE}_{PARENT}_01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"٠٠-{TRACE}-{PARENT}-01",
    ],
)
def test_a_trace_of_its_own_begins_where_none_is_named(given: str) -> None:
    """Whatever is not exactly of that form is nobody's trace, and so is a header that is there twice."""
    raw = [(b"traceparent", given.encode())]
    made = trace_id_of(Headers(raw=raw))
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert TRACE != made != trace_id_of(Headers(raw=raw))
    twice = Headers(raw=[(b"traceparent", f"00-{TRACE}-{PARENT}-01".encode())] * 2)
    assert trace_id_of(twice) != TRACE


def asked(tmp_path: Path, app: FastAPI, path: str, headers: dict[str, str]) -> httpx.Response:
    async def ask(door: Doorkeeper) -> httpx.Response:
        transport = httpx.ASGITransport(door, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
            return await client.get(path, headers=headers)

    with open_service(Settings(data=tmp_path)) as service:
        return asyncio.run(ask(Doorkeeper(app, service)))


def test_a_handler_and_every_line_on_the_way_have_both_ids(tmp_path: Path, written: io.StringIO) -> None:
    """Those of libraries too; after the answer they are gone."""
    app = FastAPI()

    @app.get("/ids")
    async def ids(request: Request) -> JSONResponse:
        structlog.get_logger().info("ours")
        logging.getLogger("theirs").error("theirs")
        return JSONResponse([request.state.request_id, request.state.trace_id])

    headers = {"X-Request-Id": "mine", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    answer = asked(tmp_path, app, "/ids", headers)
    assert (answer.headers["x-request-id"], answer.json()) == ("mine", ["mine", TRACE])
    said = {one["event"]: (one.get("request_id"), one.get("trace_id")) for one in lines(written)}
    assert said["ours"] == said["theirs"] == said["request"] == ("mine", TRACE)
    assert structlog.contextvars.get_contextvars() == {}


def test_nothing_that_was_sent_is_in_any_line(written: io.StringIO) -> None:
    """Amounts and names in bodies, in lines, in queries and in what is refused of them, at every level."""
    with fresh_service() as client:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
        given(client, entity(NAME), entity("ant"))
        investment = event(
            "investment.made", investor="ant", issuer=NAME, instrument="equity", amount=usd(AMOUNT), note=NAME
        )
        for body in (
            investment,
            [investment, {**investment, "type": NAME}],
            {**investment, "data": {**investment["data"], "amount": usd(f"-{AMOUNT}")}},
            {**investment, "data": {**investment["data"], "issuer": f"{NAME}-2"}},
            {**investment, AMOUNT: NAME},
        ):
            client.post("/v1/events", json=body)
            client.post("/v1/events", content=json.dumps(body).encode(), headers=LINES)
        client.post("/v1/events", content=f"{AMOUNT} {NAME}")
        for path in ("/v1/holdings", "/v1/events", "/livez", "/nowhere"):
            client.get(path, params={"issuer": NAME, AMOUNT: NAME, "cursor": AMOUNT})
        client.get("/v1/holdings", params={"issuer": NAME})
        client.get("/v1/holdings", headers={"Min-Position": AMOUNT + "x", "If-None-Match": NAME})
    text = written.getvalue()
    assert len(lines(written)) > 15
    assert AMOUNT not in text
    assert NAME not in text


def test_nothing_that_was_sent_is_in_what_a_failure_leaves(written: io.StringIO, monkeypatch) -> None:
    """An exception that nobody foresaw quotes it, in its message, its notes, its cause and its variables: in a route,
    in the writer's thread, in the follower's, in an answer under way, in a task that nobody waited for."""

    def broken(*_: Any, **__: Any) -> Any:
        amount = AMOUNT
        try:
            raise ValueError(f"could not read {amount} of {NAME}")
        except ValueError as error:
            error.add_note(f"{AMOUNT} in {NAME}")
            raise ExceptionGroup(f"all of {AMOUNT}", [KeyError(NAME), RuntimeError(AMOUNT)]) from error

    with fresh_service() as client:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
        given(client, entity("ant"))
        client.get("/v1/entities")  # so that the read model is made
        with monkeypatch.context() as here:
            here.setattr(api.events, "read_write", broken)
            assert client.post("/v1/events", json=entity("bee")).status_code == 500
        with monkeypatch.context() as here:
            here.setattr(Writer, "_settle", broken)
            assert client.post("/v1/events", json=entity("bee")).status_code == 500
        with monkeypatch.context() as here:
            here.setattr(ReadModel, "follow", broken)
            given(client, entity("bee"))
            assert client.get("/v1/entities", params={"limit": 1}, headers={"Min-Position": "2"}).status_code == 503
    failures = [one for one in lines(written) if "exception" in one]
    assert {one["event"] for one in failures} >= {"internal_error", "the read model can't follow the log"}
    assert {"ValueError", "ExceptionGroup"} <= {part["exc_type"] for one in failures for part in one["exception"]}
    assert any(frame["lineno"] for one in failures for part in one["exception"] for frame in part["frames"])
    assert AMOUNT not in written.getvalue()
    assert NAME not in written.getvalue()


def test_nor_in_what_the_libraries_say_of_it(tmp_path: Path, written: io.StringIO) -> None:
    """An answer that breaks off, and a task that nobody waited for."""
    app = FastAPI()

    async def broken() -> Any:
        yield b"x"
        raise ValueError(AMOUNT)

    @app.get("/half")
    async def half() -> StreamingResponse:
        asyncio.get_running_loop().create_task(forgotten(AMOUNT))
        asyncio.get_running_loop().call_soon(forgotten_call, AMOUNT)
        return StreamingResponse(broken())

    async def forgotten(amount: str) -> None:
        raise ValueError(amount)

    def forgotten_call(amount: str) -> None:
        raise ValueError(amount)

    asked(tmp_path, app, "/half", {})
    assert {"Exception in callback test_nor_in_what_the_libraries_say_of_it"} <= {
        one["event"].partition(".")[0] for one in lines(written)
    }
    assert AMOUNT not in written.getvalue()
