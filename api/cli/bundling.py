"""`dealledger export --bundle`: a copy of the log that is verified without the ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from api.app import create_app
from api.cli.fetching import HttpFiles
from api.cli.ledgers import follow, opened
from api.cli.talking import Exit, fail, fail_with, say
from api.problems import Faulty
from api.questions import match
from ledger.log.bundle import write_bundle
from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.files import CHECKPOINT, Files, NotThere, StoreFiles
from ledger.log.keys import PUBLIC_FILE
from ledger.log.note import NotSigned, VerifierKey, parse_verifier_key
from ledger.log.tiles import Malformed
from ledger.log.verify import NotVerified, keys_of

SECONDS = 60

Get = Callable[[str], httpx.Response]
"""Asks a ledger what is at an address."""


@dataclass(frozen=True)
class _Ledger:
    get: Get
    files: Files
    key: VerifierKey
    sign: Callable[[], SignedCheckpoint]
    """The newest checkpoint, made just now where that is possible."""


def export_bundle(
    folder: Path, data: Path | None, url: str | None, vkey: str | None, records: list[str], asked: list[str]
) -> None:
    """Write the bundle; its folder is new."""
    if folder.exists():
        fail(Exit.BAD_USAGE, f"{folder} is there already.", "Name another folder.")
    questions = [_address(question) for question in asked]
    with _service(url, vkey) if url is not None else _folder(data) as ledger:
        positions = sorted({position for record in records for position in _positions(ledger.get, record)})
        answers = dict(_pinned(ledger.get, address) for address in questions)
        signed = ledger.sign()
        size = signed.checkpoint.size
        last = max([*positions, *(json.loads(answer)["position"] for answer in answers.values())], default=0)
        if last > size:
            fail(Exit.NOT_READY, f"{size} events are signed, and position {last} is asked for.", "Try again shortly.")
        write_bundle(ledger.files, ledger.key, signed, folder, positions, answers)
    say(f"Wrote {size:,} events, {len(positions)} proofs and {len(answers)} answers to {folder}.")


@contextmanager
def _folder(data: Path | None) -> Iterator[_Ledger]:
    with opened(data, make=False) as service:
        follow(service)
        public, signer = service.settings.keys / PUBLIC_FILE, service.signer
        if not public.exists():
            fail(Exit.NOT_READY, f"There is no {public}.", "DEALLEDGER_KEY_FOLDER says where the log's key is.")
        key = parse_verifier_key(public.read_text().removesuffix("\n"))

        def sign() -> SignedCheckpoint:
            if (fault := signer.cycle()) is not None:
                fail(Exit.FOUND_WRONG, f"The log can't be signed: {fault}.")
            if signer.newest is None:
                fail(Exit.NOT_READY, "Another process signs this log just now.", "Try again.")
            return signer.newest

        yield _Ledger(asking(service), StoreFiles(service.store, signer.published), key, sign)


@contextmanager
def _service(url: str, vkey: str | None) -> Iterator[_Ledger]:
    if vkey is None:
        fail(Exit.BAD_USAGE, "The log's public key is not known.", "Give it as --vkey; `dealledger key` prints it.")
    try:
        key = parse_verifier_key(Path(vkey).read_text().removesuffix("\n") if Path(vkey).is_file() else vkey)
    except Malformed as error:
        fail(Exit.BAD_USAGE, f"This is no public key: {error}.", "It is written like name+0a1b2c3d+AQ….")
    with httpx.Client(base_url=url.rstrip("/"), timeout=SECONDS, trust_env=False) as client, HttpFiles(url) as files:
        try:
            keys = keys_of(files, key)
        except NotVerified as error:
            fail(Exit.FOUND_WRONG, f"The service's log isn't this key's: {error}.")

        def sign() -> SignedCheckpoint:
            try:
                return keys.open(files.read(CHECKPOINT))
            except NotThere:
                fail(Exit.NOT_READY, "Nothing of this log has been signed yet.", "Try again shortly.")
            except (Malformed, NotSigned) as error:
                fail(Exit.FOUND_WRONG, f"The service's checkpoint isn't this key's: {error}.")

        yield _Ledger(client.get, files, keys.newest, sign)


def asking(service: Any) -> Get:
    """Asks a service in this process."""

    async def get(address: str) -> httpx.Response:
        transport = httpx.ASGITransport(create_app(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
            return await client.get(address)

    return lambda address: asyncio.run(get(address))


def _answered(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        fail_with(response.json(), response.status_code)
    return response


def _positions(get: Get, record: str) -> Iterator[int]:
    """Of all events of a record."""
    cursor = ""
    while True:
        query = {"record": record, "order": "position", "limit": "1000", **({"cursor": cursor} if cursor else {})}
        page = _answered(get(f"/v1/events?{httpx.QueryParams(query)}")).json()
        if not page["events"] and not cursor:
            fail(Exit.FOUND_WRONG, f"There is no record {record}.", "Write it like commitment/aws-anthropic-2023.")
        yield from (event["position"] for event in page["events"])
        if not page["more"]:
            return
        cursor = page["next"]


def _address(question: str) -> str:
    """Of a question, which may be written with /v1/ or without."""
    address = f"/v1/{question.removeprefix('/').removeprefix('v1/')}"
    try:
        match(address)
    except Faulty as faulty:
        [fault] = faulty.faults
        fail(Exit.BAD_USAGE, f"--ask {question}: {fault.detail} One is like holdings?holder=x.", fault.mend)
    return address


def _pinned(get: Get, address: str) -> tuple[str, bytes]:
    """An answer and the address where it is the same bytes for ever."""
    first = _answered(get(address))
    if first.headers.get("Content-Type") != "application/json":
        fail(Exit.BAD_USAGE, f"--ask {address}: answers in a bundle are JSON.", "Leave format out of it.")
    pinned = first.headers.get("Content-Location", address)
    if not is_pinned(pinned):
        fail(Exit.FOUND_WRONG, f"{address} has no address where its answer is the same for ever.")
    return pinned, _answered(get(pinned)).content


def is_pinned(address: str) -> bool:
    """Whether it names all three times, so that its answer never changes."""
    try:
        asked = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return asked.path.startswith("/v1/") and asked.params.keys() >= {"as_of", "known_at", "position"}
