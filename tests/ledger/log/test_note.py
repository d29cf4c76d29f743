"""Signed notes: the standards' vectors are read and made, and no byte of one can be changed unseen."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.log.note import (
    WITNESS,
    Note,
    NotSigned,
    Signature,
    SigningKey,
    VerifierKey,
    decoded,
    encoded,
    parse_decimal,
    parse_note,
    parse_signatures,
    parse_verifier_key,
)
from ledger.log.tiles import Malformed

FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
LOG_KEY = SigningKey("ledger.example/deals", bytes(range(32)))
WITNESS_KEY = SigningKey("witness.example/w1", bytes(range(32, 64)), WITNESS)
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"


def signed(text: str, *keys: SigningKey) -> bytes:
    return "".join([text, "\n", *(key.signature(text, 1_700_000_000) for key in keys)]).encode()


def check(note: bytes, *keys: VerifierKey) -> Note:
    """The note, if it is signed by one of these keys at least."""
    found = parse_note(note)
    if not found.signed_by(keys):
        raise NotSigned
    return found


def test_the_standards_vector() -> None:
    """A note that others signed is read, and verifies."""
    note = parse_note(NOTE.encode())
    assert note.text == "This is an example message.\n"
    note.check_signed(parse_verifier_key(FOO))
    [signature] = note.signatures
    assert (signature.name, signature.key_id.hex()) == ("example.com/foo", "530d903a")
    assert note.text + "\n" + signature.line == NOTE


def test_the_keys_of_the_vectors() -> None:
    """From the seeds come the public keys, names, types and ids that the vectors give; they are read as written."""
    for key, text in (
        (LOG_KEY, "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"),
        (WITNESS_KEY, "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"),
    ):
        assert str(key.verifier) == text
        assert parse_verifier_key(text) == key.verifier
    assert str(parse_verifier_key(FOO)) == FOO


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]) | st.just("\n")).map(lambda t: t + "\n"))
def test_every_text_can_be_signed(text: str) -> None:
    """Also one with empty lines, and with signs that other programs take for the end of a line."""
    note = check(signed(text, LOG_KEY, WITNESS_KEY), LOG_KEY.verifier)
    assert note.text == text
    assert [one.name for one in note.signed_by([LOG_KEY.verifier, WITNESS_KEY.verifier])] == [
        "ledger.example/deals",
        "witness.example/w1",
    ]


def test_no_bit_can_be_changed() -> None:
    """Each bit of a note, one after the other: it is malformed, or not signed. As it was, it is."""
    note = signed(TEXT, LOG_KEY)
    check(note, LOG_KEY.verifier)
    for at in range(len(note)):
        for bit in range(8):
            changed = note[:at] + bytes([note[at] ^ 1 << bit]) + note[at + 1 :]
            with pytest.raises((Malformed, NotSigned)):
                check(changed, LOG_KEY.verifier)


def test_nothing_can_be_cut_off_or_put_in() -> None:
    """No byte taken out, none added anywhere."""
    note = signed(TEXT, LOG_KEY)
    for at in range(len(note)):
        with pytest.raises((Malformed, NotSigned)):
            check(note[:at] + note[at + 1 :], LOG_KEY.verifier)
        for byte in (b"\n", b" ", b"a", b"\r", b"\0", b"="):
            with pytest.raises((Malformed, NotSigned)):
                check(note[:at] + byte + note[at:], LOG_KEY.verifier)


SIGNATURE = LOG_KEY.signature(TEXT)
BASE64 = SIGNATURE.split()[2]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}{SIGNATURE}",
        SIGNATURE,
        f"\n{SIGNATURE}",
        f"{TEXT}\n{SIGNATURE[:-1]}",
        f"{TEXT}\n{SIGNATURE}\n",
        f"{TEXT}\n{SIGNATURE} ",
        f"{TEXT}\n{SIGNATURE}x\n",
        f"{TEXT}\n {SIGNATURE}",
        f"{TEXT}\n{SIGNATURE.replace('—', '-')}",
        f"{TEXT}\n{SIGNATURE.replace('— ', '—')}",
        f"{TEXT}\n{SIGNATURE.replace('— ', '—  ')}",
        f"{TEXT}\n{SIGNATURE.replace('— ', '—' + chr(0xA0))}",
        f"{TEXT}\n{SIGNATURE.replace('ledger.example/deals ', '')}",
        f"{TEXT}\n{SIGNATURE.replace('/deals', '+deals')}",
        f"{TEXT}\n{SIGNATURE.replace('/deals', chr(0x2003) + 'deals')}",
        f"{TEXT}\n{SIGNATURE[:-1]} \n",
        f"{TEXT}\n{SIGNATURE[:-1]}\r\n",
        f"{TEXT}\n{SIGNATURE[:-1]}\u2028\n",
        f"{TEXT}\n{SIGNATURE.replace(BASE64, BASE64[:-1])}",
        f"{TEXT}\n{SIGNATURE.replace(BASE64, BASE64.rstrip('='))}",
        f"{TEXT}\n{SIGNATURE.replace(BASE64, '!' + BASE64)}",
        f"{TEXT}\n{SIGNATURE.replace(BASE64, 'AAAAAA==')}",
        f"{TEXT}\x7f\x00\n{SIGNATURE}",
        f"{TEXT}\t\n\n{SIGNATURE}",
        f"{TEXT}\r\n\n{SIGNATURE}",
        f"{TEXT}\n" + SIGNATURE * 101,
    ],
)
def test_what_is_no_note(note: str) -> None:
    """Each of these some program takes for a note, or for another note."""
    with pytest.raises(Malformed):
        parse_note(note.encode())


def test_a_note_after_all() -> None:
    """The control of the test above; and as many signatures as the standard asks for."""
    parse_note(f"{TEXT}\n{SIGNATURE}".encode()).check_signed(LOG_KEY.verifier)
    parse_note((f"{TEXT}\n" + SIGNATURE * 100).encode()).check_signed(LOG_KEY.verifier)


@pytest.mark.parametrize("note", [b"\xff\n\n" + SIGNATURE.encode(), signed("x" * 1_000_000 + "\n", LOG_KEY)])
def test_what_is_no_text(note: bytes) -> None:
    """Bytes that aren't UTF-8, and more of them than any note has."""
    with pytest.raises(Malformed):
        parse_note(note)


def test_the_longest_note() -> None:
    """Of as many bytes as are read; with one more it is none."""
    rest = len(signed("\n", LOG_KEY))
    check(signed("x" * (1_000_000 - rest) + "\n", LOG_KEY), LOG_KEY.verifier)
    with pytest.raises(Malformed, match="more than 1000000 bytes"):
        parse_note(signed("x" * (1_000_001 - rest) + "\n", LOG_KEY))


def test_the_last_empty_line_parts_text_and_signatures() -> None:
    """A text that looks like a signed note is signed as a whole."""
    inner = signed(TEXT, LOG_KEY).decode()
    outer = signed(inner, LOG_KEY)
    assert check(outer, LOG_KEY.verifier).text == inner
    with pytest.raises(NotSigned):
        check(inner.encode() + b"\n" + WITNESS_KEY.signature(TEXT, 1).encode(), LOG_KEY.verifier)


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    """Also if the name or the id, but not both, is a known key's. Without a known one, the note isn't signed."""
    other = SigningKey("ledger.example/deals", bytes(32))
    renamed = signed(TEXT, LOG_KEY).replace(b"deals", b"other")
    for note in (signed(TEXT, other), renamed):
        with pytest.raises(NotSigned):
            check(note, LOG_KEY.verifier)
    check(signed(TEXT, other, LOG_KEY, WITNESS_KEY), LOG_KEY.verifier)
    check(signed(TEXT, LOG_KEY) + renamed.split(b"\n\n")[1], LOG_KEY.verifier)
    with pytest.raises(NotSigned, match="isn't signed by"):
        parse_note(renamed).check_signed(LOG_KEY.verifier)
    newer = "— ledger.example/deals " + encoded(b"1234" + bytes(2428)) + "\n"
    check(signed(TEXT, LOG_KEY) + newer.encode(), LOG_KEY.verifier)


def test_one_wrong_signature_of_a_known_key_rejects_the_note() -> None:
    """Even beside a good one of the same key, or of another."""
    wrong = SIGNATURE.replace(BASE64, encoded(decoded(BASE64)[:-1] + bytes([decoded(BASE64)[-1] ^ 1])))
    for lines in (wrong, SIGNATURE + wrong, wrong + SIGNATURE):
        with pytest.raises(NotSigned, match="wrong"):
            check(f"{TEXT}\n{lines}".encode(), LOG_KEY.verifier)
        with pytest.raises(NotSigned, match="wrong"):
            check(f"{TEXT}\n{WITNESS_KEY.signature(TEXT, 7)}{lines}".encode(), LOG_KEY.verifier, WITNESS_KEY.verifier)


def test_a_signature_of_another_length_is_wrong() -> None:
    """A known key's signature has 64 bytes, a witness's 72."""
    for key, note in ((LOG_KEY, signed(TEXT, LOG_KEY)), (WITNESS_KEY, signed(TEXT, WITNESS_KEY))):
        [one] = parse_note(note).signatures
        for changed in (one.signature[:-1], one.signature + b"\0", one.signature[:1], one.signature[8:]):
            line = Signature(one.name, one.key_id, changed).line
            with pytest.raises(NotSigned):
                check(f"{TEXT}\n{line}".encode(), key.verifier)


def test_a_witness_signs_a_time() -> None:
    """The time is read from the signature, and can't be changed in it; above 2^63 it is none."""
    note = signed(TEXT, WITNESS_KEY)
    [one] = check(note, WITNESS_KEY.verifier).signatures
    assert one.time == 1_700_000_000
    for time in (0, 1_700_000_001, 2**63, 2**64 - 1):
        changed = Signature(one.name, one.key_id, time.to_bytes(8, "big") + one.signature[8:]).line
        with pytest.raises(NotSigned):
            check(f"{TEXT}\n{changed}".encode(), WITNESS_KEY.verifier)
    for time in (0, 2**63 - 1):
        [one] = check(f"{TEXT}\n{WITNESS_KEY.signature(TEXT, time)}".encode(), WITNESS_KEY.verifier).signatures
        assert one.time == time
    for wrong in (None, -1, 2**63):
        with pytest.raises(ValueError, match="time"):
            WITNESS_KEY.signature(TEXT, wrong)


def test_a_time_above_the_end_is_refused_though_it_is_signed() -> None:
    """A witness that signs a time of 2^63 or more signs nothing."""
    late = 2**63
    raw = WITNESS_KEY._signer.sign(f"cosignature/v1\ntime {late}\n{TEXT}".encode())
    assert not WITNESS_KEY.verifier.verifies(TEXT, late.to_bytes(8, "big") + raw)
    raw = WITNESS_KEY._signer.sign(f"cosignature/v1\ntime {late - 1}\n{TEXT}".encode())
    assert WITNESS_KEY.verifier.verifies(TEXT, (late - 1).to_bytes(8, "big") + raw)


def test_a_log_key_does_not_sign_as_a_witness() -> None:
    """The type is part of the key: the same 32 bytes as the other type are another key."""
    as_witness = VerifierKey(LOG_KEY.name, WITNESS, LOG_KEY.verifier.key)
    assert as_witness.id != LOG_KEY.verifier.id
    with pytest.raises(NotSigned):
        check(signed(TEXT, LOG_KEY), as_witness)


def test_a_text_must_end() -> None:
    """What is signed ends with a line feed."""
    with pytest.raises(ValueError, match="line feed"):
        LOG_KEY.signature("no end")


def test_a_secret_is_not_shown() -> None:
    """Neither a log nor a traceback shows more of a key than its name."""
    assert repr(LOG_KEY) == str(LOG_KEY) == "SigningKey('ledger.example/deals')"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+0530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        FOO + "\n",
        " " + FOO,
        FOO + "=",
        FOO + "+",
        FOO.replace("AekyeRrm", "AukyeRrm"),
    ],
)
def test_what_is_no_key(key: str) -> None:
    """A public key is written in one way, under its own id."""
    with pytest.raises(Malformed):
        parse_verifier_key(key)


@pytest.mark.parametrize(
    ("name", "algorithm", "key"),
    [
        ("", 1, bytes(32)),
        ("a b", 1, bytes(32)),
        ("a\u00a0b", 1, bytes(32)),
        ("a+b", 1, bytes(32)),
        ("a\nb", 1, bytes(32)),
        ("a\x01b", 1, bytes(32)),
        ("a", 2, bytes(32)),
        ("a", 6, bytes(1312)),
        ("a", 1, bytes(31)),
        ("a", 4, bytes(33)),
    ],
)
def test_what_makes_no_key(name: str, algorithm: int, key: bytes) -> None:
    """A name without spaces, a type that is known, and 32 bytes."""
    with pytest.raises(Malformed):
        VerifierKey(name, algorithm, key)


@pytest.mark.parametrize(
    "text", ["YQ", "YQ=", "YQ===", "YR==", "Y Q==", "YQ==\n", "\nYQ==", "Y-_=", "YQ=Q", "=", "é", "YQ==YQ=="]
)
def test_base64_is_written_in_one_way(text: str) -> None:
    """No missing or needless padding, no spaces, no stray bits, no other alphabet."""
    assert decoded("YQ==") == b"a"
    with pytest.raises(Malformed):
        decoded(text)


@pytest.mark.parametrize("text", ["Y Q==", "YQ==\n", "\nYQ==", "Y-_=", "YQ", "é"])
def test_what_is_not_base64_at_all(text: str) -> None:
    """It is told apart from what is, and could be written otherwise."""
    with pytest.raises(Malformed, match="is not base64"):
        decoded(text)
    with pytest.raises(Malformed, match="not the one way"):
        decoded("YR==")


@given(st.binary())
def test_base64_is_everybodys(value: bytes) -> None:
    """Written as the standard library writes it, and read back."""
    assert encoded(value) == base64.standard_b64encode(value).decode()
    assert decoded(encoded(value)) == value


@pytest.mark.parametrize("text", ["", "-1", "+7", "07", "00", "1_0", " 7", "7 ", "7\n", "٣", "²", "1e3", "0x1", "7.0"])
def test_numbers_are_written_in_one_way(text: str) -> None:
    """What Python's int() takes besides is refused."""
    assert parse_decimal("0", 8) == 0
    assert parse_decimal("7", 8) == 7
    with pytest.raises(Malformed):
        parse_decimal(text, 10_000)


@pytest.mark.parametrize("text", ["8", "10", "9" * 5000])
def test_numbers_have_an_end(text: str) -> None:
    """Also those so long that Python refuses to read them."""
    with pytest.raises(Malformed):
        parse_decimal(text, 8)


def test_signatures_without_their_note() -> None:
    """As a witness answers them: the same strictness."""
    line = WITNESS_KEY.signature(TEXT, 9)
    assert [one.line for one in parse_signatures(line.encode())] == [line]
    for wrong in ("", "\n", line + "\n", "\n" + line, "x\n\n" + line, line[:-1], line * 101):
        with pytest.raises(Malformed):
            parse_signatures(wrong.encode())
