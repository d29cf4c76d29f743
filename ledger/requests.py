"""What is handed to the writer, and what it says to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger.attachments import Content
from ledger.event import Event, Origin
from ledger.refusals import Refusal


class Unavailable(Exception):
    """The store didn't answer, so it isn't known whether the events are written. Send the same request again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Events to be taken all or none.

    `key` makes a repetition get the first answer, if its `body_sha256` is the same; with `while_it_stands` only until
    what was recorded then is retracted, and after that the request counts as new. `if_match` is the version that the
    first event's record must have. `content` is what the one event, an `attachment.added`, has the hash of. Events
    without an id have one of the server's, the same through every retry.
    """

    events: tuple[Event, ...]
    origin: Origin
    key: str | None = None
    while_it_stands: bool = False
    body_sha256: str = ""
    if_match: int | None = None
    content: Content | None = None
    ids: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(event.body.get("id") or str(uuid.uuid4()) for event in self.events))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The events are stored. `position` is the last one's; each of `events` is {id, position, type}.

    `warnings` are {event, pointer, detail, mend}: what was taken and is still worth a second look.
    """

    position: int
    events: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class NotTried:
    """An earlier request of the same call was refused, and the caller wanted to stop there."""


Outcome = Accepted | Refusal | NotTried


class Waiting(Protocol):
    """Who is told the outcomes; a Future is one."""

    def set_running_or_notify_cancel(self) -> bool: ...
    def set_result(self, outcomes: list[Outcome], /) -> None: ...
    def set_exception(self, error: BaseException | None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """A call: see Writer.submit."""

    requests: Sequence[Request]
    stop: bool
    dry_run: bool
    done: Waiting

    @property
    def size(self) -> int:
        return sum(len(request.events) for request in self.requests)
