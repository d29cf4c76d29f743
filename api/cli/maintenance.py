"""`dealledger rebuild` and `doctor`: make the read model again, and look whether everything is as it should be."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import typer
from rich.progress import Progress

from api.cli.ledgers import Data, Source, Url, opened
from api.cli.talking import Exit, answers, fail, failures_told, messages, say
from api.service import Service
from ledger.store import Store
from ledger.store.sqlite import LOG_FILE

BATCH = 1_000
APPLY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is well, and what was seen."""

    what: str
    well: bool
    seen: str


def rebuild(data: Data = None) -> None:
    """Delete the read model and make it again from the log."""
    with failures_told(), opened(data, make=False) as service:
        service.follower.rebuild()
        _follow(service)
        say(f"The read model holds all {service.model.position} events.")
        if service.follower.set_aside:
            fail(
                Exit.FOUND_WRONG,
                f"{len(service.follower.set_aside)} events could not be applied.",
                "See `dealledger doctor`.",
            )


def _follow(service: Service) -> bool:
    """Wait until the read model holds the whole log; whether it did in time."""
    head = service.store.head()
    deadline = time.monotonic() + APPLY_SECONDS
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("Applying", total=head)
        while service.model.position < head and time.monotonic() < deadline:
            service.model.wait_for(head, 0.1)
            progress.update(task, completed=service.model.position)
    return service.model.position >= head


def doctor(
    data: Data = None,
    url: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was found, as JSON on stdout.")] = False,
) -> None:
    """Look whether a ledger is well: its log, its settings, its read model. Exit code 1 if it is not, 3 if not ready."""
    source = Source(data, url)
    with failures_told():
        if source.url is not None:
            findings, ready = _ask(source.url)
        else:
            with opened(source.data, make=False) as service:
                findings, ready = list(_look(service)), True
    if as_json:
        typer.echo(json.dumps([{"what": one.what, "well": one.well, "seen": one.seen} for one in findings], indent=2))
    else:
        for one in findings:
            answers.print(f"{'ok   ' if one.well else 'WRONG'}  {one.what}: {one.seen}", soft_wrap=True, markup=False)
    if not ready:
        raise typer.Exit(Exit.NOT_READY)
    if not all(one.well for one in findings):
        raise typer.Exit(Exit.FOUND_WRONG)


def _ask(url: str) -> tuple[list[Finding], bool]:
    """What a running service says of itself. Raises httpx.HTTPError if it says nothing."""
    response = httpx.get(f"{url.rstrip('/')}/readyz", timeout=10, trust_env=False)
    if response.status_code not in (200, 503) or "application/json" not in response.headers.get("content-type", ""):
        fail(Exit.FOUND_WRONG, f"{url} is something else than a deal ledger.", "Check --url.")
    state = response.json()
    rebuilding = state["rebuilding"]
    findings = [
        Finding("log", state["position"] is not None, f"position {state['position']}"),
        Finding("read model", rebuilding is None, f"applied {state['applied']}, rebuilding: {rebuilding or 'no'}"),
        Finding("set aside", not state["set_aside"], _set_aside(state["set_aside"])),
    ]
    return findings, bool(state["ready"])


def _look(service: Service) -> Iterator[Finding]:
    if service.settings.database_url is None:
        yield from _sqlite(str(service.settings.data / LOG_FILE))
    yield from _log(service.store)
    followed = _follow(service)
    seen = f"{service.model.position} of {service.store.head()} events applied"
    yield Finding("read model", followed, seen)
    yield Finding("set aside", not service.follower.set_aside, _set_aside(service.follower.set_aside))


def _set_aside(listed: list[dict[str, object]]) -> str:
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


def _read(text: str) -> dict[str, Any]:
    """A state, or nothing if it can't be read."""
    try:
        state = json.loads(text)
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}
