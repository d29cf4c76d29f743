"""Maps of an analyst's own columns: guessed, written, read strictly, and what the cells become by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.files.guessing import name_parties, propose
from api.files.map_text import written
from api.files.mapping import Mapper
from api.files.maps import BadMap, ColumnMap, read_map
from api.files.names import Parties, slug
from api.files.reading import Reading, read_files
from api.files.rows import event_of
from api.files.table import read_table
from ledger.event import TYPES, parse_event
from tests.api.files.analyst import COMPANIES, FUNDS, ids, sheet

PARTIES = Parties({"entity": ids(name), "name": name, "aliases": [f"{name} Inc."]} for name in (*FUNDS, *COMPANIES))


def table(*rows: str) -> Any:
    return read_table("\n".join(rows).encode())


# --- guesses ---------------------------------------------------------------------------------------------------


def test_a_map_is_guessed_by_headers_and_values():
    """The headers of a usual sheet of deals, their currency and unit, and what its words mean."""
    found = propose(
        table(
            "Date;Investor;Company;Amount ($M);Round;Stake %;Source;Analyst",
            "25/9/2023;Acme Capital;Anthropic;4.5;Series A;12;https://example.com;JD",
            "3/4/2023;Acme Capital;Beta AI;10-12;Venture debt;;https://example.com;JD",
        ),
        None,
    )
    assert found.type == "investment.made"
    assert {name: guess.fields for name, guess in found.columns.items()} == {
        "Date": ["effective"],
        "Investor": ["investor"],
        "Company": ["issuer"],
        "Amount ($M)": ["amount"],
        "Round": ["round", "instrument"],
        "Stake %": ["stake"],
        "Source": ["source.url"],
        "Analyst": [],
    }
    assert found.columns["Amount ($M)"].settings == {"currency": "USD", "unit": "millions"}
    assert found.columns["Stake %"].settings == {"percent": True}
    assert found.values == {"instrument": {"Series A": "equity", "Venture debt": "debt"}}
    assert (found.dates, found.dates_open, found.left_over, found.missing) == ("day-first", False, ["Analyst"], [])
    assert not found.needs_currency


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Date,Client,Supplier,Contract value,Product,Binding,Agreement", "contract.signed"),
        ("Date,Seller,Company,Proceeds,Units,Security", "investment.sold"),
        ("Date,Company,Valuation,Basis", "valuation.recorded"),
        ("Date,Base,Quote,Rate", "rate.published"),
        ("Since,Name,Kind,Country,Id", "entity.registered"),
    ],
)
def test_the_type_is_guessed_by_what_the_columns_are_called(header: str, kind: str):
    assert propose(table(header), None).type == kind


def test_what_nothing_tells_is_left_open():
    """The order of dates that may be two days, the currency of bare amounts, fields that nothing fills."""
    found = propose(table("Date,Investor,Amount", "3/4/2023,Acme Capital,5"), "investment.made")
    assert (found.dates, found.dates_open, found.needs_currency) == (None, True, True)
    assert [one.name for one in found.missing] == ["issuer"]
    text = written(found, "deals.csv")
    assert text.count("MISSING") == 3
    assert found.constants == {"instrument": "equity"}
    both = propose(table("Date", "25/4/2023", "4/25/2023"), "investment.made")
    assert (both.dates, both.dates_open) == (None, True)


@pytest.mark.parametrize("kind", TYPES)
def test_whatever_is_guessed_is_a_map(tmp_path: Path, kind: str):
    """The file that is written can be read, for every type and with headers of any signs."""
    header = ["Date", 'A "quoted" name', "Näme = x", "amount", "# note", "tab\\there", "Amount (EUR bn)"]
    found = propose(
        table(",".join(f'"{name}"'.replace('"quoted"', '""quoted""') for name in header), "1,2,3,4,5,6,7"), kind
    )
    path = tmp_path / "deals.map.toml"
    path.write_text(written(found, "deals.csv"), encoding="utf-8")
    assert list(read_map(path).columns) == header


def test_names_that_nobody_has_are_noted_with_the_nearest():
    found = propose(table("Investor,Company", "Acme Capital,Antropic", "Delta Ventures,Xyz"), "investment.made")
    assert name_parties(found, table("Investor,Company", "Acme Capital,Antropic", "Delta Ventures,Xyz"), PARTIES) == 4
    assert found.entities == {"Antropic": ["anthropic (Anthropic)"], "Xyz": []}
    assert '# "Antropic" = "anthropic"' in written(found, "deals.csv")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *((word, "equity") for word in ("Series A", "series b-1", "Series Seed", "Series A+", "Series C2 extension")),
        *((word, "") for word in ("Series Q?", "Series", "Series unknown", "Series 7", "Series of talks", "Seed?")),
        *(
            (word, "")
            for word in ("Series Q2-ish ext", "Not Series A", "Series A or debt", "Series of notes", "Equity / debt")
        ),
        *((word, "") for word in ("Crowdfunding", "Debt or so", "Preferred loan notes", "Venture", "Refunding")),
        *((word, "debt") for word in ("Senior secured loan", "Line of credit", "Term loan (second lien)")),
        *((word, "equity") for word in ("Pre-Series A", "Pre-seed round", "Series A (extension)", "Growth equity")),
        *((word, "fund_interest") for word in ("Fund", "LP interest")),
        *(
            (word, "debt")
            for word in ("Series B loan", "Seed debt", "Bridge loan", "Venture Debt", "Growth credit facility")
        ),
        *((word, "convertible") for word in ("Series A convertible note", "Seed SAFE", "Bridge", "Conv. Note")),
        *((word, "equity") for word in ("Preferred stock", "Growth", "Seed", "Series B preferred shares")),
    ],
)
def test_only_series_that_are_rounds_are_guessed_as_equity(word: str, meant: str):
    """Others are left over, with a comment that says so."""
    found = propose(table("Date,Investor,Company,Amount,Round", f"2023,a,b,$5m,{word}"), "investment.made")
    assert found.values["instrument"] == {word: meant}
    assert (f'# "{word}" = ""  # MISSING' in written(found, "deals.csv")) == (meant == "")


def test_a_dollar_with_its_country_is_a_currency():
    """Given amounts of which most are no plain figures; then their column is found by its name all the same."""
    found = propose(
        table("Closed,Backer,Company,Ticket (US$ m)", *(f"2023,a,b,{one}" for one in ("~13", "up to 41", "n/a", "?!"))),
        None,
    )
    ticket = found.columns["Ticket (US$ m)"]
    assert (ticket.fields, ticket.settings) == (["amount"], {"currency": "USD", "unit": "millions"})


@pytest.mark.parametrize(
    ("cells", "settings"),
    [
        (("2.3", "24.2", "0.5", "n/a"), {"percent": True}),
        (("2;3", "24;2"), {"percent": True, "decimal": ","}),
        (("0.3", "0.242", "1"), {}),
        (("0.3", "0.242", "12"), {}),
        (("2.3", "24.2", "240"), {}),
        (("12 %", "3 %"), {}),
        (("n/a",), {}),
    ],
    ids=" ".join,
)
def test_bare_per_cents_are_guessed_by_their_size(cells: tuple[str, ...], settings: dict[str, Any]):
    """Only where most figures are above 1 and none is above 100; a cell with its own % needs nothing said."""
    rows = (f'2023,a,b,$5m,"{one}"'.replace(";", ",") for one in cells)
    found = propose(table("Date,Investor,Company,Amount,Ownership", *rows), None)
    assert (found.columns["Ownership"].fields, found.columns["Ownership"].settings) == (["stake"], settings)


def test_the_guess_for_the_analysts_sheet_reads_all_of_it(tmp_path: Path):
    """Two hundred deals, guessed, written, read again: each row is an event."""
    file, path = tmp_path / "deals.csv", tmp_path / "deals.map.toml"
    file.write_text(sheet().text(), encoding="utf-8", newline="")
    path.write_text(written(propose(read_table(file.read_bytes()), None), "deals.csv"), encoding="utf-8")
    [read] = read_files([file], Reading(map=read_map(path), parties=lambda: PARTIES))
    assert [item.problems for item in read.items if item.problems] == []
    assert len(read.items) == 200


# --- maps read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "told"),
    [
        ("x", "map.toml", "not TOML"),
        ("[columns]", "map", "no type"),
        ('type = "investment.mad"\n[columns]', "type", "investment.made"),
        ('type = "investment.made"', "columns", "required"),
        ('type = "investment.made"\n[columns]\nA = "issur"', "columns.A", "issuer"),
        ('type = "investment.made"\n[columns]\nA = ["issuer", "issur"]', "columns.A", "issuer"),
        ('type = "investment.made"\n[columns]\nA = { to = "amount", units = "k" }', "columns.A.units", "not permitted"),
        ('type = "investment.made"\n[columns]\nA = { to = "amount", unit = "k" }', "columns.A.unit", "millions"),
        ('type = "investment.made"\n[columns]\n[constants]\nstate = "x"', "constants", "no field state"),
        ('type = "investment.made"\ncurrency = "usd"\n[columns]', "currency", "ISO 4217"),
        ('type = "investment.made"\n[columns]\n[register]\nissuer = "firm"', "register.issuer", "company"),
    ],
)
def test_a_map_that_is_wrong_says_where(tmp_path: Path, text: str, where: str, told: str):
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(BadMap) as wrong:
        read_map(path)
    assert where in wrong.value.where
    assert told in f"{wrong.value.detail} {wrong.value.mend}"


# --- rows by a map ----------------------------------------------------------------------------------------------

BASE: dict[str, Any] = {
    "columns": {"I": "investor", "C": "issuer", "A": "amount", "D": "effective"},
    "type": "investment.made",
}


def read(row: dict[str, str], *, register: bool = False, **more: Any) -> Any:
    column_map = ColumnMap.model_validate({**BASE, "constants": {"instrument": "equity"}, **more})
    return Mapper(column_map, PARTIES, register=register).read(row)


ROW = {"I": "Acme Capital", "C": "anthropic", "A": "$5m", "D": "2023"}


def test_a_row_is_an_event():
    """Names become ids, figures and dates their exact forms; empty cells say nothing."""
    event = event_of(read({**ROW, "I": "ACME capital, inc"}).cells)
    parse_event(event)
    assert event == {
        "type": "investment.made",
        "effective": "2023",
        "data": {
            "investor": "acme-capital",
            "issuer": "anthropic",
            "instrument": "equity",
            "amount": {"currency": "USD", "amount": "5000000", "original": "$5m"},
        },
    }


def test_a_column_may_say_the_type_and_fill_fields_of_any():
    """`type` is read before the others, whatever the order of columns."""
    columns = {"A": "amount", "I": "investor", "C": "issuer", "What": "type", "D": "effective"}
    mapped = read({**ROW, "What": "Buy"}, columns=columns, type=None, values={"type": {"Buy": "investment.made"}})
    assert parse_event(event_of(mapped.cells)).type == "investment.made"


def test_texts_are_texts_whatever_they_look_like():
    """A note that says null, or begins like JSON, is that note."""
    for note in ("null", '"quoted"', "[1]", "a; b", "=1+1"):
        mapped = read({**ROW, "N": note}, columns={**BASE["columns"], "N": "note"})
        assert event_of(mapped.cells)["note"] == note


@pytest.mark.parametrize(
    ("cells", "more", "told"),
    [
        ({"I": "Nobody"}, {}, "nobody is called Nobody"),
        ({"I": "Akme"}, {"entities": {"Akme": "akme"}}, "nobody is called Akme"),
        ({"S": "yes"}, {"columns": {**BASE["columns"], "S": "status"}}, "none of the words for status"),
        ({"L": "perhaps"}, {"columns": {**BASE["columns"], "L": "lead"}}, "neither yes nor no"),
    ],
)
def test_a_cell_that_says_nothing_known_is_told(cells: dict[str, str], more: dict[str, Any], told: str):
    [problem] = read({**ROW, **cells}, **more).problems
    assert told in problem.detail
    assert problem.mend


def test_a_name_of_two_is_refused():
    parties = Parties([{"entity": "one", "name": "Same"}, {"entity": "two", "name": "same"}])
    column_map = ColumnMap.model_validate(BASE)
    [problem] = Mapper(column_map, parties, register=True).read({"I": "Same", "C": "one"}).problems
    assert "a name of one and of two" in problem.detail


def test_ids_are_made_of_names():
    assert [slug(name) for name in ("Ärger & Söhne GmbH", "日本", "  A--b ")] == ["arger-sohne-gmbh", "", "a-b"]


def test_a_cell_that_is_written_in_full_in_a_column_of_millions_is_doubted():
    """It is read as the map says, and told."""
    columns = {**BASE["columns"], "A": {"to": "amount", "unit": "millions"}}
    mapped = read({**ROW, "A": "$4,000,000"}, columns=columns)
    assert mapped.cells["amount.amount"] == "4000000000000"
    assert "4,000,000,000,000 USD" in mapped.doubts[0].detail
    assert read({**ROW, "A": "$4.5"}, columns=columns).doubts == []


def shares(*cells: str) -> list[list[str]]:
    """What is doubted in each row of a column of per cents."""
    columns = {**BASE["columns"], "S": {"to": "stake", "percent": True}}
    mapper = Mapper(
        ColumnMap.model_validate({**BASE, "constants": {"instrument": "equity"}, "columns": columns}),
        PARTIES,
        register=False,
    )
    rows = [({**ROW, "S": cell}, mapper.read({**ROW, "S": cell})) for cell in cells]
    mapper.doubt_shares(rows)
    return [[doubt.detail + "; " + doubt.mend for doubt in mapped.doubts] for _, mapped in rows]


def test_a_share_of_one_in_a_column_of_per_cents_is_doubted():
    """Given per cents from 1 to 100 and a bare 0.05, it is told; one with its %, or among others like it, is not."""
    *others, [doubt] = shares("12", "5 %", "", "0.5", "undisclosed", "100", "0.05 %", "0.05")
    assert others == [[]] * 7
    assert "'0.05' is read as 0.05 %" in doubt
    assert "write 5 %" in doubt
    assert shares("0.05", "0.02", "12") == [[], [], []]
    assert shares("0.05") == [[]]


def test_a_near_name_is_not_said_to_be_registered_by_register():
    """Given a slip, the mend says what helps; of another name, that --register does."""
    [slip] = read({**ROW, "C": "Antropic"}).problems
    assert "did you mean anthropic (Anthropic)?" in slip.mend
    assert "register it on its own: --register refuses" in slip.mend
    assert "--register registers" not in slip.mend
    [other] = read({**ROW, "C": "Newcomer GmbH"}).problems
    assert other.mend == "--register registers who is unknown"
    for register in (True, False):
        [nameless] = read({**ROW, "C": "日本"}, register=register).problems
        assert "its letters make no id" in nameless.mend
