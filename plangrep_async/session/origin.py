"""The origin of a URL: scheme, host and port. Credentials belong to one."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import httpx
from attrs import frozen

from .._checks import check_kinds
from ..errors import ConfigurationError

__all__ = ["Origin", "check_base_url"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


@frozen
class Origin:
    """Scheme, host (lower case) and port, the default port filled in."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute http or https URL. Raises ``ValueError`` for anything else."""
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        if scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("not an absolute http or https URL")
        return cls(scheme, parts.hostname.lower().rstrip("."), parts.port or _DEFAULT_PORTS[scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether it names this machine: ``localhost``, a name below it, or a loopback address."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def check_base_url(base_url: str, *, allow_insecure: bool) -> str:
    """The base URL without a trailing slash.

    Raises:
        ConfigurationError: it is not absolute, carries credentials, a query or a fragment, or is plain ``http://`` to
            another machine while ``allow_insecure`` is false.
    """
    check_kinds(base_url=(base_url, str))
    try:
        origin = Origin.of(base_url)
        parts = urlsplit(base_url)
        if any(character.isspace() for character in base_url):
            raise ValueError
        httpx.URL(base_url)
    except (ValueError, httpx.InvalidURL):
        raise ConfigurationError(
            "base_url must be an absolute http or https URL, for example https://plangrep.com"
        ) from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must not carry a user name or a password; pass the key as api_key=")
    if parts.query or parts.fragment:
        raise ConfigurationError("base_url must not have a query or a fragment")
    if origin.scheme == "http" and not origin.is_loopback and not allow_insecure:
        raise ConfigurationError(
            f"base_url {origin} is plain http: the key would cross the network unencrypted. Use https, or pass "
            "allow_insecure=True if the network is yours"
        )
    return base_url.rstrip("/")
