"""Every reason for which the ledger says no: a flat list of names, and the one exception that carries them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Reason(StrEnum):
    """Why something is refused. The name is part of the contract; the comment says when it is given."""

    # The shape of what was sent
    MALFORMED = "malformed"  # not readable as strict JSON: NaN, duplicate keys, lone surrogates, bad UTF-8
    INVALID = "invalid"  # a field is missing, unknown or not of its form
    UNKNOWN_TYPE = "unknown_type"  # no such event type
    INVALID_DATE = "invalid_date"  # not a day, month, quarter, year or interval of these
    INVALID_AMOUNT = "invalid_amount"  # not a plain decimal string, too long, or bounds the wrong way round
    NEGATIVE_AMOUNT = "negative_amount"  # money that is below zero
    UNKNOWN_CURRENCY = "unknown_currency"  # not an ISO 4217 code
    INVALID_TEXT = "invalid_text"  # control or bidirectional characters, a name that is not NFC
    TOO_LARGE = "too_large"  # the event or the body is longer than the ledger takes

    # What the ledger holds
    KNOWN_IN_FUTURE = "known_in_future"  # `known` after the day of recording
    KNOWN_BEFORE_TARGET = "known_before_target"  # a correction known before what it corrects
    UNKNOWN_ENTITY = "unknown_entity"  # the entity is not registered; the nearest names are given
    UNKNOWN_RECORD = "unknown_record"  # no such commitment, contract, guarantee, claim or restriction
    UNKNOWN_EVENT = "unknown_event"  # no event has this id
    RECORD_EXISTS = "record_exists"  # the id is taken by a live record
    EVENT_EXISTS = "event_exists"  # the event id was used before; ids are unique for ever
    OWN_ISSUER = "own_issuer"  # an investor that is its own issuer
    OVERDRAWN = "overdrawn"  # draws above a binding commitment's high
    DRAWN_AFTER_CLOSE = "drawn_after_close"  # a draw after its commitment was closed
    BELOW_DRAWN = "below_drawn"  # a change of a commitment to less than was drawn
    OVERSOLD = "oversold"  # a sale that leaves some day's holding below zero
    OVERBILLED = "overbilled"  # a bill above a contract that is not take-or-pay
    PARENT_CIRCLE = "parent_circle"  # an entity would be its own ancestor
    REFERENCE_CIRCLE = "reference_circle"  # part_of or same_as would lead back to where it started
    NOT_LIVE = "not_live"  # the event to correct or retract is retracted already
    NOT_CORRECTABLE = "not_correctable"  # a retraction can be retracted, not corrected
    DIFFERENT_RECORD = "different_record"  # a replacement of another type or record than its fact
    DEPENDED_ON = "depended_on"  # others name what would be retracted
    ALREADY_ERASED = "already_erased"  # an attachment whose bytes are gone for good
    LEDGER_ONLY = "ledger_only"  # only the ledger itself records it, of its own log, and it is never amended

    # The conversation
    VERSION_MISMATCH = "version_mismatch"  # If-Match names another version of the record
    KEY_REUSED = "key_reused"  # an Idempotency-Key that came before with another body
    READ_ONLY = "read_only"  # the log isn't the one that was signed


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its reason, where it is (a JSON pointer), what is wrong and how to mend it."""

    reason: Reason
    pointer: str
    detail: str
    mend: str

    def under(self, prefix: str) -> Problem:
        """The same problem seen from further out: `/data/amount` under `/3` is `/3/data/amount`."""
        return replace(self, pointer=prefix + self.pointer)


class Refusal(Exception):
    """Nothing was written, for these problems (at least one)."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.reason} at {p.pointer or '/'}: {p.detail}" for p in problems))
        self.problems = problems

    def under(self, prefix: str) -> Refusal:
        return Refusal(*(problem.under(prefix) for problem in self.problems))


def refuse(reason: Reason, pointer: str, detail: str, mend: str) -> Refusal:
    """A refusal of one problem, to raise."""
    return Refusal(Problem(reason, pointer, detail, mend))
