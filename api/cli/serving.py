"""`dealledger serve`: uvicorn with our application, which stops at once when it is told to."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated

import h11
import typer
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.app import create_app
from api.cli.ledgers import Data, opened, settings_of
from api.cli.talking import Exit, fail, failures_told, say
from api.service import Service

# How long answers under way may take once the server is to stop, in seconds.
GRACE_SECONDS = 2
# How long the headers of a request may take to arrive, in seconds; the body has a deadline of its own (api/body.py).
HEADERS_SECONDS = 10


class Protocol(H11Protocol):
    """uvicorn's, which gives up a connection whose request line and headers don't come to an end."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADERS_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        in_headers = self.conn.their_state is h11.IDLE
        if in_headers and self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_SECONDS, self.transport.close)
        elif not in_headers:
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
        super().connection_lost(exc)

    def _settle(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """uvicorn, which tells the service when it is asked to stop: whoever waits for a position is let go at once."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on" if service.settings.otel else "off",  # FastAPI begins and ends to export with it
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._service.stopping.set()
        super().handle_exit(sig, frame)


def free_socket(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Raises OSError if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; loopback only, until there is access control.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Serve a ledger folder over REST until it is told to stop (SIGTERM or Ctrl-C)."""
    if not is_loopback(host):
        fail(
            Exit.BAD_USAGE,
            f"--host {host}: anybody who reaches it could read and write this ledger.",
            "There is no access control yet: listen on 127.0.0.1, and put what controls access in front.",
        )
    with failures_told(), listening_on(host, port) as listening:
        settings = settings_of(data)
        with opened(data, make=True, log_level=settings.log_level, witnessed=True) as service:
            address = f"http://{host}:{listening.getsockname()[1]}"
            # What is there by now stays. And what a request makes is mostly gone by itself, so that to look for what
            # isn't took a tenth of the time, and the longest of the pauses.
            gc.collect()
            gc.freeze()
            gc.set_threshold(10_000, 20, 50)
            listening.listen()  # so that whoever reads the next line and calls at once is not refused
            say(f"Serving {settings.data} at {address} (its API: {address}/docs)")
            try:
                run(service, listening)
            finally:
                gc.unfreeze()  # or DuckDB would tell at the end of all that it had leaked


@contextmanager
def listening_on(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, taken before the ledger is opened. Ends the command if the port is taken."""
    try:
        listening = free_socket(host, port)
    except OSError as error:
        fail(Exit.NOT_READY, f"Port {port} of {host}: {error.strerror}.", "Choose another with --port.")
    with listening:
        yield listening


def run(service: Service, listening: socket.socket) -> None:
    """Answer requests until SIGTERM or SIGINT; returns, so that everything is closed in order."""
    # uvicorn raises the signal again when it is done: without a handler the process would end inside it.
    signal.signal(signal.SIGTERM, _stopped)
    with suppress(KeyboardInterrupt, _Stopped):
        Server(create_app(service), service).run([listening])


class _Stopped(BaseException):
    """The server was told to stop, and did."""


def _stopped(sig: int, frame: FrameType | None) -> None:
    raise _Stopped
