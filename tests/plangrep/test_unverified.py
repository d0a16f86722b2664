from __future__ import annotations

import attrs
import pytest

from plangrep_async.errors import ConfigurationError
from plangrep_async.plangrep import UNVERIFIED, WireNames, models
from plangrep_async.plangrep._codec import Codec
from plangrep_async.plangrep.models import MultipartCompletion, UploadInstruction


@pytest.mark.parametrize("name", [name for name in UNVERIFIED if name.split(".")[0] not in ("lists", "webhook")])
def test_every_name_belongs_to_a_field(name: str) -> None:
    record, attribute = name.split(".")
    assert attribute in {field.name for field in attrs.fields(getattr(models, record))}


@pytest.mark.parametrize("spelling", UNVERIFIED["UploadInstruction.headers"])
def test_every_spelling_is_read(spelling: str) -> None:
    data = {"documentId": "d", "uploadMode": "direct_put", spelling: {"Content-Type": "x"}}
    assert Codec().read(data, UploadInstruction).headers == {"Content-Type": "x"}


def test_a_nested_spelling_is_read() -> None:
    data = {
        "documentId": "d",
        "uploadMode": "multipart",
        "multipart": {"uploadId": "u", "parts": [{"partNumber": 1, "url": "https://s.test/1"}], "partSize": 5},
    }
    instruction = Codec().read(data, UploadInstruction)
    assert instruction.upload_id == "u"
    assert instruction.part_size == 5
    assert instruction.parts is not None
    assert instruction.parts[0].url == "https://s.test/1"
    assert Codec().read(Codec().write(instruction), UploadInstruction).upload_id == "u"


def test_a_user_overrides_what_is_read_and_written() -> None:
    codec = Codec(
        WireNames({"UploadInstruction.headers": "signedStuff", "MultipartCompletion.upload_id": ["sid", "x"]})
    )
    data = {"documentId": "d", "uploadMode": "direct_put", "signedStuff": {"a": "b"}, "headers": {"no": "no"}}
    instruction = codec.read(data, UploadInstruction)
    assert instruction.headers == {"a": "b"}
    assert codec.write(instruction)["signedStuff"] == {"a": "b"}
    completion = MultipartCompletion(document_id="d", upload_id="u", upload_token="t")
    assert codec.write(completion) == {"documentId": "d", "sid": "u", "uploadToken": "t"}
    # What was built in is still read.
    assert codec.read({"documentId": "d", "uploadMode": "x", "headers": {"c": "d"}}, UploadInstruction).headers == {
        "c": "d"
    }


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"UploadInstruction.header": "x"}, "did you mean 'UploadInstruction.headers'"),
        ({"Nonsense": "x"}, "no unverified name"),
        ({"UploadInstruction.headers": ""}, "at least one spelling"),
        ({"UploadInstruction.headers": []}, "at least one spelling"),
    ],
)
def test_an_override_that_would_do_nothing_is_refused(overrides: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        WireNames(overrides)
