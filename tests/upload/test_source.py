from __future__ import annotations

import io
import os
import tempfile

import pytest

from plangrep_async.errors import (
    InvalidInputError,
    SourceChangedError,
    SourceNotFoundError,
    SourceUnreadableError,
)
from plangrep_async.upload import UploadFile
from plangrep_async.upload.ordering import LARGE
from plangrep_async.upload.source import survey

CONTENT = bytes(range(256)) * 40


def read(source, piece=1000):
    opened = source.open()
    try:
        content = bytearray()
        buffer = memoryview(bytearray(piece))
        while got := opened.readinto_at(len(content), buffer):
            content += buffer[:got]
        opened.verify()
        return bytes(content)
    finally:
        opened.close()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(CONTENT)
    os.utime(path, ns=(0, 10**18))  # so that a write is seen whatever the tick of the file system's clock
    return path


def spooled(path):
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(path.read_bytes())
    return file


KINDS = {
    "str": str,
    "path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "open file": lambda path: path.open("rb"),
    "unbuffered file": lambda path: path.open("rb", buffering=0),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "spooled": spooled,
    "factory of a file": lambda path: lambda: path.open("rb"),
    "factory of BytesIO": lambda path: lambda: io.BytesIO(path.read_bytes()),
}


@pytest.fixture
def given(path, kind):
    given = KINDS[kind](path)
    yield given
    if hasattr(given, "close"):
        given.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_read_twice_and_at_any_offset(given):
    source = survey(UploadFile(given, name="x"))
    assert source.fingerprint.size == len(CONTENT)
    assert source.replayable
    assert read(source) == read(source) == CONTENT
    opened = source.open()
    other = source.open()
    buffer = memoryview(bytearray(10))
    assert opened.readinto_at(777, buffer) == 10
    assert bytes(buffer) == CONTENT[777:787]
    assert other.readinto_at(len(CONTENT) - 3, buffer) == 3
    assert other.readinto_at(len(CONTENT), buffer) == 0
    opened.close()
    other.close()
    source.close()


def test_an_open_file_keeps_its_position(path):
    with path.open("rb") as given:
        given.seek(17)
        assert read(survey(UploadFile(given))) == CONTENT
        assert given.tell() == 17


def test_a_factory_is_closed_each_time(path):
    opened = []

    def factory():
        opened.append(path.open("rb"))
        return opened[-1]

    read(survey(UploadFile(factory, name="x")))
    assert len(opened) == 2  # to look, and to read
    assert all(file.closed for file in opened)


@pytest.mark.parametrize("kind", ["path", "open file", "factory of a file"])
@pytest.mark.parametrize("change", ["write", "touch", "truncate", "append"])
def test_a_change_is_seen_when_reading_ends(path, given, change):
    source = survey(UploadFile(given, name="x"))
    opened = source.open()
    opened.readinto_at(0, memoryview(bytearray(10)))
    if change == "write":
        path.write_bytes(CONTENT[::-1])
    elif change == "touch":
        os.utime(path, ns=(1, 1))
    elif change == "truncate":
        os.truncate(path, 5)
    else:
        with path.open("ab") as file:
            file.write(b"x")
    with pytest.raises(SourceChangedError, match="changed while it was uploaded"):
        opened.verify()
    opened.close()
    with pytest.raises(SourceChangedError):
        read(source)


@pytest.mark.parametrize("size", [0, LARGE])
def test_what_is_large_or_never_read_is_checked_when_it_is_opened(tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    source = survey(UploadFile(path))
    path.write_bytes(bytes(size + 1))
    with pytest.raises(SourceChangedError):
        source.open()


def test_a_file_that_was_replaced_is_not_the_same(path):
    source = survey(UploadFile(path))
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(CONTENT)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(other, path)
    with pytest.raises(SourceChangedError):
        read(source)


def test_a_seekable_object_that_grew_is_not_the_same():
    given = io.BytesIO(CONTENT)
    source = survey(UploadFile(given, name="x"))
    opened = source.open()
    given.seek(0, 2)
    given.write(b"more")
    with pytest.raises(SourceChangedError):
        opened.verify()


def test_what_is_no_file(tmp_path):
    with pytest.raises(SourceNotFoundError) as caught:
        survey(UploadFile(tmp_path / "missing.pdf"))
    assert caught.value.file_name == "missing.pdf"
    with pytest.raises(SourceNotFoundError, match="folder"):
        survey(UploadFile(tmp_path))
    with pytest.raises(SourceNotFoundError, match="no regular file"):
        survey(UploadFile("/dev/null"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceNotFoundError, match="no regular file"):
        survey(UploadFile(tmp_path / "pipe"))


def test_a_file_that_vanished(path):
    source = survey(UploadFile(path))
    path.unlink()
    with pytest.raises(SourceNotFoundError):
        source.open()


def test_a_file_that_its_user_closed(path):
    given = path.open("rb")
    source = survey(UploadFile(given))
    given.close()
    with pytest.raises(SourceUnreadableError):
        source.open()


def test_a_factory_that_fails():
    def factory():
        raise PermissionError("no")

    with pytest.raises(SourceUnreadableError):
        survey(UploadFile(factory, name="x"))


def test_text_is_refused(path):
    with path.open() as text, pytest.raises(InvalidInputError, match="binary mode"):
        survey(UploadFile(text))
    with pytest.raises(InvalidInputError, match="binary mode"):
        survey(UploadFile(io.StringIO("x"), name="x"))


def test_a_pipe_cannot_be_sent(tmp_path):
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as pipe, pytest.raises(SourceUnreadableError):
        survey(UploadFile(pipe, name="x"))
    os.close(write_end)


def test_a_wrong_size_is_refused(path):
    with pytest.raises(SourceChangedError, match="size="):
        survey(UploadFile(path, size=5))
    assert survey(UploadFile(path, size=len(CONTENT))).fingerprint.size == len(CONTENT)


def test_what_is_no_source():
    with pytest.raises(InvalidInputError, match="none of path"):
        survey(UploadFile(17, name="x"))
