"""Who signs the log of a store: this process with the log's key, or somebody else."""

from __future__ import annotations

import time
from pathlib import Path

from ledger.log.cycling import Cycling, Mirror, Told
from ledger.log.keys import PRIVATE_FILE, KeyRefused, load_key
from ledger.log.remade import Fault, Kind
from ledger.log.rotating import finish
from ledger.log.signer import Signer
from ledger.log.tiles import Malformed
from ledger.store import Store

# How long a server waits for one that is just making the log's key, and may be making it in the folder of both.
FIRST_SECONDS = 5.0
_LOOK_SECONDS = 0.05


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
        until = time.monotonic() + FIRST_SECONDS
        while not (keys / PRIVATE_FILE).exists():
            found = _first(store, keys, high_water, name, alone, told)
            if found is not None:
                return found
            if time.monotonic() > until:
                return Mirror(store, None, told)
            time.sleep(_LOOK_SECONDS)
        return Signer(store, load_key(keys, name), high_water, told)
    except (KeyRefused, Malformed, OSError, UnicodeDecodeError) as error:
        return Mirror(store, Fault(Kind.KEY, str(error)), told)


def _first(store: Store, keys: Path, high_water: Path, name: str | None, alone: bool, told: Told) -> Cycling | None:
    """Make the key of a log that nobody signed yet. It is made and signs while nobody else may, so that of several
    servers that start at once on an empty database just one makes a key. None if somebody else
    has that right now, or has made the key here."""
    with store.signing() as mine:
        if (keys / PRIVATE_FILE).exists():  # by now: it is the folder of both
            return None
        if store.checkpoint() is not None:
            lacking = Fault(Kind.KEY, f"{keys / PRIVATE_FILE} is gone, and the log was signed with it: put it back")
            return Mirror(store, lacking if alone else None, told)
        if not mine:  # whoever has the right is signing for the first time
            return None
        signer = Signer(store, load_key(keys, name), high_water, told)
        signer.cycle(mine)
        return signer
