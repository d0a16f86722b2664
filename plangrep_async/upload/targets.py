"""Where a file goes: what a service hands out, as a value. The engine knows no more of a service than this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen, validators

from .._checks import kind
from ..errors import InvalidInputError
from ..session.redaction import redact_url
from .parts import ConfirmedPart, Part
from .wire import WireAnswer

__all__ = ["FormTarget", "MultipartTarget", "PartRequest", "PostFormTarget", "PutTarget", "Target", "check_target"]

Pairs: TypeAlias = tuple[tuple[str, str], ...]


def _pairs(value: Mapping[str, str] | Sequence[tuple[str, str]]) -> Pairs:
    if not value:
        return ()
    return tuple(value.items()) if isinstance(value, Mapping) else tuple((name, text) for name, text in value)


def _shown(url: str) -> str:
    return repr(redact_url(url.partition("?")[0]))


@frozen(kw_only=True)
class PutTarget:
    """One HTTP PUT of the bare bytes, for example to a presigned URL.

    Attributes:
        url: sent as it stands; never shown with its query.
        headers: sent as they are; only ``Content-Length`` and ``Host`` are added.
        method: ``"PUT"`` unless a service wants another.
        expires_at: seconds since 1970 (the server's clock), or ``None`` when unknown. Past it, a refusal is taken as
            "expired" and a new target is asked for.
        ok: the statuses that mean "stored"; any 2xx when empty.
        repeatable: whether sending it twice has the effect of sending it once.
        memo: whatever the service wants to find again in its callbacks; JSON values, if uploads are to be resumed.
    """

    url: str = field(repr=_shown, validator=kind(str))
    headers: Pairs = field(default=(), converter=_pairs, repr=False)
    method: str = "PUT"
    expires_at: float | None = None
    ok: frozenset[int] = frozenset()
    repeatable: bool = True
    memo: Any = field(default=None, repr=False)


@frozen(kw_only=True)
class PostFormTarget:
    """A POST form of a storage service (S3's browser upload): signed fields in order, then the file, last.

    303 and 302 (``success_action_redirect``) mean "stored" and are not followed. Repeating is safe: the policy names
    one key. [Amazon S3 API Reference: POST Object]

    Attributes:
        url: the form's action.
        fields: names and values in the service's order; unknown ones are sent too.
        file_field: the name of the file's part.
        expires_at, ok, repeatable, memo: as in :class:`PutTarget`; ``ok`` defaults to any 2xx, 302 and 303.
    """

    url: str = field(repr=_shown, validator=kind(str))
    fields: Pairs = field(default=(), converter=_pairs, repr=False)
    file_field: str = "file"
    headers: Pairs = field(default=(), converter=_pairs, repr=False)
    expires_at: float | None = None
    ok: frozenset[int] = frozenset()
    repeatable: bool = True
    memo: Any = field(default=None, repr=False)


@frozen(kw_only=True)
class FormTarget:
    """A multipart form of a service's own API: text parts first, then one part for each file, in order.

    Not repeatable by default: when the answer is lost, ``Upload.confirm`` is asked; without one the upload fails as
    :class:`~plangrep_async.errors.UploadUnconfirmedError`.

    Attributes:
        url: where it is posted.
        headers: for example ``Authorization``; never shown. ``Content-Type`` is made here.
        fields: the text parts, in order, before the files: for example ``("metadata", json_text)``.
        file_fields: one part name for each file of the upload; ``file0``, ``file1``, ... when empty.
        before: awaited before each attempt, for example to wait for a rate limiter. What it raises ends the upload.
        on_answer: told of each answer, on the event loop.
        expires_at, ok, repeatable, memo: as in :class:`PutTarget`.
    """

    url: str = field(repr=_shown, validator=kind(str))
    headers: Pairs = field(default=(), converter=_pairs, repr=False)
    fields: Pairs = field(default=(), converter=_pairs, repr=False)
    file_fields: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    before: Callable[[], Awaitable[object]] | None = field(default=None, repr=False)
    on_answer: Callable[[WireAnswer], None] | None = field(default=None, repr=False)
    expires_at: float | None = None
    ok: frozenset[int] = frozenset()
    repeatable: bool = False
    memo: Any = field(default=None, repr=False)


@frozen
class PartRequest:
    """Where and how one part is sent.

    Attributes:
        url: presigned; never shown with its query.
        headers: all that must be sent.
        expires_at: seconds since 1970, or ``None``.
    """

    url: str = field(repr=_shown, validator=kind(str))
    headers: Pairs = field(default=(), converter=_pairs, repr=False)
    expires_at: float | None = None


@frozen(kw_only=True)
class MultipartTarget:
    """A file sent in parts, each with a PUT of its own; parts are numbered from 1.

    Attributes:
        upload_id: the session's id; what a saved :class:`UploadState` is matched by.
        part_size: bytes of each part but the last. The last holds the rest, or is the only one. When the saved state of
            the session has another one, all parts are sent again.
        part_urls: the presigned URLs of all parts, in order, when the service hands them all out at once.
        sign_part: asked for one part's request shortly before it is sent, and again after it expired; used instead of
            ``part_urls`` when given.
        headers: sent with each part of ``part_urls``.
        list_parts: asks the service which parts it holds. Used to resume and to resolve lost answers; its answer goes
            before the saved state, unless the session got parts of another ``part_size``, too. It raises
            :class:`~plangrep_async.upload.StartOver` when the session is gone.
        finish: completes the session; gets all parts in order. It may have been completed already: by an attempt whose
            answer was lost, or by a process that was killed then. ``None`` when the service completes it elsewhere.
        abort: gives the session up. Called when the source changed, and on cancellation when ``Upload.abort`` asks.
        needs_etag: whether a part's answer must carry an ``ETag``.
        expires_at, memo: as in :class:`PutTarget`.
    """

    upload_id: str = field(validator=validators.min_len(1))
    part_size: int = field(validator=validators.gt(0))
    part_urls: tuple[str, ...] = field(default=(), converter=tuple[str, ...], repr=False)
    sign_part: Callable[[Part], Awaitable[PartRequest]] | None = field(default=None, repr=False)
    headers: Pairs = field(default=(), converter=_pairs, repr=False)
    list_parts: Callable[[], Awaitable[Sequence[ConfirmedPart]]] | None = field(default=None, repr=False)
    finish: Callable[[Sequence[ConfirmedPart]], Awaitable[Any]] | None = field(default=None, repr=False)
    abort: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    needs_etag: bool = True
    expires_at: float | None = None
    memo: Any = field(default=None, repr=False)


Target: TypeAlias = PutTarget | PostFormTarget | FormTarget | MultipartTarget


def check_target(value: object, what: str) -> None:
    """Raise :class:`~plangrep_async.errors.InvalidInputError` when it is none. It is not shown: URLs hold secrets."""
    if not isinstance(value, (PutTarget, PostFormTarget, FormTarget, MultipartTarget)):
        raise InvalidInputError(
            f"Upload(target=): {what} {type(value).__name__}, which is no target; make one, for example "
            "PutTarget(url=...)"
        )
