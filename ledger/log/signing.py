"""Who signs the log of a store: this process with the log's key, or somebody else."""

from __future__ import annotations

from pathlib import Path

from ledger.log.cycling import Cycling, Mirror, Told
from ledger.log.keys import PRIVATE_FILE, KeyRefused, load_key
from ledger.log.remade import Fault, Kind
from ledger.log.rotating import finish
from ledger.log.signer import Signer
from ledger.log.tiles import Malformed
from ledger.store import Store


def signer_of(
    store: Store, keys: Path, high_water: Path, name: str | None, *, alone: bool, told: Told = lambda fault: None
) -> Cycling:
    """What signs, or shows, this log's checkpoints. `keys` is the folder of its key, which is made at the first start.

    A log that was signed before keeps its key: without it nothing is signed here. If this process isn't `alone` on the
    log, others may, and what they sign is shown; if it is, that is a fault, as is a key that can't be used. A rotation
    that was cut short is finished. Raises what the store does.
    """
    try:
        finish(store, keys)
        if (keys / PRIVATE_FILE).exists():
            return Signer(store, load_key(keys, name), high_water, told)
        return _first(store, keys, high_water, name, alone, told)
    except (KeyRefused, Malformed, OSError, UnicodeDecodeError) as error:
        return Mirror(store, Fault(Kind.KEY, str(error)), told)


def _first(store: Store, keys: Path, high_water: Path, name: str | None, alone: bool, told: Told) -> Cycling:
    """Make the key of a log that nobody signed yet. It is made and signs while nobody else may, so that of several
    servers that start at once on an empty database just one makes a key."""
    with store.signing() as mine:
        if store.checkpoint() is not None:
            lacking = Fault(Kind.KEY, f"{keys / PRIVATE_FILE} is gone, and the log was signed with it: put it back")
            return Mirror(store, lacking if alone else None, told)
        if not mine:  # whoever has the right is signing for the first time
            return Mirror(store, None, told)
        signer = Signer(store, load_key(keys, name), high_water, told)
        signer.cycle(mine)
        return signer
