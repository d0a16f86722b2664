"""boto3 with ``awscrt``: its own event loops in C; ``upload_file`` only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from ..harness.job import PART_SIZE, Job
from .workers import in_threads


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    import botocore.session
    from botocore.config import Config
    from s3transfer.crt import (
        BotocoreCRTCredentialsWrapper,
        BotocoreCRTRequestSerializer,
        CRTTransferManager,
        create_s3_crt_client,
    )

    session = botocore.session.get_session()
    session.set_credentials("a", "b")
    configuration = Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    kwargs = {"endpoint_url": job.url, "region_name": "us-east-1", "config": configuration}
    credentials = BotocoreCRTCredentialsWrapper(session.get_credentials())
    client = create_s3_crt_client(
        region="us-east-1",
        crt_credentials_provider=credentials.to_crt_credentials_provider(),
        use_ssl=job.ca_file is not None,
        verify=job.ca_file,
        part_size=PART_SIZE,
        target_throughput=2_000_000_000,
    )
    with CRTTransferManager(client, BotocoreCRTRequestSerializer(session, kwargs)) as manager:

        def send(path: str, key: str, size: int) -> None:
            manager.upload(path, "b", key, extra_args={}).result()

        yield lambda: in_threads(job, send)
