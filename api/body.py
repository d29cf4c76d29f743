"""Bodies of requests: of a type that is taken, and read whole up to a limit."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from api.problems import Fault, Faulty
from api.reasons import Door
from api.settings import MIB
from ledger.refusals import Reason


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
