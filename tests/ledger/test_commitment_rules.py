"""The rules of commitments: draws, closes, changes. Each case: facts that are taken, then one that is or isn't."""

from __future__ import annotations

from ledger.refusals import Reason
from tests.facts import (
    Fact,
    change,
    close,
    commit,
    correct,
    distribute,
    draw,
    entity,
    eur,
    ident,
    invest,
    retract,
    usd,
)
from tests.ledger.cases import PLEDGE, cases, check, drawing
from tests.ledgers import Ledger

LOOSE = commit("pledge", "acme", "beta", id=ident(1), binding=False)


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


def test_a_draw_that_another_record_has_already_takes_nothing(ledger: Ledger) -> None:
    """Two sources for one fact count once, also where the first doesn't name the commitment."""
    ledger.given(entity("acme"), entity("beta"), commit("pledge", "acme", "beta", usd("100"), binding=True))
    [first] = ledger.given(invest("acme", "beta", usd("60")))
    ledger.given(invest("acme", "beta", usd("60"), commitment="pledge", same_as=first))
    ledger.given(invest("acme", "beta", usd("60"), commitment="pledge"))
    assert ledger.refused(invest("acme", "beta", usd("60"), commitment="pledge")).reason == Reason.OVERDRAWN
