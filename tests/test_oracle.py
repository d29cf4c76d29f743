"""The oracle is right on its own: cases worked by hand from the rules of time, correction and counting."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.oracle import commitments, contracts, holdings, valuations
from tests.oracle.bounds import of_money, of_stake, text, written
from tests.oracle.dates import first_day, last_day
from tests.oracle.rows import Question, question

M = "USD"


class Book:
    """A log under construction: ids are given names, positions follow the order of writing."""

    def __init__(self) -> None:
        self.log: list[tuple[int, dict[str, Any]]] = []

    def add(self, name: str, type_: str, effective: str, known: str, data: dict[str, Any], **rest: Any) -> None:
        state = {"schema": 1, "id": name, "type": type_, "effective": effective, "known": known}
        self.log.append((len(self.log) + 1, {**state, "status": "reported", **rest, "data": data}))

    def correct(self, name: str, event: str, known_: str, effective: str, data: dict[str, Any], **rest: Any) -> None:
        self.add(
            name,
            "event.corrected",
            known_,
            known_,
            {"event": event, "replacement": {"effective": effective, "data": data, **rest}, "reason": "better known"},
        )

    def retract(self, name: str, event: str, known: str) -> None:
        self.add(name, "event.retracted", known, known, {"event": event, "reason": "wrong"})

    def at(
        self,
        as_of: str = "2026-01-01",
        known_at: str = "2026-01-01",
        position: int | None = None,
        currency: str | None = None,
        include: tuple[str, ...] = (),
    ) -> Question:
        return question(self.log, as_of, known_at, len(self.log) if position is None else position, currency, include)


def usd(amount: str, **rest: Any) -> dict[str, Any]:
    return {"currency": M, "amount": amount, **rest}


def bought(amount: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"investor": "fund", "issuer": "firm", "instrument": "equity", "amount": amount, **rest}


def sold(proceeds: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"holder": "fund", "issuer": "firm", "instrument": "equity", "proceeds": proceeds, **rest}


def cost(book: Book, *point: Any, **more: Any) -> Any:
    rows = holdings(book.at(*point, **more))["holdings"]
    return [row["cost"] for row in rows]


def exact(amount: str) -> dict[str, Any]:
    return {"currency": M, "low": amount, "stated": amount, "high": amount}


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [
        ("2023-09-25", "2023-09-25", "2023-09-25"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        ("2023-Q3", "2023-07-01", "2023-09-30"),
        ("2023", "2023-01-01", "2023-12-31"),
        ("2023-05/2023-Q4", "2023-05-01", "2023-12-31"),
    ],
)
def test_a_coarse_date_has_a_first_and_a_last_day(form: str, first: str, last: str) -> None:
    assert (str(first_day(form)), str(last_day(form))) == (first, last)


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (usd("4"), ("4", "4", "4")),
        (usd("4", qualifier="up_to"), ("0", "4", "4")),
        (usd("8", qualifier="over"), ("8", "8", None)),
        (usd("8", qualifier="at_least"), ("8", "8", None)),
        (usd("20", qualifier="nearly"), ("18", "20", "20")),
        (usd("5", qualifier="just_under"), ("4.75", "5", "5")),
        (usd("400", qualifier="about"), ("380", "400", "420")),
        (usd("1", qualifier="tens_of"), ("10", None, "100")),
        (usd("1", qualifier="hundreds_of"), ("100", None, "1000")),
        ({"currency": M, "low": "3", "high": "4", "high_open": True}, ("3", None, "4")),
        ({"currency": M, "low": "3", "amount": "3.5", "high": "4"}, ("3", "3.5", "4")),
        ({"currency": M, "low": "3"}, ("3", None, None)),
        ({"currency": M, "high": "3"}, ("0", None, "3")),
        ({}, ("0", None, None)),
    ],
)
def test_words_are_bounds(money: dict[str, Any], expected: tuple) -> None:
    assert tuple(written(of_money(money)).values()) == expected


def test_a_share_is_at_most_one() -> None:
    assert written(of_stake({"share": "0.98", "qualifier": "about"})) == {"low": "0.931", "stated": "0.98", "high": "1"}
    assert written(of_stake({"share": "0.9", "qualifier": "over"})) == {"low": "0.9", "stated": "0.9", "high": "1"}
    assert written(of_stake({"basis": "voting"})) == {"low": "0", "stated": None, "high": "1"}


def test_numbers_are_plain_and_half_even() -> None:
    assert text(Fraction(1, 3)) == "0.333333333333"
    assert text(Fraction(5, 10**13)) == "0"
    assert text(Fraction(15, 10**13)) == "0.000000000002"
    assert text(Fraction(10**18)) == "1" + "0" * 18
    assert text(Fraction(1, 10**12)) == "0.000000000001"


def test_a_coarse_investment_counts_for_high_from_its_first_day_and_wholly_from_its_last() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-Q3", "2023-11-05", bought(usd("100", qualifier="about")))
    assert cost(book, "2023-06-30") == []
    assert cost(book, "2023-07-01") == [{"currency": M, "low": "0", "stated": "0", "high": "105"}]
    assert cost(book, "2023-09-29") == [{"currency": M, "low": "0", "stated": "0", "high": "105"}]
    assert cost(book, "2023-09-30") == [{"currency": M, "low": "95", "stated": "100", "high": "105"}]
    assert cost(book, "2023-09-30", "2023-11-04") == []
    assert cost(book, "2023-09-30", "2023-11-05", 0) == []


def test_a_correction_supersedes_when_it_is_known_and_shows_when_its_replacement_is() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-01-01", "2023-01-10", bought(usd("100")))
    book.correct("c", "a", "2023-03-01", "2023-02-01", bought(usd("120")), known="2023-04-01")
    assert cost(book, "2023-12-31", "2023-02-28") == [exact("100")]
    assert cost(book, "2023-12-31", "2023-03-01") == []
    assert cost(book, "2023-12-31", "2023-03-31") == []
    assert cost(book, "2023-12-31", "2023-04-01") == [exact("120")]
    assert cost(book, "2023-01-31", "2023-04-01") == []
    assert cost(book, "2023-12-31", "2023-04-01", 1) == [exact("100")]


def test_a_replacement_known_before_its_correction_shows_with_the_correction() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-01-01", "2023-01-10", bought(usd("100")))
    book.correct("c", "a", "2023-03-01", "2023-01-01", bought(usd("120")), known="2022-12-01")
    assert cost(book, "2023-12-31", "2023-02-28") == [exact("100")]
    assert cost(book, "2023-12-31", "2023-03-01") == [exact("120")]


def test_the_highest_live_position_holds_whichever_member_it_names() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-01-01", "2023-01-01", bought(usd("100")))
    book.correct("c1", "a", "2023-02-01", "2023-01-01", bought(usd("110")))
    book.correct("c2", "a", "2023-02-01", "2023-01-01", bought(usd("120")))
    book.correct("c3", "c1", "2023-02-01", "2023-01-01", bought(usd("130")))
    assert [cost(book, "2024-01-01", "2024-01-01", n) for n in (1, 2, 3, 4)] == [
        [exact(amount)] for amount in ("100", "110", "120", "130")
    ]
    book.retract("r3", "c3", "2023-03-01")
    assert cost(book) == [exact("120")]
    assert cost(book, "2024-01-01", "2023-02-28") == [exact("130")]
    book.retract("r1", "c1", "2023-03-01")
    book.retract("r2", "c2", "2023-03-01")
    assert cost(book) == [exact("100")]
    book.retract("rr3", "r3", "2023-04-01")
    assert cost(book) == [exact("130")]
    assert cost(book, "2024-01-01", "2023-03-31") == [exact("100")]


def test_retracting_the_fact_leaves_a_live_correction() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-01-01", "2023-01-01", bought(usd("100")))
    book.correct("c", "a", "2023-02-01", "2023-01-01", bought(usd("110")))
    book.retract("r", "a", "2023-03-01")
    assert cost(book) == [exact("110")]
    book.retract("rc", "c", "2023-03-01")
    assert cost(book) == []
    assert cost(book, "2024-01-01", "2023-02-28") == [exact("110")]


def test_a_back_dated_event_changes_the_past_only_for_later_positions() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-06-01", "2023-06-01", bought(usd("100")))
    book.add("b", "investment.made", "2022-01-01", "2024-06-01", bought(usd("7")))
    assert cost(book, "2022-12-31") == [exact("7")]
    assert cost(book, "2022-12-31", "2024-05-31") == []
    assert cost(book, "2022-12-31", "2024-06-01", 1) == []


def test_denied_counts_nowhere_and_rumoured_only_when_asked() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-01-01", "2023-01-01", bought(usd("100")), status="denied")
    book.add("b", "investment.made", "2023-01-01", "2023-01-01", bought(usd("10")), status="rumoured")
    assert cost(book) == []
    assert cost(book, include=("rumoured",)) == [exact("10")]


def test_of_two_sources_for_one_fact_the_first_that_counts_counts() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-01-01", "2023-01-05", bought(usd("100")))
    book.add("b", "investment.made", "2023-01-01", "2023-01-01", bought(usd("90")), same_as="a")
    book.add("c", "investment.made", "2023-01-01", "2023-01-01", bought(usd("80")), same_as="b")
    assert cost(book) == [exact("100")]
    # While the first is not known the second speaks for the fact.
    assert cost(book, "2024-01-01", "2023-01-04") == [exact("90")]
    book.retract("r", "a", "2023-02-01")
    assert cost(book) == [exact("90")]
    # A correction that names no other decides that the fact is one of its own.
    book.correct("d", "c", "2023-03-01", "2023-01-01", bought(usd("81")))
    assert cost(book) == [exact("171")]


def test_a_group_counts_as_the_larger_of_whole_and_parts() -> None:
    book = Book()
    book.add("w", "investment.made", "2023", "2024-01-01", bought(usd("100", qualifier="at_least")))
    book.add("p", "investment.made", "2023", "2024-01-01", bought(usd("60"), part_of="w"))
    book.add("q", "investment.made", "2023", "2024-01-01", bought(usd("70"), part_of="w"))
    book.add("pp", "investment.made", "2023", "2024-01-01", bought(usd("65"), part_of="p"))
    assert cost(book) == [{"currency": M, "low": "135", "stated": "135", "high": None}]
    book.retract("r", "w", "2024-02-01")
    assert cost(book) == [exact("135")]


def test_shared_round_is_counted_once_in_the_total_and_fully_for_each_holder() -> None:
    book = Book()
    book.add("w", "investment.made", "2024-12-24", "2024-12-24", bought(usd("6")) | {"investor": "all-investors"})
    book.add("p", "investment.made", "2024-12-24", "2024-12-24", bought({}, part_of="w"))
    answer = holdings(book.at())
    assert [(row["holder"], row["cost"]) for row in answer["holdings"]] == [
        ("all-investors", exact("6")),
        ("fund", {"currency": None, "low": "0", "stated": "0", "high": None}),
    ]
    (total,) = answer["totals"]
    assert (total["currency"], total["cost"]) == (M, {"currency": M, "low": "6", "stated": "6", "high": None})
    (only,) = holdings(book.at(), holder="all-investors")["totals"]
    assert only["cost"] == exact("6")


def test_units_and_stakes_are_replayed_in_order_of_days() -> None:
    book = Book()
    book.add("b", "investment.made", "2020-01-01", "2020-01-01", bought(usd("10"), units="100", stake={"share": "0.5"}))
    book.add("s", "investment.sold", "2021-01-01", "2021-01-01", sold(usd("5"), fraction="0.5"))
    book.add("late", "investment.made", "2020-06-01", "2022-01-01", bought(usd("10"), units="20"))
    (row,) = holdings(book.at())["holdings"]
    assert (row["units"], row["stake"][0]["stated"], row["cost"]) == ("60", "0.25", exact("20"))
    assert holdings(book.at("2026-01-01", "2021-12-31"))["holdings"][0]["units"] == "50"
    book.add("o", "holding.observed", "2023-01-01", "2023-01-01", {**_key(), "units": "10"})
    book.add("all", "investment.sold", "2024-01-01", "2024-01-01", sold(usd("5"), all=True))
    assert holdings(book.at("2023-12-31"))["holdings"][0]["units"] == "10"
    (gone,) = holdings(book.at())["holdings"]
    assert (gone["units"], gone["stake"][0]["high"], gone["value"]) == ("0", "0", exact("0"))
    assert gone["multiple"] == "0.5"
    assert gone["incomplete"] is False


def _key() -> dict[str, Any]:
    return {"holder": "fund", "issuer": "firm", "instrument": "equity"}


def test_a_coarse_sale_lowers_low_from_its_first_day_and_the_rest_from_its_last() -> None:
    book = Book()
    book.add("b", "investment.made", "2020-01-01", "2020-01-01", bought(usd("10"), stake={"share": "0.5"}))
    book.add("s", "investment.sold", "2021", "2022-01-01", sold(usd("4"), stake={"share": "0.2"}))
    (during,) = holdings(book.at("2021-06-01"))["holdings"]
    assert during["stake"] == [{"basis": "economic", "low": "0.3", "stated": "0.5", "high": "0.5"}]
    assert during["proceeds"] == {"currency": M, "low": "0", "stated": "0", "high": "4"}
    (after,) = holdings(book.at("2021-12-31"))["holdings"]
    assert after["stake"] == [{"basis": "economic", "low": "0.3", "stated": "0.3", "high": "0.3"}]


def test_a_sale_of_what_nobody_recorded_is_incomplete() -> None:
    book = Book()
    book.add("s", "investment.sold", "2019", "2019-12-31", sold(usd("4000000000"), stake={"share": "0.049"}))
    (row,) = holdings(book.at())["holdings"]
    assert (row["incomplete"], row["units"], row["stake"], row["multiple"]) == (True, None, [], None)
    (mark,) = valuations(book.at(), subject="firm")["marks"]
    assert mark["implied"]["stated"] == "81632653061.224489795918"


def test_implied_value_of_a_purchase_and_its_step_up() -> None:
    book = Book()
    stake = {"share": "0.35", "qualifier": "about"}
    book.add("y", "investment.made", "1996", "1996-12-31", bought(usd("102000000"), stake=stake))
    book.add("z", "investment.made", "1997", "1997-12-31", bought(usd("204000000"), stake=stake))
    first, second = valuations(book.at(), subject="firm")["marks"]
    assert first["implied"]["stated"] == "291428571.428571428571"
    assert first["implied"]["low"] == text(of_money(usd("102000000")).low / of_stake(stake).high)  # type: ignore[operator]
    assert (first["step_up"], second["step_up"]) == (None, "2")


@pytest.mark.parametrize(
    ("marks", "value", "basis"),
    [
        ([("fair_value", {"value": usd("100")})], "25", "fair_value"),
        ([("fair_value", {"value": usd("100")}), ("target", {"value": usd("900")})], "25", "fair_value"),
        ([("post_money", {"value": usd("100")}), ("secondary", {"value": {}, "price": usd("2")})], "20", "secondary"),
        ([("secondary", {"value": {}, "price": usd("2")}), ("unspecified", {"value": usd("9"), "holder": "fund"})], "9",
         "unspecified"),
        ([("post_money", {"value": usd("100"), "holder": "other"})], None, None),
        ([("pre_money", {"value": usd("100")})], None, None),
    ],
)  # fmt: skip
def test_the_nearest_mark_values_a_holding(marks: list, value: str | None, basis: str | None) -> None:
    book = Book()
    book.add("b", "investment.made", "2020-01-01", "2020-01-01", bought(usd("5"), units="10", stake={"share": "0.25"}))
    for day, (mark_basis, rest) in enumerate(marks, start=1):
        data = {"subject": "firm", "basis": mark_basis, **rest}
        book.add(f"m{day}", "valuation.recorded", f"2021-01-0{day}", "2021-02-01", data)
    book.add("later", "valuation.recorded", "2021-07-01", "2021-02-01", {"subject": "firm", "value": usd("1"),
             "basis": "fair_value", "holder": "fund"})  # fmt: skip
    (row,) = holdings(book.at("2021-06-01"))["holdings"]
    assert (row["value"] and row["value"]["stated"], row["value_basis"]) == (value, basis)


def test_the_worked_fund_of_metrics_8() -> None:
    book = Book()
    made = {"commitment": "c", "from": "fund", "to": "firm", "amount": usd("100"), "purpose": "fund", "binding": True}
    book.add("c", "commitment.made", "2022-01-01", "2022-01-01", made)
    for name, day, amount in (("1", "2022-03-31", "40"), ("2", "2023-03-31", "25"), ("3", "2024-12-31", "5")):
        data = bought(usd(amount), commitment="c") | {"instrument": "fund_interest"}
        book.add(name, "investment.made", day, day, data)
    data = {"payer": "firm", "holder": "fund", "amount": usd("15"), "kind": "return_of_capital", "commitment": "c",
            "recallable": usd("10")}  # fmt: skip
    book.add("d", "distribution.paid", "2023-09-30", "2023-09-30", data)
    book.add("m", "valuation.recorded", "2025-12-31", "2025-12-31",
             {"subject": "firm", "value": usd("78"), "basis": "fair_value", "holder": "fund"})  # fmt: skip
    (row,) = commitments(book.at())["commitments"]
    assert (row["drawn"], row["unfunded"]) == (exact("70"), exact("40"))
    assert row["events"] == ["c", "1", "2", "3", "d"]
    (held,) = holdings(book.at())["holdings"]
    assert (held["instrument"], held["cost"], held["distributions"]) == ("fund_interest", exact("70"), exact("15"))
    assert held["multiple"] == "1.328571428571"
    assert (held["value_event"], held["valued_on"], held["age_days"]) == ("m", "2025-12-31", 1)
    book.add("x", "commitment.closed", "2026", "2026-01-01", {"commitment": "c", "outcome": "fulfilled"})
    assert commitments(book.at("2026-12-30"))["commitments"][0]["unfunded"] == exact("40")
    assert commitments(book.at("2026-12-31"))["commitments"][0]["unfunded"] == exact("0")


def test_up_to_four_billion_is_what_was_drawn_to_four() -> None:
    book = Book()
    made = {"commitment": "c", "from": "amazon", "to": "firm", "amount": usd("4", qualifier="up_to"),
            "purpose": "investment", "binding": True}  # fmt: skip
    book.add("c", "commitment.made", "2023-09", "2023-10-01", made)
    (row,) = commitments(book.at())["commitments"]
    assert row["committed"] == row["unfunded"] == {"currency": M, "low": "0", "stated": "4", "high": "4"}
    assert row["drawn"] == exact("0")
    draw = bought(usd("1.25"), commitment="c") | {"investor": "amazon"}
    book.add("d", "investment.made", "2023-09-30", "2023-10-01", draw)
    (row,) = commitments(book.at())["commitments"]
    assert row["committed"] == {"currency": M, "low": "1.25", "stated": "4", "high": "4"}
    assert row["unfunded"] == {"currency": M, "low": "0", "stated": "2.75", "high": "2.75"}
    (row,) = commitments(book.at("2023-09-15"))["commitments"]
    assert row["committed"] == {"currency": M, "low": "0", "stated": "0", "high": "4"}


def test_nested_commitments_and_internal_ones_in_the_total() -> None:
    book = Book()

    def made(name: str, amount: str, to: str = "firm", **rest: Any) -> None:
        data = {"commitment": name, "from": "jic", "to": to, "purpose": "fund", "binding": True,
                "amount": usd(amount, qualifier="about"), **rest}  # fmt: skip
        book.add(name, "commitment.made", "2023", "2024-04-30", data)

    made("jic-all", "1100")
    made("jic-abroad", "360", part_of="jic-all")
    made("jic-nea", "400", part_of="jic-abroad")
    made("own", "10000", to="jic")
    (total,) = commitments(book.at())["totals"]
    assert total["committed"] == {"currency": M, "low": "1045", "stated": "1100", "high": "1155"}
    (abroad,) = commitments(book.at(position=3))["totals"]
    assert abroad["committed"] == {"currency": M, "low": "1045", "stated": "1100", "high": "1155"}
    assert len(commitments(book.at())["commitments"]) == 4
    (one,) = commitments(book.at(), to="jic")["commitments"]
    assert one["commitment"] == "own"
    assert commitments(book.at(), to="jic")["totals"] == []


def test_the_latest_change_is_in_force_even_if_it_is_dated_before_the_fact() -> None:
    book = Book()
    made = {"commitment": "c", "from": "a", "to": "b", "amount": usd("100"), "purpose": "capex", "binding": False}
    book.add("c", "commitment.made", "2023", "2023-12-31", made)
    book.add("h", "commitment.changed", "2023-05-01", "2023-12-31", {"commitment": "c", "amount": usd("90")})
    book.add("g", "commitment.changed", "2023-05-01", "2023-12-31", {"commitment": "c", "held": True})
    (row,) = commitments(book.at("2023-12-31"))["commitments"]
    assert (row["committed"], row["held"], row["binding"]) == (exact("90"), True, False)
    (row,) = commitments(book.at("2023-04-30"))["commitments"]
    assert (row["committed"]["high"], row["held"], row["events"]) == ("100", False, ["c"])


def test_what_remains_of_a_contract() -> None:
    book = Book()
    signed = {"contract": "k", "customer": "firm", "provider": "cloud", "resource": "cloud", "binding": True,
              "amount": {"currency": M, "low": "3", "high": "4", "high_open": True}}  # fmt: skip
    book.add("k", "contract.signed", "2023-06", "2023-11-05", signed)
    book.add("b", "contract.billed", "2024-Q1", "2024-04-01", {"contract": "k", "amount": usd("1", qualifier="about")})
    book.add("p", "contract.paid", "2024-05-01", "2024-05-01", {"contract": "k", "amount": usd("0.9")})
    (row,) = contracts(book.at("2024-12-31"))["contracts"]
    assert row["amount"] == {"currency": M, "low": "3", "stated": None, "high": "4"}
    assert row["remaining"] == {"currency": M, "low": "1.95", "stated": "2", "high": "3.05"}
    assert row["ended"] is False
    (total,) = contracts(book.at("2024-12-31"))["totals"]
    assert total["amount"] == {"currency": M, "low": "3", "stated": "3", "high": "4"}
    book.add("e", "contract.ended", "2025-01-01", "2025-01-01", {"contract": "k"})
    assert contracts(book.at())["contracts"][0]["remaining"] == exact("0")


def test_rates_serve_by_the_day_of_the_part_and_their_lack_is_named() -> None:
    book = Book()
    book.add("a", "investment.made", "2023-06", "2023-07-01", bought({"currency": "EUR", "amount": "100"}))
    book.add("b", "investment.made", "2023-06-15", "2023-07-01", bought(usd("10")))
    (row,) = holdings(book.at())["holdings"]
    assert [one["currency"] for one in row["cost"]] == ["EUR", "USD"]
    answer = holdings(book.at(currency="USD"))
    (row,) = answer["holdings"]
    lacking = [{"base": "EUR", "quote": "USD", "on": "2023-06-30"}]
    assert (row["cost"], row["missing_rates"], row["proceeds"]) == (None, lacking, exact("0"))
    assert (answer["totals"][0]["cost"], answer["totals"][0]["missing_rates"]) == (None, lacking)
    book.add("r", "rate.published", "2023-06-30", "2023-06-30", {"base": "USD", "quote": "EUR", "rate": "0.8"})
    assert cost(book, currency="USD") == [exact("135")]
    # On the way through June only the day itself may be looked at: no rate was published by then.
    assert cost(book, "2023-06-29", currency="USD") == [None]
    book.add("s", "rate.published", "2023-06-15", "2023-06-15", {"base": "EUR", "quote": "USD", "rate": "1.1"})
    assert cost(book, "2023-06-29", currency="USD") == [{"currency": M, "low": "10", "stated": "10", "high": "120"}]
    assert cost(book, currency="USD") == [exact("135")]
    assert cost(book, currency="JPY") == [None]
    book.add("u", "investment.made", "2023-01-01", "2023-01-01", bought({}) | {"issuer": "other"})
    (unknown,) = holdings(book.at(currency="JPY"), issuer="other")["holdings"]
    assert unknown["cost"] == {"currency": "JPY", "low": "0", "stated": "0", "high": None}
