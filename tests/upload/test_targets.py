"""What counts as a target, and what is shown of it."""

from __future__ import annotations

import pytest

from plangrep_async.errors import InvalidInputError
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import (
    FormTarget,
    PartRequest,
    PostFormTarget,
    PutTarget,
    Upload,
    UploadFile,
)
from plangrep_async.upload.engine import host_of
from plangrep_async.upload.wire import WireRequest

URL = "https://storage.example/k?X-Amz-Signature=SEKRIT"
FILE = UploadFile(b"x", name="plan.pdf")


@pytest.mark.parametrize("wrong", [URL, None, 7, {"url": URL}, PutTarget, lambda: None])
async def test_what_is_no_target_is_named_before_anything_is_sent(open_scheduler, wrong):
    transfer = FakeTransfer()
    if callable(wrong) and not isinstance(wrong, type):
        upload = Upload(FILE, lambda _request: wrong)
        [outcome] = (await open_scheduler(transfer).run_all([upload])).failed
        error = outcome.error
    else:
        with pytest.raises(InvalidInputError) as caught:
            Upload(FILE, wrong)
        error = caught.value
        assert "PutTarget(url=...)" in str(error)
    assert isinstance(error, InvalidInputError)
    assert "Upload(target=)" in str(error)
    assert "SEKRIT" not in str(error)
    assert transfer.started == []


@pytest.mark.parametrize("wrong", [URL, None, [PutTarget(url=URL)]])
async def test_what_a_function_gives_is_checked(open_scheduler, wrong):
    async def slot(_request):
        return wrong

    transfer = FakeTransfer()
    scheduler = open_scheduler(transfer)
    with pytest.raises(InvalidInputError, match=r"the function gave .*PutTarget\(url=...\)") as caught:
        await scheduler.upload(Upload(FILE, slot))
    assert "SEKRIT" not in str(caught.value)
    assert transfer.started == []


async def test_a_function_that_is_not_async_is_refused(open_scheduler):
    scheduler = open_scheduler(FakeTransfer())
    with pytest.raises(InvalidInputError, match="PutTarget at once; write it with async def"):
        await scheduler.upload(Upload(FILE, lambda _request: PutTarget(url=URL)))


def test_a_state_is_made_of_its_json_first():
    with pytest.raises(InvalidInputError, match=r"dict is no UploadState; UploadState\.from_json"):
        Upload(FILE, PutTarget(url=URL), resume={"version": 1})


@pytest.mark.parametrize(
    "make",
    [
        lambda url: PutTarget(url=url),
        lambda url: PostFormTarget(url=url),
        lambda url: FormTarget(url=url),
        PartRequest,
        lambda url: WireRequest("PUT", url),
        host_of,
    ],
)
def test_neither_user_info_nor_query_is_shown(make):
    shown = repr(make("http://user:SEKRIT@storage.example:81/bucket/k?X-Amz-Signature=SEKRIT"))
    assert "SEKRIT" not in shown
    assert "user" not in shown
    assert "http://storage.example:81" in shown
