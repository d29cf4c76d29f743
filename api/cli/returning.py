"""Lines whose events the ledger has under the ids that the file gives them: they stand there, or are brought back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from api.bulk import Line
from api.cli.doors import Door
from ledger.event import RETRACTED
from ledger.refusals import Reason


def known_by_id(ledger: Door, lines: Sequence[Line], told: Sequence[Mapping[str, Any]]) -> dict[int, Line | None]:
    """Of the lines that were refused for their id, those that say what the ledger has under it, by number.

    None if that stands, or if one of the lines retracts it; if it was retracted otherwise, the line that takes the
    retraction back.
    """
    reasons = {one["line"]: one.get("problem", {}).get("reason") for one in told}
    taken = {number for number, reason in reasons.items() if reason == Reason.EVENT_EXISTS}
    if not taken:
        return {}
    gone = {one["id"]: one for one in ledger.rows("/v1/events", {"live": "false"})}
    retractions = {one["id"]: one for one in ledger.rows("/v1/events", {"live": "true", "type": RETRACTED})}
    own = (line for line in lines if reasons[line.number] in (None, Reason.EVENT_EXISTS))
    ids = {json.loads(line.raw).get("id") for line in own if RETRACTED.encode() in line.raw}
    found: dict[int, Line | None] = {}
    for line in lines:
        if line.number in taken:
            said = json.loads(line.raw)
            event = gone.get(said["id"]) or ledger.event(said["id"])
            if event is not None and _says(event, said):
                by = [retractions[one] for one in event["retracted_by"] if one in retractions.keys() - ids]
                found[line.number] = Line(line.number, _brought_back(by[0])) if by else None
    return found


def _says(event: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether an event of the ledger is what was submitted; what that leaves out, the ledger has a default for."""
    defaults = {"effective": event["effective"], "known": event["known"], "status": "reported"}
    fields = ("type", "effective", "known", "source", "status", "same_as", "note", "data")
    return all(event.get(name) == (said.get(name) or defaults.get(name)) for name in fields)


def _brought_back(retraction: Mapping[str, Any]) -> bytes:
    """The retraction of a retraction: known since that is, so that it was never known."""
    said = {
        "type": RETRACTED,
        "known": retraction["known"],
        "data": {"event": retraction["id"], "reason": "Imported again."},
    }
    return json.dumps(said).encode()
