from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import (
    APIConnectionError,
    DeadlineExceededError,
    DecodeError,
    InvalidInputError,
    PermissionDeniedError,
    ServerError,
)
from plangrep_async.plangrid import Attachment, Packet, Photo, PlanGridClient, ProjectScope
from plangrep_async.ratelimit import RateLimiter
from plangrep_async.testing import ManualClock

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


class Cut(httpx.AsyncBaseTransport):
    """Files that break off after so long, of records that take so long; by the client's clock."""

    def __init__(self, clock: ManualClock, *, record: float, file: float, status: int = 200) -> None:
        self.clock = clock
        self.record = record
        self.file = file
        self.status = status
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.times.append(self.clock.monotonic())
        if request.url.host == "api.test":
            await self.clock.sleep(self.record)
            return httpx.Response(200, json={"uid": "a", "url": FRESH, "file_url": FRESH, "status": "complete"})
        return httpx.Response(self.status, stream=self._body())

    def _body(self) -> httpx.AsyncByteStream:
        cut = self

        class Stream(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b"abc"
                await cut.clock.sleep(cut.file)
                raise httpx.ReadError("cut")

        return Stream()


Fetch = Callable[..., Any]


@pytest.fixture(params=["photo", "packet"])
def known(request: pytest.FixtureRequest) -> Any:
    """A record whose URL ran out, or has one that works."""
    return {"photo": Photo("a", url=FILE), "packet": Packet("a", file_url=FILE)}[request.param]


def fetch(client: PlanGridClient, record: Any, *arguments: Any, **options: Any) -> Any:
    project = client.project("p")
    method: Fetch = project.sheets.download_packet if isinstance(record, Packet) else project.photos.download
    return method(*arguments, **options)


@pytest.mark.parametrize("scoped", [False, True])
@pytest.mark.parametrize(
    ("times", "status", "requests"),
    [
        ({"record": 5.0, "file": 0.0}, 200, 1),  # the record alone takes too long
        ({"record": 1.5, "file": 1.0}, 200, 2),  # what is left is not enough for the file
        ({"record": 0.5, "file": 0.9}, 200, 3),  # nor for the second attempt
        ({"record": 1.2, "file": 0.0}, 403, 3),  # nor for the record, when the URL ran out
    ],
)
async def test_the_deadline_is_of_the_whole_download(
    make_client: Callable[..., PlanGridClient],
    known: Any,
    tmp_path: Path,
    scoped: bool,
    times: dict[str, float],
    status: int,
    requests: int,
    finish: Callable[..., Any],
) -> None:
    clock = ManualClock()
    transport = Cut(clock, status=status, **times)
    client = make_client(transport=transport, clock=clock, random=lambda: 0.0)
    deadline: Any = {"deadline": 2.0}
    fetching = (
        fetch(client.with_options(**deadline), known, "a", tmp_path / "a")
        if scoped
        else fetch(client, known, "a", tmp_path / "a", **deadline)
    )
    begun = clock.monotonic()

    with pytest.raises(DeadlineExceededError):
        await finish(clock, fetching)

    assert clock.monotonic() - begun < 2.5
    assert len(transport.times) == requests
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("attempts", [1, 2])
async def test_attempts_are_counted_in_all(
    make_client: Callable[..., PlanGridClient],
    known: Any,
    tmp_path: Path,
    attempts: int,
    finish: Callable[..., Any],
) -> None:
    clock = ManualClock()
    transport = Cut(clock, record=0.0, file=0.0)
    client = make_client(transport=transport, clock=clock, random=lambda: 0.0)

    with pytest.raises(APIConnectionError) as caught:
        await finish(clock, fetch(client, known, known, tmp_path / "a", max_attempts=attempts))

    assert len(transport.times) == caught.value.attempts == attempts


async def test_the_record_is_read_with_the_options_of_the_call(
    make_client: Callable[..., PlanGridClient], wire: Any, known: Any, tmp_path: Path
) -> None:
    wire.answer("GET", "/projects/p/photos/a", httpx.Response(503))
    wire.answer("GET", "/projects/p/sheets/packets/a", httpx.Response(503))
    client = make_client()

    with pytest.raises(ServerError):
        await fetch(client, known, "a", tmp_path / "a", max_attempts=1, timeout=3.0)

    (request,) = wire.requests
    assert request.extensions["timeout"]["read"] == 3.0


@pytest.mark.parametrize(
    ("status", "headers"),
    [(206, {"Content-Range": "bytes 0-2/100"}), (204, {}), (200, {"Content-Encoding": "br"})],
)
async def test_what_is_no_whole_file(
    project: ProjectScope, wire: Any, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    wire.answer("GET", FILE, lambda _: httpx.Response(status, headers=headers, stream=httpx.ByteStream(b"abc")))
    wire._response = lambda answer, request: asyncio.sleep(0, answer(request))

    with pytest.raises(DecodeError):
        await project.photos.download(Photo("a", url=FILE), tmp_path / "a.png")

    (request,) = wire.requests
    assert request.headers["accept-encoding"] == "identity"
    assert os.listdir(tmp_path) == []
