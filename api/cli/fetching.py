"""The log's files from a service, or from any other web server."""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import Self

import httpx

from ledger.log.entry import ENTRY_BYTES
from ledger.log.files import NotThere
from ledger.log.tiles import WIDTH

SECONDS = 60
# No file of a log is larger than a full bundle of the longest entries.
FILE_BYTES = WIDTH * (2 + ENTRY_BYTES)


class HttpFiles:
    """The files below /log/ of an address, over one connection, to be closed in the end.

    By Python's own client: of the thousands of small files that a log has, httpx takes four times as long to fetch each
    one. What can go wrong is told as httpx does. Raises httpx.InvalidURL, httpx.UnsupportedProtocol.
    """

    def __init__(self, url: str) -> None:
        address = httpx.URL(url)
        self._folder = address.raw_path.decode().rstrip("/") + "/log/"
        if address.scheme == "https":
            self._connection: HTTPConnection = HTTPSConnection(
                address.host, address.port, timeout=SECONDS, context=httpx.create_ssl_context(trust_env=False)
            )
        elif address.scheme == "http" and address.host:
            self._connection = HTTPConnection(address.host, address.port, timeout=SECONDS)
        else:
            raise httpx.UnsupportedProtocol(f"{url} is no address of http or https")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def read(self, path: str) -> bytes:
        """Not more of it than a file can have: a longer one is none. Raises NotThere, and httpx.HTTPError."""
        try:
            with suppress(ConnectionError):  # a server that closed what wasn't used for some time, or isn't there
                if self._connection.sock is not None:
                    return self._fetched(path)
            self._connection.close()
            try:
                self._connection.connect()
            except OSError as error:
                raise httpx.ConnectError(str(error)) from None
            return self._fetched(path)
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise httpx.ReadError(str(error)) from None

    def _fetched(self, path: str) -> bytes:
        self._connection.request("GET", self._folder + path)
        response = self._connection.getresponse()
        body = response.read(FILE_BYTES + 1)
        if len(body) > FILE_BYTES or response.length:
            self._connection.close()
            if len(body) <= FILE_BYTES:
                raise httpx.ReadError(f"{path} is cut off")
        if response.status == httpx.codes.NOT_FOUND:
            raise NotThere(f"the service has no {path}")
        if response.status != httpx.codes.OK:
            raise httpx.ReadError(f"the service answers {response.status} for {path}")
        return body
