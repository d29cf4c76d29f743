"""What a projection makes of facts: a table, and the SQL that gives its rows for a batch of facts.

The facts of a batch stand in the temporary table `fresh`. DuckDB reads their JSON and fills each table with one
statement, which is many times faster than making the rows in Python.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from projections.amounts import MONEY_COLUMNS, STAKE_COLUMNS, UNIT_COLUMNS
from projections.sql import texts

SEGMENT_COLUMNS = {
    "chain": "VARCHAR",  # the fact's event id
    "fact_position": "BIGINT",
    "pos_from": "BIGINT",
    "pos_to": "BIGINT",
    "known_from": "DATE",
    "known_to": "DATE",
    "first_day": "DATE",
    "last_day": "DATE",
    "seen_from": "DATE",  # the day from which the row is visible
    "type": "VARCHAR",
    "status": "VARCHAR",
    "same_as": "VARCHAR",  # the chain that this is another source for
}
FRESH = "fresh"
FLOWING = ("payer", "payee", "record")
FRESH_COLUMNS = {
    **SEGMENT_COLUMNS,
    "known": "DATE",
    "effective": "VARCHAR",
    "stream": "VARCHAR",
    "state": "VARCHAR",  # JSON with the fact's data under "data"
    # The amount that the fact is of; the price of a unit, or what of a distribution can be recalled; and the stake.
    # They are texts, for amounts that can't be read only trouble the tables that need them.
    **dict.fromkeys(MONEY_COLUMNS, "VARCHAR"),
    "up_to": "BOOLEAN",
    **dict.fromkeys(UNIT_COLUMNS, "VARCHAR"),
    **{f"more_{name}": "VARCHAR" for name in MONEY_COLUMNS},
    **dict.fromkeys(STAKE_COLUMNS, "VARCHAR"),
    # Of a flow: from whom, to whom, out of or into which record; and their numbers in `names`.
    **dict.fromkeys(FLOWING, "VARCHAR"),
    **{f"{name}_no": "INTEGER" for name in FLOWING},
}
POS_TO, KNOWN_FROM, KNOWN_TO = (list(FRESH_COLUMNS).index(name) for name in ("pos_to", "known_from", "known_to"))

# Forms of fields of the data. A part is taken as JSON text.
TEXT, FLAG, TEXTS, PART = "VARCHAR", "BOOLEAN", ["VARCHAR"], "JSON"


@dataclass(frozen=True, slots=True)
class Table:
    """One projection: its own columns, the event types it takes, and its row of one fact.

    A column is what `fresh` has under its name, unless `values` gives it in SQL. `reads` says which fields of the
    fact's data these need (`said.issuer`), and their forms. `where` and `kept` leave out facts: before and after the
    data is read.
    """

    name: str
    columns: Mapping[str, str]
    types: frozenset[str]
    reads: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    where: str = "true"
    kept: str = "true"

    @property
    def all_columns(self) -> dict[str, str]:
        return {**SEGMENT_COLUMNS, **self.columns}

    @property
    def insert(self) -> str:
        """The statement that adds the rows of the facts in `fresh`. It fails if one of them isn't as it must be."""
        facts = f"SELECT * FROM {FRESH} WHERE type IN ({texts(self.types)}) AND ({self.where})"
        if self.reads:
            form = json.dumps({"data": self.reads})
            facts = f"SELECT *, from_json(state, '{form}').data AS said FROM ({facts})"
        values = ", ".join(self.values.get(name, name) for name in self.all_columns)
        return f"INSERT INTO {self.name} SELECT {values} FROM ({facts}) WHERE {self.kept}"


def needed(name: str) -> str:
    """A field of the data that can't be missing."""
    return f"coalesce(said['{name}'], error('no {name}'))"
