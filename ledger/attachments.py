"""Attachments: documents and notes that the log vouches for without holding them, so that they can be erased.

The log has the hash of a random salt and the bytes. Salt and bytes are in a table of their own, from which they can be
deleted. Without the salt the hash tells nothing, however few bytes there could have been.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ledger.fields import Count, Data, Name, SlugText, SubjectIds, Text
from ledger.refusals import Problem, Reason

RECORD = ("attachment", "attachment")
SALT_BYTES = 32
_WORD = "[a-z0-9][a-z0-9!#$&^_.+-]{0,62}"
_MEDIA_TYPE = re.compile(rf"{_WORD}/{_WORD}(;charset=[a-z0-9][a-z0-9._-]{{0,39}})?")


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE.fullmatch(text):
        raise PydanticCustomError("invalid", "not a media type")
    return text


MediaType = Annotated[
    str,
    AfterValidator(_media_type),
    Field(max_length=180, description="a media type in lower case", examples=["application/pdf"]),
]
Hash = Annotated[
    str,
    Field(
        pattern=r"^sha256:[0-9a-f]{64}$", max_length=71, description="sha256: and 64 hexadecimal digits in lower case"
    ),
]


class AttachmentAdded(Data):
    """There is a document `about` events, records or entities. `hash` is the SHA-256 of a salt and the document's
    bytes, `size` how many these are; the log holds neither salt nor bytes."""

    type: ClassVar[str] = "attachment.added"
    record: ClassVar[tuple[str, str] | None] = RECORD
    makes: ClassVar[bool] = True

    attachment: SlugText
    about: Annotated[SubjectIds, Field(min_length=1)]
    title: Name | None = None
    media_type: MediaType
    size: Count
    hash: Hash


class AttachmentErased(Data):
    """The salt and the bytes of an attachment are deleted, for good."""

    type: ClassVar[str] = "attachment.erased"
    record: ClassVar[tuple[str, str] | None] = RECORD

    attachment: SlugText
    reason: Text

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        # Not the attachment's own: what is gone is gone, whether or not the attachment is retracted besides.
        return [f"erasure/{data['attachment']}"]


ADDED, ERASED = AttachmentAdded.type, AttachmentErased.type


@dataclass(frozen=True, slots=True)
class Content:
    """What is kept of an attachment beside the log, until it is erased."""

    attachment: str
    salt: bytes
    bytes: bytes

    @property
    def hash(self) -> str:
        """As `attachment.added` has it."""
        return f"sha256:{hashlib.sha256(self.salt + self.bytes).hexdigest()}"

    def is_of(self, added: dict[str, Any]) -> bool:
        """Whether this is what the data of an `attachment.added` speaks of."""
        return len(self.bytes) == added["size"] and hmac.compare_digest(self.hash, added["hash"])


def salted(attachment: str, body: bytes) -> Content:
    """The bytes with a salt that nobody can guess."""
    return Content(attachment, secrets.token_bytes(SALT_BYTES), body)


def problems(kind: str, data: dict[str, Any], earlier: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[Problem]:
    """What bars an event on an attachment, given the types and data of all that were ever recorded of it.

    Retracted or not: an id stands for the same bytes for ever, and an erasure for ever.
    """
    name = data["attachment"]
    added = [one for type_, one in earlier if type_ == ADDED]
    if any(type_ == ERASED for type_, _ in earlier):
        mend = "its bytes are gone" if kind == ERASED else "attach the document under another id"
        yield Problem(Reason.ALREADY_ERASED, "/data/attachment", f"attachment {name} was erased", mend)
    elif kind == ERASED and not added:
        yield Problem(
            Reason.UNKNOWN_RECORD,
            "/data/attachment",
            f"there is no attachment {name}",
            "GET /v1/attachments lists those there are",
        )
    elif kind == ADDED and any(one["hash"] != data["hash"] for one in added):
        yield Problem(
            Reason.RECORD_EXISTS,
            "/data/attachment",
            f"the id {name} stands for another document",
            "take another id; an id stands for the same bytes for ever",
        )


def correction_problems(fact: dict[str, Any], replacement: dict[str, Any]) -> Iterator[Problem]:
    """What bars a correction of an `attachment.added`: it may say everything else anew, but not what the bytes are."""
    for name in ("hash", "size"):
        if fact[name] != replacement[name]:
            yield Problem(
                Reason.DIFFERENT_RECORD,
                f"/data/{name}",
                f"the attachment's {name} is {fact[name]}, and a correction keeps it",
                "attach other bytes under an id of their own",
            )
