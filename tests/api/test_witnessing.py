"""`dealledger witness`, and the asking of witnesses: what follows is signed and kept, what doesn't is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from api.cli import app
from api.cli.serving import free_socket
from api.cli.witnessing import Witnessing, application
from api.witnesses import NotWitnessed, Witness, ask
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.files import NotThere, StoreFiles
from ledger.log.keys import load_key
from ledger.log.note import NOTE_BYTES, WITNESS, SigningKey, VerifierKey, parse_verifier_key
from ledger.log.prover import Prover
from ledger.log.rotating import rotate
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.log.signing import signer_of
from ledger.log.witness import SIZE_TYPE, Request, cosignatures, parse_request
from ledger.store import Store, open_store
from tests.api.test_verify import state
from tests.ledger.log.logs import KEY, append

__all__ = ["state"]


@pytest.fixture
def signer(sqlite_store: Store, tmp_path: Path) -> Signer:
    """Of a log of 300 events."""
    append(sqlite_store, 300)
    found = Signer(sqlite_store, KEY, tmp_path / "log.highwater")
    assert found.cycle() is None
    return found


@contextmanager
def over_http(application: Starlette) -> Iterator[str]:
    """At this URL."""
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
    listening = free_socket("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


@contextmanager
def running(folder: Path, *logs: VerifierKey) -> Iterator[Witness]:
    """A witness that can be asked over HTTP."""
    key = load_key(folder, "witness.example/w1", WITNESS)
    with over_http(application(Witnessing(folder, [*logs], key))) as url:
        yield Witness(f"{url}/", key.verifier)


def asked(witness: Witness, store: Store, signer: Signer) -> list[str]:
    """Ask, and what is kept then."""
    assert signer.newest is not None
    with httpx.Client(trust_env=False) as client:
        ask(client, witness, store, Prover(store), signer.newest)
    return store.cosignatures(signer.newest.checkpoint.size)


def test_a_log_that_grows_is_witnessed(sqlite_store: Store, signer: Signer, tmp_path: Path) -> None:
    """The first time, again, grown, and after the witness was started anew; each signature is kept beside its
    checkpoint and is good."""
    for count in (0, 0, 1, 300):
        append(sqlite_store, count)
        signer.cycle()
        with running(tmp_path / "witness", KEY.verifier) as witness:
            lines = asked(witness, sqlite_store, signer)
        assert signer.newest is not None
        whole = open_checkpoint((signer.newest.note + lines[0]).encode(), KEY.verifier, (witness.key,))
        assert abs(whole.cosignatures[0].time - time.time()) < 60


def rewritten(folder: Path, count: int) -> tuple[Store, Signer]:
    """Another past, signed with the real key."""
    store = open_store(folder, None)
    append(store, count, amount="2.5")
    signer = Signer(store, KEY, folder / "log.highwater")
    assert signer.cycle() is None
    return store, signer


@pytest.mark.parametrize(
    ("count", "says"), [(299, "signed 300 events before"), (300, "409"), (301, "422"), (600, "422")]
)
def test_history_rewritten_is_not_witnessed(
    sqlite_store: Store, signer: Signer, tmp_path: Path, count: int, says: str
) -> None:
    """Whatever its length; nothing is kept, and the true log goes on."""
    other, its_signer = rewritten(tmp_path / "other", count)
    with running(tmp_path / "witness", KEY.verifier) as witness:
        asked(witness, sqlite_store, signer)
        with pytest.raises(NotWitnessed, match=says):
            asked(witness, other, its_signer)
        assert other.cosignatures(count) == []
        append(sqlite_store, 300)
        signer.cycle()
        assert len(asked(witness, sqlite_store, signer)) == 1
    other.close()


def test_what_a_witness_answers_is_not_believed(sqlite_store: Store, signer: Signer) -> None:
    """A signature of another key, a size that is none, no answer: nothing is kept."""
    assert signer.newest is not None
    text = signer.newest.checkpoint.text
    w1 = SigningKey("witness.example/w1", bytes(32), WITNESS)
    stranger = SigningKey("witness.example/w1", bytes(range(32)), WITNESS)
    other = w1.signature(Checkpoint(KEY.name, 300, bytes(32)).text, 1)
    for status, kind, body, good in (
        (200, "text/plain", w1.signature(text, 1), True),
        (200, "text/plain", stranger.signature(text, 1), False),
        (200, "text/plain", other, False),
        (200, "text/plain", "", False),
        (200, "text/plain", "nonsense\n", False),
        (409, SIZE_TYPE, "301\n", False),
        (409, SIZE_TYPE, "+7\n", False),
        (409, SIZE_TYPE, "", False),
        (409, SIZE_TYPE, "7\n", False),
        (409, "text/plain", "7\n", False),
        (500, "text/plain", "oh", False),
    ):

        def answered(_: httpx.Request, answer=(status, kind, body)) -> httpx.Response:
            return httpx.Response(answer[0], headers={"content-type": answer[1]}, text=answer[2])

        store = sqlite_store
        with httpx.Client(transport=httpx.MockTransport(answered)) as client:
            witness = Witness("http://witness", w1.verifier)
            before = store.cosignatures(300)
            if good:
                ask(client, witness, store, Prover(store), signer.newest)
                assert store.cosignatures(300) == [w1.signature(text, 1)]
            else:
                with pytest.raises(NotWitnessed):
                    ask(client, witness, store, Prover(store), signer.newest)
                assert store.cosignatures(300) == before
    with httpx.Client(trust_env=False) as client, pytest.raises(NotWitnessed, match="did not answer"):
        ask(client, Witness("http://127.0.0.1:9", w1.verifier), sqlite_store, Prover(sqlite_store), signer.newest)


@pytest.mark.parametrize(("kind", "requests"), [(SIZE_TYPE, 2), ("text/plain", 1), ("text/plain; charset=utf-8", 1)])
def test_only_a_size_is_taken_for_one(sqlite_store: Store, signer: Signer, kind: str, requests: int) -> None:
    """Given a conflict; then the proof from there is sent if its type says that it is a size, and nothing else is."""
    asked: list[bytes] = []

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return httpx.Response(409, headers={"content-type": kind}, text="7\n")

    assert signer.newest is not None
    witness = Witness("http://witness", SigningKey("witness.example/w1", bytes(32), WITNESS).verifier)
    with httpx.Client(transport=httpx.MockTransport(answered)) as client, pytest.raises(NotWitnessed, match="409: 7"):
        ask(client, witness, sqlite_store, Prover(sqlite_store), signer.newest)
    assert [parse_request(one).old for one in asked] == [0, 7][:requests]


@pytest.mark.parametrize(
    ("count", "says"), [(NOTE_BYTES, "the note has more"), (NOTE_BYTES + 1, "doesn't come to an end")]
)
def test_an_answer_that_is_too_long(sqlite_store: Store, signer: Signer, count: int, says: str) -> None:
    """Is not read to its end; one that isn't is looked at."""
    assert signer.newest is not None
    witness = Witness("http://witness", SigningKey("witness.example/w1", bytes(32), WITNESS).verifier)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="x" * count))
    with httpx.Client(transport=transport) as client, pytest.raises(NotWitnessed, match=says):
        ask(client, witness, sqlite_store, Prover(sqlite_store), signer.newest)


def test_the_witness_over_http(signer: Signer, tmp_path: Path) -> None:
    """The statuses of the standard: 200, 400, 403, 404, 409 with its type, 405 and 413."""
    assert signer.newest is not None
    note = signer.newest.note
    liar = SigningKey(KEY.name, bytes(32))
    other = SigningKey("other.example/log", bytes(32))
    checkpoint = signer.newest.checkpoint
    with (
        running(tmp_path / "witness", other.verifier, KEY.verifier) as witness,
        httpx.Client(trust_env=False) as client,
    ):
        url = f"{witness.url}add-checkpoint"
        for body, status in (
            (Request(1, (), note).text, 409),
            (Request(0, (), note).text, 200),
            (Request(0, (), note).text, 409),
            (Request(300, (), note).text, 200),
            (Request(301, (), note).text, 400),
            ("nonsense", 400),
            (Request(300, (), checkpoint.sign(liar)).text, 403),
            (Request(0, (), Checkpoint("unknown.example/log", 1, bytes(32)).sign(liar)).text, 404),
            (Request(0, (), Checkpoint(other.name, 1, bytes(32)).sign(other)).text, 200),
            ("x" * NOTE_BYTES, 400),
            ("x" * (NOTE_BYTES + 1), 413),
        ):
            response = client.post(url, content=body.encode())
            assert response.status_code == status, (body[:100], response.text)
            assert (response.headers["content-type"] == SIZE_TYPE) == (status == 409)
        assert client.get(url).status_code == 405


# --- from the command line --------------------------------------------------------------------------------------


@contextmanager
def served(store: Store, signer: Signer) -> Iterator[str]:
    """The log's files over HTTP, as the service has them."""
    files = StoreFiles(store, signer.published)

    def read(request: HttpRequest) -> Response:
        try:
            return Response(files.read(request.path_params["path"]))
        except NotThere:
            return Response(status_code=404)

    with over_http(Starlette(routes=[Route("/log/{path:path}", read)])) as url:
        yield url


def witness(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["witness", "--data", str(folder), *map(str, arguments)])


def test_a_witness_that_asks_itself(sqlite_store: Store, signer: Signer, tmp_path: Path) -> None:
    """Without being reachable: it fetches the checkpoint and the proof, and prints its signature. A log with another
    past is not signed; nor one that shrank, or isn't signed itself."""
    folder = tmp_path / "witness"
    for count in (0, 300):
        append(sqlite_store, count)
        signer.cycle()
        with served(sqlite_store, signer) as url:
            done = witness(folder, "--vkey", KEY.verifier, "--url", url, "--name", "witness.example/me")
        assert done.exit_code == 0, done.stderr
        assert signer.newest is not None
        key = parse_verifier_key((folder / "witness.vkey").read_text().strip())
        assert len(cosignatures(done.stdout.encode(), signer.newest.checkpoint, [key])) == 1
    for count in (599, 600, 601):
        other, its_signer = rewritten(tmp_path / str(count), count)
        with served(other, its_signer) as url:
            done = witness(folder, "--vkey", KEY.verifier, "--url", url)
        assert (done.exit_code, done.stdout, "NOT SIGNED" in done.stderr) == (1, "", True)
        other.close()
    with served(sqlite_store, signer) as url:
        stranger = SigningKey(KEY.name, bytes(32)).verifier
        assert witness(folder, "--vkey", stranger, "--url", url).exit_code == 2  # it has seen another key's log
        assert witness(tmp_path / "fresh", "--vkey", stranger, "--url", url).exit_code == 1
        assert witness(folder, "--vkey", SigningKey("other", bytes(32)).verifier, "--url", url).exit_code == 1
        assert witness(folder, "--vkey", KEY.verifier, "--url", url).exit_code == 0
    with served(sqlite_store, Signer(sqlite_store, KEY, tmp_path / "unused")) as url:
        assert witness(folder, "--vkey", KEY.verifier, "--url", url).exit_code == 3


def test_how_the_command_ends(tmp_path: Path) -> None:
    """What it can't do without is said; a memory that was damaged is not gone on from."""
    folder = tmp_path / "witness"
    assert witness(folder, "--vkey", "nonsense").exit_code == 2
    assert witness(folder, "--vkey", KEY.verifier, "--name", "two words", "--url", "http://127.0.0.1:9").exit_code == 2
    assert witness(folder, "--vkey", KEY.verifier, "--url", "http://127.0.0.1:9").exit_code == 3
    assert CliRunner().invoke(app, ["witness", "--vkey", str(KEY.verifier)]).exit_code == 2
    (folder / f"{sha256(str(KEY.verifier).encode()).hexdigest()}.checkpoint").write_text("damaged")
    done = witness(folder, "--vkey", KEY.verifier, "--url", "http://127.0.0.1:9")
    assert (done.exit_code, "damaged" in done.stderr) == (1, True)


def test_a_log_whose_key_was_rotated(sqlite_store: Store, tmp_path: Path) -> None:
    """Its checkpoints are signed on with the old key known, the handover's too; those of the new key once both are
    given, from where the witness had been. With the new one alone it would forget what it signed, and doesn't start."""
    keys = tmp_path / "keys"
    append(sqlite_store, 300)

    def signing() -> Signer:
        found = signer_of(sqlite_store, keys, keys / HIGH_WATER_FILE, KEY.name, alone=True)
        assert isinstance(found, Signer)
        assert found.cycle() is None
        return found

    signer = signing()
    old = load_key(keys).verifier
    with running(tmp_path / "witness", old) as witness:
        asked(witness, sqlite_store, signer)
        rotate(sqlite_store, keys, keys / HIGH_WATER_FILE, "It was lost.")
        signer = signing()
        assert signer.newest is not None
        assert signer.newest.checkpoint.size == 301
        assert len(asked(witness, sqlite_store, signer)) == 1
        append(sqlite_store, 1)
        signer = signing()
        with pytest.raises(NotWitnessed, match="403"):
            asked(witness, sqlite_store, signer)
    new = load_key(keys).verifier
    with running(tmp_path / "witness", old, new) as witness:
        assert len(asked(witness, sqlite_store, signer)) == 1
    other, its_signer = rewritten(tmp_path / "other", 310)
    assert its_signer.newest is not None
    with running(tmp_path / "witness", new, old) as witness:
        forged = Checkpoint(KEY.name, 310, its_signer.newest.checkpoint.root).sign(load_key(keys))
        with pytest.raises(NotWitnessed, match="422"), httpx.Client(trust_env=False) as client:
            ask(client, witness, other, Prover(other), open_checkpoint(forged.encode(), new))
    other.close()
    forgetful = tmp_path / "forgetful"
    with running(forgetful, old) as witness:
        note = sqlite_store.checkpoint_of(300)
        assert note is not None
        with httpx.Client(trust_env=False) as client:
            ask(client, witness, sqlite_store, Prover(sqlite_store), open_checkpoint(note.encode(), old))
    done = CliRunner().invoke(app, ["witness", "--data", str(forgetful), "--vkey", str(new), "--port", "0"])
    assert (done.exit_code, "another key than is given" in done.stderr) == (2, True)
    with running(forgetful, old, new) as witness:
        assert len(asked(witness, sqlite_store, signer)) == 2
