"""A reader of Server-Sent Events for tests, by the WHATWG's rules: it shares nothing with the command's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

STREAM = {"Accept": "text/event-stream"}


@dataclass
class Reader:
    """Messages as a browser's EventSource would dispatch them, and what else was said."""

    answer: httpx.Response
    last_id: str = ""
    retry: int | None = None
    comments: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """(id, event, data) of each message, as it comes."""
        data: list[str] = []
        kind, left = "", b""
        for chunk in self.answer.iter_raw():
            *lines, left = (left + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            for line in lines:
                name, _, value = line.decode().partition(":")
                value = value.removeprefix(" ")
                if not line:
                    if data:
                        yield self.last_id, kind or "message", "\n".join(data)
                    data, kind = [], ""
                elif not name:
                    self.comments.append(value)
                elif name == "data":
                    data.append(value)
                elif name == "event":
                    kind = value
                elif name == "id" and "\0" not in value:
                    self.last_id = value
                elif name == "retry" and value.isdigit():
                    self.retry = int(value)


@contextmanager
def feed(client: httpx.Client, last_id: str | None = None, **parameters: Any) -> Iterator[Reader]:
    """An open feed."""
    headers = STREAM if last_id is None else {**STREAM, "Last-Event-ID": last_id}
    with client.stream("GET", "/v1/feed", params=parameters, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Reader(answer)
