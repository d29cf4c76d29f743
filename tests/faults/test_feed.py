"""A feed that is followed through kills of the server gives exactly the log: each event once, in order."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.api.sse import feed
from tests.faults.killing import Server, Told, prepare, send_again, writing

KILLS = int(os.environ.get("LEDGER_KILLS", "20"))
FEW_KILLS = 2
SECONDS_OF_WRITING = (0.05, 0.5)
SECONDS = 60

# A server whose feed leaves out the first event of a batch now and then, if there are several.
SKIPPING = """
import dataclasses, api.feed
read = api.feed.read_batch

def skipping(store, after, limit, form):
    batch = read(store, after, limit, form)
    if len(batch.events) > 1 and batch.last % 3 == 0:
        return dataclasses.replace(batch, texts=batch.texts[1:], events=batch.events[1:])
    return batch

api.feed.read_batch = skipping
from api.cli import main
main()
"""


@dataclass
class Client:
    """Somebody who follows the feed, and comes again with the last id whenever the connection breaks."""

    address: str
    last_id_kept: bool = True
    got: list[tuple[int, str]] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def stream(self) -> None:
        """By Server-Sent Events."""
        with httpx.Client(base_url=self.address, trust_env=False, timeout=2) as client:
            while not self.ended.is_set():
                try:
                    with feed(client, self._last()) as reader:
                        self.connections += 1
                        for last_id, _, data in reader:
                            self.got.append((int(last_id), json.loads(data)["id"]))
                            if self.ended.is_set():
                                return
                except httpx.TransportError:
                    time.sleep(0.01)

    def poll(self) -> None:
        """By long polling."""
        with httpx.Client(base_url=self.address, trust_env=False, timeout=5) as client:
            while not self.ended.is_set():
                headers = {"Last-Event-ID": self._last() or "0"}
                try:
                    events = client.get("/v1/feed", params={"wait": 1, "limit": 50}, headers=headers).json()["events"]
                except httpx.TransportError:
                    time.sleep(0.01)
                    continue
                self.connections += 1
                self.got += [(one["position"], one["id"]) for one in events]

    def _last(self) -> str | None:
        return str(self.got[-1][0]) if self.got and self.last_id_kept else None


@contextmanager
def following(*follow: Callable[[], None]) -> Iterator[None]:
    threads = [threading.Thread(target=one) for one in follow]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for one in follow:
            one.__self__.ended.set()  # type: ignore[attr-defined]
        for thread in threads:
            thread.join()


def written_under_kills(server: Server, clients: list[Client], kills: int, seed: int) -> list[tuple[int, str]]:
    """What the log holds after so many kills of a server that is written to, once the clients had time to get it."""
    told = Told()
    server.start()
    prepare(server, told)
    choose = random.Random(seed)
    for number in range(kills):
        with writing(server, told, seed + number):
            time.sleep(choose.uniform(*SECONDS_OF_WRITING))
            server.kill()
        server.start()
        send_again(server, told)
    log = [(one.position, one.event_id) for one in server.log().events]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and any(not one.got or one.got[-1] != log[-1] for one in clients):
        time.sleep(0.05)
    return log


@pytest.mark.parametrize(
    ("database", "kills"),
    [
        ("sqlite", FEW_KILLS),
        pytest.param("sqlite", KILLS, marks=pytest.mark.slow),
        pytest.param("postgres", KILLS, marks=pytest.mark.slow),
    ],
)
def test_a_feed_through_kills_is_the_log(
    tmp_path: Path, request: pytest.FixtureRequest, database: str, kills: int
) -> None:
    """Whoever comes again with the last id has every event once, in order, as a stream and by long polling."""
    url = request.getfixturevalue("database_url") if database == "postgres" else None
    server = Server(tmp_path / "ledger", url)
    clients = [Client(server.address) for _ in range(4)]
    try:
        with following(*(one.stream for one in clients[:3]), clients[3].poll):
            log = written_under_kills(server, clients, kills, 77)
    finally:
        server.kill()
    print(f"{database}: {kills} kills, {len(log)} events, {[one.connections for one in clients]} connections")  # noqa: T201
    assert [position for position, _ in log] == list(range(1, len(log) + 1))
    for one in clients:
        assert one.got == log
        assert one.connections > kills / 2


@pytest.mark.slow
def test_a_client_that_forgets_where_it_was_has_events_twice(tmp_path: Path) -> None:
    """The control: without Last-Event-ID the same kills show."""
    server = Server(tmp_path / "ledger")
    client = Client(server.address, last_id_kept=False)
    try:
        with following(client.stream):
            log = written_under_kills(server, [client], 2, 5)
    finally:
        server.kill()
    assert client.got != log
    assert set(client.got) == set(log)


@pytest.mark.slow
def test_a_feed_that_skips_is_caught(tmp_path: Path) -> None:
    """The other control: a server that leaves out an event now and then."""
    server = Server(tmp_path / "ledger", program=SKIPPING)
    client = Client(server.address)
    try:
        with following(client.stream):
            log = written_under_kills(server, [client], 2, 5)
    finally:
        server.kill()
    assert client.got != log
    assert client.got == sorted(client.got)
