from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import APIConnectionError, InvalidInputError, PermissionDeniedError
from plangrep_async.plangrid import Attachment, Packet, Photo, PlanGridClient, ProjectScope
from plangrep_async.ratelimit import RateLimiter

FILE = "https://assets.test/a.pdf?Signature=old"
FRESH = "https://assets.test/a.pdf?Signature=new"


@pytest.fixture
def project(make_client: Callable[..., PlanGridClient]) -> ProjectScope:
    return make_client(random=lambda: 0.0, retry=RetryPolicy(max_attempts=3)).project("p")


async def test_credentials_stay_at_home(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    wire.answer("GET", FILE, b"content")

    path = await project.attachments.download(Attachment("a", url=FILE), tmp_path / "a.pdf")

    assert path.read_bytes() == b"content"
    (request,) = wire.requests
    assert "authorization" not in request.headers
    assert "plangrid" not in request.headers.get("accept", "")


async def test_even_on_the_api_s_own_origin(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    wire.answer("GET", "/files/a.pdf", b"content")

    await project.sheets.download_packet(Packet("k", file_url="https://api.test/files/a.pdf"), tmp_path / "a.pdf")

    assert "authorization" not in wire.requests[0].headers


async def test_a_uid_is_read_first(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    wire.answer("GET", "/projects/p/photos/a", {"uid": "a", "url": FILE})
    wire.answer("GET", FILE, b"content")

    await project.photos.download("a", str(tmp_path / "a.png"))

    assert os.listdir(tmp_path) == ["a.png"]


async def test_a_url_that_ran_out_is_asked_for_anew_once(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    wire.answer("GET", "/projects/p/photos/a", {"uid": "a", "url": FRESH})
    wire.answer("GET", FILE, httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>"))
    wire.answer("GET", FRESH, b"content", httpx.Response(403))

    await project.photos.download(Photo("a", url=FILE), tmp_path / "a.png")
    with pytest.raises(PermissionDeniedError) as caught:
        await project.photos.download(Photo("a", url=FILE), tmp_path / "b.png")

    assert os.listdir(tmp_path) == ["a.png"]
    assert "Signature=new" not in str(caught.value)


async def test_a_record_without_a_url(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no URL"):
        await project.photos.download(Photo("a"), tmp_path / "a.png")

    assert wire.requests == []


async def test_a_file_that_comes_short_is_none(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    async def short(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-length": "100"}, stream=httpx.ByteStream(b"only this"))

    wire.answer("GET", FILE, short)
    wire._response = lambda answer, request: answer(request)

    with pytest.raises(APIConnectionError, match="9 of 100 bytes"):
        await project.photos.download(Photo("a", url=FILE), tmp_path / "a.png")

    assert len(wire.requests) == 3
    assert os.listdir(tmp_path) == []


async def test_storage_takes_nothing_from_the_rate_limits(
    make_client: Callable[..., PlanGridClient], wire: Any, tmp_path: Path
) -> None:
    limiter = RateLimiter()
    limiter.throttled(retry_after=3600.0)
    wire.answer("GET", FILE, b"content")

    await make_client(limiter=limiter).project("p").photos.download(Photo("a", url=FILE), tmp_path / "a.png")

    assert (tmp_path / "a.png").exists()


async def test_a_folder_is_refused_before_anything_is_fetched(project: ProjectScope, wire: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is a folder"):
        await project.attachments.download(Attachment("a", url=FILE), tmp_path)

    assert wire.requests == []
