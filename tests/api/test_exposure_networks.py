"""GET /v1/exposures: the figures of whole networks and their cycles, worked by hand, out of the service."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.circles import AMAZON, GOOGLE, OPENAI, ask, at, client, interval, pair, rounded, tell
from tests.facts import commit, sign, usd

__all__ = ["client"]


def test_the_network_of_the_cloud_contracts(client: httpx.Client) -> None:
    """At low, stated and high amounts 4 of 9, 12 of 13 and 12 of 14; the ratio isn't monotone."""
    ids = tell(client, *GOOGLE, *AMAZON)
    network = ask(client)["network"]
    assert interval(network["gross"]) == ("9", "13", "14")
    assert interval(network["circulation"]) == ("4", "12", "12")
    assert interval(network["funding"]) == interval(network["recycled"]) == ("2", "6", "6")
    assert [rounded(ratio) for ratio in at(network["circularity"])] == [0.4444, 0.9231, 0.8571]
    assert at(network["recycled_share"]) == ("1", "1", "1")
    assert network["finn"]["at_stated"] == "0.8"
    assert sorted(network["events"]) == sorted(ids)
    assert network["gross"]["currency"] == "USD"


def test_the_network_with_microsoft_and_openai(client: httpx.Client) -> None:
    tell(client, *GOOGLE, *AMAZON, *OPENAI)
    network = ask(client)["network"]
    assert (network["gross"]["stated"], network["circulation"]["stated"]) == ("26.4", "12.8")
    assert (network["funding"]["stated"], network["recycled"]["stated"]) == ("19", "6.4")
    assert rounded(network["circularity"]["at_stated"]) == 0.4848


@pytest.mark.parametrize(
    ("flows", "circulation", "gross", "finn"),
    [
        ("a b 5, b a 3", "6", "8", 0.6),
        ("a b 10, b c 7, c a 4", "12", "21", 0.4),
        ("a b 10, b a 6, b c 6, c a 6", "26", "28", 0.809524),
        ("a b 10, a c 5, b c 8", "0", "23", 0.0),
        ("a b 0.1, b c 0.2, c a 0.3", "0.3", "0.6", None),
    ],
)
def test_networks(client: httpx.Client, flows: str, circulation: str, gross: str, finn: float | None) -> None:
    for number, flow in enumerate(flows.split(", ")):
        payer, payee, amount = flow.split()
        tell(client, commit(f"flow-{number}", payer, payee, usd(amount)))
    network = ask(client)["network"]
    assert interval(network["circulation"]) == (circulation,) * 3
    assert interval(network["gross"]) == (gross,) * 3
    if finn is not None:
        assert rounded(network["finn"]["at_stated"], 6) == finn


def test_a_pair_alone_is_the_network(client: httpx.Client) -> None:
    """Recycled funding equals the round trip, and the circulation is twice that."""
    tell(client, *GOOGLE)
    answer = ask(client)
    row, network = pair(answer, "google", "anthropic"), answer["network"]
    assert network["recycled"] == row["round_trip"]
    assert network["circulation"]["stated"] == "4"
    assert at(network["recycled_share"]) == interval(row["of_funding"])


@pytest.mark.parametrize("door", ["/v1/exposures", "/v1/exposures/history"])
def test_finns_index_can_be_left_out(client: httpx.Client, door: str) -> None:
    """Given a network; when a question omits the index; then it is null and says so, and all else is the same."""
    tell(client, *GOOGLE)

    def network(**more: str) -> dict[str, Any]:
        answer = client.get(door, params=more).json()
        found: dict[str, Any] = answer["network"] if "network" in answer else answer["points"][-1]["network"]
        return found

    whole = network()
    assert whole["finn"]["at_stated"] is not None
    assert network(omit="finn") == {**whole, "finn": None, "undefined": {**whole["undefined"], "finn": "left_out"}}


def test_cycles(client: httpx.Client) -> None:
    """Shortest first; the amount is the narrowest flow's; the limits are stated, and so is where the search ended."""
    ab, ba, bc, ca = tell(
        client,
        commit("ab", "a", "b", usd("10")),
        sign("ba", "b", "a", usd("6", "about")),
        commit("bc", "b", "c", usd("7")),
        sign("ca", "c", "a", usd("4")),
    )
    answer = ask(client)
    assert [(one["entities"], interval(one["amount"]), one["events"]) for one in answer["cycles"]] == [
        (["a", "b"], ("5.7", "6", "6.3"), [ab, ba]),
        (["a", "b", "c"], ("4", "4", "4"), [ab, bc, ca]),
    ]
    assert (answer["max_length"], answer["limit"], answer["cycles_stopped"]) == (5, 1000, None)
    assert answer["components"] == [["a", "b", "c"]]
    short = ask(client, max_length=2)
    assert [one["entities"] for one in short["cycles"]] == [["a", "b"]]
    cut = ask(client, limit=1)
    assert (len(cut["cycles"]), cut["cycles_stopped"], cut["more"]["cycles"]) == (1, "limit", True)
    assert len(cut["network"]["events"]) == 1
    assert cut["more"]["network_events"] is True


def test_nothing_flows(client: httpx.Client) -> None:
    network = ask(client)["network"]
    assert interval(network["gross"]) == ("0", "0", "0")
    assert at(network["circularity"]) == (None, None, None)
    assert network["undefined"]["circularity.at_stated"] == "nothing_flows"
    assert network["undefined"]["recycled_share.at_low"] == "no_funding"


def test_a_flow_without_end_leaves_the_bounds_that_there_are(client: httpx.Client) -> None:
    """The gross has no high; the circulation has one while no circle is unbounded."""
    tell(client, commit("ab", "a", "b", usd("5", "over")), sign("ba", "b", "a", usd("3")))
    network = ask(client)["network"]
    assert interval(network["gross"]) == ("8", "8", None)
    assert interval(network["circulation"]) == ("6", "6", "6")
    assert network["circularity"]["at_high"] is None
    assert network["undefined"]["circularity.at_high"] == "unbounded"
    tell(client, sign("more", "b", "a", {}))
    assert interval(ask(client)["network"]["circulation"]) == ("6", "6", None)
