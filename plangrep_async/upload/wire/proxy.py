"""Which proxy a request goes through, from the user or from the environment, as httpx chooses."""

from __future__ import annotations

import base64
import ipaddress
import re
import urllib.request
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from ...errors import ConfigurationError
from .url import Origin

__all__ = ["Proxies", "Proxy"]

_PROXY = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^@/]*)@)?(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?/?",
    re.IGNORECASE,
)


@frozen
class Proxy:
    """An HTTP proxy.

    Attributes:
        secure: whether the proxy itself is spoken to over TLS (``https://``).
        authorization: the value of ``Proxy-Authorization``, from the URL's user and password; empty without them.
    """

    host: str
    port: int
    secure: bool = False
    authorization: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """From ``http://[user[:password]@]host[:port]``; without a scheme, http.

        Raises:
            ConfigurationError: it is no such URL, or a SOCKS proxy.
        """
        match = _PROXY.fullmatch(url if "://" in url else f"http://{url}")
        if match is None:
            raise ConfigurationError("the proxy's URL is not of the form http://[user:password@]host:port")
        scheme = match["scheme"].lower()
        if scheme not in ("http", "https"):
            raise ConfigurationError(
                f"uploads cannot go through a {scheme}:// proxy, only through http:// and https:// ones: set "
                "HTTPS_PROXY, or proxy=, to such a one, or name the host in NO_PROXY"
            )
        port = int(match["port"] or (443 if scheme == "https" else 80))
        authorization = ""
        if match["user"]:
            user, _, password = match["user"].partition(":")
            pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
            authorization = f"Basic {base64.b64encode(pair).decode('ascii')}"
        return cls(match["host"].strip("[]").lower(), port, scheme == "https", authorization)


class Proxies:
    """The proxies of one pool.

    Args:
        proxy: for every request; the environment is then not asked.
        environment: what ``urllib.request.getproxies()`` gives: ``http``, ``https``, ``all`` and ``no``.
    """

    def __init__(self, proxy: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._always = Proxy.parse(proxy) if proxy is not None else None
        given = environment or {}
        self._by_scheme = {scheme: given[scheme] for scheme in ("http", "https", "all") if given.get(scheme)}
        self._bypass = [rule.strip().lower() for rule in given.get("no", "").split(",") if rule.strip()]
        self._known: dict[Origin, Proxy | None] = {}

    @classmethod
    def from_environment(cls, proxy: str | None = None, *, trust_env: bool = True) -> Proxies:
        return cls(proxy, urllib.request.getproxies() if trust_env else None)

    def choose(self, origin: Origin) -> Proxy | None:
        """The proxy for this origin, or ``None`` for the direct way."""
        if self._always is not None or not self._by_scheme:
            return self._always
        if origin not in self._known:
            url = self._by_scheme.get(origin.scheme) or self._by_scheme.get("all")
            bypassed = url is None or any(_matches(rule, origin) for rule in self._bypass)
            self._known[origin] = None if bypassed or url is None else Proxy.parse(url)
        return self._known[origin]


def _matches(rule: str, origin: Origin) -> bool:
    """Whether an entry of NO_PROXY names this origin.

    ``*``; a domain, with or without a leading dot, which stands for its subdomains too (with the dot: for them alone);
    an address or a network; each with an optional port, and a scheme before it.
    """
    if rule == "*":
        return True
    scheme, separator, rest = rule.rpartition("://")
    if separator and scheme not in ("all", origin.scheme):
        return False
    network = _network(rest)
    if network is not None:
        try:
            return ipaddress.ip_address(origin.host) in network
        except ValueError:
            return False
    host, _, port = rest.rpartition(":")
    if not port.isdigit():
        host = rest
    elif int(port) != origin.port:
        return False
    host = host.strip("[]")
    if host.startswith("."):
        return origin.host.endswith(host)
    if host.startswith("*."):
        return origin.host.endswith(host[1:])
    if host in ("", "*"):
        return True
    return origin.host == host or (not separator and host != "localhost" and origin.host.endswith(f".{host}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
