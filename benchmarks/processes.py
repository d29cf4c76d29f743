"""The processes that are measured: started on a free loopback port, asked over HTTP, and ended by their own ids."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Address = tuple[str, int]

START_SECONDS = 3_600  # a log that isn't signed yet is hashed first
READY_SECONDS = 3_600  # a read model of another version is made anew first
STOP_SECONDS = 120
IDLE_SECONDS = 2  # uvicorn closes connections that were idle for 5
LOOK_SECONDS, BUSY = 0.5, 0.1  # a server that uses so much of its processor in so long a time is at work
TICKS = os.sysconf("SC_CLK_TCK")
SESSION, UTIME, STIME = 3, 11, 12  # in /proc/PID/stat, after the name


@dataclass(frozen=True)
class Server:
    """A server that was started. Several start at once, since only who needs the address waits for it."""

    process: subprocess.Popen[bytes]
    log: Path
    wait: Callable[[Address], None]
    """Returns when it can be asked at its address."""

    @cached_property
    def address(self) -> Address:
        """Where it listens, as soon as it can be asked."""
        address = _address(self.process, self.log)
        self.wait(address)
        return address

    def rest(self) -> None:
        """Wait until it has done what it does by itself after its start."""
        _ = self.address
        used = -BUSY
        while (now := self.cpu_seconds()) - used >= BUSY:
            used = now
            time.sleep(LOOK_SECONDS)

    def ask(self, path: str, **headers: str) -> dict[str, Any]:
        """The answer to one GET, over a connection of its own."""
        with Client(self.address) as client:
            answer: dict[str, Any] = json.loads(client.get(path, **headers))
            return answer

    def cpu_seconds(self) -> float:
        """The processor time that it has used so far, with processes of its own that are there."""
        used = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended meanwhile
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[SESSION]) == self.process.pid:  # it began a session
                    used += int(fields[UTIME]) + int(fields[STIME])
        return used / TICKS

    def memory(self, what: str = "VmHWM") -> int:
        """Bytes resident in memory: at most so far (VmHWM), or now (VmRSS)."""
        found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text(), re.MULTILINE)
        return 0 if found is None else int(found[1]) * 1024


class Client:
    """One kept-alive connection. Any answer but a 2xx raises, since it would be measured as if it were one."""

    def __init__(self, address: Address) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=READY_SECONDS)
        self._used = time.monotonic()

    def get(self, path: str, **headers: str) -> bytes:
        return self._asked("GET", path, None, headers)

    def post(self, path: str, body: bytes, **headers: str) -> bytes:
        return self._asked("POST", path, body, headers)

    def _asked(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._connection.close()  # before the server does; it is opened again by itself
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, named)
        response = self._connection.getresponse()
        answer = response.read()
        self._used = time.monotonic()
        if not 200 <= response.status < 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:500]!r}")
        return answer

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


@contextmanager
def ledger(data: Path, database_url: str | None, log: Path, *, lasting: bool = True) -> Iterator[Server]:
    """`dealledger serve` as anybody would start it; its log lines go to a file, as in a service."""
    environment = {**os.environ, **({"DEALLEDGER_DATABASE_URL": database_url} if database_url else {})}
    command = [str(Path(sys.executable).parent / "dealledger"), "serve", "--data", str(data), "--port", "0"]
    with running(command, log, environment, wait_until_ready, lasting=lasting) as server:
        yield server


def wait_until_ready(address: Address) -> None:
    """Until the ledger there has applied all that its log holds."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with Client(address) as client:
                state = json.loads(client.get("/readyz"))
            if state["ready"] and not state["lag"]:
                return
        except RuntimeError:  # 503: the read model is made anew
            pass
        time.sleep(0.01)
    raise RuntimeError("the server didn't get ready")


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    wait: Callable[[Address], None] = lambda _: None,
    *,
    lasting: bool = True,
) -> Iterator[Server]:
    """A server that writes to `log` where it listens. One whose data are `lasting` is told to stop when it is no longer
    needed; what another leaves behind is thrown away, so it needn't close it in order."""
    with log.open("w") as lines:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=lines, stderr=subprocess.STDOUT, env=dict(environment), start_new_session=True
        )
    try:
        yield Server(process, log, wait)
    finally:
        process.send_signal(signal.SIGTERM if lasting else signal.SIGKILL)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> Address:
    """Where a server says that it listens, once it does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://([0-9.]+):(\d+)", log.read_text()):
            address = found[1], int(found[2])
            with suppress(OSError), socket.create_connection(address):
                return address
        time.sleep(0.01)
    raise RuntimeError(f"a server didn't start: {log.read_text()[-2000:]}")
