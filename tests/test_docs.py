"""The documentation is held true: what can be sent, refused, set, typed or asked is documented, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
from fastapi import APIRouter
from pydantic.fields import FieldInfo
from starlette.routing import Route

import api.app
from api.cli import app as command_line
from api.reasons import MEANINGS
from api.settings import MIB, Settings
from ledger.event import TYPES

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
DOCUMENTED = "\n".join(page.read_text() for page in PAGES)
SETTINGS = [f"{Settings.model_config['env_prefix']}{name}".upper() for name in Settings.model_fields]
COMMANDS = sorted(typer.main.get_command(command_line).commands)  # type: ignore[attr-defined]
ROUTERS = [part.router for part in vars(api.app).values() if isinstance(getattr(part, "router", None), APIRouter)]
CALLS = sorted(
    f"{method} {route.path}"
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, Route) and not route.path.startswith("/docs/")  # the parts of the page /docs
    for method in (route.methods or set()) - {"HEAD"}
)


def unnamed(text: str) -> str:
    """The text with every {placeholder} of a path as {}: its name is told to the reader, not checked."""
    return re.sub(r"\{[^{}\s]*\}", "{}", text)


@pytest.mark.parametrize("name", TYPES)
def test_every_event_type_is_documented(name: str):
    """A reader finds each type of event by its name."""
    assert f"`{name}`" in DOCUMENTED


@pytest.mark.parametrize("reason", [str(reason) for reason in MEANINGS])
def test_every_refusal_is_documented(reason: str):
    """A reader who was refused, by the ledger or at the door, finds the reason by its name."""
    assert f"`{reason}`" in DOCUMENTED


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented(name: str):
    """A reader finds each setting by the name of its environment variable."""
    assert f"`{name}`" in DOCUMENTED


@pytest.mark.parametrize(
    ("name", "field"), list(zip(SETTINGS, Settings.model_fields.values(), strict=True)), ids=SETTINGS
)
def test_the_default_of_every_setting_is_documented(name: str, field: FieldInfo):
    """A reader is told what holds if nothing is set; None is told in words."""
    if field.default is None:
        return
    size = isinstance(field.default, int) and field.default > 0 and field.default % MIB == 0
    said = (
        f"{field.default // MIB} MiB"
        if size
        else f"{field.default:,g}"
        if isinstance(field.default, int | float)
        else str(field.default)
    )
    row = next(line for line in DOCUMENTED.splitlines() if line.startswith(f"| `{name}` "))
    assert said in row.rpartition("|")[0].rpartition("|")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str):
    """A reader finds each command as it is typed."""
    assert re.search(rf"dealledger {re.escape(name)}\b", DOCUMENTED)


@pytest.mark.parametrize("call", CALLS)
def test_every_route_is_documented(call: str):
    """A reader finds each call as METHOD /path."""
    assert re.search(rf"{re.escape(unnamed(call))}(?![\w/{{])", unnamed(DOCUMENTED))


def test_no_setting_is_documented_that_does_not_exist():
    """Every DEALLEDGER_… in the documentation can be set."""
    assert set(re.findall(r"\bDEALLEDGER_[A-Z_]+\b", DOCUMENTED)) <= set(SETTINGS)


def test_no_command_is_documented_that_does_not_exist():
    """Every `dealledger …` that a reader would type is there."""
    code = re.findall(r"```.*?```|`[^`\n]+`", DOCUMENTED, re.DOTALL)
    typed = {name for block in code for name in re.findall(r"\bdealledger ([a-z][a-z-]*)", block)}
    assert typed <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    """A link to a file of the repository leads to a file that is there."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
