"""Checkpoints and the proof of one event: the vectors, and that no bit of either can be changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_text
from ledger.log.merkle import NotProven, consistency_proof, inclusion_proof, leaf_hash, root
from ledger.log.note import WITNESS, NotSigned, SigningKey, decoded, encoded
from ledger.log.proof import Proof, parse_proof
from ledger.log.tiles import Malformed, nodes
from tests.ledger.log.trees import Memory, leaf, mth, path

KEY = SigningKey("ledger.example/deals", bytes(range(32)))
W1 = SigningKey("witness.example/w1", bytes(range(32, 64)), WITNESS)
ENTRIES = (b"a", b"b", b"c")
LEAVES = [
    "022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c",
    "57eb35615d47f34ec714cacdf5fd74608a5e8e102724e80b24b287c0c27b6a31",
    "597fcb31282d34654c200d3418fca5705c648ebf326ec73d8ddef11841f876d8",
]
CONSISTENCY_1_3 = ["V+s1YV1H807HFMrN9f10YIpejhAnJOgLJLKHwMJ7ajE=", "WX/LMSgtNGVMIA00GPylcFxkjr8ybsc9jd7xGEH4dtg="]
PROOF = """c2sp.org/tlog-proof@v1
index 1
Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=
WX/LMSgtNGVMIA00GPylcFxkjr8ybsc9jd7xGEH4dtg=

ledger.example/deals
3
NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=

— ledger.example/deals QQS8bFj8rx2Anbu2V4eG0+ZDHt4fF6GS8goBDAYldOV+eSkrenkYNc6sD7IodQwF2WpTdo3NkqG9YIYoHhx/g8K0SgE=
— witness.example/w1 IDJKvgAAAABlU/EA3CxZnSEFYL0qTKINPd4J1oQlBfke3Tw9ea/\
SRsdQ4MollVC3t7kpr5wKsUEik1w5Nbi3jgjBIoYI4S2CWTmZAg==
"""
CHECKPOINT = PROOF.split("\n\n", 1)[1]


@pytest.fixture
def tree() -> Memory:
    """The tree of a, b, c."""
    found = Memory()
    found.append([leaf_hash(entry) for entry in ENTRIES])
    return found


def test_the_vectors(tree: Memory) -> None:
    """From the entries and the two seeds come the proof, the checkpoint and the cosignature, to the letter."""
    node = nodes(3, tree.read)
    assert [leaf_hash(entry).hex() for entry in ENTRIES] == LEAVES
    assert root(2, node).hex() == "b137985ff484fb600db93107c77b0365c80d78f5b429ded0fd97361d077999eb"
    checkpoint = Checkpoint(KEY.name, 3, root(3, node))
    note = checkpoint.sign(KEY) + W1.signature(checkpoint.text, 1_700_000_000)
    assert note == CHECKPOINT
    assert Proof(1, tuple(inclusion_proof(1, 3, node)), note).text == PROOF
    assert [encoded(one) for one in consistency_proof(1, 3, node)] == CONSISTENCY_1_3
    assert [encoded(one) for one in consistency_proof(2, 3, node)] == CONSISTENCY_1_3[1:]


def test_the_vectors_are_read() -> None:
    """And verify, with the witness's time."""
    proof = parse_proof(PROOF.encode())
    assert proof.text == PROOF
    signed = proof.verify(b"b", KEY.verifier, (W1.verifier,))
    assert (signed.checkpoint.size, [one.time for one in signed.cosignatures]) == (3, [1_700_000_000])
    assert signed.note == CHECKPOINT


def test_a_proof_is_of_its_entry() -> None:
    """Neither of another, nor at another index."""
    proof = parse_proof(PROOF.encode())
    for entry in (b"a", b"c", b"", b"bb"):
        with pytest.raises(NotProven):
            proof.verify(entry, KEY.verifier)
    for index in (0, 2, 3, 4):
        with pytest.raises(NotProven):
            Proof(index, proof.hashes, proof.checkpoint).verify(b"b", KEY.verifier)


def test_a_proof_is_of_its_log() -> None:
    """Another key, or a checkpoint that the key signed for another origin, proves nothing; nor does a witness that
    isn't there."""
    proof = parse_proof(PROOF.encode())
    with pytest.raises(NotSigned):
        proof.verify(b"b", SigningKey(KEY.name, bytes(32)).verifier)
    with pytest.raises(NotSigned):
        proof.verify(b"b", W1.verifier)
    other = Checkpoint("other.example/log", 3, decoded("NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE="))
    with pytest.raises(NotSigned, match="another log"):
        Proof(1, proof.hashes, other.sign(KEY)).verify(b"b", KEY.verifier)
    unknown = SigningKey(W1.name, bytes(32), WITNESS).verifier
    assert proof.verify(b"b", KEY.verifier, (unknown,)).cosignatures == ()


def test_no_bit_of_a_proof_can_be_changed() -> None:
    """One after the other: malformed, unsigned or not proven. As it was, it is."""
    proof = PROOF.encode()
    parse_proof(proof).verify(b"b", KEY.verifier, (W1.verifier,))
    for at in range(len(proof)):
        for bit in range(8):
            changed = proof[:at] + bytes([proof[at] ^ 1 << bit]) + proof[at + 1 :]
            try:
                signed = parse_proof(changed).verify(b"b", KEY.verifier, (W1.verifier,))
            except (Malformed, NotSigned, NotProven):
                continue
            # A change in the name or the id of a witness makes it an unknown one, which is passed over.
            assert signed.cosignatures == ()
            assert at > PROOF.encode().index("— witness".encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("c2sp.org/tlog-proof@v1\n", ""),
        ("c2sp.org/tlog-proof@v1\n", "\nc2sp.org/tlog-proof@v1\n"),
        ("index 1\n", ""),
        ("index 1", "index  1"),
        ("index 1", "1"),
        ("index 1", "index 01"),
        ("index 1", "index +1"),
        ("index 1", "index -1"),
        ("index 1", "index 1_0"),
        ("index 1", "index ١"),
        ("index 1", "index 9223372036854775808"),
        ("index 1\n", "index 1\r\n"),
        ("index 1\n", "extra YQ==\nindex 1\n"),
        ("Aippe", "Aipp"),
        ("+Tw=", "+Tx="),
        ("+Tw=", "+Tw"),
        ("dtg=\n\n", "dtg=\n"),
        ("Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=", "YQ=="),
        ("index 1\n", "index 1\n" + "WX/LMSgtNGVMIA00GPylcFxkjr8ybsc9jd7xGEH4dtg=\n" * 62),
    ],
)
def test_what_is_no_proof(old: str, new: str) -> None:
    """Read in one way only."""
    assert old in PROOF
    with pytest.raises(Malformed):
        parse_proof(PROOF.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n",
        b"\xff",
        PROOF.encode() + b"x" * 1_000_000,
        PROOF.encode().split(b"\n\n")[0],
        f"c2sp.org/tlog-proof@v1\n\n{CHECKPOINT}".encode(),
    ],
)
def test_what_is_no_text_of_a_proof(text: bytes) -> None:
    """Bytes that aren't UTF-8, too many of them, no checkpoint."""
    with pytest.raises(Malformed):
        parse_proof(text)


def test_the_longest_proof() -> None:
    """Of as many bytes as are read; with one more it is none."""
    parse_proof(PROOF.encode().ljust(1_000_000, b"x"))
    with pytest.raises(Malformed, match="more than 1000000 bytes"):
        parse_proof(PROOF.encode().ljust(1_000_001, b"x"))


@given(st.integers(1, 600), st.data())
def test_proofs_are_read_as_they_were_written(size: int, data: st.DataObject) -> None:
    """Of any leaf of a tree of any size."""
    index = data.draw(st.integers(0, size - 1))
    proof = Proof(index, tuple(path(index, 0, size)), Checkpoint(KEY.name, size, mth(0, size)).sign(KEY))
    assert parse_proof(proof.text.encode()) == proof
    proof.verify(b"entry %d" % index, KEY.verifier)
    assert leaf(index) == leaf_hash(b"entry %d" % index)


# --- checkpoints ------------------------------------------------------------------------------------------------

TEXT = "ledger.example/deals\n3\nNmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=\n"


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    """Origin, size and root."""
    assert parse_text(TEXT).text == TEXT
    assert parse_text(TEXT.replace("3", "9223372036854775807", 1)).size == 2**63 - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n",
        TEXT + "extension",
        TEXT.replace("ledger.example/deals", ""),
        TEXT.replace("3\n", "", 1),
        TEXT.replace("3\n", "+3\n", 1),
        TEXT.replace("3\n", "03\n", 1),
        TEXT.replace("3\n", "3 \n", 1),
        TEXT.replace("3\n", "-3\n", 1),
        TEXT.replace("3\n", "1_0\n", 1),
        TEXT.replace("3\n", "٣\n", 1),
        TEXT.replace("3\n", "9223372036854775808\n", 1),
        TEXT.replace("HsE=", "HsF="),
        TEXT.replace("HsE=", "HsE"),
        TEXT.replace("NmQu", ""),
        TEXT.replace("NmQu", "NmQuNmQu"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n3", "\u20283", 1),
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """Signed or not: what could be read in two ways isn't read at all."""
    with pytest.raises(Malformed):
        parse_text(text)
    note = f"{text}\n{KEY.signature(text)}" if text.endswith("\n") else text
    with pytest.raises(Malformed):
        open_checkpoint(note.encode(), KEY.verifier)


def test_a_witness_whose_signature_is_wrong_rejects_the_checkpoint() -> None:
    """If its key is known; else it is passed over."""
    wrong = CHECKPOINT.replace("IDJKvgAAAABlU/EA", "IDJKvgAAAABlU/EB")
    with pytest.raises(NotSigned, match="wrong"):
        open_checkpoint(wrong.encode(), KEY.verifier, (W1.verifier,))
    assert open_checkpoint(wrong.encode(), KEY.verifier).cosignatures == ()
