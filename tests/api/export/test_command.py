"""`dealledger export`: all events or all rows of a question, from a folder or a service, as a file or on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

import ledger.example
from api.cli import app, exporting
from api.export import workbook
from tests.api.export.reading import read_csv, read_parquet, read_workbook

AT = ("--as-of", "2024-12-29", "--known-at", "2026-01-01", "--position", "200")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds the example."""
    data = tmp_path_factory.mktemp("export") / "ledger"
    file = data.with_name("example.jsonl")
    file.write_text("".join(f"{json.dumps(one)}\n" for one in ledger.example.events()))
    assert run("import", file, "--data", data, "--yes").exit_code == 0
    return data


def test_without_a_question_it_writes_the_events_as_they_were_submitted(folder: Path) -> None:
    """By position, with the fields that an event is submitted with, defaults filled in; nothing of the server's."""
    done = run("export", "--data", folder)
    assert (done.exit_code, done.stderr) == (0, "")
    written = [json.loads(line) for line in done.stdout.splitlines()]
    submitted = ledger.example.events()
    assert [one["id"] for one in written] == [one["id"] for one in submitted]
    for one, other in zip(written, submitted, strict=True):
        assert one == {"status": "reported", "known": one["known"], "effective": one["effective"], **other}


@pytest.mark.parametrize("form", ["jsonl", "csv", "xlsx", "parquet"])
def test_a_folder_and_a_service_give_the_same_file(
    folder: Path, example: httpx.Client, tmp_path: Path, form: str
) -> None:
    """The bytes that the address gives; only a workbook and Parquet say when the ledger recorded."""
    query = ("export", "commitments", "--from", "microsoft", *AT)
    mine, theirs = tmp_path / f"mine.{form}", tmp_path / f"theirs.{form}"
    done = run(*query, "--data", folder, "--output", mine)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("Wrote ")
    assert run(*query, "--url", str(example.base_url), "--output", theirs).exit_code == 0
    params = {"as_of": "2024-12-29", "known_at": "2026-01-01", "position": "200", "from": "microsoft", "format": form}
    assert theirs.read_bytes() == example.get("/v1/commitments", params=params).content
    if form == "xlsx":
        assert read_workbook(mine.read_bytes())["commitments"] == read_workbook(theirs.read_bytes())["commitments"]
    elif form == "parquet":
        assert read_parquet(mine.read_bytes()) == read_parquet(theirs.read_bytes())
    else:
        assert mine.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["holdings", "--holder", "softbank"], "arm"),
        (["valuations", "arm"], "market_cap"),
        (["performance", "softbank"], "nav"),
        (["events", "--type", "review.recorded"], "questioned"),
    ],
)
def test_rows_of_a_question_come_on_stdout(folder: Path, arguments: list[str], seen: str) -> None:
    """As CSV, and nothing else with them."""
    done = run("export", *arguments, "--data", folder, "--format", "csv")
    assert (done.exit_code, done.stderr) == (0, "")
    assert any(seen in row.values() for row in read_csv(done.stdout_bytes).rows)


def test_a_file_that_is_there_stays(folder: Path, tmp_path: Path) -> None:
    """Unless one says --force."""
    file = tmp_path / "holdings.csv"
    file.write_text("mine")
    done = run("export", "holdings", "--data", folder, "--output", file)
    assert (done.exit_code, file.read_text()) == (2, "mine")
    assert "--force" in done.stderr
    assert run("export", "holdings", "--data", folder, "--output", file, "--force").exit_code == 0
    assert file.read_text().startswith("holder,")


@pytest.mark.parametrize("there", [True, False])
def test_a_failure_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Neither half a file nor one that was there harmed."""
    file = tmp_path / "holdings.xlsx"
    if there:
        file.write_text("mine")
    monkeypatch.setattr(workbook, "LONGEST_SHEET", 3)
    done = run("export", "holdings", "--data", folder, "--output", file, "--force")
    assert done.exit_code == 2
    assert "more than the 2 rows" in done.stderr
    assert "Ask for Parquet" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == (["holdings.xlsx"] if there else [])
    assert not there or file.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["holdings", "--output", "holdings.doc"], 2, "--format"),
        (["holdings", "--output", "no-such-folder/holdings.csv"], 2, "no-such-folder"),
        (["holdings", "--as-of", "soon"], 2, "as_of"),
        (["holdings", "--position", "99999"], 2, "head"),
        (["valuations", "nobody"], 1, "There is nothing here"),
        (["entity", "softbank"], 2, "No such command"),
    ],
)
def test_what_cannot_be_exported_says_why(folder: Path, arguments: list[str], code: int, told: str) -> None:
    done = run("export", *arguments, "--data", folder)
    assert (done.exit_code, done.stdout) == (code, "")
    assert told in done.stderr


def test_a_service_that_refuses_is_quoted(example: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    done = run("export", "holdings", "--known-at", "9999-01-01", "--url", str(example.base_url), "--output", file)
    assert (done.exit_code, file.exists()) == (2, False)
    assert "Ask for today or earlier" in done.stderr


def test_options_before_the_question_are_not_silently_lost(folder: Path) -> None:
    done = run("export", "--data", folder, "holdings")
    assert done.exit_code == 2
    assert "after the question" in done.stderr


def test_a_terminal_is_not_filled_with_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_is_terminal", lambda: True)
    done = run("export", "holdings", "--data", folder, "--format", "xlsx")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--output" in done.stderr


def test_a_folder_without_a_ledger_is_left_alone(tmp_path: Path) -> None:
    """And the file isn't made."""
    done = run("export", "--data", tmp_path / "nothing", "--output", tmp_path / "x.jsonl")
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
