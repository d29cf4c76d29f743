"""Restrictions: who is bound to what, and what was done against it."""

from __future__ import annotations

from typing import Any

from tests.oracle.commitments import newest_of_each
from tests.oracle.parties import inherited, line
from tests.oracle.rows import Question, Row, by_position, counting_rows, rows_of_firsts

PAYER = {"investment.made": "investor", "commitment.made": "from", "contract.signed": "customer"}
PAYEE = {"investment.made": "issuer", "commitment.made": "to", "contract.signed": "provider"}


def restrictions(
    q: Question,
    on: str | None = None,
) -> dict[str, Any]:
    rows = rows_of_firsts(q)
    said_on = {row.id: row.data["on"] for row in counting_rows(q) if row.type == "restriction.imposed"}
    imposed = newest_of_each([row for row in rows if row.type == "restriction.imposed"], "restriction")
    imposed = [row for row in imposed if on is None or on in said_on[row.id]]
    # What may not have happened yet is no breach yet.
    done = [row for row in rows if row.type in PAYER and row.last <= q.as_of]
    return {
        **q.header(),
        "restrictions": [
            _restriction(rows, done, row, said_on[row.id]) for row in sorted(imposed, key=lambda row: slug(row))
        ],
    }


def slug(row: Row) -> str:
    return str(row.data["restriction"])


def _restriction(rows: list[Row], done: list[Row], imposed: Row, on: list[str]) -> dict[str, Any]:
    lifts = [row for row in rows if row.type == "restriction.lifted" and slug(row) == slug(imposed)]
    lifted = min(lifts, key=lambda row: row.order) if lifts else None
    said = imposed.data
    breaches = []
    for row in done:  # by position
        if said["kind"] == "exclusivity" and row.type != "contract.signed":
            continue
        in_force = imposed.last <= row.last and (lifted is None or row.last < lifted.last)
        if in_force and any(_binds(rows, name, row) for name in said["on"]):
            why = _why(rows, said, row)
            if why is not None:
                breaches.append({"event": row.id, "why": why})
    return {
        "restriction": slug(imposed),
        "kind": said["kind"],
        "on": on,
        "by": said.get("by"),
        "text": said["text"],
        "allows": said.get("allows"),
        "forbids": said.get("forbids"),
        "lifted": None if lifted is None else lifted.effective,
        "breaches": breaches,
        "events": by_position([imposed] if lifted is None else [imposed, lifted]),
    }


def _payer(row: Row) -> str:
    return str(row.data[PAYER[row.type]])


def _pays(rows: list[Row], entity: str, row: Row) -> bool:
    """Whether it is the entity that pays or promises, or one that was below it on the day."""
    return entity in line(rows, _payer(row), row.last)


def _binds(rows: list[Row], name: str, row: Row) -> bool:
    """Whether a restriction on an entity, or on a commitment by its id or its event, speaks of this."""
    if _pays(rows, name, row):
        return True
    promises = [made for made in rows if made.type == "commitment.made"]
    bound = [made for made in newest_of_each(promises, "commitment") if made.data["commitment"] == name]
    bound += [made for made in promises if made.id == name]
    return any(_draws(made, row) or _passes_on(rows, made, row) for made in bound)


def _is_fund(made: Row) -> bool:
    return made.data["purpose"] in ("fund", "grant")


def _draws(made: Row, row: Row) -> bool:
    """A draw on the commitment; not one that only brings the money to the fund."""
    if row.type != "investment.made" or row.data.get("commitment") != made.data["commitment"]:
        return False
    if row.data.get("inside_commitment") is False:
        return False
    return not (_is_fund(made) and row.data["issuer"] == made.data["to"])


def _passes_on(rows: list[Row], made: Row, row: Row) -> bool:
    """What the fund does with the money."""
    return _is_fund(made) and row.type != "contract.signed" and _pays(rows, made.data["to"], row)


def _why(rows: list[Row], said: dict[str, Any], row: Row) -> str | None:
    """What is wrong with it, if anything is."""
    payee, day = str(row.data[PAYEE[row.type]]), row.last
    if payee == _payer(row):
        return None
    upwards = line(rows, payee, day)
    others = [inherited(rows, payee, name, day) for name in ("country", "sector")]
    labels = [*upwards, *(label for label in others if label is not None)]
    for label in labels:
        if label in (said.get("forbids") or []):
            return f"{payee} is forbidden" if label == payee else f"{payee} is of {label}, which is forbidden"
    allows = said.get("allows")
    if allows is None or any(label in allows for label in labels):
        return None
    is_of = ", ".join(labels[1:]) or "no known group, country or sector"
    return f"{payee}, of {is_of}, isn't among what is allowed: {', '.join(allows) or 'nothing'}"
