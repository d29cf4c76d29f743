"""What the read model keeps of events is pinned together with its version: neither changes without the other.

A file of the same version is never rebuilt. If a column came to mean something else while all SQL stayed as it was, a
file would go on with rows of both meanings, and its answers would be wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ledger import example
from ledger.event import TYPES
from projections.apply import COLUMNS
from projections.database import VERSION, ReadModel
from projections.follower import Follower
from tests.choices import Seeded
from tests.facts import Fact, attachment, erase, fact
from tests.projections.logs import ListedLog, log_of
from tests.streams import Builder

PINNED = {"events": "aa9e1eddd7f02fec", "version": "2 da182019e76225db", "rows": "b34521d1693a180c"}


def given() -> list[Fact]:
    """The example ledger, a stream, and the types that neither of them has."""
    builder = Builder(Seeded(1))
    return [
        *example.events(),
        *builder.registrations(),
        *(builder.event() for _ in range(1_000)),
        attachment("report", "acme", on="2024-01-01"),
        attachment("letter", "acme", on="2024-01-01"),
        erase("letter", on="2024-02-01"),
        fact("key.rotated", "2024-03-01", {"previous": "a key", "key": "another", "reason": "its time was over"}),
    ]


def rows_of(log: ListedLog, folder: Path) -> list[str]:
    """All that a read model keeps, a row each, in whatever order it has them."""
    model = ReadModel(folder)
    Follower(log.store, model).catch_up()
    assert model.set_aside() == []
    found = [f"{name} {row}" for name in COLUMNS for row in model.rows(f"SELECT * FROM {name}", {})]
    model.close()
    return sorted(found)


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def advice(pinned: dict[str, str], found: dict[str, str]) -> str:
    """What to do about it; nothing if all is as it was pinned."""
    if found == pinned:
        return ""
    pin = f"Then write here: PINNED = {json.dumps(found)}"
    if found["version"] != pinned["version"] or found["events"] != pinned["events"]:
        return f"The version is another, or the events of this test are. {pin}"
    return (
        "Of the same events the read model keeps other rows than before, and its version is the same: files of before"
        f" would stay as they are. Raise the number in VERSION (projections/database.py). {pin}"
    )


def test_rows_and_version_change_together(tmp_path: Path) -> None:
    log = log_of(given())
    assert {event.type for event in log.events} == set(TYPES)
    found = {
        "events": digest(f"{event.stream} {event.state}" for event in log.events),
        "version": VERSION,
        "rows": digest(rows_of(log, tmp_path)),
    }
    assert not (told := advice(PINNED, found)), told


def test_what_is_told() -> None:
    """Rows of another meaning need another version; another version, or other events, only another pin."""
    pinned = {"events": "e", "version": "v", "rows": "r"}
    assert advice(pinned, pinned) == ""
    assert "Raise the number in VERSION" in advice(pinned, {**pinned, "rows": "s"})
    for changed in ({"version": "w"}, {"version": "w", "rows": "s"}, {"events": "f"}, {"events": "f", "rows": "s"}):
        told = advice(pinned, {**pinned, **changed})
        assert told.startswith("The version is another, or the events of this test are.")
        assert f"PINNED = {json.dumps({**pinned, **changed})}" in told
