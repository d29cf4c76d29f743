"""`dealledger verify` of a ledger's own folder: what lies beside the signed log is held against it, and all is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from ledger.event import keys_of
from ledger.log.checkpoint import Checkpoint
from ledger.log.keys import load_key
from ledger.log.note import WITNESS, SigningKey
from ledger.log.signer import HIGH_WATER_FILE, Signer
from ledger.store import Entry, open_store
from tests.api.test_cli import INVESTMENT
from tests.api.test_verify import W1, edit, found, ledger, record, state, verify
from tests.api.world import entity
from tests.facts import ident

__all__ = ["ledger", "state"]

W2 = SigningKey("witness.example/w2", bytes(range(33, 65)), WITNESS)
WITNESSED = 1_700_000_000


@pytest.fixture
def witnessed(ledger: Path) -> Path:
    """Given checkpoints of 2 and 4 events, where both witnesses signed the older one, and w1 the newest."""
    record(ledger, entity("cow"), entity("dog"))
    store = open_store(ledger, None)
    with store.write() as transaction:
        for size, witness in ((2, W1), (2, W2), (4, W1)):
            text = (store.checkpoint_of(size) or "").partition("\n\n")[0] + "\n"
            transaction.add_cosignature(size, witness.signature(text, WITNESSED))
    store.close()
    return ledger


def put(folder: Path, *entries: Entry, sign: bool = True) -> None:
    """Into the log, beside the writer; signed, if need be."""
    store = open_store(folder, None)
    with store.write() as transaction:
        transaction.append(entries)
    if sign:
        assert Signer(store, load_key(folder), folder / HIGH_WATER_FILE).cycle() is None
    store.close()


def entry(event: dict[str, Any], version: int = 1) -> Entry:
    """An event as the writer would record it."""
    body = {"schema": 1, "id": ident(1), "known": "2024-01-01", "status": "reported", **event}
    body |= {"recorded_at": "2999-01-01T00:00:00.000000Z", "recorded_by": "nobody"}
    keys = tuple(keys_of(event["type"], event["data"]))
    return Entry(keys[0], version, event["type"], json.dumps(body), ident(1), ident(1), keys)


def test_the_high_water_file_of_another_past(ledger: Path, tmp_path: Path) -> None:
    """Given history rewritten and signed with the real key; when only the file beside the database is as it was; then
    that tells. With the file of its own, the control, nobody can."""
    other = tmp_path / "other" / "ledger"
    other.mkdir(parents=True)
    for name in ("log.key", "log.vkey"):
        shutil.copy2(ledger / name, other / name)
    record(other, entity("wasp"), entity("bee"))
    assert found("--data", other, "--seen", tmp_path / "1")["verified"]
    shutil.copy2(ledger / HIGH_WATER_FILE, other / HIGH_WATER_FILE)
    assert found("--data", other, "--seen", tmp_path / "2")["kind"] == "rewritten"
    (other / HIGH_WATER_FILE).unlink()
    assert found("--data", other, "--seen", tmp_path / "3")["verified"]


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ("UPDATE checkpoints SET size = 9 WHERE size = 4", "index", "the checkpoint of 4 events is kept as that of"),
        ("UPDATE checkpoints SET size = 3 WHERE size = 4", "index", "the checkpoint of 4 events is kept as that of"),
        ("UPDATE checkpoints SET size = 1 WHERE size = 2", "index", "the checkpoint of 2 events is kept as that of"),
        (
            "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 4) WHERE size = 2",
            "index",
            "the checkpoint of 4 events is kept as that of",
        ),
        ("UPDATE checkpoints SET note = 'nonsense' WHERE size = 2", "unsigned", "none of this log"),
        ("UPDATE checkpoints SET note = replace(note, '2', '1') WHERE size = 2", "unsigned", "none of this log"),
        ("UPDATE checkpoints SET note = '{other}' WHERE size = 2", "rewritten", "the first 2 leaves have another root"),
    ],
)
def test_each_checkpoint_that_is_kept(ledger: Path, change: str, kind: str, says: str) -> None:
    """Given checkpoints of 2 and 4 events; when one's row is changed, or filed as another; then that is told, whichever
    of them is shown, and also where its note is one that the real key signed. Before, the control, all is well."""
    record(ledger, entity("cow"), entity("dog"))
    assert found("--data", ledger)["verified"]
    key = load_key(ledger)
    edit(ledger, change.replace("{other}", Checkpoint(key.name, 2, bytes(32)).sign(key)))
    said = found("--data", ledger)
    assert (said["kind"], says in said["detail"]) == (kind, True), said


@pytest.mark.parametrize("table", ["events", "tree_runs"])
def test_a_log_and_a_tree_of_two_lengths(ledger: Path, table: str) -> None:
    """Given an event that isn't signed yet; when it, or its leaf, is taken away; then that is told. Before, the
    control, it is one event more than is signed."""
    put(ledger, entry(entity("cow")), sign=False)
    assert found("--data", ledger)["unsigned"] == 1
    assert "1 later events fit their leaves, and are not signed yet." in verify("--data", ledger).stdout
    edit(
        ledger,
        "DELETE FROM event_keys WHERE position = 3",
        "DELETE FROM events WHERE position = 3"
        if table == "events"
        else "DELETE FROM tree_runs WHERE level = 0 AND first = 2",
    )
    said = found("--data", ledger)
    heads = (2, 3) if table == "events" else (3, 2)
    assert (said["kind"], said["detail"]) == (
        "tree",
        "the log has {} events and its tree {} leaves".format(*heads),
    )


def test_the_fact_that_a_signed_event_is_about(ledger: Path) -> None:
    """No leaf covers the column, and rules and answers go by it."""
    assert found("--data", ledger)["verified"]
    edit(ledger, "UPDATE events SET chain = 'another' WHERE position = 1")
    said = found("--data", ledger)
    assert (said["kind"], "column `chain` says another" in said["detail"]) == ("index", True)


def test_an_event_that_no_answer_has(ledger: Path) -> None:
    """Given one that is in the log and signed, and that a projection can't apply; then the answers aren't what
    follows."""
    record(ledger, INVESTMENT)
    assert found("--data", ledger)["verified"]
    spoiled = {**INVESTMENT, "data": {**INVESTMENT["data"], "units": "many"}}
    put(ledger, entry(spoiled, version=2))
    said = found("--data", ledger)
    assert (said["kind"], "1 events can't be applied" in said["detail"]) == ("read_model", True), said
    assert "position 4: " in said["detail"]


def test_each_witness_that_is_asked_for_must_have_signed(witnessed: Path) -> None:
    """One that did doesn't stand for another, nor its signature of an older checkpoint for the newest."""
    one, other = (("--witness", key.verifier) for key in (W1, W2))
    assert found("--data", witnessed, *one)["verified"]
    for asked in ((*one, *other), (*other, *one)):
        said = found("--data", witnessed, *asked)
        assert (said["kind"], said["detail"]) == ("unsigned", f"the checkpoint isn't signed by the witness {W2.name}")


def test_witnesses_signatures_of_older_checkpoints_are_told(
    witnessed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By known witnesses and by others: known are those whom the ledger's own environment names, and those asked for.
    Only the latter must have signed the newest one."""

    def counted(*arguments: object) -> tuple[bool, dict[str, int] | None, dict[str, int]]:
        said = found("--data", witnessed, "--seen", tmp_path / "seen", *arguments)
        return said["verified"], said["cosignatures"], said["witnesses"]

    assert counted() == (True, {"right": 0, "unknown": 3}, {})
    assert counted("--witness", W1.verifier) == (True, {"right": 2, "unknown": 1}, {W1.name: WITNESSED})
    assert counted("--witness", W2.verifier) == (False, None, {})
    monkeypatch.setenv("DEALLEDGER_WITNESSES", f"http://w1 {W1.verifier}, http://w2 {W2.verifier}")
    assert counted() == (True, {"right": 3, "unknown": 0}, {W1.name: WITNESSED})
    said = "Of all checkpoints 3 signatures of known witnesses are kept, and 0 of others."
    assert said in verify("--data", witnessed).stdout


def test_a_witness_that_is_asked_for_is_told_from_another_of_its_name(
    witnessed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given w1's signature, by the key that the environment names; when w1 is asked for by another key; then it hasn't
    signed. By its own, the control, it has."""
    other = SigningKey(W1.name, bytes(range(34, 66)), WITNESS)
    monkeypatch.setenv("DEALLEDGER_WITNESSES", f"http://w1 {W1.verifier}")
    assert found("--data", witnessed, "--witness", W1.verifier)["verified"]
    said = found("--data", witnessed, "--witness", other.verifier)
    assert (said["kind"], said["detail"]) == ("unsigned", f"the checkpoint isn't signed by the witness {W1.name}")


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (
            "UPDATE cosignatures SET line = 'x' || line WHERE size = 2 AND line LIKE '%w2%'",
            "malformed",
            "can't be read",
        ),
        ("UPDATE cosignatures SET line = trim(line, char(10)) WHERE size = 2", "malformed", "can't be read"),
        ("UPDATE cosignatures SET line = '' WHERE size = 2 AND line LIKE '%w2%'", "malformed", "can't be read"),
        ("INSERT INTO cosignatures VALUES (2, '{wrong}')", "unsigned", "the signature of witness.example/w1 is wrong"),
        ("UPDATE cosignatures SET size = 3 WHERE size = 2", "index", "of a checkpoint of 3 events: there is none"),
    ],
)
def test_each_signature_of_a_witness_that_is_kept(witnessed: Path, change: str, kind: str, says: str) -> None:
    """Given signatures of an older checkpoint; when one is changed, or is of a checkpoint that isn't there; then that
    is told. Before, and with a wrong one by a key that nobody knows, the controls, all is well."""
    known = ("--witness", W1.verifier)
    assert found("--data", witnessed, *known)["verified"]
    edit(witnessed, change.replace("{wrong}", W1.signature("of another text\n", WITNESSED)))
    if kind == "unsigned":
        assert found("--data", witnessed)["verified"]
    said = found("--data", witnessed, *known)
    assert (said["kind"], says in said["detail"]) == (kind, True), said


def test_one_place_at_a_time(ledger: Path, tmp_path: Path) -> None:
    """Two are bad usage, whichever they are; each alone isn't."""
    places = {"--data": ledger, "--url": "http://127.0.0.1:9", "--bundle": tmp_path}
    for one in places:
        for other in places:
            done = verify(one, places[one], other, places[other])
            if one != other:
                assert (done.exit_code, "More than one of" in done.stderr) == (2, True)
    for one, where in places.items():
        assert "More than one of" not in verify(one, where).stderr


def test_all_that_was_found_is_told(ledger: Path, tmp_path: Path) -> None:
    """In words, each where there is something to tell."""
    done = verify("--data", ledger)
    assert done.stdout.split("\n")[1:] == ["The read model is what follows from the log.", ""]
    asked = ["--record", "entity/ant", "--ask", "/v1/entities"]
    bundle = tmp_path / "bundle"
    assert CliRunner().invoke(app, ["export", "--bundle", str(bundle), "--data", str(ledger), *asked]).exit_code == 0
    done = verify("--bundle", bundle)
    assert done.stdout.split("\n")[1:] == [
        "It begins with what was signed at 2 events.",
        "1 proofs lead from their events to the root.",
        "1 answers follow from the events, to the byte.",
        "",
    ]
    assert "no --vkey is given" in done.stderr
    assert verify("--bundle", bundle, "--vkey", load_key(ledger).verifier).stderr == ""


def test_hashes_that_are_gone_are_a_fault_of_the_tree(ledger: Path) -> None:
    """Given a store whose leaves' hashes were deleted, so that its files can't be made; then the report says so too,
    as it says of a folder of files. The control is the ledger as it was."""
    assert found("--data", ledger)["verified"]
    edit(ledger, "DELETE FROM tree_runs WHERE level = 0")
    assert found("--data", ledger)["kind"] == "tree"
