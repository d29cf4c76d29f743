"""`dealledger demo`: the example ledger, served, with something to click and something to type."""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import ledger.example
from api.body import canonical_sha256
from api.cli.ledgers import opened
from api.cli.serving import listening_on, run
from api.cli.talking import Exit, answers, fail, failures_told
from api.service import Service
from ledger.event import Origin, parse_event
from ledger.refusals import Refusal
from ledger.writer import Request


def demo(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Keep the ledger in this folder. Default: a temporary one.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.", min=0, max=65535)] = 8000,
) -> None:
    """Load the example ledger, serve it, and print a link and three commands to try."""
    with failures_told(), ExitStack() as closing:
        listening = closing.enter_context(listening_on("127.0.0.1", port))
        folder = data or Path(closing.enter_context(TemporaryDirectory(prefix="dealledger-")))
        service = closing.enter_context(opened(folder, make=True, log_in_folder=True))
        count = load(service)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.listen()
        greet(address, count)
        run(service, listening)


def load(service: Service) -> int:
    """Record the example's events, those that aren't there yet; how many there are."""
    requests = [
        Request((parse_event(one),), Origin("example"), f"example:{one['id']}", body_sha256=canonical_sha256(one))
        for one in ledger.example.events()
    ]
    for outcome in service.writer.submit(requests, stop=True).result():
        if isinstance(outcome, Refusal):
            fail(Exit.FOUND_WRONG, f"The example does not fit this ledger: {outcome}", "Take an empty folder.")
    return len(requests)


def greet(address: str, count: int) -> None:
    """What to do next."""
    own = sys.argv[0]
    name = "dealledger" if shutil.which("dealledger") else shlex.quote(own)
    lines = (
        f"The example ledger, {count} events of AI capital flows, is at",
        "",
        f"  {address}/docs",
        "",
        "Try, in another shell:",
        "",
        f"  {name} holdings --url {address} --holder softbank",
        f"  {name} commitments --url {address} --to anthropic --known-at 2023-11-05",
        f"  {name} valuations arm --url {address} --json",
        "",
        "Ctrl-C ends it.",
    )
    for line in lines:
        answers.print(line, soft_wrap=True)
