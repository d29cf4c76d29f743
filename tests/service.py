"""A fresh ledger behind a real server on a loopback port: the one construction that tests of the doors use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import structlog

from api.app import create_app
from api.cli.serving import Server, free_socket
from api.service import open_service
from api.settings import Settings

STARTED_SECONDS = 30
# Tracebacks without the values of variables, which take seconds to print.
SHOWN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


@contextmanager
def fresh_service(
    folder: Path | None = None, database_url: str | None = None, **settings: Any
) -> Iterator[httpx.Client]:
    """A client of a ledger of its own: in `folder` (kept) or a temporary one, on SQLite or the database given."""
    stream = getattr(structlog.get_config()["logger_factory"], "_file", None)
    if stream is not None and stream.closed:  # that of a command that ran in this process
        structlog.reset_defaults()
    if not structlog.is_configured():  # a test may want the lines as they are in service
        structlog.configure(processors=[structlog.processors.add_log_level, structlog.dev.set_exc_info, SHOWN])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with TemporaryDirectory() as temporary:
        data = folder or Path(temporary) / "ledger"
        with open_service(Settings(data=data, database_url=database_url, **settings)) as service:
            listening = free_socket("127.0.0.1", 0)
            server = Server(create_app(service), service)
            thread = threading.Thread(target=server.run, args=([listening],), name="server")
            thread.start()
            try:
                deadline = time.monotonic() + STARTED_SECONDS
                while not server.started and thread.is_alive() and time.monotonic() < deadline:
                    time.sleep(0.002)
                address = f"http://127.0.0.1:{listening.getsockname()[1]}"
                with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
                    yield client
            finally:
                server.should_exit = True
                service.stopping.set()
                thread.join()
