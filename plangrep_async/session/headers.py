"""The headers of a request, from what client, session and call want to send. No I/O."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping

from .._version import __version__
from ..errors import ConfigurationError

__all__ = ["OWN", "Pairs", "check_headers", "merged"]

Pairs = tuple[tuple[str, str], ...]

OWN: Pairs = (
    ("User-Agent", f"plangrep-async/{__version__} python/{platform.python_version()}"),
    ("Accept-Encoding", "gzip, deflate"),
)
"""What every request carries, unless it is overridden."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_TAKEN = {
    "authorization": "credentials make it: pass the key as api_key=",
    "host": "the URL makes it",
    "content-length": "the body makes it",
    "transfer-encoding": "the body makes it",
}


def check_headers(headers: Mapping[str, str]) -> Pairs:
    """Headers that a user wants sent with every call.

    Raises:
        ConfigurationError: one cannot be sent, or is not the user's to choose. Values, which may be secrets, are not
            shown.
    """
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(f"headers: {name!r} cannot be the name of a header")
        if name.lower() in _TAKEN:
            raise ConfigurationError(f"headers: {name} cannot be given here; {_TAKEN[name.lower()]}")
        if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.strip():
            raise ConfigurationError(
                f"headers: the value of {name} must be a string of printable ASCII without spaces at the ends"
            )
    return merged(headers.items())


def merged(*layers: Iterable[tuple[str, str]]) -> Pairs:
    """All layers as one; what comes later replaces what has the same name, however it is capitalised."""
    return tuple({name.lower(): (name, value) for layer in layers for name, value in layer}.values())
