"""A call as a value: what to send, what the answer decodes to, and how it may be treated on the way.

Resources build calls; a :class:`Sender` (the session, or the batch coalescer in front of it) sends them.
Nothing here does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypedDict, TypeVar
from urllib.parse import quote, urlencode

from attrs import evolve, field, frozen

from .._checks import check_number, is_number
from ..config import Timeouts
from ..errors import InvalidInputError
from .redaction import redact_url

__all__ = [
    "NOT_GIVEN",
    "Answer",
    "Call",
    "CallKeywords",
    "CallOptions",
    "NotGiven",
    "Sender",
    "options_from",
    "path_of",
    "query_of",
]

T = TypeVar("T")


class NotGiven:
    """The type of :data:`NOT_GIVEN`: an argument that was left out, which differs from ``None`` (JSON null)."""

    _instance: NotGiven | None = None

    def __new__(cls) -> NotGiven:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __reduce__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven()


@frozen
class Answer:
    """An answer of a service, whether it came alone or as an entry of a batch.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        content: the whole body.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises ``ValueError`` when it is none."""
        return json.loads(self.content)


@frozen
class CallOptions:
    """What a user may choose for one call; ``None`` leaves the client's setting.

    Attributes:
        timeout: how long the wire may be silent (seconds, or :class:`~plangrep_async.Timeouts`).
        deadline: seconds for the whole call: waiting for the limiter and for a connection, attempts and backoffs.
        max_attempts: all attempts, the first included.
        coalesce: whether the call may leave as an entry of a batch (PlanGrid only).

    Raises:
        InvalidInputError: a choice that cannot be. A deadline of 0 or less has passed, and is no such choice.
    """

    timeout: float | Timeouts | None = None
    deadline: float | None = None
    max_attempts: int | None = None
    coalesce: bool | None = None

    def __attrs_post_init__(self) -> None:
        timeout, deadline, attempts, coalesce = self.timeout, self.deadline, self.max_attempts, self.coalesce
        if timeout is not None and not isinstance(timeout, Timeouts) and not (is_number(timeout) and timeout > 0):
            raise InvalidInputError(f"timeout must be Timeouts or a number of seconds above 0, not {timeout!r}")
        if deadline is not None and not is_number(deadline):
            raise InvalidInputError(f"deadline must be a number of seconds, not {deadline!r}")
        if attempts is not None:
            check_number("max_attempts", attempts, least=1, whole=True)
        if coalesce is not None and coalesce is not True and coalesce is not False:
            raise InvalidInputError(f"coalesce must be True, False or None, not {coalesce!r}")

    def over(self, base: CallOptions) -> CallOptions:
        """These options, and ``base`` where they leave a choice open."""
        return CallOptions(
            timeout=base.timeout if self.timeout is None else self.timeout,
            deadline=base.deadline if self.deadline is None else self.deadline,
            max_attempts=base.max_attempts if self.max_attempts is None else self.max_attempts,
            coalesce=base.coalesce if self.coalesce is None else self.coalesce,
        )


class CallKeywords(TypedDict, total=False):
    """What every method of a resource takes besides its own arguments: the first three of :class:`CallOptions`."""

    timeout: float | Timeouts | None
    deadline: float | None
    max_attempts: int | None


def options_from(keywords: CallKeywords, known: type[Any] = CallKeywords) -> CallOptions:
    """The options that a method of a resource was given.

    Args:
        keywords: what it takes as ``**keywords``.
        known: the ``TypedDict`` that names them all.

    Raises:
        InvalidInputError: a choice that cannot be.
        TypeError: there is no such option.
    """
    names = known.__annotations__
    for name in keywords:
        if name not in names:
            raise TypeError(
                f"{name!r} is no argument of this method: beside those of its signature it takes {', '.join(names)}"
            )
    return CallOptions(**keywords)


_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_IDEMPOTENT = _SAFE | {"PUT", "DELETE"}


@frozen
class Call(Generic[T]):
    """One request to a service.

    Attributes:
        method: in capitals.
        path: begins with ``/``, relative to the base URL, percent-encoded (see :func:`path_of`). An absolute URL is
            allowed where a service hands out its own (``next_page_url``, ``webhook_url``); credentials go along only
            to the API's own origin.
        decode: from a successful answer to the result. Raises :class:`~.undocumented.Undocumented`, or any other error,
            when the body is not as documented; the session makes a :class:`~plangrep_async.DecodeError` of it.
        query: pairs in order, not encoded.
        json: the JSON body; :data:`NOT_GIVEN` for none. ``None`` is JSON ``null``.
        body: a factory for a body that is no JSON; called anew for each attempt.
        content_type: for ``body``.
        headers: additional ones.
        idempotency_key: sent as ``Idempotency-Key``, the same on every attempt; makes the call repeatable.
        repeatable: overrides what the method says (GET, HEAD, PUT and DELETE may be repeated).
        kinds: which limits count it; every call is ``"all"``, one that changes something is ``"write"`` too. An empty
            set is for a call that is not the service's own, such as a file from a storage host: the limiter neither
            holds it back nor hears of its 429.
        authenticated: ``False`` for routes that must not see the credentials.
        coalescable: whether it may leave as an entry of a batch.
    """

    method: str
    path: str = field(repr=lambda path: repr(redact_url(path)))
    decode: Callable[[Answer], T] = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=lambda query: repr(redact_url("?" + urlencode(query))))
    json: Any = NOT_GIVEN
    body: Callable[[], bytes] | None = field(default=None, repr=False)
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    idempotency_key: str | None = None
    repeatable: bool | None = None
    kinds: frozenset[str] | None = None
    authenticated: bool = True
    coalescable: bool = True

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice has the effect of sending it once."""
        if self.repeatable is not None:
            return self.repeatable
        return self.method in _IDEMPOTENT or self.idempotency_key is not None

    @property
    def limit_kinds(self) -> frozenset[str]:
        """The kinds of limit that count it."""
        if self.kinds is not None:
            return self.kinds
        return _READ if self.method in _SAFE else _WRITE

    @property
    def target(self) -> str:
        """Path and encoded query."""
        if not self.query:
            return self.path
        return f"{self.path}{'&' if '?' in self.path else '?'}{urlencode(self.query, quote_via=quote)}"

    def content(self) -> bytes | None:
        """The body as bytes, made anew; ``None`` for none."""
        if self.body is not None:
            return self.body()
        if isinstance(self.json, NotGiven):
            return None
        return json.dumps(self.json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    def replace(self, **changes: Any) -> Call[T]:
        """A copy with some attributes changed."""
        return evolve(self, **changes)


_READ = frozenset({"all"})
_WRITE = frozenset({"all", "write"})


class Sender(Protocol):
    """Sends calls: the session itself, or a coalescer in front of it."""

    async def send(self, call: Call[T], options: CallOptions | None = None) -> T:
        """Send ``call`` and decode its answer. Raises the errors of :mod:`plangrep_async.errors`."""
        ...


def path_of(*segments: str) -> str:
    """A path from segments, each percent-encoded: ids are opaque and may hold any character.

    Raises ``ValueError`` for an empty segment or ``.``/``..``, which would name another resource.
    """
    for segment in segments:
        if not segment or segment in (".", ".."):
            raise ValueError(f"{segment!r} cannot be part of a path: an id must be a non-empty string, not '.' or '..'")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def query_of(**values: str | int | float | bool | datetime | NotGiven | None) -> tuple[tuple[str, str], ...]:
    """Query pairs from keyword arguments; ``None`` and :data:`NOT_GIVEN` are left out, an empty string is sent."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if value is None or isinstance(value, NotGiven):
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, datetime):
            pairs.append((name, value.isoformat()))
        else:
            pairs.append((name, str(value)))
    return tuple(pairs)
