"""The service against the oracle: streams are posted, then questions are asked of both and the answers compared.

`python -m tests.against_oracle --examples 10000 --seed 1` runs as many questions as one likes and prints the figures.
One example is one question at one point in the three times with one set of filters. `--tangled --of pairs,commitments`
asks about wholes, parts and doubles, of streams that are full of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from tests import oracle
from tests.choices import Choices, Seeded
from tests.oracle.dates import first_day, last_day
from tests.oracle.rows import Log
from tests.oracle.rows import question as at_point
from tests.parts import PARTIES, Event
from tests.service import fresh_service
from tests.streams import Builder
from tests.tangles import Tangles

EVENTS_PER_STREAM = 100
QUESTIONS_PER_STREAM = 200
PINNED_MIDWAY = 10
FILTER_VALUES = {
    "currency": ["USD", "EUR", "JPY", "CHF"],
    "include": ["rumoured"],
    "kind of entities": ["company", "fund"],
    "kind of claims": ["aggregate", "target", "statement", "denial"],
    "layer": ["announced", "contracted", "paid", "announced"],
    "time_rule": ["untimed", "window", "strict"],
    "entity of pairs": PARTIES,
    "include of pairs": ["rumoured", "rumoured,debt_service,guarantees,secondary,equity_to_customers", "guarantees"],
}


@dataclass(frozen=True)
class Kind:
    """A list that can be asked for: its address, the filters it takes, and who knows the right answer."""

    path: str
    rows: str
    filters: tuple[str, ...]
    expected: Callable[..., dict[str, Any]]
    id: str | None = None  # the field that names a record of /records
    paged: bool = True
    in_part: bool = False  # the oracle knows only a part of the answer


KINDS = [
    Kind("/v1/holdings", "holdings", ("holder", "issuer"), oracle.holdings),
    Kind("/v1/commitments", "commitments", ("from", "to"), oracle.commitments, "commitment"),
    Kind("/v1/contracts", "contracts", ("customer", "provider"), oracle.contracts, "contract"),
    Kind("/v1/entities", "entities", ("kind", "parent"), oracle.entities, "entity"),
    Kind("/v1/valuations/{subject}", "marks", (), oracle.valuations),
    Kind("/v1/performance/{subject}", "cash_flows", ("issuer",), oracle.performance, paged=False),
    Kind("/v1/claims", "claims", ("by", "about", "kind"), oracle.claims),
    Kind("/v1/restrictions", "restrictions", ("on",), oracle.restrictions),
    Kind("/v1/exposures", "pairs", ("layer", "time_rule", "entity"), oracle.exposures, paged=False, in_part=True),
]
ASKED_IN_TURN = [KINDS[index] for index in (0, 6, 8, 1, 2, 7, 5, 8, 0, 4, 6, 1, 8, 0, 5, 2, 7, 6, 8, 4, 3)]
SHARED_FILTERS = ("currency", "include")


@dataclass(frozen=True)
class Question:
    kind: Kind
    as_of: str
    known_at: str
    position: int
    filters: tuple[tuple[str, str], ...]
    subject: str | None = None

    @property
    def path(self) -> str:
        return self.kind.path.format(subject=self.subject)

    @property
    def params(self) -> dict[str, str | int]:
        times: dict[str, str | int] = {"as_of": self.as_of, "known_at": self.known_at, "position": self.position}
        return {**times, **dict(self.filters)}

    def expected(self, log: Log) -> dict[str, Any]:
        given: dict[str, Any] = dict(self.filters)
        if "from" in given:
            given["from_"] = given.pop("from")
        currency, include = given.pop("currency", None), given.pop("include", "").split(",")
        if self.subject is not None:
            given["subject"] = self.subject
        point = at_point(log, self.as_of, self.known_at, self.position, currency, include)
        return self.kind.expected(point, **given)

    def __str__(self) -> str:
        return f"GET {self.path}?{httpx.QueryParams(self.params)}"


@dataclass
class Tally:
    """What was done."""

    streams: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    records: int = 0
    pages: int = 0
    pinned: int = 0


class Mismatch(AssertionError):
    """The service and the oracle, or two answers of the service, differ."""


# --- posting ---------------------------------------------------------------------------------------------------


def post(client: httpx.Client, event: Event, log: Log, tally: Tally) -> bool:
    """Post one event; if it is taken, the log grows by its stored state. Whether it was."""
    answer = client.post("/v1/events", json=event)
    if answer.status_code != 201:
        if not 400 <= answer.status_code < 500:
            raise Mismatch(f"{answer.status_code} for {json.dumps(event)}: {answer.text}")
        tally.refused[answer.json()["reason"]] += 1
        return False
    (taken,) = answer.json()["events"]
    state = client.get(f"/v1/events/{taken['id']}").json()["event"]
    stored = {key: value for key, value in state.items() if key != "position"}
    log.append((taken["position"], stored))
    tally.taken[event["type"]] += 1
    return True


# --- asking ----------------------------------------------------------------------------------------------------


def days_of(log: Log) -> tuple[list[str], list[str]]:
    """The days on which something may change, with their neighbours: for as_of and for known_at."""
    effective, known = set(), set()
    for _, state in log:
        for said in (state, state["data"].get("replacement") or {}):
            if "effective" in said:
                effective |= {first_day(said["effective"]), last_day(said["effective"])}
            if "known" in said:
                known.add(date.fromisoformat(said["known"]))
    today = datetime.now(UTC).date()
    one = timedelta(days=1)

    def around(days: set[date]) -> set[date]:
        return {near for day in days for near in (day - one, day, day + one)}

    # The end of the range first: where a failing question may as well be asked there, it is.
    as_of = sorted(around(effective) | known | {today}, reverse=True)
    known_at = sorted((day for day in around(known) | {today} if day <= today), reverse=True)
    return [str(day) for day in as_of], [str(day) for day in known_at]


def subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [chosen for size in range(len(names) + 1) for chosen in itertools.combinations(names, size)]


def questions(choices: Choices, log: Log, kinds: Sequence[Kind] = ASKED_IN_TURN) -> Iterator[Question]:
    """Questions without end, every kind with every set of its filters in turn, at points chosen from the log's own."""
    head = log[-1][0]
    as_of, known_at = days_of(log)
    facts = [state["data"] for _, state in log]
    said = facts + [data["replacement"]["data"] for data in facts if "replacement" in data]
    start = choices.one_of(range(64))
    for turn in itertools.count():
        for kind in kinds:
            sets = subsets(kind.filters + SHARED_FILTERS)
            filters = []
            for name in sets[(start + turn) % len(sets)]:
                # Parties that the log speaks of in that place, so that most questions find something.
                there = sorted(set(itertools.chain(*(_listed(data.get(name)) for data in said)))) or PARTIES
                values = FILTER_VALUES.get(f"{name} of {kind.rows}") or FILTER_VALUES.get(name) or there
                filters.append((name, choices.one_of(values)))
            yield Question(
                kind,
                as_of=choices.one_of(as_of if choices.chance(70) else as_of[: len(as_of) // 3]),
                known_at=known_at[0] if choices.chance(50) else choices.one_of(known_at),
                position=choices.one_of(range(head, 0, -1)) if choices.chance(40) else head,
                filters=tuple(filters),
                subject=choices.one_of(PARTIES[:4]) if "{subject}" in kind.path else None,
            )


def _listed(value: Any) -> list[str]:
    """The ids of a field that holds one or several."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def ask(client: httpx.Client, question: Question) -> httpx.Response:
    limit = {"limit": 1000} if question.kind.paged else {}
    answer = client.get(question.path, params={**question.params, **limit})
    if answer.status_code not in (200, 404):
        raise Mismatch(f"{question}\n{answer.status_code}: {answer.text}")
    return answer


def compare(client: httpx.Client, log: Log, question: Question, tally: Tally) -> None:
    """Ask both, and raise Mismatch where they differ."""
    answer = ask(client, question)
    got, expected = answer.json(), question.expected(log)
    if answer.status_code == 404:
        got = {**{name: expected[name] for name in ("as_of", "known_at", "position")}, question.kind.rows: []}
        if "totals" in expected:
            raise Mismatch(f"{question}\n404: {answer.text}")
    got.pop("more", None)
    got.pop("next", None)
    got.pop("root", None)  # the tree's, which has tests of its own
    if question.kind.in_part:
        got, expected = (_in_order(one) for one in (got, expected))
        got = _part(got, expected)
    tally.questions[question.kind.rows] += 1
    tally.rows[question.kind.rows] += len(expected[question.kind.rows])
    for pair in itertools.combinations([name for name, _ in question.filters], 2):
        tally.pairs[question.kind.rows, *pair] += 1
    if got != expected:
        raise Mismatch(f"{question}\n" + "\n".join(differences(got, expected)))


def _in_order(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with its lists in an order that doesn't depend on how nodes are called inside."""

    def key(row: dict[str, Any]) -> str:
        return json.dumps([row.get(name) for name in ("funder", "customer", "payer", "payee", "kind", "events")])

    return {name: sorted(value, key=key) if name in ("pairs", "unbounded") else value for name, value in answer.items()}


def _part(got: Any, expected: Any) -> Any:
    """Of an answer what the other one has as well."""
    if isinstance(got, dict) and isinstance(expected, dict):
        return {key: _part(got[key], expected[key]) for key in expected if key in got}
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        return [_part(*both) for both in zip(got, expected, strict=True)]
    return got


def differences(got: Any, expected: Any, place: str = "") -> Iterator[str]:
    """Where two answers differ, one line each."""
    if isinstance(got, dict) and isinstance(expected, dict):
        for key in {**expected, **got}:
            if key not in expected or key not in got:
                side, value = ("service", got[key]) if key in got else ("oracle", expected[key])
                yield f"  {place}/{key}: only the {side} has it: {json.dumps(value)}"
            else:
                yield from differences(got[key], expected[key], f"{place}/{key}")
    elif isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            yield from differences(one, other, f"{place}/{index}")
    elif got != expected:
        yield f"  {place}: service {json.dumps(got)}\n  {' ' * len(place)}   oracle {json.dumps(expected)}"


def check_records(client: httpx.Client, question: Question, tally: Tally) -> None:
    """Each row of a list is the state of its record at the same point."""
    if question.kind.id is None:
        return
    kept = {name: value for name, value in question.params.items() if name not in question.kind.filters}
    for row in ask(client, question).json()[question.kind.rows]:
        record = client.get(f"/v1/records/{question.kind.id}/{row[question.kind.id]}", params=kept)
        tally.records += 1
        if record.status_code != 200 or record.json()["state"] != row:
            raise Mismatch(f"{question}\nits row {json.dumps(row)}\nthe record {record.text}")


def check_pages(client: httpx.Client, question: Question, tally: Tally) -> None:
    """Pages of two rows, put together, are the list, and each says the same totals."""
    if not question.kind.paged:
        return
    whole = ask(client, question).json()
    rows: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(question.path, params={**question.params, "limit": 2, **cursor}).json()
        rows += page.get(question.kind.rows, [])
        tally.pages += 1
        if page.get("totals") != whole.get("totals"):
            raise Mismatch(f"{question}\na page's totals {page.get('totals')}\nthe list's {whole.get('totals')}")
        if not page.get("more"):
            break
        cursor = {"cursor": page["next"]}
    if rows != whole.get(question.kind.rows, []):
        raise Mismatch(f"{question}\nits pages {json.dumps(rows)}\nthe list {json.dumps(whole)}")


def run(
    client: httpx.Client,
    choices: Choices,
    events: int,
    count: int,
    tally: Tally,
    kinds: Sequence[Kind] = ASKED_IN_TURN,
    building: type[Builder] = Builder,
) -> None:
    """One stream: post it, with questions pinned halfway, then ask `count` questions."""
    log: Log = []
    pinned: list[tuple[Question, bytes]] = []
    builder = building(choices)
    for event in builder.registrations():
        post(client, event, log, tally)
    for index in range(events):
        if not post(client, builder.event(), log, tally):
            builder.refused()
        if index == events // 2:
            for question in itertools.islice(questions(choices, log, kinds), min(PINNED_MIDWAY, count)):
                pinned.append((question, ask(client, question).content))
    tally.streams += 1
    try:
        for question, answered in pinned:
            tally.pinned += 1
            if ask(client, question).content != answered:
                raise Mismatch(f"{question}\nnot the same bytes after later events: {answered.decode()}")
        for index, question in enumerate(itertools.islice(questions(choices, log, kinds), count)):
            compare(client, log, question, tally)
            if index % 10 == 0:
                check_pages(client, question, tally)
            if index % 10 in (0, 1, 2):
                check_records(client, question, tally)
    except Mismatch as mismatch:
        mismatch.add_note("\n".join(f"{position} {json.dumps(state)}" for position, state in log))
        raise


# --- many ------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.against_oracle", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="questions to compare (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="the first stream's seed (default 1)")
    parser.add_argument("--events", type=int, default=EVENTS_PER_STREAM, help="events a stream")
    parser.add_argument("--go-on", action="store_true", help="go on after a mismatch, with the next stream")
    parser.add_argument("--of", default="", metavar="ROWS", help="only questions for these rows, like pairs,holdings")
    parser.add_argument("--tangled", action="store_true", help="streams full of wholes, parts and doubles")
    asked = parser.parse_args()
    kinds = [kind for kind in ASKED_IN_TURN if not asked.of or kind.rows in asked.of.split(",")]
    building = Tangles if asked.tangled else Builder
    tally, wrong, seed, start = Tally(), 0, asked.seed, time.monotonic()
    while (done := tally.questions.total()) < asked.examples:
        count = min(QUESTIONS_PER_STREAM, asked.examples - done)
        try:
            with fresh_service() as client:
                run(client, Seeded(seed), asked.events, count, tally, kinds, building)
        except Mismatch as mismatch:
            wrong += 1
            _say(f"\nseed {seed}: {mismatch}")
            if not asked.go_on:
                break
        seed += 1
        _say(f"{tally.questions.total()} of {asked.examples} questions, {time.monotonic() - start:.0f} s")
    _say(
        f"{tally.questions.total()} questions {dict(tally.questions)}, {tally.streams} streams from seed {asked.seed}; "
        f"rows compared {dict(tally.rows)}, {tally.records} records, {tally.pages} pages, "
        f"{tally.pinned} pinned answers asked again; "
        f"every pair of filters at least {min(tally.pairs.values(), default=0)} times ({len(tally.pairs)} pairs)\n"
        f"taken {dict(tally.taken.most_common())}\nrefused {dict(tally.refused.most_common())}\n{wrong} mismatches"
    )
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
