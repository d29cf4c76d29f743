"""Commitments: the terms in force, what was drawn, what is open, and totals with groups. Figures worked by hand."""

from __future__ import annotations

from typing import Any

from projections.paging import Page
from tests.facts import change, close, commit, distribute, draw, eur, ident, invest, rate, retract, usd
from tests.projections.conftest import Books
from tests.projections.figures import figure, sure


def test_a_commitment_row_has_the_contracts_fields_in_order(books: Books) -> None:
    made, drawn = books.given(
        commit("pledge", "acme", "beta", usd("100"), stage="agreed", horizon={"end": "2024"}),
        draw("pledge", usd("30")),
    )
    row = books.commitment()
    assert list(row.items()) == [
        ("commitment", "pledge"),
        ("from", "acme"),
        ("to", "beta"),
        ("purpose", "investment"),
        ("binding", True),
        ("stage", "agreed"),
        ("held", False),
        ("committed", sure("100")),
        ("drawn", sure("30")),
        ("unfunded", sure("70")),
        ("outcome", None),
        ("horizon", {"end": "2024"}),
        ("horizon_gone", True),
        ("events", [made, drawn]),
    ]


def test_the_latest_change_in_force_wins_whatever_the_order_of_recording(books: Books) -> None:
    """By (last day, position); a change before the making changes it all the same; each field on its own."""
    books.given(
        commit("pledge", "acme", "beta", usd("100"), on="2023-01-31", stage="announced"),
        change("pledge", on="2023-03-31", amount=usd("300"), binding=False),
        change("pledge", on="2023-02-28", amount=usd("200"), held=True),
        change("pledge", on="2022-12-31", stage="agreed", horizon={"end": "2023-Q1"}),
    )
    assert books.commitment(as_of="2023-01-31")["committed"] == sure("100")
    assert books.commitment(as_of="2023-02-28")["committed"] == sure("200")
    row = books.commitment(as_of="2023-03-31")
    assert row["committed"] == sure("300")
    assert (row["binding"], row["stage"], row["held"]) == (False, "agreed", True)
    assert row["horizon_gone"] is False
    assert books.commitment(as_of="2023-04-01")["horizon_gone"] is True


def test_a_change_with_a_coarse_date_holds_from_the_last_day(books: Books) -> None:
    books.given(
        commit("pledge", "acme", "beta", usd("100"), on="2022-01-31"), change("pledge", on="2023", amount=usd("50"))
    )
    assert books.commitment(as_of="2023-12-30")["committed"] == sure("100")
    assert books.commitment(as_of="2023-12-31")["committed"] == sure("50")


def test_while_the_making_is_only_possible_low_and_stated_are_zero(books: Books) -> None:
    """Even where a change is in force already: what it changes may not be there."""
    books.given(
        commit("pledge", "acme", "beta", usd("100"), on="2023"), change("pledge", on="2023-03-31", amount=usd("300"))
    )
    assert books.commitment(as_of="2023-01-01")["committed"] == figure("0", "0", "100")
    assert books.commitment(as_of="2023-03-31")["committed"] == figure("0", "0", "300")
    assert books.commitment(as_of="2023-12-31")["committed"] == sure("300")
    assert books.commitments(as_of="2022-12-31").rows == []


def test_up_to_an_amount_is_at_least_what_was_drawn(books: Books) -> None:
    """[drawn so far, 4]; what is open is bounded as if both were independent."""
    books.given(commit("pledge", "acme", "beta", usd("4", "up_to")), draw("pledge", usd("1.5", "about")))
    row = books.commitment()
    # About 1.5 is 1.425 to 1.575, so at least 1.425 is sure.
    assert row["committed"] == figure("1.425", "4", "4")
    assert row["drawn"] == figure("1.425", "1.5", "1.575")
    assert row["unfunded"] == figure("0", "2.5", "2.575")


def test_draws_are_money_drawn_and_investments_inside_the_commitment(books: Books) -> None:
    """By their own dates; one outside it takes nothing."""
    books.given(
        commit("pledge", "acme", "beta", usd("100")),
        draw("pledge", usd("10"), on="2023"),
        invest("acme", "gamma", usd("20"), on="2023-03-31", commitment="pledge"),
        invest("acme", "gamma", usd("40"), on="2023-03-31", commitment="pledge", inside_commitment=False),
    )
    assert books.commitment(as_of="2022-12-31")["drawn"] == sure("0")
    assert books.commitment(as_of="2023-01-01")["drawn"] == figure("0", "0", "10")
    row = books.commitment(as_of="2023-06-30")
    assert row["drawn"] == figure("20", "20", "30")
    assert row["unfunded"] == figure("70", "80", "80")
    assert row["events"] == [ident(1), ident(2), ident(3)]


def test_recallable_distributions_open_it_again(books: Books) -> None:
    """A commitment of 100, calls of 40, 25 and 5, and 10 that may be called again leave 40."""
    books.given(
        commit("fund", "lp", "gp", usd("100"), purpose="fund"),
        invest("lp", "gp", usd("40"), on="2022-03-31", instrument="fund_interest", commitment="fund"),
        invest("lp", "gp", usd("25"), on="2023-03-31", instrument="fund_interest", commitment="fund"),
        distribute(
            "gp", "lp", usd("15"), "return_of_capital", on="2023-09-30", recallable=usd("10"), commitment="fund"
        ),
        invest("lp", "gp", usd("5"), on="2024-12-31", instrument="fund_interest", commitment="fund"),
    )
    assert books.commitment()["unfunded"] == sure("40")
    assert books.commitment(as_of="2023-09-29")["unfunded"] == sure("35")


def test_unfunded_is_never_below_zero_and_zero_once_closed(books: Books) -> None:
    """A close with a coarse date holds from its last day."""
    books.given(
        commit("pledge", "acme", "beta", usd("100"), binding=False),
        draw("pledge", usd("120"), on="2022-12-31"),
        commit("other", "acme", "beta", usd("100")),
        close("other", "cancelled", on="2023-Q1"),
    )
    [other, pledge] = books.commitments().rows
    assert pledge["unfunded"] == sure("0")
    assert (other["unfunded"], other["outcome"]) == (sure("0"), "cancelled")
    [other, _] = books.commitments(as_of="2023-03-30").rows
    assert (other["unfunded"], other["outcome"]) == (sure("100"), None)


def test_an_amount_of_a_word_is_a_range(books: Books) -> None:
    """Tens of billions: 10 to 100 billion, and nobody stated a figure; in a difference its low stands in."""
    books.given(commit("pledge", "acme", "beta", usd("1000000000", "tens_of")), draw("pledge", usd("4000000000")))
    row = books.commitment()
    assert row["committed"] == figure("10000000000", None, "100000000000")
    assert row["unfunded"] == figure("6000000000", "6000000000", "96000000000")


def test_a_wholly_unknown_amount(books: Books) -> None:
    """It has no currency of its own and joins the only one that there is."""
    books.given(commit("pledge", "acme", "beta", {}), draw("pledge", usd("5")))
    row = books.commitment()
    assert row["committed"] == figure("0", None, None, None)
    assert row["drawn"] == sure("5")
    assert row["unfunded"] == figure("0", "0", None)
    [total] = books.commitments().totals or []
    assert total == {
        "currency": "USD",
        "committed": figure("0", "0", None),
        "drawn": sure("5"),
        "unfunded": figure("0", "0", None),
    }


def test_an_unknown_draw_may_have_taken_everything(books: Books) -> None:
    books.given(commit("pledge", "acme", "beta", usd("100")), draw("pledge", {}))
    assert books.commitment()["unfunded"] == figure("0", "100", "100")


def test_mixed_currencies_are_a_list_and_never_netted(books: Books) -> None:
    """Draws in euros leave the dollars as they are; with rates everything is comparable."""
    books.given(
        commit("pledge", "acme", "beta", usd("100"), on="2023-01-31"),
        draw("pledge", eur("10"), on="2023-03-31"),
        draw("pledge", usd("20"), on="2023-03-31"),
        rate("EUR", "USD", "1.5", on="2023-03-31"),
    )
    row = books.commitment()
    assert row["drawn"] == [sure("10", "EUR"), sure("20")]
    assert row["unfunded"] == [sure("0", "EUR"), sure("80")]
    row = books.commitment(currency="USD")
    assert (row["drawn"], row["unfunded"]) == (sure("35"), sure("65"))
    assert "missing_rates" not in row


def test_a_missing_rate_fails_only_what_needs_it(books: Books) -> None:
    """The rate of a later day is none; it is named with the day on which it would be needed."""
    books.given(
        commit("pledge", "acme", "beta", usd("100"), on="2023-01-31"),
        draw("pledge", eur("10"), on="2023-03-31"),
        rate("EUR", "USD", "1.5", on="2023-04-01"),
    )
    missing = [{"base": "EUR", "quote": "USD", "on": "2023-03-31"}]
    row = books.commitment(currency="USD")
    assert (row["committed"], row["drawn"], row["unfunded"]) == (sure("100"), None, None)
    assert row["missing_rates"] == missing
    assert books.commitments(currency="USD").totals == [
        {"currency": "USD", "committed": sure("100"), "drawn": None, "unfunded": None, "missing_rates": missing}
    ]


def test_a_whole_and_its_parts_count_as_the_larger(books: Books) -> None:
    """100 with parts of 30 and 80 is 110; named by record or by event; nested; rows show what was recorded."""
    books.given(
        commit("whole", "acme", "beta", usd("100")),
        commit("one", "acme", "beta", usd("30"), part_of="whole"),
        commit("two", "acme", "beta", usd("50"), part_of=ident(1)),
        commit("three", "acme", "beta", usd("80"), part_of="two"),
        draw("two", usd("7")),
    )
    assert [row["committed"]["stated"] for row in books.commitments().rows] == ["30", "80", "50", "100"]
    # two is max(50, 80); whole is max(100, 30 + 80). What is open: two max(43, 80), whole max(100, 30 + 80).
    assert books.commitments().totals == [
        {"currency": "USD", "committed": sure("110"), "drawn": sure("7"), "unfunded": sure("110")}
    ]


def test_a_group_is_the_larger_bound_by_bound(books: Books) -> None:
    """The whole's high against the parts' sum of highs, and each of low and stated by itself."""
    books.given(
        commit("whole", "acme", "beta", usd("100", low="50", high="120")),
        commit("one", "acme", "beta", usd("60", low="60", high="150"), part_of="whole"),
    )
    [total] = books.commitments().totals or []
    assert total["committed"] == figure("60", "100", "150")


def test_a_part_whose_whole_the_filter_leaves_out_counts_by_itself(books: Books) -> None:
    books.given(
        commit("whole", "acme", "beta", usd("100")), commit("part", "gamma", "beta", usd("30"), part_of="whole")
    )
    [total] = books.commitments(from_="gamma").totals or []
    assert total["committed"] == sure("30")


def test_an_internal_commitment_is_listed_and_in_no_total(books: Books) -> None:
    books.given(commit("reserve", "acme", "acme", usd("100")))
    found = books.commitments()
    assert [row["committed"] for row in found.rows] == [sure("100")]
    assert found.totals == []


def test_filters_by_payer_and_payee(books: Books) -> None:
    books.given(commit("one", "acme", "beta"), commit("two", "acme", "gamma"), commit("three", "delta", "gamma"))

    def names(**asked: Any) -> list[str]:
        return [row["commitment"] for row in books.commitments(**asked).rows]

    assert names(from_="acme") == ["one", "two"]
    assert names(to="gamma") == ["three", "two"]
    assert names(from_="acme", to="gamma") == ["two"]
    assert names(from_="nobody") == []


def test_what_names_a_commitment_that_does_not_count_is_nowhere(books: Books) -> None:
    books.given(commit("pledge", "acme", "beta", status="rumoured"), draw("pledge", usd("5")))
    assert books.commitments().rows == []
    assert books.commitment(rumours=True)["drawn"] == sure("5")


def test_a_record_made_again_after_a_retraction(books: Books) -> None:
    """The later making holds it, also where the retraction was known only after it; its filters go by that one."""
    books.given(
        commit("pledge", "acme", "beta", usd("100"), known="2023-01-31"),
        retract(ident(1), known="2024-06-30"),
        commit("pledge", "gamma", "beta", usd("7"), known="2023-06-30"),
    )
    assert books.commitment(known_at="2023-01-31")["from"] == "acme"
    row = books.commitment(known_at="2023-12-31")
    assert (row["from"], row["committed"], row["events"]) == ("gamma", sure("7"), [ident(3)])
    assert books.commitments(from_="acme", known_at="2023-12-31").rows == []


def test_pages_cover_the_list_and_share_its_totals(books: Books) -> None:
    books.given(*(commit(f"pledge-{number}", "acme", "beta", usd("1")) for number in range(5)))
    rows: list[str] = []
    totals: list[Any] = []
    after = None
    for _ in range(3):
        page = books.commitments(page=Page(limit=2, after=after))
        rows += [row["commitment"] for row in page.rows]
        totals.append(page.totals)
        after = page.after
        assert page.more is (after is not None)
    assert rows == [f"pledge-{number}" for number in range(5)]
    assert after is None
    assert totals == [books.commitments().totals] * 3
