#!/usr/bin/env python3
"""Verify a copy of a ledger's log with nothing but Python (3.9 or newer) and openssl.

    python3 verify.py [--log FOLDER] [--vkey KEY] [--old CHECKPOINT]...

FOLDER holds `checkpoint` and `tile/...` as C2SP tlog-tiles lays them out (default: log/ beside this file). KEY is the
log's public key, or one that it had before: take it from the log's owner over a channel of your own; without it the one
beside this file is used, which proves nothing about who signed. `proofs/` beside FOLDER, if it is there, has proofs of
single events, each of which must lead to the log's root. `handovers` in FOLDER leads from each key to the next:
checkpoints that both signed, of the size whose last event names the new one. Each CHECKPOINT is one that you kept from
an earlier time: without any, a history that the key's owner rewrote can't be told from the true one.

Exit codes: 0 all well, 1 found wrong, 2 bad usage, 3 a file or openssl is missing.

This file shares no code with the ledger. Read it before you trust it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDTH = 256
REWRITTEN = "an older checkpoint signed another past: history was rewritten"


class Wrong(Exception):
    """The log isn't what was signed."""


class Missing(Exception):
    """Something that is needed isn't there."""


# --- keys and checkpoints ---------------------------------------------------------------------------------------


def decoded(text: str) -> bytes:
    """Base64, written in the one way that it should be."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if base64.b64encode(value).decode() != text:
        raise Wrong(f"not base64: {text[:100]}")
    return value


class Key:
    """`name+id+base64(01 and 32 bytes)`"""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.name, _, rest = self.text.partition("+")
        key_id, _, material = rest.partition("+")
        raw = decoded(material)
        self.id, self.bytes = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4], raw[1:]
        if len(raw) != 33 or raw[0] != 1 or self.id.hex() != key_id:
            raise Wrong("the public key is none of a log, or its id isn't its own")

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Ask openssl."""
        with tempfile.TemporaryDirectory() as folder:
            key, message, signed = (Path(folder, name) for name in ("key", "message", "signed"))
            key.write_bytes(bytes.fromhex("302a300506032b6570032100") + self.bytes)
            message.write_bytes(text)
            signed.write_bytes(signature)
            command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"]
            command += ["-inkey", str(key), "-in", str(message), "-sigfile", str(signed)]
            try:
                return subprocess.run(command, capture_output=True, check=False).returncode == 0
            except FileNotFoundError:
                raise Missing("openssl isn't installed") from None


def open_checkpoint(note: bytes, key: Key, what: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key signed."""
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise Wrong(f"{what} isn't UTF-8") from None
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n") or re.search("[\x00-\x09\x0b-\x1f]", whole):
        raise Wrong(f"{what} is no signed note")
    signatures = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch("— ([^ +]+) ([^ ]+)", line)
        signed = decoded(match[2]) if match else b""
        if match is None or len(signed) < 5:
            raise Wrong(f"{what} has a line that is no signature")
        if (match[1], signed[:4]) == (key.name, key.id):
            signatures.append(signed[4:])
    if not signatures:
        raise Wrong(f"{what} isn't signed by {key.name}")
    if not all(key.verifies(f"{text}\n".encode(), signature) for signature in signatures):
        raise Wrong(f"{what} has a wrong signature")
    match = re.fullmatch("([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)", text)
    root = decoded(match[3]) if match else b""
    if match is None or match[1] != key.name or len(root) != 32:
        raise Wrong(f"{what} isn't the name of the log, a size and a root")
    return int(match[2]), root


class Keys:
    """The keys that signed a log, one after the other, and the checkpoints with which each handed over to the next."""

    def __init__(self, trusted: Key) -> None:
        self.keys = [trusted]
        self.roots: dict[int, bytes] = {}

    def follow(self, folder: Path, size: int) -> None:
        """Read the handovers of a log of that size. Raises Wrong unless each key signed its own, in one line."""
        [trusted] = self.keys
        notes = split_notes(read(folder / "handovers")) if (folder / "handovers").exists() else []
        for note in notes:
            at = size_of(note, "a handover")
            if not max(self.roots, default=0) < at <= size:
                raise Wrong(f"a handover of {at} events is not between the one before it and the end of the log")
            index = (at - 1) // WIDTH
            named = rotation_of(read_entries(folder, index, size)[at - 1 - index * WIDTH])
            if named is None:
                raise Wrong(f"position {at} rotates no key, and a handover says so")
            previous, key = map(Key, named)
            if not self.roots:
                self.keys = [previous]
            known = [one.text for one in self.keys]
            if previous.text != known[-1] or key.text in known:
                raise Wrong(f"the handover at {at} events doesn't follow the one before it")
            _, self.roots[at] = open_checkpoint(note, previous, f"the handover at {at} events")
            open_checkpoint(note, key, f"the handover at {at} events")
            self.keys.append(key)
        if trusted.text not in [one.text for one in self.keys]:
            raise Wrong("the log isn't signed by that key, nor by one that it led to")

    def open(self, note: bytes, what: str) -> tuple[int, bytes]:
        """Size and root of a checkpoint that a key of its time signed: one, or at a handover either of two."""
        size = size_of(note, what)
        ends = [0, *self.roots, size]  # of each key's time; it begins where the one before ends
        *others, last = [key for at, key in enumerate(self.keys) if ends[at] <= size <= ends[at + 1]]
        for key in others:
            try:
                return open_checkpoint(note, key, what)
            except Wrong:
                continue
        return open_checkpoint(note, last, what)

    def check(self, position: int, entry: bytes) -> None:
        """Whether the event rotates the key just where it was handed over, from and to the keys that did so."""
        handed = None
        if position in self.roots:
            at = list(self.roots).index(position)
            handed = self.keys[at].text, self.keys[at + 1].text
        if rotation_of(entry) != handed:
            raise Wrong(f"position {position} rotates the log's key, and it wasn't handed over so")


def split_notes(text: bytes) -> list[bytes]:
    """Checkpoints with an empty line between."""
    parts = text[:-1].split(b"\n\n")
    notes = [parts[at] + b"\n\n" + parts[at + 1] + b"\n" for at in range(0, len(parts) - 1, 2)]
    if b"\n".join(notes) != text:
        raise Wrong("handovers aren't signed notes with an empty line between")
    return notes


def size_of(note: bytes, what: str) -> int:
    """What a checkpoint says, whoever signed it."""
    match = re.match(b"[^\n]+\n(0|[1-9][0-9]{0,18})\n", note)
    if match is None:
        raise Wrong(f"{what} is no checkpoint")
    return int(match[1])


def rotation_of(entry: bytes) -> tuple[str, str] | None:
    """The keys that an event is a rotation from and to, if it is one."""
    try:
        event = json.loads(entry.decode())
        if event["type"] != "key.rotated":
            return None
        data = json.loads(event["state"])["data"]
        return str(data["previous"]), str(data["key"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Wrong("an event of the log can't be read") from None


# --- the tree ---------------------------------------------------------------------------------------------------


class Tree:
    """A growing tree (RFC 6962): the roots of its full subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def append(self, node: bytes) -> None:
        self.size += 1
        size = self.size
        while size % 2 == 0:
            node = hashlib.sha256(b"\x01" + self.peaks.pop() + node).digest()
            size //= 2
        self.peaks.append(node)

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        *others, found = self.peaks
        for left in reversed(others):
            found = hashlib.sha256(b"\x01" + left + found).digest()
        return found


# --- the files --------------------------------------------------------------------------------------------------


def path_of(kind: str, index: int, width: int) -> str:
    """tile/entries/x001/234 or tile/0/x001/234.p/5"""
    digits = str(index)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{kind}/" + "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]]) + partial


def read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise Missing(f"{path} can't be read: it is no file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Missing(f"{path} can't be read: {error.strerror}") from None


def read_entries(folder: Path, index: int, size: int) -> list[bytes]:
    """The entries of the bundle with this index of a log of that size: as many as there must be."""
    width = min(WIDTH, size - index * WIDTH)
    path = path_of("entries", index, width)
    entries = list(islice(entries_of(read(folder / path), path), width + 1))
    if len(entries) != width:
        raise Wrong(f"{path} has {'more' if len(entries) > width else len(entries)} entries, not {width}")
    return entries


def entries_of(bundle: bytes, path: str) -> Iterator[bytes]:
    """Each entry stands behind its length in two bytes."""
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle):
            raise Wrong(f"{path} ends within an entry")
        yield bundle[at + 2 : end]
        at = end


def check_entry(entry: bytes, position: int, versions: dict[str, int]) -> None:
    """An entry is the canonical JSON of an event, and the next of its record."""
    try:
        event = json.loads(entry.decode())
        fields = {name: event[name] for name in ("state", "stream", "type", "version")}
        same = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() == entry
        kinds = [type(value) for value in fields.values()]
    except (ValueError, KeyError, TypeError, RecursionError):
        same, fields, kinds = False, {}, []
    if not same or kinds != [str, str, str, int]:
        raise Wrong(f"position {position} holds no event")
    if versions.get(fields["stream"], 0) + 1 != fields["version"]:
        raise Wrong(f"position {position} isn't the next of {fields['stream']}")
    versions[fields["stream"]] = fields["version"]


def verify(folder: Path, key: Key, old: list[bytes]) -> tuple[int, bytes]:
    """Size and root. Raises Wrong unless every file is what the checkpoint signs and older ones signed."""
    newest = read(folder / "checkpoint")
    keys = Keys(key)
    keys.follow(folder, size_of(newest, "the checkpoint"))
    size, root = keys.open(newest, "the checkpoint")
    roots = dict(keys.roots)
    for number, note in enumerate(old, 1):
        old_size, old_root = keys.open(note, f"older checkpoint {number}")
        if old_size > size:
            raise Wrong(f"older checkpoint {number} is of {old_size} entries, and the log has {size}: it lost some")
        if roots.setdefault(old_size, old_root) != old_root:
            raise Wrong(REWRITTEN)
    tree, hashes = Tree(), list[bytes]()
    versions: dict[str, int] = {}
    if roots.get(0, tree.root()) != tree.root():
        raise Wrong(REWRITTEN)
    for index in range((size + WIDTH - 1) // WIDTH):
        for entry in read_entries(folder, index, size):
            hashes.append(hashlib.sha256(b"\x00" + entry).digest())
            tree.append(hashes[-1])
            if tree.size in roots and roots[tree.size] != tree.root():
                raise Wrong(REWRITTEN)
            check_entry(entry, tree.size, versions)
            keys.check(tree.size, entry)
    if tree.root() != root:
        raise Wrong("the entries have another root than the checkpoint signs")
    check_tiles(folder, hashes)
    return size, root


def check_tiles(folder: Path, hashes: list[bytes]) -> None:
    """The tiles of every level are what the entries are hashed to."""
    level = 0
    while hashes:
        above = []
        for first in range(0, len(hashes), WIDTH):
            tile = hashes[first : first + WIDTH]
            path = path_of(str(level), first // WIDTH, len(tile))
            if read(folder / path) != b"".join(tile):
                raise Wrong(f"{path} isn't what the entries are hashed to")
            if len(tile) == WIDTH:
                tree = Tree()
                for one in tile:
                    tree.append(one)
                above.append(tree.root())
        hashes, level = above, level + 1


def check_proofs(folder: Path, checkpoint: bytes, size: int, root: bytes) -> int:
    """How many there are, each with its event. Raises Wrong unless each leads from its event to the log's root, at the
    position that its file is named by."""
    if folder.exists() and not folder.is_dir():
        raise Wrong(f"{folder} is no folder")
    positions = set()
    for path in sorted(folder.iterdir()) if folder.exists() else []:
        match = re.fullmatch(r"([1-9][0-9]{0,18})\.(json|tlog-proof)", path.name)
        if match is None:
            raise Wrong(f"{path} is neither a proof nor its event")
        positions.add(int(match[1]))
    for position in sorted(positions):
        check_proof(folder, position, checkpoint, size, root)
    return len(positions)


def check_proof(folder: Path, position: int, checkpoint: bytes, size: int, root: bytes) -> None:
    """`position`.tlog-proof: a first line, the index, a hash a line, an empty line, the log's own checkpoint."""
    path = folder / f"{position}.tlog-proof"
    begin = f"c2sp.org/tlog-proof@v1\nindex {position - 1}\n".encode()
    end = b"\n" + checkpoint
    proof = read(path)
    if position > size or len(proof) < len(begin + end) or not (proof.startswith(begin) and proof.endswith(end)):
        raise Wrong(f"{path} isn't the proof of position {position} under this log's checkpoint")
    try:
        lines = proof[len(begin) : len(proof) - len(end)].decode("ascii")
    except UnicodeDecodeError:
        raise Wrong(f"{path} has a line that is no hash") from None
    hashes = [decoded(line) for line in lines.split("\n")[:-1]]
    if (lines and not lines.endswith("\n")) or any(len(one) != 32 for one in hashes):
        raise Wrong(f"{path} has a line that is no hash")
    found = hashlib.sha256(b"\x00" + read(folder / f"{position}.json")).digest()
    at, last = position - 1, size - 1  # RFC 9162, 2.1.3.2
    for sibling in hashes:
        if last == 0:
            raise Wrong(f"{path} is too long")
        if at % 2 or at == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while at and not at % 2:
                at, last = at // 2, last // 2
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        at, last = at // 2, last // 2
    if last or found != root:
        raise Wrong(f"{path} doesn't lead from {position}.json to the log's root")


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify a copy of a ledger's log with Python and openssl alone.")
    parser.add_argument("--log", type=Path, default=HERE / "log", help="the folder of checkpoint and tiles")
    parser.add_argument("--vkey", help="the log's public key, name+id+key, as you got it from its owner")
    parser.add_argument("--old", type=Path, action="append", default=[], help="a checkpoint of an earlier time")
    given = parser.parse_args()
    try:
        key = Key(given.vkey or read(HERE / "log.vkey").decode())
        size, root = verify(given.log, key, [read(path) for path in given.old])
        proofs = check_proofs(given.log.parent / "proofs", read(given.log / "checkpoint"), size, root)
    except Wrong as error:
        print(f"NOT VERIFIED: {error}", file=sys.stderr)
        return 1
    except Missing as error:
        print(f"can't verify: {error}", file=sys.stderr)
        return 3
    if given.vkey is None:
        print("Note: without --vkey, who signed this is taken from the copy itself.", file=sys.stderr)
    if not given.old:
        print("Note: without --old, a history that the key's owner rewrote would look right.", file=sys.stderr)
    print(f"verified: {size} events, root {base64.b64encode(root).decode()}")
    if proofs:
        print(f"verified: {proofs} proofs beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
