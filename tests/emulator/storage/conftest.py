"""A bucket of the emulator's own store, and URLs for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from xml.etree import ElementTree

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.storage.backend import SignedRequest

BUCKET = "bucket"

SignPut = Callable[..., SignedRequest]


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    emulator.context.local.buckets.add(BUCKET)
    return emulator


@pytest.fixture
def sign_put(emulator: Emulator) -> SignPut:
    """Sign a PUT of some bytes."""

    def sign(data: bytes, key: str = "some key.pdf", *, lifetime: float = 60.0, checksum: bool = True) -> SignedRequest:
        return emulator.context.storage.sign_put(
            BUCKET,
            key,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest() if checksum else None,
            content_type="application/pdf",
            lifetime=lifetime,
        )

    return sign


@pytest.fixture
def code_of() -> Callable[[httpx.Response], str]:
    """The code of an S3 error answer."""

    def read(answer: httpx.Response) -> str:
        assert answer.headers["content-type"] == "application/xml"
        return ElementTree.fromstring(answer.content).findtext("Code") or ""

    return read
