"""Reading JSON bodies and query strings strictly: each refusal names the field and its rule."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from .errors import PlangrepError, invalid

__all__ = ["CLASSIFICATIONS", "Fields", "json_body"]

CLASSIFICATIONS = ("plans", "specifications", "documents", "addenda", "mixed", "other")

_SHA256 = re.compile(r"[0-9a-f]{64}")


async def json_body(request: Request, *, limit: int = 4 << 20) -> tuple[Fields, bytes]:
    """A JSON object and its bytes; nothing at all stands for ``{}``.

    Raises:
        PlangrepError: 413 beyond ``limit`` bytes, 400 for what is not a JSON object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PlangrepError(413, "payload_too_large", f"the body must have at most {limit} bytes")
    if not body.strip():
        return Fields({}), b""
    try:
        value = json.loads(body)
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid("the body is not valid JSON", "invalid_json") from error
    if not isinstance(value, dict):
        raise invalid("the body must be a JSON object", "invalid_json")
    return Fields(value), bytes(body)


class Fields:
    """A JSON object whose members are read one by one; or a query string, in which numbers come as text."""

    def __init__(self, values: Mapping[str, Any], place: str = "", *, from_query: bool = False) -> None:
        self._values = values
        self._place = place
        self._from_query = from_query

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def name(self, name: str) -> str:
        """Where a member stands, for messages."""
        return f"{self._place}{name}"

    def text(self, name: str, *, longest: int | None = None, shortest: int = 1) -> str:
        """A required string."""
        value = self.optional_text(name, longest=longest, shortest=shortest)
        if value is None:
            raise invalid(f"{self.name(name)} is required")
        return value

    def optional_text(self, name: str, *, longest: int | None = None, shortest: int = 0) -> str | None:
        """A string or None."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid(f"{self.name(name)} must be a string")
        if len(value) < shortest:
            raise invalid(f"{self.name(name)} must have at least {shortest} characters")
        if longest is not None and len(value) > longest:
            raise invalid(f"{self.name(name)} must have at most {longest} characters")
        return value

    def integer(self, name: str, *, least: int, most: int | None = None) -> int:
        """A required whole number."""
        value = self.optional_integer(name, least=least, most=most)
        if value is None:
            raise invalid(f"{self.name(name)} is required")
        return value

    def optional_integer(self, name: str, *, least: int, most: int | None = None) -> int | None:
        """A whole number or None."""
        value = self._values.get(name)
        if value is None:
            return None
        if self._from_query and re.fullmatch(r"-?\d{1,18}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(f"{self.name(name)} must be an integer")
        if value < least or (most is not None and value > most):
            upper = "" if most is None else f" and at most {most}"
            raise invalid(f"{self.name(name)} must be at least {least}{upper}")
        return value

    def sha256(self, name: str, *, required: bool) -> str | None:
        """64 lower-case hexadecimal digits."""
        value = self.text(name) if required else self.optional_text(name)
        if value is not None and _SHA256.fullmatch(value) is None:
            raise invalid(f"{self.name(name)} must be 64 lowercase hexadecimal digits")
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """One of some strings, or None."""
        value = self.optional_text(name)
        if value is not None and value not in allowed:
            raise invalid(f"{self.name(name)} must be one of {', '.join(allowed)}")
        return value

    def strings(self, name: str) -> list[str] | None:
        """A list of strings, or None."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(f"{self.name(name)} must be an array of strings")
        return list(value)

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; an absent one is empty."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid(f"{self.name(name)} must be an array of objects")
        return [Fields(item, f"{self.name(name)}[{index}].") for index, item in enumerate(value)]
