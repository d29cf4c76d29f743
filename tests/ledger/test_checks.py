"""The rules on what the ledger holds. Each case: facts that are taken, then one that is taken or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.refusals import Reason
from ledger.times import today
from tests.facts import (
    Fact,
    bill,
    change,
    change_contract,
    claim,
    close,
    commit,
    correct,
    distribute,
    draw,
    end_contract,
    entities,
    entity,
    entity_changed,
    eur,
    fact,
    guarantee,
    ident,
    invest,
    mark,
    observe,
    pay,
    rate,
    restrict,
    retract,
    review,
    sell,
    sign,
    stake,
    usd,
)
from tests.ledgers import Ledger, taken

PARTIES = entities("acme", "beta", "gamma")

Case = tuple[str, list[Fact], Fact, Reason | None]


def cases(*listed: Case) -> Any:
    return pytest.mark.parametrize(
        ("given", "then", "reason"), [one[1:] for one in listed], ids=[one[0] for one in listed]
    )


def check(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    ledger.given(*PARTIES, *given)
    if reason is None:
        taken(ledger.ask(then))
    else:
        assert ledger.refused(then).reason == reason


PLEDGE = commit("pledge", "acme", "beta", id=ident(1))
LOOSE = commit("pledge", "acme", "beta", id=ident(1), binding=False)


def drawing(amount: str, **more: Any) -> Fact:
    return invest("acme", "beta", usd(amount), commitment="pledge", **more)


@cases(
    ("up to the high", [PLEDGE, drawing("60")], draw("pledge", usd("40")), None),
    ("an investment draws too", [PLEDGE, draw("pledge", usd("60"))], drawing("40.01"), Reason.OVERDRAWN),
    ("outside the commitment", [PLEDGE, drawing("100")], drawing("1", inside_commitment=False), None),
    ("the low of a draw counts", [PLEDGE], draw("pledge", usd("1000", "up_to")), None),
    ("above whatever it was", [PLEDGE], draw("pledge", usd("100.01", "over")), Reason.OVERDRAWN),
    ("an unknown draw", [PLEDGE, draw("pledge", usd("100"))], draw("pledge", {}), None),
    ("not binding", [LOOSE], draw("pledge", usd("500")), None),
    ("binding since", [LOOSE, change("pledge", binding=True)], draw("pledge", usd("101")), Reason.OVERDRAWN),
    ("binding no longer", [PLEDGE, change("pledge", binding=False)], draw("pledge", usd("101")), None),
    (
        "becoming binding when overdrawn",
        [LOOSE, draw("pledge", usd("101"))],
        change("pledge", binding=True),
        Reason.OVERDRAWN,
    ),
    ("no end to the amount", [commit("pledge", "acme", "beta", usd("1", "over"))], draw("pledge", usd("500")), None),
    ("wholly unknown", [commit("pledge", "acme", "beta", {})], draw("pledge", usd("500")), None),
    ("the high of a word", [commit("pledge", "acme", "beta", usd("100", "about"))], draw("pledge", usd("105")), None),
    (
        "above the high",
        [commit("pledge", "acme", "beta", usd("100", "about"))],
        draw("pledge", usd("106")),
        Reason.OVERDRAWN,
    ),
    ("another currency", [PLEDGE, draw("pledge", usd("100"))], draw("pledge", eur("500")), None),
    ("raised", [PLEDGE, change("pledge", amount=usd("200"))], draw("pledge", usd("200")), None),
    (
        "raised later than drawn",
        [PLEDGE, change("pledge", on="2025", amount=usd("200"))],
        draw("pledge", usd("200"), on="2023"),
        None,
    ),
    (
        "raised by a rumour",
        [PLEDGE, change("pledge", amount=usd("200"), status="rumoured")],
        draw("pledge", usd("200")),
        Reason.OVERDRAWN,
    ),
    (
        "raised, then lowered before",
        [PLEDGE, change("pledge", on="2024", amount=usd("200")), change("pledge", on="2023", amount=usd("50"))],
        draw("pledge", usd("200")),
        None,
    ),
    ("draws that were denied", [PLEDGE, draw("pledge", usd("100"), status="denied")], draw("pledge", usd("100")), None),
    ("a denied draw", [PLEDGE, draw("pledge", usd("100"))], draw("pledge", usd("100"), status="denied"), None),
    (
        "a second source",
        [PLEDGE, draw("pledge", usd("100"), id=ident(2))],
        draw("pledge", usd("100"), same_as=ident(2)),
        None,
    ),
    (
        "a draw that was retracted",
        [PLEDGE, draw("pledge", usd("100"), id=ident(2)), retract(ident(2))],
        draw("pledge", usd("100")),
        None,
    ),
    (
        "a draw that was corrected",
        [PLEDGE, draw("pledge", usd("100"), id=ident(2)), correct(ident(2), draw("pledge", usd("60")))],
        draw("pledge", usd("41")),
        Reason.OVERDRAWN,
    ),
    (
        "what may be recalled",
        [PLEDGE, drawing("100"), distribute("beta", "acme", usd("30"), commitment="pledge", recallable=usd("20"))],
        drawing("20"),
        None,
    ),
    (
        "more than may be recalled",
        [PLEDGE, drawing("100"), distribute("beta", "acme", usd("30"), commitment="pledge", recallable=usd("20"))],
        drawing("21"),
        Reason.OVERDRAWN,
    ),
    (
        "the high of what may be recalled",
        [
            PLEDGE,
            drawing("100"),
            distribute("beta", "acme", usd("30"), commitment="pledge", recallable=usd("10", "tens_of")),
        ],
        drawing("1000"),
        None,
    ),
    (
        "nobody knows what may be recalled",
        [PLEDGE, drawing("100"), distribute("beta", "acme", usd("30"), commitment="pledge", recallable={})],
        drawing("500"),
        None,
    ),
    (
        "all digits count",
        [commit("pledge", "acme", "beta", usd("123456789012345678.123456789012"))],
        draw("pledge", usd("123456789012345678.123456789012")),
        None,
    ),
    (
        "the last digit counts",
        [commit("pledge", "acme", "beta", usd("123456789012345678.123456789011"))],
        draw("pledge", usd("123456789012345678.123456789012")),
        Reason.OVERDRAWN,
    ),
)
def test_draws(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """The least that was drawn, less the most that may be recalled, is not above the most that was bound."""
    check(ledger, given, then, reason)


@cases(
    ("on the last day", [PLEDGE, close("pledge", on="2023-06")], drawing("1", on="2023-06-30"), None),
    ("the day after", [PLEDGE, close("pledge", on="2023-06")], drawing("1", on="2023-07-01"), Reason.DRAWN_AFTER_CLOSE),
    ("perhaps before", [PLEDGE, close("pledge", on="2023-06")], drawing("1", on="2023-Q2/2024"), None),
    (
        "outside the commitment",
        [PLEDGE, close("pledge", on="2023-06")],
        drawing("1", on="2024", inside_commitment=False),
        None,
    ),
    (
        "a close before a draw",
        [PLEDGE, drawing("1", on="2023-06-30")],
        close("pledge", on="2023-06-29"),
        Reason.DRAWN_AFTER_CLOSE,
    ),
    (
        "a rumoured close",
        [PLEDGE, drawing("1", on="2023-06-30")],
        close("pledge", on="2023-06-29", status="rumoured"),
        None,
    ),
    (
        "a second close doesn't reopen what the first one closed",
        [PLEDGE, close("pledge", on="2023"), close("pledge", on="2024")],
        drawing("1", on="2024-05-01"),
        Reason.DRAWN_AFTER_CLOSE,
    ),
    (
        "a close that was retracted",
        [PLEDGE, close("pledge", on="2022-12-31", id=ident(2)), retract(ident(2))],
        drawing("1"),
        None,
    ),
)
def test_closes(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """A draw that can't have been before the close is refused, whichever of the two comes second."""
    check(ledger, given, then, reason)


@cases(
    ("a change to what was drawn", [LOOSE, drawing("60")], change("pledge", amount=usd("60")), None),
    ("a change below", [LOOSE, drawing("60")], change("pledge", amount=usd("59")), Reason.BELOW_DRAWN),
    ("a word that reaches it", [PLEDGE, drawing("60")], change("pledge", amount=usd("58", "about")), None),
    ("in another currency", [PLEDGE, drawing("60")], change("pledge", amount=eur("1")), None),
    (
        "an earlier change that isn't in force",
        [PLEDGE, change("pledge", on="2024", amount=usd("80")), drawing("60")],
        change("pledge", on="2023", amount=usd("1")),
        None,
    ),
    (
        "a commitment corrected below",
        [PLEDGE, drawing("60")],
        correct(ident(1), commit("pledge", "acme", "beta", usd("59"))),
        Reason.OVERDRAWN,
    ),
    (
        "one that doesn't bind",
        [LOOSE, drawing("60")],
        correct(ident(1), {**LOOSE, "data": {**LOOSE["data"], "amount": usd("59")}}),
        None,
    ),
    (
        "a raise retracted",
        [PLEDGE, change("pledge", amount=usd("200"), id=ident(2)), drawing("150")],
        retract(ident(2)),
        Reason.OVERDRAWN,
    ),
    (
        "a raise that nobody needs",
        [PLEDGE, change("pledge", amount=usd("200"), id=ident(2)), drawing("100")],
        retract(ident(2)),
        None,
    ),
    (
        "a draw moved here",
        [
            PLEDGE,
            commit("other", "acme", "beta"),
            drawing("60"),
            invest("acme", "beta", usd("60"), commitment="other", id=ident(2)),
        ],
        correct(ident(2), drawing("60")),
        Reason.OVERDRAWN,
    ),
    (
        "a draw moved away",
        [
            PLEDGE,
            commit("other", "acme", "beta"),
            drawing("60", id=ident(2)),
            correct(ident(2), invest("acme", "beta", usd("60"), commitment="other")),
        ],
        drawing("100"),
        None,
    ),
    (
        "a draw moved away and back",
        [
            PLEDGE,
            commit("other", "acme", "beta"),
            drawing("60", id=ident(2)),
            correct(ident(2), invest("acme", "beta", usd("60"), commitment="other"), id=ident(3)),
            correct(ident(3), drawing("60")),
        ],
        drawing("41"),
        Reason.OVERDRAWN,
    ),
    (
        "the correction that took a draw away, retracted",
        [
            PLEDGE,
            commit("other", "acme", "beta"),
            drawing("60", id=ident(2)),
            correct(ident(2), invest("acme", "beta", usd("60"), commitment="other"), id=ident(3)),
            drawing("41"),
        ],
        retract(ident(3)),
        Reason.OVERDRAWN,
    ),
    (
        "the same with room",
        [
            PLEDGE,
            commit("other", "acme", "beta"),
            drawing("60", id=ident(2)),
            correct(ident(2), invest("acme", "beta", usd("60"), commitment="other"), id=ident(3)),
            drawing("40"),
        ],
        retract(ident(3)),
        None,
    ),
    (
        "a retracted draw restored",
        [PLEDGE, drawing("60", id=ident(2)), retract(ident(2), id=ident(3)), drawing("41")],
        retract(ident(3)),
        Reason.OVERDRAWN,
    ),
)
def test_changes_of_commitments(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """No change, correction or retraction leaves a commitment with more drawn than it allows."""
    check(ledger, given, then, reason)


def bought(units: str = "10", on: str = "2023-01-01", **more: Any) -> Fact:
    return invest("acme", "beta", on=on, units=units, **more)


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


CEILING = sign("deal", "acme", "beta", take_or_pay=False, id=ident(1))


@cases(
    ("up to the amount", [CEILING, bill("deal", usd("60"))], bill("deal", usd("40")), None),
    ("above it", [CEILING, bill("deal", usd("60"))], bill("deal", usd("40.01")), Reason.OVERBILLED),
    ("take or pay", [sign("deal", "acme", "beta", take_or_pay=True)], bill("deal", usd("500")), None),
    ("nobody said", [sign("deal", "acme", "beta")], bill("deal", usd("500")), None),
    ("payments are no bills", [CEILING], pay("deal", usd("500")), None),
    ("the low of a bill", [CEILING], bill("deal", usd("500", "up_to")), None),
    (
        "the high of the amount",
        [sign("deal", "acme", "beta", usd("100", "about"), take_or_pay=False)],
        bill("deal", usd("105")),
        None,
    ),
    ("another currency", [CEILING], bill("deal", eur("500")), None),
    ("raised", [CEILING, change_contract("deal", amount=usd("200"))], bill("deal", usd("200")), None),
    (
        "raised to nobody knows what",
        [CEILING, change_contract("deal", amount={})],
        bill("deal", usd("500")),
        None,
    ),
    (
        "lowered below the bills",
        [CEILING, bill("deal", usd("60"))],
        change_contract("deal", amount=usd("59")),
        Reason.OVERBILLED,
    ),
    (
        "a raise retracted",
        [CEILING, change_contract("deal", amount=usd("200"), id=ident(2)), bill("deal", usd("150"))],
        retract(ident(2)),
        Reason.OVERBILLED,
    ),
    ("bills that were denied", [CEILING, bill("deal", usd("100"), status="denied")], bill("deal", usd("100")), None),
    (
        "a second source",
        [CEILING, bill("deal", usd("100"), id=ident(2))],
        bill("deal", usd("100"), same_as=ident(2)),
        None,
    ),
    (
        "the ceiling put on later",
        [sign("deal", "acme", "beta", id=ident(1)), bill("deal", usd("150"))],
        correct(ident(1), CEILING),
        Reason.OVERBILLED,
    ),
    ("after the end", [CEILING, end_contract("deal", on="2022")], bill("deal", usd("1"), on="2023"), None),
)
def test_bills(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """Bills stay within a contract that says it is not take-or-pay."""
    check(ledger, given, then, reason)


def under(name: str, parent: str | None, on: str = "2020", **more: Any) -> Fact:
    return entity_changed(name, on=on, parent=parent, **more)


@cases(
    ("itself", [], under("acme", "acme"), Reason.PARENT_CIRCLE),
    ("two", [under("acme", "beta")], under("beta", "acme"), Reason.PARENT_CIRCLE),
    ("three", [under("acme", "beta"), under("beta", "gamma")], under("gamma", "acme"), Reason.PARENT_CIRCLE),
    ("a chain is no circle", [under("acme", "beta")], under("beta", "gamma"), None),
    ("two under one", [under("acme", "gamma")], under("beta", "gamma"), None),
    ("after it was left", [under("acme", "beta"), under("acme", None, "2021")], under("beta", "acme", "2021"), None),
    (
        "before it was left",
        [under("acme", "beta"), under("acme", None, "2021")],
        under("beta", "acme", "2020-12-31"),
        Reason.PARENT_CIRCLE,
    ),
    (
        "for a while",
        [under("acme", "beta"), under("acme", None, "2021"), under("beta", None, "2023")],
        under("beta", "acme", "2022"),
        None,
    ),
    ("before it begins", [under("acme", "beta", "2022")], under("beta", "acme"), Reason.PARENT_CIRCLE),
    (
        "ended before the other begins",
        [under("acme", "beta", "2022"), under("beta", None, "2021")],
        under("beta", "acme", "2019"),
        None,
    ),
    (
        "between two ends",
        [under("acme", "beta", "2022"), under("beta", None, "2021")],
        under("beta", "acme", "2021-12-31"),
        Reason.PARENT_CIRCLE,
    ),
    (
        "an end that ends too early",
        [under("acme", "beta", "2018"), under("acme", None, "2019"), under("beta", "acme", "2020")],
        under("acme", "beta", "2021"),
        Reason.PARENT_CIRCLE,
    ),
    (
        "a coarse date counts on its last day",
        [under("acme", "beta", "2020"), under("acme", None, "2021-Q2")],
        under("beta", "acme", "2021-06-30"),
        None,
    ),
    (
        "the other parent came later",
        [under("acme", "beta"), under("acme", "gamma", "2021")],
        under("beta", "acme", "2021"),
        None,
    ),
    ("by rumour", [under("acme", "beta")], under("beta", "acme", status="rumoured"), None),
    ("after a denial", [under("acme", "beta", status="denied")], under("beta", "acme"), None),
    (
        "an end retracted",
        [under("acme", "beta"), under("acme", None, "2021", id=ident(2)), under("beta", "acme", "2022")],
        retract(ident(2)),
        Reason.PARENT_CIRCLE,
    ),
    (
        "an end corrected to later",
        [under("acme", "beta"), under("acme", None, "2021", id=ident(2)), under("beta", "acme", "2022")],
        correct(ident(2), under("acme", None, "2023")),
        Reason.PARENT_CIRCLE,
    ),
    (
        "an end corrected to earlier",
        [under("acme", "beta"), under("acme", None, "2021", id=ident(2)), under("beta", "acme", "2022")],
        correct(ident(2), under("acme", None, "2020-12-31")),
        None,
    ),
    (
        "a link corrected into a circle",
        [under("acme", "beta"), under("beta", "gamma", id=ident(2))],
        correct(ident(2), under("beta", "acme")),
        Reason.PARENT_CIRCLE,
    ),
    (
        "a retracted link restored",
        [under("acme", "beta", id=ident(2)), retract(ident(2), id=ident(3)), under("beta", "acme")],
        retract(ident(3)),
        Reason.PARENT_CIRCLE,
    ),
    ("as registered", [entity("delta", parent="acme")], under("acme", "delta"), Reason.PARENT_CIRCLE),
    ("a manager is no parent", [entity_changed("acme", manager="beta")], entity_changed("beta", manager="acme"), None),
)
def test_parents(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """On no day is an entity its own ancestor, whatever the order in which it was told."""
    check(ledger, given, then, reason)


WHOLE, PART = commit("whole", "acme", "beta", id=ident(1)), commit("part", "acme", "beta", part_of="whole", id=ident(2))
FIRST, SECOND = bought(id=ident(1)), bought(id=ident(2), same_as=ident(1))


def part_of(name: str, whole: str | None) -> Fact:
    more: dict[str, Any] = {} if whole is None else {"part_of": whole}
    return commit(name, "acme", "beta", **more)


@cases(
    ("part of its part", [WHOLE, PART], correct(ident(1), part_of("whole", "part")), Reason.REFERENCE_CIRCLE),
    ("by the part's event", [WHOLE, PART], correct(ident(1), part_of("whole", ident(2))), Reason.REFERENCE_CIRCLE),
    ("of itself", [WHOLE], correct(ident(1), part_of("whole", "whole")), Reason.REFERENCE_CIRCLE),
    ("of itself by its event", [WHOLE], correct(ident(1), part_of("whole", ident(1))), Reason.REFERENCE_CIRCLE),
    (
        "over three",
        [WHOLE, PART, part_of("piece", "part")],
        correct(ident(1), part_of("whole", "piece")),
        Reason.REFERENCE_CIRCLE,
    ),
    (
        "the other way round, one after the other",
        [WHOLE, PART, correct(ident(2), part_of("part", None))],
        correct(ident(1), part_of("whole", "part")),
        None,
    ),
    (
        "a link restored",
        [
            WHOLE,
            PART,
            correct(ident(2), part_of("part", None), id=ident(3)),
            correct(ident(1), part_of("whole", "part")),
        ],
        retract(ident(3)),
        Reason.REFERENCE_CIRCLE,
    ),
    ("another part", [WHOLE, PART], part_of("piece", "part"), None),
    (
        "the same as its second source",
        [FIRST, SECOND],
        correct(ident(1), bought(same_as=ident(2))),
        Reason.REFERENCE_CIRCLE,
    ),
    ("the same as itself", [FIRST], correct(ident(1), bought(same_as=ident(1))), Reason.REFERENCE_CIRCLE),
    (
        "the first source decided otherwise",
        [FIRST, SECOND, correct(ident(2), bought())],
        correct(ident(1), bought(same_as=ident(2))),
        None,
    ),
    (
        "an investment in its own part",
        [invest("acme", "beta", id=ident(1)), invest("acme", "beta", id=ident(2), part_of=ident(1))],
        correct(ident(1), invest("acme", "beta", part_of=ident(2))),
        Reason.REFERENCE_CIRCLE,
    ),
    (
        "a claim in its own part",
        [claim("all", id=ident(1)), claim("some", part_of="all")],
        correct(ident(1), claim("all", part_of="some")),
        Reason.REFERENCE_CIRCLE,
    ),
)
def test_references_run_in_no_circle(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """part_of and same_as lead to an end."""
    check(ledger, given, then, reason)


DELTA = entity("delta", id=ident(1))


@cases(
    ("nobody names it", [DELTA], retract(ident(1)), None),
    ("an investor", [DELTA, invest("delta", "beta")], retract(ident(1)), Reason.DEPENDED_ON),
    (
        "a retracted investment",
        [DELTA, invest("delta", "beta", id=ident(2)), retract(ident(2))],
        retract(ident(1)),
        None,
    ),
    (
        "a corrected investment",
        [DELTA, invest("delta", "beta", id=ident(2)), correct(ident(2), invest("acme", "beta"))],
        retract(ident(1)),
        None,
    ),
    (
        "corrected towards it",
        [DELTA, invest("acme", "beta", id=ident(2)), correct(ident(2), invest("delta", "beta"))],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("a denied investment", [DELTA, invest("delta", "beta", status="denied")], retract(ident(1)), Reason.DEPENDED_ON),
    ("a parent", [DELTA, under("acme", "delta")], retract(ident(1)), Reason.DEPENDED_ON),
    ("its own change", [DELTA, entity_changed("delta", city="Ōsaka")], retract(ident(1)), Reason.DEPENDED_ON),
    ("its own sort of name", [DELTA, entity("delta-2")], retract(ident(1)), None),
    ("a word in a note", [DELTA, invest("acme", "beta", note='"delta"')], retract(ident(1)), None),
    ("a guarantor", [DELTA, guarantee("g", "delta", "acme", "beta", usd("1"))], retract(ident(1)), Reason.DEPENDED_ON),
    ("the subject of a claim", [DELTA, claim("c", about=["delta"])], retract(ident(1)), Reason.DEPENDED_ON),
    ("a payer of a claim", [DELTA, claim("c", payers=["acme", "delta"])], retract(ident(1)), Reason.DEPENDED_ON),
    ("under a restriction", [DELTA, restrict("r", "delta")], retract(ident(1)), Reason.DEPENDED_ON),
    ("what a restriction forbids", [DELTA, restrict("r", "acme", forbids=["delta"])], retract(ident(1)), None),
    (
        "registered again meanwhile",
        [DELTA, retract(ident(1), id=ident(2)), entity("delta")],
        retract(ident(2)),
        Reason.RECORD_EXISTS,
    ),
    ("a commitment with draws", [PLEDGE, drawing("1")], retract(ident(1)), Reason.DEPENDED_ON),
    ("with a change", [PLEDGE, change("pledge", held=True)], retract(ident(1)), Reason.DEPENDED_ON),
    (
        "with a distribution",
        [PLEDGE, distribute("beta", "acme", usd("1"), commitment="pledge")],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("with a part", [WHOLE, PART], retract(ident(1)), Reason.DEPENDED_ON),
    (
        "with a part by its event",
        [WHOLE, commit("part", "acme", "beta", part_of=ident(1))],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("with a part no longer", [WHOLE, PART, correct(ident(2), part_of("part", None))], retract(ident(1)), None),
    (
        "with what overlaps",
        [WHOLE, commit("other", "acme", "beta", overlaps="whole")],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    (
        "linked",
        [bought(id=ident(1)), sign("deal", "acme", "beta", linked=[ident(1)])],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    (
        "a member of a claim",
        [bought(id=ident(1)), claim("c", members=[ident(1)])],
        retract(ident(1)),
        Reason.DEPENDED_ON,
    ),
    ("denied by a claim", [bought(id=ident(1)), claim("c", denies=ident(1))], retract(ident(1)), Reason.DEPENDED_ON),
    ("a second source of it", [FIRST, SECOND], retract(ident(1)), None),
    ("a review of it", [FIRST, review(ident(1))], retract(ident(1)), None),
    (
        "linked, and corrected",
        [
            bought(id=ident(1)),
            sign("deal", "acme", "beta", linked=[ident(1)]),
            correct(ident(1), bought("5"), id=ident(2)),
        ],
        retract(ident(2)),
        None,
    ),
    (
        "linked, and nothing left of it",
        [
            bought(id=ident(1)),
            sign("deal", "acme", "beta", linked=[ident(1)]),
            correct(ident(1), bought("5"), id=ident(2)),
            retract(ident(1)),
        ],
        retract(ident(2)),
        Reason.DEPENDED_ON,
    ),
    (
        "restored without its party",
        [DELTA, invest("delta", "beta", id=ident(2)), retract(ident(2), id=ident(3)), retract(ident(1))],
        retract(ident(3)),
        Reason.UNKNOWN_ENTITY,
    ),
    (
        "restored without its commitment",
        [PLEDGE, drawing("1", id=ident(2)), retract(ident(2), id=ident(3)), retract(ident(1))],
        retract(ident(3)),
        Reason.UNKNOWN_RECORD,
    ),
    (
        "restored without its link",
        [
            bought(id=ident(1)),
            sign("deal", "acme", "beta", linked=[ident(1)], id=ident(2)),
            retract(ident(2), id=ident(3)),
            retract(ident(1)),
        ],
        retract(ident(3)),
        Reason.UNKNOWN_EVENT,
    ),
    (
        "restored by a correction's retraction",
        [
            DELTA,
            invest("delta", "beta", id=ident(2)),
            correct(ident(2), invest("acme", "beta"), id=ident(3)),
            retract(ident(1)),
        ],
        retract(ident(3)),
        Reason.UNKNOWN_ENTITY,
    ),
    (
        "restored without its first source",
        [FIRST, SECOND, retract(ident(2), id=ident(3)), retract(ident(1))],
        retract(ident(3)),
        None,
    ),
    (
        "restored with all it names",
        [DELTA, invest("delta", "beta", id=ident(2)), retract(ident(2), id=ident(3))],
        retract(ident(3)),
        None,
    ),
)
def test_what_others_depend_on_stays(ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None) -> None:
    """Nothing is retracted that something live names, and nothing comes back that names what is gone."""
    check(ledger, given, then, reason)


def test_a_record_that_was_retracted_can_be_made_anew(ledger: Ledger) -> None:
    """Its id is free again; the event's isn't."""
    ledger.given(*PARTIES, PLEDGE, retract(ident(1)))
    assert ledger.refused(drawing("1")).reason == Reason.UNKNOWN_RECORD
    assert ledger.refused(PLEDGE).reason == Reason.EVENT_EXISTS
    ledger.given(commit("pledge", "beta", "gamma", usd("7")), draw("pledge", usd("7")))
    assert ledger.refused(draw("pledge", usd("1"))).reason == Reason.OVERDRAWN


def test_known_defaults_to_today_and_for_reference_data_to_its_own_day(ledger: Ledger) -> None:
    """Registrations and rates are known from the last day of their effective date, never after today."""
    this_year = f"{today().year}/{today().year + 1}"
    given = [entity("delta", on="2015-Q2"), rate("EUR", "USD", "1.1", on="2023"), entity("later", on=this_year)]
    ledger.given(*PARTIES, *given, bought(on="2023"))
    states = [json.loads(stored.state) for stored in ledger.store.read(3, 10)]
    now = today().isoformat()
    assert [state["known"] for state in states] == ["2015-06-30", "2023-12-31", now, now]
    ledger.given(retract(states[-1]["id"], known=now), review(states[0]["id"], known="2024-01-01"))
    assert [json.loads(stored.state)["effective"] for stored in ledger.store.read(7, 10)] == [now, "2024-01-01"]


@cases(
    (
        "the day of its target",
        [bought(id=ident(1), known="2023-02-01")],
        correct(ident(1), bought(), known="2023-02-01"),
        None,
    ),
    (
        "the day before",
        [bought(id=ident(1), known="2023-02-01")],
        correct(ident(1), bought(), known="2023-01-31"),
        Reason.KNOWN_BEFORE_TARGET,
    ),
    (
        "before the correction it corrects",
        [bought(id=ident(1), known="2023-02-01"), correct(ident(1), bought(), known="2023-03-01", id=ident(2))],
        correct(ident(2), bought(), known="2023-02-15"),
        Reason.KNOWN_BEFORE_TARGET,
    ),
    (
        "a replacement known before it",
        [bought(id=ident(1), known="2023-02-01")],
        correct(ident(1), bought(known="2022-01-01"), known="2023-02-01"),
        None,
    ),
    (
        "a retraction may be known earlier",
        [bought(id=ident(1), known="2023-02-01")],
        retract(ident(1), known="2023-01-01"),
        None,
    ),
)
def test_a_correction_is_not_known_before_its_target(
    ledger: Ledger, given: list[Fact], then: Fact, reason: Reason | None
) -> None:
    check(ledger, given, then, reason)


def test_what_looks_odd_is_taken_with_a_warning(ledger: Ledger) -> None:
    """A name like another's (also in other letters), and a draw that reaches somebody else."""
    ledger.given(*PARTIES, commit("pledge", "acme", "beta"), entity("tokyo", "place"), commit("local", "acme", "tokyo"))
    for wrong, right in [
        (fact("entity.registered", "2015", {"entity": "acme-2", "name": "Асmе", "kind": "company"}), entity("delta")),
        (invest("acme", "gamma", commitment="pledge", amount=usd("1")), drawing("1")),
        (
            invest("acme", "gamma", commitment="pledge", amount=usd("1")),
            invest("acme", "gamma", usd("1"), commitment="local"),
        ),
    ]:
        assert len(taken(ledger.submit_dry(wrong)).warnings) == 1
        assert taken(ledger.submit_dry(right)).warnings == []


def test_rules_of_claims_marks_and_restrictions_are_about_what_they_name(ledger: Ledger) -> None:
    """They touch no commitment, contract or holding."""
    ledger.given(*PARTIES, mark("beta", usd("1")), claim("c", value=usd("1"), members=["acme"]), restrict("r", "acme"))
    assert ledger.refused(mark("bta", usd("1"))).reason == Reason.UNKNOWN_ENTITY
    assert ledger.refused(restrict("r", "beta")).reason == Reason.RECORD_EXISTS


def test_a_draw_that_another_record_has_already_takes_nothing(ledger: Ledger) -> None:
    """Two sources for one fact count once, also where the first doesn't name the commitment."""
    ledger.given(entity("acme"), entity("beta"), commit("pledge", "acme", "beta", usd("100"), binding=True))
    [first] = ledger.given(invest("acme", "beta", usd("60")))
    ledger.given(invest("acme", "beta", usd("60"), commitment="pledge", same_as=first))
    ledger.given(invest("acme", "beta", usd("60"), commitment="pledge"))
    assert ledger.refused(invest("acme", "beta", usd("60"), commitment="pledge")).reason == Reason.OVERDRAWN
