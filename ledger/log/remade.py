"""What the store holds, made again from its events and compared: what the signer does before it signs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ledger.columns import Columns, Misplaced
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import root
from ledger.log.tiles import WIDTH, Edge, nodes, split_hashes
from ledger.store import NoLeaf, Stored, TreeDamaged, leaf_of
from ledger.store.recorder import Reading


class Kind(StrEnum):
    """What is wrong with a log that isn't signed."""

    BEHIND = "behind"
    """It is shorter than what was signed: an old backup was restored."""
    REWRITTEN = "rewritten"
    """It has another past than what was signed."""
    EVENT = "event"
    """An event isn't the one that its leaf was made of."""
    TREE = "tree"
    """Leaves and nodes, or leaves and events, don't belong together."""
    CHECKPOINT = "checkpoint"
    """The last signed checkpoint can't be read, or isn't signed by the log's key."""
    STORE = "store"
    """The store can't be asked."""
    DAMAGED = "damaged"
    """The database holds something that it never took."""
    KEY = "key"
    """The log's key isn't there, or can't be used."""
    FILE = "file"
    """A file beside the database can't be read or written."""


class Fault(Exception):
    """Why the log isn't signed; the message says where and what to do."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def read_only(self) -> bool:
        """Whether nothing may be appended: it would go on from a past that isn't the one that was signed."""
        return self.kind in (Kind.BEHIND, Kind.REWRITTEN)

    @property
    def passing(self) -> bool:
        """Whether it says nothing of the log itself: the store is away, and the next look may find it back."""
        return self.kind is Kind.STORE


def check_root(store: Reading, signed: Checkpoint) -> None:
    """Raises Fault unless the store's tree still has the root that was signed."""
    try:
        found = root(signed.size, nodes(signed.size, store.hashes))
    except TreeDamaged as error:
        raise Fault(Kind.TREE, str(error)) from None
    if found != signed.root:
        raise Fault(
            Kind.REWRITTEN,
            f"the first {signed.size} leaves have another root than was signed: what the log held was changed."
            " Restore it from a backup that `dealledger verify` accepts",
        )


def remade(store: Reading, size: int, end: int, rest: Callable[[], object] = lambda: None) -> Edge:
    """The edge of the tree of `end` leaves. What came after the first `size` is made again from the events, a tile at
    a time, with a `rest` after each.

    Raises Fault at the first event that isn't the one its leaf was made of, or whose columns don't follow from it,
    and at the first node that doesn't follow.
    """
    try:
        edge, columns = Edge(size, store.hashes), Columns(store)
        while edge.size < end:
            count = min(WIDTH - edge.size % WIDTH, end - edge.size)
            events = _events(store, edge.size, count)
            leaves = [_leaf(event) for event in events]
            stored = split_hashes(store.hashes(0, edge.size, count), count)
            for position, (leaf, theirs) in enumerate(zip(leaves, stored, strict=True), edge.size + 1):
                if leaf != theirs:
                    raise Fault(
                        Kind.EVENT,
                        f"the event at position {position} isn't the one that its leaf was made of: one of them was"
                        " changed or moved beside the ledger",
                    )
            for event in events:
                columns.check(event)
            for node in edge.extend(leaves):
                if store.hashes(node.level, node.index, 1) != node.hash:
                    raise Fault(
                        Kind.TREE, f"the node {node.index} of level {node.level} isn't what its tile is hashed to"
                    )
            rest()
    except TreeDamaged as error:
        raise Fault(Kind.TREE, str(error)) from None
    except Misplaced as error:
        raise Fault(Kind.EVENT, str(error)) from None
    return edge


def _events(store: Reading, after: int, count: int) -> list[Stored]:
    events = store.read(after, count)
    gone = set(range(after + 1, after + 1 + count)) - {event.position for event in events}
    if gone:
        raise Fault(Kind.EVENT, f"the event at position {min(gone)} is gone")
    return events


def _leaf(event: Stored) -> bytes:
    try:
        return leaf_of(event)
    except NoLeaf as error:
        raise Fault(Kind.EVENT, f"the event at position {event.position} was changed: {error}") from None
