from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path

import attrs
import pytest

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload import UploadFile, guess_content_type


async def nothing():
    yield b""


def test_a_path_names_itself(tmp_path):
    file = UploadFile(tmp_path / "A-101 floor plan.PDF", classification="plans")
    assert (file.name, file.content_type, file.classification) == ("A-101 floor plan.PDF", "application/pdf", "plans")
    assert UploadFile.of(str(tmp_path / "x.dwg")).content_type == "image/vnd.dwg"
    assert UploadFile.of(file) is file


def test_an_open_file_names_itself(tmp_path):
    (tmp_path / "photo.jpeg").write_bytes(b"x")
    with (tmp_path / "photo.jpeg").open("rb") as opened:
        assert UploadFile(opened).name == "photo.jpeg"


@pytest.mark.parametrize("source", [b"bytes", io.BytesIO(b"x"), lambda: io.BytesIO(b"x")])
def test_what_has_no_name_needs_one(source):
    with pytest.raises(InvalidInputError, match="name="):
        UploadFile(source)
    assert UploadFile(source, name="a.png").content_type == "image/png"


def test_an_iterator_needs_its_length():
    with pytest.raises(InvalidInputError, match="size="):
        UploadFile(nothing(), name="a")
    with pytest.raises(InvalidInputError, match="negative"):
        UploadFile(nothing(), name="a", size=-1)


def test_content_is_never_shown():
    assert "secret" not in repr(UploadFile(b"secret", name="a"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
        ("a.TIFF", "image/tiff"),
        ("a.csv", "text/csv"),
    ],
)
def test_content_types(name, expected):
    assert guess_content_type(name) == expected


@pytest.mark.parametrize("wrong", [{"name": 5}, {"name": "a", "size": "6"}, {"name": "a", "content_type": b"x"}])
def test_arguments_of_a_wrong_type_are_named(wrong):
    with pytest.raises(InvalidInputError, match=next(reversed(wrong))):
        UploadFile(b"x", **wrong)


@pytest.mark.parametrize("source", ["a/plan.pdf", Path("a/plan.pdf"), b"content", bytearray(b"content")])
@pytest.mark.parametrize(
    "again",
    [lambda file: pickle.loads(pickle.dumps(file)), copy.copy, copy.deepcopy],
    ids=["pickled", "copied", "copied deep"],
)
@pytest.mark.parametrize("attributes", [{}, {"discipline": ["A", "S"]}])
def test_it_can_be_kept_and_copied(source, again, attributes):
    file = UploadFile(source, name="plan.pdf", size=7, folder="f", attributes=attributes)
    other = again(file)
    names = [field.name for field in attrs.fields(UploadFile)]
    assert [getattr(other, name) for name in names] == [getattr(file, name) for name in names]
    with pytest.raises(TypeError):
        other.attributes["a"] = 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        other.name = "b"
