"""The envelope of an event: reading one as submitted, and the state that the log holds for ever."""

from __future__ import annotations

import builtins
import difflib
import json
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple, Union, cast

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import ErrorDetails, PydanticCustomError

from ledger.attachments import ADDED, ERASED, AttachmentAdded, AttachmentErased
from ledger.claims import ClaimPublished
from ledger.commitments import CommitmentChanged, CommitmentClosed, CommitmentDrawn, CommitmentMade
from ledger.contracts import ContractBilled, ContractChanged, ContractEnded, ContractPaid, ContractSigned
from ledger.corrections import EventCorrected, EventRetracted
from ledger.entities import EntityChanged, EntityRegistered
from ledger.fields import Data, Day, Effective, EventId, Name, Names, Part, Status, Text, Url, UuidText
from ledger.forms import fault
from ledger.guarantees import GuaranteeCalled, GuaranteeGiven
from ledger.holdings import DistributionPaid, HoldingObserved, InvestmentMade, InvestmentSold
from ledger.rates import RatePublished
from ledger.refusals import Problem, Reason, Refusal, refuse
from ledger.restrictions import RestrictionImposed, RestrictionLifted
from ledger.reviews import ReviewRecorded
from ledger.rotations import KeyRotated
from ledger.valuations import ValuationRecorded

SCHEMA = 1
_as_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# Whoever has more of them in one event has a misunderstanding, and one of them tells it.
PROBLEMS_TOLD = 50

TYPES: dict[str, type[Data]] = {
    model.type: model
    for model in (
        EntityRegistered,
        EntityChanged,
        CommitmentMade,
        CommitmentChanged,
        CommitmentClosed,
        CommitmentDrawn,
        GuaranteeGiven,
        GuaranteeCalled,
        InvestmentMade,
        InvestmentSold,
        HoldingObserved,
        DistributionPaid,
        ContractSigned,
        ContractChanged,
        ContractEnded,
        ContractBilled,
        ContractPaid,
        ValuationRecorded,
        RatePublished,
        ClaimPublished,
        RestrictionImposed,
        RestrictionLifted,
        EventCorrected,
        EventRetracted,
        ReviewRecorded,
        AttachmentAdded,
        AttachmentErased,
        KeyRotated,
    )
}
CORRECTED, RETRACTED = EventCorrected.type, EventRetracted.type
# These are about other events, not about the world, so the day they are known will do for the day they take effect.
ABOUT_EVENTS = (CORRECTED, RETRACTED, ReviewRecorded.type, ADDED, ERASED)
# Reference data: when it was so is when it could be known.
KNOWN_AS_EFFECTIVE = (EntityRegistered.type, RatePublished.type)


class Source(Part):
    """Where a fact comes from. `anchor`: the days that the source's relative words ("last week") count from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://example.com/news", "published": "2023-09-25"}]}
    )

    url: Url | None = None
    title: Name | None = None
    publisher: Name | None = None
    published: Effective | None = None
    anchor: Effective | None = None
    quote: Text | None = None
    sha256: (
        Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="a SHA-256, 64 hexadecimal digits in lower case")]
        | None
    ) = None


class Replacement(Part):
    """An event without an id: what a correction puts in its fact's place."""

    type: str
    effective: Effective
    known: Day | None = None
    source: Source | None = None
    status: Status | None = None
    same_as: EventId | None = None
    note: Text | None = None
    data: Data


class Envelope(Replacement):
    """An event as submitted: what happened, when, known since when and from where."""

    id: UuidText | None = None


def _certain(status: str) -> str:
    if status in ("rumoured", "denied"):
        raise PydanticCustomError(
            "invalid",
            "an erasure deletes for good, so it can't be {status}; leave status out, or don't record it",
            {"status": status},
        )
    return status


def _model(kind: type[Data], base: type[Replacement]) -> type[Replacement]:
    fields: dict[str, Any] = {"type": (Literal[kind.type], ...), "data": (kind, ...)}
    if kind.type in ABOUT_EVENTS and base is Envelope:
        fields["effective"] = (Effective | None, None)
    if kind.type == ERASED:
        fields["status"] = (Annotated[Status, AfterValidator(_certain)] | None, None)
    return cast(
        type[Replacement],
        create_model(kind.__name__ + base.__name__, __base__=base, __doc__=kind.__doc__, **fields),
    )


_ENVELOPES = {name: _model(kind, Envelope) for name, kind in TYPES.items()}
_REPLACEMENTS = {name: _model(kind, Replacement) for name, kind in TYPES.items() if name not in (CORRECTED, RETRACTED)}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the right form, as submitted; what depends on the ledger is not checked yet."""

    type: str
    body: dict[str, Any]
    data: dict[str, Any] = field(init=False, repr=False, compare=False)
    model: builtins.type[Data] = field(init=False, repr=False, compare=False)
    references: tuple[Reference, ...] = field(init=False, repr=False, compare=False)
    touched: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The records whose rules it can touch."""

    def __post_init__(self) -> None:
        # Here, once, since all of it is asked for again and again before the event is stored.
        keep, data, model = partial(object.__setattr__, self), self.body["data"], TYPES[self.type]
        keep("data", data)
        keep("model", model)
        keep("references", tuple(references(self.type, data)))
        keep("touched", tuple(model.keys(data)))

    @property
    def keys(self) -> tuple[str, ...]:
        """As keys_of."""
        return _with_named(self.touched, self.references)


def parse_event(submitted: Any) -> Event:
    """Read one event from parsed JSON; a Refusal names every field that is not of its form."""
    kind = _read(submitted, _ENVELOPES)
    event = Event(kind, submitted)
    if kind == CORRECTED:
        _parse_replacement(event.data["replacement"])
    return event


def _parse_replacement(replacement: dict[str, Any]) -> None:
    prefix = "/data/replacement"
    if replacement.get("id") is not None:
        raise refuse(
            Reason.INVALID, f"{prefix}/id", "a replacement has no id of its own", "leave it out; it keeps its fact's"
        )
    if replacement.get("type") in (CORRECTED, RETRACTED):
        raise refuse(
            Reason.NOT_CORRECTABLE,
            f"{prefix}/type",
            "a correction or a retraction takes no fact's place",
            "to undo either, retract it with event.retracted",
        )
    try:
        _read(replacement, _REPLACEMENTS)
    except Refusal as refusal:
        raise refusal.under(prefix) from None


def _read(submitted: Any, models: dict[str, type[Replacement]]) -> str:
    if not isinstance(submitted, dict):
        raise refuse(Reason.INVALID, "", "not an event", "send a JSON object with type, effective and data")
    kind = submitted.get("type")
    if not isinstance(kind, str) or kind not in models:
        near = difflib.get_close_matches(kind, models, 3) if isinstance(kind, str) and len(kind) < 100 else []
        raise refuse(
            Reason.UNKNOWN_TYPE,
            "/type",
            "no such event type" if kind is not None else "the event has no type",
            f"did you mean {' or '.join(near)}?" if near else f"write one of {', '.join(models)}",
        )
    try:
        models[kind].model_validate(submitted)
    except ValidationError as error:
        raise Refusal(*_problems(error, submitted, models[kind])) from None
    return kind


def _problems(error: ValidationError, submitted: Any, model: type[Replacement]) -> list[Problem]:
    """pydantic's errors as problems, one a field: those of a union's other branches would only confuse."""
    found: dict[str, ErrorDetails] = {}
    for one in error.errors(include_url=False):
        found.setdefault(_pointer(one["loc"], submitted, missing=one["type"] == "missing"), one)
    # Where a union's value is wrong deep inside, that its other branches don't fit either is no news.
    outer = {pointer[:cut] for pointer in found for cut in range(len(pointer)) if pointer[cut] == "/"}
    told = islice(((pointer, one) for pointer, one in found.items() if pointer not in outer), PROBLEMS_TOLD)
    return [
        Problem(
            Reason(one["type"]) if one["type"] in Reason.__members__.values() else Reason.INVALID,
            pointer,
            *fault(one, model, pointer),
        )
        for pointer, one in told
    ]


def _pointer(location: tuple[int | str, ...], submitted: Any, *, missing: bool) -> str:
    """The JSON pointer of an error: pydantic's path less the names of union branches, which are not in the body."""
    pointer, value = "", submitted
    for index, step in enumerate(location):
        inside_object = isinstance(value, dict) and step in value
        if inside_object or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            value = value[step]
        elif not (missing and index == len(location) - 1):
            continue
        pointer += "/" + str(step).replace("~", "~0").replace("/", "~1")
    return pointer


# --- references -------------------------------------------------------------------------------------------------


class Reference(NamedTuple):
    """An id in an event's data that must exist: where it stands, what it names and the id."""

    pointer: str
    kind: str  # entity, commitment, event, anything, subject
    id: str


@lru_cache(maxsize=64)
def reference_fields(kind: str) -> tuple[tuple[str, str], ...]:
    """The fields of an event's data that hold ids of what must exist already, and what each names."""
    return tuple(
        (field.alias or name, names.kind)
        for name, field in TYPES[kind].model_fields.items()
        for names in [_names([*field.metadata, field.annotation])]
        if names is not None
    )


def _names(annotation: Any) -> Names | None:
    """The mark that says what a field names, wherever it stands inside unions, lists and annotations."""
    if isinstance(annotation, Names):
        return annotation
    if isinstance(annotation, (list, tuple)):
        parts: typing.Iterable[Any] = annotation
    elif typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        parts = [*typing.get_args(annotation)]
    else:
        return None
    return next((found for found in map(_names, parts) if found is not None), None)


def references(kind: str, data: dict[str, Any]) -> Iterator[Reference]:
    """Every id in an event's data that must exist already."""
    for name, names in reference_fields(kind):
        value = data.get(name)
        if value is None:
            continue
        if isinstance(value, str):
            yield Reference(f"/data/{name}", names, value)
        else:
            for index, one in enumerate(value):
                yield Reference(f"/data/{name}/{index}", names, one)


def keys_of(kind: str, data: dict[str, Any]) -> list[str]:
    """The index keys of an event's content: the records whose rules it touches, and what it names by id."""
    return [*_with_named(TYPES[kind].keys(data), references(kind, data))]


def _with_named(touched: Iterable[str], references: Iterable[Reference]) -> tuple[str, ...]:
    named = [f"ref/{one.id}" for one in references if one.kind == "anything"]
    return tuple(dict.fromkeys([*touched, *named]))


# --- the state that the log holds -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """How an event came in: by which door, and where there are such, in which import, under which key and trace."""

    recorded_by: str
    batch: str | None = None  # the name of the import, by which the whole of it can be found and undone
    idempotency_key: str | None = None  # as the client gave it
    trace_id: str | None = None  # of W3C Trace Context, 32 hexadecimal digits


def state_of(
    event: Event, event_id: str, effective: str, known: str, recorded_at: str, origin: Origin
) -> dict[str, Any]:
    """An event as stored: the submitted fields as they came, defaults resolved, and the stamp."""
    body = event.body
    return {
        "schema": SCHEMA,
        "id": event_id,
        "type": event.type,
        "effective": effective,
        "known": known,
        **{field: body[field] for field in ("source", "same_as", "note") if body.get(field) is not None},
        "status": body.get("status") or "reported",
        "data": body["data"],
        "recorded_at": recorded_at,
        "recorded_by": origin.recorded_by,
        **{
            field: value
            for field in ("batch", "idempotency_key", "trace_id")
            if (value := getattr(origin, field)) is not None
        },
    }


def text_of(state: dict[str, Any]) -> str:
    """The JSON text that the log holds."""
    return _as_text(state)


def state_text(event: Event, event_id: str, effective: str, known: str, recorded_at: str, origin: Origin) -> str:
    """The JSON text of an event as stored."""
    return text_of(state_of(event, event_id, effective, known, recorded_at, origin))


def event_schema() -> dict[str, Any]:
    """The JSON Schema of one event as submitted: a union told apart by `type`."""
    union = Union.__getitem__(tuple(_ENVELOPES.values()))
    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, Annotated[union, Field(discriminator="type")]))
    return adapter.json_schema(ref_template="#/components/schemas/{model}")
