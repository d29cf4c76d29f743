"""`dealledger witness`: an auditor's own machine keeps a log's newest checkpoint and signs only what follows it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from api.cli.fetching import HttpFiles
from api.cli.ledgers import Url
from api.cli.serving import Protocol, listening_on
from api.cli.talking import Exit, fail, failures_told, say, tell
from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_text
from ledger.log.files import CHECKPOINT, Files, NotThere
from ledger.log.keys import KeyRefused, load_key
from ledger.log.merkle import EMPTY_ROOT, consistency_proof
from ledger.log.note import NOTE_BYTES, WITNESS, NotSigned, SigningKey, VerifierKey, parse_note, parse_verifier_key
from ledger.log.tiles import WIDTH, Malformed, Tile, nodes
from ledger.log.verify import Seen
from ledger.log.witness import Judgement, Request, judge, parse_request
from ledger.store.folder import HeldFolder

TOO_LARGE = 413


def witness(
    data: Annotated[Path, typer.Option("--data", help="This witness's own folder: its key, and what it has seen.")],
    vkey: Annotated[
        list[str],
        typer.Option(
            "--vkey",
            help="The public key of a log to witness, or a file with it; one or more. Of a log whose key was rotated"
            " the old one and the new one.",
        ),
    ],
    url: Url = None,
    name: Annotated[
        str | None, typer.Option("--name", help="This witness's name; at the first start, and then for ever.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.", min=0, max=65535)] = 8010,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Witness a log: with --url, sign its newest checkpoint once and print the signature; else wait to be asked."""
    logs = [_parsed(one) for one in vkey]
    with failures_told():
        folder = HeldFolder(data)
        try:
            witnessing = Witnessing(data, logs, _own_key(data, name))
            say(f"This witness is {witnessing.key.verifier}")
            if url is not None:
                tell(_signed(witnessing, url), line_break=False)
            else:
                _serve(witnessing, host, port)
        finally:
            folder.release()


def _parsed(text: str) -> VerifierKey:
    try:
        return parse_verifier_key(Path(text).read_text().removesuffix("\n") if Path(text).is_file() else text)
    except Malformed as error:
        fail(Exit.BAD_USAGE, f"This is no public key: {error}.", "`dealledger key` prints the log's.")


def _own_key(folder: Path, name: str | None) -> SigningKey:
    try:
        return load_key(folder, name, WITNESS)
    except (KeyRefused, Malformed) as error:
        fail(Exit.BAD_USAGE, f"{error}.")


class Witnessing:
    """Judges checkpoints of some logs one after the other, and keeps what it signs before it answers."""

    def __init__(self, folder: Path, logs: list[VerifierKey], key: SigningKey) -> None:
        self.key = key
        self._seen = Seen(folder)
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._judging = threading.Lock()
        for name in self._logs:
            self.last(name)  # a file that was damaged is told now, not when a log asks
        for note in self._seen.all():
            if (name := _origin(note)) in self._logs and not self._is_of(name, note):
                fail(
                    Exit.BAD_USAGE,
                    f"This witness signed checkpoints of {name} that have another key than is given.",
                    "Its key was rotated? Give --vkey with the old key too: what was signed under it still counts.",
                )

    def _is_of(self, name: str, note: bytes) -> bool:
        """Whether one of this log's keys signed it."""
        with suppress(Malformed, NotSigned):
            parse_note(note).check_signed(self.signer(name, note))
            return True
        return False

    def last(self, name: str) -> Checkpoint | None:
        """The checkpoint that this witness signed last, whichever of the log's keys it was signed with. Ends the
        command if it can't be read: signing without knowing what was signed before is what a witness must never do."""
        notes = [note for log in self._logs[name] if (note := self._seen.checkpoint(log)) is not None]
        try:
            found = [open_checkpoint(note, self.signer(name, note)).checkpoint for note in notes]
        except (Malformed, NotSigned) as error:
            fail(Exit.FOUND_WRONG, f"What this witness signed last of {name} is damaged: {error}.")
        return max(found, key=lambda one: one.size, default=None)

    def signer(self, name: str, note: bytes) -> VerifierKey:
        """Which key of this log signed the note; the last one if none did, or it can't be read."""
        for log in self._logs[name]:
            with suppress(Malformed, NotSigned):
                parse_note(note).check_signed(log)
                return log
        return self._logs[name][-1]

    def answer(self, body: bytes) -> Judgement:
        """What it says to a request of C2SP tlog-witness."""
        with self._judging:
            name, note = _claimed(body)
            if name not in self._logs:
                name = next(iter(self._logs))
            judgement = judge(body, self.signer(name, note), self.last(name), self.key, int(time.time()))
            if judgement.kept is not None:
                for log in self._logs[name]:
                    self._seen.keep(log, judgement.kept)
            return judgement

    def names(self) -> list[str]:
        """Of the logs."""
        return list(self._logs)


def _claimed(body: bytes) -> tuple[str, bytes]:
    """Which log a request says that it is of, and the note in it; nothing if it can't be read."""
    try:
        note = parse_request(body).checkpoint.encode()
    except Malformed:
        return "", b""
    return _origin(note), note


def _origin(note: bytes) -> str:
    try:
        return parse_text(parse_note(note).text).origin
    except Malformed:
        return ""


# --- asked by a log ---------------------------------------------------------------------------------------------


def application(witnessing: Witnessing) -> Starlette:
    """POST /add-checkpoint."""

    async def add_checkpoint(request: HttpRequest) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > NOTE_BYTES:
                return Response("the request is too long\n", TOO_LARGE, media_type="text/plain")
        judgement = await run_in_threadpool(witnessing.answer, body)
        return Response(judgement.body, judgement.status, headers={"content-type": judgement.kind})

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])


def _serve(witnessing: Witnessing, host: str, port: int) -> None:
    with listening_on(host, port) as listening:
        say(f"Witnessing at http://{host}:{listening.getsockname()[1]}/add-checkpoint")
        config = uvicorn.Config(
            application(witnessing),
            http=Protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
        )
        uvicorn.Server(config).run([listening])


# --- asking a log -----------------------------------------------------------------------------------------------


def _signed(witnessing: Witnessing, url: str) -> str:
    """The signature of the newest checkpoint of the service's log, as a line; the log is asked for the proof."""
    with HttpFiles(url) as files:
        try:
            note = files.read(CHECKPOINT)
            name = parse_text(parse_note(note).text).origin
            if name not in witnessing.names():
                fail(Exit.FOUND_WRONG, "The service has another log than the --vkey is of.", "Check --vkey and --url.")
            checkpoint = open_checkpoint(note, witnessing.signer(name, note)).checkpoint
            last = witnessing.last(name) or Checkpoint(name, 0, EMPTY_ROOT)
            proof = _proof(files, last.size, checkpoint.size)
            judgement = witnessing.answer(Request(last.size, proof, note.decode()).text.encode())
        except NotThere as error:
            fail(
                Exit.NOT_READY,
                f"The log can't be witnessed: {error}.",
                "Nothing of it is signed yet, or a file is gone.",
            )
        except (Malformed, NotSigned) as error:
            fail(Exit.FOUND_WRONG, f"NOT SIGNED: {error}.")
    if judgement.kept is None:
        fail(
            Exit.FOUND_WRONG,
            f"NOT SIGNED: the checkpoint of {checkpoint.size} events doesn't follow the one of {last.size} that was"
            f" signed here ({judgement.status}).",
            "Keep both, and ask the log's owner.",
        )
    return judgement.body


def _proof(files: Files, old: int, new: int) -> tuple[bytes, ...]:
    """None for a log that shrank: the judgement will say so."""
    if old > new:
        return ()
    node = nodes(new, lambda level, first, count: files.read(Tile(level, first // WIDTH, count).path))
    return tuple(consistency_proof(old, new, node))
