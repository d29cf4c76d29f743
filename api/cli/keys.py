"""`dealledger key`: the log's public key, by which anybody checks what it signed."""

from __future__ import annotations

from api.cli.ledgers import Data, existing
from api.cli.talking import Exit, fail, failures_told, tell
from ledger.log.keys import PUBLIC_FILE


def key(data: Data = None) -> None:
    """Print the log's public key, for `dealledger verify --vkey` and for other software."""
    settings = existing(data)
    path = settings.keys / PUBLIC_FILE
    with failures_told():
        if not path.exists():
            mend = "It is made when a service first opens the ledger, or is where DEALLEDGER_KEY_FOLDER says."
            fail(Exit.NOT_READY, f"There is no {path}.", mend)
        tell(path.read_text(), line_break=False)
