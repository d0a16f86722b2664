"""Credentials, and the one origin that each belongs to."""

from __future__ import annotations

import asyncio
import base64
import inspect
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..errors import ConfigurationError
from .secret import Secret

__all__ = ["BasicCredentials", "BearerCredentials", "Credentials"]


class Credentials(Protocol):
    """What goes into ``Authorization``. The session adds it only on the API's own origin."""

    def authorization(self) -> str:
        """The header's value. Do not log it."""
        ...

    def hide(self, text: str) -> str:
        """``text`` without the secret, should a service repeat it in its words."""
        ...

    async def refresh(self, rejected: str) -> bool:
        """Get new credentials after the value ``rejected`` met a 401. ``True`` when there are newer ones to try."""
        ...


def _check(value: str, name: str) -> str:
    if not value or not value.strip():
        raise ConfigurationError(f"{name} is empty")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise ConfigurationError(
            f"{name} holds white space at an end, a line break or a character outside ASCII; copy it again"
        )
    return value


def _hide(text: str, secret: str) -> str:
    # A key of a few letters, as tests have, is part of ordinary words.
    return text.replace(secret, "[redacted]") if len(secret) >= 6 else text


class BasicCredentials:
    """HTTP Basic; PlanGrid takes the API key as user name and an empty password ("Authentication")."""

    def __init__(self, username: str | Secret, password: str | Secret = "") -> None:
        name = _check(Secret(username).reveal(), "the API key")
        pair = f"{name}:{Secret(password).reveal()}".encode()
        self._value = Secret("Basic " + base64.b64encode(pair).decode())
        self._name = Secret(name)

    def authorization(self) -> str:
        return self._value.reveal()

    def hide(self, text: str) -> str:
        return _hide(_hide(text, self._value.reveal().partition(" ")[2]), self._name.reveal())

    async def refresh(self, rejected: str) -> bool:
        return False

    def __repr__(self) -> str:
        return "BasicCredentials([redacted])"


class BearerCredentials:
    """A bearer token: a Plangrep API key, or a PlanGrid OAuth access token.

    Args:
        token: the token.
        refresh: called without arguments after a 401, once for all calls that met it; returns the new token. Its
            errors reach every one of those calls.
    """

    def __init__(
        self, token: str | Secret, *, refresh: Callable[[], Awaitable[str | Secret] | str | Secret] | None = None
    ) -> None:
        self._value = self._header(token)
        self._hook = refresh
        self._refreshing: asyncio.Task[None] | None = None

    @staticmethod
    def _header(token: str | Secret) -> Secret:
        return Secret("Bearer " + _check(Secret(token).reveal(), "the API key or access token"))

    def authorization(self) -> str:
        return self._value.reveal()

    def hide(self, text: str) -> str:
        return _hide(text, self._value.reveal().partition(" ")[2])

    async def refresh(self, rejected: str) -> bool:
        """One call of the hook serves all that wait; a caller that is cancelled does not cancel it for the others."""
        if self._value.reveal() != rejected:
            return True
        if self._hook is None:
            return False
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.ensure_future(self._renew())
            # Seen, should all who wait for it be cancelled.
            self._refreshing.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._refreshing)
        return True

    async def _renew(self) -> None:
        assert self._hook is not None
        token = self._hook()
        self._value = self._header(await token if inspect.isawaitable(token) else token)

    def __repr__(self) -> str:
        return "BearerCredentials([redacted])"
