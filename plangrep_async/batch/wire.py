"""The wire form of a batch: many calls as one JSON body, and its answer as many answers. No I/O.

Sources: PlanGrid "Why Batch Requests?", "The Batch Request Object", "Send Batch Request".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from .._checks import number
from ..session import Answer, Call
from ..session.undocumented import Undocumented

__all__ = ["BatchFormat", "relative_target"]

_SEPARATOR = b","
_JSON = "application/json"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@frozen
class BatchFormat:
    """How calls are written into a batch, and how many.

    The request is a JSON array of ``{method, path, headers, body}``, where ``headers`` is an array of ``{name, value}``
    and ``body`` is JSON inside a string; both are left out where a call has none. The answer is an object whose
    ``data`` holds one ``{status_code, headers, body}`` for each request, in the same order.

    Attributes:
        path: where the batch is posted, relative to the base URL.
        max_entries: calls in one batch, 2 or more. The documentation says 50.
        max_bytes: of the JSON body. Not documented (unverified): one megabyte is what common proxies let through. A
            call that is larger alone leaves alone.
        methods: what a batch may hold; other calls leave alone.
    """

    path: str = "/batch"
    max_entries: int = field(default=50, validator=number(least=2, whole=True))
    max_bytes: int = field(default=1_000_000, validator=number(least=1, whole=True))
    methods: frozenset[str] = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

    def takes(self, call: Call[Any]) -> bool:
        """Whether the format can express the call at all: a known method, the credentials, and no body but JSON."""
        return (
            call.coalescable
            and call.authenticated
            and call.method in self.methods
            and (call.body is None or call.content_type == _JSON)
        )

    def pack(self, call: Call[Any], target: str) -> bytes:
        """One request of a batch. ``target`` is its path and query, relative to the base URL.

        Raises ``ValueError`` or ``TypeError`` when the body cannot be written as JSON.
        """
        text = f'{{"method":{_encode(call.method)},"path":{_encode(target)}'
        headers = [{"name": name, "value": value} for name, value in call.headers]
        if call.idempotency_key is not None:
            headers.append({"name": "Idempotency-Key", "value": call.idempotency_key})
        if headers:
            text += f',"headers":{_encode(headers)}'
        content = call.content()
        if content is not None:
            text += f',"body":{_encode(content.decode())}'
        return f"{text}}}".encode()

    def join(self, requests: Sequence[bytes]) -> bytes:
        """The body of the batch, from what :meth:`pack` gave."""
        return b"[" + _SEPARATOR.join(requests) + b"]"

    def size(self, requests: int, total: int) -> int:
        """The length of what :meth:`join` gives for ``requests`` requests of ``total`` bytes in all."""
        return total + 2 + max(0, requests - 1) * len(_SEPARATOR)

    def unpack(self, answer: Answer, count: int) -> list[Answer | None]:
        """The answers in the order of the requests; ``None`` for one that is not as documented.

        Raises:
            ValueError: the answer as a whole cannot be read, or does not hold ``count`` answers, so that it is not
                known which belongs to whom.
        """
        record = answer.json()
        entries: Any = record.get("data") if isinstance(record, dict) else None
        if not isinstance(entries, list):
            raise Undocumented("the answer to a batch has no array `data`")
        if len(entries) != count:
            raise Undocumented(f"{count} requests of a batch got {len(entries)} answers")
        # An entry has no Date of its own; the batch's tells the server's clock.
        date = answer.headers.get("date")
        return [_answer(entry, {} if date is None else {"date": date}) for entry in entries]


def _answer(entry: Any, headers: dict[str, str]) -> Answer | None:
    if not isinstance(entry, dict):
        return None
    status, body = entry.get("status_code"), entry.get("body")
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        return None
    given = entry.get("headers")
    if isinstance(given, list):
        for header in given:
            if isinstance(header, dict):
                headers[str(header.get("name")).lower()] = str(header.get("value"))
    # Documented as a string, or absent; a body that was not wrapped in one means the same.
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    try:
        return Answer(status, headers, text.encode())
    except UnicodeEncodeError:
        return None


def relative_target(call: Call[Any], base_url: str) -> str | None:
    """Path and query of a call relative to the base URL; ``None`` when it leads elsewhere and cannot be in a batch."""
    target = call.target
    if target.startswith("/"):
        return None if target.startswith("//") or "#" in target else target
    try:
        there, base = urlsplit(target), urlsplit(base_url)
        same = (there.scheme, there.hostname, _port(there.scheme, there.port)) == (
            base.scheme,
            base.hostname,
            _port(base.scheme, base.port),
        )
    except ValueError:
        return None
    prefix = base.path.rstrip("/")
    if not same or there.username is not None or there.fragment or not there.path.startswith(prefix + "/"):
        return None
    path = there.path[len(prefix) :]
    if path.startswith("//"):
        return None
    return f"{path}?{there.query}" if there.query else path


def _port(scheme: str, port: int | None) -> int | None:
    return port or {"http": 80, "https": 443}.get(scheme)
