"""Keys on the disk: whose they are, who may read them, and that nothing is written that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.log.keys import PRIVATE_FILE, PUBLIC_FILE, KeyRefused, load_key, make_key, read_key
from ledger.log.note import LOG, WITNESS
from ledger.log.tiles import Malformed


@pytest.mark.parametrize(("algorithm", "prefix"), [(LOG, "deal-ledger"), (WITNESS, "deal-ledger-witness")])
def test_a_key_without_a_name_gets_one(tmp_path: Path, algorithm: int, prefix: str) -> None:
    """That says what it is for, and no other has."""
    names = [load_key(tmp_path / folder, algorithm=algorithm).name for folder in ("one", "other")]
    assert [name.split("/")[0] for name in names] == [prefix] * 2
    assert [len(name.split("/")[1]) for name in names] == [16] * 2
    assert names[0] != names[1]


def test_a_key_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    """Neither is the public one written, if it is right."""
    load_key(tmp_path)
    before = [(tmp_path / name).stat().st_ino for name in (PRIVATE_FILE, PUBLIC_FILE)]
    private = (tmp_path / PRIVATE_FILE).read_bytes()
    load_key(tmp_path)
    make_key(tmp_path / PRIVATE_FILE, "ledger.example/other")
    assert (tmp_path / PRIVATE_FILE).read_bytes() == private
    assert [(tmp_path / name).stat().st_ino for name in (PRIVATE_FILE, PUBLIC_FILE)] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [PRIVATE_FILE, PUBLIC_FILE]


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o677])
def test_what_others_may_do_with_a_key(tmp_path: Path, mode: int) -> None:
    """Nothing at all; its owner may do anything, the control."""
    path = tmp_path / PRIVATE_FILE
    make_key(path, "ledger.example/deals")
    for mine in (0o600, 0o400, 0o700):
        path.chmod(mine)
        assert read_key(path).name == "ledger.example/deals"
    path.chmod(mode)
    with pytest.raises(KeyRefused, match=f"mode {mode & 0o777:o}.*chmod 600"):
        read_key(path)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_what_is_no_name_makes_no_key(tmp_path: Path, name: str) -> None:
    """And leaves nothing behind."""
    with pytest.raises(Malformed):
        make_key(tmp_path / "folder" / PRIVATE_FILE, name)
    assert list(tmp_path.iterdir()) == []
