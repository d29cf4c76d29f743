"""Where a log is verified: a folder, a database, a service or a bundle, and what each gives besides the log's files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import httpx

from api.cli.fetching import HttpFiles
from api.cli.ledgers import existing
from api.cli.talking import Exit, fail
from api.witnesses import parse_witnesses
from ledger.log.bundle import ANSWERS, KEY_FILE, LOG, PROOFS
from ledger.log.checkpoint import parse_text
from ledger.log.files import Files, FolderFiles, StoreFiles, ZipFiles
from ledger.log.keys import PUBLIC_FILE
from ledger.log.note import VerifierKey, parse_note
from ledger.log.remade import Kind as FaultKind
from ledger.log.tiles import Malformed
from ledger.log.verify import Kind
from ledger.store import Store, open_store

SECONDS = 60
# Faults of a signer that say that the log isn't the one that was signed, whatever can be had of it from outside.
DAMAGED = (
    FaultKind.BEHIND,
    FaultKind.REWRITTEN,
    FaultKind.EVENT,
    FaultKind.TREE,
    FaultKind.CHECKPOINT,
    FaultKind.DAMAGED,
)


@dataclass(frozen=True, slots=True)
class Unready:
    """What a service that isn't ready says of its signer's fault, if that is why."""

    kind: str | None
    says: str

    @property
    def damaged(self) -> bool:
        """Whether it finds its own log wrong. What it has signed may be all right: it shows no more than that."""
        return self.kind in DAMAGED


@dataclass
class Place:
    """A log's files, and what the place that they come from gives besides."""

    files: Files
    key: str | None
    """The public key that lies there too: better than none."""
    store: Store | None = None
    folder: Path | None = None
    """Where the read model is, if this is a ledger's folder."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """The files of a bundle's answers, by their names."""
    proofs: dict[str, bytes] = field(default_factory=dict)
    """The files of a bundle's proofs, by their names."""
    high_water: bytes | None = None
    """The newest checkpoint, as it is kept beside the database."""
    witnesses: tuple[VerifierKey, ...] = ()
    """The public keys of those whom the ledger asks to sign, as far as the environment names them."""
    unready: Unready | None = None


@contextmanager
def place_of(data: Path | None, url: str | None, bundle: Path | None) -> Iterator[Place]:
    """One of them; none is the folder that the environment names. Ends the command if there is nothing."""
    if url is not None:
        with HttpFiles(url) as files:
            yield Place(files, None, unready=unready(url))
    elif bundle is None:
        settings = existing(data)
        with closing(open_store(settings.data, settings.database_url)) as store:
            published = _published(store)
            yield Place(
                StoreFiles(store, lambda: published),
                _text(settings.keys / PUBLIC_FILE),
                store,
                settings.data,
                high_water=settings.high_water_file.read_bytes() if settings.high_water_file.exists() else None,
                witnesses=tuple(one.key for one in parse_witnesses(settings.witnesses)) if settings.witnesses else (),
            )
    elif bundle.is_dir():
        inner = bundle / LOG
        answers, proofs = _beside(bundle / ANSWERS), _beside(bundle / PROOFS)
        files_ = FolderFiles(inner if inner.is_dir() else bundle)
        yield Place(files_, _text(bundle / KEY_FILE), answers=answers, proofs=proofs)
    else:
        with closing(_zipped(bundle)) as zipped:
            try:
                answers, proofs, key = zipped.beside(ANSWERS), zipped.beside(PROOFS), zipped.text(KEY_FILE)
            except Malformed as error:
                fail(Exit.FOUND_WRONG, f"NOT VERIFIED ({Kind.MALFORMED}): {error}.")
            yield Place(zipped, key, answers=answers, proofs=proofs)


def _beside(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their names; none if it isn't there."""
    if folder.exists() and not folder.is_dir():
        fail(Exit.FOUND_WRONG, f"NOT VERIFIED ({Kind.MALFORMED}): {folder} is no folder.")
    found = sorted(folder.glob("*"))
    for path in found:
        if not path.is_file():  # a pipe would be waited for
            fail(Exit.FOUND_WRONG, f"NOT VERIFIED ({Kind.MALFORMED}): {path} is no file.")
    return {path.name: path.read_bytes() for path in found}


def _zipped(bundle: Path) -> ZipFiles:
    try:
        return ZipFiles(bundle, LOG)
    except (BadZipFile, ValueError, NotImplementedError, struct.error):
        fail(Exit.BAD_USAGE, f"{bundle} is neither a folder nor a zip.", "Check --bundle.")


def unready(url: str) -> Unready | None:
    """What a ledger's service says that isn't ready. Any other web server, and one that says nothing, is taken as it
    is: the log itself is what is verified."""
    try:
        response = httpx.get(f"{url.rstrip('/')}/readyz", timeout=SECONDS, trust_env=False)
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return None
        signing = response.json()["signing"]
        fault, kind = signing["fault"], signing.get("kind")
    except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Unready(str(kind), "the service says that it isn't ready" + (f": {fault}" if fault else ""))


def _text(path: Path) -> str | None:
    return path.read_text(errors="replace") if path.is_file() else None


def _published(store: Store) -> tuple[str, int] | None:
    """The newest checkpoint of a store, with what witnesses signed of it. Whether it is one is for others to check."""
    note = store.checkpoint()
    if note is None:
        return None
    try:
        size = parse_text(parse_note(note.encode()).text).size
    except Malformed:
        return note, 0
    return note + "".join(store.cosignatures(size)), size
