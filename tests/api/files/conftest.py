"""A ledger that knows an analyst's parties, and the analyst's table with its map."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.files.analyst import Sheet, sheet, world
from tests.api.files.importing import MAP, run
from tests.api.test_cli import lines


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with the parties and the commitment."""
    data = tmp_path / "ledger"
    assert run("import", lines(tmp_path / "world.jsonl", *world()), "--data", data, "--yes").returncode == 0
    return data


@pytest.fixture
def deals(tmp_path: Path) -> tuple[Sheet, Path, Path]:
    """The table without mistakes, and the paths of a file for it and of its map."""
    (tmp_path / "deals.map.toml").write_text(MAP)
    return sheet(), tmp_path / "deals.csv", tmp_path / "deals.map.toml"
