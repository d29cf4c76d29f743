"""Bodies that must be refused, each with the reason it must be refused for: nothing written, nothing silently changed.

Every body is one mistake in an event that would otherwise be taken (`WORLD` first), so the mistake is what is refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FACT_ID = "11111111-1111-4111-8111-111111111111"
COMMITMENT_ID = "22222222-2222-4222-8222-222222222222"
RETRACTED_ID = "33333333-3333-4333-8333-333333333333"
RETRACTION_ID = "44444444-4444-4444-8444-444444444444"
NOBODYS_ID = "99999999-9999-4999-8999-999999999999"


@dataclass(frozen=True)
class Hostile:
    """A body, and the reason for which it is refused when it comes alone."""

    name: str
    body: bytes
    reason: str


def event(type: str, effective: str = "2023-05", /, **data: Any) -> dict[str, Any]:
    return {"type": type, "effective": effective, "data": data}


def usd(amount: str) -> dict[str, str]:
    return {"currency": "USD", "amount": amount}


ENTITY = event("entity.registered", entity="newcomer", name="Newcomer", kind="company")
INVESTMENT = {
    **event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10")),
    "known": "2023-06-01",
    "source": {"title": "A paper", "published": "2023-06-01"},
}
STAKE = {**INVESTMENT, "data": {**INVESTMENT["data"], "stake": {"share": "0.1"}, "units": "5"}}
COMMITMENT = {
    **event("commitment.made", commitment="new-pledge", to="bee", amount=usd("5"), purpose="capex", binding=True),
}
COMMITMENT["data"]["from"] = "ant"
CLAIM = event("claim.published", claim="new-claim", text="So it is said.", kind="opinion", count=3)
VALUATION = event("valuation.recorded", subject="bee", value=usd("100"), basis="fair_value", level=2)
CORRECTION = {
    "type": "event.corrected",
    "data": {"event": FACT_ID, "reason": "misread", "replacement": {**INVESTMENT}},
}
RETRACTION = {"type": "event.retracted", "data": {"event": FACT_ID, "reason": "misread"}}

# All of these are taken as they are: a test says so.
TEMPLATES = [ENTITY, INVESTMENT, STAKE, COMMITMENT, CLAIM, VALUATION, CORRECTION, RETRACTION]

# What the ledger holds before: parties, a fact to correct, a pledge, a contract, a position, a retracted event.
WORLD: list[dict[str, Any]] = [
    *(event("entity.registered", "2020", entity=name, name=name.title(), kind="company") for name in ("ant", "bee",
    "cow")),
    {"id": "55555555-5555-4555-8555-555555555555", **event("entity.changed", "2021", entity="bee", parent="ant")},
    {**copy.deepcopy(INVESTMENT), "id": FACT_ID},
    {
        **event(
            "commitment.made", commitment="pledge", to="bee", amount=usd("100"), purpose="capex", binding=True,
            **{"from": "ant"}
        ),
        "id": COMMITMENT_ID,
    },
    event("commitment.drawn", "2023-06-01", commitment="pledge", amount=usd("60")),
    event("commitment.made", commitment="closed", to="bee", amount=usd("9"), purpose="capex", binding=True,
    **{"from": "ant"}),
    event("commitment.closed", "2023-07-01", commitment="closed", outcome="expired"),
    event(
        "contract.signed", contract="rent", customer="bee", provider="ant", amount=usd("50"), resource="cloud",
        binding=True,
        take_or_pay=False,
    ),
    event("investment.made", "2023-01-01", investor="cow", issuer="bee", instrument="equity", amount=usd("7"),
    units="100"),
    {**event("holding.observed", holder="ant", issuer="cow", instrument="debt", units="1"), "id": RETRACTED_ID},
    {"type": "event.retracted", "id": RETRACTION_ID, "data": {"event": RETRACTED_ID, "reason": "never seen"}},
]  # fmt: skip


def changed(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """`base` with the value at a path of dots."""
    body = copy.deepcopy(base)
    *steps, last = path.split(".")
    inner = body
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return body


def without(base: dict[str, Any], path: str) -> dict[str, Any]:
    body = copy.deepcopy(base)
    *steps, last = path.split(".")
    inner = body
    for step in steps:
        inner = inner[step]
    del inner[last]
    return body


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


RAW: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \t ",
    "open object": b"{",
    "open array": b"[",
    "open string": b'{"type": "x',
    "trailing comma": b'{"type": "x",}',
    "comma only": b"[,]",
    "missing colon": b'{"type" "x"}',
    "single quotes": b"{'type': 'x'}",
    "bare key": b'{type: "x"}',
    "comment": b'{"type": "x" /* sic */}',
    "two documents": b'{"type": "x"} {"type": "y"}',
    "trailing text": b'{"type": "x"} x',
    "half a word": b"tru",
    "python": b"None",
    "capital word": b"True",
    "undefined": b"undefined",
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "leading zero": b'{"data": 01}',
    "plus": b'{"data": +1}',
    "no whole part": b'{"data": .5}',
    "no fraction": b'{"data": 1.}',
    "hexadecimal": b'{"data": 0x10}',
    "underscore": b'{"data": 1_000}',
    "minus zero": b'{"data": -0}',
    "form": b"type=entity.registered&data=1",
    "xml": b"<event/>",
    "yaml": b"type: entity.registered",
    "bom": b"\xef\xbb\xbf{}",
    "utf-16": json.dumps(ENTITY).encode("utf-16"),
    "utf-32": json.dumps(ENTITY).encode("utf-32"),
    "latin-1": '{"type": "café"}'.encode("latin-1"),
    "cut utf-8": b'{"type": "\xe2\x82"}',
    "overlong utf-8": b'{"type": "\xc0\xaf"}',
    "utf-8 surrogate": b'{"type": "\xed\xa0\x80"}',
    "above unicode": b'{"type": "\xf5\x80\x80\x80"}',
    "lone ff": b"\xff",
    "raw control": b'{"type": "a\x01b"}',
    "raw tab": b'{"type": "a\tb"}',
    "raw nul": b'{"type": "a\x00b"}',
    "nul after": b"{}\x00",
    "bad escape": b'{"type": "\\x41"}',
    "short escape": b'{"type": "\\u12"}',
    "high surrogate": b'{"type": "\\ud800"}',
    "low surrogate": b'{"type": "\\udc00"}',
    "swapped surrogates": b'{"type": "\\udc00\\ud800"}',
    "surrogate key": b'{"\\ud800": 1}',
    "key twice": b'{"type": "entity.registered", "type": "entity.changed"}',
    "key twice, escaped": b'{"type": "x", "\\u0074ype": "y"}',
    "key twice, equal": b'{"a": 1, "a": 1}',
    "key twice, inside": b'{"data": {"amount": {"amount": "1", "amount": "2"}}}',
    "key twice, in a list": b'{"data": [{"a": 1, "a": 2}]}',
    "too large a number": b'{"data": 1e400}',
    "too small a number": b'{"data": -1e400}',
    "far too large a number": b'{"data": 1e99999999999}',
    "long number": b'{"data": ' + b"9" * 41 + b"}",
    "very long number": b'{"data": ' + b"9" * 5_000 + b"}",
    "long negative number": b'{"data": -' + b"9" * 4_400 + b"}",
    "33 arrays": b"[" * 33 + b"]" * 33,
    "1,000 arrays": b"[" * 1_000 + b"]" * 1_000,
    "100,000 arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 open arrays": b"[" * 100_000,
    "33 objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "mixed nesting": b'{"a":[' * 600 + b"]}" * 600,
}

# In a field that is a plain string where it is right.
NOT_TEXT: list[Any] = [None, True, 1, 1.5, [], {}, ["a"]]
BAD_SLUGS = [
    "", " ", "A", "Ant", "a b", "a_b", "a.b", "a/b", "../etc/passwd", "-a", "ä", "а-cyrillic",
    "a'; DROP TABLE events; --",
    "a" * 101, NOBODYS_ID, "a\nb", "a\u202eb", "%00", "${jndi:x}", "<script>",
]  # fmt: skip
BAD_NAMES = [
    "",
    "  ",
    " a",
    "a ",
    "a\nb",
    "a\tb",
    "cafe\u0301",
    "a\u0007b",
    "a\u202eb",
    "a\u2066b",
    "a\u0085b",
    "x" * 201,
]
BAD_PERIODS = [
    "", " ", "today", "2023-13", "2023-00", "2023-02-30", "2023-02-29", "2023-Q0", "2023-Q5", "2023-q1", "2023Q1",
    "23", "02023",
    "2023-1", "2023-1-1", "2023/", "/2023", "2023/2022", "2023-05/2023-04", "2023/2024/2025", "2023-05-01T00:00:00",
    "2023-05-01T00:00:00Z", "2023-05-01T00:00:00+02:00", "2023-05-01 ", " 2023-05-01", "٢٠٢٣", "２０２３", "0000",
    "0000-01-01",
    "10000-01-01", "-2023", "2023-W12", "2023-123", "1684540800", "05/01/2023", "1.5.2023", "2023-05-01\u0000",
    "2023-05-01\n",
    "May 2023", "2023-05--01",
]  # fmt: skip
BAD_DAYS = [
    "", "2023", "2023-05", "2023-Q2", "2023-05-01/2023-05-02", "2023-02-30", "2023-5-1", "2023-05-01T10:00:00",
    "2023-05-01T10:00:00Z", "yesterday", "1684540800", "２０２３-05-01", "0000-01-01", "2023-05-01 ",
]  # fmt: skip
BAD_DECIMALS = [
    "", " ", "1e5", "1E5", "1_000", "1,000", "1 000", "+1", "+", "-", ".", ".5", "5.", "1.2.3", "0x10", "١", "１",
    "NaN", "nan",
    "Infinity", "inf", "sNaN", "1/2", "½", "ten", "1\u0000", " 1", "1 ", "1\n", "1" * 19, "0." + "1" * 13, "9" * 400,
    "$1", "1USD",
]  # fmt: skip
BAD_CURRENCIES = ["", "US", "usd", "Usd", "USDX", "ZZZ", "U$D", "ＵＳＤ", "US ", "USD\u0000", "$"]


def fields() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, event and reason, for each field that can be wrong."""
    wrong: Any
    for wrong in [*NOT_TEXT, "", "Entity.Registered", "entity.registred", "investment", "ledger.event", "x" * 10_000]:
        yield "type", changed(ENTITY, "type", wrong), "unknown_type"
    yield "no type", without(ENTITY, "type"), "unknown_type"
    for field in ("effective", "data"):
        yield f"no {field}", without(ENTITY, field), "invalid"
    for field in ("position", "recorded_at", "recorded_by", "schema", "version", "Effective", "__proto__", "", "data "):
        yield f"field {field}", {**ENTITY, field: 1}, "invalid"
    for wrong in [
        *NOT_TEXT[1:],
        "",
        "x",
        NOBODYS_ID.upper() + "0",
        "{" + NOBODYS_ID + "}",
        NOBODYS_ID.replace("-", ""),
    ]:
        yield "id", {**ENTITY, "id": wrong}, "invalid"
    yield "id in capitals", {**ENTITY, "id": "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"}, "invalid"
    yield "id used before", {**ENTITY, "id": FACT_ID}, "event_exists"
    for wrong in NOT_TEXT:
        yield "effective", changed(ENTITY, "effective", wrong), "invalid"
        yield "data", changed(ENTITY, "data", wrong), "invalid"
    for wrong in BAD_PERIODS:
        yield (
            f"effective {wrong!r}",
            changed(INVESTMENT, "effective", wrong),
            "invalid_text" if "\0" in wrong else "invalid_date",
        )
    for wrong in BAD_DAYS:
        yield f"known {wrong!r}", changed(INVESTMENT, "known", wrong), "invalid_date"
    for wrong in NOT_TEXT[1:]:
        yield "known", changed(INVESTMENT, "known", wrong), "invalid"
    yield "known in future", changed(INVESTMENT, "known", "9999-12-31"), "known_in_future"
    for wrong in ["", "sure", "Reported", *NOT_TEXT[1:]]:
        yield "status", {**INVESTMENT, "status": wrong}, "invalid"
    yield "same_as", {**INVESTMENT, "same_as": "ant"}, "invalid"
    yield "same_as of nothing", {**INVESTMENT, "same_as": NOBODYS_ID}, "unknown_event"
    for wrong in ["x" * 4_001, 1, []]:
        yield "note", {**INVESTMENT, "note": wrong}, "invalid"
    for wrong in ["\u0000", "a\u202eb", "\u001b[2J", "   "]:
        yield "note text", {**INVESTMENT, "note": wrong}, "invalid_text"
    for wrong in ["https://example.com", [], 1, {"uri": "x"}, {"sha256": "x"}, {"sha256": "A" * 64}, {"title": 1}]:
        yield "source", {**INVESTMENT, "source": wrong}, "invalid"
    yield "source published", {**INVESTMENT, "source": {"published": "June"}}, "invalid_date"
    yield "extra data", changed(INVESTMENT, "data.colour", "red"), "invalid"
    for wrong in BAD_SLUGS:
        yield f"entity {wrong!r}", changed(ENTITY, "data.entity", wrong), "invalid"
    for wrong in NOT_TEXT:
        yield "entity", changed(ENTITY, "data.entity", wrong), "invalid"
        yield "investor", changed(INVESTMENT, "data.investor", wrong), "invalid"
    for wrong in BAD_NAMES:
        long = len(wrong) > 200
        yield f"name {wrong!r}", changed(ENTITY, "data.name", wrong), "invalid" if long else "invalid_text"
    for wrong in ["Company", "", "startup", None, 1]:
        yield "kind", changed(ENTITY, "data.kind", wrong), "invalid"
    for wrong in ["yes", 1, "true", None, []]:
        yield "binding", changed(COMMITMENT, "data.binding", wrong), "invalid"
    for wrong in [1.5, 3.0, "3", -1, 2**53, 10**30, True, []]:
        yield f"count {wrong!r}", changed(CLAIM, "data.count", wrong), "invalid"
    for wrong in [0, 4, 2.0, "2", True, 10**30]:
        yield f"level {wrong!r}", changed(VALUATION, "data.level", wrong), "invalid"


def figures() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Money, stakes and units that are none."""
    wrong: Any
    for wrong in BAD_DECIMALS:
        reason = "invalid_text" if "\0" in wrong else "invalid_amount"
        yield f"amount {wrong!r:.40}", changed(INVESTMENT, "data.amount.amount", wrong), reason
        yield f"units {wrong!r:.40}", changed(STAKE, "data.units", wrong), reason
    for wrong in ["-1", "-0", "-0.000000000001"]:
        yield f"amount {wrong}", changed(INVESTMENT, "data.amount.amount", wrong), "negative_amount"
    for wrong in [0, 1, -1, 1.5, 0.1, 1e300, 12345678901234567890, True, [], {}, ["1"]]:
        yield f"amount {wrong!r}", changed(INVESTMENT, "data.amount.amount", wrong), "invalid"
        yield f"share {wrong!r}", changed(STAKE, "data.stake.share", wrong), "invalid"
        yield f"low {wrong!r}", changed(INVESTMENT, "data.amount", {"currency": "USD", "low": wrong}), "invalid"
    for wrong in ["1.1", "2", "1.000000000001", "49%", "0,5", "1e-1"]:
        yield f"share {wrong}", changed(STAKE, "data.stake.share", wrong), "invalid_amount"
    yield "share below zero", changed(STAKE, "data.stake.share", "-0.1"), "negative_amount"
    for wrong in BAD_CURRENCIES:
        reason = "invalid_text" if "\0" in wrong else "unknown_currency"
        yield f"currency {wrong!r}", changed(INVESTMENT, "data.amount.currency", wrong), reason
    for wrong in [1, True, [], {}]:
        yield f"currency {wrong!r}", changed(INVESTMENT, "data.amount.currency", wrong), "invalid"
    for wrong in [None, "1", 1, [], ["USD", "1"], "USD 1"]:
        yield f"money {wrong!r}", changed(INVESTMENT, "data.amount", wrong), "invalid"
    for name, money in {
        "no currency": {"amount": "1"},
        "word and bounds": {"currency": "USD", "amount": "5", "qualifier": "about", "low": "4"},
        "word alone": {"currency": "USD", "qualifier": "about"},
        "low above high": {"currency": "USD", "low": "5", "high": "4"},
        "low above amount": {"currency": "USD", "amount": "5", "low": "6"},
        "high below amount": {"currency": "USD", "amount": "5", "high": "4"},
        "open without high": {"currency": "USD", "amount": "5", "high_open": True},
    }.items():
        yield name, changed(INVESTMENT, "data.amount", money), "invalid_amount"
    for name, money in {
        "unknown word": {"currency": "USD", "amount": "5", "qualifier": "roughly"},
        "high_open as text": {"currency": "USD", "high": "5", "high_open": "true"},
        "extra key": {"currency": "USD", "amount": "5", "scale": 6},
        "key in capitals": {"Currency": "USD", "amount": "5"},
    }.items():
        yield name, changed(INVESTMENT, "data.amount", money), "invalid"
    yield "stake basis", changed(STAKE, "data.stake.basis", "moral"), "invalid"
    yield "stake bounds", changed(STAKE, "data.stake", {"low": "0.5", "high": "0.4"}), "invalid_amount"


def held_against() -> Iterator[tuple[str, dict[str, Any], str]]:
    """What does not fit what the ledger holds."""
    unknown = changed(INVESTMENT, "data.issuer", "nobody")
    yield "unknown issuer", unknown, "unknown_entity"
    yield "own issuer", changed(INVESTMENT, "data.issuer", "ant"), "own_issuer"
    yield "entity there already", changed(ENTITY, "data.entity", "ant"), "record_exists"
    yield "commitment there already", changed(COMMITMENT, "data.commitment", "pledge"), "record_exists"
    yield "unknown commitment", event("commitment.drawn", commitment="none", amount=usd("1")), "unknown_record"
    yield "own parent", event("entity.changed", entity="ant", parent="ant"), "parent_circle"
    yield "parent circle", event("entity.changed", "2022", entity="ant", parent="bee"), "parent_circle"
    yield "unknown parent", changed(ENTITY, "data.parent", "nobody"), "unknown_entity"
    yield "overdrawn", event("commitment.drawn", commitment="pledge", amount=usd("40.000000000001")), "overdrawn"
    yield (
        "drawn after close",
        event("commitment.drawn", "2023-08", commitment="closed", amount=usd("1")),
        "drawn_after_close",
    )
    yield "below drawn", event("commitment.changed", "2024", commitment="pledge", amount=usd("59")), "below_drawn"
    sold: dict[str, Any] = {"holder": "cow", "issuer": "bee", "instrument": "equity", "proceeds": usd("1")}
    yield "oversold", event("investment.sold", "2023-02-01", units="100.1", **sold), "oversold"
    yield "sold before", event("investment.sold", "2022-12-31", units="1", **sold), "oversold"
    yield "two measures", event("investment.sold", units="1", fraction="0.1", **sold), "invalid"
    yield "no measure", event("investment.sold", **sold), "invalid"
    yield "sold none of it", event("investment.sold", all=False, **sold), "invalid"
    bill: dict[str, Any] = {
        "contract": "rent",
        "amount": usd("50.01"),
        "period": {"start": "2023-06", "end": "2023-07"},
    }
    yield "overbilled", event("contract.billed", **bill), "overbilled"
    yield "correction of nothing", changed(CORRECTION, "data.event", NOBODYS_ID), "unknown_event"
    yield "correction of no id", changed(CORRECTION, "data.event", "ant"), "invalid"
    yield "correction into another type", changed(CORRECTION, "data.replacement", ENTITY), "different_record"
    yield "correction with an id", changed(CORRECTION, "data.replacement.id", NOBODYS_ID), "invalid"
    yield "correction by a correction", changed(CORRECTION, "data.replacement", RETRACTION), "not_correctable"
    yield "correction to nothing", changed(CORRECTION, "data.replacement", {}), "unknown_type"
    yield "correction to text", changed(CORRECTION, "data.replacement", "x"), "invalid"
    yield "correction to floats", changed(CORRECTION, "data.replacement.data.amount.amount", 1.5), "invalid"
    yield "correction with no date", without(CORRECTION, "data.replacement.effective"), "invalid"
    yield "correction without a reason", without(CORRECTION, "data.reason"), "invalid"
    yield "correction known before", {**CORRECTION, "known": "2023-05-31"}, "known_before_target"
    yield "correction of a retraction", changed(CORRECTION, "data.event", RETRACTION_ID), "not_correctable"
    yield "correction of what is retracted", changed(CORRECTION, "data.event", RETRACTED_ID), "not_live"
    yield "retraction of nothing", changed(RETRACTION, "data.event", NOBODYS_ID), "unknown_event"
    yield "retraction of what is retracted", changed(RETRACTION, "data.event", RETRACTED_ID), "not_live"
    yield "retraction of what others name", changed(RETRACTION, "data.event", COMMITMENT_ID), "depended_on"
    crowd = changed(ENTITY, "data.aliases", [f"{number:04}" + "x" * 190 for number in range(1_000)])
    yield "too long an event", crowd, "too_large"


def bodies() -> list[Hostile]:
    """All of them."""
    listed = [Hostile(f"raw: {name}", body, "malformed") for name, body in RAW.items()]
    listed += [
        Hostile(f"not an event: {body!r}", body, "invalid")
        for body in (b"null", b"true", b"0", b'""', b'"x"', b"[]", b"1.5")
    ]
    listed += [
        Hostile("text: NUL in a value", dumped({**ENTITY, "note": "a\0b"}), "invalid_text"),
        Hostile("text: NUL in a key", dumped({**ENTITY, "\0": 1}), "invalid_text"),
    ]
    for family in (fields, figures, held_against):
        listed += [Hostile(f"{family.__name__}: {name}", dumped(body), reason) for name, body, reason in family()]
    return listed
