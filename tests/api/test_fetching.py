"""The log's files over HTTP: from whatever server there is, and whatever it does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from api.cli.fetching import FILE_BYTES, HttpFiles
from ledger.log.files import NotThere

OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[socket.socket], object]


@contextmanager
def server(*answers: Answer) -> Iterator[str]:
    """Answers a request on a connection of its own with each of these, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(10_000)
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def sends(answer: bytes) -> Answer:
    return lambda connection: connection.sendall(answer)


def endlessly(connection: socket.socket) -> None:
    """A file of 100 GB."""
    connection.sendall(OK + b"Content-Length: 100000000000\r\n\r\n")
    try:
        while True:
            connection.sendall(bytes(100_000))
    except OSError:
        pass


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 3\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nabc",
    ],
)
def test_a_file_as_servers_send_it(answer: bytes) -> None:
    """With its length, in chunks, or until the connection ends; and again after the server closed it."""
    with server(*[sends(answer)] * 2) as url, HttpFiles(url) as files:
        assert files.read("checkpoint") == b"abc"
        time.sleep(0.05)
        assert files.read("checkpoint") == b"abc"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        OK + b"Content-Length: 30\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        OK + b"X: " + b"x" * 100_000,
    ],
)
def test_a_server_that_fails(answer: bytes) -> None:
    """Is no word on the log: it wasn't had. The next file may be had again."""
    with server(*[sends(answer)] * 2, sends(OK + b"Content-Length: 3\r\n\r\nabc")) as url, HttpFiles(url) as files:
        with pytest.raises(httpx.ReadError):
            files.read("checkpoint")
        found = b""
        while not found:
            try:
                found = files.read("checkpoint")
            except httpx.ReadError:
                continue
        assert found == b"abc"


def test_a_file_without_end() -> None:
    """No more of it is read than a file can have."""
    with server(endlessly) as url, HttpFiles(url) as files:
        assert len(files.read("checkpoint")) == FILE_BYTES + 1


def test_what_is_not_there() -> None:
    """Is a word on the log, which `verify` judges."""
    answer = sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    with server(answer) as url, HttpFiles(url) as files, pytest.raises(NotThere, match="checkpoint"):
        files.read("checkpoint")


def test_where_nobody_is() -> None:
    """The address is at fault."""
    for url, error in (
        ("http://127.0.0.1:9", httpx.ConnectError),
        ("https://127.0.0.1:9", httpx.ConnectError),
        ("ftp://127.0.0.1", httpx.UnsupportedProtocol),
        ("nonsense", httpx.UnsupportedProtocol),
        ("http://", httpx.UnsupportedProtocol),
        ("http://[::1", httpx.InvalidURL),
    ):
        with pytest.raises(error), HttpFiles(url) as files:
            files.read("checkpoint")
