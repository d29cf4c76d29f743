"""Who signs the log of a store: this process with the log's key, or somebody else."""

from __future__ import annotations

from pathlib import Path

from ledger.log.cycling import Cycling, Mirror, Told
from ledger.log.keys import PRIVATE_FILE, KeyRefused, load_key
from ledger.log.remade import Fault, Kind
from ledger.log.signer import Signer
from ledger.log.tiles import Malformed
from ledger.store import Store


def signer_of(
    store: Store, keys: Path, high_water: Path, name: str | None, *, alone: bool, told: Told = lambda fault: None
) -> Cycling:
    """What signs, or shows, this log's checkpoints. `keys` is the folder of its key, which is made at the first start.

    A log that was signed before keeps its key: without it nothing is signed here. If this process isn't `alone` on the
    log, others may, and what they sign is shown; if it is, that is a fault, as is a key that can't be used.
    Raises what the store does.
    """
    try:
        if not (keys / PRIVATE_FILE).exists() and store.checkpoint() is not None:
            lacking = Fault(Kind.KEY, f"{keys / PRIVATE_FILE} is gone, and the log was signed with it: put it back")
            return Mirror(store, lacking if alone else None, told)
        return Signer(store, load_key(keys, name), high_water, told)
    except (KeyRefused, Malformed, OSError, UnicodeDecodeError) as error:
        return Mirror(store, Fault(Kind.KEY, str(error)), told)
