"""Whatever is forged of a handover is found: by the verifier, and by the one in bundles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.log.bundle import verify as alone
from ledger.log.files import CHECKPOINT, HANDOVERS
from ledger.log.handovers import follow, notes_text, rotation_of, split_notes
from ledger.log.note import WITNESS, NotSigned, SigningKey
from ledger.log.tiles import Malformed
from ledger.log.verify import Kind as Wrong
from ledger.log.verify import NotVerified, verify
from tests.ledger.log.handed_over import NAME, NEXT, THIRD, checkpoint, log, rotated, signed, written
from tests.ledger.log.logs import KEY, MemoryFiles, entry

BEFORE = [entry(1), entry(2), rotated(KEY.verifier, NEXT.verifier)]
AFTER = [*BEFORE, entry(3), entry(4)]
HANDED_OVER = signed(BEFORE, KEY, NEXT)
TWICE = [*AFTER, rotated(NEXT.verifier, THIRD.verifier, 2)]
HANDED_OVER_TWICE = signed(TWICE, NEXT, THIRD)
OLD = signed([entry(1)], KEY).encode()


def test_what_is_forged_below_is_true_if_nothing_is_forged() -> None:
    """The control of all that follows."""
    verify(log(AFTER, NEXT, HANDED_OVER), KEY.verifier, [OLD])
    verify(log(AFTER, NEXT, HANDED_OVER), NEXT.verifier, [OLD])
    verify(log(TWICE, THIRD, HANDED_OVER, HANDED_OVER_TWICE), KEY.verifier, [OLD])
    for key in (KEY, NEXT):
        verify(log(BEFORE, key, HANDED_OVER), KEY.verifier, [OLD])


OTHER = [entry(1, "2.5"), entry(2), rotated(KEY.verifier, NEXT.verifier)]
FOURTH = SigningKey(NAME, bytes(range(3, 35)))
JUST_BEYOND = [*BEFORE, rotated(NEXT.verifier, THIRD.verifier, 2)]
BY_STRANGERS = [*AFTER, rotated(THIRD.verifier, FOURTH.verifier, 2)]
BACKWARDS = [entry(1), rotated(NEXT.verifier, THIRD.verifier), rotated(KEY.verifier, NEXT.verifier, 2)]
FORGED: list[tuple[str, MemoryFiles, Wrong]] = [
    (
        "from one stranger to another",
        log(BY_STRANGERS, FOURTH, HANDED_OVER, signed(BY_STRANGERS, THIRD, FOURTH)),
        Wrong.KEY,
    ),
    (
        "a later handover at an earlier place",
        log(BACKWARDS, THIRD, signed(BACKWARDS, KEY, NEXT), signed(BACKWARDS[:2], NEXT, THIRD)),
        Wrong.KEY,
    ),
    ("signed by the new key only", log(AFTER, NEXT, signed(BEFORE, NEXT)), Wrong.KEY),
    ("signed by the old key only", log(AFTER, NEXT, signed(BEFORE, KEY)), Wrong.KEY),
    ("signed by a stranger for the old one", log(AFTER, NEXT, signed(BEFORE, THIRD, NEXT)), Wrong.KEY),
    ("no handover at all", log(AFTER, NEXT), Wrong.UNSIGNED),
    ("no handover, and the old key goes on", log(AFTER, KEY), Wrong.KEY),
    ("the old key goes on after its handover", log(AFTER, KEY, HANDED_OVER), Wrong.UNSIGNED),
    ("the event names another key", log(AFTER, NEXT, signed(BEFORE, KEY, THIRD)), Wrong.KEY),
    (
        "the event was changed to name another key",
        log([*BEFORE[:2], rotated(KEY.verifier, THIRD.verifier), *AFTER[3:]], THIRD, HANDED_OVER + ""),
        Wrong.KEY,
    ),
    (
        "the event was changed, and its key signed the old note",
        log(
            [*BEFORE[:2], rotated(KEY.verifier, THIRD.verifier), *AFTER[3:]],
            THIRD,
            HANDED_OVER + THIRD.signature(checkpoint(BEFORE).text),
        ),
        Wrong.FORKED,
    ),
    ("history rewritten, the old handover kept", log([*OTHER, entry(3)], NEXT, HANDED_OVER), Wrong.FORKED),
    ("history rewritten, handed over by the new key", log([*OTHER, entry(3)], NEXT, signed(OTHER, NEXT)), Wrong.KEY),
    ("a handover where no key is rotated", log(AFTER, NEXT, HANDED_OVER, signed(AFTER, NEXT, THIRD)), Wrong.KEY),
    ("a handover beyond the log", log(BEFORE, NEXT, HANDED_OVER, signed(TWICE, NEXT, THIRD)), Wrong.KEY),
    ("a handover just beyond the log", log(BEFORE, NEXT, HANDED_OVER, signed(JUST_BEYOND, NEXT, THIRD)), Wrong.KEY),
    ("a handover of nothing", log(AFTER, NEXT, signed([], KEY, NEXT)), Wrong.KEY),
    ("twice the same", log(AFTER, NEXT, HANDED_OVER, HANDED_OVER), Wrong.KEY),
    ("in another order", log(TWICE, THIRD, HANDED_OVER_TWICE, HANDED_OVER), Wrong.KEY),
    ("the first one left out", log(TWICE, THIRD, HANDED_OVER_TWICE), Wrong.KEY),
    ("the second one left out", log(TWICE, NEXT, HANDED_OVER), Wrong.KEY),
    (
        "a rotation that is another event by its type",
        log(
            [*BEFORE[:2], rotated(KEY.verifier, NEXT.verifier, type_="key.changed")],
            NEXT,
            signed([*BEFORE[:2], rotated(KEY.verifier, NEXT.verifier, type_="key.changed")], KEY, NEXT),
        ),
        Wrong.KEY,
    ),
    ("malformed", log(AFTER, NEXT, HANDED_OVER + "\n"), Wrong.MALFORMED),
    ("no note", log(AFTER, NEXT, "nonsense\n"), Wrong.MALFORMED),
]


@pytest.mark.parametrize(
    ("files", "kind"), [(files, kind) for _, files, kind in FORGED], ids=[one[0] for one in FORGED]
)
def test_a_handover_that_is_forged(files: MemoryFiles, kind: Wrong, tmp_path: Path) -> None:
    """Whoever trusts the old key isn't led to another by it, nor by the bundle's own verifier."""
    with pytest.raises(NotVerified) as caught:
        verify(files, KEY.verifier)
    assert caught.value.kind == kind, caught.value
    with pytest.raises(alone.Wrong):
        alone.verify(written(files, tmp_path), alone.Key(str(KEY.verifier)), [])


GOOD = [
    (log(AFTER, NEXT, HANDED_OVER), (KEY, NEXT)),
    (log(BEFORE, KEY, HANDED_OVER), (KEY, NEXT)),
    (log(BEFORE, NEXT, HANDED_OVER), (KEY, NEXT)),
    (log(TWICE, THIRD, HANDED_OVER, HANDED_OVER_TWICE), (KEY, NEXT, THIRD)),
]


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_the_verifier_in_bundles_follows_handovers_too(tmp_path: Path, number: int) -> None:
    """From any key of the log; older checkpoints count if a key of their time signed them."""
    files, keys = GOOD[number]
    folder = written(files, tmp_path)
    for key in keys:
        trusted = alone.Key(str(key.verifier))
        for old in (OLD, HANDED_OVER.encode(), signed(BEFORE, KEY).encode(), signed(BEFORE, NEXT).encode()):
            assert alone.verify(folder, trusted, [old])
        wrong = [(AFTER[:2], NEXT), (AFTER[:2], THIRD), (BEFORE, THIRD), ([*BEFORE[:2], entry(3)], KEY)]
        for entries, by in (*wrong, *([] if number in (1, 2) else [(AFTER[:4], KEY)])):
            with pytest.raises(alone.Wrong):
                alone.verify(folder, trusted, [signed(entries, by).encode()])
    with pytest.raises(alone.Wrong):
        alone.verify(folder, alone.Key(str(SigningKey(NAME, bytes(32)).verifier)), [])


def test_a_name_is_kept_and_a_key_never_comes_back() -> None:
    """Neither that of the log, nor a key that was given up."""
    named = SigningKey("ledger.example/other", bytes(range(1, 33)))
    entries = [entry(1), rotated(KEY.verifier, named.verifier)]
    with pytest.raises(NotSigned, match="another name"):
        follow(KEY.verifier, [(signed(entries, KEY, named).encode(), entries[-1].state)])
    back = [*AFTER, rotated(NEXT.verifier, KEY.verifier, 2)]
    claimed = [(HANDED_OVER.encode(), BEFORE[-1].state), (signed(back, NEXT, KEY).encode(), back[-1].state)]
    with pytest.raises(NotSigned, match="comes back"):
        follow(KEY.verifier, claimed)
    twice = [*BEFORE[:2], rotated(NEXT.verifier, THIRD.verifier)]
    with pytest.raises(NotSigned, match="doesn't follow"):
        follow(KEY.verifier, [claimed[0], (signed(twice, NEXT, THIRD).encode(), twice[-1].state)])
    itself = [entry(1), rotated(KEY.verifier, KEY.verifier)]
    with pytest.raises(NotSigned, match="comes back"):
        follow(KEY.verifier, [(signed(itself, KEY).encode(), itself[-1].state)])
    with pytest.raises(NotSigned, match="none of the keys"):
        follow(THIRD.verifier, claimed[:1])
    assert follow(NEXT.verifier, claimed[:1]).first == KEY.verifier


def test_a_server_that_tells_two_stories() -> None:
    """It names another key while the keys are followed, and the true one when all is read."""
    true = log(AFTER, NEXT, HANDED_OVER)
    forged = [*BEFORE[:2], rotated(KEY.verifier, THIRD.verifier), *AFTER[3:]]
    note = HANDED_OVER + THIRD.signature(checkpoint(BEFORE).text)
    first = [log(forged, THIRD, note).contents["tile/entries/000.p/5"]]

    class Two:
        def read(self, path: str) -> bytes:
            if path.startswith("tile/entries/") and first:
                return first.pop()
            return {**true.contents, CHECKPOINT: signed(AFTER, THIRD).encode(), HANDOVERS: note.encode()}[path]

    with pytest.raises(NotVerified, match="names other keys") as caught:
        verify(Two(), KEY.verifier)
    assert caught.value.kind == Wrong.KEY
    first.append(log([*BEFORE, entry(3, "7"), entry(4)], NEXT).contents["tile/entries/000.p/5"])

    class OfNone(Two):
        """There is a rotation first, and no such event afterwards."""

        def read(self, path: str) -> bytes:
            plain = [entry(1), entry(2), entry(3), entry(4), entry(5)]
            if path.startswith("tile/entries/") and first:
                return first.pop()
            return {**log(plain, NEXT).contents, HANDOVERS: signed(plain[:3], KEY, NEXT).encode()}[path]

    with pytest.raises(NotVerified, match="rotates no key") as caught:
        verify(OfNone(), KEY.verifier)
    assert caught.value.kind == Wrong.KEY


def test_an_older_checkpoint_is_signed_by_a_key_of_its_time() -> None:
    """Not by one that came later, nor by one that was given up before."""
    files = log(AFTER, NEXT, HANDED_OVER)
    for entries, key, good in (
        (AFTER[:1], KEY, True),
        (AFTER[:1], NEXT, False),
        (AFTER[:2], KEY, True),
        (AFTER[:2], NEXT, False),
        (BEFORE, KEY, True),
        (BEFORE, NEXT, True),
        (BEFORE, THIRD, False),
        (AFTER[:4], KEY, False),
        (AFTER[:4], NEXT, True),
    ):
        if good:
            verify(files, KEY.verifier, [signed(entries, key).encode()])
        else:
            with pytest.raises(NotVerified) as caught:
                verify(files, KEY.verifier, [signed(entries, key).encode()])
            assert caught.value.kind == Wrong.UNSIGNED
            assert ("should have signed" in str(caught.value)) == (key != THIRD)


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[]",
        "{}",
        '{"data":1}',
        '{"data":{}}',
        '{"data":{"previous":1,"key":2}}',
        json.dumps({"data": {"previous": str(KEY.verifier), "key": "x"}}),
        json.dumps({"data": {"previous": str(KEY.verifier), "key": str(SigningKey("w", bytes(32), WITNESS).verifier)}}),
        json.dumps({"data": {"previous": str(SigningKey("w", bytes(32), WITNESS).verifier), "key": str(KEY.verifier)}}),
    ],
)
def test_what_is_no_rotation(state: str) -> None:
    with pytest.raises(Malformed):
        rotation_of(state)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_handovers_are_written_as_they_are_read(count: int) -> None:
    """And in no other way."""
    text = notes_text([HANDED_OVER, HANDED_OVER_TWICE, signed([], KEY)][:count]).encode()
    notes = split_notes(text)
    assert len(notes) == count
    assert notes_text([one.decode() for one in notes]).encode() == text
    changes: list[Callable[[bytes], bytes]] = [
        lambda whole: whole[:-1],
        lambda whole: whole + b"\nx\n",
        lambda whole: b"x\n\n" + whole,
    ]
    for change in changes:
        if change(text):  # nothing less its last byte is nothing
            with pytest.raises(Malformed):
                split_notes(change(text))
