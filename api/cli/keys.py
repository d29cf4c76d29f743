"""`dealledger key`: the log's public key, by which anybody checks what it signed; and another one in its place."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from api.cli.ledgers import Data, existing
from api.cli.talking import Exit, ask_unless, fail, failures_told, say, tell
from api.settings import Settings
from ledger.log.keys import PUBLIC_FILE, KeyRefused
from ledger.log.rotating import NotRotated, finish, rotate
from ledger.store import OutcomeUnknown, open_store


def key(
    data: Data = None,
    rotating: Annotated[
        bool, typer.Option("--rotate", help="Give the log another key. Its service must be stopped.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="With --rotate: why; it is recorded in the log.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --rotate: without asking.")] = False,
) -> None:
    """Print the log's public key, for `dealledger verify --vkey` and for other software; or give it another one."""
    if rotating and reason is None:
        fail(Exit.BAD_USAGE, "A rotation needs a reason.", "Say --reason; it is recorded, and never taken out again.")
    if reason is not None and not rotating:
        fail(Exit.BAD_USAGE, "--reason without --rotate.", "Leave it out to print the key.")
    settings = existing(data)
    path = settings.keys / PUBLIC_FILE
    with failures_told():
        if not path.exists():
            mend = "It is made when a service first opens the ledger, or is where DEALLEDGER_KEY_FOLDER says."
            fail(Exit.NOT_READY, f"There is no {path}.", mend)
        if reason is not None:
            ask_unless(yes, "Give the log another key, and delete the old private key for good?", "rotate")
            _rotate(settings, reason)
        tell(path.read_text(), line_break=False)


def _rotate(settings: Settings, reason: str) -> None:
    try:
        with closing(open_store(settings.data, settings.database_url)) as store:
            done = finish(store, settings.keys)
            if done is not None:
                say(f"The rotation at position {done.position} had been cut short; it is finished now.")
                say("To rotate once more, say so again.")
            else:
                done = rotate(store, settings.keys, settings.high_water_file, reason)
    except OutcomeUnknown as error:
        fail(
            Exit.NOT_READY, f"It isn't known whether the rotation was recorded: {error}.", "The same command finds out."
        )
    except (NotRotated, KeyRefused) as error:
        fail(Exit.FOUND_WRONG, f"The key was not rotated: {error}.")
    say(f"Event {done.position} gives up {done.previous} for the key below, and both keys signed it.")
    say(f"The old private key is gone from {settings.keys}; do away with its copies, in backups too.")
    say("Tell those who verify and witness this log the new key. Other servers of it need the new log.key.")
