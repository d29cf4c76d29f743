"""The verifier in bundles, check by check: each is given what nothing else of it would find."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.log.bundle import verify as alone
from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import entry_bytes
from ledger.log.files import FolderFiles
from ledger.log.merkle import leaf_hash, node_hash
from ledger.log.note import WITNESS, SigningKey, encoded
from ledger.log.tiles import WIDTH, Bundle, Edge, Tile, bundle_bytes, bundles, tiles
from ledger.log.verify import NotVerified, verify
from ledger.store import Entry
from tests.ledger.log.handed_over import NEXT, rotated, signed
from tests.ledger.log.logs import KEY, entry

VKEY = str(KEY.verifier)
TRUSTED = alone.Key(VKEY)
ROOT = encoded(bytes(32))


# --- base64 and keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["YQ", "YQ=", "YR==", "Y Q==", "YQ==\n", "YQ==YQ==", "-_-_", "é"])
def test_base64_is_read_in_one_way(text: str) -> None:
    """Without padding, with bits or letters that say nothing, or in another alphabet, it isn't."""
    assert alone.decoded("YQ==") == b"a"
    with pytest.raises(alone.Wrong, match="not base64"):
        alone.decoded(text)


def test_a_key_is_one_of_a_log_with_its_own_id() -> None:
    """Not a witness's, though its id is its own; not one under another's id; not one of another length."""
    assert (TRUSTED.name, TRUSTED.id, TRUSTED.bytes) == (KEY.name, KEY.verifier.id, KEY.verifier.key)
    name, key_id, material = VKEY.split("+", 2)
    raw = alone.decoded(material)

    def with_own_id(changed: bytes) -> str:
        own = sha256(name.encode() + b"\n" + changed).hexdigest()[:8]
        return f"{name}+{own}+{encoded(changed)}"

    assert with_own_id(raw) == VKEY
    for wrong in (
        str(SigningKey(KEY.name, KEY.secret, WITNESS).verifier),
        f"{name}+{'0' * 8}+{material}",
        f"other{name}+{key_id}+{material}",
        with_own_id(raw[:-1]),
        with_own_id(raw + b"\0"),
        with_own_id(b""),
    ):
        with pytest.raises(alone.Wrong, match="none of a log"):
            alone.Key(wrong)


# --- checkpoints ------------------------------------------------------------------------------------------------


def note(text: str, *lines: str) -> bytes:
    """A note of this text, with the log's own signature unless other lines are given."""
    return f"{text}\n{''.join(lines or [KEY.signature(text)])}".encode()


TEXT = f"{KEY.name}\n7\n{ROOT}\n"
SIGNATURE = KEY.signature(TEXT)
FORGED = f"— {KEY.name} {encoded(KEY.verifier.id + bytes(64))}\n"
OTHERS = "— other.example/w YWJjZGU=\n"  # five bytes, of which nobody here knows the key


@pytest.mark.parametrize("lines", [(), (SIGNATURE, OTHERS), (OTHERS, SIGNATURE), (SIGNATURE, SIGNATURE)])
def test_a_checkpoint_that_is_good(lines: tuple[str, ...]) -> None:
    """Others may have signed it too. The control of what follows."""
    assert alone.open_checkpoint(note(TEXT, *lines), TRUSTED, "it") == (7, bytes(32))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (note(TEXT, FORGED), "wrong signature"),
        (note(TEXT, SIGNATURE, FORGED), "wrong signature"),
        (note(TEXT, FORGED, SIGNATURE), "wrong signature"),
        (note(TEXT, KEY.signature(TEXT.replace("7", "8"))), "wrong signature"),
        (note(TEXT, SIGNATURE.replace(KEY.name, "other.example/deals")), "isn't signed by"),
        (note(TEXT, SigningKey(KEY.name, bytes(32)).signature(TEXT)), "isn't signed by"),
        (note(TEXT, OTHERS), "isn't signed by"),
        (note(TEXT) + b"\xff", "isn't UTF-8"),
        (note(TEXT)[:-1] + b" ", "no signed note"),
        (SIGNATURE.encode(), "no signed note"),
        (note(TEXT.replace("7\n", "7\r\n")), "no signed note"),
        (note(TEXT.replace("7", "7\t")), "no signed note"),
        (note(TEXT.replace("7", "7\0")), "no signed note"),
        (note(TEXT, SIGNATURE, "nonsense\n"), "no signature"),
        (note(TEXT, SIGNATURE, f"-{OTHERS[1:]}"), "no signature"),
        (note(TEXT, SIGNATURE, OTHERS.replace("YWJjZGU=", "YWJjZA==")), "no signature"),
        (note(TEXT, SIGNATURE, OTHERS.replace("YWJjZGU=", "YWJjZGU")), "not base64"),
        (note(TEXT.replace(KEY.name, "other.example/deals")), "isn't the name"),
        (note(TEXT.replace("7", "07")), "isn't the name"),
        (note(TEXT.replace("7", "-7")), "isn't the name"),
        (note(TEXT.replace("7", "1" * 20)), "isn't the name"),
        (note(TEXT + "more\n"), "isn't the name"),
        (note(f"{KEY.name}\n7\n"), "isn't the name"),
        (note(f"{KEY.name}\n7\n{encoded(bytes(31))}\n"), "isn't the name"),
        (note(f"{KEY.name}\n7\n{encoded(bytes(33))}\n"), "isn't the name"),
        (note(f"{KEY.name}\n7\n{ROOT[:-1]}\n"), "not base64"),
    ],
)
def test_a_checkpoint_that_is_not(wrong: bytes, says: str) -> None:
    """Most are signed with the log's own key: it is the form that is refused, and its word for it."""
    with pytest.raises(alone.Wrong, match=says):
        alone.open_checkpoint(wrong, TRUSTED, "it")


# --- logs of more than a tile -----------------------------------------------------------------------------------


def written(entries: list[Entry], key: SigningKey, folder: Path, *handovers: str) -> Path:
    """A log of these entries, whole in itself."""
    contents = [entry_bytes(e.stream, e.version, e.type, e.state) for e in entries]
    leaves, edge = [leaf_hash(one) for one in contents], Edge()
    nodes = {0: leaves, 1: [node.hash for node in edge.extend(leaves)]}
    files = {"checkpoint": signed(entries, key).encode()}
    if handovers:
        files["handovers"] = "\n".join(handovers).encode()
    for tile in tiles(len(entries)):
        files[tile.path] = b"".join(nodes[tile.level][tile.index * WIDTH :][: tile.width])
    for bundle in bundles(len(entries)):
        files[bundle.path] = bundle_bytes(contents[bundle.index * WIDTH :][: bundle.width])
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def events(count: int, *rotations_at: int) -> tuple[list[Entry], list[str]]:
    """So many events, the key rotated at these positions; and the handovers."""
    keys = [KEY, NEXT, *(SigningKey(KEY.name, bytes([n] * 32)) for n in range(3, 9))]
    made: list[Entry] = []
    handovers: list[str] = []
    for position in range(1, count + 1):
        turned = len(handovers)
        if position in rotations_at:
            made.append(rotated(keys[turned].verifier, keys[turned + 1].verifier, turned + 1))
            handovers.append(signed(made, keys[turned], keys[turned + 1]))
        else:
            made.append(entry(position - turned))
    return made, handovers


@pytest.mark.parametrize("places", [(1,), (256,), (257,), (512,), (513,), (1, 2, 256, 257)])
def test_a_key_is_rotated_anywhere(tmp_path: Path, places: tuple[int, ...]) -> None:
    """At the borders of tiles and elsewhere: the first key leads to the one that signs now."""
    made, handovers = events(515, *places)
    newest = [KEY, NEXT, *(SigningKey(KEY.name, bytes([n] * 32)) for n in range(3, 9))][len(places)]
    folder = written(made, newest, tmp_path, *handovers)
    assert alone.verify(folder, TRUSTED, [])[0] == 515
    (folder / "handovers").write_text("\n".join(handovers[:-1]))
    with pytest.raises(alone.Wrong):
        alone.verify(folder, TRUSTED, [])


THIRD, FOURTH = (SigningKey(KEY.name, bytes([n] * 32)) for n in (3, 4))


@pytest.mark.parametrize(
    ("turns", "good"),
    [
        ([(KEY, NEXT), (NEXT, THIRD)], True),
        ([(KEY, NEXT), (NEXT, KEY)], False),
        ([(KEY, NEXT), (NEXT, NEXT)], False),
        ([(KEY, KEY)], False),
        ([(KEY, NEXT), (KEY, THIRD)], False),
        ([(KEY, NEXT), (THIRD, FOURTH)], False),
    ],
)
def test_each_handover_follows_the_one_before(
    tmp_path: Path, turns: list[tuple[SigningKey, SigningKey]], good: bool
) -> None:
    """From its key to one that the log never had; both have signed each, and the log says so itself."""
    made: list[Entry] = []
    handovers: list[str] = []
    for version, (previous, key) in enumerate(turns, 1):
        made += [entry(version), rotated(previous.verifier, key.verifier, version)]
        handovers.append(signed(made, previous, key))
    folder = written(made, turns[-1][1], tmp_path, *handovers)
    if good:
        assert alone.verify(folder, TRUSTED, [])[0] == len(made)
    else:
        with pytest.raises(alone.Wrong, match="doesn't follow the one before it"):
            alone.verify(folder, TRUSTED, [])


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 512, 513])
def test_logs_of_every_length(tmp_path: Path, count: int) -> None:
    """Around the borders of tiles."""
    assert alone.verify(written(events(count)[0], KEY, tmp_path), TRUSTED, [])[0] == count


def test_every_entry_is_in_its_own_bundle(tmp_path: Path) -> None:
    """All are there and in order, so all hashes fit, but one is in the next bundle."""
    made, _ = events(258)
    folder = written(made, KEY, tmp_path)
    contents = [entry_bytes(e.stream, e.version, e.type, e.state) for e in made]
    for border in (255, 257):
        (folder / "tile/entries/000").write_bytes(bundle_bytes(contents[:border]))
        (folder / "tile/entries/001.p/2").write_bytes(bundle_bytes(contents[border:]))
        with pytest.raises(alone.Wrong, match=f"has {'more' if border > 256 else border} entries"):
            alone.verify(folder, TRUSTED, [])


@pytest.mark.parametrize("content", [b"", b"\0" * 1_000_000], ids=["none", "many"])
def test_a_bundle_of_entries_with_other_than_it_should_have(content: bytes, tmp_path: Path) -> None:
    """Given a log whose last event rotated its key; when the events there are none, or more than anybody should take
    apart; then both verifiers say so. The control is the log as it was."""
    made, handovers = events(3, 3)
    log = written(made, NEXT, tmp_path, *handovers)
    assert alone.verify(log, TRUSTED, [])
    [last] = [path for path in (log / "tile" / "entries").rglob("*") if path.is_file()]
    last.write_bytes(content)
    with pytest.raises(alone.Wrong, match=r"has (0|more) entries, not"):
        alone.verify(log, TRUSTED, [])
    with pytest.raises(NotVerified, match=r"has (0|more) entries"):
        verify(FolderFiles(log), KEY.verifier)


def test_the_root_is_the_one_that_is_signed(tmp_path: Path) -> None:
    """All else fits; and the tiles are looked at, though the root fits."""
    folder = written(events(257)[0], KEY, tmp_path)
    true = (folder / "checkpoint").read_bytes()
    (folder / "checkpoint").write_text(Checkpoint(KEY.name, 257, bytes(32)).sign(KEY))
    with pytest.raises(alone.Wrong, match="another root"):
        alone.verify(folder, TRUSTED, [])
    (folder / "checkpoint").write_bytes(true)
    for tile in tiles(257):
        content = (folder / tile.path).read_bytes()
        (folder / tile.path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(alone.Wrong, match=f"{tile.path} isn't what"):
            alone.verify(folder, TRUSTED, [])
        (folder / tile.path).write_bytes(content)
    assert alone.verify(folder, TRUSTED, [])[0] == 257


@pytest.mark.parametrize("index", [0, 1, 9, 99, 999, 1000, 1234, 999_999, 1_000_000, 1_234_567])
@pytest.mark.parametrize("width", [1, 255, 256])
def test_paths(index: int, width: int) -> None:
    """As the ledger itself writes them."""
    assert alone.path_of("entries", index, width) == Bundle(index, width).path
    assert alone.path_of("3", index, width) == Tile(3, index, width).path


# --- entries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundle", [b"\0", b"\0\1", b"\0\2a", b"\0\1ab", b"\0\1a\0"])
def test_a_bundle_that_ends_within_an_entry(bundle: bytes) -> None:
    """A length without its entry, or half of a length; whole ones are read."""
    assert list(alone.entries_of(b"\0\1a\0\0\0\2bc", "it")) == [b"a", b"", b"bc"]
    with pytest.raises(alone.Wrong, match="within an entry"):
        list(alone.entries_of(bundle, "it"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"state":"{}","stream":"s","type":"t","version":1,"x":1}',
        b'{"stream":"s","state":"{}","type":"t","version":1}',
        b'{"state":"{}","stream":"\\ud800","type":"t","version":1}',
        b'{"state":{},"stream":"s","type":"t","version":1}',
        b'{"state":"{}","stream":"s","type":null,"version":1}',
    ],
)
def test_what_is_no_event(content: bytes) -> None:
    """The canonical form of one is, and it is the first of its stream or the next."""
    versions: dict[str, int] = {}
    alone.check_entry(b'{"state":"{}","stream":"s","type":"t","version":1}', 1, versions)
    alone.check_entry(b'{"state":"{}","stream":"s","type":"t","version":2}', 2, versions)
    with pytest.raises(alone.Wrong, match="holds no event"):
        alone.check_entry(content, 3, versions)
    for version in (0, 2, 4):
        with pytest.raises(alone.Wrong, match="isn't the next"):
            alone.check_entry(b'{"state":"{}","stream":"s","type":"t","version":%d}' % version, 3, versions)


@pytest.mark.parametrize(
    "state", ["", "[]", "{}", '{"data":null}', '{"data":1}', '{"data":{}}', '{"data":{"previous":"x"}}', "[" * 100_000]
)
def test_what_is_no_rotation(state: str) -> None:
    """An event that says it rotates the key must say from which and to which. One of another type says nothing."""
    with pytest.raises(alone.Wrong, match="can't be read"):
        alone.rotation_of(entry_bytes("log/key", 1, "key.rotated", state))
    assert alone.rotation_of(entry_bytes("log/key", 1, "commitment.made", state)) is None


# --- handovers' file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_handovers_are_read_to_the_letter(count: int) -> None:
    """Nothing before, between or after the notes is passed over."""
    notes = [note(f"{KEY.name}\n{size}\n{ROOT}\n") for size in range(1, count + 1)]
    text = b"\n".join(notes)
    assert alone.split_notes(text) == notes
    for changed in (text + b"\nx\n", b"x\n\n" + text, text + b"x", text + b"\n\n", text[:-1]):
        if changed != text:  # nothing less its last byte is nothing
            with pytest.raises(alone.Wrong, match="empty line between"):
                alone.split_notes(changed)


# --- proofs -----------------------------------------------------------------------------------------------------

BEGIN, END = b"c2sp.org/tlog-proof@v1\nindex 0\n", b"\nthe checkpoint\n"
SIBLING = base64.b64encode(bytes(32)) + b"\n"


@pytest.mark.parametrize(
    ("position", "size", "proof", "says"),
    [
        (1, 1, BEGIN + END, None),
        (1, 2, BEGIN + SIBLING + END, None),
        (2, 1, BEGIN.replace(b"0", b"1") + END, "isn't the proof of position 2"),  # the same event once more
        (1, 1, BEGIN + END[1:], "isn't the proof"),
        (1, 1, BEGIN + b"x" + END, "no hash"),
        (1, 2, BEGIN + SIBLING[:-1] + END, "no hash"),
        (1, 2, BEGIN + SIBLING + b"x" + END, "no hash"),
        (1, 2, BEGIN + b"\xff\n" + END, "no hash"),
        (1, 2, BEGIN + base64.b64encode(bytes(31)) + b"\n" + END, "no hash"),
        (1, 2, BEGIN + base64.b64encode(bytes(33)) + b"\n" + END, "no hash"),
        (1, 2, BEGIN + END, "doesn't lead"),
        (1, 1, BEGIN + SIBLING + END, "too long"),
        (1, 2, BEGIN + SIBLING * 2 + END, "too long"),
        (1, 2, BEGIN + SIBLING.replace(b"A", b"B", 1) + END, "doesn't lead"),
    ],
)
def test_a_proof_to_the_letter(position: int, size: int, proof: bytes, says: str | None, tmp_path: Path) -> None:
    """Of the first event of a tree of one, or of two of which the other's leaf is all zeros."""
    (tmp_path / f"{position}.json").write_bytes(b"x")
    (tmp_path / f"{position}.tlog-proof").write_bytes(proof)
    root = leaf_hash(b"x") if size == 1 else node_hash(leaf_hash(b"x"), bytes(32))
    if says is None:
        assert alone.check_proofs(tmp_path, END[1:], size, root) == 1
    else:
        with pytest.raises(alone.Wrong, match=says):
            alone.check_proofs(tmp_path, END[1:], size, root)


def test_an_event_proven_at_another_place(tmp_path: Path) -> None:
    """The third of three events and the two's node are what the second would be proven by, were that one step long."""
    a, b, c = map(leaf_hash, (b"a", b"b", b"c"))
    root = node_hash(node_hash(a, b), c)
    for position in (3, 2):
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / f"{position}.json").write_bytes(b"c")
        begin = BEGIN.replace(b"0", str(position - 1).encode())
        (tmp_path / f"{position}.tlog-proof").write_bytes(begin + base64.b64encode(node_hash(a, b)) + b"\n" + END)
        if position == 3:
            assert alone.check_proofs(tmp_path, END[1:], 3, root) == 1
        else:
            with pytest.raises(alone.Wrong, match="doesn't lead"):
                alone.check_proofs(tmp_path, END[1:], 3, root)


def test_where_proofs_are(tmp_path: Path) -> None:
    """A folder beside the log's, or none at all; a file in its place is wrong."""
    assert alone.check_proofs(tmp_path / "proofs", END[1:], 1, leaf_hash(b"x")) == 0
    (tmp_path / "proofs").write_bytes(b"")
    with pytest.raises(alone.Wrong, match="is no folder"):
        alone.check_proofs(tmp_path / "proofs", END[1:], 1, leaf_hash(b"x"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It says why; what is there is read."""
    (tmp_path / "it").write_bytes(b"x")
    assert alone.read(tmp_path / "it") == b"x"
    for place, why in (("other", "No such file"), (".", "it is no file")):
        with pytest.raises(alone.Missing, match=why):
            alone.read(tmp_path / place)
