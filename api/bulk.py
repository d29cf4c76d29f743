"""Events line by line: each line stands for itself, and answers with a line of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from api.body import canonical_sha256, parse
from api.problems import Fault, faults_of, problem, status_of, unavailable
from api.service import Service
from ledger.event import Event, Origin, parse_event
from ledger.refusals import Reason, Refusal, refuse
from ledger.writer import Accepted, NotTried, Outcome, Request, Unavailable

# Lines handed to the writer at once: one commit on the disk for all of them, and others get their turn between.
CHUNK = 500
NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that isn't blank, under its number from 1."""

    number: int
    raw: bytes


KeyOf = Callable[[Line, str], str | None]
"""The idempotency key of a line, from the line and the hash of what it says."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How lines are taken: how they came, whether the first refusal ends it, whether anything is written, their keys.

    With `while_it_stands` a line counts as recorded only until what it recorded is retracted.
    """

    origin: Origin
    stop: bool = True
    dry_run: bool = False
    key_of: KeyOf | None = None
    while_it_stands: bool = False


@dataclass
class Summary:
    """What became of the lines."""

    dry_run: bool
    lines: int = 0
    accepted: int = 0
    refused: int = 0
    not_tried: int = 0
    repeated: int = 0  # of the accepted: those that were there already, under the same key
    position: int = 0

    def count(self, told: dict[str, Any]) -> None:
        self.lines += 1
        if told["status"] == NOT_TRIED:
            self.not_tried += 1
        elif "problem" in told:
            self.refused += 1
        else:
            self.accepted += 1
            self.repeated += bool(told.get("repeated"))

    def json(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "accepted": self.accepted,
            "refused": self.refused,
            "not_tried": self.not_tried,
            "repeated": self.repeated,
            "dry_run": self.dry_run,
            "position": self.position,
        }


def lines_of(body: bytes) -> Iterator[Line]:
    """The lines of NDJSON; blank ones count, and are left out."""
    for number, raw in enumerate(body.split(b"\n"), 1):
        if raw.strip():
            yield Line(number, raw)


def record_line(line: Line, rules: Rules, longest: int) -> Request:
    """The request to the writer that a line is. Raises Refusal."""
    if len(line.raw) > longest:
        raise refuse(Reason.TOO_LARGE, "", f"The line is longer than {longest} bytes.", "Shorten its texts.")
    value = parse(line.raw)
    event: Event = parse_event(value)
    if rules.key_of is None:
        return Request((event,), rules.origin)
    sha256 = canonical_sha256(value)
    return Request(
        (event,), rules.origin, rules.key_of(line, sha256), while_it_stands=rules.while_it_stands, body_sha256=sha256
    )


@dataclass
class _Read:
    """A chunk of lines: each one's request, or the refusal it met before it came to the writer."""

    numbers: list[int] = field(default_factory=list)
    found: list[Request | Refusal] = field(default_factory=list)


def _read(lines: Sequence[Line], rules: Rules, longest: int) -> _Read:
    read = _Read()
    for line in lines:
        read.numbers.append(line.number)
        try:
            read.found.append(record_line(line, rules, longest))
        except Refusal as refusal:
            read.found.append(refusal)
    return read


async def record_lines(service: Service, lines: Iterator[Line], rules: Rules) -> AsyncIterator[list[dict[str, Any]]]:
    """Record the lines, chunk by chunk, and tell of each what became of it. Raises Unavailable if nothing was tried.

    A dry run is one chunk, since later lines are checked against earlier ones that are never written. Else a chunk is
    read while the writer has the one before and waits for the disk.
    """
    stopped = False
    tried = False

    def read_next() -> _Read:
        chunk = list(lines if rules.dry_run else islice(lines, CHUNK))
        if stopped:
            return _Read([line.number for line in chunk])
        return _read(chunk, rules, service.settings.max_line_bytes)

    reading = asyncio.ensure_future(service.run(read_next))
    while (read := await reading).numbers:
        reading = asyncio.ensure_future(service.run(read_next))
        if stopped:
            yield [{"line": number, "status": NOT_TRIED} for number in read.numbers]
            continue
        try:
            told = await _submit(service, read, rules)
        except Unavailable:
            if not tried:
                reading.cancel()
                raise
            told = [_problem(number, [unavailable()]) for number in read.numbers]
            stopped = True
        tried = True
        stopped = stopped or (rules.stop and any("problem" in one for one in told))
        yield told


async def _submit(service: Service, read: _Read, rules: Rules) -> list[dict[str, Any]]:
    """What the writer says to a chunk; with `stop`, lines after the first refusal are not tried."""
    tried: list[Request] = []
    for one in read.found:
        if isinstance(one, Request):
            tried.append(one)
        elif rules.stop:
            break
    answered: list[Outcome] = []
    if tried:
        answered = await service.desk.write(tried, stop=rules.stop, dry_run=rules.dry_run)
    outcomes = iter(answered)
    told = []
    refused = False
    for number, one in zip(read.numbers, read.found, strict=True):
        outcome: Outcome = NotTried() if refused and rules.stop else one if isinstance(one, Refusal) else next(outcomes)
        refused = refused or isinstance(outcome, Refusal)
        told.append(_told(number, outcome, rules))
    return told


def _told(number: int, outcome: Outcome, rules: Rules) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        [event] = outcome.events
        recorded = {"type": event["type"]} if rules.dry_run else dict(event)
        repeated = {"repeated": True} if outcome.repeated else {}
        warnings = {"warnings": outcome.warnings} if outcome.warnings else {}
        return {"line": number, "status": 200 if rules.dry_run else 201, **recorded, **repeated, **warnings}
    if isinstance(outcome, Refusal):
        return _problem(number, faults_of(single(outcome)))
    return {"line": number, "status": NOT_TRIED}


def _problem(number: int, faults: Sequence[Fault]) -> dict[str, Any]:
    return {"line": number, "status": status_of(faults), "problem": problem(faults)}


def single(refusal: Refusal) -> Refusal:
    """A refusal of a request with one event, with pointers into that event and not into the array of one."""
    return Refusal(*(type(p)(p.reason, p.pointer.removeprefix("/0"), p.detail, p.mend) for p in refusal.problems))


def line_keys(key: str) -> KeyOf:
    """The keys of lines from the request's own: the same request again records nothing twice."""
    return lambda line, sha256: f"{key}:{line.number}"


def content_keys(key: str) -> KeyOf:
    """The keys of lines from what they say: also with lines mended, added or moved, nothing stands there twice.

    The second of two equal lines is an event of its own.
    """
    seen: Counter[str] = Counter()

    def key_of(line: Line, sha256: str) -> str:
        seen[sha256] += 1
        return f"{key}:{sha256}:{seen[sha256]}"

    return key_of
