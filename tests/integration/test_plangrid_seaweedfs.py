"""PlanGrid's uploads into a real S3 server, which verifies the signed forms."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from blockbuster import BlockBuster

from plangrep_async.emulator import Emulator, S3Storage
from plangrep_async.emulator.plangrid import PlangridSettings
from plangrep_async.errors import StorageError
from plangrep_async.plangrid import PlanGridClient, VersionUploadStatus
from plangrep_async.ratelimit import RateLimiter
from plangrep_async.upload import UploadFile

pytestmark = pytest.mark.integration

ACCESS_KEY, SECRET_KEY = "AKIAEXAMPLE", "an-example-secret"
PDF = b"%PDF-1.4\n"


@pytest.fixture(autouse=True)
def admin_may_block(no_blocking_calls: BlockBuster) -> None:
    """Tests look behind the emulator's back from the event loop; that waits for its thread, and for the server."""
    for function in no_blocking_calls.functions.values():
        function.can_block_in("plangrep_async/emulator/emulator.py", {"run"})
        function.can_block_in("plangrep_async/emulator/plangrid/view.py", {"_fetch"})


@pytest.fixture
async def emulator(seaweedfs: Any) -> AsyncIterator[Emulator]:
    storage = S3Storage(seaweedfs.endpoint, ACCESS_KEY, SECRET_KEY)
    async with Emulator(plangrid=PlangridSettings(limits=()), storage=storage) as emulator:
        yield emulator
        assert not emulator.failures
        assert not emulator.violations


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[PlanGridClient]:
    async with PlanGridClient(emulator.api_key, base_url=emulator.plangrid_url, limiter=RateLimiter()) as client:
        yield client


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("redirect", [True, False])
async def test_attachments(version: Any, redirect: bool, emulator: Emulator, client: PlanGridClient) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    emulator.plangrid.settings.signature_version = version
    emulator.plangrid.settings.redirect = redirect
    sizes = [10, 1_000, 70_000, 3_000_000]
    files = [UploadFile(PDF + os.urandom(size), name=f"{size} ü.pdf") for size in sizes]

    results = await client.project(uid).attachments.upload_many(files, folder="Submittals")

    results.raise_failures()
    for record, file in zip(results, files, strict=True):
        assert record.name == file.name
        assert emulator.plangrid.stored(record.uid).sha256 == sha(file.source)  # type: ignore[arg-type]
    assert len(emulator.plangrid.created("attachment")) == len(files)


async def test_a_version(emulator: Emulator, client: PlanGridClient) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    data = {f"{n}.pdf": PDF + os.urandom(200_000) for n in range(3)}

    version = await client.project(uid).sheets.upload_version(
        "2016-02-18 ASI 02", [UploadFile(body, name=name) for name, body in data.items()]
    )

    assert version.status is VersionUploadStatus.COMPLETE
    (made,) = emulator.plangrid.version_uploads()
    for request_uid, name in made.files.items():
        assert name is not None
        assert emulator.plangrid.stored(request_uid).sha256 == sha(data[name])


async def test_a_file_that_the_policy_does_not_allow(emulator: Emulator, client: PlanGridClient) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    emulator.plangrid.settings.max_file = 1_000

    with pytest.raises(StorageError) as caught:
        await client.project(uid).attachments.upload(PDF + bytes(5_000), name="a.pdf")

    assert caught.value.code == "EntityTooLarge"
    assert emulator.plangrid.created("attachment") == []
