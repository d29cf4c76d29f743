"""The log's key on disk: the private one in a file that only its owner reads, the public one beside it for everybody.

The private key is written as Go's sumdb and other software of the field write it, so that they can sign with it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ledger.log.note import LOG, PRIVATE, WITNESS, SigningKey, decoded, encoded
from ledger.log.tiles import Malformed

PRIVATE_FILE, PUBLIC_FILE = "log.key", "log.vkey"
NEXT_FILE = "log.key.next"
"""The key that a rotation is about to put in place."""
_FILES = {LOG: (PRIVATE_FILE, PUBLIC_FILE), WITNESS: ("witness.key", "witness.vkey")}
SEED_BYTES = 32


class KeyRefused(Exception):
    """The key can't be used; the message says why and what to do."""


def write_key(key: SigningKey) -> str:
    """The private key as text, without a line feed."""
    return f"{PRIVATE}{key.name}+{key.verifier.id.hex()}+{encoded(bytes([key.algorithm]) + key.secret)}"


def parse_key(text: str) -> SigningKey:
    """Read a private key; KeyRefused unless it is one, and its id is its own."""
    head, _, rest = text.removesuffix("\n").partition(PRIVATE)
    name, _, rest = rest.partition("+")
    key_id, _, material = rest.partition("+")
    try:
        raw = _secret(material)
        if head or len(raw) != 1 + SEED_BYTES:
            raise Malformed("it isn't written as PRIVATE+KEY+name+id+key")
        key = SigningKey(name, raw[1:], raw[0])
        if key.verifier.id.hex() != key_id:
            raise Malformed("its id isn't its own")
    except Malformed as error:
        raise KeyRefused(f"this is no private key: {error}") from None
    return key


def _secret(material: str) -> bytes:
    try:
        return decoded(material)
    except Malformed:  # which shows what it was given
        raise Malformed("its last part is not base64") from None


def load_key(folder: Path, name: str | None = None, algorithm: int = LOG) -> SigningKey:
    """The key in the folder; at the first start a new one is made, with this name or a random one.

    A log's and a witness's have files of their own. Raises KeyRefused if others may read the private key, if it is no
    key or one of the other type, or if it has another name than this; Malformed if no key can have this name.
    """
    private, public_file = _FILES[algorithm]
    path = folder / private
    if not path.exists():
        prefix = "deal-ledger" if algorithm == LOG else "deal-ledger-witness"
        make_key(path, name or f"{prefix}/{secrets.token_hex(8)}", algorithm)
    key = read_key(path)
    if key.algorithm != algorithm:
        raise KeyRefused(f"{path} is a key of type {key.algorithm:02x}: a log signs with 01, a witness with 04")
    if name is not None and key.name != name:
        raise KeyRefused(f"the key in {path} is of {key.name}, not of {name}: a log, and a witness, keeps its name")
    public = folder / public_file
    if not public.exists() or public.read_text() != f"{key.verifier}\n":
        write_atomically(public, f"{key.verifier}\n")
    return key


def make_key(path: Path, name: str, algorithm: int = LOG) -> None:
    """A new key of that name in this file, unless there is one. Raises Malformed if no key can have this name."""
    _create(path, f"{write_key(SigningKey(name, secrets.token_bytes(SEED_BYTES), algorithm))}\n")


def read_key(path: Path) -> SigningKey:
    """The key in this file. Raises KeyRefused if it is none, or others may read it."""
    if (mode := path.stat().st_mode) & 0o077:
        raise KeyRefused(f"others may read or change {path} (mode {mode & 0o777:o}): chmod 600 it, or replace the key")
    return parse_key(path.read_text())


def _create(path: Path, text: str) -> None:
    """A file for its owner alone from its first byte on; whoever comes second finds the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)  # fails if the file is there; a rename would replace it
        except FileExistsError:
            return
        sync_folder(path.parent)
    finally:
        beside.unlink()


def write_atomically(path: Path, text: str) -> None:
    """Put this text there whole or not at all, on the disk when this returns."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's own entries are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
