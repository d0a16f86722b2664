"""Keeps httpcore from logging the headers of our answers: signed URLs and tokens are among them.

At DEBUG httpcore logs all headers that come in, and has no switch for it. So its loggers get a filter that cuts them
from what is logged while one of our requests is sent. The requests of others are logged as ever.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

__all__ = ["hushed", "install"]

hushed: ContextVar[bool] = ContextVar("plangrep_async.hushed", default=False)
"""Whether what is sent is ours."""
_HEADERS = "receive_response_headers.complete"


def _cut(record: logging.LogRecord) -> bool:
    if hushed.get():
        message = record.getMessage()
        if message.startswith(_HEADERS):
            record.msg, record.args = message.partition("[")[0] + "[redacted]", None
    return True


def install() -> None:
    """Put the filter on httpcore's loggers, unless it is there."""
    for name in ("httpcore.http11", "httpcore.http2"):
        logging.getLogger(name).addFilter(_cut)
