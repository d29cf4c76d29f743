"""Killing a server in the middle of writing, and what must then be true of its log.

Eight clients write to a real `dealledger serve` process. It is killed without warning, started again, and its log read
with plain SQL: whatever was acknowledged is there exactly once, nothing is there by half, and whoever got no answer
gets one by sending the same request again.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from ledger.event import CORRECTED, RETRACTED, keys_of
from ledger.store import Stored, open_store
from projections.apply import COLUMNS
from projections.database import ReadModel
from tests import facts

CLIENTS = 8
START_SECONDS = 60
PORTS = (10_000, 30_000)
SERVE = "from api.cli import main; main()"


@dataclass(frozen=True)
class Sent:
    """A request that some client made. Its events' notes say which request they belong to and where in it."""

    key: str
    events: list[dict[str, Any]]


@dataclass
class Told:
    """What the clients know: the answers they got, and the requests that got none."""

    answered: dict[str, tuple[Sent, dict[str, Any]]] = field(default_factory=dict)
    open: dict[str, Sent] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Log:
    """What the database holds, read without any code of ours."""

    events: Sequence[Stored]
    keys: frozenset[tuple[str, int]]
    answers: dict[str, dict[str, Any]]


# --- the server -------------------------------------------------------------------------------------------------


class Server:
    """`dealledger serve` on a folder, in a process that can be killed."""

    def __init__(self, folder: Path, database_url: str | None = None, program: str = SERVE) -> None:
        self.folder = folder
        self.database_url = database_url
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEALLEDGER_")}
        self._environment = environment | ({"DEALLEDGER_DATABASE_URL": database_url} if database_url else {})
        self._command = [sys.executable, "-c", program, "serve", "--data", str(folder), "--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(
            self._command,
            cwd=Path(__file__).parents[2],
            env=self._environment,
            **quiet,  # type: ignore[call-overload]
        )
        assert self._process is not None
        deadline, said = time.monotonic() + START_SECONDS, "nothing"
        with httpx.Client(base_url=self.address, trust_env=False) as client:
            while time.monotonic() < deadline:
                assert self._process.poll() is None, "the server ended"
                try:
                    answer = client.get("/readyz")
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                if answer.status_code == 200:
                    return
                said = answer.text
                time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server isn't ready; it says {said}")

    def kill(self) -> None:
        """kill −9: no handler, no flush, no goodbye."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def log(self) -> Log:
        """The tables as they are."""
        questions = [
            "SELECT position, stream, version, type, state, id, coalesce(chain, id) FROM events ORDER BY position",
            # An event is found by its stream too, unless a row without a key says that it isn't.
            """SELECT key, position FROM event_keys WHERE key <> '' UNION SELECT stream, position FROM events
            WHERE position NOT IN (SELECT position FROM event_keys WHERE key = '')""",
            "SELECT key, answer FROM answers",
        ]
        if self.database_url is not None:
            with psycopg.connect(self.database_url) as postgres:
                found = [postgres.execute(sql.encode()).fetchall() for sql in questions]
        else:
            with closing(sqlite3.connect(f"file:{self.folder / 'ledger.sqlite'}?mode=ro", uri=True)) as sqlite:
                sqlite.execute("BEGIN")
                found = [sqlite.execute(sql).fetchall() for sql in questions]
        events, keys, answers = found
        return Log(
            [Stored(*row) for row in events],
            frozenset((key, position) for key, position in keys),
            {key: json.loads(answer) for key, answer in answers},
        )


def free_port() -> int:
    """A port that nobody listens on, of those that no kernel gives out by itself: between two starts of a server, none
    of the tests beside this one gets it."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with suppress(OSError), closing(socket.create_server(("127.0.0.1", port))):
            return port


# --- the clients ------------------------------------------------------------------------------------------------


def prepare(server: Server, told: Told) -> None:
    """The parties and a commitment, acknowledged."""
    parties = facts.entities("acme", "beta", "gamma")
    events = [*parties, facts.commit("pledge", "acme", "beta", facts.usd("1", "over"))]
    with httpx.Client(base_url=server.address, trust_env=False, timeout=30) as client:
        send(client, Sent("first", noted("first", events)), told)
    assert not told.surprises


def noted(key: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "note": f"{key} {place}"} for place, event in enumerate(events)]


def send(client: httpx.Client, sent: Sent, told: Told) -> bool:
    """Whether the request was answered; either way it is remembered."""
    with told.lock:
        told.open[sent.key] = sent
    try:
        answer = client.post("/v1/events", json=sent.events, headers={"Idempotency-Key": sent.key})
        body = answer.json()
    except (httpx.TransportError, ValueError):
        return False
    with told.lock:
        if answer.status_code == 201:
            told.answered[sent.key] = (sent, body)
            del told.open[sent.key]
        elif answer.status_code != 503:
            told.surprises.append(f"{sent.key}: {answer.status_code} {answer.text[:500]}")
            del told.open[sent.key]
    return answer.status_code == 201


def client_loop(address: str, name: str, told: Told, seed: int) -> None:
    """Write until the server goes away: single events, batches, corrections and retractions of own facts."""
    choose = random.Random(seed)
    own: list[tuple[str, dict[str, Any]]] = []
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        for number in itertools.count():
            key = f"{name}-{number}"
            sent = Sent(key, noted(key, some_events(choose, own)))
            if not send(client, sent, told):
                return
            if sent.key not in told.answered:
                continue
            for event, placed in zip(sent.events, told.answered[sent.key][1]["events"], strict=True):
                if event["type"] == "investment.made":
                    own.append((placed["id"], event))


def some_events(choose: random.Random, own: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    kind = choose.randrange(10)
    if kind < 2 and own:
        target, event = own.pop(choose.randrange(len(own)))
        if kind == 0:
            return [facts.retract(target)]
        moved = {**event["data"], "issuer": choose.choice(["beta", "gamma"]), "units": str(choose.randrange(1, 99))}
        return [facts.correct(target, {**event, "data": moved})]
    size = 1 if kind < 7 else choose.choice([2, 5, 40])
    return [
        choose.choice(
            [
                facts.invest("acme", "beta", facts.usd(str(choose.randrange(1000))), units="1", on="2023-Q2"),
                facts.draw("pledge", facts.usd(str(choose.randrange(1000)))),
                facts.mark("beta", facts.usd("5"), on=f"2023-{choose.randrange(1, 13):02}"),
            ]
        )
        for _ in range(size)
    ]


@contextmanager
def writing(server: Server, told: Told, seed: int) -> Iterator[None]:
    """Eight clients that write until the server is gone."""
    threads = [
        threading.Thread(target=client_loop, args=(server.address, f"{uuid.uuid4()}", told, seed * CLIENTS + number))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def send_again(server: Server, told: Told) -> int:
    """Send whatever got no answer again, with its key; gives how many there were."""
    waiting = list(told.open.values())
    with httpx.Client(base_url=server.address, trust_env=False, timeout=30) as client:
        for sent in waiting:
            if not send(client, sent, told):
                told.surprises.append(f"{sent.key}: no answer on the second try")
    return len(waiting)


# --- what must be true ------------------------------------------------------------------------------------------


def faults(log: Log, told: Told) -> list[str]:
    """Everything that is wrong with a log, given what the clients were told; empty if nothing is."""
    return [*told.surprises, *_order(log), *_requests(log, told), *_index(log)]


def _order(log: Log) -> Iterator[str]:
    """Positions and versions without gaps, each id once, stamps that rise."""
    if [one.position for one in log.events] != list(range(1, len(log.events) + 1)):
        yield "positions have gaps"
    for event_id, times in Counter(one.event_id for one in log.events).items():
        if times > 1:
            yield f"event {event_id} is there {times} times"
    stamps = [json.loads(one.state)["recorded_at"] for one in log.events]
    if any(one >= after for one, after in itertools.pairwise(stamps)):
        yield "recorded_at doesn't rise with the position"
    versions: Counter[str] = Counter()
    for one in log.events:
        versions[one.stream] += 1
        if one.version != versions[one.stream]:
            yield f"{one.stream} has version {one.version} in place {versions[one.stream]}"


def _requests(log: Log, told: Told) -> Iterator[str]:
    """Each request whole or not at all, once, next to each other, with its answer; each answer true."""
    found: dict[str, list[Stored]] = {}
    for one in log.events:
        found.setdefault(json.loads(one.state)["note"].partition(" ")[0], []).append(one)
    sent = {key: request for key, (request, _) in told.answered.items()} | told.open
    for key in found.keys() - sent.keys():
        yield f"{key} is there, and nobody sent it"
    for key, request in sent.items():
        events = found.get(key, [])
        notes = [json.loads(one.state)["note"] for one in events]
        if events and notes != [event["note"] for event in request.events]:
            yield f"{key} is there by half or doubly: {notes}"
        if events and [one.position for one in events] != list(range(events[0].position, events[-1].position + 1)):
            yield f"{key} is torn apart"
        if bool(events) != (key in log.answers):
            yield f"{key} has {'no' if events else 'an'} answer in the log and {len(events)} events"
    for key, (_, answer) in told.answered.items():
        placed = [{"id": one.event_id, "position": one.position, "type": one.type} for one in found.get(key, [])]
        if answer["events"] != placed:
            yield f"{key} was acknowledged with {answer['events']}, and the log has {placed}"
        if key in log.answers and log.answers[key]["events"] != answer["events"]:
            yield f"{key} would be answered otherwise now"


def _index(log: Log) -> Iterator[str]:
    """Every event is found by what it touches, and belongs to the chain of what it is about."""
    chains = {one.event_id: one.chain for one in log.events}
    for one in log.events:
        data = json.loads(one.state)["data"]
        if one.chain != chains.get(data["event"] if one.type in (CORRECTED, RETRACTED) else one.event_id):
            yield f"{one.event_id} is in the wrong chain"
        said = (data["replacement"]["type"], data["replacement"]["data"]) if one.type == CORRECTED else (one.type, data)
        for key in keys_of(*said) if one.type != RETRACTED else ():
            if (key, one.position) not in log.keys:
                yield f"{one.event_id} isn't found under {key}"
    if any(not 0 < position <= len(log.events) for _, position in log.keys):
        yield "the index names positions that aren't there"


def read_model_faults(server: Server, temporary: Path) -> list[str]:
    """Where the read model that a killed server left, caught up, differs from one made from the log alone."""
    shutil.rmtree(temporary, ignore_errors=True)
    left, scratch = temporary / "left", temporary / "scratch"
    left.mkdir(parents=True)
    scratch.mkdir()
    for file in server.folder.iterdir():
        if file.suffix != ".lock" and not file.name.endswith("-shm"):
            shutil.copy(file, left / file.name)
    store = open_store(left, server.database_url)
    tables = []
    try:
        for folder in (left, scratch):
            model = ReadModel(folder)
            model.prepare(store)
            model.follow(store, 1000, threading.Event())
            names = ("set_aside", *COLUMNS)
            tables.append({name: model.rows(f"SELECT * FROM {name} ORDER BY ALL", {}) for name in names})
            model.close()
    finally:
        store.close()
    return [f"{name} differs" for name in tables[0] if tables[0][name] != tables[1][name]]
