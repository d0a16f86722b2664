"""What may be shown of a URL.

Queries of signed URLs are credentials; so are the upload and download tokens that both services put into paths
(PlanGrid: "File Uploads"; Plangrep: "Download an artifact").
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

__all__ = ["redact_text", "redact_url", "without_tokens_of"]

_TOKEN_SEGMENT = re.compile(r"(/(?:artifact-downloads|completions)/)([^/?#]+)")
_SHORTEST_TOKEN = 8  # a shorter one is no secret, and may be a part of any word
_PLAIN_PARAMETERS = frozenset(
    {"limit", "skip", "cursor", "updated_after", "updated_before", "compact", "status", "classification", "version_set"}
)
_URL = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)


def redact_url(url: str) -> str:
    """The URL without user info, without tokens in its path and with only harmless query values."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return "[unreadable URL]"
    if ":" in host:
        host = f"[{host}]"
    netloc = f"{host}:{port}" if port is not None else host
    path = _TOKEN_SEGMENT.sub(r"\1[redacted]", parts.path)
    prefix = f"{parts.scheme}://{netloc}" if parts.scheme else netloc
    return f"{prefix}{path}{_query(parts.query)}"


def _query(query: str) -> str:
    if not query:
        return ""
    shown: list[str] = []
    for pair in query.split("&"):
        name, _, _ = pair.partition("=")
        if name in _PLAIN_PARAMETERS:
            shown.append(pair)
        else:
            shown.append("[redacted]")
            break
    return "?" + "&".join(shown)


def redact_text(text: str) -> str:
    """Text for people with every URL redacted and every ``Authorization`` value gone."""
    text = _URL.sub(lambda match: redact_url(match.group()), text)
    return _AUTHORIZATION.sub(r"\1 [redacted]", text)


def without_tokens_of(url: str, text: str) -> str:
    """Text without the tokens in the path of ``url``: services repeat them in their messages ("File Uploads")."""
    for _, token in _TOKEN_SEGMENT.findall(url):
        for spelling in {token, unquote(token)}:
            if len(spelling) >= _SHORTEST_TOKEN:
                text = text.replace(spelling, "[redacted]")
    return text
