"""boto3 in threads: ``put_object``, and ``upload_file`` for multipart.

The lean one computes neither checksums nor signatures of the payload.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..harness.job import MULTIPART, PART_SIZE, Job
from .workers import in_threads

PARTS_AT_ONCE = 8


def options(job: Job) -> dict[str, Any]:
    """For ``client("s3", ...)`` of boto3 and aioboto3."""
    return {
        "endpoint_url": job.url,
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
        "region_name": "us-east-1",
        "verify": job.ca_file or True,
    }


def configuration(job: Job) -> dict[str, Any]:
    """For its ``Config``."""
    lean: dict[str, Any] = {"request_checksum_calculation": "when_required"} if "lean" in job.client else {}
    style: dict[str, Any] = {"addressing_style": "path"}
    if lean:
        style["payload_signing_enabled"] = False
    return {
        **lean,
        "s3": style,
        "max_pool_connections": max(16, job.at_once * PARTS_AT_ONCE),
    }


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    client = boto3.client("s3", config=Config(**configuration(job)), **options(job))
    transfer = TransferConfig(
        multipart_threshold=PART_SIZE + 1,
        multipart_chunksize=PART_SIZE,
        max_concurrency=PARTS_AT_ONCE,
        preferred_transfer_client="classic",
    )

    def send(path: str, key: str, size: int) -> None:
        if job.way == MULTIPART:
            client.upload_file(path, "b", key, Config=transfer)
        else:
            with Path(path).open("rb") as file:
                client.put_object(Bucket="b", Key=key, Body=file)

    yield lambda: in_threads(job, send)
