"""Where a command records and asks: a folder that this process holds, or a running service."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, cast
from urllib.parse import urlencode

import httpx

from api import logs
from api.bulk import Line, Rules, content_keys, record_lines, single
from api.cli.ledgers import Source, follow, opened, settings_of
from api.cli.talking import fail_with
from api.paging import ListQuestion
from api.problems import Faulty
from api.question import resolve
from api.questions import ask, find
from api.service import Service, open_service
from ledger.event import Origin, parse_event
from ledger.refusals import Refusal
from ledger.store.sqlite import LOG_FILE
from ledger.writer import Accepted, Request
from projections.paging import EVERYTHING, Page

SECONDS = 3600
PAGE = 1000
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """How many more lines are through, and what became of those that answers are there for."""

    through: int
    told: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Way:
    """How lines come in: the door that is stamped on them, the key that theirs are made from, the import's name."""

    recorded_by: str
    key: str
    batch: str


class Door(Protocol):
    """Lines go in, rows come out."""

    def record(self, lines: Sequence[Line], way: Way, *, stop: bool, dry_run: bool) -> Iterator[Step]:
        """Record lines, each for itself; with `stop` none after the first that is refused."""

    def write(self, event: dict[str, Any]) -> int:
        """Record one event; its position. Raises Refusal."""

    def rows(self, path: str, query: Mapping[str, str], most: int | None = None) -> list[dict[str, Any]]:
        """The rows of a list, all of them or the first so many."""

    def event(self, event_id: str) -> dict[str, Any] | None:
        """One event; None if there is none of this id."""


@contextmanager
def door(source: Source, *, make: bool) -> Iterator[Door]:
    """The door to a folder, which is made if need be and asked to, or to a service."""
    if source.url is not None:
        yield Remote(source.url)
        return
    with opened(source.data, make=make) as service, asyncio.Runner() as runner:
        yield Local(service, runner)


@contextmanager
def trial_door(source: Source) -> Iterator[Door]:
    """The door for a dry run: where there is no ledger yet, an empty one that is gone afterwards stands in for it."""
    settings = settings_of(source.data) if source.url is None else None
    if settings is None or settings.database_url is not None or (settings.data / LOG_FILE).exists():
        with door(source, make=True) as ledger:
            yield ledger
        return
    logs.configure("error")
    with TemporaryDirectory(prefix="dealledger-") as empty:
        instead = settings.model_copy(update={"data": Path(empty), "key_folder": None, "high_water": None})
        with open_service(instead) as service, asyncio.Runner() as runner:
            yield Local(service, runner)


class Local:
    """The writer and the read model of a folder."""

    def __init__(self, service: Service, runner: asyncio.Runner) -> None:
        self._service = service
        self._runner = runner

    def record(self, lines: Sequence[Line], way: Way, *, stop: bool, dry_run: bool) -> Iterator[Step]:
        origin = Origin(way.recorded_by, way.batch, way.key)
        rules = Rules(origin, stop, dry_run, content_keys(way.key), while_it_stands=True)
        chunks = record_lines(self._service, iter(lines), rules)
        while (told := self._runner.run(_next(chunks))) is not None:
            yield Step(len(told), told)

    def write(self, event: dict[str, Any]) -> int:
        request = Request((parse_event(event),), Origin("shell"))
        [outcome] = self._service.writer.submit([request]).result()
        if isinstance(outcome, Refusal):
            raise single(outcome)
        return cast(Accepted, outcome).position

    def rows(self, path: str, query: Mapping[str, str], most: int | None = None) -> list[dict[str, Any]]:
        follow(self._service)
        return self._runner.run(self._rows(f"{path}?{urlencode(query)}", EVERYTHING if most is None else Page(most)))

    def event(self, event_id: str) -> dict[str, Any] | None:
        follow(self._service)
        try:
            found: dict[str, Any] = self._runner.run(self._ask(f"/v1/events/{event_id}"))["event"]
        except Faulty:
            return None
        return found

    async def _rows(self, of: str, page: Page) -> list[dict[str, Any]]:
        named = find(of)
        at = await resolve(self._service, named.asked, 0)
        question: ListQuestion[Any] = cast(ListQuestion[Any], named.question)
        found = await self._service.run(question.rows, self._service.model, at, named.asked, page, named.parts)
        return [] if found is None else found.rows

    async def _ask(self, of: str) -> dict[str, Any]:
        named = find(of)
        at = await resolve(self._service, named.asked, 0)
        return await self._service.run(ask, self._service.model, named, at)


async def _next(chunks: AsyncIterator[list[dict[str, Any]]]) -> list[dict[str, Any]] | None:
    return await anext(chunks, None)


def _list_name(path: str) -> str:
    """Under what the rows of a list like /v1/events stand in its answer."""
    return path.rpartition("/")[2]


class Remote:
    """A running service. All lines go in one request: their keys are made from all of them."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=SECONDS, trust_env=False)

    def record(self, lines: Sequence[Line], way: Way, *, stop: bool, dry_run: bool) -> Iterator[Step]:
        query = {"keys": "content", "on_error": "stop" if stop else "continue", "dry_run": str(dry_run).lower()}
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": way.key}
        body = b"".join(line.raw + b"\n" for line in lines)
        answers: list[httpx.Response | Exception] = []

        def post() -> None:
            try:
                answers.append(
                    self._client.post("/v1/events", params={**query, "batch": way.batch}, headers=headers, content=body)
                )
            except Exception as error:  # raised again where it is waited for
                answers.append(error)

        through, start = 0, self._head()
        thread = threading.Thread(target=post, name="import")
        thread.start()
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            if thread.is_alive() and not dry_run:
                # The log grows by what is through, as far as nobody else writes.
                more = min(self._head() - start, len(lines)) - through
                through += more
                yield Step(more, [])
        [answer] = answers
        if isinstance(answer, Exception):
            raise answer
        if answer.is_error:
            fail_with(answer.json(), answer.status_code)
        told = [json.loads(line) for line in answer.iter_lines()]
        yield Step(len(lines) - through, [{**one, "line": line.number} for one, line in zip(told, lines, strict=False)])

    def write(self, event: dict[str, Any]) -> int:
        response = self._client.post("/v1/events", json=event)
        if response.is_error:
            fail_with(response.json(), response.status_code)
        return int(response.json()["position"])

    def _head(self) -> int:
        return int(self._client.get("/readyz").json().get("position") or 0)

    def rows(self, path: str, query: Mapping[str, str], most: int | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            response = self._client.get(path, params={**query, **more, "limit": str(PAGE)})
            answer = response.json()
            if response.is_error:
                fail_with(answer, response.status_code)
            found += answer[_list_name(path)]
            if not answer["more"] or len(found) >= (most or math.inf):
                return found[:most]
            more = {"cursor": answer["next"]}

    def event(self, event_id: str) -> dict[str, Any] | None:
        response = self._client.get(f"/v1/events/{event_id}")
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        found: dict[str, Any] = response.json()["event"]
        return found
