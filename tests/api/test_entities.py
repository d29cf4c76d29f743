"""GET /v1/entities: who takes part, and when what was so."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.world import entity, event, given, reasons


def ids(client: httpx.Client, **query: str) -> list[str]:
    return [row["entity"] for row in client.get("/v1/entities", params=query).json()["entities"]]


def test_what_changed_holds_from_its_day_on(service: httpx.Client) -> None:
    given(service, entity("ant", city="Oslo"), entity("group"))
    given(service, event("entity.changed", "2023-01-01", "2023-02-01", entity="ant", name="Aunt", parent="group"))
    now = service.get("/v1/entities/ant").json()["entity"]
    assert (now["name"], now["parent"], now["city"]) == ("Aunt", "group", "Oslo")
    for times in ({"as_of": "2022-12-31"}, {"known_at": "2023-01-31"}, {"position": "2"}):
        then: dict[str, Any] = service.get("/v1/entities/ant", params=times).json()["entity"]
        assert (then["name"], then["parent"]) == ("Ant", None)


def test_entities_are_found_by_kind_parent_and_text(service: httpx.Client) -> None:
    """In any script and case."""
    given(service, entity("group"), entity("ant", parent="group", names={"ja": "蟻"}), entity("bee", kind="fund"))
    assert ids(service) == ["ant", "bee", "group"]
    assert ids(service, kind="fund") == ["bee"]
    assert ids(service, parent="group") == ["ant"]
    assert ids(service, q="蟻") == ["ant"]
    assert ids(service, q="BEE") == ["bee"]
    assert ids(service, q="nobody") == []


def test_before_it_is_registered_there_is_no_entity(service: httpx.Client) -> None:
    given(service, entity("ant"))
    assert reasons(service.get("/v1/entities/ant?as_of=2019-12-31")) == ["not_found"]
    assert reasons(service.get("/v1/entities/ant?position=0")) == ["not_found"]
    assert reasons(service.get("/v1/entities/nobody")) == ["not_found"]
