"""A ledger made of a log's entries alone: which fact each is of follows from what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli.replaying import check_answers
from ledger.log.verify import Kind, NotVerified
from ledger.store import Entry, open_store
from tests.api.test_bundles import export
from tests.api.test_cli import INVESTMENT
from tests.api.test_verify import found, record, state
from tests.api.world import entity, event, usd
from tests.facts import ident
from tests.ledger.log.handed_over import log
from tests.ledger.log.logs import KEY

__all__ = ["state"]
QUESTION = b"/v1/entities?as_of=2026-01-01&known_at=2026-01-01&position=2\n"


def newest(folder: Path) -> str:
    """The id of the last event of a ledger."""
    store = open_store(folder, None)
    found = store.read(store.head() - 1, 1)[0].event_id
    store.close()
    return found


def test_an_answer_from_amended_facts(tmp_path: Path) -> None:
    """Given a fact that was corrected, whose correction was corrected, and one that was retracted and brought back;
    when a bundle with answers is verified; then they follow from the events."""
    folder, asked = tmp_path / "ledger", ["--ask", "/v1/holdings", "--ask", "/v1/events"]
    record(folder, entity("ant"), entity("bee"), INVESTMENT)
    for amount in ("20", "30"):
        said = {**INVESTMENT, "data": {**INVESTMENT["data"], "amount": usd(amount)}}
        record(folder, event("event.corrected", event=newest(folder), replacement=said, reason="misread"))
    record(folder, {**INVESTMENT, "data": {**INVESTMENT["data"], "instrument": "debt"}})
    for _ in range(2):
        record(folder, event("event.retracted", event=newest(folder), reason="a slip"))
    done = export("--bundle", tmp_path / "bundle", "--data", folder, *asked)
    assert done.exit_code == 0, done.stderr
    [equity, debt] = sorted(
        one["cost"]["stated"] for one in json.loads((tmp_path / "bundle/answers/1.json").read_text())["holdings"]
    )
    assert (equity, debt) == ("10", "30")
    report = found("--bundle", tmp_path / "bundle")
    assert (report["verified"], report["answers"]) == (True, 2)


def test_the_settings_of_the_environment_are_for_other_ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a shell that names a database, and waits for no answer; when a bundle's answers are asked for again; then
    of a ledger of its own, once that has all events."""
    record(tmp_path / "ledger", entity("ant"))
    assert export("--bundle", tmp_path / "b", "--data", tmp_path / "ledger", "--ask", "/v1/entities").exit_code == 0
    monkeypatch.setenv("DEALLEDGER_DATABASE_URL", "postgresql://127.0.0.1:9/real")
    monkeypatch.setenv("DEALLEDGER_WAIT_SECONDS", "0")
    assert found("--bundle", tmp_path / "b")["answers"] == 1


def says(n: int, type_: str, state: object) -> Entry:
    return Entry(f"entity/e{n}", 1, type_, json.dumps(state), ident(n), ident(n), ())


FIRST = says(1, "entity.registered", {"id": ident(1), "data": {}})


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (says(2, "event.corrected", {"id": ident(2), "data": {"event": ident(1)}}), Kind.ANSWER),
        (says(2, "event.corrected", {"id": [], "data": {"event": ident(1)}}), Kind.ORDER),
        (says(2, "event.corrected", {"id": ident(2), "data": {"event": ident(3)}}), Kind.ORDER),
        (says(2, "event.corrected", {"id": ident(2), "data": {"event": ident(2)}}), Kind.ORDER),
        (says(2, "event.retracted", {"id": ident(2), "data": {"event": None}}), Kind.ORDER),
        (says(2, "event.retracted", {"id": ident(2), "data": None}), Kind.ORDER),
        (says(2, "entity.registered", {"id": [], "data": {"event": ident(1)}}), Kind.ORDER),
    ],
)
def test_an_event_that_no_ledger_can_be_made_of(second: Entry, kind: Kind) -> None:
    """Without an id, or amending what isn't before it. The first, the control, is an event, whose answer is wrong."""
    files = log([FIRST, second], KEY)
    with pytest.raises(NotVerified) as caught:
        check_answers(files, 2, {"1.address": QUESTION, "1.json": b"{}"})
    assert caught.value.kind == kind
    assert kind == Kind.ANSWER or "position 2 holds no event" in str(caught.value)
