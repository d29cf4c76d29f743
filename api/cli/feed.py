"""`dealledger feed`: what a running service records, as it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Annotated, Any

import httpx
import typer
from rich.text import Text

from api.cli.ledgers import Data, Url
from api.cli.talking import Exit, answers, fail, fail_with, failures_told, say, tell
from api.feed import HEARTBEAT_SECONDS, RETRY_MILLISECONDS, STREAM
from ledger.event import references

# A service that says nothing for so long is gone.
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
CONNECT_SECONDS = 5


def feed(
    data: Data = None,
    url: Url = None,
    position: Annotated[
        int, typer.Option(help="What you have: goes on after it. Default: from the first event on.", min=0)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each event, on stdout.")] = False,
) -> None:
    """Print what a running service records, as it comes, until Ctrl-C. The first connection must succeed; after that
    it goes on where it was whenever the service comes back."""
    if url is None or data is not None:
        mend = "Give a running service with --url; `dealledger events` shows what a folder holds."
        fail(Exit.BAD_USAGE, "A folder has no news: nobody else writes to it.", mend)
    with failures_told(), suppress(KeyboardInterrupt):
        for message in _messages(url, position):
            tell(message) if as_json else answers.print(Text(_line(json.loads(message))), soft_wrap=True)


def _messages(url: str, position: int) -> Iterator[str]:
    """The data of each message, through every break of the connection after the first answer."""
    headers = {"Accept": STREAM}
    answered = broken = False
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    with httpx.Client(base_url=url, timeout=timeout, trust_env=False) as client:
        while True:
            try:
                with client.stream("GET", "/v1/feed", params={"position": position}, headers=headers) as response:
                    if response.is_success:
                        answered = True
                        if broken:
                            broken = False
                            say("The service is back.")
                        for last_id, message in messages_of(response.iter_lines()):
                            yield message
                            headers["Last-Event-ID"] = last_id
                    elif not answered or response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        fail_with(json.loads(response.read()), response.status_code)
            except httpx.TransportError:
                if not answered:
                    raise
            if not broken:
                broken = True
                say(f"The connection broke after position {headers.get('Last-Event-ID', position)}; trying again.")
            time.sleep(RETRY_MILLISECONDS / 1000)


def messages_of(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The messages of a stream of Server-Sent Events that came to their end: id and data of each."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield fields["id"], fields["data"]
            fields = {}


def _line(event: dict[str, Any]) -> str:
    """Position, moment (UTC), type and what it is about."""
    data = event["data"]
    own = data.get(event["type"].partition(".")[0])
    named = dict.fromkeys(one for one in (own, *(one.id for one in references(event["type"], data))) if one)
    moment = event["recorded_at"][:19].replace("T", " ")
    return f"{event['position']:>6}  {moment}  {event['type']:<21}  {' '.join(named)}"
