"""The rules of contracts: bills stay within the amount. Each case: facts that are taken, then one that is or isn't."""

from __future__ import annotations

from ledger.refusals import Reason
from tests.facts import Fact, bill, change_contract, correct, end_contract, eur, ident, pay, retract, sign, usd
from tests.ledger.cases import cases, check
from tests.ledgers import Ledger

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
