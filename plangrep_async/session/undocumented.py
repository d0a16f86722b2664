"""What about an answer is not as documented."""

from __future__ import annotations

import json

__all__ = ["Undocumented", "words_of"]


class Undocumented(ValueError):
    """Raised by what decodes answers. People read its text in errors and logs: it names fields and types, no value."""


def words_of(error: Exception) -> str:
    """The text of an error where it is known to hold no value out of the answer, else what kind of error it is."""
    if isinstance(error, Undocumented):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON ({error})"
    return type(error).__name__
