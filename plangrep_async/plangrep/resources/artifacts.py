"""``client.artifacts``."""

from __future__ import annotations

import asyncio
import os
import re
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, Unpack
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, frozen

from ...errors import DecodeError, InvalidInputError
from ...session.call import Answer, Call, CallKeywords, CallOptions, query_of
from ...session.deadline import countdown
from ...session.fetch import fetch
from ...session.landing import LandingFile
from ...session.origin import Origin
from ...session.session import Session
from ...session.stream import StreamedAnswer
from .._context import Context, api_path
from ..downloads.file_name import disposition_name, numbered, safe_name

__all__ = ["ArtifactInfo", "Artifacts", "Downloaded", "artifact_call"]

T = TypeVar("T")

_DEADLINE = 86_400.0
"""Seconds; a download is bounded by the silence of the wire (``timeout=``), hardly by its whole length."""
_TOKEN_ROUTE = re.compile(r"/api/open/v1/artifact-downloads/[^/]+")
_BEARER_ROUTE = re.compile(r"/api/open/v1/(?:jobs|projects)/[^/]+/artifact")


@frozen
class Downloaded:
    """A downloaded artifact.

    Attributes:
        path: where it is.
        size: bytes.
        content_type: as the server calls it.
    """

    path: Path
    size: int
    content_type: str | None = None


@frozen
class ArtifactInfo:
    """What a HEAD request tells; ``file_name`` is the server's own and may hold anything."""

    size: int | None
    content_type: str | None
    file_name: str | None


class Artifacts:
    """Files that the service made: pages, crops, extracted data."""

    def __init__(self, context: Context, session: Session) -> None:
        self._context = context
        self._session = session

    async def download(
        self,
        folder: str | os.PathLike[str],
        *,
        url: str | None = None,
        path: str | None = None,
        job_id: str | None = None,
        project_id: str | None = None,
        token: str | None = None,
        file_name: str | None = None,
        overwrite: bool = False,
        max_bytes: int | None = None,
        **keywords: Unpack[CallKeywords],
    ) -> Downloaded:
        """Download one artifact into a folder ("Get a job artifact", "Get a project artifact", "Download an artifact").

        Say which one in one of these ways: ``url=`` as an ``artifacts`` list shows it; ``path=`` out of such a URL,
        with ``job_id=`` or ``project_id=``; or a single-use ``token=``. The key is sent to the API's own artifact
        routes alone, not with a token and not to another host.

        The bytes go to a temporary file in ``folder`` and get their name when all are there. The name is
        ``file_name``, or the server's, stripped of everything that could lead out of the folder; a file of that name is
        kept, and the new one gets a number, unless ``overwrite``.

        A download that breaks off is begun again, as often as the client's retry policy or ``max_attempts`` allows. One
        with a token is not: once the service has answered, the token is used up.

        What is stored with ``Content-Encoding: gzip`` is unpacked. Other encodings and parts of a file are refused.

        Args:
            folder: made when it is not there.
            file_name: a plain name.
            overwrite: replace a file of the same name.
            max_bytes: more than this ends the download.
            keywords: ``deadline`` is a day unless you say otherwise, for all attempts and the pauses in between;
                ``timeout`` bounds the silence of the wire.

        Raises:
            InvalidInputError: none or several of the ways, a name that is not plain; before anything is sent.
            APIStatusError: refused; for a token: invalid, expired or used.
            APIConnectionError: broken off too often.
            DeadlineExceededError: it took too long.
            DecodeError: the answer is longer than ``max_bytes``, not the whole file, or packed in an unknown way.
            OSError: the folder cannot be written to, or the disk is full.

        Cancelled: the temporary file is removed; a file that was there stays, as :class:`LandingFile` says.
        """
        call = artifact_call(
            self._session, "GET", url=url, path=path, job_id=job_id, project_id=project_id, token=token
        )
        if file_name is not None and file_name != safe_name(file_name):
            raise InvalidInputError(
                f"file_name {file_name!r} is no plain file name; {safe_name(file_name)!r} would be one"
            )
        options = self._context.over(keywords).over(CallOptions(deadline=_DEADLINE))
        left = countdown(self._context.clock, options.deadline)

        async def store(answer: StreamedAnswer) -> Downloaded:
            server_name = disposition_name(answer.headers.get("content-disposition")) or _last_segment(path, url)
            name = file_name or safe_name(server_name)
            await asyncio.to_thread(Path(folder).mkdir, parents=True, exist_ok=True)
            async with LandingFile(Path(folder, name)) as file:
                size = await file.write_all(answer.aiter_bytes(), partial(_check_most, answer, max_bytes))
                target = await file.keep(None if overwrite else partial(numbered, name))
            return Downloaded(target, size, answer.headers.get("content-type"))

        return await fetch(self._session, call, lambda: evolve(options, deadline=left()), store)

    async def info(
        self,
        *,
        url: str | None = None,
        path: str | None = None,
        job_id: str | None = None,
        project_id: str | None = None,
        token: str | None = None,
        **keywords: Unpack[CallKeywords],
    ) -> ArtifactInfo:
        """Size, type and name, without the bytes; does not use up a token ("Inspect an artifact download").

        Raises:
            InvalidInputError: as :meth:`download`.
            APIStatusError: for a token: invalid, expired or used.
        """
        call = artifact_call(
            self._session, "HEAD", url=url, path=path, job_id=job_id, project_id=project_id, token=token
        )
        return await self._context.send(call.replace(decode=_info), keywords)


def artifact_call(
    session: Session,
    method: str,
    *,
    url: str | None,
    path: str | None,
    job_id: str | None,
    project_id: str | None,
    token: str | None,
) -> Call[Any]:
    """The call for an artifact, however it is named; see :meth:`Artifacts.download`."""
    ways = [url is not None, token is not None, path is not None]
    if sum(ways) != 1 or (path is None) != (job_id is None and project_id is None) or (job_id and project_id):
        raise InvalidInputError(
            "say which artifact in one way: url=, token=, path= with job_id=, or path= with project_id="
        )
    if token is not None:
        return _token_call(method, api_path("artifact-downloads", token))
    if path is not None:
        base = api_path("jobs", job_id, "artifact") if job_id else api_path("projects", project_id or "", "artifact")
        if not path:
            raise InvalidInputError("path is empty; take it from the URL of an artifact, as it is")
        return Call(method, base, _nothing, query=query_of(path=path))
    return _url_call(session, method, url or "")


def _url_call(session: Session, method: str, url: str) -> Call[Any]:
    if not session.is_own(url):
        try:
            origin = Origin.of(url)
        except ValueError:
            raise InvalidInputError("url must be absolute, or begin with a slash") from None
        if origin.scheme != "https" and not origin.is_loopback:
            raise InvalidInputError("url is plain http to another machine; artifacts are fetched over https alone")
        return Call(method, url, _nothing, authenticated=False)
    parts = urlsplit(url)
    if _TOKEN_ROUTE.fullmatch(parts.path):
        return _token_call(method, url)
    # Signed links, wherever they point to, carry all that they need ("Get job result": `resultUrl`).
    return Call(method, url, _nothing, authenticated=_BEARER_ROUTE.fullmatch(parts.path) is not None)


def _token_call(method: str, path: str) -> Call[Any]:
    return Call(method, path, _nothing, authenticated=False, repeatable=method == "HEAD")


def _nothing(_: Answer) -> None:
    """The body is streamed, or there is none."""


def _info(answer: Answer) -> ArtifactInfo:
    length = answer.headers.get("content-length", "")
    return ArtifactInfo(
        size=int(length) if length.isdecimal() else None,
        content_type=answer.headers.get("content-type"),
        file_name=disposition_name(answer.headers.get("content-disposition")),
    )


def _last_segment(path: str | None, url: str | None) -> str | None:
    if path is None and url is not None:
        parts = urlsplit(url)
        path = (parse_qs(parts.query).get("path") or [""])[0]
        if not path and not _TOKEN_ROUTE.fullmatch(parts.path):
            path = parts.path
    return path


def _check_most(answer: StreamedAnswer, most: int | None, size: int) -> None:
    if most is not None and size > most:
        raise DecodeError(f"the artifact at {answer.url} has more than {most:,} bytes", url=answer.url)
