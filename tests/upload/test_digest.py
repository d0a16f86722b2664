from __future__ import annotations

import hashlib
import os
import zlib

import pytest

from plangrep_async.errors import InvalidInputError, SourceChangedError, TransferCancelledError
from plangrep_async.upload import Fingerprint, UploadFile
from plangrep_async.upload.digest import DigestCache, check_algorithms, compute_digests, in_base64
from plangrep_async.upload.source import survey
from plangrep_async.upload.wire import CancelToken

CONTENT = os.urandom(100_001)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "a").write_bytes(CONTENT)
    return survey(UploadFile(tmp_path / "a"))


@pytest.mark.parametrize("block_size", [1, 4096, 1 << 20])
def test_all_are_computed_in_one_reading(source, block_size):
    small = survey(UploadFile(CONTENT[:500], name="x")) if block_size == 1 else source
    content = CONTENT[:500] if block_size == 1 else CONTENT
    found = compute_digests(small, ["sha256", "md5", "crc32"], block_size=block_size)
    assert found == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content).hexdigest(),
        "crc32": f"{zlib.crc32(content):08x}",
    }


def test_an_empty_file():
    found = compute_digests(survey(UploadFile(b"", name="x")), ["sha256"])
    assert found["sha256"] == hashlib.sha256(b"").hexdigest()


def test_a_file_that_changed_has_no_digest(source, tmp_path):
    (tmp_path / "a").write_bytes(b"short")
    with pytest.raises(SourceChangedError):
        compute_digests(source, ["sha256"])


def test_cancelling_stops_at_the_next_block(source):
    token = CancelToken()
    token.cancel()
    with pytest.raises(TransferCancelledError):
        compute_digests(source, ["sha256"], cancel=token)


def test_names():
    check_algorithms(["sha256", "crc32"])
    with pytest.raises(InvalidInputError, match="sha257"):
        check_algorithms(["sha257"])


def test_base64():
    assert in_base64(hashlib.sha256(b"").hexdigest()) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_the_cache_knows_files_and_forgets_the_oldest():
    cache = DigestCache(2)
    one, two, three = (Fingerprint(f"/{n}", 1, 1, n) for n in (1, 2, 3))
    cache.put(one, {"md5": "a"})
    cache.put(one, {"sha256": "b"})
    cache.put(two, {"md5": "c"})
    assert cache.get(one) == {"md5": "a", "sha256": "b"}
    cache.put(three, {"md5": "d"})
    assert cache.get(two) == {}
    assert cache.get(one) != {}


def test_the_cache_does_not_take_what_is_no_file():
    cache = DigestCache()
    cache.put(Fingerprint("", 5), {"md5": "a"})
    assert cache.get(Fingerprint("", 5)) == {}
