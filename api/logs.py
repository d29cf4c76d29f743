"""Logs: one JSON object a line on stderr. They say what happened to whom, never amounts or bodies."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

_EACH: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # Without the values of variables: they are amounts, among others.
    ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
]


def configure(level: str) -> None:
    """Send this process's log lines of `level` and above to stderr, the libraries' among them."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_EACH, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    renderer = structlog.processors.JSONRenderer()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=_EACH))
    # The libraries' own news is of no interest: uvicorn would tell of every start and stop.
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
