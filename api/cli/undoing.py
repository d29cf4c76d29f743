"""`dealledger undo`: whatever came in by one import is retracted, newest first, as if it had never been known."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from api.bulk import Line, Summary
from api.cli.doors import Door, Way, door
from api.cli.importing import LONGEST_NAME, progress, where
from api.cli.ledgers import Data, Source, Url
from api.cli.talking import Exit, ask_unless, fail, failures_told, say
from api.files.doubles import parties
from ledger.attachments import ERASED
from ledger.event import CORRECTED, RETRACTED

KEY = "undo"
SHOWN = 20
# What the ledger says of a record that was recorded again meanwhile: its kind and its id.
_TWO = re.compile(r"there would be two of (\S+) (.+)")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way of an undo, and if an event is, the import that it came by and its place in the log."""

    told: str
    batch: str | None = None
    position: int = 0


def undo(
    batch: Annotated[str, typer.Argument(help="The import's name; `dealledger imports` lists them.")],
    data: Data = None,
    url: Url = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop after showing it; exit code 0 if nothing stands in the way, else 1.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Retract without asking.")] = False,
) -> None:
    """Retract everything that came in by one import. First shows what that is; the undo can be undone as well."""
    with failures_told(), door(Source(data, url), make=False) as ledger:
        standing = _standing(ledger, batch)
        if not standing:
            _nothing(ledger, batch)
            return
        way = Way("undo", KEY, f"undo-{batch}"[:LONGEST_NAME])
        lines = [Line(number, _retraction(one, batch)) for number, one in enumerate(standing, 1)]
        for kind, count in Counter(one["type"] for one in standing).most_common():
            say(f"  {count} {kind}")
        obstacles = _obstacles(ledger, standing, lines, way)
        say(f"{len(standing)} events of the import {batch} would be retracted.")
        if obstacles:
            _tell(obstacles)
            fail(Exit.FOUND_WRONG, "Nothing was retracted.", _mend(obstacles, where(data, url)))
        if dry_run:
            return
        ask_unless(yes, f"Retract {len(standing)} events?", "retract")
        summary = Summary(dry_run=False)
        for step in progress("Retracting", len(lines), ledger.record(lines, way, stop=True, dry_run=False)):
            for one in step.told:
                summary.count(one)
        say(f"Retracted {summary.accepted - summary.repeated} events.")
        say(f"To bring them back: dealledger undo {way.batch}{where(data, url)}")
        if summary.refused or summary.not_tried:
            say("Somebody recorded meanwhile what stands in the way. The same command shows it.")
            raise typer.Exit(Exit.FOUND_WRONG)


def _standing(ledger: Door, batch: str) -> list[dict[str, Any]]:
    """What still stands of an import, the newest first.

    What it retracts of its own (and brings back of its own) isn't to be undone: the facts themselves will be. Nor is an
    erasure, which stands for ever.
    """
    came = {one["id"]: one for one in ledger.rows("/v1/events", {"batch": batch, "order": "newest"})}
    live = {one["id"] for one in ledger.rows("/v1/events", {"batch": batch, "live": "true"})}
    named = {one["data"]["event"]: one for one in came.values() if one["type"] == RETRACTED and one["id"] in live}
    others = ledger.rows("/v1/events", {"type": RETRACTED}) if named.keys() - came.keys() else []
    known = {one["id"]: one for one in others} | came

    def is_own(event_id: str) -> bool:
        while event_id not in came and event_id in known:
            event_id = known[event_id]["data"]["event"]
        return event_id in came

    own = {one["id"] for event_id, one in named.items() if is_own(event_id)}
    return [one for one in came.values() if one["id"] in live - own and one["type"] != ERASED]


def _nothing(ledger: Door, batch: str) -> None:
    """Nothing of the import stands: it is undone, or there is none of this name."""
    names = [row["batch"] for row in ledger.rows("/v1/imports", {})]
    if batch in names:
        say(f"Everything of the import {batch} is retracted already.")
        return
    near = get_close_matches(batch, names, 1)
    mend = f"Did you mean {near[0]}?" if near else "`dealledger imports` lists those there are."
    fail(Exit.BAD_USAGE, f"There is no import {batch}.", mend)


def _retraction(event: Mapping[str, Any], batch: str) -> bytes:
    """The retraction of an event: known since the event is, so that it was never known."""
    said = {
        "type": RETRACTED,
        "known": event["known"],
        "data": {"event": event["id"], "reason": f"Undo of the import {batch}."},
    }
    return json.dumps(said).encode()


def _tell(obstacles: Sequence[Obstacle]) -> None:
    """Each that is in the way, but of one import only the first, with how many there are."""
    by_import = Counter(one.batch for one in obstacles if one.batch is not None)
    told: set[str] = set()
    shown: list[str] = []
    for one in obstacles:
        more = by_import[one.batch] - 1 if one.batch is not None else 0
        if one.batch not in told:
            shown.append(f"{one.told}; the import {one.batch} is in the way of {more} more" if more else one.told)
        told |= {one.batch} if one.batch is not None else set()
    for line in shown[:SHOWN]:
        say(line)
    if len(shown) > SHOWN:
        say(f"… and {len(shown) - SHOWN} more.")


def _mend(obstacles: Sequence[Obstacle], again: str) -> str:
    """The commands that clear the way, the newest import first, where it is imports alone that are in it."""
    newest = sorted(obstacles, key=lambda one: -one.position)
    batches = list(dict.fromkeys(one.batch for one in newest))
    if None in batches:
        return "Retract first what stands in the way, then try again."
    return f"First: {', then '.join(f'dealledger undo {one}{again}' for one in batches)}. Then try again."


def _obstacles(ledger: Door, standing: Sequence[Mapping[str, Any]], lines: Sequence[Line], way: Way) -> list[Obstacle]:
    """What would be left wrong: events that others depend on, and facts that a correction from elsewhere keeps up."""
    own = {one["id"]: one for one in standing}
    others = {row["id"]: row for row in ledger.rows("/v1/events", {"type": CORRECTED, "live": "true"})}
    found = [
        _obstacle(f"In the way of {described(one)}: {described(others[correction])} keeps it up", others[correction])
        for one in standing
        for correction in one["corrected_by"]
        if correction in others and correction not in own and one["type"] != RETRACTED
    ]
    steps = ledger.record(lines, way, stop=False, dry_run=True)
    checked = progress(f"Checking {len(lines)} events", None, steps)
    refused = [one for step in checked for one in step.told if "problem" in one]
    for one in refused:
        error = one["problem"]["errors"][0]
        named = [name for name in _UUID.findall(error["detail"]) if name != standing[one["line"] - 1]["id"]]
        # What is held up only by something of this import that is held up itself is told by that.
        if named and all(name in own for name in named):
            continue
        events: Sequence[Mapping[str, Any]]
        events = [event for name in named if (event := _event(ledger, name, own)) is not None]
        if (second := _TWO.fullmatch(error["detail"])) is not None:
            query = {"record": f"{second[1]}/{second[2]}", "live": "true", "order": "position"}
            events = [row for row in ledger.rows("/v1/events", query) if row["type"] not in (RETRACTED, CORRECTED)][:1]
        because = f"; it is {' and '.join(map(described, events))}" if events else ""
        told = f"In the way of {described(standing[one['line'] - 1])}: {error['detail']}{because}"
        found.append(_obstacle(told, next((event for event in events if event["id"] not in own), None)))
    return found


def _obstacle(told: str, event: Mapping[str, Any] | None) -> Obstacle:
    return Obstacle(told) if event is None else Obstacle(told, event.get("batch"), event["position"])


def _event(ledger: Door, event_id: str, own: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return own.get(event_id) or ledger.event(event_id)


def described(event: Mapping[str, Any]) -> str:
    """An event in a few words: what, when, about whom, where in the log."""
    about = " ".join(dict.fromkeys(parties(event))) or event["data"].get("entity", "")
    batch = f", import {event['batch']}" if "batch" in event else ""
    return f"{event['type']} {event['effective']} {about} (position {event['position']}{batch})".replace("  ", " ")
