"""An analyst's table goes in: each mistake named with line and mend, nothing before it is accepted, nothing twice."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.api.files.analyst import MISTAKES, PLEDGE, Sheet, world
from tests.api.files.importing import MAP, PLACES, WITH_FIRST, WRONG, holdings, position, run
from tests.api.test_cli import lines, running, until_alive
from tests.api.world import entity, event, usd


def test_twelve_mistakes_in_two_hundred_deals(ledger: Path, deals: tuple[Sheet, Path, Path], tmp_path: Path) -> None:
    """Given the table with its mistakes: each is told and nothing written; if one says so the good rows go in, then the
    mended ones from the file of problems; the mended file has nothing new then, and holdings are as the rows say."""
    right, file, column_map = deals
    where = ("--data", ledger)
    before = position(*where)
    file.write_text(right.text({**WITH_FIRST, **WRONG}), encoding="utf-8", newline="")

    bad = tmp_path / "bad.csv"
    done = run("import", file, "--map", column_map, *where, "--yes", "--problems", bad)
    assert done.returncode == 1
    assert "200 events: 188 to record, 0 there already, 12 refused." in done.stderr
    assert "Nothing was recorded." in done.stderr
    told = done.stderr.splitlines()
    for place, mistake in zip(PLACES, MISTAKES, strict=True):
        at = f"{file}:{right.line(place)}: {mistake.column}"
        [index] = [index for index, line in enumerate(told) if line.startswith(at)]
        assert mistake.told in told[index]
        assert mistake.mend in told[index + 1]
    assert position(*where) == before

    done = run("import", file, "--map", column_map, *where, "--yes", "--on-error", "continue", "--problems", bad)
    assert done.returncode == 1
    assert "Recorded 188 events; 0 were there already." in done.stderr

    rows = list(csv.DictReader(io.StringIO(bad.read_text(encoding="utf-8-sig"), newline="")))
    assert len(rows) == 12
    assert all(mistake.told in row["problem"] for mistake, row in zip(MISTAKES, rows, strict=True))
    mended = Sheet([right.rows[place] for place in PLACES])
    bad.write_text(mended.text(), encoding="utf-8", newline="")
    done = run("import", bad, "--map", column_map, *where, "--yes", "--batch", "deals")
    assert (done.returncode, "Recorded 12 events; 0 were there already." in done.stderr) == (0, True), done.stderr

    file.write_text(right.text(WITH_FIRST), encoding="utf-8", newline="")
    done = run("import", file, "--map", column_map, *where, "--yes")
    assert "200 events: 0 to record, 200 there already, 0 refused." in done.stderr
    assert position(*where) == before + 200
    assert holdings(*where) == right.cost
    [pledge] = json.loads(run("commitments", *where, "--json").stdout)["commitments"]
    drawn = [row for row in right.rows if row["Pledge"] == PLEDGE]
    assert pledge["commitment"] == PLEDGE
    assert len(pledge["events"]) >= 1
    assert Decimal(pledge["drawn"]["stated"]) > 0
    assert drawn


def test_unknown_names_are_registered_if_one_says_so(ledger: Path, deals: tuple[Sheet, Path, Path]) -> None:
    """Before their first use, since the first day of any; a name that is nearly another's is still a problem."""
    right, file, column_map = deals
    names = {
        0: {"Company": "Newcomer GmbH"},
        1: {"Company": "Newcomer GmbH", "Date": "2019-05-01"},
        2: {"Company": "Antropic"},
    }
    file.write_text(Sheet(right.rows[:4]).text(names), encoding="utf-8", newline="")
    column_map.write_text(MAP + '[register]\nissuer = "group"\n')
    arguments = ("import", file, "--map", column_map, "--data", ledger, "--yes", "--on-error", "continue")
    assert "nobody is called Newcomer GmbH" in run(*arguments, "--dry-run").stderr
    done = run(*arguments, "--register")
    assert "to register it all the same, give it an id there" in done.stderr
    assert "Recorded 4 events" in done.stderr
    [row] = json.loads(run("entities", "--data", ledger, "--q", "newcomer", "--json").stdout)["entities"]
    assert (row["entity"], row["name"], row["kind"]) == ("newcomer-gmbh", "Newcomer GmbH", "group")
    [event_] = json.loads(run("events", "--data", ledger, "--record", "entity/newcomer-gmbh", "--json").stdout)[
        "events"
    ]
    assert event_["effective"] == "2019-05-01"
    assert "Recorded 0 events" not in run(*arguments, "--register").stderr
    column_map.write_text(MAP + '[entities]\n"Antropic" = "anthropic"\n')
    assert "4 events: 1 to record, 3 there already, 0 refused." in run(*arguments).stderr


def test_likely_doubles_are_told_and_taken(ledger: Path, deals: tuple[Sheet, Path, Path]) -> None:
    """Two rows of one deal in the file, and one that the ledger has from elsewhere; the same file again is none."""
    right, file, column_map = deals
    row = right.rows[0]
    file.write_text(Sheet([row, {**row, "Notes": "again"}]).text(), encoding="utf-8", newline="")
    done = run("import", file, "--map", column_map, "--data", ledger, "--yes")
    assert f"{file}:3: look again: the same parties, amount and date as {file}:2" in done.stderr
    assert "Recorded 2 events" in done.stderr
    file.write_text(Sheet([row, {**row, "Notes": "by phone"}]).text(), encoding="utf-8", newline="")
    done = run("import", file, "--map", column_map, "--data", ledger, "--dry-run")
    assert f"{file}:3: look again: the ledger has investment.made of the same parties" in done.stderr
    assert f"{file}:2: look again" not in done.stderr


def test_rows_that_say_no_amount_or_the_same_in_everything_are_doubles_too(tmp_path: Path) -> None:
    """Two deals of unknown amount, one of them recorded before, and two equal rows of a type without amounts."""
    where = ("--data", tmp_path / "ledger")
    deal = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount={})
    run("import", lines(tmp_path / "parties.jsonl", entity("ant"), entity("bee"), deal), *where, "--yes")
    unknown = {**deal, "note": "by phone", "data": {**deal["data"], "amount": {"original": "n/a"}}}
    known = {**deal, "data": {**deal["data"], "amount": usd("5")}}
    rate = event("rate.published", base="EUR", quote="USD", rate="1.1")
    file = lines(tmp_path / "in.jsonl", unknown, {**unknown, "note": "by mail"}, known, rate, rate)
    done = run("import", file, *where, "--dry-run")
    assert f"{file}:2: look again: the same parties, date and unknown amount as {file}:1" in done.stderr
    assert f"{file}:1: look again: the ledger has investment.made of the same parties, date and unkn" in done.stderr
    assert f"{file}:5: look again: the same in everything as {file}:4" in done.stderr
    assert f"{file}:3: look again" not in done.stderr


def test_a_date_after_today_is_told_and_taken(ledger: Path, deals: tuple[Sheet, Path, Path]) -> None:
    """Given 2999 among deals of two years, by a map or in the columns of events, the preview says look again."""
    right, file, column_map = deals
    rows = Sheet(right.rows[:3])
    file.write_text(rows.text({1: {"Date": "3 May 2999"}}), encoding="utf-8", newline="")
    done = run("import", file, "--map", column_map, "--data", ledger, "--dry-run")
    assert f"{file}:3: look again: Date: 2999-05-03 is after today" in done.stderr
    assert done.stderr.count("look again") == 1
    assert "3 events: 3 to record" in done.stderr
    file.write_text("type,effective,base,quote,rate\nrate.published,2999,EUR,USD,1.1\n")
    assert "look again: effective: 2999 is after today" in run("import", file, "--data", ledger, "--dry-run").stderr


def test_an_unknown_name_is_told_once_for_all_its_rows(
    ledger: Path, deals: tuple[Sheet, Path, Path], tmp_path: Path
) -> None:
    """With how many there are and the first lines; the file of problems has each row."""
    right, file, column_map = deals
    names = {index: {"Company": "Newcomer GmbH"} for index in range(6)} | {6: {"Investor": "Antropic"}}
    file.write_text(Sheet(right.rows[:7]).text(names), encoding="utf-8", newline="")
    bad = tmp_path / "bad.csv"
    done = run("import", file, "--map", column_map, "--data", ledger, "--dry-run", "--problems", bad)
    told = "Company: nobody is called Newcomer GmbH (unknown_entity), in 6 rows: lines 2, 3, 4, 5, 6, …\n"
    assert f"{file}:2: {told}  --register registers who is unknown\n" in done.stderr
    assert f"{file}:8: Investor: nobody is called Antropic (unknown_entity)\n" in done.stderr
    assert done.stderr.count("nobody is called") == 2
    assert "7 events: 0 to record, 0 there already, 7 refused." in done.stderr
    assert bad.read_text(encoding="utf-8-sig").count("nobody is called Newcomer GmbH") == 6


def test_an_amount_that_nobody_knows_is_said_to_be_so(ledger: Path, deals: tuple[Sheet, Path, Path]) -> None:
    """Given a blank where an amount must be, the mend says which word is taken; and it is."""
    right, file, column_map = deals
    for cell, told in (("", "  add it, or write undisclosed if it isn't known\n"), ("undisclosed", "1 to record")):
        file.write_text(Sheet(right.rows[:1]).text({0: {"Amount ($M)": cell}}), encoding="utf-8", newline="")
        assert told in run("import", file, "--map", column_map, "--data", ledger, "--dry-run").stderr
    header = "effective,investor,issuer,instrument,amount.currency,amount.amount,amount.original\n"
    for cell, told in (("", "or write undisclosed in amount.original if it isn't known"), ("undisclosed", "1 to rec")):
        file.write_text(f"{header}2023,acme-capital,anthropic,equity,,,{cell}\n")
        done = run("import", file, "--type", "investment.made", "--data", ledger, "--dry-run")
        assert told in done.stderr


def test_a_running_service_takes_the_same_commands(tmp_path: Path, deals: tuple[Sheet, Path, Path]) -> None:
    """Preview, import, undo and the proposal of a map, over HTTP."""
    right, file, column_map = deals
    file.write_text(right.text({**WITH_FIRST, **WRONG}), encoding="utf-8", newline="")
    with running("serve", "--data", tmp_path / "served", "--port", "0") as (_, address):
        until_alive(address)
        where = ("--url", address)
        run("import", lines(tmp_path / "world.jsonl", *world()), *where, "--yes")
        done = run("import", file, "--map", column_map, *where, "--dry-run")
        assert (done.returncode, "12 refused." in done.stderr) == (1, True)
        file.write_text(right.text(), encoding="utf-8", newline="")
        assert run("import", file, "--map", column_map, *where, "--dry-run").returncode == 0
        done = run("import", file, "--map", column_map, *where, "--yes")
        assert f"dealledger undo deals --url {address}" in done.stderr
        assert holdings(*where) == right.cost
        assert run("undo", "deals", *where, "--yes").returncode == 0
        assert holdings(*where) == {}
        done = run("map", file, *where, "--output", tmp_path / "guess.toml")
        assert "0 of which the ledger doesn't know" in done.stderr


def test_what_one_setting_of_a_column_mends_is_told_once(tmp_path: Path) -> None:
    """Given a column of per cents that the map doesn't call so; then that is one problem of all its rows, and another
    one of theirs, which only a cell mends, is told for each."""
    file, column_map = tmp_path / "deals.csv", tmp_path / "deals.map.toml"
    rows = "".join(f"2023-02-03,ant,bee,{one}\n" for one in ("-$5m,2.3", "-$5m,24.2", "$5m,0.5", "$5m,7"))
    file.write_text(f"Date,Investor,Company,Amount,Stake\n{rows}")
    run("map", file, "--yes", "--data", tmp_path / "ledger")
    guessed = column_map.read_text()
    column_map.write_text(guessed.replace(", percent = true", ""))
    assert column_map.read_text() != guessed
    told = run("import", file, "--map", column_map, "--register", "--dry-run", "--data", tmp_path / "ledger").stderr
    assert "Stake: '2.3' is above 1, and no % says otherwise (invalid_amount), in 3 rows: lines 2, 3, 5" in told
    assert told.count("above 1") == 1
    assert told.count("is below zero") == 2


# --- tables in the columns of events --------------------------------------------------------------------------


def test_a_table_in_the_columns_of_events_goes_in(tmp_path: Path) -> None:
    """As a spreadsheet of another country saves it; several types in one file, in the order of its rows."""
    file = tmp_path / "all.csv"
    rows = [
        "type;effective;entity;name;kind;investor;issuer;instrument;amount.currency;amount.amount;note",
        "entity.registered;2020;ant;Ameise;company;;;;;;",
        "entity.registered;2020;bee;Biene;company;;;;;;",
        'investment.made;2023-Q3;;;;ant;bee;equity;EUR;5000000;"zwei\r\nZeilen; für ""alle"""',
        "investment.made;2023-Q3;;;;ant;bie;equity;EUR;5;",
    ]
    file.write_text("\r\n".join(rows), encoding="cp1252", newline="")
    done = run("import", file, "--data", tmp_path / "ledger", "--yes", "--on-error", "continue")
    assert "not UTF-8 on line 5, so read as Windows-1252" in done.stderr
    assert f"{file}:6: issuer: no entity bie is registered (unknown_entity)" in done.stderr
    assert "Recorded 3 events" in done.stderr
    [made] = json.loads(run("events", "--data", tmp_path / "ledger", "--type", "investment.made", "--json").stdout)[
        "events"
    ]
    assert made["note"] == 'zwei\nZeilen; für "alle"'


@pytest.mark.parametrize(
    ("header", "options", "told"),
    [
        ("effective,investor", [], "no row says which type of event it is"),
        ("type,effective,investr", [], "did you mean investor?"),
        ("effective,customer", ["--type", "investment.made"], "investment.made has no column customer"),
        ("effective,effective", ["--type", "investment.made"], "effective is there twice"),
    ],
)
def test_a_column_that_is_none_is_told_on_the_first_line(
    tmp_path: Path, header: str, options: list[str], told: str
) -> None:
    """Once, not in every row."""
    file = tmp_path / "in.csv"
    file.write_text(f"{header}\n" + "2023,ant\n" * 3)
    done = run("import", file, "--data", tmp_path / "ledger", "--dry-run", *options)
    assert done.returncode == 1
    [line] = [at for at in range(5) if told in "".join(done.stderr.splitlines()[at : at + 2])][:1]
    assert done.stderr.splitlines()[line].startswith(f"{file}:1: ") or told in done.stderr.splitlines()[line]
    assert done.stderr.count(told) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--type", "investment.mad"], "no such event type"),
        (["--register"], "--register without --map"),
        (["--batch", "a b"], "--batch a b"),
        (["--map", "none.toml"], "none.toml"),
        (["--type", "investment.made", "--map", "none.toml"], "Both --type and --map"),
    ],
)
def test_options_that_do_not_fit_are_bad_usage(tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "in.csv").write_text("type\n")
    done = run("import", tmp_path / "in.csv", "--data", tmp_path / "ledger", *arguments)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_lines_with_problems_are_written_as_they_are(tmp_path: Path) -> None:
    """Of JSONL the lines themselves, to mend and to import."""
    file, bad = lines(tmp_path / "in.jsonl", entity("ant"), '{"type": "x"}', "{"), tmp_path / "bad.jsonl"
    run("import", file, "--data", tmp_path / "ledger", "--dry-run", "--problems", bad)
    assert bad.read_text() == '{"type": "x"}\n{\n'


def test_a_template_is_filled_in_and_imported(tmp_path: Path) -> None:
    """Every column of the type, and an example row, which is an event."""
    file = tmp_path / "rates.csv"
    file.write_text(run("template", "rate.published").stdout)
    done = run("import", file, "--data", tmp_path / "ledger", "--yes")
    assert (done.returncode, "Recorded 1 events" in done.stderr) == (0, True)
    assert run("template", "rate.published", "--bare").stdout.count("\n") == 1
    assert "Did you mean rate.published" in run("template", "rate.publishd").stderr


def test_a_map_is_proposed_once(tmp_path: Path) -> None:
    """It stays until one says otherwise: somebody has worked on it."""
    file = tmp_path / "deals.csv"
    file.write_text("Date,Investor,Company,Amount\n3/4/2023,Acme,Beta,5\n")
    done = run("map", file, "--data", tmp_path / "none")
    assert (done.returncode, "Missing: the order of day and month, the currency." in done.stderr) == (0, True), (
        done.stderr
    )
    assert "[columns]" in (tmp_path / "deals.map.toml").read_text()
    assert run("map", file).returncode == 2
    assert run("map", file, "--force").returncode == 0


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_with_problems_have_the_separator_of_their_file(tmp_path: Path, separator: str) -> None:
    """So that whoever opens the one can open the other; mended there, they go in."""
    file, bad = tmp_path / "in.csv", tmp_path / "bad.csv"
    rows = [
        ["type", "effective", "base", "quote", "rate"],
        ["rate.published", "2023-09-25", "EUR", "USD", "1.1; or so"],
    ]
    file.write_text("".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows))
    assert run("import", file, "--data", tmp_path / "ledger", "--dry-run", "--problems", bad).returncode == 1
    written = bad.read_text(encoding="utf-8-sig")
    header, row = csv.reader(io.StringIO(written, newline=""), delimiter=separator)
    assert (header, row[:-1]) == ([*rows[0], "problem"], rows[1])
    bad.write_text(written.replace("1.1; or so", "1.1"))
    assert run("import", bad, "--data", tmp_path / "ledger", "--yes").returncode == 0
