"""The machine and the versions in words, without a name or a path: what a figure is worth depends on them."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent


def machine(postgres: str | None, load: float) -> str:
    """CPU, cores, memory, kind of disk, versions. `postgres` is the server's version, if one was used; `load` how many
    processes ran in the minute before."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{_cpu()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        _disk(Path(__file__)),
        f"{platform.system()} {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"DuckDB {duckdb.__version__}",
        f"eventsourcing {version('eventsourcing')}",
        f"FastAPI {version('fastapi')}",
        f"uvicorn {version('uvicorn')}",
    ]
    return "; ".join([*parts, *([f"PostgreSQL {postgres}"] if postgres else []), f"load before {load:.1f}"])


def commit() -> str:
    """The commit that is measured, with a + if files differ from it that could matter."""
    asked = ["git", "describe", "--always", "--abbrev=12", "--exclude=*"]
    found = subprocess.run(asked, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603
    written = [f":(exclude){name}" for name in ("benchmarks/history.csv", "docs")]
    differs = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", *written], cwd=ROOT, check=False)  # noqa: S603, S607
    return found.stdout.strip() + ("+" if differs.returncode == 1 else "") or "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def _disk(path: Path) -> str:
    """The disk that holds a path: its kind and its file system, as far as the kernel tells."""
    number = os.stat(path).st_dev
    kind = "disk of unknown kind"
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if device.exists():
        real = device.resolve()
        whole = real if (real / "queue").exists() else real.parent
        spins = (whole / "queue" / "rotational").read_text().strip() == "1"
        kinds = {"nvme": "NVMe disk", "vd": "virtual disk", "xvd": "virtual disk"}
        named = next((kind for prefix, kind in kinds.items() if whole.name.startswith(prefix)), None)
        kind = named or ("spinning disk" if spins else "solid-state disk")
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return kind
    under = [(len(mount[1]), mount[2]) for mount in mounts if path.resolve().is_relative_to(mount[1])]
    return f"{kind}, {max(under)[1]}" if under else kind
