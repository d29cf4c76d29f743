"""An import or an undo that is killed goes on where it was."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.files.importing import run
from tests.api.test_cli import ENVIRONMENT, lines
from tests.api.world import entity, event

FORGETS_KEYS = """
import api.cli.doors
api.cli.doors.content_keys = lambda key: lambda line, sha256: None
from api.cli import main; main()
"""
PLAIN = "from api.cli import main; main()"
COUNT = 3_000
KILLED_AFTER = 500


def killed(program: str, *arguments: str | Path, data: Path, after: int = KILLED_AFTER) -> int:
    """Run a command until the log has so many events, kill it without warning; how many events there are then."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    try:
        deadline = time.monotonic() + 60
        while recorded(data) < after:
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    return recorded(data)


def recorded(data: Path) -> int:
    try:
        with sqlite3.connect(f"file:{data / 'ledger.sqlite'}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize(("program", "expected"), [(PLAIN, COUNT), (FORGETS_KEYS, None)], ids=["as it is", "control"])
def test_a_killed_import_goes_on_without_doubling(tmp_path: Path, program: str, expected: int | None) -> None:
    """Given an import killed in the middle, when the same command runs again, then each row is there once. Without
    keys by content the rows before the kill are there twice: so the test would see it."""
    data = tmp_path / "ledger"
    run("import", lines(tmp_path / "world.jsonl", entity("ant"), entity("bee")), "--data", data, "--yes")
    rows = [["2023-05-01", "ant", "bee", "equity", "USD", str(number + 1)] for number in range(COUNT - 2)]
    file = tmp_path / "deals.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(
            [["effective", "investor", "issuer", "instrument", "amount.currency", "amount.amount"], *rows]
        )
    arguments: tuple[str | Path, ...] = ("import", file, "--type", "investment.made", "--data", data, "--yes")
    there = killed(program, *arguments, data=data)
    assert KILLED_AFTER <= there < COUNT
    again = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, env=ENVIRONMENT, check=False
    )
    assert again.returncode == 0, again.stderr
    total = recorded(data)
    with sqlite3.connect(data / "ledger.sqlite") as connection:
        states: list[Any] = [json.loads(row[0]) for row in connection.execute("SELECT state FROM events")]
    amounts = [state["data"]["amount"]["amount"] for state in states if state["type"] == "investment.made"]
    if expected is not None:
        assert total == expected
        assert sorted(map(int, amounts)) == list(range(1, COUNT - 1))
    else:
        assert len(amounts) > len(set(amounts))


def test_a_killed_undo_goes_on_and_retracts_nothing_twice(tmp_path: Path) -> None:
    """Given an undo killed in the middle, when the same command runs again, then all is retracted, each event once."""
    data = tmp_path / "ledger"
    rates = [event("rate.published", base="EUR", quote="USD", rate=str(number + 1)) for number in range(COUNT)]
    run("import", lines(tmp_path / "rates.jsonl", *rates), "--data", data, "--yes")
    there = killed(PLAIN, "undo", "rates", "--data", data, "--yes", data=data, after=COUNT + KILLED_AFTER)
    assert COUNT + KILLED_AFTER <= there < 2 * COUNT
    done = run("undo", "rates", "--data", data, "--yes")
    assert f"Retracted {2 * COUNT - there} events." in done.stderr
    assert recorded(data) == 2 * COUNT
    [imported, _] = json.loads(run("imports", "--data", data, "--json").stdout)["imports"]
    assert (imported["events"], imported["retracted"]) == (COUNT, COUNT)
