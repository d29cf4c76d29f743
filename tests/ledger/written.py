"""What a writer wrote, read from its store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ledger.store import Store


def states(store: Store) -> list[dict[str, Any]]:
    return [json.loads(stored.state) for stored in store.read(0, 100_000)]


def stamps(store: Store) -> list[str]:
    return [state["recorded_at"] for state in states(store)]


def strictly_rise(values: Sequence[Any]) -> bool:
    return all(one < after for one, after in pairwise(values))
