"""The one table from a reason to say no to its HTTP status, its title and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from ledger.refusals import Reason


class Door(StrEnum):
    """Reasons that only the door knows: they are about the request, not about what the ledger holds."""

    BAD_REQUEST = "bad_request"
    INVALID_QUERY = "invalid_query"
    UNKNOWN_PARAMETER = "unknown_parameter"
    REPEATED_PARAMETER = "repeated_parameter"
    UNKNOWN_QUESTION = "unknown_question"
    INVALID_HEADER = "invalid_header"
    INVALID_CURSOR = "invalid_cursor"
    FUTURE_KNOWN_AT = "future_known_at"
    FUTURE_POSITION = "future_position"
    TOO_MANY_ROWS = "too_many_rows"
    NOT_FOUND = "not_found"
    NOT_SIGNED = "not_signed"
    ERASED = "erased"
    NOT_HELD = "not_held"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    SLOW_BODY = "slow_body"
    BEHIND = "behind"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason is at the door: its status, its title, and a sentence or two for whoever meets it."""

    status: int
    title: str
    explanation: str


REFUSED = HTTPStatus.UNPROCESSABLE_ENTITY.value

# In the order of ledger.refusals.Reason, then of Door. tests/api/test_problems.py holds it complete.
MEANINGS: dict[Reason | Door, Meaning] = {
    Reason.MALFORMED: Meaning(
        400,
        "The body is not strict JSON",
        "The body must be UTF-8 and JSON of RFC 8259: no NaN or Infinity, no key twice in an object, no lone "
        "surrogates, no numbers too long to keep, no deep nesting. Nothing of it was read.",
    ),
    Reason.INVALID: Meaning(
        REFUSED,
        "A field is missing, unknown or not of its form",
        "The pointer names the field, `mend` its form. /docs and /openapi.json show that of every event type.",
    ),
    Reason.UNKNOWN_TYPE: Meaning(
        REFUSED, "There is no such event type", "Event types are listed in /openapi.json, like investment.made."
    ),
    Reason.INVALID_DATE: Meaning(
        REFUSED,
        "Not a date that the ledger reads",
        "Write 2023-09-25, 2023-09, 2023-Q3, 2023 or an interval START/END of these; `known` is a plain day.",
    ),
    Reason.INVALID_AMOUNT: Meaning(
        REFUSED,
        "Not an amount that the ledger keeps",
        "Amounts are decimal strings with at most 18 digits before and 12 after the point, without exponent, and "
        "bounds in their order: low, the figure, high. JSON numbers are refused, since they lose digits.",
    ),
    Reason.NEGATIVE_AMOUNT: Meaning(
        REFUSED, "An amount below zero", "Amounts are never negative: the event type says who pays whom."
    ),
    Reason.UNKNOWN_CURRENCY: Meaning(REFUSED, "Not a currency", "Currencies are codes of ISO 4217, like USD."),
    Reason.INVALID_TEXT: Meaning(
        REFUSED,
        "Text that hides or changes what is read",
        "Control and bidirectional characters are refused, and names are written in normal form C of Unicode.",
    ),
    Reason.TOO_LARGE: Meaning(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value,
        "More than the ledger takes at once",
        "Send fewer events in one request, or send them as lines (application/x-ndjson).",
    ),
    Reason.KNOWN_IN_FUTURE: Meaning(
        REFUSED,
        "Known after the day of recording",
        "Nothing can be known before it is: `known` is today (UTC) at the latest.",
    ),
    Reason.KNOWN_BEFORE_TARGET: Meaning(
        REFUSED,
        "Known before what it corrects",
        "A correction becomes known on the day of what it names, or later.",
    ),
    Reason.UNKNOWN_ENTITY: Meaning(
        REFUSED,
        "The entity is not registered",
        "Register it with entity.registered first, or take one of the nearest names.",
    ),
    Reason.UNKNOWN_RECORD: Meaning(
        REFUSED,
        "There is no such record",
        "The commitment, contract, guarantee, claim, restriction or attachment that is named must be in the ledger, "
        "and live.",
    ),
    Reason.UNKNOWN_EVENT: Meaning(REFUSED, "No event has this id", "GET /v1/events lists events with their ids."),
    Reason.RECORD_EXISTS: Meaning(
        REFUSED, "The id is taken", "A record is made once; changes are events of their own, mistakes are corrected."
    ),
    Reason.EVENT_EXISTS: Meaning(
        REFUSED,
        "The event id was used before",
        "Event ids are unique for ever. Leave the id out and the server makes one.",
    ),
    Reason.OWN_ISSUER: Meaning(
        REFUSED, "An investor that is its own issuer", "Name the seller's or the fund's entity."
    ),
    Reason.OVERDRAWN: Meaning(
        REFUSED,
        "Draws above a binding commitment",
        "By everything the ledger holds, and read in your favour, the draws would be more than was committed. "
        "Record the change of the commitment first.",
    ),
    Reason.DRAWN_AFTER_CLOSE: Meaning(
        REFUSED, "A draw after its commitment was closed", "Correct the day of the draw or of the close."
    ),
    Reason.BELOW_DRAWN: Meaning(
        REFUSED, "A commitment changed to less than was drawn", "Correct the draws, or the new amount."
    ),
    Reason.OVERSOLD: Meaning(
        REFUSED,
        "A sale of more than was held",
        "On some day the holding would be below zero, read in your favour. Record the missing purchase first.",
    ),
    Reason.OVERBILLED: Meaning(
        REFUSED,
        "Bills above the contract",
        "The contract is not take-or-pay. Record its new amount first (contract.changed).",
    ),
    Reason.PARENT_CIRCLE: Meaning(REFUSED, "An entity would be its own ancestor", "Correct one of the parents first."),
    Reason.REFERENCE_CIRCLE: Meaning(
        REFUSED,
        "Events that name each other in a circle",
        "What is part of a whole, or the same as another, ends somewhere.",
    ),
    Reason.NOT_LIVE: Meaning(
        REFUSED, "What is named is retracted already", "Retract the retraction to bring it back, then correct it."
    ),
    Reason.NOT_CORRECTABLE: Meaning(
        REFUSED, "This cannot be corrected", "A retraction can be retracted, not corrected."
    ),
    Reason.DIFFERENT_RECORD: Meaning(
        REFUSED,
        "A replacement of another type or record",
        "A replacement keeps its fact's type and record, and of an attachment its hash and size. Otherwise retract the "
        "fact and record another.",
    ),
    Reason.DEPENDED_ON: Meaning(REFUSED, "Others depend on it", "Correct or retract the events that name it first."),
    Reason.ALREADY_ERASED: Meaning(
        REFUSED,
        "The attachment was erased",
        "Its bytes are gone for good. An erasure is recorded once and never taken back, and the id isn't used again.",
    ),
    Reason.LEDGER_ONLY: Meaning(
        REFUSED,
        "Only the ledger itself records this",
        "It is of the ledger's own log, such as the rotation of its key by `dealledger key --rotate`, and it is never"
        " corrected or retracted.",
    ),
    Reason.VERSION_MISMATCH: Meaning(
        HTTPStatus.PRECONDITION_FAILED.value,
        "The record has another version",
        "Somebody else wrote first. Read the record again (GET /v1/records/…) and send its version in If-Match.",
    ),
    Reason.KEY_REUSED: Meaning(
        REFUSED,
        "The Idempotency-Key came before with another body",
        "A key stands for one body for ever, also if that is erased. Send a fresh key with a new body.",
    ),
    Reason.READ_ONLY: Meaning(
        HTTPStatus.CONFLICT.value,
        "The log is not the one that was signed",
        "It is shorter than what was signed, or has another past: an old backup was restored, or its history was "
        "changed. Nothing is added to it until whoever runs it has restored the right one; questions are answered.",
    ),
    Door.BAD_REQUEST: Meaning(400, "The request cannot be read", "It is not a request of HTTP that this server takes."),
    Door.INVALID_QUERY: Meaning(
        REFUSED, "A query parameter is not of its form", "`parameter` names it; /docs shows the form of each."
    ),
    Door.UNKNOWN_PARAMETER: Meaning(
        REFUSED, "There is no such query parameter", "A misspelt filter would otherwise be silently ignored."
    ),
    Door.REPEATED_PARAMETER: Meaning(
        REFUSED,
        "A query parameter is given twice",
        "Each parameter is given once; which of two is meant is not guessed.",
    ),
    Door.UNKNOWN_QUESTION: Meaning(
        REFUSED,
        "No question has the address that is given",
        "`of` is the address of a question with its filters, like /v1/holdings?holder=amazon, percent-encoded.",
    ),
    Door.INVALID_HEADER: Meaning(REFUSED, "A header is not of its form", "`parameter` names the header."),
    Door.INVALID_CURSOR: Meaning(
        REFUSED,
        "The cursor does not belong here",
        "A cursor goes on with the question that gave it: same address, same filters, same three times. "
        "Ask the question again without it.",
    ),
    Door.FUTURE_KNOWN_AT: Meaning(
        REFUSED,
        "known_at lies in the future",
        "What will be known is not known: known_at is today (UTC) at the latest.",
    ),
    Door.FUTURE_POSITION: Meaning(
        REFUSED, "The position is above the head", "The log has no event at this position yet. /readyz shows the head."
    ),
    Door.TOO_MANY_ROWS: Meaning(
        REFUSED,
        "More rows than the file may have",
        "A sheet of a workbook has 1,048,576 rows; Parquet, CSV and JSONL have no such limit. Of exposures and "
        "ownership 10,000 rows are listed. A filter makes it less.",
    ),
    Door.NOT_FOUND: Meaning(404, "There is nothing here", "Check how it is written, and the three times asked for."),
    Door.NOT_SIGNED: Meaning(
        404,
        "Nothing signed covers this yet",
        "What was recorded is signed every few seconds, and before that nothing of it is proven. /readyz says if and "
        "why nothing is signed.",
    ),
    Door.ERASED: Meaning(
        HTTPStatus.GONE.value,
        "The bytes of the attachment were erased",
        "The log keeps that it was there, its hash, and who erased it when and why. The bytes and their salt are gone.",
    ),
    Door.NOT_HELD: Meaning(
        404,
        "The bytes of the attachment are not in this ledger",
        "The log has its hash. It came in without them, as from another ledger's export: ask there. Or they were "
        "deleted here without an erasure: bring them back from a backup.",
    ),
    Door.METHOD_NOT_ALLOWED: Meaning(405, "This address does not take this method", "Allow lists those it takes."),
    Door.UNSUPPORTED_MEDIA_TYPE: Meaning(
        415,
        "The body is of another type",
        "Events are taken as application/json or, line by line, application/x-ndjson.",
    ),
    Door.SLOW_BODY: Meaning(408, "The body did not arrive", "Nothing was read and nothing written. Send it again."),
    Door.BEHIND: Meaning(
        503,
        "The read model has not reached the position yet",
        "Nothing older is answered instead. Ask again after Retry-After seconds; /readyz shows how far it is.",
    ),
    Door.UNAVAILABLE: Meaning(
        503,
        "The log cannot be reached just now",
        "A question is asked again later. Whether the events of a write were recorded is not known: send the same body "
        "with the same Idempotency-Key again, and they are recorded once.",
    ),
    Door.INTERNAL: Meaning(
        500, "A mistake of this server", "It is logged under the id given. Nothing is known about the outcome."
    ),
}
