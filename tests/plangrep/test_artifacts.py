from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.errors import (
    APIConnectionError,
    APIStatusError,
    DeadlineExceededError,
    DecodeError,
    GoneError,
    InvalidInputError,
)
from plangrep_async.plangrep import PlangrepClient
from plangrep_async.testing import ManualClock, settle

JOB = "/jobs/job_1/artifact"
TOKEN = "/artifact-downloads/tok_1"


def bytes_(content: bytes, name: str | None = None, **headers: str) -> httpx.Response:
    if name is not None:
        headers["Content-Disposition"] = name
    return httpx.Response(200, content=content, headers={"Content-Type": "application/octet-stream", **headers})


class Broken(httpx.AsyncByteStream):
    """Breaks off, or hangs, after its first bytes."""

    def __init__(self, *, hang: bool = False) -> None:
        self.hang = hang

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"some"
        if self.hang:
            await asyncio.Event().wait()
        raise httpx.ReadError("the connection broke")


class Streams(httpx.AsyncBaseTransport):
    """Answers whose bodies are streams."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, bytes):
            return bytes_(answer)
        return httpx.Response(200, stream=answer, headers={"Content-Disposition": "attachment; filename=x.pdf"})


def streaming(clock: ManualClock, *answers: Any) -> tuple[PlangrepClient, Streams]:
    transport = Streams(*answers)
    return PlangrepClient("key", base_url="https://plangrep.test", transport=transport, clock=clock), transport


async def test_by_the_path_of_a_job(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"x" * 3_000_000, 'attachment; filename="pages/page 1.png"'))
    done = await client.artifacts.download(tmp_path / "new" / "folder", job_id="job_1", path="a/b c&d=1.png")
    assert done.path == tmp_path / "new" / "folder" / "page 1.png"
    assert done.path.read_bytes() == b"x" * 3_000_000
    assert (done.size, done.content_type) == (3_000_000, "application/octet-stream")
    assert service.requests[0].url.params["path"] == "a/b c&d=1.png"
    assert service.requests[0].headers["authorization"] == "Bearer pgk_test_secret"


async def test_by_the_path_of_a_project(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", "/projects/proj_1/artifact", bytes_(b"{}"))
    done = await client.artifacts.download(tmp_path, project_id="proj_1", path="sheets/1/extracted.json")
    assert done.path.name == "extracted.json", "without a name from the server, the path's last part"


async def test_by_the_url_of_an_entry(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"1"))
    for url in (f"{service.url}/api/open/v1{JOB}?path=x%2Fy.pdf", f"/api/open/v1{JOB}?path=x%2Fy.pdf"):
        done = await client.artifacts.download(tmp_path, url=url)
        assert done.path.name.startswith("y")
        assert service.requests[-1].url.params["path"] == "x/y.pdf"
        assert "authorization" in service.requests[-1].headers


async def test_the_key_goes_nowhere_else(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", "https://storage.test/signed", bytes_(b"1"))
    service.on("GET", TOKEN, bytes_(b"2"))
    service.on("GET", "/jobs/job_1/some-signed-link", bytes_(b"3"))
    await client.artifacts.download(tmp_path, url="https://storage.test/signed?token=t")
    await client.artifacts.download(tmp_path, token="tok_1")
    await client.artifacts.download(tmp_path, url=f"{service.url}/api/open/v1{TOKEN}")
    await client.artifacts.download(tmp_path, url=f"{service.url}/api/open/v1/jobs/job_1/some-signed-link?token=t")
    assert len(service.requests) == 4
    assert not [request for request in service.requests if "authorization" in request.headers]


@pytest.mark.parametrize("name", [
    'attachment; filename="../../evil.txt"', 'attachment; filename="/etc/passwd"',
    "attachment; filename*=UTF-8''..%2F..%2Fevil.txt", 'attachment; filename=".."',
    r'attachment; filename="..\\..\\evil"',
    'attachment; filename=".ssh"', "attachment; filename*=UTF-8''a%00b",
])  # fmt: skip
async def test_no_name_leads_out_of_the_folder(client: PlangrepClient, service: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    service.on("GET", JOB, bytes_(b"evil", name))
    done = await client.artifacts.download(folder, job_id="job_1", path="x")
    assert done.path.parent == folder
    assert [item.name for item in tmp_path.iterdir()] == ["in"]
    assert [item.name for item in folder.iterdir()] == [done.path.name]


async def test_files_that_are_there_are_kept(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"new", "attachment; filename=plan.pdf"))
    (tmp_path / "plan.pdf").write_bytes(b"old")
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    (tmp_path / "plan (2).pdf").symlink_to(outside)
    done = await client.artifacts.download(tmp_path, job_id="job_1", path="x")
    assert done.path.name == "plan (3).pdf"
    done = await client.artifacts.download(tmp_path, job_id="job_1", path="x", file_name="plan (2).pdf", overwrite=True)
    assert done.path.read_bytes() == b"new"
    assert not done.path.is_symlink()
    assert outside.read_bytes() == b"precious"
    assert (tmp_path / "plan.pdf").read_bytes() == b"old"


async def test_downloads_at_once_do_not_meet(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"same", "attachment; filename=plan.pdf"))
    done = await asyncio.gather(*(client.artifacts.download(tmp_path, job_id="job_1", path="x") for _ in range(20)))
    assert len({item.path for item in done}) == 20
    assert len(list(tmp_path.iterdir())) == 20


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\x00"])
async def test_a_name_of_ones_own_must_be_plain(
    client: PlangrepClient, service: Any, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInputError, match="file_name"):
        await client.artifacts.download(tmp_path, job_id="j", path="x", file_name=name)
    assert not service.requests


@pytest.mark.parametrize("ways", [
    {}, {"path": "x"}, {"job_id": "j"}, {"path": "x", "job_id": "j", "project_id": "p"}, {"path": "", "job_id": "j"},
    {"token": "t", "url": "https://x.test/"}, {"token": ".."}, {"token": ""}, {"url": "not-a-url"}, {"url": ""},
    {"url": "http://elsewhere.test/x"}, {"url": "file:///etc/passwd"}, {"token": "t", "job_id": "j"},
])  # fmt: skip
async def test_one_way_to_say_which(client: PlangrepClient, service: Any, tmp_path: Path, ways: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        await client.artifacts.download(tmp_path, **ways)
    assert not service.requests


async def test_what_breaks_off_is_begun_again(tmp_path: Path, clock: ManualClock, finish: Callable[..., Any]) -> None:
    client, transport = streaming(clock, Broken(), Broken(), b"whole")
    saved = await finish(clock, client.artifacts.download(tmp_path, job_id="j", path="x.pdf"))
    assert saved.path.read_bytes() == b"whole"
    assert len(transport.requests) == 3
    assert len(list(tmp_path.iterdir())) == 1
    await client.aclose()


@pytest.mark.parametrize(("options", "requests"), [({}, 5), ({"max_attempts": 1}, 1), ({"max_attempts": 3}, 3)])
async def test_but_not_for_ever(
    tmp_path: Path, clock: ManualClock, finish: Callable[..., Any], options: dict[str, Any], requests: int
) -> None:
    client, transport = streaming(clock, Broken())
    with pytest.raises(APIConnectionError):
        await finish(clock, client.artifacts.download(tmp_path, job_id="j", path="x.pdf", **options))
    assert len(transport.requests) == requests
    assert not list(tmp_path.iterdir()), "the temporary files are gone"
    await client.aclose()


async def test_one_deadline_for_all_attempts(tmp_path: Path, clock: ManualClock, finish: Callable[..., Any]) -> None:
    client, transport = streaming(clock, Broken(), Broken(hang=True))
    begun = clock.monotonic()
    with pytest.raises(DeadlineExceededError):
        await finish(clock, client.artifacts.download(tmp_path, job_id="j", path="x.pdf", deadline=2.0))
    assert clock.monotonic() - begun < 2.5
    assert len(transport.requests) == 2
    assert not list(tmp_path.iterdir())
    await client.aclose()


async def test_a_token_is_not_used_twice(tmp_path: Path, clock: ManualClock) -> None:
    client, transport = streaming(clock, Broken())
    with pytest.raises(APIConnectionError):
        await client.artifacts.download(tmp_path, token="tok")
    assert len(transport.requests) == 1
    assert not list(tmp_path.iterdir())
    await client.aclose()


@pytest.mark.parametrize("failure", [httpx.ReadError("lost"), 503])
async def test_nor_after_a_lost_answer(client: PlangrepClient, service: Any, tmp_path: Path, failure: Any) -> None:
    service.on("GET", TOKEN, failure)
    with pytest.raises((APIConnectionError, APIStatusError)) as caught:
        await client.artifacts.download(tmp_path, token="tok_1")
    assert len(service.requests) == 1
    assert "tok_1" not in str(caught.value) + repr(caught.value.__dict__)


async def test_a_used_token(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", TOKEN, 410)
    with pytest.raises(GoneError):
        await client.artifacts.download(tmp_path, token="tok_1")
    assert not list(tmp_path.iterdir())


async def test_cancelling_removes_the_temporary_file(tmp_path: Path, clock: ManualClock) -> None:
    client, _ = streaming(clock, Broken(hang=True))
    task = asyncio.ensure_future(client.artifacts.download(tmp_path, job_id="j", path="x"))
    while not list(tmp_path.iterdir()):
        await asyncio.sleep(0.001)
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(tmp_path.iterdir())
    await client.aclose()


async def test_more_than_wanted(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"x" * 11))
    with pytest.raises(DecodeError, match="more than 10 bytes"):
        await client.artifacts.download(tmp_path, job_id="job_1", path="x", max_bytes=10)
    assert not list(tmp_path.iterdir())


async def test_less_than_told(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"short", **{"Content-Length": "9"}))
    with pytest.raises(APIConnectionError, match="5 of 9 bytes"):
        await client.artifacts.download(tmp_path, job_id="job_1", path="x", max_attempts=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("status", "headers"), [
    (206, {"Content-Range": "bytes 0-2/100"}), (204, {}), (200, {"Content-Encoding": "x-own"}),
])  # fmt: skip
async def test_what_is_no_whole_file(
    client: PlangrepClient, service: Any, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    service.on("GET", JOB, httpx.Response(status, headers=headers, content=b"abc"))
    with pytest.raises(DecodeError):
        await client.artifacts.download(tmp_path, job_id="job_1", path="x")
    assert not list(tmp_path.iterdir())
    assert service.requests[0].headers["accept-encoding"] == "identity"


async def test_a_folder_that_is_none(client: PlangrepClient, service: Any, tmp_path: Path) -> None:
    service.on("GET", JOB, bytes_(b"x"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        await client.artifacts.download(tmp_path / "file", job_id="job_1", path="x")


async def test_the_head_alone(client: PlangrepClient, service: Any) -> None:
    service.on("HEAD", TOKEN, bytes_(b"", "attachment; filename=../x.pdf", **{"Content-Length": "12345"}))
    info = await client.artifacts.info(token="tok_1")
    assert (info.size, info.content_type, info.file_name) == (12345, "application/octet-stream", "../x.pdf")
    assert "authorization" not in service.requests[0].headers
