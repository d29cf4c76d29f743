"""Every question there is, in the order of the contract: the routes, and the question that an address names.

A new noun writes its question as a value in its own module and gets a line in QUESTIONS.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from api import documented
from api.attachments import ATTACHMENT, ATTACHMENTS
from api.claims import CLAIMS
from api.commitments import COMMITMENTS
from api.contracts import CONTRACTS
from api.entities import ENTITIES, ENTITY
from api.events import EVENT, EVENTS
from api.export import door
from api.exposures import EXPOSURE_HISTORY, EXPOSURES
from api.holdings import HOLDINGS
from api.imports import IMPORTS
from api.ownership import OWNERSHIP
from api.paging import OF_THE_PAGE, ListQuestion
from api.performance import PERFORMANCE
from api.problems import Fault, Faulty
from api.question import Question, Resolved, Times, parse_question, query_of, stated
from api.reasons import Door
from api.records import RECORD
from api.restrictions import RESTRICTIONS
from api.reviews import REVIEWERS, REVIEWS
from api.valuations import VALUATIONS
from projections.database import ReadModel

QUESTIONS: tuple[Question[Any], ...] = (
    EVENTS,
    EVENT,
    IMPORTS,
    RECORD,
    REVIEWS,
    REVIEWERS,
    ATTACHMENTS,
    ATTACHMENT,
    ENTITIES,
    ENTITY,
    HOLDINGS,
    COMMITMENTS,
    CONTRACTS,
    VALUATIONS,
    PERFORMANCE,
    EXPOSURES,
    EXPOSURE_HISTORY,
    OWNERSHIP,
    CLAIMS,
    RESTRICTIONS,
)

router = APIRouter()


def _endpoint(question: Question[Any]) -> Callable[[Request], Awaitable[Response]]:
    """What answers a request: rows as a file if one is asked for, all else as JSON."""

    async def answer(request: Request) -> Response:
        if question.list_name and request.query_params.get("format") in door.FORMATS:
            return await door.respond(question, request)
        return await question.respond(request)

    return answer


for _question in QUESTIONS:
    router.add_api_route(
        _question.path,
        _endpoint(_question),
        name=f"get_{_question.name}".replace("-", "_"),
        description=_question.about,
        tags=[_question.path.split("/")[2]],
        **documented.question(_question),
    )
_PATHS = [(compile_path(question.path)[0], question) for question in QUESTIONS]


@dataclass(frozen=True, slots=True)
class Named:
    """A question as an address names it: what its path leaves open, and its parameters as given and as parsed."""

    question: Question[Any]
    parts: tuple[str, ...]
    given: Mapping[str, str]
    asked: Times


def match(address: str) -> tuple[re.Match[str], Question[Any]]:
    """The question that has this address, whatever its parameters are. Raises Faulty if none has it."""
    path = unquote(address.partition("?")[0])
    found = next(((found, question) for pattern, question in _PATHS if (found := pattern.fullmatch(path))), None)
    if found is None or "#" in address:
        raise Faulty(_unknown(path))
    return found


def find(of: str) -> Named:
    """The question that an address like `/v1/holdings?holder=amazon` names.

    Raises Faulty as its route would, with `of` for the parameter, and where no question has this address.
    """
    found, question = match(of)
    try:
        given = query_of(QueryParams(of.partition("?")[2]))
        asked = parse_question(question.shape, given)
    except Faulty as faulty:
        raise Faulty(*(_inside(fault) for fault in faulty.faults)) from None
    for name in OF_THE_PAGE:
        if name in given and (name == "format" or isinstance(question, ListQuestion)):
            detail = f"{name}: `of` names the whole list."
            raise Faulty(Fault(Door.INVALID_QUERY, detail, f"Leave {name} out of it.", parameter="of"))
    return Named(question, tuple(found[part] for part in question.parts), given, asked)


def ask(model: ReadModel, named: Named, at: Resolved) -> dict[str, Any]:
    """The answer at a point, with all rows of a list. It blocks. Raises Faulty if what the path names isn't there."""
    found = named.question.whole(model, at, named.asked, named.parts)
    if found is None:
        raise named.question.not_there(named.parts)
    return {**stated(at), **found}


def _unknown(path: str) -> Fault:
    paths = [question.path for question in QUESTIONS]
    near = get_close_matches(path, paths, 1, cutoff=0.5)
    mend = f"Did you mean {near[0]}?" if near else f"Those that there are: {', '.join(paths)}."
    return Fault(Door.UNKNOWN_QUESTION, "No question has this address.", mend, parameter="of")


def _inside(fault: Fault) -> Fault:
    """A fault of a question inside another's parameter."""
    name = f"{fault.parameter}: "
    return replace(fault, parameter="of", detail=name + fault.detail.removeprefix(name))
