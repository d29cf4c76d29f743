"""The figures that the example ledger must reproduce, each out of one answer of the service."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger.example import events
from tests.api.world import given
from tests.service import fresh_service


@pytest.fixture(scope="module")
def example() -> Iterator[httpx.Client]:
    """A service that holds the example ledger and is never written to."""
    with fresh_service() as client:
        given(client, *events())
        yield client


def claims(client: httpx.Client, **query: str) -> dict[str, Any]:
    answer = client.get("/v1/claims", params={**query, "limit": "1000"}).json()
    return {row["claim"]: row for row in answer["claims"]}


def marks(client: httpx.Client, subject: str) -> dict[str, Any]:
    return {row["basis"]: row for row in client.get(f"/v1/valuations/{subject}").json()["marks"]}


def rounded(figure: str, unit: str = "1", places: int = 1) -> str:
    """As the table has it: so many of a unit."""
    return str(round(Decimal(figure) / Decimal(unit), places))


MILLION, BILLION = "1E+6", "1E+9"


def test_yahoo_in_1996(example: httpx.Client) -> None:
    """About 102 million for about 35 per cent."""
    implied = marks(example, "yahoo")["implied"]["implied"]
    assert rounded(implied["stated"], MILLION) == "291.4"
    assert Decimal(implied["low"]) < Decimal(implied["stated"]) < Decimal(implied["high"])


def test_nvidia_at_the_sale_and_today(example: httpx.Client) -> None:
    """Of the same stake, so what it would be worth is the multiple of what was got for it."""
    of = marks(example, "nvidia")
    sold, kept = of["implied"], of["counterfactual"]
    assert rounded(sold["implied"]["stated"], BILLION) == "81.6"
    assert rounded(kept["implied"]["stated"], BILLION, 0) == "3061"
    assert (kept["value"]["stated"], kept["since_deal"]) == ("150000000000", "37.5")


def test_the_part_of_ai_in_the_growth_of_azure(example: httpx.Client) -> None:
    """Three points of 29."""
    assert rounded(claims(example, about="azure")["azure-growth-from-ai-2023-q3"]["share"]["stated"], "0.01") == "10.3"


def test_all_venture_capital_of_a_quarter(example: httpx.Client) -> None:
    """19 billion are 28 per cent of it."""
    assert rounded(claims(example, about="ai-firms")["ai-funding-2024-q3"]["whole"]["stated"], BILLION) == "67.9"


def test_the_growth_of_ai_funding_in_china(example: httpx.Client) -> None:
    growth = claims(example, about="china-ai-firms")["china-ai-funding-2024"]["growth"]
    assert rounded(growth, "0.01", 2) == "28.98"


def test_the_mean_of_the_large_rounds(example: httpx.Client) -> None:
    assert (
        rounded(claims(example, about="us-ai-firms")["us-ai-large-rounds-2024"]["mean"]["stated"], MILLION, 0) == "638"
    )


def test_the_japan_investment_corporation_outside_japan(example: httpx.Client) -> None:
    """A third of the money and 40 million a fund, of 32.4 million overall; it is never added to what it is part of."""
    about = claims(example, about="jic")
    abroad, overall = about["jic-funds-abroad-2023"], about["jic-funds-2023"]
    assert rounded(abroad["share"]["stated"], "0.01") == "32.7"
    assert abroad["mean"]["stated"] == "40000000"
    assert rounded(overall["mean"]["stated"], MILLION) == "32.4"
    assert overall["found"]["stated"] == "100000000"  # the fund that both hold, once


def test_the_chips_behind_a_loan(example: httpx.Client) -> None:
    """At most 6,250, if all of the loan went into chips at their price."""
    row = claims(example, about="crusoe")["crusoe-chip-price"]
    assert (row["found_quantity"]["stated"], row["found_quantity"]["unit"]) == ("6250", "chip")


def test_what_three_clouds_put_into_two_companies(example: httpx.Client) -> None:
    """13, 4 and 2 are nearly 20 only if an upper limit counts in full."""
    row = claims(example, about="anthropic")["clouds-into-openai-anthropic"]
    assert [row["found"][bound] for bound in ("low", "stated", "high")] == ["15000000000", "19000000000", "19000000000"]
    assert row["explained"]["low"] == "0.75"


def test_nobody_in_the_example_breaks_a_rule_that_can_be_checked(example: httpx.Client) -> None:
    rows = example.get("/v1/restrictions").json()["restrictions"]
    assert {row["restriction"]: row["breaches"] for row in rows if row["allows"] or row["forbids"]} == {
        "state-lp-mandate": [],
        "us-chips-act-china": [],
        "us-entity-list-2024-12": [],
    }


def test_what_two_clouds_got_back_of_what_they_gave(example: httpx.Client) -> None:
    """Google 2 billion of 2, half to two thirds of its contract; Amazon 0 to 4 billion, all that it gives."""
    pairs = example.get("/v1/exposures", params={"layer": "contracted", "time_rule": "untimed", "limit": "1000"}).json()
    of = {pair["funder"]: pair for pair in pairs["pairs"] if pair["customer"] == "anthropic"}
    bounds = {funder: [pair["round_trip"][bound] for bound in ("low", "stated", "high")] for funder, pair in of.items()}
    assert bounds == {
        "google": ["2000000000", "2000000000", "2000000000"],
        "amazon": ["0", "4000000000", "4000000000"],
    }
    assert set(of["google"]["of_funding"].values()) == {"1"}
    assert [of["google"]["of_purchases"][bound] for bound in ("low", "high")] == ["0.5", "0.666666666667"]


def test_a_loan_of_others_is_no_circle(example: httpx.Client) -> None:
    """NVIDIA gave Crusoe nothing, so nothing can come back."""
    answer = example.get("/v1/exposures", params={"entity": "crusoe"}).json()
    assert "nvidia" not in {pair["funder"] for pair in answer["pairs"]}
    assert answer["network"]["circulation"]["high"] == "0"
