"""The rules of holdings: none is sold that isn't there. Each case: facts that are taken, then one that is or isn't."""

from __future__ import annotations

from typing import Any

from ledger.refusals import Reason
from tests.facts import Fact, correct, ident, invest, observe, retract, sell, stake
from tests.ledger.cases import PARTIES, bought, cases, check
from tests.ledgers import Ledger, taken


def sold(on: str = "2023-06-30", **more: Any) -> Fact:
    return sell("acme", "beta", on=on, **more)


def share(text: str, on: str = "2023-01-01", **more: Any) -> Fact:
    return invest("acme", "beta", on=on, stake=stake(text), **more)


BIG = "123456789012345678.123456789012"


@cases(
    ("all of the units", [bought()], sold(units="10"), None),
    ("more units", [bought()], sold(units="10.000000000001"), Reason.OVERSOLD),
    ("every digit of them", [bought(BIG)], sold(units=BIG), None),
    ("one digit more", [bought(BIG)], sold(units=BIG[:-1] + "3"), Reason.OVERSOLD),
    ("in two sales", [bought(), sold(units="6")], sold(units="5"), Reason.OVERSOLD),
    ("after a second purchase", [bought(), bought(on="2023-02"), sold(units="15")], sold(units="5"), None),
    ("before the purchase", [bought()], sold(on="2022-12-31", units="1"), Reason.OVERSOLD),
    ("on its day", [bought()], sold(on="2023-01-01", units="10"), None),
    (
        "back-dated before another sale",
        [bought(), sold(on="2023-06-30", units="8")],
        sold(on="2023-03-01", units="3"),
        Reason.OVERSOLD,
    ),
    ("back-dated, with room", [bought(), sold(on="2023-06-30", units="8")], sold(on="2023-03-01", units="2"), None),
    ("perhaps after the purchase", [bought(on="2023-Q2")], sold(on="2023-04-01", units="10"), None),
    ("surely before it", [bought(on="2023-Q2")], sold(on="2023-03-31", units="10"), Reason.OVERSOLD),
    ("a coarse sale, on its last day", [bought(on="2023-06-30")], sold(on="2023", units="10"), None),
    ("units when only a stake is known", [share("0.5")], sold(units="1000"), None),
    ("a stake of which only units are known", [bought()], sold(stake=stake("0.9")), None),
    ("all of the stake", [share("0.2"), share("0.1")], sold(stake=stake("0.3")), None),
    ("more of the stake", [share("0.2"), share("0.1")], sold(stake=stake("0.31")), Reason.OVERSOLD),
    (
        "the high of a stake bought",
        [share("0.2", id=ident(2)), invest("acme", "beta", on="2023", stake=stake("0.2", qualifier="about"))],
        sold(stake=stake("0.41")),
        None,
    ),
    ("the low of a stake sold", [share("0.2")], sold(stake=stake("0.21", qualifier="about")), None),
    ("a stake of another basis", [share("0.2")], sold(stake=stake("0.9", basis="voting")), None),
    ("fractions never run out", [bought(), sold(fraction="0.9")], sold(on="2023-07-01", fraction="0.9"), None),
    ("units after a fraction", [bought(), sold(fraction="0.5")], sold(on="2023-07-01", units="5"), None),
    (
        "more units after a fraction",
        [bought(), sold(fraction="0.5")],
        sold(on="2023-07-01", units="5.1"),
        Reason.OVERSOLD,
    ),
    (
        "a fraction put before a sale of units",
        [bought(), sold(units="8")],
        sold(on="2023-03-01", fraction="0.5"),
        Reason.OVERSOLD,
    ),
    ("units after all", [bought(), sold(all=True)], sold(on="2023-07-01", units="1"), Reason.OVERSOLD),
    ("all after all", [bought(), sold(all=True)], sold(on="2023-07-01", all=True), None),
    ("all put before a sale of units", [bought(), sold(units="8")], sold(on="2023-03-01", all=True), Reason.OVERSOLD),
    (
        "bought again after all",
        [bought(), sold(all=True), bought(on="2023-07-02")],
        sold(on="2023-08", units="10"),
        None,
    ),
    ("nothing was ever bought", [], sold(units="5"), None),
    ("a sale was recorded first", [sold(units="5"), bought(on="2024")], sold(units="500"), None),
    ("an observed count", [observe("acme", "beta", on="2023-03", units="5")], sold(units="5"), None),
    (
        "more than observed",
        [bought(), observe("acme", "beta", on="2023-03", units="5")],
        sold(units="6"),
        Reason.OVERSOLD,
    ),
    (
        "observed after the sale",
        [bought(), observe("acme", "beta", on="2023-08-01", units="1")],
        sold(units="10"),
        None,
    ),
    (
        "observed on the day of the sale, after it",
        [bought(), observe("acme", "beta", on="2023-06-30", units="0")],
        sold(units="10"),
        None,
    ),
    (
        "observed on the day of the sale, before it",
        [bought("1"), observe("acme", "beta", on="2023-06-30", units="10")],
        sold(units="10"),
        None,
    ),
    (
        "observed coarsely, after the sale",
        [bought(), observe("acme", "beta", on="2023-Q2", units="0")],
        sold(units="10"),
        None,
    ),
    (
        "observed coarsely, before the sale",
        [bought("1"), observe("acme", "beta", on="2023-Q2/2023-08", units="10")],
        sold(units="10"),
        None,
    ),
    (
        "an observation lowers what was sold",
        [bought(), sold(on="2023-06-30", units="10")],
        observe("acme", "beta", on="2023-05-01", units="9"),
        Reason.OVERSOLD,
    ),
    ("purchases that were denied", [bought(), bought(status="denied")], sold(units="11"), Reason.OVERSOLD),
    ("purchases that are rumours", [bought(), bought(status="rumoured")], sold(units="11"), Reason.OVERSOLD),
    (
        "a second source of a purchase",
        [bought(id=ident(2)), bought(same_as=ident(2))],
        sold(units="11"),
        Reason.OVERSOLD,
    ),
    ("a sale that was denied", [bought()], sold(units="11", status="denied"), None),
    ("another instrument", [bought()], sell("acme", "beta", instrument="debt", units="11"), None),
    ("another holder", [bought()], sell("gamma", "beta", units="11"), None),
)
def test_sales(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """By everything the ledger holds no day's holding is below zero, in the reading that favours the sales."""
    check(ledger, given, then, reason)


@cases(
    ("a purchase retracted under a sale", [bought(id=ident(2)), sold(units="10")], retract(ident(2)), Reason.OVERSOLD),
    ("one that isn't needed", [bought(id=ident(2)), bought(), sold(units="10")], retract(ident(2)), None),
    (
        "a purchase corrected to less",
        [bought(id=ident(2)), sold(units="10")],
        correct(ident(2), bought("9")),
        Reason.OVERSOLD,
    ),
    ("to as much", [bought(id=ident(2)), sold(units="10")], correct(ident(2), bought("10", on="2022")), None),
    (
        "to a later day",
        [bought(id=ident(2)), sold(units="10")],
        correct(ident(2), bought("10", on="2023-07-01")),
        Reason.OVERSOLD,
    ),
    (
        "to a denial",
        [bought(id=ident(2)), sold(units="10")],
        correct(ident(2), bought(status="denied")),
        Reason.OVERSOLD,
    ),
    (
        "to another holding",
        [bought(id=ident(2)), sold(units="10")],
        correct(ident(2), invest("gamma", "beta", on="2023-01-01", units="10")),
        Reason.OVERSOLD,
    ),
    (
        "an unsold one to another holding",
        [bought(id=ident(2))],
        correct(ident(2), invest("gamma", "beta", on="2023-01-01", units="10")),
        None,
    ),
    (
        "a sale corrected upwards",
        [bought(), sold(units="5", id=ident(2))],
        correct(ident(2), sold(units="11")),
        Reason.OVERSOLD,
    ),
    (
        "a sale moved to where nothing is",
        [bought(), sold(units="5", id=ident(2))],
        correct(ident(2), sell("gamma", "beta", units="11")),
        None,
    ),
    (
        "a correction retracted",
        [bought("5", id=ident(2)), correct(ident(2), bought("10"), id=ident(3)), sold(units="10")],
        retract(ident(3)),
        Reason.OVERSOLD,
    ),
    (
        "a correction of a correction",
        [bought("5", id=ident(2)), correct(ident(2), bought("10"), id=ident(3)), sold(units="10")],
        correct(ident(3), bought("9")),
        Reason.OVERSOLD,
    ),
    (
        "a correction under a later one, retracted",
        [
            bought("5", id=ident(2)),
            correct(ident(2), bought("6"), id=ident(3)),
            correct(ident(3), bought("10")),
            sold(units="10"),
        ],
        retract(ident(3)),
        None,
    ),
    (
        "the fact under a correction, retracted",
        [bought("5", id=ident(2)), correct(ident(2), bought("10"), id=ident(3)), sold(units="10")],
        retract(ident(2)),
        None,
    ),
    (
        "then the correction too",
        [bought("5", id=ident(2)), correct(ident(2), bought("10"), id=ident(3)), retract(ident(2)), sold(units="10")],
        retract(ident(3)),
        Reason.OVERSOLD,
    ),
    (
        "a retraction retracted",
        [bought(), sold(units="6", id=ident(2)), retract(ident(2), id=ident(3)), sold(units="6")],
        retract(ident(3)),
        Reason.OVERSOLD,
    ),
    (
        "a purchase restored",
        [bought(id=ident(2)), bought("1"), retract(ident(2), id=ident(3))],
        retract(ident(3)),
        None,
    ),
    (
        "a retraction of a retraction of a retraction",
        [
            bought(),
            sold(units="6", id=ident(2)),
            retract(ident(2), id=ident(3)),
            retract(ident(3), id=ident(4)),
            retract(ident(4), id=ident(5)),
            sold(units="6"),
        ],
        retract(ident(5)),
        Reason.OVERSOLD,
    ),
)
def test_changes_of_holdings(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """No correction or retraction leaves a day with more sold than was held."""
    check(ledger, given, then, reason)


def test_an_investment_moves_to_another_holding_and_back(ledger: Ledger) -> None:
    """Wherever its latest correction puts it, there it can be sold, and nowhere else."""
    away = invest("gamma", "beta", on="2023-01-01", units="10")
    ledger.given(*PARTIES, bought(id=ident(1)), bought("1"), invest("gamma", "beta", on="2022", units="1"))
    mine, theirs = sold(units="11"), sell("gamma", "beta", units="11")
    assert ledger.refused(theirs).reason == Reason.OVERSOLD
    ledger.given(correct(ident(1), away, id=ident(2)))
    assert ledger.refused(mine).reason == Reason.OVERSOLD
    taken(ledger.submit_dry(theirs))
    ledger.given(correct(ident(2), bought(), id=ident(3)))
    assert ledger.refused(theirs).reason == Reason.OVERSOLD
    taken(ledger.submit_dry(mine))
    ledger.given(retract(ident(3)))
    assert ledger.refused(mine).reason == Reason.OVERSOLD
    ledger.given(theirs)
    assert ledger.refused(retract(ident(2))).reason == Reason.OVERSOLD
    assert ledger.refused(correct(ident(1), bought())).reason == Reason.OVERSOLD


def test_a_purchase_is_never_refused(ledger: Ledger) -> None:
    """Not even where the holding is short for other reasons: a purchase can only mend it."""
    ledger.given(*PARTIES, bought(), sold(units="10"), bought("1", on="2024"))
