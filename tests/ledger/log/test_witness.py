"""A witness signs what follows what it signed before, and nothing else."""

from __future__ import annotations

import pytest

from ledger.log.checkpoint import Checkpoint
from ledger.log.note import WITNESS, NotSigned, SigningKey
from ledger.log.tiles import Malformed
from ledger.log.witness import SIZE_TYPE, Request, cosignatures, judge, parse_request
from tests.ledger.log.trees import leaf, mth, subproof

KEY = SigningKey("ledger.example/deals", bytes(range(32)))
W1 = SigningKey("witness.example/w1", bytes(range(32, 64)), WITNESS)
NOW = 1_700_000_000


def checkpoint(size: int, root: bytes | None = None) -> Checkpoint:
    return Checkpoint(KEY.name, size, mth(0, size) if root is None else root)


def request(old: int, size: int) -> Request:
    """An honest one."""
    return Request(old, tuple(subproof(old, 0, size, True) if old else ()), checkpoint(size).sign(KEY))


def asked(body: Request | bytes, last: Checkpoint | None) -> tuple[int, str]:
    text = body if isinstance(body, bytes) else body.text.encode()
    judgement = judge(text, KEY.verifier, last, W1, NOW)
    assert (judgement.kept is not None) == (judgement.status == 200)
    assert (judgement.kind == SIZE_TYPE) == (judgement.status == 409)
    return judgement.status, judgement.body


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 1), (0, 300), (1, 1), (3, 7), (7, 7), (256, 300), (300, 600)])
def test_what_follows_is_signed(old: int, size: int) -> None:
    """The first checkpoint, the same once more, and one that grew from the last; the log finds the signature good."""
    status, body = asked(request(old, size), checkpoint(old) if old else None)
    assert status == 200
    [signature] = cosignatures(body.encode(), checkpoint(size), [W1.verifier])
    assert signature.time == NOW
    assert parse_request(request(old, size).text.encode()) == request(old, size)


def test_a_witness_tells_what_it_signed_last() -> None:
    """A log that doesn't know is told the size, and can ask again with the proof from there."""
    assert asked(request(0, 7), checkpoint(3)) == (409, "3\n")
    assert asked(request(2, 7), checkpoint(3)) == (409, "3\n")
    assert asked(request(5, 7), None) == (409, "0\n")
    assert asked(request(3, 7), checkpoint(3))[0] == 200


def test_a_log_that_shrinks_is_refused() -> None:
    """It can't say that it grew from a larger one, nor that the smaller one is the last."""
    assert asked(Request(7, (), checkpoint(3).sign(KEY)), checkpoint(7))[0] == 400
    assert asked(Request(3, (), checkpoint(3).sign(KEY)), checkpoint(7)) == (409, "7\n")


def test_two_checkpoints_of_one_size_are_refused() -> None:
    """The witness has signed the other one."""
    assert asked(Request(7, (), checkpoint(7, leaf(1)).sign(KEY)), checkpoint(7)) == (409, "7\n")


def test_history_rewritten_is_refused() -> None:
    """A tree with another past has no proof from the witness's, whatever is sent as one. The true one has."""
    rewritten = checkpoint(7, mth(1, 8)).sign(KEY)
    for proof in (subproof(3, 0, 7, True), subproof(3, 1, 8, True), [], [leaf(0)] * 63):
        assert asked(Request(3, tuple(proof), rewritten), checkpoint(3))[0] == 422
    assert asked(Request(0, (leaf(0),), checkpoint(7).sign(KEY)), None)[0] == 422
    assert asked(request(3, 7), checkpoint(3))[0] == 200


def test_others_are_refused() -> None:
    """A log that it doesn't know, and one that says it is the log that it knows."""
    stranger = SigningKey("other.example/log", bytes(32))
    assert asked(Request(0, (), Checkpoint(stranger.name, 1, leaf(0)).sign(stranger)), None)[0] == 404
    liar = SigningKey(KEY.name, bytes(32))
    assert asked(Request(0, (), checkpoint(1).sign(liar)), None)[0] == 403
    assert asked(Request(0, (), checkpoint(1).sign(KEY).replace("\n1\n", "\n2\n")), None)[0] == 403


GOOD = request(3, 7).text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("old 3", "old  3"),
        ("old 3", "3"),
        ("old 3", "old 03"),
        ("old 3", "old +3"),
        ("old 3", "OLD 3"),
        ("old 3", "old 3\r"),
        ("old 3", "old 9223372036854775808"),
        ("old 3\n", ""),
        ("old 3\n", "old 3\n\n"),
        ("old 3\n", "old 3\nYQ==\n"),
        ("old 3\n", "old 3\n" + "WX/LMSgtNGVMIA00GPylcFxkjr8ybsc9jd7xGEH4dtg=\n" * 61),
        ("\n7\n", "\n07\n"),
        ("\n\n", "\n"),
    ],
)
def test_what_is_no_request(old: str, new: str) -> None:
    """A line that isn't as the standard says, and the answer is 400."""
    assert old in GOOD
    assert asked(GOOD.replace(old, new, 1).encode(), checkpoint(3))[0] == 400


@pytest.mark.parametrize("body", [b"", b"\xff\n\n", GOOD.split("\n\n")[0].encode(), GOOD.encode() + b"x" * 1_000_000])
def test_what_is_no_text_of_a_request(body: bytes) -> None:
    """Neither are these."""
    with pytest.raises(Malformed):
        parse_request(body)
    assert asked(body, None)[0] == 400


def test_what_a_witness_answers_is_checked() -> None:
    """No signature by a known key, a wrong one, or one of another checkpoint: nothing to keep."""
    body = asked(request(3, 7), checkpoint(3))[1].encode()
    assert len(cosignatures(body, checkpoint(7), [W1.verifier])) == 1
    with pytest.raises(NotSigned, match="no signature"):
        cosignatures(body, checkpoint(7), [SigningKey(W1.name, bytes(32), WITNESS).verifier])
    with pytest.raises(NotSigned, match="wrong"):
        cosignatures(body, checkpoint(6), [W1.verifier])
    with pytest.raises(Malformed):
        cosignatures(b"", checkpoint(7), [W1.verifier])
