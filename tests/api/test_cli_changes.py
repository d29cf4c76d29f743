"""`dealledger changes`: the differences for a reader, and the service's own answer for a script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ledger.example
from tests.api.test_cli import lines, run

ARM = ("holdings", "--holder", "softbank", "--issuer", "arm", "--from-as-of", "2024-12-01", "--to-as-of", "2024-12-31")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds the example."""
    data = tmp_path_factory.mktemp("changes") / "ledger"
    file = lines(data.with_name("example.jsonl"), *ledger.example.events())
    assert run("import", file, "--data", data, "--yes").returncode == 0
    return data


def test_a_reader_sees_what_moved_and_why(folder: Path) -> None:
    """As docs/changes.md shows it."""
    done = run("changes", *ARM, "--data", folder)
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    assert shown[0] == "~ holdings softbank, arm, equity"
    assert "    stake: – → 90%" in shown
    assert "    effective: valuation.recorded 5f4c14db-c7f2-52ea-b36d-f7c4c6b55289" in shown
    assert shown[-2].startswith("from: as of 2024-12-01, known at ")


def test_a_script_gets_the_answer_alone(folder: Path) -> None:
    done = run("changes", *ARM, "--json", "--data", folder)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["of"] == "/v1/holdings?holder=softbank&issuer=arm"
    assert [(one["in"], one["fields"][:2]) for one in answer["changes"]] == [
        ("holdings", ["stake", "value"]), ("totals", ["value"]),
    ]  # fmt: skip
    assert [cause["type"] for cause in answer["changes"][0]["causes"]] == ["valuation.recorded", "holding.observed"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("holdings",), 0, "Nothing differs."),
        (("entity", "nobody"), 1, "There is no such entity"),
        (("holdings", "--from-position", "999999"), 2, "from_position"),
        (("holdings", "--as-of", "2024-12-31"), 2, "--as-of"),
        (("record", "entity", "anthropic", "--from-position", "0"), 0, "there is no such thing there"),
    ],
)
def test_what_is_said_otherwise(folder: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = run("changes", *arguments, "--data", folder)
    assert (done.returncode, told in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
