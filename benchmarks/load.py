"""HTTP load on loopback. Requests are made beforehand and sent over raw sockets: on two cores a comfortable client
would take more time than the server, and what is measured would be the client."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.processes import Address

CONNECTIONS = 32


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A whole request, ready to be sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Load:
    """What became of the requests. Latencies in seconds, in the order of the answers."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    """Answers with a status of 400 or more; a benchmark that meets any measures something else than it says."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    """One kept-alive connection with one request under way at a time."""

    def __init__(self, answered: Callable[[_Connection, int, bytes], None]) -> None:
        self._answered = answered
        self._buffer = bytearray()
        self._length = 0
        self.transport: asyncio.Transport | None = None
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport

    def send(self, prepared: bytes, since: float) -> None:
        assert self.transport is not None  # noqa: S101
        self.since = since
        self.transport.write(prepared)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._length:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            at = head.index(b"content-length:") + 15
            self._length = end + 4 + int(head[at:].partition(b"\r\n")[0])
        if len(self._buffer) >= self._length:
            status, answer = int(self._buffer[9:12]), bytes(self._buffer)
            self._buffer.clear()
            self._length = 0
            self._answered(self, status, answer)

    def connection_lost(self, error: Exception | None) -> None:
        if self._length or self._buffer:
            self._answered(self, 599, b"the connection broke")


def held(address: Address, requests: Iterator[bytes], seconds: float, connections: int = CONNECTIONS) -> Load:
    """As many requests as the server answers, over so many connections that each wait for their answer."""
    return asyncio.run(_held(address, requests, seconds, connections))


async def _held(address: Address, requests: Iterator[bytes], seconds: float, connections: int) -> Load:
    load = Load()
    finished = asyncio.Event()
    open_ = connections
    started = time.perf_counter()

    def answered(connection: _Connection, status: int, answer: bytes) -> None:
        nonlocal open_
        now = time.perf_counter()
        load.latencies.append(now - connection.since)
        if status >= 400:
            load.refused.append(answer)
        if now - started < seconds and (following := next(requests, None)) is not None:
            connection.send(following, now)
            return
        open_ -= 1
        if not open_:
            load.seconds = now - started
            finished.set()

    made = await _connect(address, answered, connections)
    started = time.perf_counter()
    for connection in made:
        connection.send(next(requests), time.perf_counter())
    await finished.wait()
    _close(made)
    return load


def at_rate(
    address: Address, requests: Iterator[bytes], rate: float, seconds: float, connections: int = CONNECTIONS
) -> Load:
    """Requests at a fixed rate. A latency counts from the moment at which its request was due, also if all connections
    were busy then: a server that stalls can't hide it by being asked less."""
    return asyncio.run(_at_rate(address, requests, rate, seconds, connections))


async def _at_rate(address: Address, requests: Iterator[bytes], rate: float, seconds: float, connections: int) -> Load:
    load = Load()
    idle: deque[_Connection] = deque()
    due: deque[float] = deque()

    def answered(connection: _Connection, status: int, answer: bytes) -> None:
        now = time.perf_counter()
        load.latencies.append(now - connection.since)
        if status >= 400:
            load.refused.append(answer)
        if due:
            connection.send(next(requests), due.popleft())
        else:
            idle.append(connection)

    made = await _connect(address, answered, connections)
    idle.extend(made)
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = started + number / rate
        while (wait := moment - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        if idle:
            idle.popleft().send(next(requests), moment)
        else:
            due.append(moment)
        if not number % 16:
            await asyncio.sleep(0)
    while len(idle) < connections:
        await asyncio.sleep(0.001)
    load.seconds = time.perf_counter() - started
    _close(made)
    return load


async def _connect(
    address: Address, answered: Callable[[_Connection, int, bytes], None], connections: int
) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(answered), *address)
        made.append(connection)
    return made


def _close(connections: list[_Connection]) -> None:
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()
