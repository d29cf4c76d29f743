"""Killed between event, leaf, node, commit, signature and file, the ledger starts again with a tree that fits."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.log.files import StoreFiles
from ledger.log.signer import Signer
from ledger.log.verify import verify
from ledger.store import open_store
from tests.ledger.log.logs import KEY, append

# A process that appends and signs until it kills itself, at the third time that it comes to the place.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from unittest import mock

from ledger.log import signer as signing
from ledger.log.signer import Signer
from ledger.store import open_store, postgres, sqlite
from tests.ledger.log.logs import KEY, append

folder, url, place = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3]
times = 0

def killing(module, name, before):
    real = getattr(module, name)
    def wrapped(*arguments, **named):
        global times
        times += 1
        if before and times == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if not before and times == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(module, name, wrapped)

database = sqlite if url is None else postgres
commit = (sqlite.Connection, "commit") if url is None else (postgres, "commit_surely")
store = open_store(folder / "ledger", url)
signer = Signer(store, KEY, folder / "log.highwater")
places = {
    "before the leaves": (database, "_store_runs", True),
    "after the leaves": (database, "_store_runs", False),
    "before the commit": (*commit, True),
    "after the commit": (*commit, False),
    "before the file": (signing, "write_atomically", True),
    "after the file": (signing, "write_atomically", False),
    "never": None,
}
if places[place] is not None:
    killing(*places[place])
for count in (100, 156, 1, 300, 7):
    append(store, count)
    signer.cycle()
    print(store.head(), flush=True)
store.close()
"""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "place",
    [
        "before the leaves",
        "after the leaves",
        "before the commit",
        "after the commit",
        "before the file",
        "after the file",
        "never",
    ],
)
def test_killed_in_between(tmp_path: Path, request: pytest.FixtureRequest, database: str, place: str) -> None:
    """Events, leaves and nodes are there together or not at all; what was told is there; the next cycle signs what is
    there, and it follows what was signed before. "never" is the control."""
    url = request.getfixturevalue("database_url") if database == "postgres" else None
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), url or "", place], capture_output=True, text=True, check=False
    )
    assert killed.returncode == (0 if place == "never" else -signal.SIGKILL), killed.stderr
    told = [int(line) for line in killed.stdout.split()]
    assert (told[-1:] == [564]) == (place == "never")

    store = open_store(tmp_path / "ledger", url)
    heads = store.heads()
    assert heads.position == heads.leaves >= max(told, default=0)
    old = [path.read_bytes() for path in [tmp_path / "log.highwater"] if path.exists()]
    signer = Signer(store, KEY, tmp_path / "log.highwater")
    for more in (0, 300):
        append(store, more)
        assert signer.cycle() is None
        verified = verify(StoreFiles(store, signer.published), KEY.verifier, old)
        assert verified.signed.checkpoint.size == store.head() == heads.position + more
    store.close()
