"""`dealledger attach`, `content` and `erase`: documents beside the log, brought, fetched and deleted for good."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from api.cli.doors import door
from api.cli.ledgers import Data, Source, Url
from api.cli.talking import Exit, answers, ask_unless, fail, fail_with, failures_told, say, tell
from ledger.attachments import ERASED

ANY_BYTES = "application/octet-stream"


def attach(
    file: Annotated[Path, typer.Argument(help="The document.", show_default=False)],
    about: Annotated[
        list[str], typer.Option(help="The id of an event, a record or an entity; more than one if you like.")
    ],
    attachment: Annotated[
        str | None, typer.Option("--id", help="The attachment's id, used once for ever. Default: one is made.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What it is. It stays in the log for ever.")] = None,
    media_type: Annotated[
        str | None, typer.Option(help="Like application/pdf. Default: by the end of the file's name.")
    ] = None,
    effective: Annotated[str | None, typer.Option(help="The document's own date.")] = None,
    known: Annotated[str | None, typer.Option(help="Since when it is known. Default: today.")] = None,
    source_url: Annotated[str | None, typer.Option(help="Where it comes from. It stays in the log for ever.")] = None,
    note: Annotated[str | None, typer.Option(help="A word on it. It stays in the log for ever.")] = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Attach a document: its hash goes into the log, its bytes beside it, where `erase` can delete them."""
    said = {
        "about": ",".join(about),
        "attachment": attachment,
        "title": title,
        "effective": effective,
        "known": known,
        "source.url": source_url,
        "note": note,
    }
    source = Source(data, url)
    with failures_told():
        body = file.read_bytes()
        query = {name: value for name, value in said.items() if value is not None}
        guessed = media_type or mimetypes.guess_type(file.name)[0] or ANY_BYTES
        response = source.post("/v1/attachments", query, body, guessed)
    told = response.json()
    if response.is_error:
        fail_with(told, response.status_code)
    answers.print(Text(f"Attached as {told['attachment']} at position {told['position']}."), soft_wrap=True)


def content(
    attachment: Annotated[str, typer.Argument(metavar="ID", help="`attachments` lists those there are.")],
    to: Annotated[Path | None, typer.Option(help="The file to write. Default: stdout.", show_default=False)] = None,
    data: Data = None,
    url: Url = None,
) -> None:
    """Fetch a document, after a check that its bytes are those that the log has the hash of."""
    source = Source(data, url)
    with failures_told():
        response = source.get(f"/v1/attachments/{quote(attachment, safe='')}/content", {})
        if response.is_error:
            _fail(response.content, response.status_code)
        salt, body = bytes.fromhex(response.headers["Attachment-Salt"]), response.content
        told = source.get(f"/v1/attachments/{attachment}", {})
        # One whose event was retracted is in no answer any more; then the hash that came with it has to do.
        hashed = response.headers["Attachment-Hash"] if told.is_error else told.json()["attachment"]["hash"]
        if f"sha256:{hashlib.sha256(salt + body).hexdigest()}" != hashed:
            fail(Exit.FOUND_WRONG, f"The bytes of {attachment} aren't those that the log has the hash of.")
        if to is not None:
            to.write_bytes(body)
        else:
            _write(body)
    say(f"{len(body):,} bytes, {hashed}, salt {salt.hex()}.")


def _fail(body: bytes, status: int) -> None:
    problem = json.loads(body)
    if problem["reason"] == "erased":
        fail(Exit.FOUND_WRONG, problem["detail"], problem["mend"])
    fail_with(problem, status)


def _write(body: bytes) -> None:
    try:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        answers.on_broken_pipe()


def erase(
    attachment: Annotated[str, typer.Argument(metavar="ID", help="`attachments` lists those there are.")],
    reason: Annotated[str, typer.Option(help="Why. It stays in the log for ever.")],
    data: Data = None,
    url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Erase without asking.")] = False,
) -> None:
    """Delete a document's bytes and salt for good, and record that."""
    ask_unless(yes, f"Erase {attachment} for good?", "erase")
    event = {"type": ERASED, "data": {"attachment": attachment, "reason": reason}}
    with failures_told(), door(Source(data, url), make=False) as ledger:
        position = ledger.write(event)
    tell(f"Erased {attachment}; recorded at position {position}.")
