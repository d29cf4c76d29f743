"""An import is undone as a whole and done again; what stands in the way is named, and nothing is there twice."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.api.files.analyst import Sheet
from tests.api.files.importing import holdings, position, run
from tests.api.test_cli import lines
from tests.api.world import entity, event, given, usd
from tests.service import fresh_service


def test_an_import_can_be_undone_and_done_again(ledger: Path, deals: tuple[Sheet, Path, Path]) -> None:
    """Given an import: undone, nothing of it is left at any time; done again, everything is there once; the undo of
    the undo finds that, and says what is in its way."""
    right, file, column_map = deals
    where = ("--data", ledger)
    file.write_text(right.text(), encoding="utf-8", newline="")
    arguments = ("import", file, "--map", column_map, *where, "--yes")
    assert "dealledger undo deals --data" in run(*arguments).stderr
    done = run("undo", "deals", *where, "--dry-run")
    assert (done.returncode, "200 events of the import deals would be retracted." in done.stderr) == (0, True)
    assert holdings(*where) == right.cost
    for _ in range(2):
        done = run("undo", "deals", *where, "--yes")
        assert done.returncode == 0, done.stderr
        assert holdings(*where) == {}
        assert holdings(*where, "--known-at", "2024-06-01") == {}
    assert "retracted already" in done.stderr
    assert "200 events: 200 to record" in run(*arguments).stderr
    assert holdings(*where) == right.cost
    [imported, *_] = json.loads(run("imports", *where, "--json").stdout)["imports"]
    assert (imported["batch"], imported["events"], imported["retracted"]) == ("deals", 400, 200)
    assert "200 events: 0 to record, 200 there already" in run(*arguments).stderr


def test_what_stands_in_the_way_of_an_undo_is_named(tmp_path: Path) -> None:
    """Given deals that need the parties of another import, when that is undone, then nothing is, and they are named."""
    where = ("--data", tmp_path / "ledger")
    deal = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"))
    run("import", lines(tmp_path / "parties.jsonl", entity("ant"), entity("bee")), *where, "--yes")
    run("import", lines(tmp_path / "deals.jsonl", deal), *where, "--yes")
    done = run("undo", "parties", *where, "--yes")
    assert done.returncode == 1
    assert "In the way of entity.registered 2020-01-01 bee (position 2, import parties)" in done.stderr
    assert "investment.made 2023-05-01 ant bee (position 3, import deals)" in done.stderr
    assert position(*where) == 3
    [made] = json.loads(run("events", *where, "--type", "investment.made", "--json").stdout)["events"]
    corrected = event("event.corrected", event=made["id"], reason="more", replacement={**deal})
    run("import", lines(tmp_path / "mends.jsonl", corrected), *where, "--yes")
    done = run("undo", "deals", *where, "--yes")
    assert (done.returncode, "import mends) keeps it up" in done.stderr) == (1, True)
    for batch in ("mends", "deals", "parties"):
        assert run("undo", batch, *where, "--yes").returncode == 0
    done = run("undo", "deal", *where, "--yes")
    assert (done.returncode, "Did you mean deals?" in done.stderr) == (2, True)


def test_a_later_import_in_the_way_of_an_undo_is_named_once(tmp_path: Path) -> None:
    """Given an import, undone, and its parties from another one; when the undo is undone; then what is in the way is
    named once, with the command that clears it; and that does."""
    where = ("--data", tmp_path / "ledger")
    parties = [entity(name) for name in ("ant", "bee", "cat")]
    run("import", lines(tmp_path / "deals.jsonl", *parties), *where, "--yes")
    run("undo", "deals", *where, "--yes")
    run("import", lines(tmp_path / "good.jsonl", *parties), *where, "--yes")
    done = run("undo", "undo-deals", *where, "--yes")
    assert (done.returncode, done.stderr.count("In the way of")) == (1, 1)
    assert "entity.registered 2020-01-01 ant (position 7, import good)" in done.stderr
    assert "; the import good is in the way of 2 more" in done.stderr
    assert f"First: dealledger undo good --data {tmp_path / 'ledger'}. Then try again." in done.stderr
    for batch in ("good", "undo-deals"):
        assert run("undo", batch, *where, "--yes").returncode == 0


def test_an_undo_can_be_undone(tmp_path: Path) -> None:
    """The events are as they were."""
    where = ("--data", tmp_path / "ledger")
    file = lines(tmp_path / "in.jsonl", entity("ant"))
    run("import", file, *where, "--yes")
    run("undo", "in", *where, "--yes")
    assert run("undo", "undo-in", *where, "--yes").returncode == 0
    assert "1 events: 0 to record, 1 there already" in run("import", file, *where, "--yes").stderr


def with_ids(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**one, "id": f"7f8b9f64-9d3c-4a53-b5a7-{number:012d}"} for number, one in enumerate(events)]


def test_a_file_with_ids_of_its_own_comes_again_after_an_undo(tmp_path: Path) -> None:
    """Given events with ids, also corrections and retractions of one another; when they are imported, undone, and
    imported and undone again; then each time all of it is there as it was, or nothing."""
    where = ("--data", tmp_path / "ledger")
    deal = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"))
    *facts, made, gone = with_ids(entity("ant"), entity("bee"), deal, deal)
    replacement = {**deal, "data": {**deal["data"], "amount": usd("12")}}
    amendments = with_ids(*[entity("nobody")] * 4, *(
        event("event.corrected", event=made["id"], reason="more", replacement=replacement),
        event("event.retracted", event=gone["id"], reason="a slip"),
    ))[4:]  # fmt: skip
    file = lines(tmp_path / "in.jsonl", *facts, made, gone, *amendments)
    for _ in range(3):
        done = run("import", file, *where, "--yes")
        assert done.returncode == 0, done.stderr
        assert holdings(*where) == {("ant", "bee", "equity"): Decimal(12)}
        assert "0 to record, 6 there already" in run("import", file, *where, "--yes").stderr
        done = run("undo", "in", *where, "--yes")
        assert (done.returncode, holdings(*where)) == (0, {}), done.stderr
        assert json.loads(run("entities", *where, "--json").stdout)["entities"] == []
    done = run("import", file, *where, "--dry-run")
    assert "6 events: 4 to record, 2 there already, 0 refused." in done.stderr
    assert "4 of them were retracted, and are brought back under the ids that they have." in done.stderr


def test_a_mended_line_with_its_old_id_is_refused(tmp_path: Path) -> None:
    """Given a file with ids, imported and undone; when it comes again with one line mended; then that line is told, and
    how to mend it, and with another id it goes in with the others."""
    where = ("--data", tmp_path / "ledger")
    ant, bee = with_ids(entity("ant"), entity("bee"))
    run("import", lines(tmp_path / "in.jsonl", ant, bee), *where, "--yes")
    run("undo", "in", *where, "--yes")
    bee["data"]["name"] = "Bee Inc"
    done = run("import", lines(tmp_path / "in.jsonl", ant, bee), *where, "--yes")
    assert (done.returncode, "2 events: 1 to record, 0 there already, 1 refused." in done.stderr) == (1, True)
    assert "in.jsonl:2: /id: the id 7f8b9f64-9d3c-4a53-b5a7-000000000001 was used before" in done.stderr
    assert "leave the id out or make a new one" in done.stderr
    del bee["id"]
    assert run("import", lines(tmp_path / "in.jsonl", ant, bee), *where, "--yes").returncode == 0
    found = json.loads(run("entities", *where, "--json").stdout)["entities"]
    assert [row["name"] for row in found] == ["Ant", "Bee Inc"]


def test_an_export_is_there_already_where_it_came_from(tmp_path: Path) -> None:
    """Also what was posted, not imported; so a copy brings in what is new in it, and nothing else."""
    with fresh_service(tmp_path / "ledger") as client:
        given(client, entity("ant"), entity("bee"))
        where = ("--url", str(client.base_url))
        run("export", *where, "--output", tmp_path / "copy.jsonl")
        with (tmp_path / "copy.jsonl").open("a") as file:
            file.write(json.dumps(entity("cow")) + "\n")
        done = run("import", tmp_path / "copy.jsonl", *where, "--yes")
        assert "3 events: 1 to record, 2 there already, 0 refused." in done.stderr
        assert "Recorded 1 events; 2 were there already." in done.stderr
        assert position(*where) == 3
