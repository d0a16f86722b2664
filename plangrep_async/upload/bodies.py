"""From a target and open files to the request that carries them. Opens nothing."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import accumulate

from ..errors import InvalidInputError
from .form import FormFile, form_body, make_boundary
from .parts import Part
from .readers import MemorySource, OpenSource
from .targets import FormTarget, PartRequest, PostFormTarget, PutTarget
from .task import PreparedFile
from .wire import WireBody, WireRequest

__all__ = ["Chain", "form_request", "part_request", "put_request", "single_request"]


def single_request(
    target: PutTarget | PostFormTarget | FormTarget, files: Sequence[PreparedFile], opened: Sequence[OpenSource]
) -> WireRequest:
    """The one request that carries all of them. Raises what :func:`form_request` raises."""
    if isinstance(target, PutTarget):
        return put_request(target, files[0].size, opened[0])
    return form_request(target, files, opened)


def put_request(target: PutTarget, size: int, opened: OpenSource) -> WireRequest:
    """The bare bytes."""
    return WireRequest(target.method, target.url, target.headers, _bare(opened, 0, size))


def part_request(request: PartRequest, part: Part, opened: OpenSource) -> WireRequest:
    """The bare bytes of one part."""
    return WireRequest("PUT", request.url, request.headers, _bare(opened, part.offset, part.size))


def form_request(
    target: FormTarget | PostFormTarget, files: Sequence[PreparedFile], opened: Sequence[OpenSource]
) -> WireRequest:
    """A form with the target's fields, then the files.

    Raises:
        InvalidInputError: a name or a content type cannot stand in a form, or there are more files than part names.
    """
    names = (target.file_field,) if isinstance(target, PostFormTarget) else target.file_fields
    if not names:
        names = tuple(f"file{place}" for place in range(len(files)))
    if len(names) != len(files):
        raise InvalidInputError(
            f"FormTarget(file_fields=): {len(names)} names for {len(files)} files; give one for each, or none"
        )
    form = form_body(
        target.fields,
        [FormFile(name, file.name, file.content_type, file.size) for name, file in zip(names, files, strict=True)],
        boundary=make_boundary(),
    )
    headers = (*target.headers, ("Content-Type", form.content_type))
    if len(files) == 1:
        size = files[0].size
        body = WireBody(form.heads[0], opened[0] if size else None, 0, size, form.tail)
    else:
        chain = Chain(form.heads, opened, [file.size for file in files])
        body = WireBody(source=chain, length=chain.size, suffix=form.tail)
    return WireRequest("POST", target.url, headers, body)


def _bare(opened: OpenSource, offset: int, size: int) -> WireBody:
    return WireBody(source=opened if size else None, offset=offset, length=size)


class Chain:
    """``heads[0]``, the first file, ``heads[1]``, the second file, ... as one source.

    Attributes:
        size: bytes of all of it.
    """

    def __init__(self, heads: Sequence[bytes], opened: Sequence[OpenSource], sizes: Sequence[int]) -> None:
        self._pieces: list[OpenSource] = []
        lengths: list[int] = []
        for head, file, size in zip(heads, opened, sizes, strict=True):
            self._pieces += [MemorySource(head), file]
            lengths += [len(head), size]
        self._ends = list(accumulate(lengths))
        self._starts = [0, *self._ends[:-1]]
        self.size = self._ends[-1]

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        """As much as the piece at ``offset`` holds; never across its end."""
        place = bisect.bisect_right(self._ends, offset)
        if place == len(self._ends):
            return 0
        room = min(len(buffer), self._ends[place] - offset)
        return self._pieces[place].readinto_at(offset - self._starts[place], buffer[:room])

    def verify(self) -> None:
        """All its files."""
        for piece in self._pieces:
            piece.verify()
