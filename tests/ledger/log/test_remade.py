"""What was recorded since the last signature is made again, whatever its length, and compared hash by hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import root
from ledger.log.remade import Fault, Kind, check_root, remade
from ledger.log.signer import Signer
from ledger.log.tiles import nodes
from ledger.store import Store
from ledger.store.sqlite import LOG_FILE
from tests.ledger.log.logs import KEY, append, beside, expected

EVENTS, SIGNED = 300, 250


@pytest.fixture
def filled(sqlite_store: Store) -> Store:
    """More than a tile, in rows that end elsewhere than tiles do."""
    append(sqlite_store, EVENTS)
    return sqlite_store


def true_root(size: int) -> bytes:
    return root(size, nodes(size, expected(size).read))


def harmed(store: Store, tmp_path: Path, sql: str) -> Fault:
    """What is found after this was done beside the ledger, where all after the signed events is made again."""
    remade(store, SIGNED, EVENTS)
    with beside(store, tmp_path / "ledger" / LOG_FILE) as shell:
        assert shell.execute(sql).rowcount == 1
    with pytest.raises(Fault) as caught:
        remade(store, SIGNED, EVENTS)
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 299, 300])
def test_what_is_as_it_was(filled: Store, size: int) -> None:
    """The edge has the root of all, wherever it began; and the root of what was signed is there."""
    edge = remade(filled, size, EVENTS)
    assert (edge.size, edge.root()) == (EVENTS, true_root(EVENTS))
    check_root(filled, Checkpoint(KEY.name, size, true_root(size)))
    with pytest.raises(Fault) as caught:
        check_root(filled, Checkpoint(KEY.name, size, bytes(32)))
    assert caught.value.kind == Kind.REWRITTEN


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
def test_hashes_are_asked_for_tile_by_tile(filled: Store, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """As the store gives them: none over the border of a tile."""
    hashes, asked = filled.hashes, list[tuple[int, int]]()

    def asking(level: int, first: int, count: int) -> bytes:
        if level == 0:
            asked.append((first, count))
        assert first // 256 == (first + count - 1) // 256
        return hashes(level, first, count)

    monkeypatch.setattr(filled, "hashes", asking)
    remade(filled, size, EVENTS)
    new = [(first, count) for first, count in asked if first >= size]
    assert sum(count for _, count in new) == EVENTS - size
    assert len(new) == (1 if size >= 256 else 2)


@pytest.mark.parametrize("position", [251, 256, 257, 300])
def test_an_event_that_was_changed_or_lost(filled: Store, tmp_path: Path, position: int) -> None:
    """Its position is told, wherever it is."""
    sql = f"UPDATE events SET state = replace(state, '1.5', '2.5') WHERE position = {position}"
    fault = harmed(filled, tmp_path, sql)
    assert fault.kind == Kind.EVENT
    assert f"position {position} isn't the one" in str(fault)
    with beside(filled, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute(sql.replace("'1.5', '2.5'", "'2.5', '1.5'"))
    fault = harmed(filled, tmp_path, f"DELETE FROM events WHERE position = {position}")
    assert (fault.kind, str(fault)) == (Kind.EVENT, f"the event at position {position} is gone")


def test_an_event_that_is_found_by_another_id(filled: Store, tmp_path: Path) -> None:
    """No leaf has the column, so it is compared with the event."""
    fault = harmed(filled, tmp_path, "UPDATE events SET id = 'another' WHERE position = 299")
    assert fault.kind == Kind.EVENT
    assert "position 299" in str(fault)


def test_an_event_that_no_log_takes(filled: Store, tmp_path: Path) -> None:
    """It was made too long."""
    fault = harmed(filled, tmp_path, "UPDATE events SET state = printf('%.70000c', 'x') WHERE position = 299")
    assert fault.kind == Kind.EVENT
    assert "position 299 was changed" in str(fault)


@pytest.mark.parametrize("first", [200, 256])
def test_leaves_that_were_changed(filled: Store, tmp_path: Path, first: int) -> None:
    """Then the first event with another leaf is told."""
    fault = harmed(filled, tmp_path, f"UPDATE tree_runs SET hashes = zeroblob(length(hashes)) WHERE first = {first}")
    assert fault.kind == Kind.EVENT
    assert f"position {max(first, SIGNED) + 1} isn't the one" in str(fault)


def test_leaves_that_are_gone(filled: Store, tmp_path: Path) -> None:
    """Nobody can compare the events with them, nor tell the root."""
    fault = harmed(filled, tmp_path, "DELETE FROM tree_runs WHERE first = 256")
    assert (fault.kind, "lacks hashes" in str(fault)) == (Kind.TREE, True)
    with pytest.raises(Fault) as caught:
        check_root(filled, Checkpoint(KEY.name, EVENTS, true_root(EVENTS)))
    assert caught.value.kind == Kind.TREE


def test_a_node_that_was_changed(filled: Store, tmp_path: Path) -> None:
    """Though all leaves are right."""
    fault = harmed(filled, tmp_path, "UPDATE tree_runs SET hashes = zeroblob(32) WHERE level = 1")
    assert (fault.kind, str(fault)) == (Kind.TREE, "the node 0 of level 1 isn't what its tile is hashed to")


@pytest.mark.parametrize("table", ["events", "tree_runs"])
def test_a_log_and_a_tree_of_two_lengths(filled: Store, tmp_path: Path, table: str) -> None:
    """Somebody took the last away from one of them; the signer shows what it signed before."""
    signer = Signer(filled, KEY, tmp_path / "log.highwater")
    assert signer.cycle() is None
    append(filled, 1)
    with beside(filled, tmp_path / "ledger" / LOG_FILE) as shell:
        shell.execute(
            "DELETE FROM events WHERE position = 301"
            if table == "events"
            else "DELETE FROM tree_runs WHERE level = 0 AND first = 300"
        )
    fault = signer.cycle()
    assert fault is not None
    assert fault.kind == Kind.TREE
    assert f"{300 if table == 'events' else 301} events and its tree" in str(fault)
    assert signer.newest is not None
    assert signer.newest.checkpoint.size == EVENTS


def test_a_checkpoint_in_the_database_that_cannot_be_read(filled: Store, tmp_path: Path) -> None:
    """It isn't taken for another key's: it is told as what it is. As it was, it is gone on from."""
    signer = Signer(filled, KEY, tmp_path / "log.highwater")
    assert signer.cycle() is None
    note = filled.checkpoint()
    append(filled, 1)
    for written in ("nonsense", note):
        with beside(filled, tmp_path / "ledger" / LOG_FILE) as shell:
            shell.execute("UPDATE checkpoints SET note = ?", (written,))
        fault = signer.cycle()
        if written == note:
            assert fault is None
        else:
            assert fault is not None
            assert fault.kind == Kind.CHECKPOINT
            assert "the database's last checkpoint" in str(fault)
