"""Whether what lies beside the log is what the log vouches for: every attachment's bytes against their hash."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.attachments import ADDED, ERASED
from ledger.columns import state_of
from ledger.store import Store


@dataclass(frozen=True, slots=True)
class Vouched:
    """How many attachments there are, by what there is of them."""

    held: int
    """Those whose bytes are here and are the ones that were attached."""
    erased: int
    missing: int
    """Those of which the hash alone came in, as from another ledger, or whose row was deleted beside the log."""


def vouched(store: Store) -> Vouched:
    """Look at all of them. Raises NotVouched at the first whose bytes aren't what the log says."""
    added, erased = _said(store)
    held = 0
    for content in store.contents():
        name = content.attachment
        if name in erased:
            raise NotVouched(f"the attachment {name} was erased at position {erased[name]}, and its bytes are there")
        if name not in added:
            raise NotVouched(f"there are bytes of an attachment {name}, which no event added")
        position, hashed, size = added[name]
        if (content.hash, len(content.bytes)) != (hashed, size):
            raise NotVouched(
                f"the bytes of the attachment {name} aren't those that position {position} has the hash of"
            )
        held += 1
    return Vouched(held, len(erased), len(added) - len(erased) - held)


class NotVouched(Exception):
    """What is kept of an attachment isn't what the log says; the message says of which."""


def _said(store: Store) -> tuple[dict[str, tuple[int, str, int]], dict[str, int]]:
    """By id, where and with what hash and size each was added, and where each was erased."""
    added: dict[str, tuple[int, str, int]] = {}
    erased: dict[str, int] = {}
    for event in store.by_type(ADDED, ERASED):
        try:
            data = state_of(event)["data"]
            name = str(data["attachment"])
            if event.type == ADDED:
                added[name] = (event.position, data["hash"], data["size"])
            else:
                erased[name] = event.position
        except (KeyError, TypeError):
            raise NotVouched(f"the event at position {event.position} lacks what an event of its type has") from None
    return added, erased
