"""Errors that a handler answers with."""

from __future__ import annotations

from starlette.responses import Response

__all__ = ["Refusal"]


class Refusal(Exception):
    """Raised in a handler to end a request with an error answer. Each service has its own subclass and shape."""

    def response(self) -> Response:
        """The answer."""
        raise NotImplementedError  # each service has its own shape of errors
