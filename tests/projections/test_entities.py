"""Entities: what is said of them last, from its day on, and finding them by any of their names."""

from __future__ import annotations

from typing import Any

import pytest

from projections import entities
from projections.paging import Page
from tests.facts import correct, entity, entity_changed, fact, ident, retract
from tests.projections.conftest import Books


def test_an_entity_row_has_the_contracts_fields_in_order(books: Books) -> None:
    [registered] = books.given(entity("acme", country="JP", names=[{"text": "アクメ", "lang": "ja"}]))
    assert list((books.entity("acme") or {}).items()) == [
        ("entity", "acme"),
        ("name", "Acme"),
        ("kind", "company"),
        ("parent", None),
        ("manager", None),
        ("country", "JP"),
        ("city", None),
        ("sector", None),
        ("state", "active"),
        ("lei", None),
        ("aliases", []),
        ("names", [{"text": "アクメ", "lang": "ja"}]),
        ("events", [registered]),
    ]


def test_changes_hold_from_their_last_day_and_null_clears(books: Books) -> None:
    """Listed from the first day that its registration may mean; a change before that changes it all the same."""
    books.given(
        entity("acme", country="US", city="Columbus", on="2016"),
        entity_changed("acme", on="2015", parent="group", sector="robots"),
        entity_changed("acme", on="2018-Q1", country="CN", city="Shenzhen"),
        entity_changed("acme", on="2019-06-30", parent=None, state="failed"),
    )

    def seen(as_of: str) -> tuple[Any, ...]:
        row = books.entity("acme", as_of=as_of)
        return () if row is None else (row["country"], row["city"], row["parent"], row["state"])

    assert seen("2015-12-31") == ()
    assert seen("2016-01-01") == ("US", "Columbus", "group", "active")
    assert seen("2018-03-31") == ("CN", "Shenzhen", "group", "active")
    assert seen("2019-06-30") == ("CN", "Shenzhen", None, "failed")


def test_a_correction_and_its_retraction_change_what_an_entity_is(books: Books) -> None:
    books.given(
        entity("acme", known="2020-01-01"),
        correct(ident(1), entity("acme", "fund", country="LU"), known="2021-01-01"),
        retract(ident(2), known="2022-01-01"),
    )
    kinds = [(books.entity("acme", known_at=f"{year}-06-30") or {})["kind"] for year in (2020, 2021, 2022)]
    assert kinds == ["company", "fund", "company"]


def test_lists_filter_by_what_is_so_then(books: Books) -> None:
    books.given(
        entity("group", "group"),
        entity("acme", parent="group"),
        entity("beta", "fund"),
        fact("entity.changed", "2020-01-01", {"entity": "acme", "parent": None, "kind": "fund"}),
    )

    def names(**asked: Any) -> list[str]:
        return [row["entity"] for row in books.entities(**asked)]

    assert names() == ["acme", "beta", "group"]
    assert names(parent="group") == []
    assert names(parent="group", as_of="2019-12-31") == ["acme"]
    assert names(kind="fund") == ["acme", "beta"]
    assert names(kind="fund", as_of="2019-12-31") == ["beta"]


@pytest.mark.parametrize("text", ["软银", "SoftBank G", "softbank group", "ソフトバンク", "-corp", "ＳＢＧ", "strasse"])
def test_every_name_in_every_script_finds_an_entity(books: Books, text: str) -> None:
    """Whatever the case and the width of letters."""
    books.given(
        entity("acme"),
        entity(
            "softbank-corp",
            aliases=["SBG", "SoftBank Group", "Straße 1"],
            names=[{"text": "软银", "lang": "zh-Hans"}, "ソフトバンク"],
        ),
    )
    assert [row["entity"] for row in books.entities(q=text)] == ["softbank-corp"]


def test_a_denied_registration_is_no_entity(books: Books) -> None:
    books.given(entity("acme", status="denied"), entity("beta", status="rumoured"))
    assert books.entities() == []
    assert [row["entity"] for row in books.entities(rumours=True)] == ["beta"]


def test_pages_of_entities(books: Books) -> None:
    books.given(*(entity(name) for name in ("c", "a", "b")))
    first = entities.entities(books.model, books.at(), page=Page(limit=2))
    second = entities.entities(books.model, books.at(), page=Page(limit=2, after=first.after))
    assert [row["entity"] for row in first.rows] == ["a", "b"]
    assert ([row["entity"] for row in second.rows], second.more, second.totals) == (["c"], False, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("filters", [{}, {"kind": "fund"}, {"q": "party-3"}])
def test_pages_of_any_size_are_the_whole_list(books: Books, limit: int, filters: dict[str, Any]) -> None:
    """Also where few of the entities are what is asked for, and some aren't registered by then."""
    registered = (
        entity(f"party-{no:02d}", "fund" if no in (7, 31, 39) else "company", on="2030" if 10 <= no < 30 else "2015")
        for no in range(40)
    )
    books.given(*registered)
    listed: list[dict[str, Any]] = []
    after = None
    while not listed or after is not None:
        page = entities.entities(books.model, books.at(as_of="2020-01-01"), page=Page(limit, after), **filters)
        listed += page.rows
        after = page.after
        assert page.more == (after is not None)
    assert listed == books.entities(as_of="2020-01-01", **filters)
    assert len(listed) == {"": 20, "kind": 3, "q": 10}["".join(filters)]
