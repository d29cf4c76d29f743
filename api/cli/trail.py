"""The audit trail at the shell: what each event changed in a record, and `dealledger review`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from api.cli.doors import door
from api.cli.ledgers import Data, Source, Url
from api.cli.tables import figure, say
from api.cli.talking import answers, failures_told

_TIMES = "as of {as_of}, known at {known_at}, position {position}"


def show_record(console: Console, answer: dict[str, Any]) -> None:
    """The state, then the history as a diff: of each event the fields that it changed, before → after."""
    console.print(Text(f"{answer['kind']} {answer['id']}, version {answer['version']}"), style="bold")
    for field, value in (answer["state"] or {}).items():
        say(console, f"{field}: {figure(value)}", "  ")
    if answer["earlier"] is not None:
        say(console, f"What came before: --position {answer['earlier']}")
    for one in answer["history"]:
        _show_change(console, one)
    console.print(Text(_TIMES.format(**answer)), style="dim", soft_wrap=True)


def _show_change(console: Console, one: dict[str, Any]) -> None:
    moment = one["recorded_at"][:16].replace("T", " ")
    console.print()
    console.print(Text(f"#{one['position']} {one['type']}, effective {one['effective']}"), style="bold", soft_wrap=True)
    say(console, f"known {one['known']}, recorded {moment} by {one['recorded_by']}", "  ")
    say(console, f"event {one['event']}", "  ")
    if not one["changes"]:
        say(console, "changed nothing in the state at these three times", "  ")
    for change in one["changes"]:
        before = "" if change["before"] is None else f"{figure(change['before'])} → "
        say(console, f"{change['field']}: {before}{figure(change['after'])}", "  ")


SHOWN = {"record": show_record}


def review(
    events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="Ids of events, as `reviews` lists them.")],
    verdict: Annotated[Literal["approved", "questioned", "rejected"], typer.Option(help="What you found.")],
    comment: Annotated[str | None, typer.Option(help="Why. It stays in the log for ever.")] = None,
    by: Annotated[str | None, typer.Option(help="Who looked, as `reviewers` will list it: a name or a role.")] = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Record what you think of events, as an event. It changes no figure."""
    said = {"events": events, "verdict": verdict, "comment": comment, "by": by}
    event = {"type": "review.recorded", "data": {name: value for name, value in said.items() if value is not None}}
    with failures_told(), door(Source(data, url), make=False) as ledger:
        position = ledger.write(event)
    count = "1 event" if len(events) == 1 else f"{len(events)} events"
    answers.print(Text(f"Recorded at position {position}: {verdict}, {count}."), soft_wrap=True)
