"""A request as a row of bytes: what is told when its source fails in the middle."""

from __future__ import annotations

import pytest

from plangrep_async.errors import SourceChangedError, SourceUnreadableError
from plangrep_async.upload.wire import WireBody
from plangrep_async.upload.wire.stream import RequestStream


class Source:
    def __init__(self, read=lambda: 0, verify=lambda: None):
        self._read = read
        self.verify = verify

    def readinto_at(self, _offset, _buffer):
        return self._read()


def raising(error):
    def call():
        raise error

    return call


def fill(source):
    RequestStream(b"head", WireBody(source=source, length=10)).fill(memoryview(bytearray(100)))


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("crc"), ValueError("closed"), TypeError("str")])
@pytest.mark.parametrize("where", ["read", "verify"])
def test_whatever_a_source_raises_is_its_own_fault(error, where):
    source = Source(raising(error)) if where == "read" else Source(lambda: 10, raising(error))
    with pytest.raises(SourceUnreadableError) as caught:
        fill(source)
    assert caught.value.__cause__ is error


def test_a_source_that_ends_too_early_says_why_if_it_can():
    with pytest.raises(SourceChangedError, match="cut with scissors"):
        fill(Source(verify=raising(SourceChangedError("cut with scissors"))))
    with pytest.raises(SourceChangedError, match="10 bytes too early"):
        fill(Source())
