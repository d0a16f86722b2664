from __future__ import annotations

import hashlib
from collections.abc import Callable
from xml.etree import ElementTree

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.storage.internal import InternalStorage

BUCKET, KEY = "bucket", "large file.pdf"

CodeOf = Callable[[httpx.Response], str]


@pytest.fixture
def store(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> InternalStorage:
    monkeypatch.setattr(emulator.context.local, "smallest_part", 10)
    return emulator.context.local


def url(store: InternalStorage, method: str, **query: str) -> str:
    return store.sign(method, BUCKET, KEY, lifetime=60, query=query).url


def begin(store: InternalStorage, client: httpx.Client) -> str:
    answer = client.post(url(store, "POST", uploads=""))
    return ElementTree.fromstring(answer.content).findtext("{*}UploadId") or ""


def put_part(store: InternalStorage, client: httpx.Client, upload: str, number: int, data: bytes) -> str:
    signed = store.sign_part(BUCKET, KEY, upload, number, size=len(data), lifetime=60)
    answer = client.put(signed.url, content=data)
    assert answer.status_code == 200
    return answer.headers["etag"]


def complete(store: InternalStorage, client: httpx.Client, upload: str, parts: list[tuple[int, str]]) -> httpx.Response:
    items = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in parts)
    body = f"<CompleteMultipartUpload>{items}</CompleteMultipartUpload>"
    return client.post(url(store, "POST", uploadId=upload), content=body)


def test_parts_become_one_object(emulator: Emulator, store: InternalStorage, bare: httpx.Client) -> None:
    upload = begin(store, bare)
    pieces = [b"a" * 100_000, b"b" * 10, b"c"]
    etags = [(3, put_part(store, bare, upload, 3, pieces[2]))]
    etags.append((1, put_part(store, bare, upload, 1, b"x" * 50)))
    etags = [
        (1, put_part(store, bare, upload, 1, pieces[0])),
        (2, put_part(store, bare, upload, 2, pieces[1])),
        etags[0],
    ]
    listed = ElementTree.fromstring(bare.get(url(store, "GET", uploadId=upload)).content)
    assert [part.findtext("{*}Size") for part in listed.iterfind("{*}Part")] == ["100000", "10", "1"]
    assert complete(store, bare, upload, etags).status_code == 200
    [stored] = emulator.storage.objects
    assert stored.content.read() == b"".join(pieces)
    assert stored.content.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert stored.etag.endswith('-3"')
    assert emulator.storage.uploads == []


def test_listing_in_pages(store: InternalStorage, bare: httpx.Client, code_of: CodeOf) -> None:
    upload = begin(store, bare)
    for number in (2, 5, 9):
        put_part(store, bare, upload, number, b"x")

    def page(**query: str) -> tuple[list[str | None], str | None, str | None]:
        query = {name.replace("_", "-"): value for name, value in query.items()}
        listed = ElementTree.fromstring(bare.get(url(store, "GET", uploadId=upload, **query)).content)
        numbers = [part.findtext("{*}PartNumber") for part in listed.iterfind("{*}Part")]
        return numbers, listed.findtext("{*}IsTruncated"), listed.findtext("{*}NextPartNumberMarker")

    assert page(max_parts="2") == (["2", "5"], "true", "5")
    assert page(max_parts="2", part_number_marker="5") == (["9"], "false", "9")
    assert page(part_number_marker="9") == ([], "false", "0")
    wrong = bare.get(url(store, "GET", uploadId=upload, **{"max-parts": "-1"}))
    assert (wrong.status_code, code_of(wrong)) == (400, "InvalidArgument")


def test_completions_that_are_refused(store: InternalStorage, bare: httpx.Client, code_of: CodeOf) -> None:
    upload = begin(store, bare)
    one, two = put_part(store, bare, upload, 1, b"short"), put_part(store, bare, upload, 2, b"long enough")
    assert code_of(complete(store, bare, upload, [(1, one), (2, two)])) == "EntityTooSmall"
    assert code_of(complete(store, bare, upload, [(2, two), (1, one)])) == "InvalidPartOrder"
    assert code_of(complete(store, bare, upload, [(2, one)])) == "InvalidPart"
    assert code_of(complete(store, bare, upload, [(7, one)])) == "InvalidPart"
    assert code_of(complete(store, bare, upload, [])) == "MalformedXML"
    assert code_of(bare.post(url(store, "POST", uploadId=upload), content=b"<no xml")) == "MalformedXML"
    assert complete(store, bare, upload, [(2, two)]).status_code == 200
    assert code_of(complete(store, bare, upload, [(2, two)])) == "NoSuchUpload"


def test_parts_that_are_refused(store: InternalStorage, bare: httpx.Client, code_of: CodeOf) -> None:
    upload = begin(store, bare)
    for number in ("0", "10001", "x"):
        assert (
            code_of(bare.put(url(store, "PUT", partNumber=number, uploadId=upload), content=b"x")) == "InvalidArgument"
        )
    assert code_of(bare.put(url(store, "PUT", partNumber="1", uploadId="none"), content=b"x")) == "NoSuchUpload"
    signed = store.sign_part(BUCKET, KEY, upload, 1, size=3, lifetime=60)
    assert code_of(bare.put(signed.url, content=b"four")) == "SignatureDoesNotMatch"


def test_aborted_uploads_are_gone(
    emulator: Emulator, store: InternalStorage, bare: httpx.Client, code_of: CodeOf
) -> None:
    upload = begin(store, bare)
    put_part(store, bare, upload, 1, b"x" * 200_000)
    assert bare.delete(url(store, "DELETE", uploadId=upload)).status_code == 204
    assert code_of(bare.get(url(store, "GET", uploadId=upload))) == "NoSuchUpload"
    assert emulator.storage.uploads == []


def test_a_sink_joins_parts_without_their_bytes(bare: httpx.Client) -> None:
    with Emulator(sink=True) as emulator:
        store = emulator.context.local
        store.buckets.add(BUCKET)
        upload = begin(store, bare)
        etag = put_part(store, bare, upload, 1, b"x" * (6 << 20))
        other = put_part(store, bare, upload, 2, b"y")
        assert complete(store, bare, upload, [(1, etag), (2, other)]).status_code == 200
        [stored] = emulator.storage.objects
        assert (stored.content.size, stored.content.sha256, stored.content.kept) == ((6 << 20) + 1, None, False)
