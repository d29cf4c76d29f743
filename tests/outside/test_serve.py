"""What others wrote audits a real `dealledger serve`, over HTTP and with nothing but its public key."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import ledger.example
from tests.api.world import entity, given
from tests.outside.test_aics import AUDIT, python
from tests.outside.test_go import audit

__all__ = ["audit"]
MORE = 400


@dataclass
class Serving:
    url: str
    vkey: str
    client: httpx.Client
    size: int


def serving(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The process, and its address."""
    command = [str(Path(sys.executable).with_name("dealledger")), "serve", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return process, found[0]
    raise AssertionError("it didn't start")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def log(folder: Path) -> Iterator[Serving]:
    """The example and some more, all of it signed."""
    process, url = serving(folder)
    try:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            size = len(given(client, *ledger.example.events()))
            last = given(client, *(entity(f"more-{number}") for number in range(MORE)))[-1]
            assert client.get(f"/v1/proofs/{last['id']}").json()["size"] == size + MORE
            yield Serving(f"{url}/log", (folder / "log.vkey").read_text().strip(), client, size + MORE)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def change(folder: Path) -> None:
    """One letter of an event that is signed."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as shell, shell:
        shell.execute("DROP TRIGGER events_no_update")
        shell.execute("UPDATE events SET state = replace(state, 'More', 'Mere') WHERE position = 300")


def test_aics_tlog_accepts_a_running_service(log: Serving, folder: Path) -> None:
    """And finds the one event that is changed then."""
    done = python("-c", AUDIT, log.url, log.vkey)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0] == log.size
    change(folder)
    assert python("-c", AUDIT, log.url, log.vkey).returncode == 1


@pytest.mark.slow
def test_go_accepts_a_running_service(log: Serving, folder: Path, audit: Path, tmp_path: Path) -> None:
    """Also that it grew from an older checkpoint; and finds the one event that is changed then."""
    old = tmp_path / "old"
    old.write_text(log.client.get("/log/checkpoint").text)
    last = given(log.client, entity("the-last"))[-1]
    assert log.client.get(f"/v1/proofs/{last['id']}").json()["size"] == log.size + 1
    done = subprocess.run([audit, log.url, log.vkey, old], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{log.size + 1} ")
    change(folder)
    done = subprocess.run([audit, log.url, log.vkey], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "isn't what its leaf was made of" in done.stderr
