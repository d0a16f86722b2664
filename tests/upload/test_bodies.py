from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload import FormTarget, PostFormTarget, PreparedFile, PutTarget, UploadFile
from plangrep_async.upload.bodies import Chain, form_request, part_request, put_request
from plangrep_async.upload.parts import Part
from plangrep_async.upload.readers import MemorySource
from plangrep_async.upload.targets import PartRequest


def content(body, piece=7):
    read = bytearray()
    buffer = memoryview(bytearray(piece))
    while len(read) < body.length:
        got = body.source.readinto_at(body.offset + len(read), buffer[: min(piece, body.length - len(read))])
        read += buffer[:got]
    return body.prefix + bytes(read) + body.suffix


def prepared(*contents):
    files = []
    for place, one in enumerate(contents):
        file = UploadFile(one, name=f"f{place}.pdf")
        files.append(PreparedFile(file, MemorySource(one).fingerprint))
    return files


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=50)), min_size=1, max_size=8), st.integers(1, 30))
def test_a_chain_is_what_its_pieces_are_one_after_the_other(pieces, size):
    heads, files = [head for head, _ in pieces], [file for _, file in pieces]
    chain = Chain(heads, [MemorySource(file) for file in files], [len(file) for file in files])
    whole = b"".join(head + file for head, file in pieces)
    assert chain.size == len(whole)
    for offset in range(0, len(whole), max(1, len(whole) // 7)):
        read = bytearray()
        buffer = memoryview(bytearray(size))
        while got := chain.readinto_at(offset + len(read), buffer):
            read += buffer[:got]
        assert read == whole[offset:]


class Verified(MemorySource):
    verified = 0

    def verify(self):
        self.verified += 1


def test_a_chain_verifies_every_file():
    files = [Verified(b"a"), Verified(b"b")]
    Chain([b"", b""], files, [1, 1]).verify()
    assert [file.verified for file in files] == [1, 1]


def test_put_and_part():
    source = MemorySource(b"0123456789")
    whole = put_request(PutTarget(url="http://x/a", headers={"A": "b"}), 10, source)
    assert (whole.method, whole.headers, content(whole.body)) == ("PUT", (("A", "b"),), b"0123456789")
    part = part_request(PartRequest("http://x/a?partNumber=2"), Part(2, 4, 3), source)
    assert content(part.body) == b"456"
    assert put_request(PutTarget(url="http://x"), 0, MemorySource(b"")).body.total == 0


def test_a_service_form_with_several_files():
    files = prepared(b"first", b"", b"third")
    target = FormTarget(url="http://x", headers={"Authorization": "Bearer k"}, fields=[("metadata", '{"a": 1}')])
    request = form_request(target, files, [MemorySource(file.file.source) for file in files])
    assert request.headers[0] == ("Authorization", "Bearer k")
    boundary = dict(request.headers)["Content-Type"].partition("boundary=")[2].encode()
    sections = content(request.body).split(b"--" + boundary)
    assert len(sections) == 6
    assert sections[1].endswith(b'name="metadata"\r\n\r\n{"a": 1}\r\n')
    names = [section.split(b"\r\n")[1] for section in sections[2:5]]
    assert [b'name="file%d"; filename="f%d.pdf"' % (n, n) in name for n, name in enumerate(names)] == [True] * 3
    assert [section.split(b"\r\n\r\n", 1)[1] for section in sections[2:5]] == [b"first\r\n", b"\r\n", b"third\r\n"]
    assert len(content(request.body)) == request.body.total


def test_a_storage_form_puts_the_file_last():
    files = prepared(b"content")
    target = PostFormTarget(url="http://x", fields=[("key", "k"), ("policy", "p")])
    text = content(form_request(target, files, [MemorySource(b"content")]).body)
    assert text.index(b'name="key"') < text.index(b'name="policy"') < text.index(b'name="file"')
    assert b"\r\n\r\ncontent\r\n--" in text


def test_names_and_files_must_match():
    with pytest.raises(InvalidInputError, match="file_fields="):
        form_request(FormTarget(url="http://x", file_fields=["one"]), prepared(b"a", b"b"), [])
