"""The last step of a version, and what it must refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import ConflictError, DecodeError, VersionUploadError
from plangrep_async.plangrid import (
    PlanGridClient,
    ProjectScope,
    UnfinishedVersion,
    VersionFile,
    VersionUpload,
    VersionUploadStatus,
)
from plangrep_async.upload import Fingerprint, UploadFile

API = "https://api.test"
COMPLETE = "/projects/p/sheets/uploads/v"
CONFLICT = httpx.Response(409, json={"message": "complete"})
PDF = UploadFile(b"%PDF-1.4", name="a.pdf")
UID = "022c132d-cdd0-48a1-8874-d4c9fd310ec8"  # of the documented slot


@pytest.fixture
def project(make_client: Callable[..., PlanGridClient]) -> ProjectScope:
    return make_client(random=lambda: 0.0).project("p")


def stored(*, complete_url: str | None = f"{API}{COMPLETE}", completing: bool = False) -> UnfinishedVersion:
    file = VersionFile("a.pdf", "r", f"{API}/r", Fingerprint("", 8), stored=True)
    return UnfinishedVersion("p", "ASI 02", VersionUpload("v", complete_url), (file,), completing)


async def test_the_url_is_called_as_it_was_given(
    project: ProjectScope, wire: Any, sample: Callable[[str], bytes]
) -> None:
    wire.answer("POST", COMPLETE, sample("version_completed.json"))

    version = await project.sheets.resume_version(stored())

    assert version.status is VersionUploadStatus.COMPLETE
    assert wire.seen == [f"POST {COMPLETE}"]
    assert wire.requests[0].headers["content-type"] == "application/json"
    assert wire.requests[0].content == b""


async def test_where_it_is_missing_it_is_put_together(
    project: ProjectScope, wire: Any, sample: Callable[[str], bytes]
) -> None:
    wire.answer("POST", f"{COMPLETE}/completions", sample("version_completed.json"))

    await project.sheets.resume_version(stored(complete_url=None))
    await project.sheets.complete_version("v")

    assert wire.seen == [f"POST {COMPLETE}/completions"] * 2


async def test_a_refusal_of_the_second_completion_means_that_the_first_was_accepted(
    project: ProjectScope, wire: Any
) -> None:
    wire.answer("POST", COMPLETE, httpx.ReadError("lost"), CONFLICT)
    assert (await project.sheets.resume_version(stored())).status is VersionUploadStatus.COMPLETE

    wire.answer("POST", COMPLETE, CONFLICT)
    assert (await project.sheets.resume_version(stored(completing=True))).status is VersionUploadStatus.COMPLETE


@pytest.mark.parametrize(
    "answer", [CONFLICT, httpx.Response(403, json={"message": "no"}), httpx.Response(400, json={"message": "missing"})]
)
async def test_a_refusal_of_the_first_is_one(answer: httpx.Response, project: ProjectScope, wire: Any) -> None:
    wire.answer("POST", COMPLETE, answer)

    with pytest.raises(VersionUploadError, match="ASI 02") as caught:
        await project.sheets.resume_version(stored())

    (failure,) = caught.value.failures
    assert failure.status == answer.status_code  # type: ignore[attr-defined]
    assert caught.value.unfinished.completing


async def test_a_version_that_plangrid_could_not_make(project: ProjectScope, wire: Any) -> None:
    wire.answer("POST", COMPLETE, {"uid": "v", "status": "errored"})

    with pytest.raises(VersionUploadError, match="could not make it"):
        await project.sheets.resume_version(stored())


async def test_urls_of_another_origin_are_not_called(project: ProjectScope, wire: Any) -> None:
    with pytest.raises(DecodeError, match="another origin"):
        await project.sheets.resume_version(stored(complete_url="https://elsewhere.test/complete"))
    request = {"uid": "r", "url": "https://elsewhere.test/file", "status": "issued"}
    wire.answer("POST", "/projects/p/sheets/uploads", {"uid": "v", "file_upload_requests": [request]})
    with pytest.raises(DecodeError, match="another origin"):
        await project.sheets.upload_version("v", [PDF])

    assert wire.seen == ["POST /projects/p/sheets/uploads"]


async def test_too_few_places(project: ProjectScope, wire: Any) -> None:
    wire.answer("POST", "/projects/p/sheets/uploads", {"uid": "v", "file_upload_requests": []})

    with pytest.raises(DecodeError, match="0 places came"):
        await project.sheets.upload_version("v", [PDF])


async def test_single_steps(project: ProjectScope, wire: Any, sample: Callable[[str], bytes]) -> None:
    webhook = "/projects/4d0f4ff6-b4e7-fb41-edb2-139b0fff9ef7/attachments/uploads/completions/"
    webhook += "8392cd3fbf2dfbf9fc539c8423a21201"
    body = sample("17_the_file_upload_object.json").replace(b"https://io.plangrid.com", API.encode())
    wire.answer("POST", "/projects/p/sheets/uploads/v/files/r", body)
    wire.answer(
        "GET", webhook, *[httpx.Response(201, json={"uid": uid}) for uid in (UID, UID.upper(), "another")], CONFLICT
    )

    upload = await project.sheets.request_file("v", "r", "a.pdf")

    assert wire.bodies() == [{"file_name": "a.pdf"}]
    assert (await project.attachments.complete_upload(upload)).uid == UID
    assert (await project.photos.complete_upload(upload)).uid == UID.upper()
    with pytest.raises(DecodeError, match=r"Photo\.uid is not the one"):
        await project.photos.complete_upload(upload)
    with pytest.raises(ConflictError):
        await project.sheets.complete_file(upload)
