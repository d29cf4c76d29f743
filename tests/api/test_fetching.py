"""The log's files over HTTP: from whatever server there is, and whatever it does."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from api.cli.fetching import FILE_BYTES, HttpFiles
from ledger.log.files import NotThere

OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[socket.socket], object]


@contextmanager
def server(*answers: Answer) -> Iterator[str]:
    """Answers on a connection of its own with each of these, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def sends(answer: bytes) -> Answer:
    """To a request, whatever it asks for."""

    def sending(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(answer)

    return sending


def endlessly(head: bytes, part: bytes) -> Answer:
    """A file of which more and more comes."""

    def sending(connection: socket.socket) -> None:
        connection.recv(10_000)
        with suppress(OSError):
            connection.sendall(OK + head + b"\r\n\r\n")
            while True:
                connection.sendall(part)

    return sending


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


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"Content-Length: 100000000000", bytes(100_000)),
        (b"Transfer-Encoding: chunked", b"186a0\r\n" + bytes(100_000) + b"\r\n"),
    ],
)
def test_a_file_without_end(head: bytes, part: bytes) -> None:
    """No more of it is read than a file can have, and the next one is another."""
    with server(endlessly(head, part), sends(OK + b"Content-Length: 3\r\n\r\nabc")) as url, HttpFiles(url) as files:
        assert len(files.read("checkpoint")) == FILE_BYTES + 1
        assert files.read("checkpoint") == b"abc"


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


def test_files_come_over_one_connection() -> None:
    """As long as the server keeps it open."""

    def twice(connection: socket.socket) -> None:
        for _ in range(2):
            sends(OK + b"Content-Length: 3\r\n\r\nabc")(connection)

    with server(twice) as url, HttpFiles(url) as files:
        assert [files.read("checkpoint") for _ in range(2)] == [b"abc", b"abc"]


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers there, as where a connection is refused."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpx.ConnectError), HttpFiles("http://ledger.example") as files:
        files.read("checkpoint")


def test_a_server_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wasn't had, as from one that fails."""
    monkeypatch.setattr("api.cli.fetching.SECONDS", 0.1)
    with server(lambda connection: time.sleep(1)) as url, HttpFiles(url) as files, pytest.raises(httpx.ReadError):
        files.read("checkpoint")


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not taken, though the environment names it as one to be trusted. The control is who trusts it."""
    certificate = self_signed(tmp_path)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(certificate)

    def over_tls(connection: socket.socket) -> None:
        with suppress(OSError), secure.wrap_socket(connection, server_side=True) as secured:
            sends(OK + b"Content-Length: 3\r\n\r\nabc")(secured)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with server(over_tls, over_tls) as url:
        address = url.replace("http:", "https:")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"), HttpFiles(address) as files:
            files.read("checkpoint")
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(httpx, "create_ssl_context", lambda trust_env: trusting)
        with HttpFiles(address) as files:
            assert files.read("checkpoint") == b"abc"


def self_signed(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that is signed with it."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "tls.pem").write_bytes(written + certificate.public_bytes(Encoding.PEM))
    return folder / "tls.pem"
