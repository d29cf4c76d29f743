"""/v1/changes against its promise: applied to the first answer, the differences give the second; every cause is so.

`python -m tests.against_changes --examples 2000 --seed 1` compares as many pairs of points as one likes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import httpx

from tests import oracle
from tests.against_oracle import Kind, Mismatch, Question, Tally, post, questions
from tests.choices import Choices, Seeded
from tests.oracle.dates import first_day, last_day
from tests.oracle.rows import ADDITIVE, Log, fact_of, visible_rows
from tests.oracle.rows import question as at_point
from tests.parts import PARTIES
from tests.service import fresh_service
from tests.streams import RECORDS, Builder

TIMES = ("as_of", "known_at", "position")
TRAIL = [
    Kind("/v1/events", "events", (), oracle.entities),
    Kind("/v1/events/{subject}", "event", (), oracle.entities, paged=False),
    *(Kind(f"/v1/records/{kind}/{{subject}}", "events", (), oracle.entities, paged=False) for kind in RECORDS),
    Kind("/v1/entities/{subject}", "entity", (), oracle.entities, paged=False),
    Kind("/v1/ownership", "stakes", (), oracle.entities, paged=False),
]


@dataclass
class Counted:
    """What was compared."""

    pairs: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    whys: Counter[str] = field(default_factory=Counter)


def applied(first: dict[str, Any], changes: list[dict[str, Any]], second_has: bool = True) -> dict[str, Any]:
    """The first answer with the differences: what the second must be."""
    if not second_has:
        return {}
    answer = json.loads(json.dumps(first))
    for one in changes:
        name = one["in"]
        if one["key"] is None:
            if one["change"] == "removed":
                del answer[name]
            else:
                answer[name] = one["after"]
        else:
            answer[name] = [row for row in answer.get(name, []) if {key: row[key] for key in one["key"]} != one["key"]]
    for one in sorted((one for one in changes if one["place"] is not None), key=lambda one: one["place"]):
        answer[one["in"]].insert(one["place"], one["after"])
    return answer


def without_nulls(value: Any) -> Any:
    """An answer less the fields that are null: whether such a one is there makes no difference."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def whole(client: httpx.Client, question: Question) -> dict[str, Any] | None:
    """All of an answer, less its times and what pages say; None for a 404."""
    limit = {"limit": 1000} if question.kind.paged else {}
    answer = client.get(question.path, params={**question.params, **limit})
    if answer.status_code == 404:
        return None
    if answer.status_code != 200:
        raise Mismatch(f"{question}\n{answer.status_code}: {answer.text}")
    return {name: value for name, value in answer.json().items() if name not in (*TIMES, "root", "more", "next")}


def asked(first: Question, second: Question) -> dict[str, str]:
    """The parameters of /v1/changes for one question at two points."""
    sides = (("from", first), ("to", second))
    times = {f"{side}_{name}": str(getattr(one, name)) for side, one in sides for name in TIMES}
    return {"of": f"{first.path}?{httpx.QueryParams(dict(first.filters))}", **times}


def all_changes(client: httpx.Client, params: dict[str, str], limit: int) -> tuple[dict[str, Any], list[Any]]:
    """The answer, and its differences from all pages."""
    answer = client.get("/v1/changes", params={**params, "limit": limit})
    found: list[Any] = []
    while True:
        if answer.status_code != 200:
            raise Mismatch(f"{params}\n{answer.status_code}: {answer.text}")
        page = answer.json()
        found += page["changes"]
        if not page["more"]:
            return page, found
        answer = client.get("/v1/changes", params={"cursor": page["next"], "limit": limit})


def compare(
    client: httpx.Client, log: Log, first: Question, second: Question, counted: Counted, limit: int = 1000
) -> None:
    """Ask for both answers and the differences, and raise Mismatch unless they fit."""
    params = asked(first, second)
    before, after = whole(client, first), whole(client, second)
    if before is None and after is None:
        if client.get("/v1/changes", params=params).status_code != 404:
            raise Mismatch(f"{params}\nno 404")
        return
    page, changes = all_changes(client, params, limit)
    counted.pairs += 1
    if (page["from"]["found"], page["to"]["found"]) != (before is not None, after is not None):
        raise Mismatch(f"{params}\nfound: {page['from']}, {page['to']}")
    got = applied(before if before is not None else {}, changes, after is not None)
    if without_nulls(got) != without_nulls(after or {}):
        raise Mismatch(f"{params}\napplied {json.dumps(got)}\nsecond {json.dumps(after)}")
    if before == after and changes:
        raise Mismatch(f"{params}\nthe same, yet {json.dumps(changes)}")
    for one in changes:
        check(one, log, first, second, params)
        counted.differences[f"{one['in']} {one['change']}"] += 1
        counted.whys.update(cause["why"] for cause in one["causes"])


# --- causes ----------------------------------------------------------------------------------------------------


def check(one: dict[str, Any], log: Log, first: Question, second: Question, params: dict[str, str]) -> None:
    """A difference is one, has a cause, and each cause is an event that isn't the same at both points."""
    told = f"{params}\n{json.dumps(one)}"
    if without_nulls(one["before"]) == without_nulls(one["after"]):
        raise Mismatch(f"{told}\nno difference")
    if not one["causes"]:
        raise Mismatch(f"{told}\nno cause")
    for cause in one["causes"]:
        if not is_so(cause, log, first, second):
            raise Mismatch(f"{told}\nnot so: {cause}")
        if not bears(cause, one, log):
            raise Mismatch(f"{told}\nbears on nothing there: {cause}")


def is_so(cause: dict[str, Any], log: Log, first: Question, second: Question) -> bool:
    """Whether the log bears a cause out. Works on the log alone."""
    if cause["why"] == "time":
        return first.as_of != second.as_of and cause["event"] is None
    position, state = next((position, state) for position, state in log if state["id"] == cause["event"])
    if cause["type"] != state["type"] or cause["fact"] != chain_of(log, cause["event"]):
        return False
    replacement: dict[str, str] = state["data"].get("replacement") or {}
    known_from = date.fromisoformat(state["known"])
    shows_from = max(known_from, date.fromisoformat((replacement or state).get("known") or state["known"]))
    seen = [position <= one.position and str(known_from) <= one.known_at for one in (first, second)]
    if cause["why"] == "recorded":
        return (position <= first.position) != (position <= second.position)
    if cause["why"] == "became_known":
        return any((str(day) <= first.known_at) != (str(day) <= second.known_at) for day in (known_from, shows_from))
    if cause["why"] in ("corrected", "retracted"):
        return seen[0] != seen[1] and state["type"] == f"event.{cause['why']}"
    effective = (replacement or state)["effective"]
    days = [str(first_day(effective)), str(last_day(effective))]
    moved = any((day <= first.as_of) != (day <= second.as_of) for day in days)
    return (
        cause["why"] == "effective"
        and moved
        and row_of(log, cause["fact"], first) != row_of(log, cause["fact"], second)
    )


def chain_of(log: Log, event_id: str) -> str:
    """The fact that an event is, corrects or retracts."""
    for _, state in log:
        if state["id"] == event_id and state["type"] in ("event.corrected", "event.retracted"):
            return chain_of(log, state["data"]["event"])
    return event_id


def row_of(log: Log, fact: str, at: Question) -> Any:
    """What a fact shows at a point, and how far its period is over."""
    point = at_point(log, at.as_of, at.known_at, at.position, None, ())
    for row in visible_rows(point):
        if row.id == fact:
            over = [row.type in ADDITIVE and row.first <= point.as_of, row.last <= point.as_of]
            return row.effective, row.known, row.status, row.same_as, row.data, over
    return None


def bears(cause: dict[str, Any], one: dict[str, Any], log: Log) -> bool:
    """Whether the event names, or is named with, anything that the difference shows."""
    if cause["event"] is None or one["in"] not in ("holdings", "commitments", "contracts", "entities", "events"):
        return True
    shown = texts([one["key"], one["before"], one["after"]])
    said = [state for _, state in log if chain_of(log, state["id"]) == cause["fact"]]
    contents = [one for _, state in log for one in (state, state["data"].get("replacement") or {})]
    sources = {fact_of(log, one["same_as"]) for one in contents if one.get("same_as")}
    return (
        said[0]["type"] == "rate.published"
        or cause["fact"] in shown | sources
        or "same_as" in json.dumps(said)
        or bool(shown & texts(said))
    )


def texts(value: Any) -> set[str]:
    """Every text anywhere in a value, but figures and words that many share."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        skipped = ("recorded_by", "status", "recorded_at", "currency", "basis", "type")
        return set().union(*(texts(inside) for name, inside in value.items() if name not in skipped))
    return set().union(*(texts(inside) for inside in value)) if isinstance(value, list) else set()


# --- pairs -----------------------------------------------------------------------------------------------------


def pairs(choices: Choices, log: Log) -> Iterator[tuple[Question, Question]]:
    """One question at two points; often they differ in one of the three times only."""
    stream = questions(choices, log)
    while True:
        second = next(stream)
        if choices.chance(20):
            kind = choices.one_of(TRAIL)
            slugs = [state["id"] for _, state in log] if kind.rows == "event" else PARTIES
            slugs = RECORDS.get(kind.path.split("/")[3], ("", slugs))[1] if "{" in kind.path else [""]
            filters = tuple(one for one in second.filters if one[0] == "currency" or one == ("include", "rumoured"))
            second = replace(second, kind=kind, subject=choices.one_of(slugs), filters=filters)
        first = replace(next(stream), kind=second.kind, subject=second.subject, filters=second.filters)
        if choices.chance(50):
            moved = choices.one_of(TIMES)
            first = replace(second, **{moved: getattr(first, moved)})
        yield first, second


def run(client: httpx.Client, choices: Choices, events: int, count: int, counted: Counted) -> None:
    """One stream: post it, then compare `count` pairs of points."""
    log: Log = []
    builder = Builder(choices)
    for event in builder.registrations():
        post(client, event, log, Tally())
    for _ in range(events):
        if not post(client, builder.event(), log, Tally()):
            builder.refused()
    try:
        for index, (first, second) in enumerate(pairs(choices, log)):
            if index == count:
                break
            compare(client, log, first, second, counted, limit=2 if index % 10 == 0 else 1000)
    except Mismatch as mismatch:
        mismatch.add_note("\n".join(f"{position} {json.dumps(state)}" for position, state in log))
        raise


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.against_changes", description=__doc__)
    parser.add_argument("--examples", type=int, default=2_000, help="pairs to compare (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="the first stream's seed (default 1)")
    parser.add_argument("--events", type=int, default=100, help="events a stream")
    given = parser.parse_args()
    counted, seed, wrong = Counted(), given.seed, 0
    while counted.pairs < given.examples:
        try:
            with fresh_service() as client:
                run(client, Seeded(seed), given.events, 100, counted)
        except Mismatch as mismatch:
            wrong += 1
            sys.stdout.write(f"\nseed {seed}: {mismatch}\n")
        seed += 1
    sys.stdout.write(f"{counted}\n{wrong} streams with a mismatch\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
