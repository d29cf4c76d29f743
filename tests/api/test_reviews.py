"""GET /v1/reviews and /v1/reviewers: what was looked at, what is left, and how far each reviewer is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.test_cli import lines, run
from tests.api.world import entity, event, given, reasons, usd
from tests.service import fresh_service

GIVEN = "2024-01-01"


def invested(amount: str, **more: Any) -> dict[str, Any]:
    return event("investment.made", investor="ant", issuer="bee", instrument="equity", amount=usd(amount), **more)


def review(*ids: str, verdict: str = "approved", by: str | None = None, **more: Any) -> dict[str, Any]:
    named = {} if by is None else {"by": by}
    return event("review.recorded", GIVEN, GIVEN, events=list(ids), verdict=verdict, **named, **more)


def correction(of: str, amount: str, known: str = GIVEN) -> dict[str, Any]:
    replacement = {name: value for name, value in invested(amount).items() if name != "known"}
    return event("event.corrected", known, known, event=of, replacement=replacement, reason="misread")


def retraction(of: str) -> dict[str, Any]:
    return event("event.retracted", GIVEN, GIVEN, event=of, reason="it was wrong")


def queue(service: httpx.Client, **asked: Any) -> dict[str, str]:
    """The facts that are listed, each with its state, in their order."""
    answer = service.get("/v1/reviews", params=asked)
    assert answer.status_code == 200, answer.text
    return {row["event"]: row["state"] for row in answer.json()["reviews"]}


def ids(recorded: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in recorded]


def test_every_fact_is_unreviewed_until_somebody_looks(service: httpx.Client) -> None:
    """Given three facts; when one is reviewed; then it alone has a state, and the review itself isn't in the queue."""
    ant, bee, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    assert queue(service) == {ant: "unreviewed", bee: "unreviewed", deal: "unreviewed"}
    [verdict] = ids(given(service, review(deal, verdict="questioned", by="ana", comment="Where is that from?")))
    assert queue(service) == {ant: "unreviewed", bee: "unreviewed", deal: "questioned"}
    assert list(queue(service, state="unreviewed")) == [ant, bee]
    [row] = service.get("/v1/reviews", params={"state": "questioned"}).json()["reviews"]
    [said] = row["reviews"]
    assert (row["event"], row["type"], row["record"]) == (deal, "investment.made", "holding/ant/bee/equity")
    assert {name: said[name] for name in ("review", "event", "verdict", "reviewer", "comment", "recorded_by")} == {
        "review": verdict,
        "event": deal,
        "verdict": "questioned",
        "reviewer": "ana",
        "comment": "Where is that from?",
        "recorded_by": "rest",
    }


def test_a_review_changes_no_figure(service: httpx.Client) -> None:
    """Given a holding; when its deal is rejected; then the holding is the same."""
    *_, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    before = service.get("/v1/holdings").json()["holdings"]
    given(service, review(deal, verdict="rejected"))
    assert service.get("/v1/holdings").json()["holdings"] == before


def test_the_gravest_of_the_reviewers_newest_verdicts_is_the_state(service: httpx.Client) -> None:
    """One reviewer's approval doesn't answer another's question; who asked can say that it is answered."""
    *_, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    given(service, review(deal, verdict="questioned", by="ana"), review(deal, by="ben"))
    assert queue(service, entity="bee")[deal] == "questioned"
    assert queue(service, reviewer="ben")[deal] == "approved"
    assert queue(service, reviewer="eve")[deal] == "unreviewed"
    given(service, review(deal, by="ana"))
    assert queue(service)[deal] == "approved"
    given(service, review(deal, verdict="rejected", by="ben"))
    assert queue(service)[deal] == "rejected"


@pytest.mark.parametrize("amend", [lambda deal: correction(deal, "12"), retraction], ids=["corrected", "retracted"])
def test_what_is_amended_after_its_review_is_to_be_looked_at_again(service: httpx.Client, amend: Any) -> None:
    """Given an approved deal; when it is amended; then it is unreviewed, at the amendment's place in the queue."""
    ant, bee, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    given(service, review(deal, by="ana"))
    reviewed = service.get("/readyz").json()["position"]
    [amendment] = given(service, amend(deal))
    assert list(queue(service, state="unreviewed", since_position=reviewed).items()) == [(deal, "unreviewed")]
    row = service.get("/v1/reviews").json()["reviews"][-1]
    assert (row["event"], row["amended_by"], row["last_position"]) == (deal, [amendment["id"]], amendment["position"])
    assert [said["outdated"] for said in row["reviews"]] == [True]
    # A review of either event is one of what stands now.
    given(service, review(amendment["id"], by="ana"))
    assert queue(service)[deal] == "approved"
    assert list(queue(service)) == [ant, bee, deal]


def test_a_review_before_a_correction_became_known_is_not_outdated_there(service: httpx.Client) -> None:
    """Given a correction known in June; when one asks at what was known in May; then the approval stands."""
    *_, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    given(service, review(deal), correction(deal, "12", known="2024-06-01"))
    assert queue(service, known_at="2024-05-31")[deal] == "approved"
    assert queue(service, known_at="2024-06-01")[deal] == "unreviewed"


def test_a_retracted_review_counts_no_more_and_a_corrected_one_as_it_says_now(service: httpx.Client) -> None:
    *_, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    [first] = ids(given(service, review(deal, by="ana")))
    said = {name: value for name, value in review(deal, verdict="rejected", by="ana").items() if name != "known"}
    given(service, event("event.corrected", GIVEN, GIVEN, event=first, replacement=said, reason="a slip"))
    assert queue(service)[deal] == "rejected"
    given(service, retraction(first), retraction(service.get(f"/v1/events/{first}").json()["corrections"][0]["id"]))
    assert queue(service)[deal] == "unreviewed"
    assert service.get(f"/v1/events/{deal}").json()["event"]["reviews"] == []


def test_a_position_in_the_past_has_the_queue_of_then(service: httpx.Client) -> None:
    """Given a review at position 4; when one asks at 3; then nobody has looked; asked again, the same bytes."""
    *_, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    given(service, review(deal))
    pinned: dict[str, str | int] = {"as_of": GIVEN, "known_at": GIVEN, "position": 3}
    first = service.get("/v1/reviews", params=pinned)
    assert [row["state"] for row in first.json()["reviews"]] == ["unreviewed"] * 3
    given(service, review(deal, verdict="rejected"))
    assert service.get("/v1/reviews", params=pinned).content == first.content
    assert service.get("/v1/reviews", params=pinned | {"position": 4}).json()["reviews"][-1]["state"] == "approved"


def test_the_queue_comes_in_pages(service: httpx.Client) -> None:
    facts = ids(given(service, *(entity(f"e-{number}") for number in range(5))))
    found, more = [], {"limit": "2"}
    while True:
        page = service.get("/v1/reviews", params=more).json()
        found += [row["event"] for row in page["reviews"]]
        if not page["more"]:
            break
        given(service, review(found[0]))  # while others write, pages fit together
        more = {"limit": "2", "cursor": page["next"]}
    assert found == facts


def test_each_reviewers_progress_is_told(service: httpx.Client) -> None:
    """Facts by the newest verdict, those that changed since, those left, and how far in the log."""
    ant, bee, deal, other = ids(given(service, entity("ant"), entity("bee"), invested("10"), invested("20")))
    given(service, review(ant, bee, deal, by="ana"), review(bee, verdict="questioned", by="ana"))
    [amendment] = given(service, correction(deal, "12"))
    [last] = given(service, review(other, verdict="rejected"))  # by nobody named: the door
    answer = service.get("/v1/reviewers").json()
    assert answer["reviewers"] == [
        {
            "reviewer": "ana", "approved": 1, "questioned": 1, "rejected": 0, "outdated": 1, "unreviewed": 1,
            "facts": 4, "share": "0.5", "last_position": 2, "last_review": 6,
        },
        {
            "reviewer": "rest", "approved": 0, "questioned": 0, "rejected": 1, "outdated": 0, "unreviewed": 3,
            "facts": 4, "share": "0.25", "last_position": 4, "last_review": last["position"],
        },
    ]  # fmt: skip
    assert amendment["position"] < last["position"]


def test_an_empty_ledger_has_nothing_to_review(service: httpx.Client) -> None:
    assert (queue(service), service.get("/v1/reviewers").json()["reviewers"]) == ({}, [])


@pytest.mark.parametrize(
    "asked", [{"state": "fine"}, {"since_position": "-1"}, {"reviewer": ""}, {"entity": "No"}, {"verdict": "approved"}]
)
def test_a_wrong_parameter_is_refused(shared: httpx.Client, asked: dict[str, str]) -> None:
    assert reasons(shared.get("/v1/reviews", params=asked)) in (["invalid_query"], ["unknown_parameter"])


def test_changes_puts_a_new_state_down_to_the_review(service: httpx.Client) -> None:
    """Given a review; when the queue before and after it is compared; then the review is the cause."""
    *_, deal = ids(given(service, entity("ant"), entity("bee"), invested("10")))
    [verdict] = ids(given(service, review(deal)))
    for of in ("/v1/reviews", "/v1/events", f"/v1/events/{deal}"):
        asked: dict[str, str | int] = {"of": of, "from_position": 3, "to_position": 4}
        changed = [
            one for one in service.get("/v1/changes", params=asked).json()["changes"] if one["change"] == "changed"
        ]
        assert [[cause["event"] for cause in one["causes"]] for one in changed] == [[verdict]], of


# --- at the shell ------------------------------------------------------------------------------------------------


def test_a_review_is_recorded_from_the_shell_in_a_folder_and_through_a_service(tmp_path: Path) -> None:
    """Given a ledger; when facts are reviewed; then `reviews` and `reviewers` say so, whichever the door."""
    file = lines(
        tmp_path / "facts.jsonl", {**entity("ant"), "id": "7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11"}, entity("bee")
    )
    data = tmp_path / "ledger"
    assert run("import", file, "--data", data, "--yes").returncode == 0
    ant = "7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11"
    said = run("review", ant, "--verdict", "approved", "--by", "ana", "--comment", "Seen.", "--data", data)
    assert (said.returncode, said.stdout) == (0, "Recorded at position 3: approved, 1 event.\n")
    with fresh_service(data) as client:
        url = str(client.base_url)
        said = run("review", ant, "--verdict", "questioned", "--by", "ben", "--url", url)
        assert said.returncode == 0, said.stderr
        assert "ana approved; ben questioned" in run("reviews", "--url", url).stdout
        unknown = run("review", ant.replace("7", "8"), "--verdict", "approved", "--url", url)
        assert (unknown.returncode, "/data/events/0" in unknown.stderr) == (2, True)
    unknown = run("review", ant.replace("7", "8"), "--verdict", "approved", "--data", data)
    assert (unknown.returncode, "/data/events/0" in unknown.stderr) == (2, True)
    assert run("review", ant, "--verdict", "fine", "--data", data).returncode == 2
    assert "ben" in run("reviewers", "--data", data).stdout
