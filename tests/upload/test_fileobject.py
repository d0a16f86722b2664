"""File objects of the user's: which bytes they give, who reads them when, and what is told of their failures."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tempfile
import threading
import weakref
import zipfile
import zlib

import pytest

from plangrep_async.errors import InvalidInputError, SourceChangedError, SourceUnreadableError
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import PutTarget, Upload, UploadFile
from plangrep_async.upload.source import is_foreign, survey

CONTENT = bytes(range(256)) * 40
URL = "https://storage.example/k"


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


def made(kind, *arguments, **options):
    """What opens such a file object, whatever path it is told."""
    return lambda _path: kind(*arguments, **options)


# Which bytes


@pytest.mark.parametrize("library", [gzip, bz2, lzma])
@pytest.mark.parametrize("opened_by", ["user", "function"])
def test_what_reading_gives_is_sent_not_what_lies_below(tmp_path, library, opened_by):
    path = tmp_path / "packed"
    path.write_bytes(library.compress(CONTENT))
    with library.open(path) as packed:
        given = packed if opened_by == "user" else lambda: library.open(path)
        source = survey(UploadFile(given, name="x"))
        assert source.fingerprint.size == len(CONTENT)
        assert read(source) == read(source) == CONTENT


def test_a_reader_of_another_kind_with_a_descriptor_is_read_itself(tmp_path):
    class Decrypting(io.FileIO):
        def read(self, size=-1):
            return bytes(byte ^ 1 for byte in super().read(size))

        def readinto(self, buffer):
            piece = self.read(len(buffer))
            buffer[: len(piece)] = piece
            return len(piece)

    path = tmp_path / "secret"
    path.write_bytes(bytes(byte ^ 1 for byte in CONTENT))
    with Decrypting(path) as given:
        assert read(survey(UploadFile(given, name="x"))) == CONTENT
        with io.BufferedReader(given) as buffered:
            assert read(survey(UploadFile(buffered, name="x"))) == CONTENT


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.open("w+b"),
        lambda path: path.open("w+b", buffering=0),
        made(tempfile.TemporaryFile),
        made(tempfile.NamedTemporaryFile),
        made(tempfile.SpooledTemporaryFile, max_size=10),
        made(tempfile.SpooledTemporaryFile),
        made(io.BytesIO),
        lambda path: io.BufferedRandom(Memory(path)),
    ],
)
def test_what_was_written_is_there_without_a_flush(tmp_path, make):
    with make(tmp_path / "new") as given:
        given.write(CONTENT)
        given.write(b"and more")
        source = survey(UploadFile(given, name="x"))
        assert source.fingerprint.size == len(CONTENT) + 8
        assert read(source) == CONTENT + b"and more"


class Memory(io.BytesIO):
    """A raw file whose buffer is another object's."""

    def __init__(self, _path):
        super().__init__()


@pytest.mark.parametrize("make", [lambda path: path.open("rb"), made(tempfile.NamedTemporaryFile)])
def test_a_plain_file_is_recognised_by_its_inode_and_keeps_its_position(tmp_path, make):
    (tmp_path / "plan.pdf").write_bytes(CONTENT)
    with make(tmp_path / "plan.pdf") as given:
        given.seek(7)
        source = survey(UploadFile(given, name="x"))
        read(source)
        assert source.fingerprint.inode == os.fstat(given.fileno()).st_ino
        assert given.tell() == 7


@pytest.mark.parametrize(
    "make",
    [
        made(tempfile.NamedTemporaryFile, "w+"),
        made(tempfile.SpooledTemporaryFile, mode="w+"),
        made(io.StringIO),
    ],
)
def test_text_is_refused(make):
    with make(None) as given:
        given.write("text")
        with pytest.raises(InvalidInputError, match="binary mode"):
            read(survey(UploadFile(given, name="x")))


@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, mode):
    with (tmp_path / "out").open(mode) as given:
        given.write(b"x")
        with pytest.raises(SourceUnreadableError, match=r"plan\.pdf"):
            read(survey(UploadFile(given, name="plan.pdf")))


def test_a_view_that_cannot_be_read_is_refused():
    with pytest.raises(InvalidInputError, match=r"plan\.pdf.*memoryview"):
        survey(UploadFile(memoryview(CONTENT)[::2], name="plan.pdf"))


# Who reads when


class Watched(io.RawIOBase):
    """Notes whether anybody seeks between the seek and the read of another. Neither hashable nor weakly referable."""

    __slots__ = ("between", "clean", "content", "position")
    __hash__ = None

    def __init__(self):
        self.content = CONTENT
        self.position = 0
        self.between = threading.Event()
        self.clean = True

    def __eq__(self, other):
        return isinstance(other, Watched)

    def seek(self, offset, whence=0):
        self.position = offset + (len(self.content) if whence == os.SEEK_END else 0)
        self.between.set()
        return self.position

    def read(self, size=-1):
        self.between.clear()
        if self.between.wait(0.03):
            self.clean = False
        return self.content[self.position : self.position + size]


@pytest.mark.parametrize("second", ["read", "verify", "survey"])
def test_all_uploads_of_one_file_object_take_turns(second):
    given = Watched()
    opened = survey(UploadFile(given, name="a")).open()
    other = survey(UploadFile(given, name="b")).open()
    steps = {
        "read": lambda: other.readinto_at(500, memoryview(bytearray(10))),
        "verify": other.verify,
        "survey": lambda: survey(UploadFile(given, name="c")),
    }
    buffer = memoryview(bytearray(10))
    thread = threading.Thread(target=opened.readinto_at, args=(0, buffer))
    thread.start()
    steps[second]()
    thread.join()
    assert given.clean
    assert bytes(buffer) == CONTENT[:10]


async def test_one_member_of_an_archive_for_many_uploads(open_scheduler):
    content = os.urandom(3 << 20)
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("plan.pdf", content)
    transfer = FakeTransfer()
    with zipfile.ZipFile(kept) as archive, archive.open("plan.pdf") as member:
        uploads = [Upload(member, PutTarget(url=f"{URL}{number}")) for number in range(4)]
        report = await open_scheduler(transfer).run_all(uploads)
    assert len(report.uploaded) == 4
    assert {request.body == content for request in transfer.requests} == {True}


def test_a_file_object_is_held_no_longer_than_its_uploads():
    given = io.BytesIO(CONTENT)
    source = survey(UploadFile(given, name="x"))
    alive = weakref.ref(given)
    del given
    assert read(source) == CONTENT
    del source
    assert alive() is None


# What is told of failures


class Broken(io.RawIOBase):
    """A seekable file object whose reads end as told."""

    def __init__(self, read, end=1000):
        self._read = read
        self._end = end

    def seek(self, offset, whence=0):
        return self._end if whence == os.SEEK_END else offset

    def read(self, size=-1):
        return self._read(size)


def failing(error):
    def read(_size):
        raise error

    return read


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (failing(RuntimeError("crc error")), "crc error"),
        (failing(zipfile.BadZipFile("Bad CRC-32")), "Bad CRC-32"),
        (failing(zlib.error("invalid block")), "invalid block"),
        (failing(ValueError("I/O operation on closed file")), "closed file"),
        (lambda size: b"x" * (size + 1), "gave 1001 bytes"),
        (lambda _size: None, "NoneType"),
    ],
)
@pytest.mark.parametrize("digests", [(), ("sha256",)])
async def test_whatever_reading_raises_is_told_with_the_name(open_scheduler, reading, words, digests):
    upload = Upload(UploadFile(Broken(reading), name="plan.pdf"), PutTarget(url=URL), digests=digests)
    [outcome] = (await open_scheduler(FakeTransfer()).run_all([upload])).failed
    assert isinstance(outcome.error, SourceUnreadableError)
    assert outcome.error.file_name == "plan.pdf"
    assert outcome.error.__cause__ is not None
    assert words in str(outcome.error)
    assert "plan.pdf" in str(outcome.error)


@pytest.mark.parametrize("end", ["there", None])
def test_a_position_that_is_none_is_told_with_the_name(end):
    with pytest.raises(SourceUnreadableError, match=r"plan\.pdf.*not a position"):
        survey(UploadFile(Broken(failing(OSError()), end), name="plan.pdf"))


def test_whatever_the_look_raises_is_told_with_the_name():
    class Odd:
        def read(self, _size):
            return b""

        def seek(self, *_):
            raise KeyError("no such member")

    for given in (Odd(), Odd):
        with pytest.raises(SourceUnreadableError, match=r"plan\.pdf.*no such member"):
            survey(UploadFile(given, name="plan.pdf"))


def test_a_large_file_object_that_shrank_is_named():
    given = io.BytesIO(CONTENT)
    opened = survey(UploadFile(given, name="plan.pdf")).open()
    given.truncate(10)
    with pytest.raises(SourceChangedError, match=r"plan\.pdf"):
        opened.verify()


# What may be slow


class Inherits(io.BytesIO):
    """It could read from anywhere."""


@pytest.mark.parametrize(
    ("make", "foreign"),
    [
        (lambda path: path, False),
        (str, False),
        (lambda path: CONTENT, False),
        (lambda path: io.BytesIO(CONTENT), False),
        (lambda path: path.open("rb"), False),
        (lambda path: path.open("rb", buffering=0), False),
        (lambda path: io.BufferedReader(io.BytesIO(CONTENT)), True),
        (gzip.open, True),
        (lambda path: Inherits(CONTENT), True),
        (lambda path: lambda: io.BytesIO(CONTENT), True),
    ],
)
def test_only_code_that_is_not_pythons_own_is_foreign(tmp_path, make, foreign):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(CONTENT))
    file = UploadFile(make(path), name="x")
    assert is_foreign(file) == foreign
    assert survey(file).quick == (not foreign)
    if isinstance(file.source, io.IOBase):
        file.source.close()


def test_one_that_was_detached_is_told_by_whoever_looks_at_it(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    given = (tmp_path / "x").open("rb")
    file = UploadFile(given, name="x")
    with given.detach():
        assert is_foreign(file)
        with pytest.raises(SourceUnreadableError):
            survey(file)
