"""What a holder has, at arbitrary points in the past: beside the PostgreSQL table, and beside a replay of the log."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from statistics import median
from urllib.parse import urlencode

from benchmarks.ground import Ground
from benchmarks.points import Point, at_position, head, nearest, past, state
from benchmarks.processes import READY_SECONDS, Client
from benchmarks.table import Figure, Target, compared, in_turns
from projections.portfolios import WORTHWHILE

MILLION = 1_000_000
LARGE = 1_000  # positions


def asking(client: Client, path: str, times: int = 1) -> Callable[[], float]:
    """Asks a question and tells the milliseconds of the fastest of so many answers."""

    def ask() -> float:
        found = []
        for _ in range(times):
            started = time.perf_counter()
            client.get(path)
            found.append((time.perf_counter() - started) * 1000)
        return min(found)

    return ask


def holdings(ground: Ground) -> Iterator[Figure]:
    """Through the door, with all rows of the answer (at most a thousand); each question is another one."""
    chance = random.Random(1)
    with ground.log() as log, Client(ground.asked.address) as ours:
        last = head(log)
        wait_until_kept_by_holder(ours, last)
        yield _arbitrary(ground, ours, log, last, chance)
        yield _oldest_and_newest(ground, ours, log, last)
        yield _beside_replay(ours, log, nearest(ground.portfolios(last), LARGE), past(log, last * 3 // 4, chance))


def portfolio(ground: Ground) -> Iterator[Figure]:
    """A large portfolio and a position by itself, at past points, beside the PostgreSQL table."""
    _ = ground.bitemporal
    with ground.log() as log, Client(ground.asked.address) as ours, Client(ground.peers.address) as peers:
        known = ground.portfolios(head(log))
        wait_until_kept_by_holder(ours, head(log))
        for wanted, limit in ((LARGE, 3), (1, 1)):
            holder, companies = nearest(known, wanted)
            target = Target("ratio", "≥", limit, MILLION)
            yield _beside_postgres(ground, ours, peers, log, holder, companies, target)


def wait_until_kept_by_holder(ours: Client, last: int) -> None:
    """A service has its rows by holder some seconds after its start; what it does until then isn't this row."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"^dealledger_portfolios_position (\S+)$", ours.get("/metrics").decode(), re.MULTILINE)
        if found and float(found[1]) > last - WORTHWHILE:
            return
        time.sleep(0.1)
    raise RuntimeError("the rows by holder weren't all there in time")


def _arbitrary(ground: Ground, ours: Client, log: sqlite3.Connection, last: int, chance: random.Random) -> Figure:
    """Holders as the investments of the log name them, so large ones more often, each at a point of its own."""
    found: list[float] = []
    while len(found) < ground.rounds(30, 300):
        event = json.loads(state(log, chance.randrange(last // 10, last)))
        if event["type"] != "investment.made":
            continue
        at = past(log, chance.randrange(last // 10, last), chance)
        found.append(asking(ours, f"/v1/holdings?{at.query(holder=event['data']['investor'], limit=1000)}")())
    note = f"slowest of {len(found)}: {max(found):.0f} ms"
    return Figure("holdings of one holder at an arbitrary past point, median", median(found), "ms",
                  targets=(Target("value", "≤", 10, MILLION),), note=note)  # fmt: skip


def _oldest_and_newest(ground: Ground, ours: Client, log: sqlite3.Connection, last: int) -> Figure:
    """Two holders who had equally many positions at a tenth of the log and at its end: the same work then and now."""
    early = last // 10
    holder, companies = ground.portfolios(early)[0]
    now, its = _alike(ground.portfolios(last), holder, companies)
    then = at_position(log, early).query(holder=holder, limit=1000)
    newest = at_position(log, last).query(holder=now, limit=1000)
    found = in_turns(
        ground.rounds(10, 50), asking(ours, f"/v1/holdings?{then}"), asking(ours, f"/v1/holdings?{newest}")
    )
    note = f"at position {early:,} a portfolio of {companies} ({holder}); floor: at {last:,} one of {its} ({now})"
    return compared("holdings at the oldest point beside the newest", "ms", found,
                    Target("ratio", "≤", 1.3, MILLION), note=note)  # fmt: skip


def _alike(found: list[tuple[str, int]], holder: str, companies: int) -> tuple[str, int]:
    """The investor with as many companies, or up to a tenth more or less if that makes it one of the same role: a
    bank's loans have neither shares nor marks, and a fund's positions have."""
    role = holder.rpartition("-")[0]

    def difference(one: tuple[str, int]) -> tuple[bool, bool, int, str]:
        name, its = one
        return abs(its - companies) > companies / 10, name.rpartition("-")[0] != role, abs(its - companies), name

    return min(found, key=difference)


def _beside_postgres(
    ground: Ground,
    ours: Client,
    peers: Client,
    log: sqlite3.Connection,
    holder: str,
    companies: int,
    target: Target,
) -> Figure:
    """The same holder at the same points, each behind a door of FastAPI. The figure is how many times faster we are."""
    chance, last = random.Random(2), head(log)
    found: list[list[float]] = [[], []]
    for _ in range(ground.rounds(8, 30)):
        query = past(log, chance.randrange(last * 3 // 4, last), chance).query(holder=holder)
        found[0].append(asking(ours, f"/v1/holdings?{query}&limit=1000")())
        found[1].append(asking(peers, f"/holdings?{query}&{urlencode({'database': ground.bitemporal})}")())
    name = f"holdings of {f'{companies:,} positions' if companies > 1 else 'one position'} beside PostgreSQL"
    note = "floor: the hand-tuned bitemporal table, which has less to do; ratio: how many times faster than it"
    return compared(name, "ms", found, target, note=note, times_faster=True)


def _beside_replay(ours: Client, log: sqlite3.Connection, whose: tuple[str, int], at: Point) -> Figure:
    holder, companies = whose
    query = at.query(holder=holder, limit=1000)
    found = [asking(ours, f"/v1/holdings?{query}")() for _ in range(5)]
    started = time.perf_counter()
    replay(log, holder, at)
    took = (time.perf_counter() - started) * 1000
    note = f"floor: every event up to the point read and folded, for {companies:,} positions; ratio: how often faster"
    return Figure("holdings beside a replay of the log", median(found), "ms", took, took / median(found),
                  (Target("ratio", "≥", 1_000, MILLION),), note)  # fmt: skip


def replay(log: sqlite3.Connection, holder: str, at: Point) -> dict[str, Decimal]:
    """What a holder spent on each company, from the events alone: as little as a replay can do for the question."""
    spent: dict[str, Decimal] = defaultdict(Decimal)
    facts: dict[str, tuple[str, Decimal]] = {}
    for (text,) in log.execute("SELECT state FROM events WHERE position <= ? ORDER BY position", (at.position,)):
        event = json.loads(text)
        data = event["data"]
        if event["known"] > at.known_at:
            continue
        if event["type"] in ("event.corrected", "event.retracted") and data["event"] in facts:
            company, was = facts.pop(data["event"])
            spent[company] -= was
            event = {**event, **data.get("replacement", {})}
            data = event["data"]
        if event["type"] == "investment.made" and data["investor"] == holder and event["effective"] <= at.as_of:
            paid = Decimal(data["amount"]["amount"])
            facts[event["id"]] = data["issuer"], paid
            spent[data["issuer"]] += paid
    return spent
