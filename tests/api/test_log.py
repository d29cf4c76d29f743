"""The verifiable log at the doors: roots in answers, the files under /log/, proofs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from ledger.log.checkpoint import open_checkpoint
from ledger.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger.log.note import VerifierKey, decoded
from ledger.log.proof import parse_proof
from ledger.log.tiles import split_bundle
from tests.api.signing import ants, checkpoint, key_of
from tests.api.world import event, given, reasons, usd
from tests.service import fresh_service

AT = {"as_of": "2024-01-01", "known_at": "2024-01-01"}
EMPTY_ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # SHA-256 of nothing


def root_of(entries: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, to the letter."""
    if len(entries) == 0:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + root_of(entries[:k]) + root_of(entries[k:])).digest()


# --- the root in answers ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, VerifierKey]]:
    """A service on 300 events, and the key that signs them. Nothing is written to it."""
    folder = tmp_path_factory.mktemp("signed") / "ledger"
    with fresh_service(folder) as client:
        given(client, *ants(0, 298))
        stake = event("investment.made", investor="ant-0", issuer="ant-1", instrument="equity", amount=usd("10"))
        given(client, stake, stake)
        [last] = client.get("/v1/events?limit=1").json()["events"]
        assert client.get(f"/v1/proofs/{last['id']}").status_code == 200  # signs them all
        yield client, key_of(folder)


@pytest.fixture(scope="module")
def entries(signed: tuple[httpx.Client, VerifierKey]) -> list[bytes]:
    """What the leaves hash, as the service gives it out."""
    get = signed[0].get
    return [
        *split_bundle(get("/log/tile/entries/000").content, 256),
        *split_bundle(get("/log/tile/entries/001.p/44").content, 44),
    ]


@pytest.mark.parametrize("position", [0, 1, 2, 3, 255, 256, 257, 299, 300])
def test_the_root_of_an_answer_is_that_of_the_entries_up_to_its_position(
    signed: tuple[httpx.Client, VerifierKey], entries: list[bytes], position: int
) -> None:
    answer = signed[0].get("/v1/holdings", params={**AT, "position": position}).json()
    assert list(answer)[:4] == ["as_of", "known_at", "position", "root"]
    assert base64.b64decode(answer["root"]) == root_of(entries[:position])
    if position == 0:
        assert answer["root"] == EMPTY_ROOT


def test_it_is_what_the_checkpoint_of_that_size_signs(signed: tuple[httpx.Client, VerifierKey]) -> None:
    """To the letter, so that the eye can compare them."""
    client, _ = signed
    origin, size, root = client.get("/log/checkpoint").text.split("\n")[:3]
    answer = client.get("/v1/entities", params={"position": size}).json()
    assert (str(answer["position"]), answer["root"]) == (size, root)
    assert origin.startswith("deal-ledger/")


def test_both_points_of_a_change_have_theirs(signed: tuple[httpx.Client, VerifierKey], entries: list[bytes]) -> None:
    query = {"of": "/v1/entities", "from_position": "7", "to_position": "300", "limit": "1"}
    answer = signed[0].get("/v1/changes", params=query).json()
    for side in ("from", "to"):
        assert base64.b64decode(answer[side]["root"]) == root_of(entries[: answer[side]["position"]])


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
def test_files_have_it_in_a_header(signed: tuple[httpx.Client, VerifierKey], entries: list[bytes], form: str) -> None:
    answer = signed[0].get("/v1/entities", params={**AT, "position": 5, "format": form})
    assert base64.b64decode(answer.headers["ledger-root"]) == root_of(entries[:5])


# --- files ------------------------------------------------------------------------------------------------------


def test_the_checkpoint_is_a_text_that_is_kept_for_seconds(signed: tuple[httpx.Client, VerifierKey]) -> None:
    client, key = signed
    answer = client.get("/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    assert client.get("/log/checkpoint", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert checkpoint(client, key).checkpoint.size == 300
    assert client.head("/log/checkpoint").headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    ("path", "size"),
    [("tile/0/000", 8192), ("tile/0/001.p/44", 1408), ("tile/0/000.p/1", 32), ("tile/1/000.p/1", 32)],
)
def test_tiles_are_bytes_for_ever(signed: tuple[httpx.Client, VerifierKey], path: str, size: int) -> None:
    answer = signed[0].get(f"/log/{path}")
    assert (answer.status_code, len(answer.content)) == (200, size)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert signed[0].head(f"/log/{path}").headers["content-length"] == str(size)


def test_tiles_are_what_the_entries_are_hashed_to(
    signed: tuple[httpx.Client, VerifierKey], entries: list[bytes]
) -> None:
    get = signed[0].get
    leaves = get("/log/tile/0/000").content + get("/log/tile/0/001.p/44").content
    assert leaves == b"".join(map(leaf_hash, entries))
    assert get("/log/tile/1/000.p/1").content == root_of(entries[:256])


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001", "tile/0/001.p/45", "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1",
        "tile/entries/001", "tile/entries/001.p/45", "tile/0/000.p/0", "tile/0/001.p/0", "tile/0/000.p/256",
        "tile/0/000.p/01", "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/00/000", "tile/-1/000", "tile/64/000",
        "tile/0/000/", "tile/0/000.p", "tile/0/000.p/", "tile/0/%30%30%30", "tile/0/000%2Ep/1", "tile/entries/",
        "tile/Entries/000", "tile/0/٠٠٠", "tile/0/000%00", "tile/0/000%0a", "tile/0", "tile/", "tile", "", "Checkpoint",
        "checkpoint/", "tile/0/..%2f..%2fcheckpoint", "tile/0/" + "x999/" * 40 + "999",
        "tile/0/%ff", "ledger.sqlite", "entries/000", "tile/8/0/000", "tile/0/000.p/1000", "tile/0/000.p/+1",
    ],
)  # fmt: skip
def test_nothing_else_is_there(signed: tuple[httpx.Client, VerifierKey], path: str) -> None:
    """Neither what is beyond the signed size, nor a width of 0, nor a tile by another name than its own."""
    answer = signed[0].get(f"/log/{path}")
    assert (answer.status_code, reasons(answer)) == (404, ["not_found"])


def test_parameters_and_other_methods_are_refused(signed: tuple[httpx.Client, VerifierKey]) -> None:
    client, _ = signed
    assert reasons(client.get("/log/checkpoint?x=1")) == ["unknown_parameter"]
    assert reasons(client.get("/log/tile/0/000?x=1")) == ["unknown_parameter"]
    for path in ("/log/checkpoint", "/log/tile/0/000", "/v1/proofs"):
        assert reasons(client.post(path)) == ["method_not_allowed"]
        assert client.options(path).headers["allow"] == "GET, HEAD, OPTIONS"


# --- proofs -----------------------------------------------------------------------------------------------------


def test_every_event_leads_to_its_proof(signed: tuple[httpx.Client, VerifierKey], entries: list[bytes]) -> None:
    """As JSON and as a tlog-proof: both verify, and not for another entry."""
    client, key = signed
    trail = client.get("/v1/events", params={"limit": 1000, "order": "position"}).json()["events"]
    for one in (trail[0], trail[254], trail[255], trail[256], trail[299]):
        path = client.get(f"/v1/events/{one['id']}").json()["event"]["proof"]
        proof = client.get(path).json()
        entry = base64.b64decode(proof["entry"])
        assert (proof["id"], proof["position"], entry) == (one["id"], one["position"], entries[one["position"] - 1])
        root = open_checkpoint(proof["checkpoint"].encode(), key).checkpoint.root
        assert root == decoded(proof["root"])
        hashes = [decoded(hash_) for hash_ in proof["hashes"]]
        verify_inclusion(proof["index"], proof["size"], decoded(proof["leaf"]), hashes, root)
        text = client.get(path, headers={"Accept": "text/plain"})
        assert (text.headers["content-type"], text.headers["vary"]) == ("text/plain; charset=utf-8", "Accept")
        assert parse_proof(text.content).verify(entry, key).checkpoint.size == 300
        with pytest.raises(Exception, match="another root"):
            parse_proof(text.content).verify(entry + b" ", key)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"), ("text/plain", "text/plain; charset=utf-8"),
        ("application/json, text/plain;q=0.5", "application/json"), ("text/html", "application/json"),
        ("text/plain;q=0.9, application/json;q=0.1", "text/plain; charset=utf-8"),
        ("text/plain;q=x", "application/json"),
    ],
)  # fmt: skip
def test_a_proof_is_given_as_it_is_asked_for(signed: tuple[httpx.Client, VerifierKey], accept: str, kind: str) -> None:
    client, _ = signed
    [last] = client.get("/v1/events?limit=1").json()["events"]
    answer = client.get(f"/v1/proofs/{last['id']}", headers={"Accept": accept})
    assert answer.headers["content-type"] == kind
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-cache", "Accept")


def test_what_was_just_recorded_is_signed_when_its_proof_is_asked_for(tmp_path: Path) -> None:
    """Nobody waits ten seconds for it; the checkpoint is then there for everybody."""
    with fresh_service(tmp_path, sign_seconds=3600) as client:
        key = key_of(tmp_path)
        for size in (1, 2, 3):
            [one] = given(client, *ants(size, 1))
            assert checkpoint(client, key).checkpoint.size == size - 1
            assert reasons(client.get(f"/log/tile/entries/000.p/{size}")) == ["not_found"]
            proof = client.get(f"/v1/proofs/{one['id']}", headers={"Accept": "text/plain"})
            assert parse_proof(proof.content).index == size - 1
            assert checkpoint(client, key).checkpoint.size == size


@pytest.mark.parametrize("event_id", ["x", "00000000-0000-0000-0000-000000000000", "%00", "%ff", "a%2fb", "%7f"])
def test_what_is_not_there_has_no_proof(signed: tuple[httpx.Client, VerifierKey], event_id: str) -> None:
    assert reasons(signed[0].get(f"/v1/proofs/{event_id}")) == ["not_found"]


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (1, 2), (3, 7), (255, 257), (256, 300), (300, 300)])
def test_the_log_is_proven_to_have_only_grown(
    signed: tuple[httpx.Client, VerifierKey], entries: list[bytes], old: int, new: int
) -> None:
    answer = signed[0].get("/v1/proofs", params={"from": old, "to": new})
    proof = answer.json()
    hashes = [decoded(one) for one in proof["hashes"]]
    assert (proof["from"]["size"], proof["to"]["size"], proof["checkpoint"]) == (old, new, None)
    verify_consistency(old, new, root_of(entries[:old]), root_of(entries[:new]), hashes)
    assert (decoded(proof["from"]["root"]), decoded(proof["to"]["root"])) == (
        root_of(entries[:old]),
        root_of(entries[:new]),
    )
    assert "immutable" in answer.headers["cache-control"]


def test_up_to_the_newest_checkpoint_it_comes_along(signed: tuple[httpx.Client, VerifierKey]) -> None:
    client, key = signed
    answer = client.get("/v1/proofs?from=3")
    found = open_checkpoint(answer.json()["checkpoint"].encode(), key).checkpoint
    assert (answer.json()["to"]["size"], decoded(answer.json()["to"]["root"])) == (found.size, found.root)
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 422, "invalid_query"), ("?from=x", 422, "invalid_query"), ("?from=-1", 422, "invalid_query"),
        ("?from=8&to=7", 422, "invalid_query"), ("?from=1&to=301", 404, "not_signed"), ("?from=301", 404, "not_signed"),
        ("?from=1&from=2", 422, "repeated_parameter"), ("?from=1&size=2", 422, "unknown_parameter"),
    ],
)  # fmt: skip
def test_sizes_that_cannot_be_proven(
    signed: tuple[httpx.Client, VerifierKey], query: str, status: int, reason: str
) -> None:
    answer = signed[0].get(f"/v1/proofs{query}")
    assert (answer.status_code, reasons(answer)) == (status, [reason])
