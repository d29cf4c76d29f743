"""One process per ledger folder: a lock that the kernel releases when its holder dies, and a word on who holds it."""

from __future__ import annotations

import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from ledger.store.errors import FolderHeld

LOCK_FILE = "ledger.lock"


class HeldFolder:
    """A ledger folder (made if it isn't there) that no other process can open until `release`.

    The lock file stays when it is released: removing it would let two processes lock two files of one name.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / LOCK_FILE).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read(1000).strip()
            self._file.close()
            raise FolderHeld(
                f"ledger folder {folder} is held by {holder or 'a process that is just starting'}"
            ) from None
        since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        self._file.flush()

    def release(self) -> None:
        self._file.close()
