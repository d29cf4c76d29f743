"""Trace ids: whose request this is part of, as W3C Trace Context says it, or the first of a trace of its own."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers

# trace id, parent id, flags. Of zeros alone neither is an id. Version ff is none; later ones than 00 may add parts.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-[!-~]*)?"
)


def trace_id_of(headers: Headers) -> str:
    """The trace id (32 hexadecimal digits) of a valid `traceparent`, else a new one."""
    given = headers.getlist("traceparent")
    found = _TRACEPARENT.fullmatch(given[0].strip(" \t")) if len(given) == 1 else None
    if found is None or (found["more"] is not None and given[0].strip().startswith("00")):
        return secrets.token_hex(16)
    return found[1]
