"""Circular-flow exposure of the whole network at arbitrary past points, how it grows, and its cycles."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import count
from math import inf
from statistics import median

import networkx

import projections.cycles
from benchmarks.ground import Ground
from benchmarks.holdings import MILLION, asking
from benchmarks.points import Point, at_position, head, past
from benchmarks.processes import Client
from benchmarks.table import CannotMeasure, Figure, Target, in_turns, repeated
from ledger.money import exactly
from projections import network as networks

TEN_MILLION = 10_000_000
LENGTH = 3
PATIENCE_SECONDS = 300
LARGE = 100_000  # deals; what they take is told by one round


# What the row is about: edges, gross, circulation and recycled funding. Finn's index is a row of its own.
FIGURES = {"omit": "finn"}


def _network(at: Point, **more: str) -> str:
    """The question for the network's figures alone, on one day."""
    return f"/v1/exposures/history?{at.query(**{'from': at.as_of, 'step': 'month', **FIGURES, **more})}"


def exposure(ground: Ground) -> Iterator[Figure]:
    """Edges, circulation and recycled funding, at low, stated and high, of everybody; each question is another one."""
    chance = random.Random(1)
    with ground.log() as log, Client(ground.asked.address) as ours:
        last = head(log)
        targets = (Target("value", "≤", 200, MILLION), Target("value", "≤", 1_500, TEN_MILLION))
        points = (past(log, chance.randrange(last * 9 // 10, last), chance) for _ in count())
        found = repeated(ground.rounds(5, 15), lambda: asking(ours, _network(next(points)))())
        name = "exposure of the whole network at an arbitrary past point, median"
        note = f"slowest of {len(found)}: {max(found):.0f} ms"
        yield Figure(name, median(found), "ms", targets=(targets[last >= TEN_MILLION],), note=note)
        found = repeated(3, lambda: asking(ours, f"/v1/exposures?{next(points).query(limit=100, **FIGURES)}")())
        yield Figure("the same with pairs, cycles and components", median(found), "ms")
        found = repeated(1, lambda: asking(ours, f"/v1/exposures?{next(points).query(limit=100)}")())
        yield Figure("the same with Finn's index", median(found), "ms")
        yield from _growth(ground, ours, log, "exposure")


def tangled(ground: Ground) -> Iterator[Figure]:
    """The same of a ledger in which anyone deals with anyone, so that nearly all who deal are on circles."""
    if ground.size > MILLION:
        raise CannotMeasure("it is asked of a million events at most")
    with ground.log(ground.tangled) as log, Client(ground.asked_of(ground.tangled).address) as ours:
        yield from _growth(ground, ours, log, "tangled exposure")


def _growth(ground: Ground, ours: Client, log: sqlite3.Connection, name: str) -> Iterator[Figure]:
    """How the time grows with the events and with the edges."""
    for tenth in (1, 3, 10):
        at = at_position(log, head(log) * tenth // 10)
        took = repeated(ground.rounds(2, 5), asking(ours, _network(at)))
        figures = json.loads(ours.get(_network(at)))["points"][-1]["network"]
        unknown = "" if figures["circulation"] else "; no circulation, for a rate is missing"
        yield Figure(
            f"{name} at {tenth * 10} % of the log", median(took), "ms", note=f"{at.position:,} events{unknown}"
        )
        yield Figure(f"{name} at {tenth * 10} % of the log: edges", figures["flows"], "edges")


def history(ground: Ground) -> Iterator[Figure]:
    """What one more month costs: some months, less their last alone, by the number of the others."""
    with ground.log() as log, Client(ground.asked.address) as ours:
        at = at_position(log, head(log))
        last = date.fromisoformat(at.as_of)
        first = date.fromordinal(last.toordinal() - ground.rounds(92, 365)).isoformat()
        months = len(json.loads(ours.get(_network(at, **{"from": first})))["points"])
        alone: list[float] = []

        def one_more() -> float:
            whole = asking(ours, _network(at, **{"from": first}))()
            alone.append(asking(ours, _network(at))())
            return (whole - alone[-1]) / (months - 1)

        found = repeated(ground.rounds(2, 5), one_more)
    note = f"the first takes {median(alone):.0f} ms; each with edges, circulation and recycled funding"
    target = Target("value", "≤", 50, MILLION)
    yield Figure("one more month of /exposures/history", median(found), "ms", targets=(target,), note=note)


def cycles(ground: Ground) -> Iterator[Figure]:
    """All cycles of at most three entities among investments and contracts, beside networkx on the same network; at
    most that of the first million events."""
    with ground.log() as log:
        flows = list(_flows(log, MILLION))
    network = networks.network(flows)
    level = network.levels["high"]
    theirs = networkx.DiGraph(zip(level.payer.tolist(), level.payee.tolist(), strict=True))
    counted: list[int] = []

    def ours() -> float:
        started = time.perf_counter()
        counted.append(len(projections.cycles.cycles(network, LENGTH, limit=10**9, work=10**12).cycles))
        return (time.perf_counter() - started) * 1000

    def networkx_s() -> float:
        started = time.perf_counter()
        number = 0
        for number, _ in enumerate(networkx.simple_cycles(theirs, length_bound=LENGTH), 1):
            if not number % 1_000 and time.perf_counter() - started > PATIENCE_SECONDS:
                return inf
        counted.append(number)
        return (time.perf_counter() - started) * 1000

    found = in_turns(1 if len(flows) > LARGE else ground.rounds(1, 3), ours, networkx_s)
    if len(set(counted)) > 1:
        raise RuntimeError(f"different numbers of cycles were found: {sorted(set(counted))}")
    name = "cycles of at most three entities beside networkx"
    note = f"{counted[0]:,} in {len(level.payer):,} edges"
    if inf in found[1]:
        note += f"; networkx wasn't done after {PATIENCE_SECONDS} s"
        yield Figure(name, median(found[0]), "ms", note=note)
        return
    ratio = median(floor / mine for mine, floor in zip(*found, strict=True))
    note += "; floor: networkx; ratio: how many times faster than it"
    yield Figure(name, median(found[0]), "ms", median(found[1]), ratio, note=note)


def _flows(log: sqlite3.Connection, last: int) -> Iterator[networks.Edge]:
    parties = (("investment.made", "investor", "issuer"), ("contract.signed", "customer", "provider"))
    for kind, payer, payee in parties:
        found = log.execute(
            """SELECT json_extract(state, ?), json_extract(state, ?), json_extract(state, '$.data.amount.amount')
            FROM events WHERE type = ? AND position <= ? ORDER BY position""",
            (f"$.data.{payer}", f"$.data.{payee}", kind, last),
        )
        for one, other, paid in found:
            yield networks.Edge(one, other, exactly(Decimal(paid)), kind == "investment.made")
