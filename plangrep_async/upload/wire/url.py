"""Where a request goes."""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import frozen

from ...errors import InvalidInputError

__all__ = ["Origin", "Target", "redacted"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Visible ASCII without `#`, `\`, `"`, `<`, `>`: what must be percent-encoded (RFC 3986) is refused, not repaired,
# because a repaired URL would no longer carry its signature.
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>(?:[/?][!$-;=?-\[\]-~]*)?)")
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


@frozen
class Origin:
    """Scheme, host and port: what connections are kept for.

    Attributes:
        scheme: ``"http"`` or ``"https"``.
        host: in lower case; an IPv6 address without its brackets.
        port: always a number.
        authority: the ``Host`` header; without the scheme's own port.
    """

    scheme: str
    host: str
    port: int
    authority: str


@frozen
class Target:
    """An origin and the path with its query, exactly as given."""

    origin: Origin
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Split an absolute http or https URL.

        Raises:
            InvalidInputError: another scheme, credentials in the URL, a fragment, or characters that must be encoded.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise InvalidInputError(
                f"{redacted(url)!r} cannot be requested: an absolute URL is needed, percent-encoded, without a fragment"
            )
        path = match["path"]
        if not path.startswith("/"):
            path = "/" + path
        return cls(_origin(match["scheme"].lower(), match["authority"]), path)


def redacted(url: str) -> str:
    """The URL without what may be secret: query, fragment and credentials."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"//[^/]*@", "//", bare)


@lru_cache(maxsize=256)
def _origin(scheme: str, authority: str) -> Origin:
    if scheme not in _DEFAULT_PORTS:
        raise InvalidInputError(f"{scheme}:// is not spoken here: uploads go to http:// or https:// URLs")
    if "@" in authority:
        raise InvalidInputError("a URL with credentials before its host is refused: pass them as a header")
    match = _AUTHORITY.fullmatch(authority)
    port = int(match["port"] or _DEFAULT_PORTS[scheme]) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidInputError(f"{authority!r} is not a host with an optional port (international names: in punycode)")
    host = match["host"].lower()
    if not host.startswith("[") and (len(host) > 253 or any(len(label) > 63 for label in host.split("."))):
        raise InvalidInputError(f"{host[:80]!r}... is no host: 63 characters at most between its dots, 253 in all")
    return Origin(
        scheme=scheme,
        host=host.strip("[]"),
        port=port,
        authority=host if port == _DEFAULT_PORTS[scheme] else f"{host}:{port}",
    )
