"""Keys on the disk: whose they are, who may read them, and that nothing is written that is there."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from ledger.log.keys import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    KeyRefused,
    load_key,
    make_key,
    parse_key,
    read_key,
    write_atomically,
    write_key,
)
from ledger.log.note import LOG, WITNESS, SigningKey, decoded, encoded, parse_verifier_key
from ledger.log.tiles import Malformed
from tests.ledger.log.logs import KEY


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


def test_what_is_written_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole before it has its name, and with its name before anything goes on; a folder is made for it."""
    done: list[str] = []
    sync, link, replace = os.fsync, os.link, Path.replace

    def synced(descriptor: int) -> None:
        found = os.fstat(descriptor)
        done.append("folder" if stat.S_ISDIR(found.st_mode) else f"{found.st_size} bytes")
        sync(descriptor)

    def linked(beside: Path, path: Path) -> None:
        link(beside, path)
        done.append("named")

    def replaced(beside: Path, path: Path) -> Path:
        done.append("named")
        return replace(beside, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(Path, "replace", replaced)
    path = tmp_path / "a" / "folder" / PRIVATE_FILE
    make_key(path, "ledger.example/deals")
    assert done == [f"{path.stat().st_size} bytes", "named", "folder"]
    done.clear()
    write_atomically(path.with_name("text"), "four")
    assert done == ["4 bytes", "named", "folder"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the text that is there, all; of the new one, nothing."""
    path = tmp_path / "text"
    write_atomically(path, "as it was")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            write_atomically(path, "else")
        with pytest.raises(OSError, match="no space"):
            make_key(tmp_path / "key", "ledger.example/deals")
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_key_to_the_letter() -> None:
    """With its own id, of a seed's length, and nothing before or after; the key itself is the control."""
    written = write_key(KEY)
    head, material = written.rsplit("+", 1)
    raw = decoded(material)
    for good in (written, f"{written}\n"):
        assert parse_key(good).verifier == KEY.verifier
    for wrong, says in (
        (f"x{written}", "isn't written as"),
        (written.removeprefix("PRIVATE"), "isn't written as"),
        (f"{head}+{encoded(raw[:-1])}", "isn't written as"),
        (f"{head}+{encoded(raw + bytes(1))}", "isn't written as"),
        (f"{head}+{encoded(raw[:-1] + bytes(1))}", "its id isn't its own"),
        (written.replace(KEY.verifier.id.hex(), "00000000"), "its id isn't its own"),
        (written.replace(KEY.name, "ledger.example/other"), "its id isn't its own"),
        (f"{written}\n\n", "not base64"),
        ("", "isn't written as"),
    ):
        with pytest.raises(KeyRefused, match=says):
            parse_key(wrong)


def test_a_key_keeps_its_name_and_its_type(tmp_path: Path) -> None:
    """The name that is given is taken at the first start; later it must be that one, or none. A witness's key is none
    of a log, whatever its file is called."""
    made = load_key(tmp_path, "ledger.example/mine")
    assert made.name == "ledger.example/mine"
    for name in (None, "ledger.example/mine"):
        assert load_key(tmp_path, name).verifier == made.verifier
    with pytest.raises(KeyRefused, match="keeps its name"):
        load_key(tmp_path, "ledger.example/other")
    (tmp_path / PRIVATE_FILE).write_text(write_key(SigningKey("witness.example/w1", bytes(32), WITNESS)))
    with pytest.raises(KeyRefused, match="type 04"):
        load_key(tmp_path)


def test_a_public_key_that_is_not_the_private_ones(tmp_path: Path) -> None:
    """Is written anew."""
    made = load_key(tmp_path)
    (tmp_path / PUBLIC_FILE).write_text("nonsense\n")
    load_key(tmp_path)
    assert (tmp_path / PUBLIC_FILE).read_text() == f"{made.verifier}\n"


@pytest.mark.parametrize("material", ["AVP/1gxS8", "AVP/1gxS8=", "AVP/1gx="])
def test_no_error_shows_a_private_key(material: str) -> None:
    """Given one that is damaged, or a whole one in place of the public; then what is said of it has nothing of it. The
    control: of a public key, which is nobody's secret, it is shown."""
    for damaged in (write_key(KEY) + material, f"PRIVATE+KEY+{KEY.name}+00000000+{material}"):
        with pytest.raises(KeyRefused) as refused:
            parse_key(damaged)
        assert material not in str(refused.value)
    for private in (write_key(KEY), write_key(KEY) + material):
        with pytest.raises(Malformed) as malformed:
            parse_verifier_key(private)
        assert write_key(KEY)[-40:] not in str(malformed.value)
        assert "private" in str(malformed.value)
    with pytest.raises(Malformed, match=re.escape(material)):
        parse_verifier_key(f"{KEY.name}+00000000+{material}=")
