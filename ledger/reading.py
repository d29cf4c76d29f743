"""What a request's body asks to have written: read where there is time for it."""

from __future__ import annotations

from typing import NamedTuple

from ledger.event import PROBLEMS_TOLD, Event, Origin, parse_event
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.requests import Request
from ledger.strict import canonical_sha256, parse


class Unread(NamedTuple):
    """JSON of one event, or of an array of at most `most`. The rest as of a Request."""

    body: bytes
    most: int
    origin: Origin
    key: str | None
    if_match: int | None

    @property
    def alone(self) -> bool:
        """Whether it is one event, and no array."""
        return not self.body.lstrip(b" \t\r\n").startswith(b"[")

    def read(self) -> Request:
        """Raises Refusal, with pointers as if one event were an array of one."""
        value = parse_within(self.body, "/0" if self.alone else "")
        submitted = value if isinstance(value, list) else [value]
        if not submitted:
            raise refuse(Reason.INVALID, "", "An empty array records nothing.", "Send at least one event.")
        if len(submitted) > self.most:
            detail = f"{len(submitted)} events; at most {self.most} in one array."
            mend = "Send them as lines (application/x-ndjson), or in several arrays."
            raise refuse(Reason.TOO_LARGE, "", detail, mend)
        events: list[Event] = []
        problems: list[Problem] = []
        for index, one in enumerate(submitted):
            try:
                events.append(parse_event(one))
            except Refusal as refusal:
                problems.extend(refusal.under(f"/{index}").problems)
            if len(problems) >= PROBLEMS_TOLD:
                break
        if problems:
            raise Refusal(*problems)
        sha256 = canonical_sha256(value)
        return Request(tuple(events), self.origin, self.key, body_sha256=sha256, if_match=self.if_match)


def parse_within(body: bytes, prefix: str) -> object:
    """As parse, with pointers from further out."""
    try:
        return parse(body)
    except Refusal as refusal:
        raise refusal.under(prefix) from None
