"""A log of 100,000 events, served over HTTP by a server that knows nothing but files, for software that isn't ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ledger.log.files import Files, NotThere, StoreFiles
from ledger.log.signer import Signer
from ledger.store import Store, open_store
from tests.ledger.log.logs import KEY, append

EVENTS, OLD = 100_000, 70_001


@dataclass
class Served:
    """A log at a URL. What is in `instead` is given for a path in place of what the log has."""

    url: str
    store: Store
    old: str
    """The checkpoint of an earlier time."""
    checkpoint: str
    instead: dict[str, bytes] = field(default_factory=dict)
    files: Files | None = None


@pytest.fixture(scope="session")
def whole_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Made once; see `log`."""
    folder: Path = tmp_path_factory.mktemp("outside")
    store = open_store(folder, None)
    signer = Signer(store, KEY, folder / "log.highwater")
    notes = []
    for count in (OLD, EVENTS):
        append(store, count - store.head(), 5000)
        assert signer.cycle() is None
        assert signer.newest is not None
        notes.append(signer.newest.note)
    served = Served("", store, notes[0], notes[1], files=StoreFiles(store, signer.published))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else each answer waits 40 ms for the client's acknowledgement
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            try:
                assert served.files is not None
                status, body = 200, served.instead.get(path) or served.files.read(path)
            except NotThere:
                status, body = 404, b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/log"
    yield served
    server.shutdown()
    server.server_close()
    store.close()


@pytest.fixture
def log(whole_log: Served) -> Iterator[Served]:
    """The log as it is, until a test gives something in its stead."""
    yield whole_log
    whole_log.instead.clear()
