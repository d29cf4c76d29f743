"""Strict JSON: a body is read whole up to a limit, and refused rather than guessed at or silently changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from api.problems import Fault, Faulty
from api.reasons import Door
from api.settings import MIB
from ledger.refusals import Reason, Refusal, refuse

DEEPEST = 32
# Longer whole numbers serve nothing here, and Python itself refuses them from 4,300 digits on.
LONGEST_NUMBER = 40
_NOT_TEXT = re.compile("[\ud800-\udfff]")
_STRICT = "Send UTF-8 and JSON as RFC 8259 defines it; amounts are strings."


async def read_body(
    request: Request, limit: int, idle_seconds: float, mend: str = "Send it in parts, or as lines."
) -> bytes:
    """The whole body, never more than `limit` bytes of it. Raises Faulty (413, 408); `mend` is what to do at 413.

    Bytes must come every `idle_seconds`, and each MiB begun may take as long in all: a body that drips ends too.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit, mend)
    parts = bytearray()
    clock = asyncio.get_running_loop().time
    started = clock()
    while True:
        last = started + idle_seconds * (len(parts) // MIB + 1)
        try:
            async with asyncio.timeout_at(min(clock() + idle_seconds, last)):
                message = await request.receive()
        except TimeoutError:
            detail = f"It brought nothing, or less than 1 MiB, in {idle_seconds:g} seconds."
            fault = Fault(Door.SLOW_BODY, detail, "Send the request again.")
            raise Faulty(fault, headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise _too_large(limit, mend)
        if not message.get("more_body", False):
            return bytes(parts)


def _too_large(limit: int, mend: str) -> Faulty:
    fault = Fault(Reason.TOO_LARGE, f"The body is longer than {limit} bytes.", mend)
    return Faulty(fault, headers={"Connection": "close"})


def content_type(request: Request, *taken: str) -> str:
    """The body's media type, one of `taken`, in UTF-8 and not packed. Raises Faulty (415)."""
    packed, said = (", ".join(request.headers.getlist(name)) for name in ("content-encoding", "content-type"))
    if packed.strip().lower() not in ("", "identity"):
        fault = Fault(Door.UNSUPPORTED_MEDIA_TYPE, "The body is packed.", "Send it without Content-Encoding.")
        raise Faulty(fault, headers={"Accept-Encoding": "identity"})
    media, _, parameters = said.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media.strip().lower() in taken and charset in ("", "utf-8", "utf8"):
        return media.strip().lower()
    accepted = " or ".join(taken)
    raise Faulty(
        Fault(Door.UNSUPPORTED_MEDIA_TYPE, f"The body must be {accepted}.", f"Send it with Content-Type: {taken[0]}."),
        headers={"Accept-Post": ", ".join(taken)},
    )


class _Repeated:
    """Stands for an object in which a key comes twice, until the walk knows where it is."""

    def __init__(self, key: str) -> None:
        self.key = key


def parse(body: bytes) -> Any:
    """The value that `body` is. Raises Refusal (malformed, invalid_text), which never repeats the body.

    Numbers with a point stay floats, for the models to refuse: none of our fields is one.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse(Reason.MALFORMED, "", f"Byte {error.start} is not UTF-8.", _STRICT) from None
    if text.startswith("\ufeff"):
        detail = "Not JSON at line 1, column 1: Unexpected UTF-8 BOM (decode using utf-8-sig)."
        raise refuse(Reason.MALFORMED, "", detail, _STRICT)
    try:
        # Without escapes nothing stands for half a character or for NUL, and few brackets are not deep.
        if "\\" not in text and text.count("{") + text.count("[") <= DEEPEST:
            with suppress(_Twice):
                return _plainly(text)
        value = _carefully(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise refuse(Reason.MALFORMED, "", f"Not JSON at {where}: {_plain(error.msg)}.", _STRICT) from None
    except RecursionError:
        raise _too_deep("") from None
    _walk(value, "", 0)
    return value


def _plain(message: str) -> str:
    """The decoder's own words; it quotes single characters of the input, which are left out."""
    return message.partition(":")[0] if message.isascii() and len(message) < 80 else "unexpected text"


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return _Repeated(key)
        seen.add(key)
    raise AssertionError("unreachable: fewer keys than pairs means that one repeats")


def _constant(name: str) -> NoReturn:
    raise refuse(Reason.MALFORMED, "", f"{name} is not a number of JSON.", "Leave an unknown figure out.")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise refuse(Reason.MALFORMED, "", "A number is too large to keep.", "Write amounts as decimal strings.")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER or text == "-0":
        raise refuse(Reason.MALFORMED, "", "A number cannot be kept as it is.", "Write amounts as decimal strings.")
    return int(text)


def _decoder(read_object: Callable[[list[tuple[str, Any]]], Any]) -> Callable[[str], Any]:
    return json.JSONDecoder(
        object_pairs_hook=read_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
    ).decode


class _Twice(Exception):
    """A key is there twice."""


def _plain_object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


_plainly, _carefully = _decoder(_plain_object), _decoder(_object)


def _walk(value: Any, pointer: str, depth: int) -> None:
    """Refuses what the decoder lets through: keys twice, depth, text that is none."""
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, dict | list):
        if depth >= DEEPEST:
            raise _too_deep(pointer)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            if isinstance(key, str):
                _check_text(key, pointer)
            _walk(item, f"{pointer}/{escaped(key)}", depth + 1)
    elif isinstance(value, _Repeated):
        _check_text(value.key, pointer)
        raise refuse(Reason.MALFORMED, f"{pointer}/{escaped(value.key)}", "The key is there twice.", "Give it once.")


def escaped(key: str | int) -> str:
    """One step of a JSON pointer (RFC 6901), bounded."""
    return str(key)[:100].replace("~", "~0").replace("/", "~1")


def _check_text(text: str, pointer: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise refuse(Reason.INVALID_TEXT, pointer, "A NUL character.", "Leave it out.")
        return
    if _NOT_TEXT.search(text):
        raise refuse(Reason.MALFORMED, pointer, "Half of a surrogate pair is not a character.", _STRICT)
    if "\0" in text:
        raise refuse(Reason.INVALID_TEXT, pointer, "A NUL character.", "Leave it out.")


def _too_deep(pointer: str) -> Refusal:
    return refuse(Reason.MALFORMED, pointer, f"Nested deeper than {DEEPEST} levels.", "No event needs that.")


_canonically = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def canonical_sha256(value: Any) -> str:
    """A hash of the parsed value: the same for the same JSON, however it is spaced and ordered. Hexadecimal."""
    return hashlib.sha256(_canonically(value).encode()).hexdigest()
