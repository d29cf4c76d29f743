"""No circles of parents, parts and sources. Each case: facts that are taken, then one that is or isn't."""

from __future__ import annotations

from ledger.refusals import Reason
from tests.facts import Fact, claim, correct, entity, entity_changed, ident, invest, retract
from tests.ledger.cases import FIRST, PART, SECOND, WHOLE, bought, cases, check, part_of, under
from tests.ledgers import Ledger


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
