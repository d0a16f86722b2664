"""From what a server calls a file to a name that is safe in a folder of ours. No I/O here.

The rules of RFC 6266 (``Content-Disposition``), RFC 8187 (its extended notation), and what file systems refuse.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote_to_bytes

__all__ = ["disposition_name", "numbered", "safe_name"]

_PARAMETER = re.compile(
    r""";\s*(?P<name>filename\*?)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^;"\s]+))""", re.I
)
_ESCAPE = re.compile(r"\\(.)")
_FORBIDDEN = frozenset('<>:"|?*')
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.I)
_LONGEST = 200
"""Bytes; file systems take 255, and a number and a temporary ending must still fit."""


def disposition_name(header: str | None) -> str | None:
    """The file name of a ``Content-Disposition``, as the server wrote it; ``filename*`` goes before ``filename``."""
    if not header:
        return None
    plain: str | None = None
    for match in _PARAMETER.finditer(";" + header if "=" in header.partition(";")[0] else header):
        quoted = match["quoted"]
        value = _ESCAPE.sub(r"\1", quoted) if quoted is not None else match["token"]
        if not match["name"].endswith("*"):
            plain = plain if plain is not None else value
            continue
        charset, _, rest = value.partition("'")
        _, mark, encoded = rest.partition("'")
        if mark:
            try:
                return unquote_to_bytes(encoded).decode(charset or "utf-8", "replace")
            except LookupError:
                continue
    return plain


def safe_name(name: str | None, default: str = "artifact") -> str:
    """A plain file name: no folder, no control or direction characters, not hidden, not reserved, at most 200 bytes.

    The ending is kept. What has nothing left becomes ``default``.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name or ""))[-1]
    kept = "".join(
        "_" if character in _FORBIDDEN else character
        for character in last
        if unicodedata.category(character) not in ("Cc", "Cs") and character not in _DIRECTIONS
    )
    kept = kept.strip().lstrip(".").rstrip(". ").strip()
    if not kept:
        return default
    if _RESERVED.match(kept):
        kept = "_" + kept
    return _shortened(kept)


def _shortened(name: str) -> str:
    if len(name.encode()) <= _LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode()) > 20:
        stem, dot, suffix = name, "", ""
    room = _LONGEST - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + suffix


def numbered(name: str, number: int) -> str:
    """``plan.pdf`` -> ``plan (2).pdf``; the first keeps its name."""
    if number < 2:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem} ({number}).{suffix}" if dot and stem else f"{name} ({number})"
