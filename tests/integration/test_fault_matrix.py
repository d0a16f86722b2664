"""Each path of an upload against each fault of the network: the outcome is the right one, nothing is lost or doubled.

A proxy stands between the engine and a real storage service and breaks the first connection, or every one.
``pytest tests/integration/test_fault_matrix.py --fault-matrix=FILE`` writes what came out as a table.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import StorageError, TransferConnectionError, TransferStalledError, UploadUnconfirmedError
from plangrep_async.testing import Fault, FaultProxy
from plangrep_async.upload import (
    NOT_STORED,
    Confirmation,
    FormTarget,
    MultipartTarget,
    PostFormTarget,
    PutTarget,
    S3Bucket,
    SlotRequest,
    Target,
    Unconfirmed,
    Upload,
    UploadFile,
    UploadScheduler,
    UploadSettings,
    stored_as,
)

pytestmark = pytest.mark.integration

MIB = 1 << 20
SIZE = 256 << 10
SETTINGS = UploadSettings(
    stall_timeout=0.3,
    answer_timeout=0.5,
    min_rate=50_000,
    retry=RetryPolicy(max_attempts=3, base=0.01, max_backoff=0.02),
)
CONTENT = os.urandom(SIZE)
PARTED = os.urandom(10 * MIB)  # S3 wants 5 MiB in every part but the last
KEYS = itertools.count()

FAULTS: dict[str, Callable[[int], Fault]] = {
    "refused": lambda _: Fault("refuse"),
    "cut before the head": lambda _: Fault("close"),
    "reset in the head": lambda _: Fault("reset", after=40),
    "cut in the first block": lambda _: Fault("close", after=1000, in_body=True),
    "reset in the first block": lambda _: Fault("reset", after=1000, in_body=True),
    "cut in the middle": lambda size: Fault("close", after=size // 2, in_body=True),
    "reset in the middle": lambda size: Fault("reset", after=size // 2, in_body=True),
    "half-closed in the middle": lambda size: Fault("half-close", after=size // 2, in_body=True),
    "stalled in the middle": lambda size: Fault("stall", after=size // 2, in_body=True),
    "trickled from the middle": lambda size: Fault("trickle", after=size // 2, in_body=True, rate=2000),
    "cut before the last byte": lambda size: Fault("close", after=size - 1, in_body=True),
    "cut before the answer": lambda _: Fault("close", direction="down"),
    "reset before the answer": lambda _: Fault("reset", direction="down"),
    "half-closed before the answer": lambda _: Fault("half-close", direction="down"),
    "answer stalled": lambda _: Fault("stall", direction="down"),
    "cut in the answer's head": lambda _: Fault("close", direction="down", after=20),
    "reset in the answer's head": lambda _: Fault("reset", direction="down", after=20),
    "delayed": lambda size: Fault("delay", after=size // 2, in_body=True, seconds=0.15),
}


class Case:
    """One upload through the proxy: where it goes, and how to look at what arrived."""

    def __init__(self, seaweedfs: Any, proxy: FaultProxy, scheduler: UploadScheduler, path: str) -> None:
        self.key = f"faults/{next(KEYS)}"
        self.path = path
        self.content = PARTED if path == "multipart" else CONTENT
        self.part = 5 * MIB if path == "multipart" else SIZE
        self.server = seaweedfs
        self.signer = seaweedfs.signer(proxy.url)
        self.direct = S3Bucket(seaweedfs.signer(), scheduler)
        self.asked = 0

    async def target(self, request: SlotRequest) -> Target:
        now = time.time()
        if self.path == "put":
            return PutTarget(url=self.signer.presign("PUT", self.key, now=now))
        if self.path == "multipart":
            upload_id = await self.direct.create(self.key, "application/octet-stream")
            query = {"uploadId": upload_id}
            urls = [
                self.signer.presign("PUT", self.key, now=now, query={**query, "partNumber": str(number)})
                for number in (1, 2)
            ]
            return MultipartTarget(
                upload_id=upload_id,
                part_size=5 * MIB,
                part_urls=urls,
                list_parts=lambda: self.direct.list_parts(self.key, upload_id),
                finish=lambda parts: self.direct.finish(self.key, upload_id, parts, size=len(PARTED)),
            )
        url, fields = self.signer.post_form(self.key, now=now)
        if self.path == "post form":
            return PostFormTarget(url=url, fields=fields)
        return FormTarget(url=url, fields=fields, file_fields=("file",))

    async def confirm(self, _: Unconfirmed) -> Confirmation:
        self.asked += 1
        await asyncio.sleep(0.05)  # the server may still be at it
        content = await asyncio.to_thread(self.server.content, self.key)
        return stored_as() if content is not None else NOT_STORED

    def upload(self) -> Upload[Any]:
        confirm = self.confirm if self.path == "form, asked" else None
        return Upload(UploadFile(self.content, name="plan.pdf"), self.target, confirm=confirm)


PATHS = ("put", "post form", "multipart", "form, asked", "form")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", PATHS)
async def test_one_fault(seaweedfs, proxy, path, fault, record_fault):
    async with UploadScheduler(SETTINGS) as scheduler:
        case = Case(seaweedfs, proxy, scheduler, path)
        proxy.plan(FAULTS[fault](case.part))
        report = await scheduler.run_all([case.upload()])
    [outcome] = report.uploaded or report.failed
    stored = await asyncio.to_thread(seaweedfs.content, case.key)
    assert len(proxy.struck) == 1
    if path == "form" and not outcome.ok:
        # Nobody can be asked, and twice would not be as good as once: it is said, and not sent again.
        assert isinstance(outcome.error, UploadUnconfirmedError)
        assert outcome.attempts == 1
        record_fault(path, fault, "unconfirmed, said so" + (" (it was stored)" if stored is not None else ""))
        return
    assert outcome.ok, outcome.error
    assert stored == case.content
    if fault == "delayed":
        assert outcome.attempts == (2 if path == "multipart" else 1)
    record_fault(path, fault, "stored, asked" if case.asked else f"stored, attempt {outcome.attempts}")


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "delayed"])
@pytest.mark.parametrize("path", ["put", "multipart", "form, asked"])
async def test_the_same_fault_on_every_connection(seaweedfs, proxy, path, fault, record_fault):
    async with UploadScheduler(SETTINGS) as scheduler:
        case = Case(seaweedfs, proxy, scheduler, path)
        proxy.plan(*[FAULTS[fault](case.part)] * 20)
        report = await scheduler.run_all([case.upload()])
    [outcome] = report.uploaded or report.failed
    stored = await asyncio.to_thread(seaweedfs.content, case.key)
    if outcome.ok:  # every answer was lost, and asking told that it is stored
        assert stored == case.content
        assert path != "put"
        record_fault(path, f"always {fault}", "stored, asked")
        return
    if isinstance(outcome.error, StorageError):
        # SeaweedFS has seen the end of our half, and says so.
        assert outcome.error.code in ("ClientDisconnected", "MalformedPOSTRequest", "IncompleteBody")
    else:
        assert isinstance(
            outcome.error, TransferStalledError if "stall" in fault or "trickle" in fault else TransferConnectionError
        )
    assert outcome.error.attempts >= 3
    assert outcome.error.file_name == "plan.pdf"
    assert "X-Amz-Signature" not in str(outcome.error)
    if "answer" in fault:  # a PUT, with nobody to ask
        assert stored == case.content
        assert "may be stored" in outcome.error.__notes__[0]
    else:
        assert stored is None
    record_fault(path, f"always {fault}", type(outcome.error).__name__)
