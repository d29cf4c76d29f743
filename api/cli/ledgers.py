"""Which ledger a command is about: a folder of this machine, or a service that runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import ValidationError
from rich.progress import Progress

from api import logs
from api.app import create_app
from api.cli.talking import Exit, fail, messages
from api.service import Service, open_service
from api.settings import Settings
from ledger.store.sqlite import LOG_FILE
from projections.database import ReadModel

SECONDS = 60
LOOK_SECONDS = 0.05
IN_PROCESS = "http://ledger"

Data = Annotated[
    Path | None,
    typer.Option("--data", help="The ledger's folder. Default: DEALLEDGER_DATA, or ./data.", show_default=False),
]


def _address(given: str | None) -> str | None:
    """An address below which a service may answer, as it was given. Raises typer.BadParameter."""
    if given is None:
        return None
    try:
        if any(one.isspace() or not one.isprintable() for one in given):
            raise httpx.InvalidURL("there is a blank or a control character in it")
        url = httpx.URL(given)
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        why = str(error)
    else:
        if url.scheme not in ("http", "https") or not url.host:
            why = "it is no address of http or https"
        elif "%" in url.host and ":" not in url.host:  # an address of IPv6 may name its interface
            why = f"no host is called {url.host}"
        elif url.port is not None and not 0 < url.port < 65536:
            why = f"there is no port {url.port}"
        elif url.query or url.fragment:
            why = "what begins with ? or # belongs to a question, not to a service"
        else:
            return given
    raise typer.BadParameter(f"{given!r}: {why}. Write it like http://127.0.0.1:8000.")


Url = Annotated[
    str | None,
    typer.Option("--url", help="A running service, like http://127.0.0.1:8000.", show_default=False, callback=_address),
]


@dataclass(frozen=True, slots=True)
class Source:
    """A folder, or else the address of a service."""

    data: Path | None
    url: str | None

    def __post_init__(self) -> None:
        if self.data is not None and self.url is not None:
            fail(Exit.BAD_USAGE, "Both --data and --url are given.", "Give the folder or the service.")

    def get(self, path: str, query: dict[str, str]) -> httpx.Response:
        """What the ledger answers, in process from a folder or over HTTP: the same application either way."""
        if self.url is not None:
            with httpx.Client(base_url=self.url, timeout=SECONDS, trust_env=False) as client:
                return client.get(path, params=query)
        with opened(self.data, make=False) as service:
            follow(service)  # a rebuild may take longer than a service lets a question wait
            return asyncio.run(_send(service, httpx.Request("GET", f"{IN_PROCESS}{path}", params=query)))

    def post(self, path: str, query: dict[str, str], body: bytes, media_type: str) -> httpx.Response:
        """What the ledger answers to bytes that it is brought, in process or over HTTP as well."""
        headers = {"Content-Type": media_type}
        if self.url is not None:
            with httpx.Client(base_url=self.url, timeout=SECONDS, trust_env=False) as client:
                return client.post(path, params=query, content=body, headers=headers)
        request = httpx.Request("POST", f"{IN_PROCESS}{path}", params=query, content=body, headers=headers)
        with opened(self.data, make=False) as service:
            return asyncio.run(_send(service, request))


def follow(service: Service) -> bool:
    """Wait until the read model holds the whole log; whether it does, rather than having failed."""
    head, model = service.store.head(), service.model
    show_progress(model, head, lambda: model.position >= head or service.follower.failure is not None)
    return model.position >= head


def show_progress(model: ReadModel, head: int, ended: Callable[[], bool]) -> None:
    """Show how far the read model is until it has ended."""
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("Applying", total=head)
        while not ended():
            progress.update(task, completed=(model.rebuilding or {}).get("position", model.position))
            time.sleep(LOOK_SECONDS)


async def _send(service: Service, request: httpx.Request) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(service, "shell"))) as client:
        return await client.send(request)


def settings_of(data: Path | None) -> Settings:
    """The settings of this environment, with the folder that was given."""
    try:
        return Settings() if data is None else Settings(data=data)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        fail(Exit.BAD_USAGE, f"DEALLEDGER_{str(wrong['loc'][0]).upper()}: {wrong['msg']}.", "Mend or unset it.")


@contextmanager
def opened(
    data: Path | None,
    *,
    make: bool,
    log_level: str = "error",
    log_in_folder: bool = False,
    witnessed: bool = False,
) -> Iterator[Service]:
    """The service on a folder; without `make`, a folder that holds no ledger is a mistake in typing.

    With `log_in_folder` the log is in the folder too, also where the environment names a database. Witnesses are asked
    if it is to be `witnessed`: a command that is over in a moment leaves them alone.
    """
    settings = settings_of(data) if make else existing(data)
    if not witnessed:
        settings = settings.model_copy(update={"witnesses": None})
    if log_in_folder:
        settings = settings.model_copy(update={"database_url": None})
    logs.configure(log_level)
    with open_service(settings) as service:
        yield service


def existing(data: Path | None) -> Settings:
    """The settings for a folder that holds a ledger; ends the command if it holds none."""
    settings = settings_of(data)
    if settings.database_url is None and not (settings.data / LOG_FILE).exists():
        fail(
            Exit.BAD_USAGE,
            f"There is no ledger in {settings.data}.",
            "Check --data; `dealledger serve`, `import` and `demo` make a new one.",
        )
    return settings
