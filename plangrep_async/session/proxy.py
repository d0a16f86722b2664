"""The proxy for an origin: the user's, or what the environment names, read as httpx and the standard library do."""

from __future__ import annotations

import re
import urllib.request
from urllib.parse import urlsplit

import httpx

from ..errors import ConfigurationError
from .origin import Origin

__all__ = ["checked_proxy", "proxy_for"]

_SCHEMES = ("http", "https", "socks5", "socks5h")


def proxy_for(origin: Origin) -> str | None:
    """The proxy URL from ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY``.

    ``None`` where none is named, where ``NO_PROXY`` exempts the host, and always for this machine itself.

    Raises :class:`~plangrep_async.ConfigurationError` when it cannot be used.
    """
    proxies = urllib.request.getproxies()
    if not proxies or origin.is_loopback:
        return None
    kind = next((kind for kind in (origin.scheme, "all") if proxies.get(kind)), None)
    if kind is None or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return checked_proxy(proxies[kind], f"{kind.upper()}_PROXY in the environment")


def checked_proxy(url: str, name: str = "proxy=") -> str:
    """The URL, with ``http://`` where it names no scheme.

    Raises :class:`~plangrep_async.ConfigurationError`, which tells what is wrong with ``name`` and does not show the
    URL: it may hold a password, and in one that cannot be read nobody knows where.
    """
    full = url if "://" in url else f"http://{url}"
    trouble = _trouble(full)
    if trouble is None:
        return full
    raise ConfigurationError(
        f"{name} is no proxy's URL: {trouble}. Give one like http://[user:password@]host:port, with what is special in "
        "a password percent-encoded"
    )


def _trouble(url: str) -> str | None:
    if url.partition("://")[0].lower() not in _SCHEMES:
        return f"its scheme is none of {', '.join(_SCHEMES)}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        good = parts.port != 0 and not re.search(r"[\s%]", host) and bool(host and httpx.URL(url).host)
    except (ValueError, httpx.InvalidURL):
        good = False
    return None if good else "its host cannot be read, or its port is no number from 1 to 65535"
