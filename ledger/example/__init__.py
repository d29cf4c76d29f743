"""The example ledger: deals that five documents about AI capital report, one file of events for each document."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

# In this order whatever an event names is recorded before it.
FILES = ("entities", "s0-japan", "s1-softbank", "s2-cloud", "s3-china", "s4-silicon-valley", "reviews")


def events() -> list[dict[str, Any]]:
    """Every event as one would submit it, in the order to record them."""
    folder = files(__name__)
    return [
        json.loads(line)
        for name in FILES
        for line in folder.joinpath(f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
