"""The root of all errors, and the mistakes that are found before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["ConfigurationError", "InvalidInputError", "PlangrepAsyncError"]


class PlangrepAsyncError(Exception):
    """The root of all errors of this package.

    Attributes:
        method: the HTTP method, for example ``"GET"``.
        url: the URL without credentials, tokens and signed queries.
        status: the HTTP status of the answer.
        code: the service's machine-readable code (Plangrep's ``error.code``, S3's ``<Code>``).
        service_message: the service's own words; they may change, do not branch on them.
        body: the whole body of the answer, as bytes.
        attempts: how many times the call was sent, this answer included.
        elapsed: seconds from the call's start, waiting included.
        response: the raw ``httpx.Response`` where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        url: str | None = None,
        status: int | None = None,
        code: str | None = None,
        service_message: str | None = None,
        body: bytes | None = None,
        attempts: int | None = None,
        elapsed: float | None = None,
        response: httpx.Response | None = None,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.status = status
        self.code = code
        self.service_message = service_message
        self.body = body
        self.attempts = attempts
        self.elapsed = elapsed
        self.response = response

    @property
    def message(self) -> str:
        """The sentence that says what happened."""
        return str(self.args[0])

    def __str__(self) -> str:
        return self.message


class InvalidInputError(PlangrepAsyncError, ValueError):
    """An argument breaks a documented rule. Nothing was sent. The text names the input, the rule and what to do."""


class ConfigurationError(InvalidInputError):
    """Settings that cannot work: a missing key, a base URL without a scheme, a limit of zero, a text for a number."""
