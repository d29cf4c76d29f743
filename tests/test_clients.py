"""docs/clients.md holds: its own commands generate a client of a running service, and its own code works with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import fresh_service

PAGE = (Path(__file__).parents[1] / "docs" / "clients.md").read_text()
ADDRESS = "http://localhost:8000"
# uv is beside the interpreter that runs the tests; an environment that is active would be taken for the client's.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}
SECONDS = 300
OFFLINE = re.compile(r"dns error|error sending request|Failed to fetch|client error \(Connect\)")


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.slow
def test_a_generated_client_does_what_the_page_shows(tmp_path: Path) -> None:
    """Given a fresh service; when a reader runs the page from its top; then every line works and mypy finds nothing."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    with fresh_service() as client:
        address = str(client.base_url).rstrip("/")
        made = run("bash", "-euc", blocks("sh").replace(ADDRESS, address))
        if made.returncode != 0 and OFFLINE.search(made.stderr):
            pytest.skip("there is no package index to be reached")
        assert made.returncode == 0, made.stdout + made.stderr
        done = run("client-env/bin/python", "-c", blocks("python").replace(ADDRESS, address))
        assert done.returncode == 0, done.stderr
        recorded, held, types, refused, lines = done.stdout.splitlines()
        assert recorded.startswith("3 [")
        assert held == "newcomer 0 4000000000 4000000000 USD"
        assert types == "['entity.registered', 'entity.registered', 'investment.made']"
        assert refused.startswith("422 unknown_entity /data/issuer did you mean newcomer?")
        assert "'accepted': 3" in lines
        assert client.get("/v1/events", params={"limit": 1}).json()["position"] == 6
    (tmp_path / "page.py").write_text(blocks("python"))
    checked = run("mypy", "--strict", "--python-executable", "client-env/bin/python", "page.py")
    assert checked.returncode == 0, checked.stdout
