"""What the commands say, and how they end: answers on stdout, all else on stderr."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.text import Text

from ledger.refusals import Refusal
from ledger.store import FolderHeld, StoreError, StoreRefused, StoreUnavailable
from ledger.writer import Unavailable


class _Answers(Console):
    """stdout, whose reader may have seen enough: `… | head` is no failure."""

    def on_broken_pipe(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is flushed at the end has to go somewhere
        raise SystemExit(Exit.OK)


class _Messages(Console):
    """stderr, which may be that same pipe: what nobody reads ends nothing, least of all an import half-way."""

    def on_broken_pipe(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


answers = _Answers(highlight=False)
messages = _Messages(stderr=True, highlight=False)


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    FOUND_WRONG = 1
    BAD_USAGE = 2
    NOT_READY = 3


@contextmanager
def told_to_a_reader() -> Iterator[None]:
    """Whatever prints on stdout here may find that its reader is gone, also when it is flushed; that ends it well."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        answers.on_broken_pipe()


def tell(answer: str | bytes, *, line_break: bool = True) -> None:
    """An answer as it is on stdout, and a line break unless it has its own."""
    with told_to_a_reader():
        typer.echo(answer, nl=line_break)


def shown(text: str) -> str:
    """What a log, or who has it, says, without what a terminal would obey; nobody needs all of a long one."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[:2000])


def say(text: str) -> None:
    """A line on stderr."""
    messages.print(Text(text), soft_wrap=True)


def fail(code: Exit, what: str, mend: str = "") -> NoReturn:
    """End with what is wrong and how to mend it."""
    say(f"Error: {what}")
    if mend:
        say(f"  {mend}")
    raise typer.Exit(code)


def fail_with(problem: dict[str, Any], status: int) -> NoReturn:
    """End with the problem that a service answered."""
    where = problem.get("parameter") or problem.get("pointer") or ""
    what = f"{problem.get('title', 'Refused')}: {problem.get('detail', '').removeprefix(f'{where}: ')}"
    code = {404: Exit.FOUND_WRONG, 503: Exit.NOT_READY}.get(
        status, Exit.FOUND_WRONG if status >= 500 else Exit.BAD_USAGE
    )
    mend = re.sub(r"(?<!\w)/docs\b", "--help", problem.get("mend", ""))  # a shell has no such page
    fail(code, f"{where}: {what}" if where else what, mend)


def ask_unless(yes: bool, question: str, doing: str) -> None:
    """End the command unless it was said before, or is said now, that it shall be done."""
    if not yes:
        if not sys.stdin.isatty():
            fail(Exit.BAD_USAGE, "Nobody is here to be asked.", f"Say --yes to {doing} without asking.")
        typer.confirm(question, abort=True, err=True)


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn what can go wrong with a ledger or a service into a message and an exit code."""
    try:
        yield
    except FolderHeld as error:
        fail(Exit.NOT_READY, str(error), "Ask the service that holds it with --url, or stop it first.")
    except StoreRefused as error:
        fail(Exit.BAD_USAGE, str(error))
    except (StoreUnavailable, Unavailable) as error:
        fail(Exit.NOT_READY, f"The log cannot be reached: {error}", "Try again; what is sent twice is recorded once.")
    except StoreError as error:
        fail(Exit.FOUND_WRONG, f"The log is damaged: {error}", "Restore it from a backup; nothing was changed.")
    except Refusal as error:
        fail(Exit.BAD_USAGE, str(error))
    except httpx.ConnectError:
        fail(
            Exit.NOT_READY,
            "Nobody answers at this address.",
            "Start a service with `dealledger serve`, or check --url.",
        )
    except httpx.HTTPError as error:
        fail(Exit.NOT_READY, f"The service did not answer: {type(error).__name__}.", "Check --url, or try again.")
    except BrokenPipeError:  # of stdout, whose reader has seen enough
        answers.on_broken_pipe()
    except OSError as error:
        fail(Exit.BAD_USAGE, f"{error.filename or ''}: {error.strerror}".lstrip(": "))
