"""What a good engineer would write instead of a log with read models: one bitemporal table in PostgreSQL, tuned by
hand for the question.

A row holds from one position to another, and from one day of knowledge to another, as our segments do: the rows are
taken from our read model, so both answer from the same. The query does less than ours: no rumours or repeated sources
are left out, no stakes and units are replayed, nothing is converted and no whole is compared with its parts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import psycopg

DEALS = {
    "holder": "text",
    "issuer": "text",
    "instrument": "text",
    "role": "text",
    "chain": "text",
    "fact_position": "bigint",
    "pos_from": "bigint",
    "pos_to": "bigint",
    "known_from": "date",
    "known_to": "date",
    "first_day": "date",
    "last_day": "date",
    "status": "text",
    "currency": "text",
    "low": "numeric",
    "stated": "numeric",
    "high": "numeric",
}
MARKS = {
    "subject": "text",
    "holder": "text",
    "basis": "text",
    "chain": "text",
    "fact_position": "bigint",
    "pos_from": "bigint",
    "pos_to": "bigint",
    "known_from": "date",
    "known_to": "date",
    "last_day": "date",
    "status": "text",
    "currency": "text",
    "stated": "numeric",
}
# Sorted on the disk by what is asked for, so that a portfolio lies on few pages.
INDEXES = (
    "CREATE INDEX deals_holder ON deals (holder, issuer, fact_position)",
    "CLUSTER deals USING deals_holder",
    "CREATE INDEX marks_subject ON marks (subject, last_day DESC, fact_position DESC)",
    "CLUSTER marks USING marks_subject",
    "ANALYZE deals",
    "ANALYZE marks",
)
_VISIBLE = """pos_from <= %(position)s AND %(position)s < pos_to AND known_from <= %(known_at)s
    AND %(known_at)s < known_to AND status NOT IN ('denied', 'rumoured')"""
_SUMS = ", ".join(
    f"""sum(coalesce({bound}, low)) FILTER (WHERE role = '{role}' AND {day} <= %(as_of)s) AS {name}_{bound}"""
    for role, name in (("made", "cost"), ("sold", "proceeds"), ("paid", "distributions"))
    for bound, day in (("low", "last_day"), ("stated", "last_day"), ("high", "first_day"))
)
QUERY = f"""SELECT held.*, mark.* FROM (
        SELECT issuer, coalesce(instrument, 'equity') AS instrument, currency, {_SUMS},
            array_agg(chain ORDER BY fact_position) AS events
        FROM deals WHERE holder = %(holder)s AND first_day <= %(as_of)s AND {_VISIBLE}
        GROUP BY 1, 2, 3) AS held
    LEFT JOIN LATERAL (
        SELECT basis, stated AS value, currency AS value_currency, last_day AS valued_on, chain AS value_event
        FROM marks WHERE subject = issuer AND (marks.holder IS NULL OR marks.holder = %(holder)s)
            AND last_day <= %(as_of)s AND {_VISIBLE}
        ORDER BY last_day DESC, fact_position DESC LIMIT 1) AS mark ON true
    ORDER BY issuer, instrument, currency"""


def fill(database_url: str, read_model: Path) -> None:
    """Make the tables from a read model that nobody has open."""
    with duckdb.connect(str(read_model), read_only=True) as source, psycopg.connect(database_url) as target:
        for name, columns, of in (("deals", DEALS, "holdings"), ("marks", MARKS, "valuations")):
            target.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})".encode())
            found = source.execute(f"SELECT {', '.join(columns)} FROM {of}")
            with target.cursor().copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
                while rows := found.fetchmany(10_000):
                    for row in rows:
                        copy.write_row(row)
        for statement in INDEXES:
            target.execute(statement.encode())


def holdings(
    connection: psycopg.Connection[Any], holder: str, as_of: str, known_at: str, position: int
) -> list[dict[str, Any]]:
    """What a holder has at a point in the three times. Prepared, since it is asked again and again."""
    values = {"holder": holder, "as_of": as_of, "known_at": known_at, "position": position}
    cursor = connection.execute(QUERY.encode(), values, prepare=True)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def body(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"holdings": rows}, default=str).encode()
