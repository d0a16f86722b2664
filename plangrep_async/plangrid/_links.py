"""URLs that the service hands out: which are its own, and how they are called."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..session.origin import Origin

__all__ = ["own_target"]


def own_target(base_url: str, url: str) -> str | None:
    """``url`` as a call's path, or ``None`` when it is not on the API's own scheme, host and port.

    The path is relative to the base URL, as a batch needs it ("Why Batch Requests?"). A URL of the API outside the base
    URL's path stays absolute. The query stays as it is: the service's own URLs are never rebuilt.
    """
    try:
        if Origin.of(url) != Origin.of(base_url):
            return None
    except ValueError:
        return None
    parts = urlsplit(url)
    prefix = urlsplit(base_url).path.rstrip("/")
    if prefix and not parts.path.startswith(prefix + "/"):
        return url
    path = parts.path[len(prefix) :] or "/"
    return f"{path}?{parts.query}" if parts.query else path
