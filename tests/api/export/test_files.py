"""Every list as a file of every format holds exactly what the JSON answer holds, and what was asked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from api.export import asking, door
from tests.api.export.reading import cells_of, read_csv, read_jsonl, read_metadata, read_parquet, read_workbook, text

AT = {"as_of": "2024-12-29", "known_at": "2026-01-01"}
FORMATS = ("jsonl", "csv", "xlsx", "parquet")
TYPES = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "holdings": ("holdings", {}),
    "holdings in euros": ("holdings", {"currency": "EUR"}),
    "holdings of one": ("holdings", {"holder": "softbank"}),
    "commitments": ("commitments", {}),
    "contracts": ("contracts", {}),
    "entities": ("entities", {}),
    "claims": ("claims", {}),
    "restrictions": ("restrictions", {}),
    "valuations/arm": ("marks", {}),
    "performance/softbank": ("cash_flows", {}),
    "exposures": ("pairs", {"layer": "announced"}),
    "exposures/history": ("points", {"layer": "announced", "step": "quarter", "from": "2022-01-01"}),
    "ownership": ("stakes", {}),
}


def asked(client: httpx.Client, list_name: str) -> tuple[str, dict[str, Any], dict[str, str], str]:
    """A list's path, all of its answer, its parameters and the name of its rows."""
    rows, filters = LISTS[list_name]
    path = f"/v1/{list_name.split()[0]}"
    position = client.get("/readyz").json()["position"]
    query = {**AT, "position": str(position), **filters}
    limit = {} if path.startswith(("/v1/performance", "/v1/exposures", "/v1/ownership")) else {"limit": "1000"}
    answer = client.get(path, params={**query, **limit})
    if answer.status_code == 404:  # the other ledger has other parties
        path = path.replace("arm", "borealis").replace("softbank", "delta-fund")
        answer = client.get(path, params={**query, **limit})
    return path, answer.json(), query, rows


def got(client: httpx.Client, path: str, query: dict[str, str], form: str) -> bytes:
    answer = client.get(path, params={**query, "format": form})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPES[form]
    return answer.content


def named(path: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with what its address names, which comes first in a file."""
    part = {"valuations": "subject", "performance": "holder"}.get(path.split("/")[2])
    return row if part is None else {part: path.split("/")[3], **row}


@pytest.fixture(params=["example", "hard"])
def client(request: pytest.FixtureRequest) -> httpx.Client:
    found: httpx.Client = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("list_name", LISTS)
def test_every_format_has_every_row_of_the_answer_exactly(client: httpx.Client, list_name: str) -> None:
    """Field by field and to the last digit, with the three times; nothing more and nothing less."""
    path, answer, query, rows = asked(client, list_name)
    own = answer[rows][0] if answer[rows] else {}
    names = {name: f"up_to_{name}" if name in own else name for name in ("as_of", "known_at", "position")}
    times = {name: answer[asked_for] for asked_for, name in names.items()}
    assert read_jsonl(got(client, path, query, "jsonl")) == [{**times, **named(path, row)} for row in answer[rows]]

    expected = [cells_of({**named(path, row), **times}) for row in answer[rows]]
    assert read_csv(got(client, path, query, "csv")).rows == expected
    assert read_parquet(got(client, path, query, "parquet")).rows == expected

    book = read_workbook(got(client, path, query, "xlsx"))
    assert book.get(f"{rows} exact", book[rows]).rows == expected
    for other in ("cycles", "values"):
        if answer.get(other):
            assert book.get(f"{other} exact", book[other]).rows == [cells_of(row) for row in answer[other]]
    if answer.get("totals"):
        assert book.get("totals exact", book["totals"]).rows == [cells_of(total) for total in answer["totals"]]


@pytest.mark.parametrize("list_name", ["holdings", "holdings in euros"])
def test_the_numbers_of_a_workbook_are_the_figures_to_fifteen_digits(client: httpx.Client, list_name: str) -> None:
    """Also where another sheet has all their digits."""
    path, answer, query, rows = asked(client, list_name)
    shown = read_workbook(got(client, path, query, "xlsx"))[rows]
    assert shown.types["cost_stated"] <= {int, float}
    for row, found in zip(answer[rows], shown.rows, strict=True):
        for name, cell in cells_of(row).items():
            if name.endswith(("_low", "_stated", "_high")):
                assert found[name] == text(float(Decimal(cell)))


def test_cells_have_the_types_of_what_they_say(example: httpx.Client) -> None:
    """Numbers are numbers, days are days, flags are flags; in Parquet decimals are exact."""
    path, _, query, rows = asked(example, "holdings")
    book = read_workbook(got(example, path, query, "xlsx"))
    shown = book[rows].types
    assert shown["valued_on"] == shown["as_of"] == shown["known_at"] == {datetime}
    assert shown["position"] == shown["age_days"] == {int}
    assert shown["incomplete"] == {bool}
    assert shown["stake_economic_stated"] <= {int, float}
    typed = read_parquet(got(example, path, query, "parquet")).types
    assert typed["cost_low"] == typed["stake_economic_stated"] == typed["multiple"] == {Decimal}
    assert {kind.__name__ for kind in typed["as_of"]} == {"date"}
    assert typed["incomplete"] == {bool}
    assert typed["holder"] == {str}


def test_a_workbook_says_what_was_asked(example: httpx.Client) -> None:
    """The pinned address in it leads to the same answer."""
    path, answer, query, _ = asked(example, "holdings of one")
    sheet = read_workbook(got(example, path, query, "xlsx"))["question"]
    said = {row["what"]: row["value"] for row in sheet.rows}
    assert example.get(said["address"]).json() == {**answer, "more": False}
    assert (said["as_of"], said["known_at"], said["position"]) == (AT["as_of"], AT["known_at"], query["position"])
    assert said["holder"] == "softbank"
    assert said["question"] == "holdings"
    assert said["software"].startswith("deal-ledger ")
    assert said["rows"] == str(len(answer["holdings"]))
    last = example.get("/v1/events", params={"limit": 1}).json()["events"][0]
    assert said["recorded_at"] == last["recorded_at"]


def test_parquet_says_what_was_asked(example: httpx.Client) -> None:
    """In its metadata."""
    path, answer, query, _ = asked(example, "holdings of one")
    said = read_metadata(got(example, path, query, "parquet"))
    assert example.get(said["deal_ledger.address"]).json() == answer
    assert said["deal_ledger.as_of"] == AT["as_of"]


def test_exposures_have_the_figures_of_the_network_on_a_sheet(client: httpx.Client) -> None:
    path, answer, query, _ = asked(client, "exposures")
    book = read_workbook(got(client, path, query, "xlsx"))
    said = {row["what"]: row.get("value") for row in book["figures"].rows}
    for figure in ("gross", "circulation", "funding"):
        found = answer["network"][figure]  # null where a rate is missing
        assert said[f"network_{figure}_stated"] == (found and text(float(found["stated"])))
    assert said["network_flows"] == str(answer["network"]["flows"])


def test_a_list_that_is_not_all_there_is_no_file(example: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer has a limit instead of pages, a file has the highest, or is refused."""
    query = {**AT, "layer": "announced", "format": "csv"}
    assert example.get("/v1/exposures", params=query).status_code == 200
    monkeypatch.setattr(asking, "all_rows", lambda question, given: {**given, "limit": "1"})
    monkeypatch.setattr(door, "all_rows", asking.all_rows)
    answer = example.get("/v1/exposures", params=query)
    assert (answer.status_code, answer.json()["reason"]) == (422, "too_many_rows")


def test_a_performance_has_its_figures_on_a_sheet(example: httpx.Client) -> None:
    """The rows are the cash flows."""
    path, answer, query, _ = asked(example, "performance/softbank")
    book = read_workbook(got(example, path, query, "xlsx"))
    said = {row["what"]: row.get("value") for row in book["figures"].rows}
    assert said["currency"] == "USD"
    assert said["included_tvpi"] == text(float(answer["included"]["tvpi"])) if answer["included"]["tvpi"] else True
    assert said["excluded_paid_in"] == answer["excluded"]["paid_in"]


# --- events -----------------------------------------------------------------------------------------------------


def test_events_come_in_every_format(client: httpx.Client) -> None:
    """All of them, with what the server added, in the order asked for."""
    events = []
    query = {"order": "position", "limit": "1000"}
    while query:
        answer = client.get("/v1/events", params=query).json()
        events += answer["events"]
        query = {"cursor": answer["next"]} if answer["more"] else {}
    times = {"as_of": answer["as_of"], "known_at": answer["known_at"], "up_to_position": answer["position"]}

    def file(form: str) -> bytes:
        return client.get("/v1/events", params={"order": "position", "format": form}).content

    assert read_jsonl(file("jsonl")) == [{**times, **event} for event in events]
    table, typed, book = read_csv(file("csv")), read_parquet(file("parquet")), read_workbook(file("xlsx"))
    for name in ("position", "recorded_at", "type", "id", "effective", "known", "status"):
        assert [row[name] for row in table.rows] == [str(event[name]) for event in events]
    # DuckDB and openpyxl read every cell as CSV has it, but that floats have fifteen digits.
    plain = [{name: cell.removeprefix("'") for name, cell in row.items()} for row in table.rows]
    stamps = [row["recorded_at"] for row in typed.rows]
    assert stamps == [event["recorded_at"] for event in events]
    assert typed.rows == plain
    exact = book.get("events exact", book["events"])
    assert exact.rows == plain
    assert typed.types["amount.amount"] == {Decimal}
    assert typed.types["position"] == {int}


# --- the door -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_a_pinned_file_is_the_same_bytes_for_ever(example: httpx.Client, form: str) -> None:
    """With the headers of a pinned answer; a client that has it is told so."""
    query = {**AT, "position": "200", "format": form}
    first = example.get("/v1/holdings", params=query)
    assert first.headers["cache-control"].endswith("immutable")
    again = example.get("/v1/holdings", params=query)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert int(first.headers["content-length"]) == len(first.content)
    assert first.headers["content-disposition"] == f'attachment; filename="holdings-2024-12-29-200.{form}"'
    known = example.get("/v1/holdings", params=query, headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", ["/v1/commitments?from=microsoft", "/v1/exposures?layer=announced"])
def test_a_file_not_pinned_says_where_it_is(example: httpx.Client, path: str, form: str) -> None:
    first = example.get(f"{path}&format={form}")
    assert first.headers["cache-control"] == "no-cache"
    pinned = example.get(first.headers["content-location"])
    assert pinned.content == first.content
    assert pinned.headers["cache-control"].endswith("immutable")


def test_json_is_the_answer_itself(example: httpx.Client) -> None:
    assert example.get("/v1/holdings?format=json").content == example.get("/v1/holdings").content


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_list_is_a_file_without_rows(example: httpx.Client, form: str) -> None:
    """With its columns, where the format has them."""
    body = got(example, "/v1/holdings", {**AT, "holder": "nobody-here"}, form)
    if form == "jsonl":
        assert body == b""
    if form == "csv":
        assert body.startswith(b"holder,issuer,instrument,units,")
        assert body.count(b"\n") == 1
    if form == "parquet":
        assert read_parquet(body).rows == []
    if form == "xlsx":
        assert read_workbook(body)["holdings"].rows == []


@pytest.mark.parametrize(
    ("query", "status", "reason", "parameter"),
    [
        ("format=xls", 422, "invalid_query", "format"),
        ("format=csv&limit=10", 422, "invalid_query", "limit"),
        ("format=csv&cursor=x", 422, "invalid_query", "cursor"),
        ("format=csv&format=csv", 422, "repeated_parameter", "format"),
        ("format=csv&holdr=x", 422, "unknown_parameter", "holdr"),
        ("format=csv&known_at=9999-01-01", 422, "future_known_at", "known_at"),
    ],
)
def test_what_cannot_be_a_file_is_a_problem(
    example: httpx.Client, query: str, status: int, reason: str, parameter: str
) -> None:
    answer = example.get(f"/v1/holdings?{query}")
    assert (answer.status_code, answer.json()["reason"], answer.json()["parameter"]) == (status, reason, parameter)


def test_a_file_of_what_is_not_there_is_a_problem(example: httpx.Client) -> None:
    assert example.get("/v1/valuations/nobody?format=xlsx").status_code == 404


def test_a_question_without_rows_has_no_file(example: httpx.Client) -> None:
    answer = example.get("/v1/entities/softbank?format=csv")
    assert (answer.status_code, answer.json()["reason"]) == (422, "unknown_parameter")


def test_the_ledgers_are_hard_enough(hard: httpx.Client) -> None:
    """Amounts in several currencies, more digits than a cell or a DECIMAL holds, and marks for a party are in it."""
    held = hard.get("/v1/holdings", params={"limit": 1000}).json()["holdings"]
    assert any(isinstance(row[name], list) for row in held for name in ("cost", "proceeds", "distributions"))
    assert "holdings exact" in read_workbook(got(hard, "/v1/holdings", {"currency": "EUR"}, "xlsx"))
    typed = read_parquet(got(hard, "/v1/holdings", {}, "parquet")).types
    assert (typed["value_low"], typed["cost_low"]) == ({str}, {Decimal})
    assert hard.get("/v1/valuations/borealis").json()["marks"]
