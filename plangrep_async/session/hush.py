"""Keeps httpcore from logging the headers of our answers: signed URLs and tokens are among them.

At DEBUG httpcore logs all headers that come in, and has no switch for it. So its loggers get a filter that cuts them
from what is logged while one of our requests is sent. The requests of others are logged as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["hushed", "install"]

_hushed: ContextVar[bool] = ContextVar("plangrep_async.hushed", default=False)
_HEADERS = "receive_response_headers.complete"


def _cut(record: logging.LogRecord) -> bool:
    if _hushed.get():
        message = record.getMessage()
        if message.startswith(_HEADERS):
            record.msg, record.args = message.partition("[")[0] + "[redacted]", None
    return True


def install() -> None:
    """Put the filter on httpcore's loggers, unless it is there."""
    for name in ("httpcore.http11", "httpcore.http2"):
        logging.getLogger(name).addFilter(_cut)


@contextmanager
def hushed() -> Generator[None]:
    """What is sent in this block is ours."""
    token = _hushed.set(True)
    try:
        yield
    finally:
        _hushed.reset(token)
