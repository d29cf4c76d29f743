"""Exit codes, command by command: 0 ok, 1 found wrong, 2 bad usage, 3 not ready; and what to do is said on stderr."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.questions import QUESTIONS
from ledger.store.recorder import FORMAT
from ledger.store.sqlite import LOG_FILE
from tests.api.test_cli import COMMAND, ENVIRONMENT, INVESTMENT, SECONDS, lines
from tests.api.test_cli_questions import ASKED
from tests.api.world import entity
from tests.service import fresh_service

NOBODY = "http://127.0.0.1:9"
KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
WELL = ("entities", "events", "holdings", "doctor", "rebuild", "export")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger of two entities, in use by nobody."""
    folder = tmp_path_factory.mktemp("kept")
    file = lines(folder / "in.jsonl", entity("ant"), entity("bee"))
    assert CliRunner().invoke(app, ["import", str(file), "--data", str(folder / "ledger"), "--yes"]).exit_code == 0
    return folder / "ledger"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that a service holds."""
    data = tmp_path_factory.mktemp("held") / "ledger"
    with fresh_service(data):
        yield data


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with a signed ledger of an entity, and the address of the service that holds it."""
    data = tmp_path_factory.mktemp("signed") / "ledger"
    with fresh_service(data) as client:
        recorded = client.post("/v1/events", json=entity("ant")).json()["events"][0]["id"]
        assert client.get(f"/v1/proofs/{recorded}").status_code == 200  # has the log signed first
        yield data, str(client.base_url)


@pytest.fixture(scope="module")
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield str(listening.getsockname()[1])


def ends(code: int, told: str, *arguments: str | Path) -> None:
    """The command ends with the code; if that isn't 0, it says so on stderr and nothing on stdout."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert (done.exit_code, told in done.stderr) == (code, True), done.stderr
    assert code == 0 or done.stdout == ""
    assert "Traceback" not in done.stderr


def more_for(command: str, folder: Path) -> list[str]:
    """What the command can't do without."""
    match command:
        case "import":
            return [str(lines(folder / "in.jsonl", entity("cow"))), "--yes"]
        case "verify":
            return ["--vkey", KEY]
        case "witness":
            return ["--vkey", KEY, "--data", str(folder / "witness"), "--name", "witness.example/1"]
        case _:
            return []


@pytest.mark.parametrize("command", WELL)
def test_0_what_is_well(kept: Path, command: str) -> None:
    ends(0, "", command, "--data", kept)


@pytest.mark.parametrize("command", ["key", "doctor", "doctor --json", "verify", "verify --json", "witness"])
def test_0_a_reader_that_has_seen_enough(signed: tuple[Path, str], tmp_path: Path, command: str) -> None:
    """Given a signed ledger, or a service on one; when the reader of a command goes away; then it is well."""
    data, url = signed
    key, witness = ["--vkey", str(data / "log.vkey")], str(tmp_path / "witness")
    place = {
        "key": ["--data", str(data)],
        "doctor": ["--url", url],
        "verify": ["--url", url, *key, "--seen", str(tmp_path)],
        "witness": ["--url", url, *key, "--data", witness, "--name", "witness.example/1"],
    }
    name, *form = command.split()
    with subprocess.Popen(
        [*COMMAND, name, *form, *place[name]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as asking:
        assert asking.stdout is not None
        assert asking.stderr is not None
        asking.stdout.close()
        told = asking.stderr.read().decode()
        assert asking.wait() == 0, told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "arguments", [["record", "entity", "cow"], ["entity", "cow"], ["event", "x"], ["valuations", "cow"],
                  ["performance", "cow"]],
)  # fmt: skip
def test_1_what_is_not_there(kept: Path, arguments: list[str]) -> None:
    ends(1, "There is nothing here", *arguments, "--data", kept)


def test_1_lines_that_are_refused(kept: Path, tmp_path: Path) -> None:
    ends(1, "Nothing was recorded", "import", lines(tmp_path / "in.jsonl", INVESTMENT | {"type": "x"}), "--data", kept)


@pytest.mark.parametrize("command", ["holdings", "doctor", "rebuild", "import", "serve"])
def test_1_a_damaged_log(kept: Path, tmp_path: Path, command: str) -> None:
    """Given a log with other bytes in its middle; when it is opened; then each command says so, and changes nothing."""
    data = tmp_path / "ledger"
    shutil.copytree(kept, data)
    log = data / "ledger.sqlite"
    log.write_bytes(log.read_bytes()[:100] + b"\x00" * (log.stat().st_size - 100))
    before = log.read_bytes()
    more = more_for(command, tmp_path)
    ends(1, "damaged", command, *more, "--data", data)
    assert log.read_bytes() == before


@pytest.mark.parametrize("command", [question.name for question in QUESTIONS])
def test_2_a_question_asked_wrongly(kept: Path, command: str) -> None:
    """Given a date that is none, an option that is none, a folder that is none; when asked; then usage is at fault."""
    ends(2, "as_of", *ASKED[command], "--as-of", "soon", "--data", kept)
    ends(2, "--as-off", *ASKED[command], "--as-off", "2024-01-01")
    ends(2, "There is no ledger", *ASKED[command], "--data", kept / "typo")
    ends(2, "Both --data and --url", *ASKED[command], "--data", kept, "--url", NOBODY)


@pytest.mark.parametrize(
    ("told", "arguments"),
    [
        ("No such command", ["holding"]),
        ("Missing argument", ["import"]),
        ("none.jsonl", ["import", "none.jsonl", "--yes"]),
        ("no access control", ["serve", "--host", "0.0.0.0"]),  # noqa: S104
        ("There is no ledger", ["doctor", "--data", "typo"]),
        ("There is no ledger", ["rebuild", "--data", "typo"]),
        ("--ready", ["doctor", "--ready"]),
        ("There is no ledger", ["export", "--data", "typo"]),
    ],
)
def test_2_bad_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, arguments: list[str]) -> None:
    """Given an empty folder; when a command is mistyped; then it says what, and makes nothing."""
    monkeypatch.chdir(tmp_path)
    ends(2, told, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "address"),
    [
        *((command, "ftp://127.0.0.1") for command in ("witness", "holdings", "doctor", "import", "export", "feed")),
        ("verify", "ftp://127.0.0.1"),
        ("verify", "127.0.0.1:9"),
        ("verify", ""),
        ("verify", "http://"),
        ("verify", "http://127.0.0.1:65536"),
        ("verify", "http://127.0.0.1:0"),
        ("verify", "http://[::1"),
        ("verify", "http://xn--/"),
        ("verify", f"http://{'a' * 64}"),
        ("verify", "http://a b"),
        ("verify", " http://a"),
        ("verify", f"{NOBODY}/a b"),
        ("verify", f"{NOBODY}\t"),
        ("verify", f"{NOBODY}/\x85"),
        ("verify", f"{NOBODY}/\u00a0"),
        ("verify", "http://a%20b"),
        ("verify", "http://a<b"),
        ("verify", f"{NOBODY}/?as_of=2024-01-01"),
        ("verify", f"{NOBODY}/#x"),
    ],
)
def test_2_an_address_that_no_service_has(tmp_path: Path, command: str, address: str) -> None:
    """Given an address that is none; then usage is at fault, and it says of which option and how to write it."""
    done = CliRunner().invoke(app, [command, *more_for(command, tmp_path), "--url", address])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"Invalid value for '--url': {address!r}: " in done.stderr
    assert "Write it like http://127.0.0.1:8000." in done.stderr


@pytest.mark.parametrize("command", ["holdings", "doctor", "verify", "rebuild", "import", "serve", "export"])
def test_2_a_log_of_a_later_version(kept: Path, tmp_path: Path, command: str) -> None:
    """Given a log of a format that isn't known yet; then this is the wrong program for it. The control: `kept`."""
    later = shutil.copytree(kept, tmp_path / "ledger")
    with sqlite3.connect(later / LOG_FILE) as shell:
        shell.execute(f"PRAGMA user_version = {FORMAT + 1}")
    ends(2, "a later version has written it", command, *more_for(command, tmp_path), "--data", later)


def test_a_dry_run_makes_no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a folder without a ledger; when a file is only looked at; then there is nothing afterwards, nor a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALLEDGER_KEY_FOLDER", str(tmp_path / "keys"))
    file = lines(tmp_path / "in.jsonl", entity("ant"), INVESTMENT)
    ends(1, "2 events: 1 to record, 0 there already, 1 refused.", "import", file, "--dry-run")
    ends(0, "", "import", lines(file, entity("ant")), "--dry-run", "--data", tmp_path / "new")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("command", ["holdings", "doctor", "rebuild", "import", "serve", "export"])
def test_3_a_folder_that_another_process_holds(held: Path, tmp_path: Path, command: str) -> None:
    more = more_for(command, tmp_path)
    ends(3, "held by process", command, *more, "--data", held)


@pytest.mark.parametrize("command", ["verify", "witness", "holdings", "doctor", "import", "export"])
def test_3_a_service_that_does_not_answer(tmp_path: Path, command: str) -> None:
    """The control: an address as services have one, below a folder or not."""
    for address in (NOBODY, f"{NOBODY}/ledger/", "http://[::1%lo]:9"):
        ends(3, "Nobody answers", command, *more_for(command, tmp_path), "--url", address)


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_3_a_port_that_is_taken(tmp_path: Path, taken_port: str, command: str) -> None:
    ends(3, taken_port, command, "--port", taken_port, "--data", tmp_path / "ledger")
    assert not (tmp_path / "ledger").exists()


# --- a reader that has seen enough -----------------------------------------------------------------------------


def into(stdout: int, *arguments: str | Path, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """A command whose stdout is this file, run by a shell: completion is of the one that is found above it."""
    command = ["bash", "-c", '"$@"; exit $?', "bash", *COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, text=True, env=ENVIRONMENT, timeout=SECONDS, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    )


@pytest.fixture
def gone() -> Iterator[int]:
    """The end to write to of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    "arguments",
    [
        ["export"],
        ["export", "holdings", "--format", "csv"],
        ["export", "events", "--format", "csv", "--url"],
        ["entities"],
        ["entity", "ant", "--json"],
        ["template", "investment.made"],
        ["--help"],
        ["export", "holdings", "--help"],
        ["--show-completion"],
    ],
    ids=" ".join,
)
def test_a_reader_that_has_seen_enough_is_no_failure(
    signed: tuple[Path, str], kept: Path, gone: int, arguments: list[str]
) -> None:
    """Given a command whose stdout is closed already, as in `… | true`; then it ends with 0 and says nothing."""
    if arguments[-1] == "--url":
        arguments = [*arguments, signed[1]]
    elif arguments[0] in ("export", "entities", "entity") and arguments[-1] != "--help":
        arguments = [*arguments, "--data", str(kept)]
    done = into(gone, *arguments)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["template", "nope"], ["entities", "--nope"]], ids=" ".join)
def test_a_failure_stays_one_though_nobody_reads_of_it(gone: int, arguments: list[str]) -> None:
    """The control: with both streams closed, wrong usage still ends with 2."""
    assert into(gone, *arguments, stderr=gone).returncode == 2


def test_a_full_disk_is_a_failure(kept: Path) -> None:
    """The control: what can't be written for another reason than a reader's is told."""
    with open("/dev/full", "wb") as full:
        done = into(full.fileno(), "export", "--data", kept)
    assert (done.returncode, "No space left on device" in done.stderr) == (2, True)


def test_an_import_goes_on_though_nobody_reads_what_it_says(tmp_path: Path, gone: int) -> None:
    """Given `import … 2>&1 | true`; then all of it is recorded."""
    file = lines(tmp_path / "in.jsonl", entity("ant"), entity("bee"))
    assert into(gone, "import", file, "--data", tmp_path / "ledger", "--yes", stderr=gone).returncode == 0
    told = CliRunner().invoke(app, ["entities", "--data", str(tmp_path / "ledger"), "--json"]).stdout
    assert told.count('"entity"') == 2
