"""The rules of records, run on each record as it would be: by facts, corrections and retractions alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from ledger import commitments, contracts, entities, holdings
from ledger.event import TYPES
from ledger.fields import is_uuid
from ledger.head import Chain, Content, Head
from ledger.naming import KINDS
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.row import Row, counting, in_order

Rule = Callable[[Sequence[Row], Row | None], Iterator[Problem]]

# The rules of a record, by the first word of its key.
RULES: dict[str, Rule] = {
    "commitment": commitments.problems,
    "contract": contracts.problems,
    "holding": holdings.problems,
}


def check_rule(head: Head, key: str, now: Sequence[Row], would_be: Sequence[Row], row: Row | None, prefix: str) -> None:
    """Refuse what the change would make wrong; what was so before is not its fault."""
    kind = key.partition("/")[0]
    if kind == "holding" and not any(one.type == "investment.sold" for one in would_be):
        return
    if kind == "holding" and holdings.opening_unknown(counting(now)):
        return
    found = list(RULES[kind](_first_sources(head, in_order(would_be)), row))
    if not found:
        return
    already = {problem.reason for problem in RULES[kind](_first_sources(head, now), None)}
    if found := [problem for problem in found if problem.reason not in already]:
        raise Refusal(*(placed(problem, prefix) for problem in found))


def _first_sources(head: Head, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows less those that repeat, by `same_as`, what a fact outside the record says and counts for."""
    if not any(row.same_as for row in rows):
        return rows
    here = {row.chain for row in rows}

    def repeats(row: Row) -> bool:
        if row.same_as is None or row.same_as in here:
            return False
        first = head.chain(row.same_as).row()
        return first is not None and first.counts

    return [row for row in rows if not repeats(row)]


def check_change(head: Head, chain: Chain, row: Row | None, prefix: str, keys: set[str]) -> None:
    """Run the rules on every record that the chain touches, with `row` in the place of what holds now."""
    before = chain.row()
    for key in sorted(keys):
        kind = key.partition("/")[0]
        if kind not in RULES and kind not in KINDS:
            continue
        now = head.rows(key)
        would_be = [one for one in now if one.chain != chain.id]
        if row is not None and key in TYPES[row.type].keys(row.data):
            would_be = in_order([*would_be, row])
        if kind in KINDS:
            _check_made_once(key, would_be, prefix)
        if kind in RULES:
            check_rule(head, key, now, would_be, row, prefix)
    _check_circles(head, chain.id, row, prefix)
    for said in (row, before):
        if said is not None and said.type.startswith("entity."):
            check_parents(head, f"entity/{said.data['entity']}", chain.id, row, prefix)
            break
    if row is None and before is not None:
        _check_unused(head, chain.id, before, prefix)


def _check_made_once(key: str, rows: Sequence[Row], prefix: str) -> None:
    kind, _, name = key.partition("/")
    makers = [row for row in rows if TYPES[row.type].makes and TYPES[row.type].record == (kind, kind)]
    if len(makers) > 1:
        raise refuse(
            Reason.RECORD_EXISTS, prefix, f"there would be two of {kind} {name}", "retract the later one first"
        )
    if rows and not makers:
        raise refuse(
            Reason.DEPENDED_ON,
            prefix,
            f"{len(rows)} other events speak of {kind} {name}, the first is {rows[0].chain}",
            "retract those first, or correct this one",
        )


def placed(problem: Problem, prefix: str) -> Problem:
    """A retraction has no field of its own to point into; a replacement has all of the fact's."""
    if prefix == "/data/event":
        return Problem(problem.reason, prefix, problem.detail, problem.mend)
    return problem.under(prefix)


def check_parents(head: Head, key: str, chain: str, row: Row | None, pointer: str) -> None:
    entity = key.partition("/")[2]

    def rows_of(other: str) -> Sequence[Row]:
        rows = [one for one in head.rows(f"entity/{other}") if one.chain != chain]
        return in_order([*rows, row]) if row is not None and other == entity else rows

    entities.check_parents(entity, rows_of, pointer)


def _check_circles(head: Head, chain: str, row: Row | None, prefix: str) -> None:
    """Refuse a part that would be part of itself, or a source that would be the same as itself."""
    if row is None:
        return
    own = {chain, (record_of(Content(row.type, "", "", None, row.data)) or "/").partition("/")[2]}
    for field, start in (("part_of", row.data.get("part_of")), ("same_as", row.same_as)):
        named, seen = start, set[str]()
        while named is not None and named not in seen:
            if named in own:
                raise refuse(
                    Reason.REFERENCE_CIRCLE,
                    f"{prefix}/{'data/part_of' if field == 'part_of' else field}"
                    if prefix != "/data/event"
                    else prefix,
                    f"{field} leads back to where it started",
                    "name a whole, or a first source, that isn't this one",
                )
            seen.add(named)
            found = _named_row(head, named)
            named = None if found is None else (found.data.get("part_of") if field == "part_of" else found.same_as)


def _named_row(head: Head, name: str) -> Row | None:
    """The row of an event or of whatever made a record."""
    if is_uuid(name):
        return head.chain(name).row()
    rows = (row for kind in KINDS for row in head.rows(f"{kind}/{name}") if TYPES[row.type].makes)
    return next((row for row in rows if name in row.data.values()), None)


def record_of(said: Content) -> str | None:
    record = TYPES[said.type].record
    return None if record is None else f"{record[0]}/{said.data[record[1]]}"


def _check_unused(head: Head, chain: str, gone: Row, prefix: str) -> None:
    """Refuse to take away what others name: as part, whole, link, member or subject, or as a party."""
    model = TYPES[gone.type]
    names = [chain]
    if model.makes and model.record is not None:
        names.append(gone.data[model.record[1]])
    for name in names:
        _raise_if_used([row for row in head.rows(f"ref/{name}") if row.chain != chain], name, prefix)
    if gone.type == "entity.registered":
        entity = gone.data["entity"]
        named = (row for row in head.naming(entity) if row.chain != chain)
        _raise_if_used([*islice(named, 1)], entity, prefix)  # the first will do: of the others there may be very many


def _raise_if_used(rows: Sequence[Row], name: str, prefix: str) -> None:
    if rows:
        raise refuse(
            Reason.DEPENDED_ON,
            prefix,
            f"{rows[0].chain}{f' and {len(rows) - 1} more' if len(rows) > 1 else ''} name {name}",
            "correct or retract those first",
        )
