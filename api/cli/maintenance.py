"""`dealledger rebuild` and `doctor`: make the read model again, and look whether everything is as it should be."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import typer

from api.cli.ledgers import Data, Source, Url, existing, follow, opened, show_progress
from api.cli.talking import Exit, answers, fail, failures_told, say, shown, tell
from api.health import readiness
from api.service import Service
from ledger.answered import check_answers
from ledger.columns import Misplaced, check_columns, check_keys
from ledger.store import Store, open_store
from ledger.store.sqlite import LOG_FILE
from ledger.vouched import NotVouched, vouched
from projections.database import ReadModel

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, and what was seen."""

    what: str
    well: bool
    seen: str


def rebuild(data: Data = None) -> None:
    """Make the read model again from the log."""
    settings = existing(data)
    with (
        failures_told(),
        closing(open_store(settings.data, settings.database_url)) as store,
        closing(ReadModel(settings.data)) as model,
        ThreadPoolExecutor(1) as threads,
    ):
        done = threads.submit(model.rebuild, store, "asked for")
        show_progress(model, store.head(), done.done)
        done.result()
        set_aside = model.set_aside()
        say(f"The read model holds all {model.position} events.")
    if set_aside:
        fail(Exit.FOUND_WRONG, _set_aside(set_aside), "They are in the log, and the answers lack them.")


def doctor(
    data: Data = None,
    url: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was found, as JSON on stdout.")] = False,
    ready_only: Annotated[
        bool, typer.Option("--ready", help="With --url: exit 0 if the service is ready, whatever else is found.")
    ] = False,
) -> None:
    """Look whether a ledger is well: its log, its settings, its read model."""
    source = Source(data, url)
    if ready_only and url is None:
        fail(Exit.BAD_USAGE, "--ready is about a service that runs.", "Give its --url.")
    with failures_told():
        if source.url is not None:
            findings, ready = _ask(source.url)
        else:
            with opened(source.data, make=False) as service:
                findings, ready = list(_look(service)), True
    if as_json:
        tell(json.dumps([{"what": one.what, "well": one.well, "seen": one.seen} for one in findings], indent=2))
    else:
        for one in findings:
            answers.print(
                f"{'ok   ' if one.well else 'WRONG'}  {one.what}: {shown(one.seen)}", soft_wrap=True, markup=False
            )
    if not ready:
        raise typer.Exit(Exit.NOT_READY)
    if not (ready_only or all(one.well for one in findings)):
        raise typer.Exit(Exit.FOUND_WRONG)


def _ask(url: str) -> tuple[list[Finding], bool]:
    """What a running service says of itself. Raises httpx.HTTPError if it says nothing."""
    response = httpx.get(f"{url.rstrip('/')}/readyz", timeout=10, trust_env=False)
    if response.status_code not in (200, 503) or "application/json" not in response.headers.get("content-type", ""):
        fail(Exit.FOUND_WRONG, f"{url} is something else than a deal ledger.", "Check --url.")
    state = response.json()
    findings = [
        Finding("log", state["position"] is not None, f"position {state['position']}"),
        Finding("read model", state["failure"] is None, _applied(state)),
        Finding("set aside", not state["set_aside"], _set_aside(state["set_aside"])),
        Finding("signer", state["signing"]["fault"] is None, _signed(state)),
        *(
            Finding("witness", one["failure"] is None, f"{one['name']}: {one['failure'] or _witnessed(one)}")
            for one in state["witnesses"]
        ),
    ]
    return findings, bool(state["ready"])


def _applied(state: dict[str, Any]) -> str:
    if state["rebuilding"] is not None:
        return "made again: {reason}; {position} of {head} events applied".format(**state["rebuilding"])
    return state["failure"] or f"{state['applied']} of {state['position']} events applied"


def _signed(state: dict[str, Any]) -> str:
    """How much of the log is signed, or why nothing more is."""
    signing = state["signing"]
    if signing["fault"] is not None:
        return f"{signing['fault']}. {'Nothing is recorded until then.' if signing['read_only'] else ''}".rstrip()
    return "nothing is signed yet" if signing["size"] is None else f"{signing['size']} events are signed"


def _witnessed(state: dict[str, Any]) -> str:
    return "was not asked yet" if state["size"] is None else f"signed {state['size']} events"


def _look(service: Service) -> Iterator[Finding]:
    if service.settings.database_url is None:
        yield from _sqlite(str(service.settings.data / LOG_FILE))
    yield from _log(service.store)
    yield _index(service.store)
    yield _attachments(service.store)
    followed = follow(service)
    seen = service.follower.failure or f"{service.model.position} of {service.store.head()} events applied"
    yield Finding("read model", followed, seen)
    set_aside = service.model.set_aside()
    yield Finding("set aside", not set_aside, _set_aside(set_aside))
    service.signer.cycle()
    state = readiness(service)
    yield Finding("signer", state["signing"]["fault"] is None, _signed(state))


def _set_aside(listed: list[dict[str, Any]]) -> str:
    """The events that a projection could not apply, the first few by name."""
    named = "; ".join(f"position {one['position']} ({one['projection']}): {one['error']}" for one in listed[:5])
    return f"{len(listed)} events" + (f": {named}" if named else "")


def _sqlite(path: str) -> Iterator[Finding]:
    """SQLite's own look at its file. The store has refused to open it without WAL and FULL already."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    yield Finding("database file", said == ["ok"], "; ".join(said))
    yield Finding("journal", mode == "wal", f"{mode}; every commit waits for the disk (synchronous FULL)")


def _log(store: Store) -> Iterator[Finding]:
    """Every event of the log read again: dense positions, rising stamps, versions in their order, readable states."""
    position, stamp = 0, ""
    versions: Counter[str] = Counter()
    wrong: list[str] = []
    while batch := store.read(position, BATCH):
        for event in batch:
            versions[event.stream] += 1
            state = _read(event.state)
            holds = {
                f"expected position {position + 1}": event.position == position + 1,
                "unreadable, or another id inside": state.get("id") == event.event_id,
                "recorded_at does not rise": str(state.get("recorded_at")) > stamp,
                "a gap in its record": event.version == versions[event.stream],
            }
            wrong += [f"position {event.position}: {name}" for name, well in holds.items() if not well]
            position, stamp = event.position, str(state.get("recorded_at"))
    yield Finding("log", not wrong, "; ".join(wrong[:5]) or f"{position} events, dense, in order, readable")


def _index(store: Store) -> Finding:
    """What events and first answers are found by follows from what the events say."""
    try:
        check_columns(store)
        check_keys(store)
        check_answers(store)
    except Misplaced as error:
        return Finding("index", False, str(error))
    return Finding("index", True, "ids, facts, keys and first answers follow from the events")


def _attachments(store: Store) -> Finding:
    """The documents beside the log are those that it has the hashes of."""
    try:
        there = vouched(store)
    except NotVouched as error:
        return Finding("attachments", False, str(error))
    return Finding(
        "attachments", True, f"{there.held} are what was attached, {there.erased} erased, {there.missing} not here"
    )


def _read(text: str) -> dict[str, Any]:
    """A state, or nothing if it can't be read."""
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}
