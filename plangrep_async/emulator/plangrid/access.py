"""Accounts, API keys and bearer tokens: who calls (documentation pages "Authentication" and "Permissions")."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from attrs import define, field, frozen

from .links import Person
from .message import ApiError

__all__ = ["Access", "Account", "Caller", "Token"]


@frozen
class Account:
    """A PlanGrid account, to which keys and tokens belong."""

    uid: str
    email: str
    first_name: str = "Alex"
    last_name: str = "Operator"

    @property
    def person(self) -> Person:
        return Person(self.uid, self.email)


@frozen
class Token:
    """An OAuth access token.

    Attributes:
        expires: seconds since 1970.
        scopes: ``write:projects``, ``read:profile``.
    """

    account: Account
    expires: float
    scopes: frozenset[str]


@frozen
class Caller:
    """Who sent a request.

    Attributes:
        limit_key: what rate limits count by: the API key, or the account of a bearer token.
        scopes: of a bearer token; ``None`` for an API key, which may do all that its account may.
    """

    account: Account
    limit_key: str = field(repr=False)
    scopes: frozenset[str] | None = None


@define
class Access:
    """All credentials that the service knows."""

    keys: dict[str, Account] = field(factory=dict, repr=False)
    deactivated: set[str] = field(factory=set, repr=False)
    tokens: dict[str, Token] = field(factory=dict, repr=False)

    def identify(self, headers: Mapping[str, str], now: float) -> Caller:
        """The caller of a request.

        Raises:
            ApiError: 401 without credentials or with an expired token, 403 for a wrong or deactivated key. The
                documentation says that texts differ, not what they are.
        """
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        scheme = scheme.lower()
        if scheme == "bearer":
            return self._bearer(rest.strip(), now)
        if scheme != "basic":
            raise _unauthorized("API key required.")
        try:
            key, _, _ = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _unauthorized("Authorization header is malformed.") from None
        if not key:
            raise _unauthorized("API key required.")
        if key in self.deactivated:
            raise ApiError(403, "API key is deactivated.")
        account = self.keys.get(key)
        if account is None:
            raise ApiError(403, "API key is invalid.")
        return Caller(account, f"key {key}")

    def _bearer(self, text: str, now: float) -> Caller:
        token = self.tokens.get(text)
        if token is None:
            raise _unauthorized("Access token is invalid.", "Bearer")
        if now >= token.expires:
            raise _unauthorized("Access token expired.", "Bearer")
        return Caller(token.account, f"account {token.account.uid}", token.scopes)


def _unauthorized(message: str, scheme: str = "Basic") -> ApiError:
    return ApiError(401, message, (("www-authenticate", f'{scheme} realm="PlanGrid"'),))
