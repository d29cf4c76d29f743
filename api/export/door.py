"""`format=` on a question with rows: the whole list as a file, written before the first byte of it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.export.asking import Asking, all_rows, export_of, too_many
from api.export.lines import write_csv, write_jsonl
from api.export.parquet import write_parquet
from api.export.tables import Export
from api.export.workbook import TooLong, write_workbook
from api.problems import Fault, Faulty
from api.question import (
    Asked,
    Question,
    headers_of,
    min_position,
    parse_question,
    pinned,
    query_of,
    resolve,
    times_of,
    unchanged,
)
from api.reasons import Door
from api.service import Service

SPOOL_BYTES = 4 * 1024 * 1024
BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    media_type: str
    write: Callable[[Export, IO[bytes]], None]


FORMATS = {
    "jsonl": Format("application/x-ndjson", write_jsonl),
    "csv": Format("text/csv; charset=utf-8; header=present", write_csv),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_workbook),
    "parquet": Format("application/vnd.apache.parquet", write_parquet),
}


async def respond(question: Question[Any], request: Request) -> Response:
    """The file that a request asks for."""
    service: Service = request.app.state.service
    given = query_of(request.query_params)
    for name in ("limit", "cursor"):
        if name in given:
            fault = Fault(Door.INVALID_QUERY, f"{name}: a file has all rows.", f"Leave {name} out.", parameter=name)
            raise Faulty(fault)
    whole = all_rows(question, given)
    asked = parse_question(question.shape, whole)
    at = await resolve(service, asked, min_position(request))
    parts = tuple(request.path_params[part] for part in question.parts)
    asking = Asking(question, parts, whole, asked, at)
    # Closed when it is read to its end, or else when it is collected.
    spool: IO[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115
    size, tag = await service.run(lambda: _written(write(export_of(service.model, asking), given["format"], spool)))
    headers = headers_of(Asked(given, times_of(at), pinned(asked)), request.url.path, tag)
    if unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    headers["Ledger-Root"] = await service.run(lambda: at.root)
    headers["Content-Disposition"] = f'attachment; filename="{asking.name}.{given["format"]}"'
    headers["Content-Length"] = str(size)
    return StreamingResponse(_blocks(spool), headers=headers, media_type=FORMATS[given["format"]].media_type)


def write(export: Export, name: str, file: IO[bytes]) -> IO[bytes]:
    """Write a file of a format. Raises Faulty where the format has no room for the list."""
    try:
        FORMATS[name].write(export, file)
    except TooLong as error:
        raise too_many(str(error)) from None
    return file


def _written(spool: IO[bytes]) -> tuple[int, str]:
    """The size of what was written, and its entity tag."""
    size, sha256 = spool.tell(), hashlib.sha256()
    spool.seek(0)
    while block := spool.read(BLOCK_BYTES):
        sha256.update(block)
    return size, f'"{sha256.hexdigest()[:32]}"'


def _blocks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        spool.seek(0)
        while block := spool.read(BLOCK_BYTES):
            yield block
