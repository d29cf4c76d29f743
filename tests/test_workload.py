"""The benchmarks' workload: what is measured is what was measured before, and a ledger takes all of it."""

import hashlib
import json
from collections import Counter

from benchmarks import parties
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


def test_parties_keep_to_their_roles_and_to_each_other():
    """Given the workload; when its investments and contracts are read; then only those fund and buy who do by their
    roles, nobody earns on money that he can't have given, and many deals are with whom one dealt before."""
    made = list(events(20_000))
    kinds = {event["data"]["entity"]: event["data"]["kind"] for event in made if event["type"] == "entity.registered"}
    deals = [event["data"] for event in made if event["type"] == "investment.made"]
    funded = Counter((_role(deal["investor"]), _role(deal["issuer"]), deal["instrument"]) for deal in deals)
    contracts = [event["data"] for event in made if event["type"] == "contract.signed"]
    bought = Counter((_role(one["customer"]), _role(one["provider"])) for one in contracts)
    pairs = Counter((deal["investor"], deal["issuer"]) for deal in deals)

    assert set(funded) == {(who, whom, instrument) for who, whom, _, instrument, _ in parties.FUNDED}
    assert set(bought) == {(who, whom) for who, whom, *_ in parties.BOUGHT}
    assert {kind for party, kind in kinds.items() if _role(party) == "fund"} == {"fund"}
    assert {_role(deal["investor"]) for deal in deals if "form" in deal} == {"vendor"}
    assert not [one for one in made if one["type"] == "distribution.paid" and _role(one["data"]["payer"]) == "startup"]
    assert 0.3 < sum(number - 1 for number in pairs.values()) / len(deals) < 0.7


def test_of_the_mixed_workload_anyone_deals_with_anyone():
    """Given the harder case; when its investments are read; then most parties both fund and are funded, and a ledger
    takes all of it too."""
    made = list(events(SIZE, mixed=True))
    deals = [event["data"] for event in made if event["type"] == "investment.made"]
    investors, issuers = ({deal[side] for deal in deals} for side in ("investor", "issuer"))

    assert len(investors & issuers) > 0.8 * len(investors | issuers)
    _taken(b"".join(json.dumps(event).encode() + b"\n" for event in made))


def test_a_ledger_takes_every_event():
    _taken(lines(SIZE))


def _taken(body: bytes) -> None:
    with fresh_service() as client:
        answer = client.post("/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})

    summary = json.loads(answer.content.splitlines()[-1])["summary"]
    assert (summary["accepted"], summary["refused"]) == (SIZE, 0)


def _role(party: str) -> str:
    return party.partition("-")[0]
