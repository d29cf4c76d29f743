"""Rotations: the log's own key was given up for another one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ledger.fields import Data, Text
from ledger.log.note import LOG, parse_verifier_key
from ledger.log.tiles import Malformed

# The one stream of all rotations: the log has one key at a time.
STREAM = "log/key"


def _vkey(text: str) -> str:
    try:
        key = parse_verifier_key(text)
        if key.algorithm != LOG:
            raise Malformed("it is a witness's")
    except Malformed as error:
        raise PydanticCustomError("invalid", "no public key of a log: {why}", {"why": str(error)}) from None
    return text


LogKey = Annotated[
    str,
    Field(
        pattern=r"^[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$",
        description="a public key as `dealledger key` shows it",
    ),
    AfterValidator(_vkey),
]


class KeyRotated(Data):
    """From here on the log is signed with `key` instead of `previous`, which hands over by signing this event last."""

    type: ClassVar[str] = "key.rotated"
    ledger_only: ClassVar[bool] = True

    previous: LogKey
    key: LogKey
    reason: Text

    @classmethod
    def stream(cls, data: dict[str, Any], event_id: str) -> str:
        return STREAM

    @classmethod
    def keys(cls, data: dict[str, Any]) -> list[str]:
        return [STREAM]
