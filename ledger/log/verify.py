"""Verifies a whole log from its files, its public key and, best of all, an older checkpoint. It believes nothing else.

What it shows: every entry is the one that the signed root was made of, at its place, and everything that older
checkpoints signed is still there, unchanged. What no computation can show: that an entry is true, or that none was
withheld before it was signed. Without an older checkpoint, the key's owner could have rewritten everything and signed
it anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from ledger.log.checkpoint import SignedCheckpoint, parse_text
from ledger.log.entry import Leaf, NotAnEntry, parse_entry
from ledger.log.files import CHECKPOINT, HANDOVERS, Files, NotThere, read_handovers
from ledger.log.handovers import Keys, follow, rotation_of, split_notes
from ledger.log.keys import write_atomically
from ledger.log.merkle import leaf_hash
from ledger.log.note import NotSigned, VerifierKey, parse_note
from ledger.log.tiles import WIDTH, Bundle, Edge, Malformed, Tile, bundles, split_bundle, split_hashes, tiles
from ledger.rotations import KeyRotated

Told = Callable[[int, int], None]
"""Is told how far it is: so many events of so many."""


class Kind(StrEnum):
    """What is wrong with a log, by the check that found it."""

    MISSING = "missing"
    """A file that the log must have isn't there."""
    MALFORMED = "malformed"
    """A file isn't of its form."""
    UNSIGNED = "unsigned"
    """A checkpoint isn't signed by the log's key, or a known witness's signature is wrong."""
    KEY = "key"
    """The log's key was rotated, and the key that was given up didn't sign that."""
    SHRUNK = "shrunk"
    """The log is shorter than an older checkpoint says."""
    FORKED = "forked"
    """The log has another past than an older checkpoint signed, or two checkpoints of one size have two roots."""
    EVENT = "event"
    """An entry isn't the one that its leaf was made of."""
    ORDER = "order"
    """An entry isn't an event of a ledger, or isn't the next of its stream."""
    TREE = "tree"
    """A tile isn't what the tiles below are hashed to."""
    ROOT = "root"
    """The leaves have another root than was signed."""
    INDEX = "index"
    """What the store finds events by doesn't follow from them."""
    ATTACHMENT = "attachment"
    """What lies beside the log isn't what the log has the hash of."""
    READ_MODEL = "read_model"
    """What answers isn't what follows from the log."""
    ANSWER = "answer"
    """An answer in a bundle isn't what follows from its log."""


class NotVerified(Exception):
    """The log isn't what was signed; the message says where."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Verified:
    """All checks passed, for a log as this checkpoint signs it and these older ones did."""

    signed: SignedCheckpoint
    old: tuple[SignedCheckpoint, ...]
    keys: Keys


def verify(
    files: Files,
    key: VerifierKey,
    old: Sequence[bytes] = (),
    witnesses: tuple[VerifierKey, ...] = (),
    told: Told = lambda done, of: None,
) -> Verified:
    """Check every file of a log against its checkpoint, and that against older ones. Raises NotVerified.

    `key` may be one that the log has now, or had: what counts is that it led to the one that signs now, or came of it.
    """
    keys = keys_of(files, key)
    signed = _opened(_read(files, CHECKPOINT), keys, witnesses, "the checkpoint")
    before = tuple(
        sorted(
            (_opened(note, keys, (), f"older checkpoint {number}") for number, note in enumerate(old, 1)),
            key=lambda one: one.checkpoint.size,
        )
    )
    size = signed.checkpoint.size
    for one in before:
        if one.checkpoint.size > size:
            raise NotVerified(
                Kind.SHRUNK, f"the log has {size} events, and a checkpoint of {one.checkpoint.size} was signed before"
            )
    _Walk(files, size, before, keys, told).check(signed)
    return Verified(signed, before, keys)


def keys_of(files: Files, trusted: VerifierKey) -> Keys:
    """The keys that have signed the log, by its handovers, of which the trusted one is one. Raises NotVerified.

    Each key has signed its handover; that these are the log's own events and roots, only a look at all of it shows.
    """
    try:
        notes = split_notes(read_handovers(files))
    except Malformed as error:
        raise NotVerified(Kind.MALFORMED, f"{HANDOVERS}: {error}") from None
    if not notes:
        return Keys(trusted)
    try:
        size = parse_text(parse_note(_read(files, CHECKPOINT)).text).size
        return follow(trusted, [(note, _last_state(files, note, size)) for note in notes])
    except (Malformed, NotAnEntry) as error:
        raise NotVerified(Kind.MALFORMED, f"a handover of the log's key can't be read: {error}") from None
    except NotSigned as error:
        raise NotVerified(Kind.KEY, f"the log's key wasn't handed over as it should be: {error}") from None


def _last_state(files: Files, note: bytes, size: int) -> str:
    """The state of the last event of a checkpoint of a log of that size, which must be a rotation of its key."""
    index = parse_text(parse_note(note).text).size - 1
    if not 0 <= index < size:
        raise NotSigned(f"there is no event at position {index + 1}, and its handover is there")
    bundle = Bundle(index // WIDTH, min(WIDTH, size - index // WIDTH * WIDTH))
    leaf = parse_entry(split_bundle(_read(files, bundle.path), bundle.width)[index % WIDTH])
    if leaf.type != KeyRotated.type:
        raise NotSigned(f"the event at position {index + 1} rotates no key, and a handover says so")
    return leaf.state


def _read(files: Files, path: str) -> bytes:
    try:
        return files.read(path)
    except NotThere as error:
        raise NotVerified(Kind.MISSING, str(error)) from None
    except Malformed as error:
        raise NotVerified(Kind.MALFORMED, f"{path}: {error}") from None


def _opened(note: bytes, keys: Keys, witnesses: tuple[VerifierKey, ...], what: str) -> SignedCheckpoint:
    try:
        return keys.open(note, witnesses)
    except Malformed as error:
        raise NotVerified(Kind.MALFORMED, f"{what} can't be read: {error}") from None
    except NotSigned as error:
        raise NotVerified(Kind.UNSIGNED, f"{what} is not to be trusted: {error}") from None


@contextmanager
def _form_of(path: str) -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        raise NotVerified(Kind.MALFORMED, f"{path}: {error}") from None


class _Walk:
    """From the first entry to the last, with the tree made anew on the way."""

    def __init__(self, files: Files, size: int, before: Sequence[SignedCheckpoint], keys: Keys, told: Told) -> None:
        self._files = files
        self._size = size
        handed_over = [(one.checkpoint, "the log's key was handed over with") for one in keys.handovers]
        signed = [(one.checkpoint, "an older checkpoint signed") for one in before]
        self._before = sorted([*signed, *handed_over], key=lambda one: one[0].size)
        self._handovers = {one.checkpoint.size: (one.previous, one.key) for one in keys.handovers}
        self._told = told
        self._edge = Edge()
        self._above: dict[int, list[bytes]] = defaultdict(list)  # the nodes of each level above the leaves
        self._versions: dict[str, int] = {}

    def check(self, signed: SignedCheckpoint) -> None:
        self._grow([])
        for bundle in bundles(self._size):
            entries = self._entries(bundle)
            leaves = [leaf_hash(entry) for entry in entries]
            self._check_leaves(bundle, leaves)
            self._check_order(bundle, entries)
            self._grow(leaves)
            self._told(self._edge.size, self._size)
        if self._edge.root() != signed.checkpoint.root:
            raise NotVerified(Kind.ROOT, f"the {self._size} leaves have another root than the checkpoint signs")
        self._check_tiles()

    def _entries(self, bundle: Bundle) -> list[bytes]:
        with _form_of(bundle.path):
            return split_bundle(_read(self._files, bundle.path), bundle.width)

    def _tile(self, tile: Tile) -> list[bytes]:
        with _form_of(tile.path):
            return split_hashes(_read(self._files, tile.path), tile.width)

    def _check_leaves(self, bundle: Bundle, leaves: list[bytes]) -> None:
        stored = self._tile(Tile(0, bundle.index, bundle.width))
        for index, (leaf, theirs) in enumerate(zip(leaves, stored, strict=True), bundle.index * WIDTH):
            if leaf != theirs:
                raise NotVerified(
                    Kind.EVENT, f"the event at position {index + 1} isn't the one that its leaf was made of"
                )

    def _check_order(self, bundle: Bundle, entries: list[bytes]) -> None:
        for position, entry in enumerate(entries, bundle.index * WIDTH + 1):
            try:
                leaf = parse_entry(entry)
            except NotAnEntry as error:
                raise NotVerified(Kind.ORDER, f"position {position} holds no event: {error}") from None
            if leaf.version != self._versions.get(leaf.stream, 0) + 1:
                raise NotVerified(
                    Kind.ORDER,
                    f"position {position} holds version {leaf.version} of {leaf.stream}, which isn't the next",
                )
            self._versions[leaf.stream] = leaf.version
            self._check_rotation(position, leaf)

    def _check_rotation(self, position: int, leaf: Leaf) -> None:
        """What was followed is what the log says: it was read before, and may have been another thing then."""
        followed = self._handovers.get(position)
        if leaf.type != KeyRotated.type:
            if followed is not None:
                raise NotVerified(Kind.KEY, f"position {position} rotates no key, and a handover says so")
        elif followed is None:
            raise NotVerified(Kind.KEY, f"position {position} rotates the log's key, and nobody handed it over")
        elif _named_by(leaf) != followed:
            raise NotVerified(Kind.KEY, f"position {position} names other keys than the handover was followed by")

    def _grow(self, leaves: list[bytes]) -> None:
        """Add leaves, and look at each older checkpoint as the tree passes its size."""
        end = self._edge.size + len(leaves)
        for one, says in (*self._before, (None, "")):
            size = end if one is None else one.size
            if self._edge.size <= size <= end:
                count = size - self._edge.size
                for node in self._edge.extend(leaves[:count]):
                    self._above[node.level].append(node.hash)
                leaves = leaves[count:]
                if one is not None and self._edge.root() != one.root:
                    raise NotVerified(
                        Kind.FORKED, f"{says} another root for the first {size} events: history was rewritten"
                    )

    def _check_tiles(self) -> None:
        for tile in tiles(self._size):
            first = tile.index * WIDTH
            if tile.level and self._tile(tile) != self._above[tile.level][first : first + tile.width]:
                raise NotVerified(Kind.TREE, f"{tile.path} isn't what the tiles below are hashed to")


def _named_by(rotation: Leaf) -> tuple[VerifierKey, VerifierKey] | None:
    try:
        return rotation_of(rotation.state)
    except Malformed:
        return None


class Seen:
    """The newest checkpoint of each log that was verified, or witnessed, here, in a folder: the older one next time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self, key: VerifierKey) -> bytes | None:
        """The note, to be checked like any other."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def all(self) -> list[bytes]:
        """The notes of all logs."""
        return [path.read_bytes() for path in sorted(self._folder.glob("*.checkpoint"))]

    def keep(self, key: VerifierKey, signed: SignedCheckpoint) -> None:
        """Remember what passed every check. It followed what was remembered, or it wouldn't have passed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(key), signed.note)

    def _path(self, key: VerifierKey) -> Path:
        return self._folder / f"{sha256(str(key).encode()).hexdigest()}.checkpoint"
