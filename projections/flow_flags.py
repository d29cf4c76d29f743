"""Flags of flows: what else than amounts, days and parties decides how a flow counts in the graph of exposures.

They are worked out once, when a flow is written, and stand in one column: to find them in texts, for all flows at each
question, takes longer than to read everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CREDIT = "cloud_credit"
DEBT_SERVICE = ("interest", "principal")
NO_EDGE = ("capex", "spend")

# Each is a power of two, by its place.
_NAMES = (
    "up_to",
    "fulfilled",
    "aside",
    "secondary",
    "debt_service",
    "credit",
    "binding",
    "loose",  # said not to bind
    "formed",
    "stock",
    "priced",
    "unstated",
    "tied",  # bears on edges of other records, or is of an amount that units can't tell
)
BIT = {name: 1 << place for place, name in enumerate(_NAMES)}


def flags_of(kind: str, said: Mapping[str, Any], amounts: Mapping[str, Any]) -> int:
    """The flags of a flow, by what it says in the columns of flows and of amounts."""
    form, subtype, priced = said["form"] or "", said["subtype"], amounts.get("low") is not None
    stock = "stock" in form
    holds = {
        "up_to": amounts.get("up_to"),
        "fulfilled": said["outcome"] == "fulfilled",
        "aside": subtype in NO_EDGE,
        "secondary": subtype == "secondary",
        "debt_service": subtype in DEBT_SERVICE,
        "credit": form == CREDIT,
        "binding": said["binding"] is True,
        "loose": said["binding"] is False,
        "formed": said["form"] is not None,
        "stock": stock,
        "priced": priced,
        "unstated": amounts.get("stated") is None,
        "tied": said["part_of"] is not None
        or said["linked"] is not None
        or stock
        or " " in form
        or said["instrument"] == "warrant"
        or (priced and amounts.get("low_units") is None)
        or kind.startswith("guarantee."),
    }
    return sum(BIT[name] for name, it_does in holds.items() if it_does)
