"""Events that no ledger would take, in a log that its owner signed all the same: whoever verifies ends with a word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from ledger.log.bundle import verify as alone
from ledger.log.bundle import write_bundle
from ledger.log.checkpoint import Checkpoint, SignedCheckpoint
from ledger.log.files import StoreFiles
from ledger.log.keys import load_key
from ledger.log.prover import Prover
from ledger.log.signer import HIGH_WATER_FILE
from ledger.store import Entry, open_store
from tests.api.test_verify import record, state, verify, vkey
from tests.api.world import entity
from tests.facts import ident

__all__ = ["state"]
ID = ident(100)
QUESTION = "/v1/entities?as_of=2026-01-01&known_at=2026-01-01&position=3"
DEEP = "[" * 900 + "]" * 900
DEEPER = "[" * 30_000 + "]" * 30_000


def says(data: str, event_id: str = f'"{ID}"', type_: str = "entity.registered") -> str:
    """A state with anything at all as its data."""
    return (
        f'{{"schema":1,"id":{event_id},"type":"{type_}","effective":"2020","known":"2020-01-01","status":"reported",'
        f'"data":{data},"recorded_at":"2027-01-01T00:00:00.000000Z","recorded_by":"rest"}}'
    )


def amends(data: str) -> str:
    return says(data, type_="event.corrected")


STATES = {
    "fine": ("entity.registered", says('{"entity":"cow","name":"Cow","kind":"company"}')),
    "not JSON": ("entity.registered", "nonsense"),
    "deep": ("entity.registered", says(DEEP)),
    "deeper": ("key.rotated", says(DEEPER)),
    "deep keys": ("key.rotated", says(f'{{"previous":{DEEP},"key":{DEEP}}}')),
    "half a surrogate pair": ("entity.registered", says('{"entity":"\\ud800","name":"\\udfff","kind":"company"}')),
    "a zero byte": ("entity.registered", says('{"entity":"a\\u0000","name":"\\u0000","kind":"company"}')),
    "a huge number": ("entity.registered", says("1" * 5_000)),
    "no number": ("entity.registered", says('{"entity":NaN,"name":1e999,"kind":-Infinity}')),
    "twice": ("entity.registered", says('{"entity":"a","entity":["b"],"name":"x","kind":"company"}')),
    "lists": ("entity.registered", says('{"entity":["a"],"name":{},"kind":[]}')),
    "no id": ("entity.registered", '{"type":"entity.registered","data":{"entity":"cow","name":"x","kind":"company"}}'),
    "an id of lists": ("entity.registered", says("{}", "[[]]")),
    "a correction of nothing": ("event.corrected", amends("null")),
    "a correction of an object": ("event.corrected", amends('{"event":{"a":1},"replacement":{}}')),
    "a correction to a type of lists": ("event.corrected", amends('{"event":"x","replacement":{"type":[],"data":{}}}')),
    "an attachment of lists": ("attachment.added", says('{"attachment":[],"hash":{},"size":"x"}')),
    "an erasure of nothing": ("attachment.erased", says("{}")),
    "words to a terminal": ("\x1b[2K", says('{"entity":"\\u001b[2K\\rVerified: all","name":"x","kind":"company"}')),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "ledger"
    record(folder, entity("ant"), entity("bee"))
    return folder


@pytest.mark.parametrize("name", STATES)
def test_an_event_that_no_ledger_would_take(base: Path, tmp_path: Path, name: str) -> None:
    """In a folder, for `doctor`, in a bundle, and for the verifier in bundles: nothing fails but the log. An event like
    any other is the control."""
    folder, bundle = tmp_path / "ledger", tmp_path / "bundle"
    shutil.copytree(base, folder)
    key = load_key(folder)
    type_, text = STATES[name]
    store = open_store(folder, None)
    with store.write() as transaction:
        transaction.append([Entry("entity/cow", 1, type_, text, ID, ID, ("entities", "entity/cow"))])
    checkpoint = Checkpoint(key.name, 3, Prover(store).root(3))
    signed = SignedCheckpoint(checkpoint, checkpoint.sign(key))
    with store.write() as transaction:
        transaction.add_checkpoint(3, signed.note)
    (folder / HIGH_WATER_FILE).write_text(signed.note)
    write_bundle(StoreFiles(store, lambda: (signed.note, 3)), key.verifier, signed, bundle, [3], {QUESTION: b"{}"})
    store.close()
    ended = {
        "data": verify("--data", folder, "--vkey", vkey(folder)),
        "doctor": CliRunner().invoke(app, ["doctor", "--data", str(folder)]),
        "bundle": verify("--bundle", bundle, "--vkey", vkey(folder)),
    }
    for where, done in ended.items():
        assert done.exception is None or isinstance(done.exception, SystemExit), (where, done.exception)
        assert done.exit_code == int(name != "fine" or where == "bundle"), (where, done.stderr)
        assert "\x1b" not in done.stdout + done.stderr
    try:
        alone.verify(bundle / "log", alone.Key(vkey(folder)), [])
    except alone.Wrong:
        assert type_ == "key.rotated"
