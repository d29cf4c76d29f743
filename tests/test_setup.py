"""The set-up holds on a stranger's machine: two commands, hashed locks, nothing of anybody's own machine."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import typer.main

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-setup.lock", "requirements-outside.lock")


def tracked_files() -> list[Path]:
    """Every file of the repository, as git lists them."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def locked(name: str) -> dict[str, str]:
    """The packages of a lock file and their versions."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))


def test_the_readme_sets_up_with_exactly_two_commands():
    """The first shell block of the README is the two commands, and nothing comes before them."""
    blocks = re.findall(r"```(?:sh|bash|console|shell)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = [line.partition("#")[0].strip() for line in blocks[0].splitlines()]
    assert [line for line in commands if line] == ["python3 x.py demo", "python3 x.py test"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_registry(name: str):
    """A lock file holds no address, no index option and no path: it installs from wherever pip is told to."""
    assert not re.search(r"://|^\s*-{1,2}[a-gi-z]|^\s*[./]|@ ", (ROOT / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_and_hashes_everything(name: str):
    """Every requirement is one exact version with at least one SHA-256."""
    text = "".join(
        line for line in (ROOT / name).read_text().splitlines(keepends=True) if not line.lstrip().startswith("#")
    )
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 1
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+ ", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", requirement), requirement


def test_the_locks_agree():
    """A package in two locks has one version, so setting up for tests doesn't change what runs."""
    run, test, setup, outside = (locked(name) for name in LOCKS)
    assert run.items() <= test.items()
    assert not outside.keys() & test.keys()
    assert {name: setup[name] for name in setup.keys() & test.keys()} == {
        name: test[name] for name in setup.keys() & test.keys()
    }


def test_the_locks_hold_what_pyproject_asks_for():
    """No dependency was added without `python3 x.py lock`."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    for wanted, lock in (
        (project["dependencies"], "requirements.lock"),
        (project["optional-dependencies"]["test"], "requirements-test.lock"),
        (project["optional-dependencies"]["otel"], "requirements-test.lock"),
        (pyproject["dependency-groups"]["setup"], "requirements-setup.lock"),
        (pyproject["dependency-groups"]["outside"], "requirements-outside.lock"),
    ):
        names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted}
        assert names - {project["name"]} <= locked(lock).keys()


def test_no_file_names_somebodys_machine():
    """No path of a home folder or of this checkout is in the repository."""
    own_paths = [re.escape(str(path)) for path in {ROOT, Path.home()} if len(path.parts) > 2]
    found = re.compile("|".join([*own_paths, r"/(?:home|Users)/[a-z]\w*", r"(?<![\w.])/root\b"]).encode())
    named = {
        str(path.relative_to(ROOT)): match[0].decode()
        for path in tracked_files()
        if (match := found.search(path.read_bytes())) and path != Path(__file__).resolve()
    }
    assert named == {}


def test_the_set_up_script_needs_the_standard_library_alone():
    """x.py imports nothing that a bare Python doesn't have."""
    tree = ast.parse((ROOT / "x.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_set_up_script_parses_on_an_older_python():
    """An older Python gets as far as being told that it is too old."""
    ast.parse((ROOT / "x.py").read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["setup", "more"]])
def test_wrong_usage_of_the_set_up_script_says_how(arguments: list[str]):
    """Without a command it knows, x.py prints its usage, does nothing and exits with 2."""
    done = subprocess.run([sys.executable, ROOT / "x.py", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "python3 x.py demo" in done.stderr


def test_continuous_integration_runs_the_test_command():
    """.ci/run is executable and calls what a desk calls."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "python3 x.py test" in script.read_text()


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path):
    """Example ledger, static files and type markers are in the wheel as in the checkout; tests aren't."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    packages = {"ledger", "projections", "api"}
    wanted = {
        path.relative_to(ROOT).as_posix() for path in tracked_files() if path.relative_to(ROOT).parts[0] in packages
    }
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert wanted <= names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == packages


# --- The Dockerfile ---


def dockerfile() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their arguments, continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def last_stage() -> dict[str, str]:
    """The instructions of the stage that becomes the image, by name; of several the last."""
    instructions = dockerfile()
    last = max(at for at, (word, _) in enumerate(instructions) if word == "FROM")
    return dict(instructions[last:])


def command_in(argument: str) -> list[str]:
    """The words of an exec-form command: ["a", "b"]."""
    return list(ast.literal_eval(argument[argument.index("[") :]))


def test_the_image_is_built_in_stages_and_runs_as_nobody_special():
    """The build's tools stay behind, the process isn't root, its data is a volume."""
    assert [rest for word, rest in dockerfile() if word == "FROM"] == ["python:3.11-slim AS build", "python:3.11-slim"]
    stage = last_stage()
    assert stage["COPY"].startswith("--from=build")
    assert stage["USER"] not in ("root", "0")
    assert stage["VOLUME"] == "/data"


def test_the_image_takes_only_what_is_in_the_checkout():
    """What the Dockerfile copies exists, and .dockerignore lets it through."""
    copied = [
        name
        for word, rest in dockerfile()
        if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
        if not name.startswith("--")
    ]
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == let_through
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("which", ["HEALTHCHECK", "CMD"])
def test_the_image_calls_commands_that_exist(which: str):
    """The health check and the service are commands of `dealledger`, with options it knows."""
    from api.cli import app

    words = command_in(last_stage()[which])
    entry = command_in(last_stage()["ENTRYPOINT"])
    name, *options = words[1:] if which == "HEALTHCHECK" else words
    assert entry == ["dealledger"]
    assert which == "CMD" or words[0] == "dealledger"
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
