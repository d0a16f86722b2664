"""aioboto3: ``put_object``, and ``upload_file`` for multipart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..harness.job import MULTIPART, PART_SIZE, Job
from .boto import PARTS_AT_ONCE, configuration, options
from .workers import in_tasks


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    import aioboto3
    from aiobotocore.config import AioConfig
    from boto3.s3.transfer import TransferConfig

    transfer = TransferConfig(
        multipart_threshold=PART_SIZE + 1, multipart_chunksize=PART_SIZE, max_concurrency=PARTS_AT_ONCE
    )
    async with aioboto3.Session().client("s3", config=AioConfig(**configuration(job)), **options(job)) as client:

        async def send(path: str, key: str, size: int) -> None:
            if job.way == MULTIPART:
                await client.upload_file(path, "b", key, Config=transfer)
            else:
                with Path(path).open("rb") as file:
                    await client.put_object(Bucket="b", Key=key, Body=file)

        yield lambda: in_tasks(job, send)
