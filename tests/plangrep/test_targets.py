from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from plangrep_async.errors import DecodeError
from plangrep_async.plangrep import UploadInstruction, WireNames
from plangrep_async.plangrep.uploads.targets import completion_record, target_of
from plangrep_async.upload import ConfirmedPart, MultipartTarget, Part, PutTarget, StartOver

NAMES = WireNames()
DIRECT = {
    "documentId": "doc_1",
    "uploadMode": "direct_put",
    "uploadUrl": "https://storage.test/k?sig=1",
    "uploadToken": "tok",
    "headers": {"Content-Type": "application/pdf", "x-amz-checksum-sha256": "abc"},
    "expiresAt": "2024-01-15T10:00:00Z",
}
PARTS = {
    "documentId": "doc_2",
    "uploadMode": "multipart",
    "uploadToken": "tok",
    "uploadId": "up",
    "partSize": 10,
    "parts": ["https://storage.test/k?part=1", "https://storage.test/k?part=2", "https://storage.test/k?part=3"],
}


def instruction(base: dict[str, Any], **changes: Any) -> UploadInstruction:
    return UploadInstruction.from_dict({**base, **changes})


def test_a_direct_put_sends_every_header() -> None:
    target = target_of(instruction(DIRECT), 5, NAMES)
    assert isinstance(target, PutTarget)
    assert target.url == "https://storage.test/k?sig=1"
    assert dict(target.headers) == DIRECT["headers"]
    assert target.expires_at == 1705312800.0
    record = completion_record(target.memo, (), multipart=False)
    assert record.to_dict() == {"documentId": "doc_1", "uploadToken": "tok"}


def test_parts_in_order() -> None:
    target = target_of(instruction(PARTS), 25, NAMES)
    assert isinstance(target, MultipartTarget)
    assert target.part_urls == tuple(PARTS["parts"])
    assert (target.part_size, target.upload_id, target.needs_etag, target.finish) == (10, "up", False, None)
    record = completion_record(target.memo, (ConfirmedPart(1, 10, '"e"'),), multipart=True)
    assert record.to_dict() == {
        "documentId": "doc_2",
        "uploadId": "up",
        "uploadToken": "tok",
        "parts": [{"partNumber": 1, "etag": '"e"'}],
    }


def test_numbers_give_the_order_wherever_they_begin() -> None:
    shuffled = [{"partNumber": number, "url": f"https://s.test/{number}"} for number in (2, 0, 1)]
    target = target_of(instruction(PARTS, parts=shuffled), 25, NAMES)
    assert isinstance(target, MultipartTarget)
    assert target.part_urls == ("https://s.test/0", "https://s.test/1", "https://s.test/2")


def test_a_size_that_is_not_told_follows_from_the_number_of_parts() -> None:
    target = target_of(instruction(PARTS, partSize=None), 25, NAMES)
    assert isinstance(target, MultipartTarget)
    assert target.part_size == 9
    sized = [{"url": url, "size": 10} for url in PARTS["parts"]]
    target = target_of(instruction(PARTS, partSize=None, parts=sized), 25, NAMES)
    assert isinstance(target, MultipartTarget)
    assert target.part_size == 10


async def test_headers_of_their_own_for_each_part() -> None:
    parts = [{"url": f"https://s.test/{n}", "headers": {"x-part": str(n)}} for n in (1, 2, 3)]
    target = target_of(
        instruction(PARTS, parts=parts, headers={"x-all": "1"}, expiresAt=DIRECT["expiresAt"]), 25, NAMES
    )
    assert isinstance(target, MultipartTarget)
    assert target.sign_part is not None
    request = await target.sign_part(Part(2, 10, 10))
    assert request.url == "https://s.test/2"
    assert dict(request.headers) == {"x-all": "1", "x-part": "2"}
    with pytest.raises(StartOver):
        await target.sign_part(Part(2, 10, 10))


def test_etags_are_needed_only_where_they_are_told() -> None:
    target = target_of(instruction(PARTS), 25, WireNames(complete_with_parts=True))
    assert isinstance(target, MultipartTarget)
    assert target.needs_etag is True


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({**DIRECT, "uploadUrl": None}, "direct_put has no upload_url; it sent: nothing else"),
        ({**DIRECT, "uploadToken": None, "token": "t"}, "direct_put has no upload_token; it sent: token"),
        ({**PARTS, "uploadToken": ""}, "multipart has no upload_token"),
        ({**PARTS, "uploadId": None}, r"WireNames\(\{'UploadInstruction.upload_id'"),
        ({**PARTS, "parts": []}, "has no parts.*it sent: nothing else"),
        ({**PARTS, "parts": None, "segments": []}, "it sent: segments"),
        ({**PARTS, "partSize": 5}, "3 parts of 5 bytes do not make up"),
        ({**DIRECT, "uploadMode": "pigeon", "uploadToken": None}, "'pigeon' is not known"),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_mend_it(data: dict[str, Any], words: str) -> None:
    with pytest.raises(DecodeError, match=words) as caught:
        target_of(UploadInstruction.from_dict(data), 25, NAMES)
    assert "sig=1" not in str(caught.value)


@pytest.mark.parametrize("base", [DIRECT, PARTS], ids=["direct_put", "multipart"])
@pytest.mark.parametrize("attribute", [item.name for item in attrs.fields(UploadInstruction) if item.default is None])
def test_an_override_that_is_advised_is_one_that_there_is(base: dict[str, Any], attribute: str) -> None:
    try:
        target_of(attrs.evolve(instruction(base), **{attribute: None}), 25, NAMES)
    except DecodeError as error:
        for name in re.findall(r"WireNames\(\{'(.+?)'", str(error)):
            WireNames({name: "otherName"})
