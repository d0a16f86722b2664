"""This project's upload engine, as it comes: its numbers adapt below the number of uploads at once.

Options: ``fixed`` holds it at that number, ``memory`` is its byte budget, ``generated`` uploads that many times 4 KiB
from memory, made as they are asked for, in place of the files.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from plangrep_async.upload import (
    ConfirmedPart,
    MultipartTarget,
    PostFormTarget,
    PutTarget,
    Upload,
    UploadFile,
    UploadScheduler,
    UploadSettings,
    count_parts,
)

from ..harness.job import FORM, MULTIPART, PART_SIZE, Job
from .workers import keys

_FIELDS = (("key", "uploads/${filename}"), ("acl", "private"), ("policy", "p" * 400), ("x-amz-signature", "0" * 64))


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    context = ssl.create_default_context(cafile=job.ca_file) if job.ca_file else None
    async with UploadScheduler(_settings(job), ssl_context=context, trust_env=False) as scheduler:

        async def send_all() -> None:
            stored = 0
            async for outcome in scheduler.run(_uploads(job, scheduler)):
                if outcome.error is not None:
                    raise outcome.error
                stored += 1
            note["stored"] = stored
            note["limit"] = [lane.limit for lane in scheduler.statistics().values()]

        yield send_all


def _settings(job: Job) -> UploadSettings:
    numbers: dict[str, Any] = {"max_transfers": job.at_once if job.way != MULTIPART else max(8, job.at_once)}
    if job.options.get("fixed"):
        numbers |= {"min_transfers": job.at_once, "start_transfers": job.at_once}
    numbers["memory"] = job.options.get("memory", max(64 << 20, 2 * numbers["max_transfers"] << 20))
    return UploadSettings(**numbers)


def _uploads(job: Job, scheduler: UploadScheduler) -> Iterator[Upload[Any]]:
    if generated := job.options.get("generated"):
        content = bytes(4096)
        for number in range(generated):
            file = UploadFile(content, name=f"k{number}.pdf")
            yield Upload(file, PutTarget(url=f"{job.url}/b/k{number}"))
        return
    for path, key, size in keys(job):
        url = f"{job.url}/b/{key}"
        if job.way == MULTIPART and size > PART_SIZE:
            yield Upload(path, _multipart(url, size, scheduler))
        elif job.way == FORM:
            yield Upload(path, PostFormTarget(url=f"{job.url}/b", fields=_FIELDS))
        else:
            yield Upload(path, PutTarget(url=url))


def _multipart(url: str, size: int, scheduler: UploadScheduler) -> Callable[[Any], Awaitable[MultipartTarget]]:
    async def slot(request: Any) -> MultipartTarget:
        await scheduler.request("POST", f"{url}?uploads")

        async def finish(parts: Any) -> None:
            content = b"".join(_etag(part) for part in parts)
            await scheduler.request("POST", f"{url}?uploadId=upload", content=content)

        urls = [f"{url}?partNumber={number}&uploadId=upload" for number in range(1, count_parts(size, PART_SIZE) + 1)]
        return MultipartTarget(upload_id="upload", part_size=PART_SIZE, part_urls=urls, finish=finish)

    return slot


def _etag(part: ConfirmedPart) -> bytes:
    return f"<Part><PartNumber>{part.number}</PartNumber><ETag>{part.etag}</ETag></Part>".encode()
