"""The first answers that are kept for idempotency keys, against the events that they name.

No leaf covers them, and whoever sends something again is told by them what was recorded, or that nothing was.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from ledger.columns import BATCH, Misplaced, batches, state_of
from ledger.store import Answer, Stored
from ledger.store.recorder import Reading

FIELD = "idempotency_key"


def check_answers(store: Reading) -> None:
    """Every answer names events of the log that came with its key, and whatever came with a key is named by one.

    What nobody can make again from the log isn't compared: the digest of what was sent, its warnings, and which of an
    import's lines an answer is for. Raises Misplaced.
    """
    named = bytearray(store.heads().position + 1)  # by position: whether an answer names it
    after = ""
    while answers := store.answers_after(after, BATCH):
        after = answers[-1].key
        told = {answer.key: _told(answer) for answer in answers}
        events = {one.position: one for one in store.at({at for places in told.values() for at in places})}
        for answer in answers:
            for at, (event_id, type_) in told[answer.key].items():
                event = events.get(at)
                if event is None or (event.event_id, event.type) != (event_id, type_) or not _came_with(answer, event):
                    raise Misplaced(f"the answer that is kept for {answer.key} names another event at position {at}")
                if named[at]:
                    raise Misplaced(f"two answers are kept that name the event at position {at}")
                named[at] = True
    for batch in batches(store):
        for event in batch:
            if not named[event.position] and FIELD in event.state and FIELD in state_of(event):
                raise Misplaced(
                    f"the event at position {event.position} came with an idempotency key, and no answer is kept:"
                    " sent again, it would be recorded again"
                )


def _told(answer: Answer) -> dict[int, tuple[Any, Any]]:
    """The id and the type of the event at each position that the answer names. Raises Misplaced."""
    try:
        said = from_json(answer.answer)
        named = [(one["id"], one["type"]) for one in said["events"]]
        told = dict(enumerate(named, answer.position - len(named) + 1))
        events = [{"id": event_id, "position": at, "type": type_} for at, (event_id, type_) in told.items()]
        # To the letter: whoever asks again is told no more than what is compared here.
        if answer.answer != Answer.told(answer.position, events, said["warnings"]):
            raise ValueError("not as it is written")
        if not told or not isinstance(answer.key, str):
            raise ValueError("no events, or no key")
    except (ValueError, KeyError, TypeError):
        raise Misplaced(f"the answer that is kept for {answer.key} can't be read") from None
    return told


def _came_with(answer: Answer, event: Stored) -> bool:
    """Whether the event says that it came with the answer's key. A line of an import, and what is recorded once more
    after it was retracted, have keys that go on after the one that was given."""
    given = state_of(event).get(FIELD)
    return given is None or (isinstance(given, str) and re.match(f"{re.escape(given)}([:~]|$)", answer.key) is not None)
