"""The proxy for an origin: the user's, or what the environment names, read as httpx and the standard library do."""

from __future__ import annotations

import urllib.request

import httpx

from ..errors import ConfigurationError
from .origin import Origin

__all__ = ["checked_proxy", "proxy_for"]


def proxy_for(origin: Origin) -> str | None:
    """The proxy URL from ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY``.

    ``None`` where none is named, where ``NO_PROXY`` exempts the host, and always for this machine itself.

    Raises :class:`~plangrep_async.ConfigurationError` when it cannot be used.
    """
    proxies = urllib.request.getproxies()
    if not proxies or origin.is_loopback:
        return None
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return checked_proxy(url)


def checked_proxy(url: str) -> str:
    """The URL, with ``http://`` where it names no scheme. The error does not show it: it may hold a password."""
    full = url if "://" in url else f"http://{url}"
    try:
        if httpx.Proxy(full).url.host:
            return full
    except (ValueError, httpx.InvalidURL):
        pass
    raise ConfigurationError(
        "proxy= or the environment's *_PROXY is no proxy's URL; it should be like http://[user:password@]host:port"
    )
