"""What can go wrong with the log, whichever database holds it. The rest of the ledger knows no other errors of it."""

from __future__ import annotations


class StoreError(Exception):
    """The store could not do what it was asked; nothing was written unless a subclass says otherwise."""


class Conflict(StoreError):
    """The stream's version, the event id or the idempotency key is taken. Nothing was written."""


class StoreRefused(StoreError):
    """The store doesn't start with this setting, because the log wouldn't be safe with it."""


class FolderHeld(StoreError):
    """Another process owns the ledger folder; the message says which, where and since when."""


class StoreUnavailable(StoreError):
    """The database can't be reached, is full, or kept us waiting for too long. Nothing was written."""


class OutcomeUnknown(StoreUnavailable):
    """The database's answer to COMMIT was lost or qualified: what was written may be stored or not, all of it or none.

    Asking again with the same idempotency key finds out.
    """


class NotReplicated(StoreUnavailable):
    """Stored here, perhaps not where it was to be copied before it counts; a failover could lose it."""


class NoLeaf(StoreError):
    """An event can't be a leaf of the tree, since it is too long or isn't Unicode. Nothing was written."""


class TreeDamaged(StoreError):
    """The tree's rows and the events' don't belong together: somebody wrote to one of them beside the store."""
