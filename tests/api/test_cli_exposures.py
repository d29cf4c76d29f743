"""Exposures and ownership at the shell: tables for the eye, with what was asked and what is undefined."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import ledger.example
from api.cli import app
from tests.api.test_cli import lines, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds the example."""
    data = tmp_path_factory.mktemp("exposures") / "ledger"
    file = lines(data.with_name("example.jsonl"), *ledger.example.events())
    assert run("import", file, "--data", data, "--yes").returncode == 0
    return data


def shown(folder: Path, *arguments: str) -> str:
    """What the command prints, every space as one."""
    done = CliRunner().invoke(app, [*arguments, "--data", str(folder)])
    assert done.exit_code == 0, done.stderr
    return " ".join(done.stdout.split())


def test_pairs_the_network_and_cycles(folder: Path) -> None:
    said = shown(folder, "exposures", "--as-of", "2023-12-31")
    assert "Exposure, contracted layer, pairs untimed, USD" in said
    assert "amazon anthropic 4B USD (0–4B) 4B USD 4B USD (0–4B) 100% 0%–100% 100%" in said
    assert "google anthropic 2B USD 3B USD (3B–4B) 2B USD 100% 50%–66.67% 0%" in said
    assert "circulation 12B USD (4B–?)" in said
    assert (
        "Undefined (unbounded): circularity at high amounts, recycled share at high amounts, finn at high amounts"
        in said
    )
    assert "anthropic → google → anthropic 2B USD" in said
    assert "openai → microsoft (purchase)" in said
    assert "wash" not in said
    assert "as of 2023-12-31" in said


def test_the_rule_and_what_is_let_in_are_said(folder: Path) -> None:
    asked = ("--time-rule", "window", "--window-days", "30", "--include", "rumoured,debt_service", "--entity", "google")
    said = shown(folder, "exposures", *asked)
    assert "pairs window 30 days, USD, with debt_service, rumoured, within 1 hop of google" in said


def test_a_missing_rate_is_told(folder: Path) -> None:
    said = shown(folder, "exposures", "--as-of", "2024-12-31")
    assert "gross –" in said
    assert "Missing rates: CNY to USD on 2024-07-31" in said


def test_history(folder: Path) -> None:
    span = ("--from", "2023-07-01", "--to", "2023-12-31", "--as-of", "2023-12-31")
    said = shown(
        folder, "exposure-history", "--step", "quarter", "--funder", "google", "--customer", "anthropic", *span
    )
    assert "Pair: google → anthropic" in said
    assert "2023-09-30 112.2B USD (108.2B–?) 8B USD (0–?) 4B USD (0–?) 7.131% 0 USD –" in said
    assert "2023-12-31 129.1B USD (125.1B–?) 12B USD (4B–?) 6B USD (2B–?) 9.296% 2B USD 100%" in said


def test_history_names_the_rates_that_are_missing_once(folder: Path) -> None:
    said = shown(folder, "exposure-history", "--step", "quarter", "--from", "2024-01-01", "--as-of", "2024-12-31")
    assert said.count("CNY to USD on 2024-07-31") == 1
    assert "Missing rates: " in said


def test_ownership_without_marks_says_why_there_is_no_factor(folder: Path) -> None:
    said = shown(folder, "ownership", "--as-of", "1990-12-31")
    assert "How many times over values count can't be said: no own assets." in said


def test_ownership(folder: Path) -> None:
    said = shown(folder, "ownership")
    assert "softbank yahoo 33.25%–36.75% 33.25%–36.75%" in said
    assert "softbank – – 171B USD (171B–?)" in said
    assert "Added up, values count 1.9 times what is there." in said
