"""Another analyst's table, in another style: days with points, commas before fractions, own words, a few slips.

Nobody wrote a map for it: it is proposed, looked over, and everything that is wrong is told before anything is written.
"""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from tests.api.files.importing import run

HEADER = ["Closed", "Backer", "Startup", "Stage", "Ticket (EUR m)", "Equity %", "How sure", "ISIN", "Link"]
BACKERS = ["Northgate Ventures", "Blue Harbour Capital", "Kestrel Partners LLP", "Ontario Pension Plan"]
STARTUPS = ["Mistral AI", "Helsing", "DeepL SE", "Aleph Alpha GmbH", "Wayve Technologies", "Isomorphic Labs"]
STAGES = ["Series A", "Series B loan", "Seed", "Convertible note", "Secondary"]
# Row by row: the column, what is wrong in it, and what the preview says of that.
SLIPS = [
    (3, "Closed", "31.02.2024", "is no day of the calendar"),
    (7, "Closed", "2024-13-05", "is no day of the calendar"),
    (11, "Startup", "Mistrall AI", "did you mean mistral-ai (Mistral AI)?"),
    (15, "Ticket (EUR m)", "UDS 5m", "UDS is no currency"),
    (19, "Ticket (EUR m)", "maybe 20", "is not a figure"),
    (23, "Ticket (EUR m)", "30-20", "ends below its start"),
    (27, "Ticket (EUR m)", "-5", "is below zero"),
    (31, "Equity %", "130", "is more than the whole"),
    (35, "Stage", "Series Q?", "is none of the words for instrument"),
]
DOUBTS = [
    (39, "Ticket (EUR m)", "1.250.000", "is read as 1,250,000,000,000 EUR"),
    (43, "Closed", "01.03.2037", "2037-03-01 is after today"),
]
OWN_ISSUER, TWICE = 47, 51


def rows() -> list[dict[str, str]]:
    """Sixty deals without a slip."""
    choose = random.Random(5)
    made = []
    for number in range(60):
        low = choose.randrange(2, 40)
        cells = [
            f"{choose.randrange(1, 29):02d}.{choose.randrange(1, 13):02d}.{choose.randrange(2022, 2025)}",
            choose.choice(BACKERS),
            choose.choice(STARTUPS),
            choose.choice(STAGES),
            choose.choice([str(low), f"{low},5", f"ca. {low}", f"{low}-{low + 9}", "n/a", f"> {low}"]),
            choose.choice(["", "12,5", "7", "3,25"]),
            choose.choice(["confirmed", "press report", "rumour", ""]),
            "",
            f"https://example.org/{number}",
        ]
        made.append(dict(zip(HEADER, cells, strict=True)))
    return made


@pytest.fixture
def deals(tmp_path: Path) -> Path:
    """The table with all its slips."""
    table = rows()
    for index, column, cell, _ in (*SLIPS, *DOUBTS):
        table[index][column] = cell
    table[OWN_ISSUER]["Startup"] = table[OWN_ISSUER]["Backer"]
    table[TWICE] = table[TWICE - 1]
    path = tmp_path / "deals.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, delimiter=";")
        writer.writeheader()
        writer.writerows(table)
    return path


def test_from_a_table_to_a_ledger_and_back(deals: Path, tmp_path: Path) -> None:
    """Given the table; when its map is proposed and looked over, the slips are told and mended, and it is imported and
    undone; then at each step it is said what to do next, and nothing is written before its time."""
    done = run("map", deals, "--yes", "--data", tmp_path / "ledger")
    assert "8 of 9 columns mapped to investment.made." in done.stderr
    assert "what Secondary means for instrument, what Series Q? means for instrument." in done.stderr
    column_map = deals.with_suffix(".map.toml")
    proposed = column_map.read_text()
    for line in ('"Series B loan" = "debt"', '"press report" = "reported"', '"rumour" = "rumoured"', "day-first"):
        assert line in proposed
    column_map.write_text(proposed.replace('# "Secondary" = ""', '"Secondary" = "equity"'))

    arguments = ("import", deals, "--map", column_map, "--data", tmp_path / "ledger")
    told = run(*arguments, "--dry-run").stderr
    assert "Backer: nobody is called Kestrel Partners LLP (unknown_entity), in " in told
    problems = tmp_path / "bad.csv"
    done = run(*arguments, "--register", "--dry-run", "--problems", problems)
    assert (done.returncode, (tmp_path / "ledger").exists()) == (1, False)
    for index, column, cell, what in SLIPS:
        [line] = [line for line in done.stderr.splitlines() if line.startswith(f"{deals}:{index + 2}: {column}")]
        assert cell in line
        assert what in done.stderr
    for index, column, _, what in DOUBTS:
        [line] = [line for line in done.stderr.splitlines() if line.startswith(f"{deals}:{index + 2}: look again")]
        assert column in line
        assert what in line
    assert f"{deals}:{OWN_ISSUER + 2}: row: the investor is its own issuer" in done.stderr
    assert f"{deals}:{TWICE + 2}: look again: the same in everything as {deals}:{TWICE + 1}" in done.stderr
    assert "To be registered, as nobody knows them yet: " in done.stderr
    assert "Mistrall AI, " not in done.stderr.partition("To be registered")[2]
    assert "70 events: 60 to record, 0 there already, 10 refused." in done.stderr

    assert run(*arguments, "--register", "--on-error", "continue", "--yes").returncode == 1
    right = rows()
    with problems.open(encoding="utf-8-sig", newline="") as file:
        refused = {row["Link"]: row["problem"] for row in csv.DictReader(file, delimiter=";")}
    assert len(refused) == 10
    with problems.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(row for row in right if row["Link"] in refused)
    mended = ("import", problems, "--map", column_map, "--data", tmp_path / "ledger", "--batch", "deals", "--yes")
    assert run(*mended).returncode == 0
    done = run("undo", "deals", "--data", tmp_path / "ledger", "--yes")
    assert (done.returncode, "Retracted 70 events." in done.stderr) == (0, True)
    assert json.loads(run("holdings", "--data", tmp_path / "ledger", "--json").stdout)["holdings"] == []


def test_what_nothing_fills_and_a_word_are_told_once(deals: Path, tmp_path: Path) -> None:
    """Given a map that leaves out the dates and knows a word less; then each is one problem of all its rows."""
    run("map", deals, "--yes", "--data", tmp_path / "ledger")
    column_map = deals.with_suffix(".map.toml")
    column_map.write_text(column_map.read_text().replace('"Closed" = "effective"', '"Closed" = ""'))
    told = run("import", deals, "--map", column_map, "--register", "--dry-run", "--data", tmp_path / "ledger").stderr
    assert told.count("effective: the field is missing (invalid), in 60 rows: lines 2, 3, 4, 5, 6, …") == 1
    assert 'say in the map which column it is, "…" = "effective", or under [constants] what it is' in told
    assert told.count("'Secondary' is none of the words for instrument (invalid), in ") == 1
