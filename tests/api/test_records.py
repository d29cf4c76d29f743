"""GET /v1/records/{kind}/{id}: one record's state, its version and its history."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.api.test_cli import lines, run
from tests.api.test_commitments import drawn, pledged
from tests.api.world import entity, event, given, reasons, usd


def test_a_record_has_its_history(service: httpx.Client) -> None:
    """By position, as recorded; the version counts them."""
    given(service, entity("ant"), entity("bee"), pledged())
    given(service, event("commitment.changed", "2023-02-01", commitment="pledge", stage="agreed"))
    answer = service.get("/v1/records/commitment/pledge").json()
    assert (answer["kind"], answer["id"], answer["version"]) == ("commitment", "pledge", 2)
    assert [one["type"] for one in answer["events"]] == ["commitment.made", "commitment.changed"]
    assert answer["state"]["stage"] == "agreed"
    earlier = service.get("/v1/records/commitment/pledge?position=3").json()
    assert (earlier["version"], earlier["state"]["stage"]) == (1, None)


def test_every_kind_of_record_is_found(service: httpx.Client) -> None:
    """Those with lists of their own, and those without."""
    given(
        service,
        entity("ant"),
        entity("bee"),
        pledged(),
        event("guarantee.given", guarantee="backing", guarantor="ant", of="bee", to="ant", amount=usd("5")),
        event("claim.published", claim="so-they-say", text="Much was invested.", kind="opinion"),
        event("restriction.imposed", restriction="ban", on=["ant"], kind="sanction", text="Not there."),
    )
    for kind, name in (
        ("entity", "ant"), ("commitment", "pledge"), ("guarantee", "backing"), ("claim", "so-they-say"),
        ("restriction", "ban"),
    ):  # fmt: skip
        answer = service.get(f"/v1/records/{kind}/{name}").json()
        assert (answer["kind"], answer["id"], answer["version"]) == (kind, name, 1)
        assert answer["state"]["status" if kind not in ("entity", "commitment") else "events"]


def changes(service: httpx.Client, record: str, **asked: object) -> list[tuple[str, dict[str, tuple[object, object]]]]:
    """What each event changed: its type, and by field what it was and is; figures by what is stated."""
    history = service.get(f"/v1/records/{record}", params={name: str(value) for name, value in asked.items()}).json()

    def said(value: object) -> object:
        return value["stated"] if isinstance(value, dict) and "stated" in value else value

    return [
        (one["type"], {two["field"]: (said(two["before"]), said(two["after"])) for two in one["changes"]})
        for one in history["history"]
    ]


def test_the_history_says_what_each_event_changed(service: httpx.Client) -> None:
    """Given a pledge, a draw and a stage; when the record is asked; then each event has what it changed."""
    given(service, entity("ant"), entity("bee"), pledged())
    [draw] = given(service, drawn("30"))
    given(service, event("commitment.changed", "2023-02-01", stage="agreed", commitment="pledge"))
    (made, first), *later = changes(service, "commitment/pledge")
    assert (made, first["from"], first["committed"]) == ("commitment.made", (None, "ant"), (None, "100"))
    assert "events" not in first
    assert later == [
        ("investment.made", {"drawn": ("0", "30"), "unfunded": ("100", "70")}),
        ("commitment.changed", {"stage": (None, "agreed")}),
    ]
    row = service.get("/v1/records/commitment/pledge").json()["history"][1]
    assert (row["event"], row["position"], row["known"], row["recorded_by"]) == (draw["id"], 4, "2023-06-01", "rest")


def test_a_change_is_the_difference_that_the_event_makes_at_its_position(service: httpx.Client) -> None:
    """Given a history; when the state is asked at an event's position and the one before; then that is the change."""
    given(service, entity("ant"), entity("bee"), pledged(), drawn("30"), drawn("20"))
    for one in service.get("/v1/records/commitment/pledge").json()["history"]:
        before, after = (
            service.get(f"/v1/records/commitment/pledge?position={position}").json().get("state") or {}
            for position in (one["position"] - 1, one["position"])
        )
        assert {change["field"] for change in one["changes"]} == {
            name for name in after if name != "events" and after[name] != before.get(name)
        }
        assert all((before.get(c["field"]), after[c["field"]]) == (c["before"], c["after"]) for c in one["changes"])


def test_corrections_and_retractions_are_in_the_history(service: httpx.Client) -> None:
    """A correction changes what it mends; a retraction of it brings back what was; one of the fact takes all away."""
    [*_, made] = given(service, entity("ant"), entity("bee"), pledged())
    said = pledged()
    replacement = {**said, "data": {**said["data"], "amount": usd("80")}}
    mended = {"event": made["id"], "replacement": replacement, "reason": "misread"}
    [correction] = given(service, event("event.corrected", "2023-07-01", "2023-07-01", **mended))
    given(service, event("event.retracted", "2023-08-01", "2023-08-01", event=correction["id"], reason="it was right"))
    given(service, event("event.retracted", "2023-09-01", "2023-09-01", event=made["id"], reason="never happened"))
    _, *later = changes(service, "commitment/pledge")
    assert later[:2] == [
        ("event.corrected", {"committed": ("100", "80"), "unfunded": ("100", "80")}),
        ("event.retracted", {"committed": ("80", "100"), "unfunded": ("80", "100")}),
    ]
    gone, fields = later[2]
    assert (gone, fields["committed"], fields["from"]) == ("event.retracted", ("100", None), ("ant", None))


def test_what_is_not_effective_yet_changes_nothing_yet(service: httpx.Client) -> None:
    """Given a draw in May; when one asks as of March; then it changed nothing there."""
    given(service, entity("ant"), entity("bee"), pledged(), drawn("30"))
    assert changes(service, "commitment/pledge", as_of="2023-03-01")[1] == ("investment.made", {})


def test_a_long_history_goes_on_at_an_earlier_position(service: httpx.Client) -> None:
    """Given more events than are told at once; when one asks at `earlier`; then each was told once, in order."""
    given(service, entity("ant"), entity("bee"), pledged(), *(drawn("1") for _ in range(60)))
    told: list[int] = []
    position: int | None = 63
    while position is not None:
        answer = service.get(f"/v1/records/commitment/pledge?position={position}").json()
        told = [one["position"] for one in answer["history"]] + told
        position = answer["earlier"]
    assert told == [one["position"] for one in service.get("/v1/records/commitment/pledge").json()["events"]]
    assert len(told) == 61


def test_changes_tells_what_moved_a_history(service: httpx.Client) -> None:
    """Given a draw; when the record before and after its day is compared; then what it changed is put down to it."""
    *_, draw = given(service, entity("ant"), entity("bee"), pledged(), drawn("30"))
    asked = {"of": "/v1/records/commitment/pledge", "from_as_of": "2023-03-01", "to_as_of": "2023-12-31"}
    [one] = [one for one in service.get("/v1/changes", params=asked).json()["changes"] if one["in"] == "history"]
    assert (one["key"], one["fields"]) == ({"event": draw["id"]}, ["changes"])
    assert draw["id"] in [cause["event"] for cause in one["causes"]]


def test_the_history_is_readable_at_the_shell(tmp_path: Path) -> None:
    """Before → after, each event with its place and days."""
    file = lines(tmp_path / "facts.jsonl", entity("ant"), entity("bee"), pledged(), drawn("30"))
    assert run("import", file, "--data", tmp_path / "ledger", "--yes").returncode == 0
    said = run("record", "commitment", "pledge", "--data", tmp_path / "ledger")
    assert said.returncode == 0, said.stderr
    assert "#4 investment.made, effective 2023-05-01\n  known 2023-06-01, recorded " in said.stdout
    assert "  drawn: 0 USD → 30 USD\n  unfunded: 100 USD → 70 USD\n" in said.stdout


def test_a_record_that_is_not_there_is_not_found(service: httpx.Client) -> None:
    given(service, entity("ant"), entity("bee"), pledged(), drawn("1"))
    for path in ("commitment/none", "pledge/commitment", "commitment/pledge/x", "x/pledge", "entity/pledge"):
        assert reasons(service.get(f"/v1/records/{path}")) == ["not_found"], path
    assert reasons(service.get("/v1/records/commitment/pledge?known_at=2022-01-01")) == ["not_found"]
