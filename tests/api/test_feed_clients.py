"""Those who follow a feed from outside: the command, and the client that docs/feed.md shows, through a restart."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import IO

import httpx
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.feed import RETRY_MILLISECONDS
from tests.api.world import entity, given
from tests.faults.killing import Server

ROOT = Path(__file__).parents[2]
# A shell that starts the tests in the background has them, and whatever they start, ignore Ctrl-C.
FEED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from api.cli import main
sys.argv[0] = "dealledger"
main()
"""
SECONDS = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A service of its own, on a port that stays the same."""
    started = Server(tmp_path / "ledger")
    started.start()
    yield started
    started.kill()


@contextmanager
def reading(*command: str) -> Iterator[tuple[Queue[str], subprocess.Popen[str]]]:
    """A process that goes on, and the lines of its stdout as they come."""
    said: Queue[str] = Queue()
    process = subprocess.Popen(
        [sys.executable, "-u", *command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )

    def read(stdout: IO[str]) -> None:
        for line in stdout:
            said.put(line.rstrip("\n"))

    assert process.stdout is not None
    thread = threading.Thread(target=read, args=(process.stdout,))
    thread.start()
    try:
        yield said, process
    finally:
        process.kill()
        process.wait()
        thread.join()


def through_a_restart(server: Server, said: Queue[str]) -> list[str]:
    """The lines for two events, one before and one after a kill of the server."""
    with httpx.Client(base_url=server.address, trust_env=False) as client:
        given(client, entity("ant"))
        first = said.get(timeout=SECONDS)
        server.kill()
        server.start()
        given(client, entity("bee"))
        return [first, said.get(timeout=SECONDS)]


@pytest.fixture
def in_the_background() -> Iterator[None]:
    """As after `python3 x.py test &` in a script."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_background")
def test_the_command_prints_events_through_a_restart(server: Server) -> None:
    """A line each, with what it is about; Ctrl-C ends it well."""
    with reading("-c", FEED, "feed", "--url", server.address) as (said, process):
        first, second = through_a_restart(server, said)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert re.fullmatch(r" +1  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  entity\.registered +ant", first)
    assert re.fullmatch(r" +2  .* bee", second)
    assert said.empty()


def test_a_break_is_told_once_and_so_is_its_end(server: Server) -> None:
    """Given a service that stays away for several tries; then stderr has a line for the break and one for its end."""
    command = [sys.executable, "-c", FEED, "feed", "--url", server.address]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            with httpx.Client(base_url=server.address, trust_env=False) as client:
                given(client, entity("ant"))
                assert process.stdout.readline()
                server.kill()
                told = process.stderr.readline()
                time.sleep(3 * RETRY_MILLISECONDS / 1000)
                server.start()
                assert process.stderr.readline() == "The service is back.\n"
                given(client, entity("bee"))
                assert "bee" in process.stdout.readline()
        finally:
            process.kill()
    assert told == "The connection broke after position 1; trying again.\n"


def test_the_first_connection_must_succeed() -> None:
    """Given an address at which nobody answers; then the command ends and says so, rather than trying for ever."""
    done = CliRunner().invoke(app, ["feed", "--url", "http://127.0.0.1:9"])
    assert (done.exit_code, "Nobody answers at this address." in done.stderr) == (3, True)


def test_the_command_gives_json_and_goes_on_where_one_is(server: Server) -> None:
    """The events as the service gives them, a line each."""
    with httpx.Client(base_url=server.address, trust_env=False) as client:
        given(client, entity("ant"), entity("bee"), entity("cat"))
        shown = client.get("/v1/feed", params={"position": 1}).json()["events"]
    with reading("-c", FEED, "feed", "--url", server.address, "--json", "--position", "1") as (said, _):
        assert [json.loads(said.get(timeout=SECONDS)) for _ in range(2)] == shown


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_reader_that_has_seen_enough_ends_the_command_well(shared: httpx.Client, form: list[str]) -> None:
    """Given a service with news; when the reader of the command is gone; then it ends with 0 and says nothing."""
    command = [sys.executable, "-c", FEED, "feed", "--url", str(shared.base_url), *form]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(SECONDS) == 0, told
    assert told == ""


def test_the_client_of_the_documentation_works(server: Server) -> None:
    """As it is printed there, but for the port."""
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "feed.md").read_text(), re.DOTALL)
    assert len([line for line in block.splitlines() if line.strip()]) <= 15
    assert "http://localhost:8000" in block
    with reading("-c", block.replace("http://localhost:8000", server.address)) as (said, _):
        assert through_a_restart(server, said) == ["1 entity.registered", "2 entity.registered"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--data", "."], 2, "A folder has no news"),
        ([], 2, "--url"),
        (["--url", "http://127.0.0.1:1"], 3, "Nobody answers"),
        (["--url", "nonsense"], 2, "--url"),
    ],
)
def test_the_command_says_what_it_lacks(arguments: list[str], code: int, told: str) -> None:
    """By exit code and in words."""
    done = CliRunner().invoke(app, ["feed", *arguments])
    assert done.exit_code == code
    assert told in done.stderr
    assert done.stdout == ""


def test_the_command_is_told_of_a_place_that_is_none(shared: httpx.Client) -> None:
    """At once, not by silence."""
    done = CliRunner().invoke(app, ["feed", "--url", str(shared.base_url), "--position", "77"])
    assert done.exit_code == 2
    assert "above the head" in done.stderr
