"""The proxy that the environment names for an origin, read as httpx and the standard library read it."""

from __future__ import annotations

import urllib.request

from .origin import Origin

__all__ = ["proxy_for"]


def proxy_for(origin: Origin) -> str | None:
    """The proxy URL from ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY``.

    ``None`` where none is named, where ``NO_PROXY`` exempts the host, and always for this machine itself.
    """
    proxies = urllib.request.getproxies()
    if not proxies or origin.is_loopback:
        return None
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return url if "://" in url else f"http://{url}"
