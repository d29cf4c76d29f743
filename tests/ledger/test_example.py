"""The example ledger holds every fact of its five documents, in a form that the ledger takes."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from ledger.event import TYPES, parse_event, references
from ledger.example import events
from ledger.fields import is_uuid
from ledger.money import money_of, plain
from ledger.times import parse_day, parse_period

EVENTS = events()
FACTS = """
    0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 0.10 0.11 0.12 0.13 0.14 0.15 0.16 0.17 0.19 0.20 0.21
    1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9 1.10 1.11 1.12 1.13 1.14 1.15 1.16 1.17 1.18 1.19 1.20 1.21 1.22 1.23
    1.25 1.26 1.27 1.28 1.29 1.30 1.31 1.32 1.33
    2.1 2.2 2.3 2.4 2.5 2.6 2.7 2.8 2.9 2.10 2.12 2.13 2.14 2.15 2.16 2.17 2.18 2.20
    3.1 3.2 3.3 3.4 3.5
    4.1 4.2 4.3 4.4
"""


def facts_of(event: dict[str, Any]) -> set[str]:
    """The rows of the fact list that an event's note names: `fact 0.1, fact 0.2: ...`."""
    head, _, _ = event.get("note", "").partition(":")
    return {part.removeprefix("fact ") for part in head.split(", ") if part.startswith("fact ")}


def claim(name: str) -> dict[str, Any]:
    (found,) = (e["data"] for e in EVENTS if e["type"] == "claim.published" and e["data"]["claim"] == name)
    return found


def stated(name: str) -> Decimal:
    return Decimal(claim(name)["value"]["amount"])


def test_every_fact_is_there():
    """Every row of the fact list is named by some event's note, and no note names another."""
    assert {fact for event in EVENTS for fact in facts_of(event)} == set(FACTS.split())


def test_ids_are_unique():
    ids = [event["id"] for event in EVENTS]
    assert len(set(ids)) == len(ids)
    assert all(map(is_uuid, ids))


def test_every_event_has_a_source_and_is_known_by_its_anchor():
    for event in EVENTS:
        assert event["source"]["title"]
        if anchor := event["source"].get("anchor"):
            assert parse_day(event["known"]) <= parse_period(anchor).last, event["note"]


def test_no_fact_is_known_before_it_may_have_happened_except_plans():
    """What was reported as done can't have been done after it was known; only its target may lie ahead."""
    for event in EVENTS:
        if "effective" in event:
            assert parse_period(event["effective"]).last <= parse_day(event["known"]), event["note"]


def test_every_event_is_of_its_form():
    assert [parse_event(event).type for event in EVENTS] == [event["type"] for event in EVENTS]


def test_whatever_an_event_names_stands_before_it():
    """Entities, records and events exist before they are named, and no id means two things."""
    made: Counter[str] = Counter()
    for event in EVENTS:
        for reference in references(event["type"], event["data"]):
            assert reference.id in made, (event["id"], reference)
        made[event["id"]] += 1
        model = TYPES[event["type"]]
        if model.makes and model.record:
            made[event["data"][model.record[1]]] += 1
    assert [name for name, times in made.items() if times > 1] == []


def test_amounts_are_as_the_documents_give_them():
    """The words around a figure become its bounds."""
    amounts = {e["data"]["commitment"]: e["data"]["amount"] for e in EVENTS if e["type"] == "commitment.made"}
    contracts = {e["data"]["contract"]: e["data"]["amount"] for e in EVENTS if e["type"] == "contract.signed"}
    billion = Decimal(10**9)
    for amount, low, middle, high in (
        (amounts["amazon-anthropic-2023"], 0, 4, 4),
        (amounts["oracle-japan-2024"], 8, 8, None),
        (amounts["softbank-japan-generative-ai"], Decimal("0.9"), 1, 1),
        (amounts["softbank-ai-raise"], 10, None, 100),
        (contracts["anthropic-google-cloud-2023"], 3, None, 4),
        (contracts["openai-azure"], 0, None, None),
    ):
        _, bounds = money_of(amount)
        found = (bounds.low, bounds.stated, bounds.high)
        assert found == tuple(None if one is None else one * billion for one in (low, middle, high))


def test_claimed_figures_give_what_follows_from_them():
    """The claims hold all that their derived figures need."""
    growth, points = (
        Decimal(claim(name)["quantity"]["number"]) for name in ("azure-growth-2023-q3", "azure-growth-from-ai-2023-q3")
    )
    quarter, rounds = claim("ai-funding-2024-q3"), claim("us-ai-large-rounds-2024")
    abroad, overall = claim("jic-funds-abroad-2023"), claim("jic-funds-2023")
    (loan,) = (e["data"] for e in EVENTS if e["data"].get("collateral"))
    for found, expected in (
        (100 * points / growth, "10.3"),
        (stated(quarter["claim"]) / Decimal(quarter["share_of"]) / 10**9, "67.9"),
        (100 * (stated("china-ai-funding-2024") / stated("china-ai-funding-2023") - 1), "28.98"),
        (stated(rounds["claim"]) / rounds["count"] / 10**6, "638"),
        (100 * stated(abroad["claim"]) / stated(overall["claim"]), "32.7"),
        (stated(abroad["claim"]) / abroad["count"] / 10**6, "40"),
        (stated(overall["claim"]) / overall["count"] / 10**6, "32.4"),
        (Decimal(loan["amount"]["amount"]) / stated("crusoe-chip-price"), "6250"),
        (stated("china-ai-funding-2023") / stated("stanford-china-ai-funding-2023"), "8.16"),
        (stated("microsoft-ai-revenue-forecast") / 2 / 10**9, plain(stated("azure-ai-revenue-forecast") / 10**9)),
    ):
        assert found.quantize(Decimal(expected)) == Decimal(expected)


def test_nearly_twenty_needs_the_upper_limit_in_full():
    """13, up to 4 and 2 billion: 19 at the stated figures, within "nearly 20" only if the limit counts."""
    by_id = {event["id"]: event for event in EVENTS}
    members = claim("clouds-into-openai-anthropic")["members"]
    parts = [money_of(by_id[one]["data"]["amount"])[1] for one in members]
    assert sum(part.stated_or_low for part in parts) == 19 * 10**9
    _, claimed = money_of(claim("clouds-into-openai-anthropic")["value"])
    assert sum(part.low for part in parts) < claimed.low < 19 * 10**9 < (claimed.high or 0)


def test_the_contract_is_older_than_the_investment():
    """Google's cloud contract with Anthropic was signed before the investment; a strict rule finds no circle."""
    (contract,) = (e for e in EVENTS if e["data"].get("contract") == "anthropic-google-cloud-2023")
    (investment,) = (e for e in EVENTS if e["data"].get("commitment") == "google-anthropic-2023")
    assert parse_period(contract["effective"]).last < parse_period(investment["effective"]).first
