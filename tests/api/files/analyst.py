"""An analyst's table of deals, as a spreadsheet saves it, and twelve ways to get a row of it wrong."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.api.world import entity, event, usd

FUNDS = ("Acme Capital", "Borealis Fund", "Cumulus Partners", "Delta Ventures")
COMPANIES = ("Anthropic", "Beta AI", "Gämma Robotics", "Épsilon", "Zeta Chips", "Omega Cloud")
HEADER = (
    "Date",
    "Investor",
    "Company",
    "Round",
    "Amount ($M)",
    "Stake %",
    "Status",
    "Pledge",
    "Ref",
    "Source",
    "Notes",
)
PLEDGE = "acme-anthropic"
PLEDGED = Decimal("300000000")
SEED = 20231105
_ROUNDS = {
    "Seed": "equity",
    "Series A": "equity",
    "Series B": "equity",
    "Bridge note": "convertible",
    "Term loan": "debt",
}


def ids(name: str) -> str:
    """The id that a party has in the ledger."""
    return {"Gämma Robotics": "gamma-robotics", "Épsilon": "epsilon"}.get(name, name.lower().replace(" ", "-"))


def world() -> list[dict[str, Any]]:
    """The parties, and a binding commitment that some deals draw on."""
    parties = [entity(ids(name), name=name, kind="fund") for name in FUNDS]
    parties += [entity(ids(name), name=name) for name in COMPANIES]
    pledge = {
        "commitment": PLEDGE,
        "from_": "acme-capital",
        "to": "anthropic",
        "purpose": "investment",
        "binding": True,
    }
    return [*parties, event("commitment.made", "2019-01-01", "2019-01-01", **pledge, amount=usd(str(PLEDGED)))]


@dataclass
class Sheet:
    """Rows by the header's names, and what they come to: cost by holder, issuer and instrument."""

    rows: list[dict[str, str]]
    cost: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)

    def text(self, changed: Mapping[int, Mapping[str, str]] | None = None) -> str:
        """The file, with other cells in some rows (by index)."""
        text = io.StringIO()
        writer = csv.DictWriter(text, HEADER, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({**row, **(changed or {}).get(index, {})} for index, row in enumerate(self.rows))
        return text.getvalue()

    def line(self, index: int) -> int:
        """The line of the file on which an editor shows a row to begin."""
        before = sum(1 + row["Notes"].count("\n") for row in self.rows[:index])
        return 2 + before


def sheet(count: int = 200) -> Sheet:
    """Deals of two years, as many figures written one way as another; a few draw on the commitment."""
    choose = random.Random(SEED)
    made = Sheet([])
    drawn = Decimal(0)
    for number in range(count):
        investor, company = choose.choice(FUNDS), choose.choice(COMPANIES)
        round_ = choose.choice(list(_ROUNDS))
        thousands = choose.randrange(250, 90_000_000)
        amount = Decimal(thousands) * 1000
        pledge = ""
        if (investor, company) == ("Acme Capital", "Anthropic"):
            amount = Decimal(choose.randrange(1, 9)) * 1_000_000
            pledge = PLEDGE if drawn + amount <= PLEDGED else ""
            drawn += amount if pledge else 0
        day = date(2022, 1, 1) + timedelta(days=choose.randrange(700))
        made.rows.append(
            {
                "Date": choose.choice([day.isoformat(), f"{day:%d %b %Y}", f"{day:%B %d, %Y}"]),
                "Investor": investor,
                "Company": company,
                "Round": round_,
                "Amount ($M)": written(amount, choose.randrange(4)),
                "Stake %": choose.choice(["", "1.5", "0.25%", "3 %"]),
                "Status": choose.choice(["", "Confirmed", "reported"]),
                "Pledge": pledge,
                "Ref": "",
                "Source": f"https://example.com/{number}",
                "Notes": "two\nlines" if number % 40 == 7 else "",
            }
        )
        key = (ids(investor), ids(company), _ROUNDS[round_])
        made.cost[key] = made.cost.get(key, Decimal(0)) + amount
    return made


def written(amount: Decimal, way: int) -> str:
    """An amount in one of four ways that mean the same."""
    millions = amount / 1_000_000
    return (f"{millions:,f}", f"{millions:f}", f"${millions / 1000:f}bn", f"USD {amount / 1000:f}k")[way]


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a row: other cells than it should have, and what the preview says: column, what and mend."""

    name: str
    cells: dict[str, str]
    column: str
    told: str
    mend: str


_REF = "7f8b9f64-9d3c-4a53-b5a7-2f0d1f0c9a11"
# The row before the duplicate has the id first.
FIRST_REF = {"Ref": _REF}
MISTAKES = (
    Mistake(
        "a name with a slip", {"Company": "Antropic"}, "Company", "nobody is called Antropic", "anthropic (Anthropic)"
    ),
    Mistake("a day that there isn't", {"Date": "30 Feb 2023"}, "Date", "no day of the calendar", "source"),
    Mistake("a date that may be two", {"Date": "03/04/2023"}, "Date", "2023-04-03 or 2023-03-04", "day-first"),
    Mistake("a negative amount", {"Amount ($M)": "-5"}, "Amount ($M)", "below zero", "never negative"),
    Mistake("no such currency", {"Amount ($M)": "XQX 5m"}, "Amount ($M)", "XQX is no currency", "ISO 4217"),
    Mistake("an exponent", {"Amount ($M)": "4.5E+09"}, "Amount ($M)", "exponent", "every digit"),
    Mistake("nothing where something must be", {"Company": ""}, "Company", "the field is missing", "add it"),
    Mistake(
        "its own investor",
        {"Investor": "Anthropic", "Company": "Anthropic"},
        "row",
        "its own issuer",
        "commitment.made",
    ),
    Mistake(
        "more than was committed",
        {"Investor": "Acme Capital", "Company": "Anthropic", "Amount ($M)": "300", "Pledge": PLEDGE},
        "Amount ($M)",
        "of a binding 300000000",
        "lower the draw",
    ),
    Mistake("more than the whole", {"Stake %": "120"}, "Stake %", "more than the whole", "100 %"),
    Mistake("an id used before", FIRST_REF, "Ref", "was used before", "unique"),
    Mistake("no such word", {"Status": "certain"}, "Status", "none of the words for status", "confirmed, reported"),
)
