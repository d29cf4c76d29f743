"""GET /v1/performance/{holder}: fund figures, both recallable conventions, and every rate of return."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.api.world import entity, event, given, reasons, usd

KNOWN = "2026-01-31"


def call(day: str, amount: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    money = usd(amount) if isinstance(amount, str) else amount
    said = {"investor": "lp", "issuer": "fund", "instrument": "fund_interest", "amount": money, **more}
    return event("investment.made", day, KNOWN, **said)


def paid(day: str, amount: str, **more: Any) -> dict[str, Any]:
    said = {"payer": "fund", "holder": "lp", "amount": usd(amount), "kind": "return_of_capital", **more}
    return event("distribution.paid", day, KNOWN, instrument="fund_interest", **said)


def valued(day: str, amount: str, subject: str = "fund") -> dict[str, Any]:
    said = {"subject": subject, "value": usd(amount), "basis": "fair_value", "holder": "lp"}
    return event("valuation.recorded", day, KNOWN, **said)


def pledged(amount: str = "100", name: str = "c", to: str = "fund", **more: Any) -> dict[str, Any]:
    said = {"commitment": name, "from_": "lp", "to": to, "amount": usd(amount), "purpose": "fund", "binding": True}
    return event("commitment.made", "2021-12-31", KNOWN, **{**said, **more})


def asked(client: httpx.Client, holder: str = "lp", **query: str) -> dict[str, Any]:
    answer = client.get(f"/v1/performance/{holder}", params={"as_of": "2025-12-31", **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def rounded(figure: str, places: int) -> Decimal:
    return round(Decimal(figure), places)


@pytest.fixture
def parties(service: httpx.Client) -> httpx.Client:
    given(service, entity("lp"), entity("fund", kind="fund"), entity("firm"))
    return service


def test_the_fund_of_the_definitions(parties: httpx.Client) -> None:
    """Both conventions and the rate, as worked by hand."""
    recorded = given(
        parties,
        pledged(),
        call("2022-03-31", "40", commitment="c"),
        call("2023-03-31", "25", commitment="c"),
        paid("2023-09-30", "15", commitment="c", recallable=usd("10")),
        call("2024-12-31", "5", commitment="c"),
        valued("2025-12-31", "78"),
    )
    answer = asked(parties)
    assert list(answer)[:6] == ["as_of", "known_at", "position", "root", "holder", "currency"]
    assert answer["included"] == {
        "paid_in": "70",
        "pic": "0.7",
        "dpi": "0.214285714286",
        "rvpi": "1.114285714286",
        "tvpi": "1.328571428571",
        "unfunded": "40",
    }
    assert answer["excluded"] == {
        "paid_in": "60",
        "pic": "0.6",
        "dpi": "0.083333333333",
        "rvpi": "1.3",
        "tvpi": "1.383333333333",
        "unfunded": "40",
    }
    assert (answer["distributed"], answer["nav"], answer["moic"]) == ("15", "78", "1.328571428571")
    assert rounded(answer["xirr"], 5) == Decimal("0.10557")
    assert (answer["xirr_all"], answer["annualised"], answer["xirr_reason"]) == ([answer["xirr"]], True, None)
    ids = [one["id"] for one in recorded[1:]]
    assert answer["cash_flows"] == [
        {"date": "2022-03-31", "kind": "investment", "amount": "-40", "events": [ids[0]]},
        {"date": "2023-03-31", "kind": "investment", "amount": "-25", "events": [ids[1]]},
        {"date": "2023-09-30", "kind": "distribution", "amount": "15", "events": [ids[2]]},
        {"date": "2024-12-31", "kind": "investment", "amount": "-5", "events": [ids[3]]},
        {"date": "2025-12-31", "kind": "nav", "amount": "78", "events": [ids[4]]},
    ]
    assert (answer["unvalued"], "missing_rates" in answer) == ([], False)


def test_the_rate_of_the_definitions(parties: httpx.Client) -> None:
    """-1000, +750, +500 a year apart, with nothing left that anybody values."""
    given(parties, call("2020-01-01", "1000"), paid("2021-01-01", "750"), paid("2022-01-01", "500"))
    answer = asked(parties)
    assert rounded(answer["xirr"], 7) == Decimal("0.1750093")
    assert answer["unvalued"] == [{"issuer": "fund", "instrument": "fund_interest"}]


def test_several_rates_are_all_given(parties: httpx.Client) -> None:
    """-100, +230, -132: both 10 % and 20 % are right, so none is the rate."""
    given(parties, call("2021-01-01", "100"), paid("2022-01-01", "230"), call("2023-01-01", "132"))
    answer = asked(parties)
    assert (answer["xirr"], answer["xirr_all"], answer["xirr_reason"]) == (None, ["0.1", "0.2"], "several_rates")


@pytest.mark.parametrize(
    ("events", "rates", "reason"),
    [
        ([], [], "no_flows"),
        ([call("2021-01-01", "0")], [], "no_flows"),
        ([call("2021-01-01", "100")], [], "one_date"),
        ([call("2021-01-01", "100"), paid("2021-01-01", "120")], [], "one_date"),
        ([call("2021-01-01", "100"), call("2022-01-01", "100")], [], "no_sign_change"),
        ([call("2021-01-01", "100"), paid("2022-01-01", "220"), call("2023-01-01", "122")], [], "no_rate"),
        ([call("2021-01-01", "100"), paid("2022-01-01", "220"), call("2023-01-01", "121")], ["0.1"], None),
        ([call("2021-01-01", "100"), paid("2021-07-01", "105")], ["0.05"], "not_annualised"),
        ([call("2021-01-01", "100"), paid("2022-01-01", "105")], ["0.05"], None),
        ([call("2021-01-01", "0.000000000001"), paid("2022-01-01", "10")], [], "out_of_range"),
    ],
)
def test_why_there_is_no_annual_rate(
    parties: httpx.Client, events: list[dict[str, Any]], rates: list[str], reason: str | None
) -> None:
    """Undefined with the reason; under a year the rate of the time there was."""
    if events:
        given(parties, *events)
    answer = asked(parties)
    assert (answer["xirr_all"], answer["xirr_reason"]) == (rates, reason)
    assert answer["xirr"] == (rates[0] if rates else None)
    assert answer["annualised"] is (None if not rates else reason is None)


def test_nothing_is_known_ahead(parties: httpx.Client) -> None:
    """A mark counts from its day, and from when it was known."""
    later = {**valued("2023-12-31", "300"), "known": "2024-06-30"}
    first = {**valued("2022-12-31", "150"), "known": "2023-02-01"}
    bought = {**call("2022-01-01", "100"), "known": "2022-01-01"}
    given(parties, bought, later, first)
    assert [asked(parties, as_of=day)["nav"] for day in ("2022-12-30", "2022-12-31", "2023-12-31")] == [
        "0",
        "150",
        "300",
    ]
    assert asked(parties, known_at="2024-06-29")["nav"] == "150"
    assert asked(parties, known_at="2023-01-31")["nav"] == "0"
    assert asked(parties, position="4")["nav"] == "0"


def test_direct_holdings_stand_beside_the_fund(parties: httpx.Client) -> None:
    """They count in what was paid in and what is left, and not in PIC; `issuer` asks for the fund alone."""
    direct = {"issuer": "firm", "instrument": "equity"}
    sale = {"holder": "lp", **direct, "proceeds": usd("30"), "fraction": "0.5"}
    given(
        parties,
        pledged(),
        call("2022-01-01", "40", commitment="c"),
        call("2022-06-01", "10", commitment="c", inside_commitment=False),
        call("2022-01-01", "20", **direct),
        event("investment.sold", "2024-01-01", KNOWN, **sale),
        valued("2025-12-31", "60"),
        valued("2025-12-31", "25", "firm"),
        call("2022-01-01", "1000", issuer="firm", instrument="grant"),
    )
    whole, fund = asked(parties), asked(parties, issuer="fund")
    assert (whole["included"]["paid_in"], whole["included"]["pic"], whole["included"]["unfunded"]) == (
        "70",
        "0.5",
        "60",
    )
    assert (whole["nav"], whole["distributed"], rounded(whole["moic"], 6)) == ("85", "30", Decimal("1.642857"))
    assert (fund["included"]["paid_in"], fund["included"]["pic"], fund["nav"]) == ("50", "0.5", "60")
    assert asked(parties, issuer="firm")["included"]["unfunded"] == "0"
    assert asked(parties, issuer="firm")["included"]["pic"] is None


def test_only_binding_capital_for_others_is_unfunded(parties: httpx.Client) -> None:
    """Not letters of intent, spending, or what a holder sets aside for itself; nothing once closed."""
    given(
        parties,
        pledged("100", "a"),
        pledged("10", "b", binding=False),
        pledged("1", "d", purpose="capex"),
        pledged("1000", "e", to="lp"),
        pledged("10000", "f"),
        event("commitment.closed", "2024-01-01", KNOWN, commitment="f", outcome="cancelled"),
    )
    assert asked(parties)["included"]["unfunded"] == "100"
    assert asked(parties, as_of="2023-12-31")["included"]["unfunded"] == "10100"


def test_what_counts(parties: httpx.Client) -> None:
    """Rumours when asked for, denials never, another source not, a whole beside its parts as what they leave of it."""
    recorded = given(parties, call("2022-01-01", "100"))
    first = recorded[0]["id"]
    given(
        parties,
        {**call("2022-01-02", "101"), "same_as": first},
        {**call("2022-01-03", "7"), "status": "rumoured"},
        {**call("2022-01-04", "9"), "status": "denied"},
        call("2022-03-01", "60", part_of=first),
        call("2022-04-01", "30", part_of=first),
    )
    answer = asked(parties)
    assert answer["included"]["paid_in"] == "100"
    assert [flow["amount"] for flow in answer["cash_flows"]] == ["-10", "-60", "-30"]
    assert asked(parties, include="rumoured")["included"]["paid_in"] == "107"


def test_coarse_dates_and_bounds_count_as_stated(parties: httpx.Client) -> None:
    """From the period's last day on, at the stated amount, or the low where nobody stated one."""
    loose = {"currency": "USD", "low": "30", "high": "40"}
    given(parties, call("2022-Q3", "100"), call("2022-10-01", loose))
    assert asked(parties, as_of="2022-09-29")["included"]["paid_in"] == "0"
    flows = asked(parties)["cash_flows"]
    assert [(flow["date"], flow["amount"]) for flow in flows] == [("2022-09-30", "-100"), ("2022-10-01", "-30")]


def test_recallable_without_a_commitment(parties: httpx.Client) -> None:
    """It tells the conventions apart, and nothing can be called again under a commitment that isn't there."""
    given(parties, call("2022-01-01", "100"), paid("2023-01-01", "20", recallable=usd("20")))
    answer = asked(parties)
    assert [answer[name]["paid_in"] for name in ("included", "excluded")] == ["100", "80"]
    assert [answer[name]["dpi"] for name in ("included", "excluded")] == ["0.2", "0"]
    assert answer["excluded"]["unfunded"] == "0"


def test_a_missing_rate_fails_what_needs_it(parties: httpx.Client) -> None:
    """Named by pair and day; the rest stays. With the rate all is there, each flow at the rate of its day."""
    euros = {"currency": "EUR", "amount": "100"}
    given(parties, pledged(), call("2022-01-01", euros), paid("2023-01-01", "55"))
    answer = asked(parties)
    assert answer["included"] == {
        "paid_in": None, "pic": None, "dpi": None, "rvpi": None, "tvpi": None, "unfunded": "100",
    }  # fmt: skip
    assert (answer["xirr"], answer["xirr_reason"], answer["distributed"]) == (None, "missing_rates", "55")
    assert answer["missing_rates"] == [{"base": "EUR", "quote": "USD", "on": "2022-01-01"}]
    assert [flow["amount"] for flow in answer["cash_flows"]] == [None, "55"]
    given(parties, event("rate.published", "2021-12-30", "2021-12-30", base="EUR", quote="USD", rate="1.1"))
    answer = asked(parties)
    assert (answer["included"]["paid_in"], answer["included"]["dpi"], answer["xirr"]) == ("110", "0.5", "-0.5")
    assert "missing_rates" not in answer


def test_a_loss_of_everything(parties: httpx.Client) -> None:
    """What was written off is worth nothing, and no rate tells it."""
    given(parties, call("2022-01-01", "100"), valued("2024-01-01", "0"))
    answer = asked(parties)
    assert (answer["included"]["tvpi"], answer["xirr_reason"], answer["unvalued"]) == ("0", "one_date", [])


def test_nobody_of_that_name(parties: httpx.Client) -> None:
    answer = parties.get("/v1/performance/nobody")
    assert (answer.status_code, reasons(answer)) == (404, ["not_found"])


def test_a_pinned_answer_is_the_same_for_ever(parties: httpx.Client) -> None:
    """Whatever is recorded later."""
    given(parties, call("2022-01-01", "100"), paid("2023-06-01", "130"))
    loose = parties.get("/v1/performance/lp")
    pinned = loose.headers["content-location"]
    given(parties, call("2022-02-01", "50"))
    again = parties.get(pinned)
    assert again.content == loose.content
    assert "immutable" in again.headers["cache-control"]
