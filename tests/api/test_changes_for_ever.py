"""GET /v1/changes between two pinned points: the same bytes for ever, whatever is recorded after both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.questions import QUESTIONS
from tests.api.world import entity, event, given, head, usd
from tests.choices import Seeded
from tests.parts import PARTIES
from tests.service import fresh_service
from tests.streams import CLAIMS, COMMITMENTS, CONTRACTS, RESTRICTIONS, Builder
from tests.tangles import Tangles

EVENTS_PER_STREAM = 60
QUESTIONS_AT_A_TIME = 10
STREAMS = max(2, int(os.environ.get("DEALLEDGER_EXAMPLES", "200")) // 100)
DAYS = ("2023-06-01", "2027-12-31")


def pinned(of: str, from_position: int, to_position: int, day: str = "2024-01-01") -> str:
    """The address of what differs between two positions, all else of both points being alike."""
    times = "&".join(
        f"{side}_as_of={day}&{side}_known_at=2025-12-31&{side}_position={position}"
        for side, position in (("from", from_position), ("to", to_position))
    )
    return f"/v1/changes?of={quote(of, safe='')}&{times}&limit=1000"


def asked(client: httpx.Client, address: str) -> bytes:
    """The answer, which says that it is for ever."""
    answer = client.get(address)
    assert answer.status_code in (200, 404), answer.text
    assert answer.status_code == 404 or "immutable" in answer.headers["cache-control"]
    return answer.content


def settle(client: httpx.Client) -> None:
    """Wait until questions are answered from all that was recorded."""
    assert client.get("/v1/entities", params={"position": head(client)}).status_code == 200


# --- the smallest ledgers of which it was not so -----------------------------------------------------------------


def causes(client: httpx.Client, address: str) -> list[list[tuple[str, str]]]:
    return [[(one["type"], one["why"]) for one in row["causes"]] for row in client.get(address).json()["changes"]]


def paid(**more: Any) -> dict[str, Any]:
    return event("distribution.paid", payer="bee", holder="ant", amount=usd("1"), kind="dividend", **more)


def bought(amount: str, issuer: str = "bee", **more: Any) -> dict[str, Any]:
    return event("investment.made", investor="ant", issuer=issuer, instrument="equity", amount=usd(amount), **more)


def correction(of: str, said: dict[str, Any]) -> dict[str, Any]:
    replacement = {name: said[name] for name in ("type", "effective", "data")}
    return event("event.corrected", known="2023-07-01", event=of, replacement=replacement, reason="misread")


PARTS = [entity(name) for name in ("ant", "bee", "group")]
PLEDGE = event("commitment.made", commitment="pledge", from_="ant", to="bee", amount=usd("9"), purpose="fund",
               binding=False)  # fmt: skip
OF_THE_GROUP = event("entity.changed", "2023-03-01", entity="ant", parent="group")


def test_a_commitment_that_a_later_distribution_names(service: httpx.Client) -> None:
    """The pledge says of which instrument the last distribution is, and none of those that the answers are of."""
    given(service, *PARTS, paid())
    given(service, PLEDGE, paid())
    address = pinned("/v1/holdings", 4, 6)
    first = asked(service, address)
    given(service, paid(commitment="pledge"))
    settle(service)
    assert asked(service, address) == first
    assert causes(service, address) == [[("distribution.paid", "recorded")]] * 2


@pytest.mark.parametrize("of", ["/v1/exposures", "/v1/claims", "/v1/restrictions"])
def test_a_group_that_a_party_joins_later(service: httpx.Client, of: str) -> None:
    """The group changed between the points, and is the group of one of the parties only since."""
    given(
        service,
        *PARTS,
        event("claim.published", claim="said", text="x", kind="aggregate", measures="funding", value=usd("9"),
              period={"start": "2023", "end": "2023"}, payers=["ant"]),
        event("restriction.imposed", restriction="rule", on=["ant"], kind="sanction", text="x", forbids=["bee"]),
        event("contract.signed", contract="deal", customer="bee", provider="ant", amount=usd("5"), resource="cloud",
              binding=True),
        bought("1"),
    )  # fmt: skip
    given(service, event("entity.changed", entity="group", country="US"), bought("2"))
    address = pinned(of, 7, 9)
    first = asked(service, address)
    given(service, OF_THE_GROUP)
    settle(service)
    assert asked(service, address) == first
    assert [("investment.made", "recorded")] in causes(service, address)


def test_a_part_that_becomes_one_later(service: httpx.Client) -> None:
    """The cash flow changed by its correction; what is a part of it now was no part of it then."""
    [*_, made] = given(service, *PARTS, bought("10"))
    [_, other] = given(service, correction(made["id"], bought("12")), bought("3", "group"))
    address = pinned("/v1/performance/ant", 4, 6)
    first = asked(service, address)
    given(service, correction(other["id"], bought("3", "group", part_of=made["id"])))
    settle(service)
    assert asked(service, address) == first


# --- any ledger --------------------------------------------------------------------------------------------------


def every_question(ids: list[str]) -> list[str]:
    """Each question that there is, of whatever the streams write about."""
    named = {
        "id": [*ids[-2:], *PARTIES[:2]],
        "kind": ["commitment", "contract", "claim", "restriction", "entity"],
        "subject": PARTIES[:3],
        "holder": PARTIES[:3],
    }
    records = {"commitment": COMMITMENTS, "contract": CONTRACTS, "claim": CLAIMS, "restriction": RESTRICTIONS,
               "entity": PARTIES}  # fmt: skip
    found = []
    for question in QUESTIONS:
        if "kind" in question.parts:
            found += [question.path.format(kind=kind, id=record) for kind in records for record in records[kind][:2]]
        elif question.parts:
            [part] = question.parts
            found += [question.path.format(**{part: name}) for name in named[part]]
        else:  # each point of a history takes its time
            found.append(f"{question.path}?step=year" if question.name == "exposure-history" else question.path)
    return [*found, "/v1/holdings?currency=USD", "/v1/commitments?currency=USD", "/v1/claims?include=rumoured"]


def about_the_same() -> Iterator[dict[str, Any]]:
    """Events that tie what is there already together anew. The ledger may refuse some."""
    for party, group in pairwise([*PARTIES, PARTIES[0]]):
        yield event("entity.changed", entity=party, parent=group)
        for commitment in COMMITMENTS:
            yield event("distribution.paid", payer=group, holder=party, amount=usd("1"), kind="dividend",
                        commitment=commitment)  # fmt: skip


@pytest.mark.parametrize("seed", range(1, STREAMS + 1))
def test_any_question_between_any_points(seed: int) -> None:
    """Given pinned differences of any question as a ledger grows; when it has grown; then they are the same bytes."""
    choices = Seeded(seed)
    builder = Tangles(choices) if seed % 2 else Builder(choices)
    first: dict[str, bytes] = {}
    with fresh_service() as client:
        ids = [one["id"] for one in given(client, *builder.registrations())]
        for index in range(1, EVENTS_PER_STREAM + 1):
            answer = client.post("/v1/events", json=builder.event())
            if answer.status_code == 201:
                ids += [one["id"] for one in answer.json()["events"]]
            else:
                builder.refused()
            if index % 10 == 0:
                now = head(client)
                questions = every_question(ids)
                for of in (choices.one_of(questions) for _ in range(QUESTIONS_AT_A_TIME)):
                    address = pinned(of, choices.one_of(range(now)), now, choices.one_of(DAYS))
                    first[address] = asked(client, address)
        for said in about_the_same():
            client.post("/v1/events", json=said)
        settle(client)
        for address, answer_then in first.items():
            assert asked(client, address) == answer_then, address
