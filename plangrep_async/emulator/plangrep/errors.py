"""Plangrep's errors: ``{"error": {"code", "message"}}``. Where no page names them, statuses and codes are assumed."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from ..refusal import Refusal

__all__ = ["PlangrepError", "conflict", "invalid", "not_found"]


class PlangrepError(Refusal):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> Response:
        return JSONResponse({"error": {"code": self.code, "message": self.message}}, self.status, self.headers)


def invalid(message: str, code: str = "invalid_request") -> PlangrepError:
    """400."""
    return PlangrepError(400, code, message)


def not_found(what: str) -> PlangrepError:
    """404."""
    return PlangrepError(404, "not_found", f"{what} not found")


def conflict(code: str, message: str) -> PlangrepError:
    """409."""
    return PlangrepError(409, code, message)
