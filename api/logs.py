"""Logs: one JSON object a line on stderr. They say what happened to whom, never amounts or bodies."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger


class _Bare(ExceptionDictTransformer):
    """Types, files and lines of exceptions. Not what they say, nor the values of variables: they quote what was sent,
    amounts among it. What an operator must read of a failure is in /readyz."""

    def __init__(self) -> None:
        super().__init__(show_locals=False)

    def __call__(self, exc_info: ExcInfo) -> list[dict[str, Any]]:
        return [_bare(stack) for stack in super().__call__(exc_info)]


def _bare(stack: dict[str, Any]) -> dict[str, Any]:
    frames = [{name: frame[name] for name in ("filename", "lineno", "name")} for frame in stack["frames"]]
    groups = [[_bare(one) for one in group] for group in stack["exceptions"]]
    told = {"exc_type": stack["exc_type"], "is_cause": stack["is_cause"], "frames": frames}
    return {**told, "exceptions": groups} if groups else told


def _terse(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What a library says, without what it shows: asyncio would show the results of tasks."""
    event["event"] = re.split(r"[\n(<]", str(event["event"]), maxsplit=1)[0].rstrip()
    return event


_EACH: list[Processor] = [
    structlog.contextvars.merge_contextvars,  # the ids of the request, if there is one
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    ExceptionRenderer(_Bare()),
]


_as_text = json.JSONEncoder(default=repr).encode


def _written(event: EventDict, **_: Any) -> str:
    """As structlog writes it, with an encoder that is made once."""
    return _as_text(event)


def configure(level: str) -> None:
    """Send this process's log lines of `level` and above to stderr, the libraries' among them."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_EACH, structlog.processors.JSONRenderer(_written)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    renderer = structlog.processors.JSONRenderer()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=[_terse, *_EACH]))
    # The libraries' own news is of no interest: uvicorn would tell of every start and stop.
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
