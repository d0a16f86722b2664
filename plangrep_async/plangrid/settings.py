"""The client's settings that come from the environment, and those that the API fixes."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from ..errors import ConfigurationError
from ..session import BasicCredentials, BearerCredentials, Credentials, Secret

__all__ = ["ACCEPT", "DEFAULT_BASE_URL", "base_url_of", "credentials_of"]

DEFAULT_BASE_URL = "https://io.plangrid.com"
ACCEPT = "application/vnd.plangrid+json; version=1"
"""The major version must be named in every request ("API Versioning")."""


def base_url_of(base_url: str | None) -> str:
    """The argument, ``PLANGRID_BASE_URL``, or PlanGrid itself."""
    return base_url or os.environ.get("PLANGRID_BASE_URL") or DEFAULT_BASE_URL


def credentials_of(
    api_key: str | Secret | None,
    access_token: str | Secret | None,
    refresh: Callable[[], Awaitable[str | Secret] | str | Secret] | None,
) -> Credentials:
    """An access token, an API key, or the key in ``PLANGRID_API_KEY``.

    Raises :class:`~plangrep_async.errors.ConfigurationError` for none, for both, and for a hook that has no use.
    """
    if api_key and access_token:
        raise ConfigurationError("api_key and access_token were both given; PlanGrid takes one of them")
    if access_token:
        return BearerCredentials(access_token, refresh=refresh)
    if refresh is not None:
        raise ConfigurationError("refresh was given without an access_token; an API key cannot be refreshed")
    key = api_key or os.environ.get("PLANGRID_API_KEY")
    if not key:
        raise ConfigurationError(
            "there is no API key: pass api_key= (or access_token=), or set PLANGRID_API_KEY in the environment"
        )
    return BasicCredentials(key)
