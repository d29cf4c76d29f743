"""Points in the three times at which questions are asked, drawn with a seed from the log itself."""

from __future__ import annotations

import json
import random
import sqlite3
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from benchmarks.workload import FIRST_DAY


@dataclass(frozen=True, slots=True)
class Point:
    """A point in the three times: what was true then, as one could know it, as the log held it."""

    as_of: str
    known_at: str
    position: int

    def query(self, **more: str | int) -> str:
        times = {"as_of": self.as_of, "known_at": self.known_at, "position": self.position}
        return urlencode({**more, **times})


def head(log: sqlite3.Connection) -> int:
    [(position,)] = log.execute("SELECT max(position) FROM events").fetchall()
    return int(position)


def at_position(log: sqlite3.Connection, position: int) -> Point:
    """The present of somebody who stood at this position of the log."""
    day = json.loads(state(log, position))["known"]
    return Point(day, day, position)


def past(log: sqlite3.Connection, position: int, chance: random.Random) -> Point:
    """A day in the past, as somebody at this position knew it."""
    then = at_position(log, position)
    known = date.fromisoformat(then.known_at)
    days = (known - FIRST_DAY).days
    as_of = date.fromordinal(known.toordinal() - chance.randrange(days // 2 + 1))
    return Point(as_of.isoformat(), then.known_at, position)


def state(log: sqlite3.Connection, position: int) -> str:
    [(text,)] = log.execute("SELECT state FROM events WHERE position = ?", (position,)).fetchall()
    return str(text)


def portfolios(log: sqlite3.Connection, position: int) -> list[tuple[str, int]]:
    """Each investor, and the number of companies that it had invested in by then; those with the most first."""
    return log.execute(
        """SELECT json_extract(state, '$.data.investor') AS investor,
            count(DISTINCT json_extract(state, '$.data.issuer')) AS companies
        FROM events WHERE type = 'investment.made' AND position <= ? GROUP BY 1 ORDER BY 2 DESC, 1""",
        (position,),
    ).fetchall()


def nearest(found: list[tuple[str, int]], companies: int) -> tuple[str, int]:
    """The investor whose number of companies is nearest to the one wished for."""
    return min(found, key=lambda one: (abs(one[1] - companies), one[0]))
