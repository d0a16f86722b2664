"""obstore (Rust): ``put_async``, with and without hashing the payload for its signature.

Its default signs a SHA-256 of every payload; the lean one leaves that out, as a presigned URL does.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..harness.job import MULTIPART, PART_SIZE, Job
from .workers import in_tasks

_PARTS_AT_ONCE = 8


@asynccontextmanager
async def connect(job: Job, note: dict[str, Any]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    obstore = importlib.import_module("obstore")
    stores = importlib.import_module("obstore.store")
    store = stores.S3Store(
        "b",
        endpoint=job.url,
        access_key_id="a",
        secret_access_key="b",
        region="us-east-1",
        virtual_hosted_style_request=False,
        unsigned_payload="lean" in job.client,
        # It reads no SSL_CERT_FILE; not checking the certificate is the cheaper for it.
        client_options={"allow_http": True, "allow_invalid_certificates": True, "timeout": "600s"},
    )

    async def send(path: str, key: str, size: int) -> None:
        parts = job.way == MULTIPART and size > PART_SIZE
        await obstore.put_async(
            store, key, Path(path), use_multipart=parts, chunk_size=PART_SIZE, max_concurrency=_PARTS_AT_ONCE
        )

    yield lambda: in_tasks(job, send)
