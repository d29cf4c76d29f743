"""Every question at the shell: JSON alone on stdout, tables that fit, the same from a folder and from a service."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

import ledger.example
from api.cli import app
from api.cli.help import GROUPS
from api.questions import QUESTIONS
from tests.api.test_cli import ENVIRONMENT, lines, run
from tests.facts import attachment
from tests.service import fresh_service

# What a question's path leaves open.
PARTS: dict[str, tuple[str, ...]] = {
    "event": (str(ledger.example.events()[0]["id"]),),
    "record": ("commitment", "google-anthropic-2023"),
    "entity": ("anthropic",),
    "valuations": ("arm",),
    "performance": ("softbank",),
    "attachment": ("report",),
}
# The example has no document.
DOCUMENT = attachment("report", "anthropic", known="2026-01-01")
ASKED = {question.name: [question.name, *PARTS.get(question.name, ())] for question in QUESTIONS}
QUESTION_NAMES = sorted(ASKED)
# The one line that is longer than a terminal: a cursor is copied whole.
CURSOR = "There is more: --cursor "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds the example."""
    data = tmp_path_factory.mktemp("questions") / "ledger"
    file = lines(data.with_name("example.jsonl"), *ledger.example.events(), DOCUMENT)
    assert run("import", file, "--data", data, "--yes").returncode == 0
    return data


@pytest.fixture(scope="module")
def answered(folder: Path) -> dict[tuple[str, str], Result]:
    """Each question's answer as JSON, of the folder and then of a service on it."""
    of_folder = {("folder", name): invoke(*asked, "--json", "--data", str(folder)) for name, asked in ASKED.items()}
    with fresh_service(folder) as client:
        url = str(client.base_url)
        return of_folder | {("url", name): invoke(*asked, "--json", "--url", url) for name, asked in ASKED.items()}


@pytest.fixture(scope="module")
def service(folder: Path, answered: object) -> Iterator[httpx.Client]:
    """A service on the folder, once nobody else holds it."""
    with fresh_service(folder) as client:
        yield client


def invoke(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environment)


@pytest.mark.parametrize("name", QUESTION_NAMES)
def test_json_is_alone_on_stdout_and_the_same_by_both_doors(answered: dict[tuple[str, str], Result], name: str) -> None:
    """Given a folder and a service on it; when a question is asked with --json; then stdout is the answer, no more."""
    of_folder, of_service = answered["folder", name], answered["url", name]
    assert (of_folder.exit_code, of_folder.stderr) == (of_service.exit_code, of_service.stderr) == (0, "")
    assert of_folder.stdout == of_service.stdout
    assert {"as_of", "known_at", "position"} <= json.loads(of_folder.stdout).keys()


@pytest.mark.parametrize("columns", [80, 100, 160])
@pytest.mark.parametrize("name", QUESTION_NAMES)
def test_a_table_fits_the_terminal(service: httpx.Client, name: str, columns: int) -> None:
    """Given terminals of three widths; when a question is asked; then no line is wider, but the cursor's."""
    done = invoke(*ASKED[name], "--url", str(service.base_url), COLUMNS=str(columns))
    assert (done.exit_code, done.stderr) == (0, "")
    shown = [line for line in done.stdout.splitlines() if not line.startswith(CURSOR)]
    assert max(map(cell_len, shown)) <= columns


def test_in_a_pipe_a_row_is_a_line(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no terminal; when events are listed; then each is one line, however long."""
    monkeypatch.delenv("COLUMNS", raising=False)
    head, *rows, _, _ = invoke("events", "--limit", "5", "--url", str(service.base_url)).stdout.splitlines()
    assert head.split() == ["#", "recorded", "type", "effective", "known", "status", "id"]
    newest = len(ledger.example.events()) + 1
    assert [row.split()[0] for row in rows] == [str(newest - row) for row in range(5)]


def test_every_command_is_in_a_group_of_help() -> None:
    """Given --help; when a newcomer reads it; then every command is under a head that says what it is for."""
    told = invoke("--help").stdout
    assert [head for head in GROUPS if f"{head}:" in told]
    assert "Others:" not in told
    for name in QUESTION_NAMES:
        assert f"\n  {name} " in told


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """Given the script that --show-completion prints; when bash completes with it; then it knows what there is."""
    script = """
        command=$1
        dealledger() { "$command" "$@"; }
        eval "$("$command" --show-completion bash)"
        complete() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _dealledger_completion "$command"
            echo "${COMPREPLY[@]}"
        }
        complete dealledger res
        complete dealledger holdings --hol
    """
    done = subprocess.run(
        ["bash", "-c", script, "bash", Path(sys.executable).parent / "dealledger"],
        capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["restrictions", "--holder"], "")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_has_seen_enough_is_no_failure(service: httpx.Client, form: tuple[str, ...]) -> None:
    """Given a long answer; when its reader goes away; then the command ends well and in silence."""
    program = str(Path(sys.executable).parent / "dealledger")
    command = [program, "events", "--limit", "1000", "--url", str(service.base_url), *form]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as asking:
        assert asking.stdout is not None
        assert asking.stderr is not None
        asking.stdout.close()
        assert (asking.stderr.read(), asking.wait()) == (b"", 0)
