"""The parts of an upload that need no service."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError, SourceNotFoundError
from plangrep_async.plangrid import FileUpload, UnfinishedVersion, VersionFile, VersionUpload
from plangrep_async.plangrid._codec import loads
from plangrep_async.plangrid.uploads.content import pdf_type, photo_type, read_head
from plangrep_async.plangrid.uploads.form import form_target
from plangrep_async.plangrid.uploads.pipeline import UploadResults, named
from plangrep_async.plangrid.uploads.version import look_at
from plangrep_async.upload import Fingerprint, UploadFile


def test_a_form_is_passed_on_as_it_came(sample: Callable[[str], bytes]) -> None:
    upload = FileUpload.from_dict(loads(sample("17_the_file_upload_object.json")))

    target = form_target(upload)

    assert target.url == "https://plangrid-attachments.s3.amazonaws.com/"
    assert [name for name, _ in target.fields] == [
        "key",
        "AWSAccessKeyId",
        "success_action_redirect",
        "policy",
        "signature",
        "Content-Type",
        "x-amz-storage-class",
        "x-amz-server-side-encryption",
    ]
    assert dict(target.fields)["Content-Type"] == "application/pdf"
    assert target.file_field == "file"
    assert target.expires_at == 1450818919.0  # 2015-12-22T21:15:19Z, as its policy says
    assert target.memo == {"uid": upload.uid, "webhook_url": upload.webhook_url}


def upload_with(policy: str) -> FileUpload:
    form = {"action": "https://s3.test/", "fields": [{"name": "policy", "value": policy}]}
    return FileUpload.from_dict({"uid": "u", "webhook_url": "w", "aws_post_form_arguments": form})


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_a_policy_that_cannot_be_read_is_none_of_our_business(policy: str) -> None:
    assert form_target(upload_with(policy)).expires_at is None


@pytest.mark.parametrize("body", [[], {}, {"expiration": None}, {"expiration": 3}, {"expiration": "soon"}, "x", None])
def test_a_policy_without_an_end(body: Any) -> None:
    policy = base64.b64encode(json.dumps(body).encode()).decode()

    assert form_target(upload_with(policy)).expires_at is None


PDF, PNG, JPEG = b"%PDF-1.7", b"\x89PNG\r\n\x1a\nrest", b"\xff\xd8\xff\xe1"


async def every_source(data: bytes, path: Path) -> list[UploadFile]:
    path.write_bytes(data)
    sources: list[Any] = [
        data,
        bytearray(data),
        memoryview(data),
        path,
        str(path),
        io.BytesIO(data),
        lambda: io.BytesIO(data),
    ]
    return [UploadFile(source, name="a.bin") for source in sources]


async def test_the_first_bytes_of_every_kind_of_source(tmp_path: Path) -> None:
    for data in (b"", b"short", bytes(range(256)) * 10):
        for file in await every_source(data, tmp_path / "a.bin"):
            assert await read_head(file) == data[:1024], type(file.source)
    with (tmp_path / "a.bin").open("rb") as opened:
        opened.seek(7)
        assert await read_head(UploadFile(opened)) == (bytes(range(256)) * 10)[:1024]
        assert opened.tell() == 7


async def test_a_stream_is_not_touched() -> None:
    async def stream() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    assert await read_head(UploadFile(stream(), name="a", size=1)) is None


async def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        await read_head(UploadFile(tmp_path / "missing.pdf"))


def test_the_bytes_decide_what_a_photo_is() -> None:
    assert photo_type(PNG, "a.jpg") == "image/png"
    assert photo_type(JPEG, "a") == "image/jpeg"
    assert photo_type(None, "a.JPG") == photo_type(None, "a.jpeg") == "image/jpeg"
    assert photo_type(None, "a.PNG") == "image/png"
    for head, name in ((PDF, "a.png"), (b"", "a.png"), (None, "a.gif"), (None, "png")):
        with pytest.raises(InvalidInputError, match="PNG and JPEG"):
            photo_type(head, name)


def test_only_a_pdf_is_a_pdf() -> None:
    assert pdf_type(PDF, "no ending") == "application/pdf"
    assert pdf_type(b"\xef\xbb\xbf junk\n" + PDF, "a") == "application/pdf"
    assert pdf_type(None, "A.PDF") == "application/pdf"
    for head, name in ((PNG, "a.pdf"), (b"", "a.pdf"), (None, "a.doc")):
        with pytest.raises(InvalidInputError, match="only PDFs"):
            pdf_type(head, name)


def test_files_have_names() -> None:
    assert named("/x/a.pdf").name == "a.pdf"
    assert named("/x/a.pdf", "b.pdf").name == "b.pdf"
    assert named(UploadFile(b"", name="c", folder="F"), "d").folder == "F"
    with pytest.raises(InvalidInputError, match="no file name"):
        named(b"")


# Versions


async def test_the_files_of_a_version_are_looked_at_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(PDF)

    ((name, fingerprint),) = await look_at([UploadFile(path)])

    assert (name, fingerprint.path, fingerprint.size) == ("a.pdf", str(path), len(PDF))
    with pytest.raises(InvalidInputError, match="at least one PDF"):
        await look_at([])
    with pytest.raises(InvalidInputError, match=r"two are called a\.pdf"):
        await look_at([UploadFile(path), UploadFile(PDF, name="a.pdf")])

    async def stream() -> AsyncIterator[bytes]:
        yield PDF

    with pytest.raises(InvalidInputError, match="more than once"):
        await look_at([UploadFile(stream(), name="s.pdf", size=8)])


names = st.text(min_size=1)
unfinished_versions = st.builds(
    UnfinishedVersion,
    names,
    names,
    st.builds(VersionUpload, names, st.none() | names),
    st.lists(
        st.builds(
            VersionFile,
            names,
            names,
            names,
            st.builds(Fingerprint, names, st.integers(0), st.integers(0), st.integers(0)),
            st.booleans(),
        )
    ).map(tuple),
    st.booleans(),
)


@given(unfinished_versions)
def test_an_unfinished_version_survives_its_json(unfinished: UnfinishedVersion) -> None:
    assert UnfinishedVersion.from_json(json.loads(json.dumps(unfinished.to_json()))) == unfinished


@pytest.mark.parametrize("value", [{}, {"format": 2}, {"format": 1, "files": 3}, {"format": 1, "files": [{}]}])
def test_what_is_no_saved_version_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        UnfinishedVersion.from_json(value)


def unfinished_version(path: str) -> UnfinishedVersion:
    files = (
        VersionFile("a.pdf", "r1", "u", Fingerprint(path, 8), stored=True),
        VersionFile("b.pdf", "r2", "u", Fingerprint(path, 8)),
    )
    return UnfinishedVersion("p", "v", VersionUpload("uid"), files)


def test_only_what_is_missing_is_looked_for() -> None:
    unfinished = unfinished_version("/x/b.pdf")

    assert [file.name for file in unfinished.missing] == ["b.pdf"]
    assert {name: file.source for name, file in unfinished.sources("p", []).items()} == {"b.pdf": "/x/b.pdf"}
    assert unfinished.with_stored("r2").missing == ()
    with pytest.raises(InvalidInputError, match=r"b\.pdf is missing and was no file"):
        unfinished_version("").sources("p", [])
    given_again = UploadFile(PDF, name="b.pdf")
    assert unfinished_version("").sources("p", [given_again])["b.pdf"] is given_again


def test_more_files_than_places(sample: Callable[[str], bytes]) -> None:
    upload = VersionUpload.from_dict(loads(sample("77_upload_version_to_project.json")))
    files = [(f"{n}.pdf", Fingerprint("", n)) for n in range(8)]

    begun = UnfinishedVersion.begun("p", "v", upload, files[:7])

    assert [file.request_uid for file in begun.files] == [request.uid for request in upload.file_upload_requests]
    with pytest.raises(ValueError, match="8 files were announced, and 7 places came"):
        UnfinishedVersion.begun("p", "v", upload, files)


def test_results_are_a_sequence_of_records() -> None:
    results: UploadResults[str] = UploadResults(("a", "b", "c"))

    assert (len(results), results[0], results[1:], list(results), "b" in results) == (
        3,
        "a",
        ("b", "c"),
        ["a", "b", "c"],
        True,
    )
    results.raise_failures()
