"""GET /v1/changes: what differs between two points, nothing else and nothing less, and what caused it."""

from __future__ import annotations

import os
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawing
from hypothesis import strategies as st

from projections.differences import differences
from tests.against_changes import Counted, applied, check, run
from tests.against_oracle import KINDS, Mismatch, Question
from tests.api.world import entity, event, given, reasons, usd
from tests.choices import Drawn
from tests.service import fresh_service

PAIRS_PER_STREAM = 40
STREAMS = max(1, int(os.environ.get("DEALLEDGER_EXAMPLES", "200")) // PAIRS_PER_STREAM)
STAKE = event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd("10"), units="5")


def changes(client: httpx.Client, of: str, **times: Any) -> list[dict[str, Any]]:
    """The differences, once applying them to the first answer was seen to give the second."""
    answer = client.get("/v1/changes", params={"of": of, "limit": 1000, **times})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["changes"]
    sides = []
    for side in ("from", "to"):
        point = {name: answer.json()[side][name] for name in ("as_of", "known_at", "position")}
        whole = client.get(httpx.URL(of).copy_merge_params(point)).json()
        sides.append({name: value for name, value in whole.items() if name not in (*point, "root", "more", "next")})
    assert applied(sides[0], found) == sides[1]
    return found


def causes(one: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(cause["event"], cause["why"]) for cause in one["causes"]]


def correction(of: dict[str, Any], event_id: str, **data: Any) -> dict[str, Any]:
    """A correction that changes some of the data."""
    said = {"type": of["type"], "effective": of["effective"], "data": {**of["data"], **data}}
    return event("event.corrected", known="2023-07-01", event=event_id, replacement=said, reason="misread")


def two(client: httpx.Client, *more: dict[str, Any]) -> list[str]:
    """Given two companies, and events; the ids of these."""
    return [one["id"] for one in given(client, entity("ant"), entity("bee"), *more)][2:]


# --- why ---------------------------------------------------------------------------------------------------------


def test_recorded(service: httpx.Client) -> None:
    """The one holding, and the total with it, are there from a position on."""
    [made] = two(service, STAKE)
    holding, total = changes(service, "/v1/holdings", from_position=2)
    assert (holding["in"], holding["change"], holding["place"]) == ("holdings", "added", 0)
    assert holding["key"] == {"holder": "ant", "issuer": "bee", "instrument": "equity"}
    assert (holding["before"], holding["after"]["events"], holding["fields"]) == (None, [made], [])
    assert (total["in"], total["key"], causes(total)) == ("totals", {"currency": "USD"}, [(made, "recorded")])
    assert holding["causes"] == [{"event": made, "why": "recorded", "type": "investment.made", "fact": made}]


def test_became_known_and_effective(service: httpx.Client) -> None:
    """Known on 2023-06-01, of 2023-05-01: which of the two is told apart, and both are told where both are so."""
    [made] = two(service, STAKE)
    for times, why in (
        ({"from_known_at": "2023-05-31"}, [(made, "became_known")]),
        ({"from_as_of": "2023-04-30"}, [(made, "effective")]),
        ({"from_as_of": "2023-04-30", "from_known_at": "2023-05-31"}, [(made, "became_known"), (made, "effective")]),
    ):
        assert [causes(one) for one in changes(service, "/v1/holdings", **times)] == [why, why]


def test_backwards_is_the_same_the_other_way_round(service: httpx.Client) -> None:
    [made] = two(service, STAKE)
    holding, _ = changes(service, "/v1/holdings", to_as_of="2023-04-30", from_as_of="2023-06-01")
    assert (holding["change"], holding["after"], holding["place"], causes(holding)) == (
        "removed", None, None, [(made, "effective")],
    )  # fmt: skip


def test_a_coarse_date_is_over(service: httpx.Client) -> None:
    """The whole amount counts towards low and stated from the last day on."""
    [made] = two(service, {**STAKE, "effective": "2023-Q1"})
    holding, _ = changes(service, "/v1/holdings", from_as_of="2023-02-01", to_as_of="2023-03-31")
    assert (holding["change"], causes(holding)) == ("changed", [(made, "effective")])
    assert {"cost", "units"} == set(holding["fields"])


def test_corrected(service: httpx.Client) -> None:
    """The cause is the correction; `fact` is the event that rows name."""
    [made] = two(service, STAKE)
    [corrected] = [one["id"] for one in given(service, correction(STAKE, made, amount=usd("12")))]
    holding, total = changes(service, "/v1/holdings", from_position=3)
    assert (holding["fields"], causes(holding)) == (["cost"], [(corrected, "corrected")])
    assert (holding["before"]["cost"]["stated"], holding["after"]["cost"]["stated"]) == ("10", "12")
    assert holding["causes"][0]["fact"] == made
    assert (total["fields"], causes(total)) == (["cost"], [(corrected, "corrected")])


def test_retracted_and_brought_back(service: httpx.Client) -> None:
    """What cancels out between the two points is no difference, and no cause."""
    [made] = two(service, STAKE)
    [gone] = [one["id"] for one in given(service, event("event.retracted", known="2023-07-01", event=made, reason="x"))]
    [back] = [one["id"] for one in given(service, event("event.retracted", known="2023-08-01", event=gone, reason="y"))]
    removed, _ = changes(service, "/v1/holdings", from_position=3, to_position=4)
    assert (removed["change"], causes(removed)) == ("removed", [(gone, "retracted")])
    added, _ = changes(service, "/v1/holdings", from_position=4, to_position=5)
    assert (added["change"], causes(added)) == ("added", [(back, "retracted")])
    assert changes(service, "/v1/holdings", from_position=3) == []
    assert causes(changes(service, "/v1/holdings", from_position=2)[0]) == [(made, "recorded")]


def test_only_the_last_correction_matters(service: httpx.Client) -> None:
    [made] = two(service, STAKE)
    first, last = (given(service, correction(STAKE, made, amount=usd(amount)))[0]["id"] for amount in ("12", "13"))
    assert causes(changes(service, "/v1/holdings", from_position=3)[0]) == [(last, "corrected")]
    assert causes(changes(service, "/v1/holdings", from_position=3, to_position=4)[0]) == [(first, "corrected")]


def test_time(service: httpx.Client) -> None:
    """A mark grows older without any event."""
    mark = event("valuation.recorded", "2023-05-01", subject="bee", holder="ant", value=usd("20"), basis="fair_value")
    two(service, STAKE, mark)
    [holding] = changes(service, "/v1/holdings", from_as_of="2023-06-01", to_as_of="2023-06-03")
    assert (holding["fields"], causes(holding)) == (["age_days"], [(None, "time")])


# --- what bears --------------------------------------------------------------------------------------------------


def test_the_mark_that_values_and_no_other(service: httpx.Client) -> None:
    """Of three marks that came between, only the newest values the holding."""
    [_, *marks] = two(
        service,
        STAKE,
        *(event("valuation.recorded", day, subject="bee", holder="ant", value=usd("20"), basis="fair_value")
          for day in ("2023-05-02", "2023-05-04", "2023-05-03")),
        event("entity.changed", entity="bee", name="Busy bee"),
    )  # fmt: skip
    holding, total = changes(service, "/v1/holdings", from_position=3)
    assert causes(holding) == causes(total) == [(marks[1], "recorded")]


def test_a_rate(service: httpx.Client) -> None:
    """Of two rates that came between, the one that the amount is converted at."""
    [_, old, rate] = two(
        service,
        {**STAKE, "data": {**STAKE["data"], "amount": {"currency": "EUR", "amount": "10"}}},
        event("rate.published", "2023-04-01", base="EUR", quote="USD", rate="1.2"),
        event("rate.published", "2023-04-02", base="EUR", quote="USD", rate="1.1"),
    )
    found = changes(service, "/v1/holdings?currency=USD", from_position=3)
    assert [causes(one) for one in found if one["in"] == "holdings"] == [[(rate, "recorded")]]
    assert changes(service, "/v1/holdings", from_position=3) == []
    before = changes(service, "/v1/holdings?currency=USD", from_position=3, to_position=4)
    assert [causes(one) for one in before if one["in"] == "holdings"] == [[(old, "recorded")]]


def test_another_source_for_the_same(service: httpx.Client) -> None:
    """The first counts; once it is retracted, the second does, though nothing about it changed."""
    [made] = two(service, STAKE)
    [second] = [one["id"] for one in given(service, {**STAKE, "same_as": made})]
    assert changes(service, "/v1/holdings", from_position=3) == []
    [gone] = [one["id"] for one in given(service, event("event.retracted", known="2023-07-01", event=made, reason="x"))]
    holding = changes(service, "/v1/holdings", from_position=4)[0]
    assert (holding["before"]["events"], holding["after"]["events"]) == ([made], [second])
    assert causes(holding) == [(gone, "retracted")]


def test_what_it_is_part_of(service: httpx.Client) -> None:
    """A total counts a part in its whole, though neither row shows it."""
    [whole, part] = two(
        service,
        STAKE,
        {**STAKE, "data": {**STAKE["data"], "instrument": "debt", "amount": usd("4")}},
    )
    [linked] = [one["id"] for one in given(
        service,
        correction({**STAKE, "data": {**STAKE["data"], "instrument": "debt", "amount": usd("4")}}, part, part_of=whole),
    )]  # fmt: skip
    [total] = changes(service, "/v1/holdings", from_position=4)
    assert (total["in"], total["fields"], causes(total)) == ("totals", ["cost"], [(linked, "corrected")])


def test_a_group(service: httpx.Client) -> None:
    """Who is bought from comes under a forbidden parent: the event is of an entity."""
    [*_, moved] = [
        one["id"]
        for one in given(
            service, entity("ant"), entity("bee"), entity("cow"),
            event("restriction.imposed", "2023-01-01", restriction="ban", on=["ant"], kind="mandate", text="no cows",
                  forbids=["cow"]),
            STAKE,
            event("entity.changed", "2023-02-01", entity="bee", parent="cow"),
        )
    ]  # fmt: skip
    [restriction] = changes(service, "/v1/restrictions", from_position=5)
    assert (restriction["fields"], causes(restriction)) == (["breaches"], [(moved, "recorded")])


def test_the_step_up_of_a_mark(service: httpx.Client) -> None:
    """It is against the mark before; that mark is the cause."""
    marks = [
        event("valuation.recorded", day, subject="bee", value=usd(value), basis="post_money")
        for day, value in (("2023-05-01", "10"), ("2023-05-03", "30"), ("2023-05-02", "20"))
    ]
    [_, _, between] = two(service, *marks)
    added, changed = changes(service, "/v1/valuations/bee", from_position=4)
    assert (added["change"], added["place"], causes(added)) == ("added", 1, [(between, "recorded")])
    assert (changed["fields"], changed["place"], causes(changed)) == (["step_up"], 2, [(between, "recorded")])


def test_what_a_mark_is_since_a_deal(service: httpx.Client) -> None:
    """Given a mark; when a deal before it is recorded; then that is the cause of what the mark is against it."""
    deal = event("investment.made", "2023-05-01", investor="ant", issuer="bee", instrument="equity", amount=usd("1"),
                 stake={"share": "0.5"})  # fmt: skip
    mark = event("valuation.recorded", "2023-05-03", subject="bee", value=usd("3"), basis="post_money")
    [_, made] = two(service, mark, deal)
    _, changed = changes(service, "/v1/valuations/bee", from_position=3)
    assert (changed["fields"], changed["after"]["since_deal"]) == (["since_deal"], "1.5")
    assert causes(changed) == [(made, "recorded")]


def test_a_single_answer_is_compared_field_by_field(service: httpx.Client) -> None:
    [made] = two(service, STAKE)
    found = {one["in"]: one for one in changes(service, "/v1/performance/ant", from_position=2)}
    assert (found["included"]["fields"], causes(found["included"])) == (["paid_in", "dpi", "rvpi", "tvpi"], [
        (made, "recorded"),
    ])  # fmt: skip
    assert (found["cash_flows"]["key"], found["cash_flows"]["change"]) == (
        {"kind": "investment", "events": [made]},
        "added",
    )


def test_the_audit_trail(service: httpx.Client) -> None:
    """An event comes once; the one that it names is changed by it."""
    [made] = two(service, STAKE)
    [gone] = [one["id"] for one in given(service, event("event.retracted", known="2023-07-01", event=made, reason="x"))]
    added, named = changes(service, "/v1/events", from_position=3)
    assert (added["key"], causes(added)) == ({"id": gone}, [(gone, "recorded")])
    assert (named["key"], named["fields"], causes(named)) == ({"id": made}, ["retracted_by"], [(gone, "retracted")])


def test_a_record_has_its_version_its_state_and_its_events(service: httpx.Client) -> None:
    [changed] = two(service, event("entity.changed", known="2023-07-01", entity="ant", name="Aunt"))
    found = changes(service, "/v1/records/entity/ant", from_position=2)
    fields = {one["in"]: one["fields"] for one in found}
    assert fields == {"version": [], "state": ["name", "events"], "history": [], "events": []}
    assert {cause for one in found for cause in causes(one)} == {(changed, "recorded")}


# --- the question ------------------------------------------------------------------------------------------------


def test_equal_points_differ_in_nothing(shared: httpx.Client) -> None:
    answer = shared.get("/v1/changes", params={"of": "/v1/holdings"}).json()
    assert (answer["changes"], answer["more"], answer["next"], answer["from"]) == ([], False, None, answer["to"])


def test_a_time_left_out_is_the_same_at_both_points(shared: httpx.Client) -> None:
    """So that only what is named differs; and now, where it is left out of both."""
    today = datetime.now(UTC).date().isoformat()
    answer = shared.get(
        "/v1/changes", params={"of": "/v1/holdings", "from_as_of": "2023-01-01", "to_position": 4}
    ).json()
    assert answer["from"].pop("root") == answer["to"].pop("root")
    assert answer["from"] == {"as_of": "2023-01-01", "known_at": today, "position": 4, "found": True}
    assert answer["to"] == {"as_of": today, "known_at": today, "position": 4, "found": True}


def test_pinned_it_is_for_ever_and_else_says_where_it_is(shared: httpx.Client) -> None:
    answer = shared.get("/v1/changes", params={"of": "/v1/entities?kind=company", "from_position": 3})
    assert answer.headers["cache-control"] == "no-cache"
    again = shared.get(answer.headers["content-location"])
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert "immutable" in again.headers["cache-control"]
    told = shared.get(answer.headers["content-location"], headers={"If-None-Match": again.headers["etag"]})
    assert told.status_code == 304


def test_pages_make_up_the_list(shared: httpx.Client) -> None:
    params: dict[str, Any] = {"of": "/v1/entities", "from_position": 0}
    whole = changes(shared, **params)
    page = shared.get("/v1/changes", params={**params, "limit": 2}).json()
    found = page["changes"]
    while page["more"]:
        assert len(page["changes"]) == 2
        page = shared.get("/v1/changes", params={"cursor": page["next"], "limit": 2}).json()
        found += page["changes"]
    assert (found, page["next"]) == (whole, None)
    assert len(whole) == 9


@pytest.mark.parametrize(
    ("of", "reason", "told"),
    [
        ("/v1/changes?of=/v1/holdings", "unknown_question", "No question"),
        ("/readyz", "unknown_question", "No question"),
        ("", "unknown_question", "No question"),
        ("/v1/holdings?as_of=2023-01-01", "invalid_query", "as_of"),
        ("/v1/holdings?position=1", "invalid_query", "position"),
        ("/v1/holdings?format=csv", "invalid_query", "format"),
        ("/v1/holdings?limit=1", "invalid_query", "limit"),
        ("/v1/holdings?holdr=ant", "unknown_parameter", "holdr"),
        ("/v1/entities?kind=animal", "invalid_query", "kind"),
    ],
)
def test_what_cannot_be_compared_is_refused(shared: httpx.Client, of: str, reason: str, told: str) -> None:
    answer = shared.get("/v1/changes", params={"of": of})
    assert (answer.status_code, reasons(answer), answer.json()["parameter"]) == (422, [reason], "of")
    assert told in answer.json()["detail"]


def test_the_point_that_is_wrong_is_named(shared: httpx.Client) -> None:
    for params, reason, parameter in (
        ({"from_position": "999"}, "future_position", "from_position"),
        ({"to_position": "999"}, "future_position", "to_position"),
        ({"from_known_at": "9999-01-01"}, "future_known_at", "from_known_at"),
        ({"to_as_of": "soon"}, "invalid_query", "to_as_of"),
        ({"as_of": "2023-01-01"}, "unknown_parameter", "as_of"),
        ({"cursor": "x"}, "invalid_cursor", "cursor"),
    ):
        answer = shared.get("/v1/changes", params={"of": "/v1/holdings", **params})
        assert (reasons(answer), answer.json()["parameter"]) == ([reason], parameter)
    assert reasons(shared.get("/v1/changes")) == ["invalid_query"]


def test_what_is_at_one_point_only_is_all_added_or_removed(shared: httpx.Client) -> None:
    answer = shared.get("/v1/changes", params={"of": "/v1/entities/e-3", "from_position": 2}).json()
    assert (answer["from"]["found"], answer["to"]["found"]) == (False, True)
    assert [(one["in"], one["change"]) for one in answer["changes"]] == [("entity", "added")]
    assert reasons(shared.get("/v1/changes", params={"of": "/v1/entities/nobody"})) == ["not_found"]


# --- against a replay of the log ---------------------------------------------------------------------------------


@settings(
    max_examples=STREAMS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@drawing(data=st.data())
def test_applied_to_the_first_answer_they_give_the_second(data: st.DataObject) -> None:
    """For every question, at any two points; and each cause is so by the log."""
    with fresh_service() as client:
        run(client, Drawn(data.draw), 40, PAIRS_PER_STREAM, Counted())


def test_the_comparison_notices_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: of differences, one dropped is noticed."""
    whole = differences
    monkeypatch.setattr("api.changes.differences", lambda *given: whole(*given)[1:])
    with fresh_service() as client:
        two(client, STAKE)
        with pytest.raises(AssertionError):
            changes(client, "/v1/holdings", from_position=2)


def test_the_comparison_notices_a_cause_that_is_not_so() -> None:
    """A control: an event that both points see, none at all, and a wrong reason."""
    first, second = (Question(KINDS[0], "2024-01-01", "2024-01-01", position, ()) for position in (1, 2))
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in (1, 2)]
    log = [(place, {**STAKE, "id": ids[place - 1], "status": "reported"}) for place in (1, 2)]
    cause = {"event": ids[1], "why": "recorded", "type": "investment.made", "fact": ids[1]}
    one = {"in": "holdings", "key": {}, "change": "changed", "before": {"events": ids[:1]}, "after": {"events": ids}}
    check({**one, "causes": [cause]}, log, first, second, {})
    for wrong in (
        [],
        [{**cause, "event": ids[0], "fact": ids[0]}],
        [{**cause, "why": "became_known"}],
        [{**cause, "fact": ids[0]}],
    ):
        with pytest.raises(Mismatch):
            check({**deepcopy(one), "causes": wrong}, log, first, second, {})
