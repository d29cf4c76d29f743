"""The command `dealledger`, as a shell runs it: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import ledger.example
from api.cli import app
from tests.api.world import entity, event, usd

COMMAND = [sys.executable, "-c", "from api.cli import main; main()"]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("DEALLEDGER_")},
    "COLUMNS": "100",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
SECONDS = 60


def run_alone(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, as a shell runs it."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
    )


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command in this process, since each start of one takes a second: what it prints where, and its exit code."""
    ours = {name: ENVIRONMENT.get(name) for name in {*os.environ, *ENVIRONMENT} if name.startswith("DEALLEDGER_")}
    done = CliRunner().invoke(
        app, [*map(str, arguments)], env={**ours, "COLUMNS": ENVIRONMENT["COLUMNS"]}, catch_exceptions=False
    )
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def lines(path: Path, *events: Any) -> Path:
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in events))
    return path


@contextmanager
def running(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that serves, and its address once it says it."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        yield process, found.group()
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def until_alive(address: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/livez", trust_env=False).status_code == 200:
                return
        except httpx.ConnectError:
            time.sleep(0.02)
    raise AssertionError("it did not start")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds the example."""
    data = tmp_path_factory.mktemp("cli") / "ledger"
    file = lines(data.with_name("example.jsonl"), *ledger.example.events())
    assert run("import", file, "--data", data, "--yes").returncode == 0
    return data


# --- questions ---------------------------------------------------------------------------------------------------


def test_a_question_answers_json_alone_on_stdout(folder: Path) -> None:
    """The same answer as over REST, at the times asked for."""
    done = run_alone("holdings", "--data", folder, "--holder", "softbank", "--as-of", "2024-12-29", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["as_of"] == "2024-12-29"
    assert {row["holder"] for row in answer["holdings"]} == {"softbank"}


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["holdings", "--holder", "softbank"], "softbank"),
        (["commitments", "--to", "anthropic"], "google-anthropic-2023"),
        (["contracts", "--customer", "anthropic"], "3B–4B USD"),
        (["valuations", "arm"], "market_cap"),
        (["performance", "softbank"], "XIRR"),
        (["entities", "--kind", "place"], "Japan"),
        (["events", "--type", "review.recorded"], "review"),
        (["record", "entity", "anthropic"], "entity anthropic, version"),
    ],
)
def test_a_question_answers_a_table_that_fits(folder: Path, arguments: list[str], seen: str) -> None:
    """With the three times it was asked at."""
    done = run(*arguments, "--data", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert seen in done.stdout
    assert "known at" in done.stdout
    table = [line for line in done.stdout.splitlines() if not line.startswith(("There is more", "  "))]
    assert max(map(len, table)) <= 100


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["holdings", "--as-of", "soon"], 2, "as_of"),
        (["holdings", "--known-at", "9999-01-01"], 2, "Ask for today or earlier"),
        (["holdings", "--position", "99999"], 2, "head"),
        (["holdings", "--holdr", "x"], 2, "--holder"),
        (["valuations", "nobody"], 1, "There is nothing here"),
        (["record", "entity", "no/body"], 1, "There is nothing here"),
        (["holdings", "--url", "http://127.0.0.1:9"], 2, "Both --data and --url"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why_on_stderr(
    folder: Path, arguments: list[str], code: int, told: str
) -> None:
    done = run(*arguments, "--data", folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_ledger_is_left_alone(tmp_path: Path) -> None:
    """A mistyped folder is said, not made."""
    for command in ("holdings", "doctor", "rebuild"):
        done = run(command, "--data", tmp_path / "typo")
        assert done.returncode == 2
        assert "There is no ledger" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_nobody_at_an_address_is_not_ready() -> None:
    for command in ("holdings", "doctor"):
        done = run(command, "--url", "http://127.0.0.1:9")
        assert done.returncode == 3
        assert "Nobody answers" in done.stderr


# --- import ------------------------------------------------------------------------------------------------------


INVESTMENT = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"))


def test_an_import_shows_what_is_wrong_and_records_nothing(tmp_path: Path) -> None:
    """File, line, pointer, what and how to mend it; exit code 1."""
    file = lines(tmp_path / "in.jsonl", entity("ant"), "", "{", INVESTMENT)
    done = run("import", file, "--data", tmp_path / "ledger", "--yes")
    assert done.returncode == 1
    assert f"{file}:3: " in done.stderr
    assert f"{file}:4: /data/issuer" in done.stderr
    assert "3 events: 1 to record, 0 there already, 2 refused." in done.stderr
    assert json.loads(run("events", "--data", tmp_path / "ledger", "--json").stdout)["position"] == 0


def test_an_import_asks_before_it_records(tmp_path: Path) -> None:
    """With nobody to ask, --yes has to be said."""
    done = run("import", lines(tmp_path / "in.jsonl", entity("ant")), "--data", tmp_path / "ledger")
    assert done.returncode == 2
    assert "--yes" in done.stderr


def test_an_import_goes_on_where_it_was_and_records_nothing_twice(tmp_path: Path) -> None:
    """Again, with a line mended, and from several files of which the second needs the first."""
    data = tmp_path / "ledger"
    first = lines(tmp_path / "1.jsonl", entity("ant"), {**INVESTMENT, "effective": "soon"})
    done = run_alone("import", first, "--data", data, "--yes", "--on-error", "continue")
    assert done.returncode == 1
    assert "Recorded 1 events; 0 were there already." in done.stderr
    first = lines(tmp_path / "1.jsonl", entity("bee"), entity("ant"), INVESTMENT)
    second = lines(tmp_path / "2.jsonl", INVESTMENT)
    for expected in ("Recorded 3 events; 1 were there already.", "4 events: 0 to record, 4 there already, 0 refused."):
        done = run("import", first, second, "--data", data, "--yes")
        assert done.returncode == 0, done.stderr
        assert expected in done.stderr
    listed = json.loads(run("events", "--data", data, "--json").stdout)
    assert listed["position"] == 4
    assert {row["recorded_by"] for row in listed["events"]} == {"import"}


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run("import", tmp_path / "none.jsonl", "--data", tmp_path / "ledger")
    assert done.returncode == 2
    assert "none.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


# --- serve, demo -------------------------------------------------------------------------------------------------


def test_a_service_holds_its_folder_and_says_who_it_is(tmp_path: Path) -> None:
    """Others are pointed to --url, where the same commands work."""
    data = tmp_path / "ledger"
    with running("serve", "--data", data, "--port", "0") as (process, address):
        until_alive(address)
        held = run_alone("holdings", "--data", data)
        assert held.returncode == 3
        assert f"process {process.pid} " in held.stderr
        assert "--url" in held.stderr
        file = lines(tmp_path / "in.jsonl", entity("ant"), entity("bee"), INVESTMENT)
        for expected in ("Recorded 3 events", "0 to record, 3 there already"):
            done = run("import", file, "--url", address, "--yes")
            assert done.returncode == 0, done.stderr
            assert expected in done.stderr
        assert json.loads(run("holdings", "--url", address, "--json").stdout)["position"] == 3
        well = run("doctor", "--url", address)
        assert (well.returncode, "WRONG" in well.stdout) == (0, False)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_service_stops_at_once(tmp_path: Path, sign: signal.Signals) -> None:
    """Also while somebody waits for a position and another keeps a connection open; its exit code is 0."""
    with running("serve", "--data", tmp_path / "ledger", "--port", "0") as (process, address):
        until_alive(address)
        with httpx.Client(base_url=address, trust_env=False) as client, ThreadPoolExecutor() as threads:
            client.get("/livez")
            later = {"Min-Position": "9"}
            waiting = threads.submit(httpx.get, f"{address}/v1/events", headers=later, timeout=30, trust_env=False)
            time.sleep(1)
            process.send_signal(sign)
            assert process.wait(timeout=SECONDS) == 0
            # Answered, and not broken off as when the server's patience with its connections ends.
            assert waiting.result(SECONDS).status_code == 503
        assert process.stdout is not None
        # Nothing but its log: no library complains of what was never given back.
        assert [line for line in process.stdout.read().splitlines() if not line.startswith("{")] == []


def test_logs_are_json_lines_without_amounts(tmp_path: Path) -> None:
    with running("serve", "--data", tmp_path / "ledger", "--port", "0") as (process, address):
        until_alive(address)
        httpx.post(f"{address}/v1/events", json=[entity("ant"), entity("bee"), INVESTMENT], trust_env=False)
        httpx.post(f"{address}/v1/events", json={**INVESTMENT, "data": {"amount": "77777"}}, trust_env=False)
        process.terminate()
        assert process.stdout is not None
        said = [json.loads(line) for line in process.stdout.read().splitlines() if line.startswith("{")]
    posted = [one for one in said if one.get("method") == "POST"]
    assert [one["status"] for one in posted] == [201, 422]
    assert all(one["request_id"] for one in posted)
    assert "77777" not in json.dumps(said)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com"])  # noqa: S104
def test_serve_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    done = run("serve", "--data", tmp_path / "ledger", "--host", host, "--port", "0")
    assert done.returncode == 2
    assert "no access control" in done.stderr
    assert not (tmp_path / "ledger").exists()


def test_the_demo_serves_the_example_and_says_what_to_try(tmp_path: Path) -> None:
    """Its commands work as printed; run again on the same folder it records nothing twice."""
    data = tmp_path / "demo"
    count = len(ledger.example.events())
    for _ in range(2):
        with running("demo", "--data", data, "--port", "0") as (process, address):
            until_alive(address)
            assert process.stdout is not None
            said = ""
            while "Ctrl-C" not in said:
                said += process.stdout.readline()
            assert httpx.get(f"{address}/docs", trust_env=False).status_code == 200
            tried = [line.split()[1:] for line in said.splitlines() if "--url" in line]
            assert len(tried) == 3
            for arguments in tried:
                done = run_alone(*arguments)
                assert (done.returncode, done.stderr) == (0, "")
                assert len(done.stdout.splitlines()) > 1 or "--json" in arguments
            assert httpx.get(f"{address}/v1/events?limit=1", trust_env=False).json()["position"] == count


def test_the_demo_stays_out_of_the_database_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log is a file in its folder; the address given would not even open."""
    monkeypatch.setitem(ENVIRONMENT, "DEALLEDGER_DATABASE_URL", "postgresql://127.0.0.1:9/real")
    with running("demo", "--data", tmp_path / "demo", "--port", "0") as (_, address):
        until_alive(address)
    assert (tmp_path / "demo" / "ledger.sqlite").exists()


# --- doctor, rebuild ---------------------------------------------------------------------------------------------


def test_doctor_finds_a_well_ledger_well(folder: Path) -> None:
    done = run("doctor", "--data", folder, "--json")
    assert done.returncode == 0, done.stdout
    assert {one["what"] for one in json.loads(done.stdout)} == {
        "database file",
        "journal",
        "log",
        "index",
        "attachments",
        "read model",
        "set aside",
        "signer",
    }
    assert all(one["well"] for one in json.loads(done.stdout))


def test_rebuild_makes_the_read_model_again(folder: Path) -> None:
    """The same answers as before."""
    before = run("holdings", "--data", folder, "--json").stdout
    assert run("rebuild", "--data", folder).returncode == 0
    assert run("holdings", "--data", folder, "--json").stdout == before


def test_doctor_finds_a_damaged_log(tmp_path: Path) -> None:
    """A gap, made by somebody who went round the triggers."""
    import sqlite3

    data = tmp_path / "ledger"
    run("import", lines(tmp_path / "in.jsonl", *(entity(f"e-{n}") for n in range(5))), "--data", data, "--yes")
    connection = sqlite3.connect(data / "ledger.sqlite")
    connection.execute("DROP TRIGGER events_no_delete")
    connection.execute("DELETE FROM events WHERE position = 3")
    connection.commit()
    connection.close()
    done = run("doctor", "--data", data)
    assert done.returncode == 1
    assert "expected position 3" in done.stdout


def test_a_question_to_a_folder_waits_for_the_whole_log(tmp_path: Path) -> None:
    """However long that takes: a service would answer 503 after its wait_seconds."""
    data = tmp_path / "ledger"
    file = lines(tmp_path / "in.jsonl", *(entity(f"e-{n}") for n in range(3_000)))
    run("import", file, "--data", data, "--yes")
    for kept in data.glob("*.duckdb*"):
        kept.unlink()
    options = {**ENVIRONMENT, "DEALLEDGER_WAIT_SECONDS": "0"}
    done = subprocess.run(
        [*COMMAND, "entities", "--data", data, "--json"], capture_output=True, timeout=SECONDS, env=options
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["position"] == 3_000


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--ready"], 0)])
def test_doctor_can_ask_for_ready_alone(monkeypatch: pytest.MonkeyPatch, options: list[str], code: int) -> None:
    """An event that was set aside stays so; a container is not unhealthy for it."""
    state = {
        "ready": True, "position": 1, "applied": 1, "lag": 0, "rebuilding": None, "failure": None,
        "set_aside": [{"position": 1, "projection": "holdings", "error": "x"}],
        "signing": {"size": 1, "fault": None, "kind": None, "read_only": False}, "witnesses": [],
    }  # fmt: skip
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, json=state))
    assert CliRunner().invoke(app, ["doctor", "--url", "http://127.0.0.1:9", *options]).exit_code == code


def test_ready_is_about_a_service(folder: Path) -> None:
    assert run("doctor", "--data", folder, "--ready").returncode == 2


def test_a_fault_is_told_in_the_words_of_a_shell(tmp_path: Path) -> None:
    """Given a parameter of the wrong form; then its name is told once, and no page is named that a shell hasn't."""
    run("import", lines(tmp_path / "in.jsonl", entity("ant")), "--data", tmp_path / "ledger", "--yes")
    told = run("exposures", "--hops", "x", "--entity", "ant", "--data", tmp_path / "ledger").stderr
    assert told.count("hops: ") == 1, told
    assert "/docs" not in told
    assert "--help shows the form of it." in told
