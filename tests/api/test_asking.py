"""The service asks its witnesses after each signing: what is good is kept and shown, and nothing waits for them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from api.cli import app
from api.settings import Settings
from api.witnesses import Asking, NotWitnessed, Witness, ask, parse_witnesses
from ledger.log.checkpoint import open_checkpoint
from ledger.log.keys import load_key, write_key
from ledger.log.note import WITNESS, SigningKey, VerifierKey
from ledger.log.prover import Prover
from ledger.log.rotating import rotate
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.witness import SIZE_TYPE
from ledger.store import Store
from tests.api.signing import ants, checkpoint, is_ready, key_of, until
from tests.api.test_metrics import figure
from tests.api.test_witnessing import over_http, running, signer
from tests.api.world import given
from tests.ledger.log.logs import KEY, append
from tests.service import fresh_service

__all__ = ["signer"]

W1, W2 = (SigningKey("witness.example/w1", bytes(range(at, at + 32)), WITNESS) for at in (32, 64))


def witnessed(client: httpx.Client, log: VerifierKey, *witnesses: VerifierKey) -> list[tuple[str, int]]:
    """Whose good signatures stand under the newest checkpoint, and its size."""
    found = open_checkpoint(client.get("/log/checkpoint").content, log, witnesses)
    return [(one.name, found.checkpoint.size) for one in found.cosignatures]


def answering(answer: Callable[[bytes], Response]) -> Starlette:
    async def add_checkpoint(request: HttpRequest) -> Response:
        return answer(await request.body())

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a ledger whose key is known, so that a witness can know it before the service starts."""
    with fresh_service(tmp_path / "ledger"):
        return tmp_path / "ledger"


def test_each_checkpoint_is_witnessed(folder: Path, tmp_path: Path) -> None:
    """The one that is there at the start, and each that is signed then; good for whoever knows the witness."""
    log = key_of(folder)
    with running(tmp_path / "w", log) as witness:
        settings: dict[str, Any] = {"witnesses": f"{witness.url} {witness.key}", "sign_seconds": 0.05}
        with fresh_service(folder, **settings) as client:
            until(lambda: witnessed(client, log, witness.key) == [(witness.key.name, 0)])
            for size in (1, 2):
                given(client, *ants(size, 1))
                until(lambda: witnessed(client, log, witness.key) == [(witness.key.name, size)])  # noqa: B023
            until(lambda: client.get("/readyz").json()["witnesses"][0]["size"] == 2)
            assert client.get("/readyz").json()["witnesses"] == [{"name": witness.key.name, "size": 2, "failure": None}]
            assert figure(client, "dealledger_witnesses_failing") == 0
            asked = CliRunner().invoke(app, ["verify", "--url", str(client.base_url), "--vkey", str(log), "--witness",
                                             str(witness.key), "--seen", str(tmp_path / "seen")])  # fmt: skip
            assert asked.exit_code == 0, asked.stderr
            doctor = CliRunner().invoke(app, ["doctor", "--url", str(client.base_url)])
            assert (doctor.exit_code, f"witness: {witness.key.name}: signed 2 events" in doctor.stdout) == (0, True)


def test_what_is_signed_in_the_end_is_witnessed(folder: Path, tmp_path: Path) -> None:
    """As a service stops it signs what came last, and has that witnessed before it is gone."""
    log = key_of(folder)
    with running(tmp_path / "w", log) as witness:
        with fresh_service(folder, witnesses=f"{witness.url} {witness.key}", sign_seconds=3600) as client:
            until(lambda: witnessed(client, log, witness.key) == [(witness.key.name, 0)])
            given(client, *ants(0, 2))
            assert checkpoint(client, log).checkpoint.size == 0
        with fresh_service(folder) as client:
            assert witnessed(client, log, witness.key) == [(witness.key.name, 2)]


def test_a_witness_that_takes_its_time_is_not_waited_for_in_the_end(folder: Path) -> None:
    """More than some seconds. The test above is the control."""
    released = threading.Event()

    def answer(_: bytes) -> Response:
        released.wait(30)
        return Response("no\n", 403)

    with over_http(answering(answer)) as url:
        with fresh_service(folder, witnesses=f"{url} {W1.verifier}", sign_seconds=3600) as client:
            given(client, *ants(0, 1))
            begin = time.monotonic()
        took = time.monotonic() - begin
        released.set()
    assert took < 20


@pytest.mark.parametrize("how", ["nobody", "refuses", "silent", "stranger", "of another", "endless"])
def test_a_witness_that_fails_holds_nothing_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever it answers, or doesn't: nothing of it is kept, the log is signed, the other witness's signature is kept;
    it is told, and the service is ready. The other witness is the control."""
    log = key_of(folder)
    monkeypatch.setattr("api.witnesses.SECONDS", 1)
    stopped = threading.Event()

    def answer(body: bytes) -> Response:
        text = body.decode().partition("\n\n")[2].partition("\n\n")[0] + "\n"
        if how == "silent":
            stopped.wait(5)
        bodies = {
            "stranger": SigningKey(W1.name, bytes(32), WITNESS).signature(text, 1),
            "of another": W1.signature(text.replace("\n0\n", "\n1\n"), 1),
            "endless": "x" * 2_000_000,
        }
        return Response(bodies.get(how, "no\n"), 403 if how == "refuses" else 200, media_type="text/plain")

    with over_http(answering(answer)) as url, running(tmp_path / "w", log) as good:
        bad = "http://127.0.0.1:9" if how == "nobody" else url
        asked = f"{bad} {W1.verifier},{good.url} {good.key}"
        with fresh_service(folder, witnesses=asked, sign_seconds=0.05) as client:
            until(lambda: client.get("/readyz").json()["witnesses"][0]["failure"] is not None)
            given(client, *ants(0, 1))
            until(lambda: witnessed(client, log, good.key) == [(good.key.name, 1)])
            [one, other] = client.get("/readyz").json()["witnesses"]
            assert (one["size"], other["failure"]) == (None, None)
            assert is_ready(client)
            assert figure(client, "dealledger_witnesses_failing") == 1
            lines = client.get("/log/checkpoint").text.partition("\n\n")[2].splitlines()
            assert len(lines) == 2
            doctor = CliRunner().invoke(app, ["doctor", "--url", str(client.base_url)])
            assert (doctor.exit_code, "WRONG  witness" in doctor.stdout) == (1, True)
            begun = time.monotonic()
        assert time.monotonic() - begun < 15
        stopped.set()


def test_a_witness_that_failed_is_asked_again(sqlite_store: Store, signer: Signer) -> None:
    """After a while, and after twice as long each time; once it answers, as soon as something is new."""
    assert signer.newest is not None
    times: list[float] = []
    works = threading.Event()
    newest = signer.newest

    def answer(_: bytes) -> Response:
        times.append(time.monotonic())
        good = W1.signature(newest.checkpoint.text, 1) if works.is_set() else ""
        return Response(good, media_type="text/plain")

    with over_http(answering(answer)) as url:
        asking = Asking(sqlite_store, lambda: newest, [Witness(url, W1.verifier)], pause=0.1)
        asking.start()
        for _ in range(200):
            asking.wake()  # the signer may look as often as it likes
            time.sleep(0.005)
        until(lambda: len(times) >= 4)
        gaps = [after - before for before, after in pairwise(times)]
        assert [gap > wait for gap, wait in zip(gaps, (0.09, 0.19, 0.39), strict=False)] == [True] * 3
        works.set()
        until(lambda: asking.states[0].failure is None)
        assert sqlite_store.cosignatures(300) == [W1.signature(newest.checkpoint.text, 1)]
        count = len(times)
        asking.wake()
        time.sleep(0.3)
        assert len(times) == count  # what is signed already is not asked for again
        append(sqlite_store, 1)
        signer.cycle()
        newest = signer.newest
        asking.wake()
        until(lambda: asking.states[0].size == 301)
        asking.stop()
    assert not [one for one in threading.enumerate() if one.name == "witnesses"]


def test_what_a_witness_signed_is_not_asked_for_after_a_restart(sqlite_store: Store, signer: Signer) -> None:
    """It is in the store."""
    assert signer.newest is not None
    newest, asked = signer.newest, []

    def answer(_: bytes) -> Response:
        asked.append(1)
        return Response(W1.signature(newest.checkpoint.text, len(asked)), media_type="text/plain")

    with over_http(answering(answer)) as url:
        for key, count in ((W1, 1), (W1, 1), (SigningKey(W1.name, bytes(32), WITNESS), 2)):
            asking = Asking(sqlite_store, lambda: newest, [Witness(url, key.verifier)])
            asking.start()
            until(lambda: asking.states[0].size == 300 or asking.states[0].failure is not None)  # noqa: B023
            asking.stop()
            assert len(asked) == count
    assert len(sqlite_store.cosignatures(300)) == 1


@pytest.mark.parametrize("more", [[], ["Once more."], ["Once more.", "And again."]])
def test_a_witness_that_knows_only_the_old_key(sqlite_store: Store, tmp_path: Path, more: list[str]) -> None:
    """It signs that the key gave way, though not what the next one signed; and says so. However often the key was
    rotated before the witness could be asked."""
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "log.key").write_text(f"{write_key(KEY)}\n")
    (keys / "log.key").chmod(0o600)
    append(sqlite_store, 300)
    done = rotate(sqlite_store, keys, keys / HIGH_WATER_FILE, "It was lost.")
    for reason in more:
        rotate(sqlite_store, keys, keys / HIGH_WATER_FILE, reason)
    append(sqlite_store, 1)
    signer = Signer(sqlite_store, load_key(keys), keys / HIGH_WATER_FILE)
    assert signer.cycle() is None
    with running(tmp_path / "w", KEY.verifier) as witness:
        asking = Asking(sqlite_store, lambda: signer.newest, [witness])
        asking.start()
        until(lambda: asking.states[0].failure is not None)
        asking.stop()
    assert "403" in (asking.states[0].failure or "")
    assert asking.states[0].size == done.position == 301
    assert len(sqlite_store.cosignatures(301)) == 1
    assert [sqlite_store.cosignatures(size) for size in range(302, 303 + len(more))] == [[]] * (1 + len(more))


def test_nobody_is_asked_before_something_is_signed(sqlite_store: Store, signer: Signer) -> None:
    """Nor for what it signed already; the control is what is new."""
    asked: list[httpx.Request] = []

    def refuses(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(403)

    newest = [None, signer.newest]
    asking = Asking(sqlite_store, lambda: newest[0], [Witness("http://w", W1.verifier)])
    [state] = asking.states
    with httpx.Client(transport=httpx.MockTransport(refuses)) as client:
        asking._look(client, state)
        newest.reverse()
        state.size = 300
        asking._look(client, state)
        assert (asked, state.failure) == ([], None)
        state.size = 299
        asking._look(client, state)
    assert (len(asked), "403" in (state.failure or "")) == (1, True)


def test_an_answer_that_never_ends(sqlite_store: Store, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte: no single one is late."""
    monkeypatch.setattr("api.witnesses.ANSWER_SECONDS", 0.2)

    def drops() -> Any:
        for _ in range(1000):
            time.sleep(0.01)
            yield b"x"

    assert signer.newest is not None
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=drops()))
    with httpx.Client(transport=transport) as client, pytest.raises(NotWitnessed, match="to an end"):
        ask(client, Witness("http://w", W1.verifier), sqlite_store, Prover(sqlite_store), signer.newest)


def test_how_witnesses_are_named() -> None:
    """An address and a key, several with commas between; what is none is named."""
    both = f"https://a.example/w {W1.verifier},  http://127.0.0.1:1/ {W2.verifier} "
    assert [one.key for one in parse_witnesses(both)] == [W1.verifier, W2.verifier]
    assert [one.url for one in parse_witnesses(both)] == ["https://a.example/w", "http://127.0.0.1:1/"]
    assert Settings(witnesses=both).witnesses == both
    for wrong in (
        "",
        "https://a.example",
        f"{W1.verifier}",
        f"ftp://a {W1.verifier}",
        f"https://a {KEY.verifier}",
        f"{both},",
    ):
        with pytest.raises(ValueError, match="is not an address"):
            parse_witnesses(wrong)
        with pytest.raises(ValueError, match="is not an address"):
            Settings(witnesses=wrong)


def test_a_command_asks_nobody(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a service does; the control is in the tests above."""
    asked: list[bytes] = []

    def answer(body: bytes) -> Response:
        asked.append(body)
        return Response("7\n", 409, media_type=SIZE_TYPE)

    shutil.copytree(folder, tmp_path / "copy")
    with over_http(answering(answer)) as url:
        monkeypatch.setenv("DEALLEDGER_WITNESSES", f"{url} {W1.verifier}")
        assert CliRunner().invoke(app, ["entities", "--data", str(tmp_path / "copy")]).exit_code == 0
        time.sleep(0.2)
        assert asked == []
        with fresh_service(tmp_path / "copy"):
            until(lambda: len(asked) > 0)
    assert asked[0].startswith(b"old 0\n")
