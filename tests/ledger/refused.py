"""What is refused, for every reason: each beside its nearest neighbour, which is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ledger.refusals import Reason
from ledger.times import today
from tests.facts import (
    Fact,
    attachment,
    bill,
    change,
    claim,
    close,
    commit,
    correct,
    draw,
    entity,
    entity_changed,
    erase,
    fact,
    ident,
    invest,
    mark,
    rate,
    retract,
    review,
    sell,
    sign,
    usd,
)

TOMORROW = (today() + timedelta(days=1)).isoformat()


BOUGHT = invest("acme", "beta", id=ident(1), on="2023-01-01", known="2023-02-01", units="10")


ROTATED = fact(
    "key.rotated",
    "2026-01-01",
    {
        "previous": "ledger.example/deals+4104bc6c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        "key": "ledger.example/deals+d55dac7e+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
        "reason": "It was lost.",
    },
)


BOUNDLESS = "one text that is long enough, " * 130


@dataclass(frozen=True)
class Case:
    reason: Reason
    pointer: str
    says: str
    """A pattern that the message has."""
    mends: str
    """A pattern that the advice has."""
    wrong: Fact
    right: Fact
    """What is taken: its nearest neighbour that isn't wrong."""
    given: tuple[Fact, ...] = ()


CASES = [
    # --- the shape
    Case(
        Reason.INVALID,
        "/data/instrument",
        "none of the words",
        "equity",
        invest("acme", "beta", instrument="share"),
        invest("acme", "beta"),
    ),
    Case(
        Reason.INVALID,
        "/data/colour",
        "no such field",
        "leave it out",
        invest("acme", "beta", colour="red"),
        invest("acme", "beta"),
    ),
    Case(
        Reason.UNKNOWN_TYPE,
        "/type",
        "no such",
        "investment.made",
        fact("investment.maid", "2023", {}),
        invest("acme", "beta"),
    ),
    Case(
        Reason.INVALID_DATE,
        "/effective",
        "2023-02-29",
        "a day, month, quarter",
        invest("acme", "beta", on="2023-02-29"),
        invest("acme", "beta", on="2023-02-28"),
    ),
    Case(
        Reason.INVALID_AMOUNT,
        "/data/amount/amount",
        "decimal",
        "digits",
        invest("acme", "beta", usd("1e9")),
        invest("acme", "beta", usd("1000000000")),
    ),
    Case(
        Reason.NEGATIVE_AMOUNT,
        "/data/amount/amount",
        "below zero",
        "event type",
        invest("acme", "beta", usd("-1")),
        invest("acme", "beta", usd("0")),
    ),
    Case(
        Reason.UNKNOWN_CURRENCY,
        "/data/quote",
        "ISO 4217",
        "capital letters",
        rate("EUR", "ECU", "1"),
        rate("EUR", "USD", "1"),
    ),
    Case(
        Reason.INVALID_TEXT,
        "/data/name",
        "U\\+202E",
        "leave it out",
        fact("entity.registered", "2015", {"entity": "delta", "name": "De\u202elta", "kind": "fund"}),
        entity("delta"),
    ),
    Case(
        Reason.TOO_LARGE,
        "",
        "65535",
        "shorten|split",
        commit("pledge", "acme", "beta", conditions=[BOUNDLESS] * 20),
        commit("pledge", "acme", "beta", conditions=[BOUNDLESS] * 15),
    ),
    # --- times
    Case(
        Reason.KNOWN_IN_FUTURE,
        "/known",
        TOMORROW,
        "effective",
        invest("acme", "beta", known=TOMORROW),
        invest("acme", "beta", known=today().isoformat(), on="2099"),
    ),
    Case(
        Reason.KNOWN_IN_FUTURE,
        "/data/replacement/known",
        TOMORROW,
        "effective",
        correct(ident(1), {**BOUGHT, "known": TOMORROW}),
        correct(ident(1), BOUGHT),
        (BOUGHT,),
    ),
    Case(
        Reason.KNOWN_BEFORE_TARGET,
        "/known",
        "2023-02-01",
        "that day or a later",
        correct(ident(1), BOUGHT, known="2023-01-31"),
        correct(ident(1), BOUGHT, known="2023-02-01"),
        (BOUGHT,),
    ),
    # --- what must exist
    Case(
        Reason.UNKNOWN_ENTITY,
        "/data/issuer",
        "bta",
        "did you mean beta.*entity.registered",
        invest("acme", "bta"),
        invest("acme", "beta"),
    ),
    Case(
        Reason.UNKNOWN_ENTITY,
        "/data/entity",
        "bta",
        "did you mean beta",
        entity_changed("bta", city="Ōsaka"),
        entity_changed("beta", city="Ōsaka"),
    ),
    Case(
        Reason.UNKNOWN_ENTITY,
        "/data/parent",
        "zzz",
        "^register it first",
        entity("delta", parent="zzz"),
        entity("delta", parent="acme"),
    ),
    Case(
        Reason.UNKNOWN_RECORD,
        "/data/commitment",
        "no commitment plegde",
        "commitment.made",
        draw("plegde", usd("1")),
        draw("pledge", usd("1")),
        (commit("pledge", "acme", "beta"),),
    ),
    Case(
        Reason.UNKNOWN_RECORD,
        "/data/part_of",
        "programme",
        "commitment.*event",
        commit("pledge", "acme", "beta", part_of="programme"),
        commit("pledge", "acme", "beta", part_of="acme"),
    ),
    Case(
        Reason.UNKNOWN_RECORD,
        "/data/members/1",
        "nobody",
        "record it first",
        claim("total", members=["acme", "nobody"]),
        claim("total", members=["acme", "beta"]),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/linked",
        ident(77),
        "GET /v1/events",
        invest("acme", "beta", linked=ident(77)),
        invest("acme", "beta", linked=ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/same_as",
        ident(77),
        "GET /v1/events",
        invest("acme", "beta", same_as=ident(77)),
        invest("acme", "beta", same_as=ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/same_as",
        "no fact",
        ident(1),
        invest("acme", "beta", same_as=ident(2)),
        invest("acme", "beta", same_as=ident(1)),
        (BOUGHT, correct(ident(1), BOUGHT, id=ident(2))),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/linked",
        "retracted",
        "live",
        invest("acme", "beta", linked=ident(2)),
        invest("acme", "beta", linked=ident(1)),
        (BOUGHT, {**BOUGHT, "id": ident(2)}, retract(ident(2))),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/event",
        ident(77),
        "GET /v1/events",
        retract(ident(77)),
        retract(ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/event",
        ident(77),
        "GET /v1/events",
        correct(ident(77), BOUGHT),
        correct(ident(1), BOUGHT),
        (BOUGHT,),
    ),
    Case(
        Reason.UNKNOWN_EVENT,
        "/data/events/1",
        ident(77),
        "GET /v1/events",
        review(ident(1), ident(77)),
        review(ident(1)),
        (BOUGHT,),
    ),
    Case(
        Reason.RECORD_EXISTS,
        "/data/commitment",
        "commitment pledge exists",
        "commitment.changed",
        commit("pledge", "beta", "acme"),
        commit("pledge-2", "beta", "acme"),
        (commit("pledge", "acme", "beta"),),
    ),
    Case(
        Reason.RECORD_EXISTS, "/data/entity", "entity acme exists", "entity.changed", entity("acme"), entity("acme-2")
    ),
    Case(
        Reason.EVENT_EXISTS,
        "/id",
        ident(1),
        "make a new one",
        invest("beta", "acme", id=ident(1)),
        invest("beta", "acme", id=ident(2)),
        (BOUGHT, retract(ident(1))),
    ),
    # --- the rules of the records
    Case(
        Reason.OWN_ISSUER, "/data", "its own issuer", "from = to", invest("acme", "acme"), commit("own", "acme", "acme")
    ),
    Case(
        Reason.OVERDRAWN,
        "/data/amount",
        "100.01 USD of a binding 100",
        "commitment.changed",
        draw("pledge", usd("100.01")),
        draw("pledge", usd("100")),
        (commit("pledge", "acme", "beta"),),
    ),
    Case(
        Reason.DRAWN_AFTER_CLOSE,
        "/effective",
        "2023-07-01.*2023-06-30",
        "before the close",
        draw("pledge", usd("1"), on="2023-07-01"),
        draw("pledge", usd("1"), on="2023-06-30"),
        (commit("pledge", "acme", "beta"), close("pledge")),
    ),
    Case(
        Reason.BELOW_DRAWN,
        "/data/amount",
        "60 USD is drawn, more than 59",
        "raise the amount",
        change("pledge", amount=usd("59")),
        change("pledge", amount=usd("60")),
        (commit("pledge", "acme", "beta"), draw("pledge", usd("60"))),
    ),
    Case(
        Reason.OVERSOLD,
        "/data/units",
        "2023-06-30 more units",
        "purchase first",
        sell("acme", "beta", units="10.5"),
        sell("acme", "beta", units="10"),
        (BOUGHT,),
    ),
    Case(
        Reason.OVERBILLED,
        "/data/amount",
        "101 USD of 100",
        "contract.changed",
        bill("deal", usd("41")),
        bill("deal", usd("40")),
        (sign("deal", "acme", "beta", take_or_pay=False), bill("deal", usd("60"))),
    ),
    Case(
        Reason.PARENT_CIRCLE,
        "/data/parent",
        "acme → beta → acme",
        "parent null",
        entity_changed("acme", parent="beta"),
        entity_changed("acme", parent="gamma"),
        (entity_changed("beta", parent="acme"),),
    ),
    Case(
        Reason.REFERENCE_CIRCLE,
        "/data/replacement/same_as",
        "back to where it started",
        "isn't this one",
        correct(ident(1), {**BOUGHT, "same_as": ident(2)}),
        correct(ident(1), BOUGHT),
        (BOUGHT, {**BOUGHT, "id": ident(2), "same_as": ident(1)}),
    ),
    Case(
        Reason.REFERENCE_CIRCLE,
        "/data/replacement/data/part_of",
        "back to where it started",
        "isn't this one",
        correct(ident(1), commit("whole", "acme", "beta", part_of="part")),
        correct(ident(1), commit("whole", "acme", "beta")),
        (commit("whole", "acme", "beta", id=ident(1)), commit("part", "acme", "beta", part_of="whole")),
    ),
    # --- corrections and retractions
    Case(
        Reason.NOT_LIVE,
        "/data/event",
        "retracted already",
        "retract its retraction",
        retract(ident(1)),
        retract(ident(3)),
        (BOUGHT, retract(ident(1)), {**BOUGHT, "id": ident(3)}),
    ),
    Case(
        Reason.NOT_LIVE,
        "/data/event",
        "retracted already",
        "retract its retraction",
        correct(ident(1), BOUGHT),
        correct(ident(3), BOUGHT),
        (BOUGHT, retract(ident(1)), {**BOUGHT, "id": ident(3)}),
    ),
    Case(
        Reason.ALREADY_ERASED,
        "/data/attachment",
        "was erased",
        "under another id",
        attachment("terms", "acme"),
        attachment("other-terms", "acme"),
        (attachment("terms", "acme"), erase("terms")),
    ),
    Case(
        Reason.LEDGER_ONLY,
        "/type",
        "by the ledger itself",
        "leave it out",
        ROTATED,
        BOUGHT,
    ),
    Case(
        Reason.NOT_CORRECTABLE,
        "/data/event",
        "is a retraction",
        "retracting it",
        correct(ident(2), BOUGHT),
        retract(ident(2)),
        (BOUGHT, retract(ident(1), id=ident(2))),
    ),
    Case(
        Reason.DIFFERENT_RECORD,
        "/data/replacement/type",
        "investment.made",
        "retract the fact",
        correct(ident(1), sell("acme", "beta", all=True)),
        correct(ident(1), BOUGHT),
        (BOUGHT,),
    ),
    Case(
        Reason.DIFFERENT_RECORD,
        "/data/replacement/data",
        "commitment/pledge",
        "retract the fact",
        correct(ident(1), commit("promise", "acme", "beta")),
        correct(ident(1), commit("pledge", "acme", "gamma")),
        (commit("pledge", "acme", "beta", id=ident(1)),),
    ),
    Case(
        Reason.DEPENDED_ON,
        "/data/event",
        "1 other events speak of commitment pledge",
        "retract those first",
        retract(ident(1)),
        retract(ident(2)),
        (commit("pledge", "acme", "beta", id=ident(1)), draw("pledge", usd("1"), id=ident(2))),
    ),
    Case(
        Reason.DEPENDED_ON,
        "/data/event",
        f"{ident(2)} name delta",
        "correct or retract those",
        retract(ident(1)),
        retract(ident(2)),
        (entity("delta", id=ident(1)), mark("delta", usd("1"), id=ident(2))),
    ),
]
