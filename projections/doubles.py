"""Doubles: what only repeats, by `same_as`, what something else makes and counts for; all that names it is of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projections.visibility import Point, Tables, counts, duplicates, visible

# What makes a record that has flows, and one that only says something of others.
_MAKES = ("commitment.made", "contract.signed", "guarantee.given", "claim.published", "restriction.imposed")


@dataclass(frozen=True, slots=True)
class Doubles:
    """Each double with the first, which counts: events by their chains, records by their names with their kinds."""

    events: Mapping[str, str]
    records: Mapping[str, str]

    def slugs(self, kind: str) -> dict[str, str]:
        """Of the records of one kind, by their ids alone."""
        return {
            double.partition("/")[2]: first.partition("/")[2]
            for double, first in self.records.items()
            if double.startswith(f"{kind}/")
        }


def doubles(model: Tables, at: Point) -> Doubles:
    """What is a double at a point. A record is one if all that made it and counts is; else it stands by itself."""
    events = duplicates(model, at)
    if not events:
        return Doubles({}, {})
    rule = visible(at)
    made = model.rows(
        f"""WITH made AS (SELECT chain, record, status, fact_position FROM flows
            WHERE {rule.sql} AND list_contains($makes::VARCHAR[], type)
            UNION SELECT chain, stream, status, fact_position FROM records
            WHERE {rule.sql} AND list_contains($makes::VARCHAR[], type))
        SELECT chain, record, status FROM made WHERE record IN (
            SELECT record FROM made WHERE list_contains($chains::VARCHAR[], chain)) ORDER BY fact_position""",
        {**rule.values, "makes": list(_MAKES), "chains": sorted({*events, *events.values()})},
    )
    record_of = {chain: record for chain, record, _ in made}
    by_itself = {record for chain, record, status in made if counts(status, at) and chain not in events}
    records = {
        record: record_of[events[chain]] for chain, record, _ in made if chain in events and record not in by_itself
    }
    return Doubles(events, records)


def under_the_first(table: str, columns: Sequence[str], firsts: Mapping[str, str]) -> tuple[str, dict[str, list[str]]]:
    """The table with each double's name in these columns replaced by the first's, and the values that this takes."""
    if not firsts or not columns:
        return table, {}
    first = "coalesce(MAP($doubles::VARCHAR[], $firsts::VARCHAR[])[{0}], {0}) AS {0}"
    replaced = ", ".join(first.format(column) for column in columns)
    return f"(SELECT * REPLACE ({replaced}) FROM {table})", {"doubles": list(firsts), "firsts": list(firsts.values())}
