"""Holdings: units, stakes, cost, what came back, value and multiple. Figures worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from projections.paging import Page
from tests.facts import commit, distribute, eur, ident, invest, mark, observe, rate, sell, stake, usd
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


def share(low: str, stated: str, high: str, basis: str = "economic") -> dict[str, Any]:
    return {"basis": basis, "low": low, "stated": stated, "high": high}


def exact(amount: str, basis: str = "economic") -> dict[str, Any]:
    return share(amount, amount, amount, basis)


def measures(books: Books, **times: Any) -> tuple[str | None, list[Any]]:
    row = books.holding(**times)
    return row["units"], row["stake"]


def test_a_holding_row_has_the_contracts_fields_in_order(books: Books) -> None:
    bought, sold, paid, valued = books.given(
        invest("acme", "beta", usd("100"), units="10", stake=stake("0.2")),
        sell("acme", "beta", usd("60"), on="2023-07-31", fraction="0.5"),
        distribute("beta", "acme", usd("5"), on="2023-08-31"),
        mark("beta", usd("700"), "post_money", on="2025-12-01"),
    )
    assert list(books.holding().items()) == [
        ("holder", "acme"),
        ("issuer", "beta"),
        ("instrument", "equity"),
        ("units", "5"),
        ("stake", [exact("0.1")]),
        ("cost", sure("100")),  # gross: the sale doesn't lower it
        ("proceeds", sure("60")),
        ("distributions", sure("5")),
        ("value", sure("70")),
        ("value_basis", "post_money"),
        ("valued_on", "2025-12-01"),
        ("value_event", valued),
        ("age_days", 30),
        ("multiple", "1.35"),
        ("incomplete", False),
        ("events", [bought, sold, paid]),
    ]


# --- units and stakes -------------------------------------------------------------------------------------------


def test_stakes_bought_add_up_and_an_observation_replaces_them(books: Books) -> None:
    """One per basis; what an observation doesn't name stays; cost stays."""
    books.given(
        invest("acme", "beta", usd("1"), on="2020-01-31", units="10", stake=stake("0.1")),
        invest("acme", "beta", usd("1"), on="2021-01-31", units="2.5", stake=stake("0.05", qualifier="about")),
        invest("acme", "beta", usd("1"), on="2021-02-28", stake=stake("0.3", basis="voting")),
        observe("acme", "beta", on="2022-01-31", stake=stake("0.12")),
        invest("acme", "beta", usd("1"), on="2023-01-31", stake=stake("0.01")),
    )
    assert measures(books, as_of="2020-12-31") == ("10", [exact("0.1")])
    assert measures(books, as_of="2021-12-31") == ("12.5", [share("0.1475", "0.15", "0.1525"), exact("0.3", "voting")])
    assert measures(books, as_of="2022-12-31") == ("12.5", [exact("0.12"), exact("0.3", "voting")])
    assert measures(books) == ("12.5", [exact("0.13"), exact("0.3", "voting")])
    assert books.holding()["cost"] == sure("4")


def test_sales_take_what_they_name(books: Books) -> None:
    """Units take units only, a stake its basis only, a fraction both, all leaves nothing."""
    start = invest("acme", "beta", on="2020-01-31", units="10", stake=stake("0.4"))
    books.given(
        start,
        sell("acme", "beta", on="2021-01-31", units="4"),
        sell("acme", "beta", on="2022-01-31", stake=stake("0.1")),
        sell("acme", "beta", on="2023-01-31", fraction="0.25"),
        sell("acme", "beta", on="2024-01-31", all=True),
    )
    assert measures(books, as_of="2021-01-31") == ("6", [exact("0.4")])
    assert measures(books, as_of="2022-01-31") == ("6", [exact("0.3")])
    assert measures(books, as_of="2023-01-31") == ("4.5", [exact("0.225")])
    assert measures(books, as_of="2024-01-31") == ("0", [exact("0")])
    assert books.holding()["incomplete"] is False


def test_a_back_dated_purchase_is_in_the_fraction_that_was_sold_after_it(books: Books) -> None:
    """By day, not by recording: (10 + 6) / 2, not 10 / 2 + 6. On one day the order of recording decides."""
    books.given(
        invest("acme", "beta", on="2020-01-31", units="10"),
        sell("acme", "beta", on="2022-01-31", fraction="0.5"),
        invest("acme", "beta", on="2021-01-31", units="6"),
        invest("acme", "beta", on="2022-01-31", units="1"),
    )
    assert measures(books) == ("9", [])
    assert measures(books, position=2) == ("5", [])


def test_coarse_purchases_and_sales_widen_the_stake(books: Books) -> None:
    """Bought 0.4 in 2020, sold 0.1 some time in 2022: low without it from the first day, the others from the last."""
    books.given(
        invest("acme", "beta", on="2020", stake=stake("0.4")), sell("acme", "beta", on="2022", stake=stake("0.1"))
    )
    assert measures(books, as_of="2020-01-01") == (None, [share("0", "0", "0.4")])
    assert measures(books, as_of="2020-12-31") == (None, [exact("0.4")])
    assert measures(books, as_of="2022-01-01") == (None, [share("0.3", "0.4", "0.4")])
    assert measures(books, as_of="2022-12-31") == (None, [exact("0.3")])


def test_coarse_days_in_another_order_for_each_bound(books: Books) -> None:
    """0.2 bought in 2021, half sold in 2021-Q2: the high sells (0.4 + 0.2) / 2, low and stated add 0.2 afterwards."""
    books.given(
        invest("acme", "beta", on="2020-01-31", stake=stake("0.4")),
        invest("acme", "beta", on="2021", stake=stake("0.2")),
        sell("acme", "beta", on="2021-Q2", fraction="0.5"),
    )
    # Low and stated: 0.4, half of it left, 0.2 added at the end of the year. High: 0.4 + 0.2, half of it left.
    assert measures(books) == (None, [share("0.3", "0.4", "0.4")])
    assert measures(books, as_of="2021-04-01") == (None, [share("0.2", "0.4", "0.6")])


def test_units_that_are_still_to_come_are_zero(books: Books) -> None:
    books.given(invest("acme", "beta", usd("8"), on="2023", units="10"))
    row = books.holding(as_of="2023-06-30")
    assert (row["units"], row["cost"]) == ("0", figure("0", "0", "8"))


def test_units_sold_to_nothing_sell_the_position_out(books: Books) -> None:
    """Also if more was sold than was held; a purchase later opens it again."""
    books.given(
        invest("acme", "beta", on="2020-01-31", units="10", stake=stake("0.1")),
        mark("beta", usd("100"), "market_cap", on="2020-01-31"),
        sell("acme", "beta", on="2021-01-31", units="10"),
        invest("acme", "beta", on="2022-01-31", units="1", stake=stake("0.02")),
    )
    row = books.holding(as_of="2021-12-31")
    assert (row["units"], row["stake"]) == ("0", [exact("0")])
    assert (row["value"], row["value_basis"], row["valued_on"], row["age_days"]) == (sure("0"), None, None, None)
    assert measures(books) == ("1", [exact("0.02")])
    assert books.holding()["value"] == sure("2")


def test_an_unknown_stake_is_anything(books: Books) -> None:
    """Nothing but a basis: between none and all of it."""
    books.given(invest("acme", "beta", stake={"basis": "voting"}))
    assert measures(books) == (None, [share("0", "0", "1", "voting")])


@pytest.mark.parametrize("sold", [{"units": "3"}, {"stake": stake("0.1")}, {"fraction": "0.5"}, {"all": True}])
def test_a_sale_with_no_recorded_purchase_is_incomplete(books: Books, sold: dict[str, Any]) -> None:
    books.given(sell("acme", "beta", usd("8"), on="2019", **sold))
    row = books.holding()
    assert (row["incomplete"], row["units"], row["stake"], row["proceeds"]) == (True, None, [], sure("8"))
    assert row["cost"] == sure("0")


def test_more_sold_than_was_held_is_incomplete(books: Books) -> None:
    """In a measure that is known, and not below zero; a measure that nobody named is not."""
    books.given(
        invest("acme", "beta", on="2020-01-31", units="10"),
        sell("acme", "beta", on="2021-01-31", stake=stake("0.1")),
        sell("acme", "beta", on="2022-01-31", units="11"),
    )
    assert books.holding(as_of="2021-12-31")["incomplete"] is False
    row = books.holding()
    assert (row["incomplete"], row["units"]) == (True, "0")


# --- what is a holding ------------------------------------------------------------------------------------------


def test_a_grant_is_no_holding(books: Books) -> None:
    books.given(invest("acme", "beta", instrument="grant"))
    assert books.holdings().rows == []


def test_an_observation_alone_is_a_holding_without_cost(books: Books) -> None:
    books.given(observe("acme", "beta", stake=stake("0.9")))
    row = books.holding()
    assert (row["cost"], row["stake"], row["incomplete"]) == (sure("0", None), [exact("0.9")], False)


@pytest.mark.parametrize(
    ("paid", "instrument"),
    [
        ({"kind": "dividend"}, "equity"),
        ({"kind": "interest"}, "debt"),
        ({"kind": "principal", "commitment": "fund"}, "debt"),
        ({"kind": "revenue_share", "commitment": "fund"}, "fund_interest"),
        ({"kind": "return_of_capital", "commitment": "other"}, "equity"),
        ({"kind": "interest", "instrument": "mixed"}, "mixed"),
    ],
)
def test_what_a_distribution_is_of(books: Books, paid: dict[str, str], instrument: str) -> None:
    """Its own instrument, debt for its service, fund interest under a fund commitment, else equity."""
    books.given(
        commit("fund", "acme", "beta", purpose="fund"),
        commit("other", "acme", "beta"),
        distribute("beta", "acme", usd("3"), **paid),
    )
    row = books.holding()
    assert (row["instrument"], row["distributions"]) == (instrument, sure("3"))


def test_each_instrument_is_a_holding_of_its_own_and_lists_go_by_all_three(books: Books) -> None:
    books.given(
        invest("beta", "acme"),
        invest("acme", "gamma"),
        invest("acme", "beta", instrument="debt"),
        invest("acme", "beta"),
    )

    def keys(**asked: Any) -> list[tuple[str, str, str]]:
        return [(row["holder"], row["issuer"], row["instrument"]) for row in books.holdings(**asked).rows]

    everything = [
        ("acme", "beta", "debt"),
        ("acme", "beta", "equity"),
        ("acme", "gamma", "equity"),
        ("beta", "acme", "equity"),
    ]
    assert keys() == everything
    assert keys(holder="acme", issuer="beta") == everything[:2]
    assert keys(issuer="acme") == everything[3:]
    assert keys(holder="nobody") == []
    first = books.holdings(page=Page(limit=2))
    assert first.more
    assert keys(page=Page(limit=2, after=first.after)) == everything[2:]


# --- cost and totals --------------------------------------------------------------------------------------------


def test_a_round_and_its_parts_cost_the_larger(books: Books) -> None:
    """Within one holding, and over all holdings of the total."""
    books.given(
        invest("round", "beta", usd("6")),
        invest("acme", "beta", usd("1"), part_of=ident(1)),
        invest("gamma", "beta", usd("4"), part_of=ident(1)),
        invest("gamma", "beta", usd("3"), part_of=ident(3)),
    )
    assert [row["cost"]["stated"] for row in books.holdings().rows] == ["1", "4", "6"]
    [total] = books.holdings().totals or []
    assert total["cost"] == sure("6")
    [total] = books.holdings(holder="gamma").totals or []
    assert total["cost"] == sure("4")
    books.given(invest("delta", "beta", usd("3"), part_of=ident(1)))
    [total] = books.holdings().totals or []
    assert total["cost"] == sure("8")


def test_totals_are_per_currency_and_leave_the_unvalued_out(books: Books) -> None:
    books.given(
        invest("acme", "beta", usd("10"), stake=stake("0.5")),
        mark("beta", eur("30"), "post_money"),
        invest("acme", "gamma", usd("1")),
        distribute("gamma", "acme", eur("2")),
    )
    assert books.holdings().totals == [
        {
            "currency": "EUR",
            "cost": sure("0", "EUR"),
            "proceeds": sure("0", "EUR"),
            "distributions": sure("2", "EUR"),
            "value": sure("15", "EUR"),
        },
        {
            "currency": "USD",
            "cost": sure("11"),
            "proceeds": sure("0"),
            "distributions": sure("0"),
            "value": sure("0"),
        },
    ]


def test_no_holdings_no_totals(books: Books) -> None:
    assert books.holdings(currency="USD").totals == []


# --- value ------------------------------------------------------------------------------------------------------


def test_the_newest_usable_mark_values_by_priority(books: Books) -> None:
    """The position's own mark before price × units before stake × the whole, however old it is."""
    bought = invest("acme", "beta", usd("10"), on="2020-01-31", units="4", stake=stake("0.1"))
    books.given(bought, mark("beta", usd("500"), "fair_value", on="2021-01-31"))
    assert books.holding()["value"] == sure("50")
    books.given(mark("beta", usd("800"), "unspecified", on="2020-06-30", price=usd("15")))
    assert books.holding()["value"] == sure("60")
    books.given(mark("beta", usd("70", "about"), "secondary", on="2020-03-31", holder="acme"))
    row = books.holding()
    assert (row["value"], row["value_basis"]) == (figure("66.5", "70", "73.5"), "secondary")
    assert (row["valued_on"], row["value_event"]) == ("2020-03-31", ident(4))
    # (70 + 0 + 0) / 10
    assert row["multiple"] == "7"


def test_the_newest_by_last_day_then_position(books: Books) -> None:
    books.given(
        invest("acme", "beta", on="2020-01-31", stake=stake("0.1")),
        mark("beta", usd("100"), "post_money", on="2023"),
        mark("beta", usd("200"), "market_cap", on="2023-12-31"),
        mark("beta", usd("300"), "fair_value", on="2023-06-30"),
        mark("beta", usd("400"), "pre_money", on="2024-06-30"),
    )
    assert books.holding()["value"] == sure("20")
    assert books.holding(as_of="2023-12-30")["value"] == sure("30")
    assert books.holding(as_of="2023-06-29")["value"] is None


@pytest.mark.parametrize(
    "useless",
    [
        {"basis": "target"},
        {"basis": "counterfactual"},
        {"status": "rumoured"},
        {"status": "denied"},
        {"same_as": ident(2)},
        {"value": {}},
        {"on": "2026-01-31"},
    ],
)
@pytest.mark.parametrize("rumours", [False, True])
def test_what_never_values_a_holding(books: Books, useless: dict[str, Any], rumours: bool) -> None:
    """Targets, counterfactuals, rumours even when rumours count, denied and repeated marks, marks that say nothing."""
    value = useless.get("value", usd("999"))
    kind = useless.get("basis", "fair_value")
    more = {name: what for name, what in useless.items() if name not in ("value", "basis")}
    books.given(
        invest("acme", "beta", on="2020-01-31", stake=stake("0.1")),
        mark("beta", usd("100"), "fair_value", on="2020-01-31"),
        mark("beta", value, kind, **{"on": "2024-01-31", "known": "2024-01-31", **more}),
    )
    assert books.holding(rumours=rumours)["value"] == sure("10")


def test_a_mark_of_another_holder_values_nobody_else(books: Books) -> None:
    books.given(invest("acme", "beta", stake=stake("0.1")), mark("beta", usd("50"), "fair_value", holder="gamma"))
    row = books.holding()
    assert (row["value"], row["multiple"], row["value_event"]) == (None, None, None)


def test_a_stake_of_another_basis_has_no_value(books: Books) -> None:
    books.given(invest("acme", "beta", stake=stake("0.1", basis="voting")), mark("beta", usd("50")))
    assert books.holding()["value"] is None


def test_a_value_is_a_product_and_states_nothing_without_both(books: Books) -> None:
    """[0.35, 0.4] of [100, 200]."""
    books.given(
        invest("acme", "beta", usd("10"), stake={"low": "0.35", "high": "0.4"}),
        mark("beta", usd(low="100", high="200")),
    )
    row = books.holding()
    assert row["stake"] == [share("0.35", "0.35", "0.4")]
    assert row["value"] == figure("35", None, "80")
    assert row["multiple"] is None


def test_values_convert_on_the_marks_day(books: Books) -> None:
    books.given(
        invest("acme", "beta", eur("10"), on="2020-01-31", stake=stake("0.5")),
        mark("beta", eur("40"), on="2021-01-31"),
        rate("EUR", "USD", "1", on="2020-01-31"),
        rate("EUR", "USD", "1.5", on="2021-01-31"),
        rate("EUR", "USD", "9", on="2022-01-31"),
    )
    row = books.holding(currency="USD")
    assert (row["cost"], row["value"], row["multiple"]) == (sure("10"), sure("30"), "3")


@pytest.mark.parametrize(
    ("cost", "marked"),
    [(usd("0"), usd("5")), (usd("10"), eur("5")), ({}, usd("5")), (usd("10"), usd(low="1", high="2"))],
)
def test_no_multiple_without_a_cost_a_stated_value_and_one_currency(
    books: Books, cost: dict[str, str], marked: dict[str, str]
) -> None:
    books.given(invest("acme", "beta", cost), mark("beta", marked, holder="acme"))
    row = books.holding()
    assert (row["value"] is not None, row["multiple"]) == (True, None)


def test_softbank_sells_nvidia(books: Books) -> None:
    """Fact 1.16: a sale of 4.9 % for 4B with no recorded purchase; what it would be worth values nothing."""
    billion = "000000000"
    books.given(
        sell("softbank", "nvidia", usd("4" + billion), on="2019", stake=stake("0.049")),
        mark("nvidia", usd("150" + billion), "counterfactual", on="2024-12", holder="softbank", stake=stake("0.049")),
    )
    row = books.holding()
    assert (row["proceeds"], row["value"], row["incomplete"]) == (sure("4" + billion), None, True)
