"""The benchmarks' workload: what is measured is what was measured before, and a ledger takes all of it."""

import hashlib
import json
from collections import Counter

from benchmarks.workload import events
from tests.service import fresh_service

SIZE = 4_000


def lines(size: int, seed: int = 1) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events(size, seed))


def test_the_same_size_and_seed_give_the_same_events():
    assert lines(SIZE) == lines(SIZE)
    assert hashlib.sha256(lines(SIZE)).digest() != hashlib.sha256(lines(SIZE, seed=2)).digest()


def test_it_has_the_shares_that_it_promises():
    made = list(events(20_000))
    types = Counter(event["type"] for event in made)
    free = [event for event in made if event["type"] in ("investment.made", "valuation.recorded")]
    chained: dict[str, int] = {}  # by correction, how many its chain has by then
    for event in made:
        if event["type"] == "event.corrected":
            chained[event["id"]] = chained.get(event["data"]["event"], 0) + 1
    amounts = [event["data"]["amount"] for event in made if event["type"] == "commitment.made"]
    back_dated = sum(event["effective"] != event["known"] for event in made)

    assert len(made) == 20_000
    assert 0.015 < types["event.corrected"] / len(made) < 0.025
    assert 0.08 < back_dated / len(made) < 0.12, f"{len(free)} could be back-dated"
    assert 0.15 < sum("qualifier" in amount for amount in amounts) / len(amounts) < 0.25
    assert {amount["currency"] for amount in amounts} == {"USD", "EUR", "CNY", "GBP"}
    assert 0.25 < sum(length > 1 for length in chained.values()) / len(chained) < 0.4
    assert max(chained.values()) > 3


def test_a_ledger_takes_every_event():
    with fresh_service() as client:
        answer = client.post("/v1/events", content=lines(SIZE), headers={"Content-Type": "application/x-ndjson"})

    summary = json.loads(answer.content.splitlines()[-1])["summary"]
    assert (summary["accepted"], summary["refused"]) == (SIZE, 0)
