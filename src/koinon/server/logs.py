"""Logs as JSON lines on standard error: what happened, never to whom."""

from __future__ import annotations

import logging
import sys

import structlog

from koinon.db.private import without_rows


def set_up(level: int = logging.INFO) -> None:
    """Send our own events and other libraries' warnings through one JSON formatter."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _leave_out_rows,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("koinon").setLevel(level)
    # Django names addresses in these; our own request line has the route and the status.
    for name in ("django.request", "django.security", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _leave_out_rows(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    for name in ("exception", "event"):
        if isinstance(event.get(name), str):
            event[name] = without_rows(event[name])
    return event
