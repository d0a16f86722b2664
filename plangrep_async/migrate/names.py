"""Names and texts that every file system and every journal can keep. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

__all__ = ["ending", "journal_key", "journal_text", "numbered", "places", "safe_name"]

_LONGEST = 230
"""Bytes of a name; file systems take 255, and some add to it."""

_LONGEST_ENDING = 20
_LONGEST_PLACE = 2_000  # PostgreSQL puts no more than some 2,700 bytes into an index
_LONGEST_KEY = 2_000
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


def safe_name(name: str) -> str:
    """A name that every file system takes; never empty, and no separator is in it."""
    return numbered(_UNSAFE.sub("-", name.encode("utf-8", "replace").decode()).strip(" ").rstrip(".")) or "unnamed"


def numbered(name: str, number: str = "", longest: int = _LONGEST) -> str:
    """A name with something before its ending, cut to ``longest`` bytes."""
    suffix = ending(name)
    stem = name.removesuffix(suffix).encode()[: longest - len(f"{number}{suffix}".encode())].decode("utf-8", "ignore")
    return f"{stem}{number}{suffix}".rstrip(" .")


def ending(name: str) -> str:
    """The name's ending with its dot. What is longer than an ending ever is belongs to the name."""
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix if stem and 0 < len(suffix.encode("utf-8", "replace")) < _LONGEST_ENDING else ""


def places(folder: str, name: str, number: int) -> Iterator[str]:
    """Where a file may lie: under its own name, with a number that no other has, and out of its folder.

    The last is for folders that cannot be, because a file has such a name or all of it is too long.

    Args:
        folder: of the file; anybody's text.
        name: likewise.
        number: of the document.
    """
    parts = [safe_name(part) for part in PurePosixPath(folder).parts if part not in ("/", "..", ".")]
    own = safe_name(name)
    mark = f"~{number}"
    found = ((*parts, own), (*parts, numbered(own, mark)), (numbered(own, mark, 60),))
    yield from dict.fromkeys(place for each in found if len((place := "/".join(each)).encode()) <= _LONGEST_PLACE)


def journal_text(text: str) -> str:
    """The text without what some database refuses: NUL, and halves of characters, which a service's JSON may hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def journal_key(key: str) -> str:
    """Likewise, and short enough for an index; different keys stay different."""
    whole = key.encode("utf-8", "surrogatepass")
    if len(whole) <= _LONGEST_KEY and journal_text(key) == key:
        return key
    start = journal_text(key).encode()[: _LONGEST_KEY - 65].decode("utf-8", "ignore")
    return f"{start}~{hashlib.sha256(whole).hexdigest()}"
