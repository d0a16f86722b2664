from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.emulator.form import FormError, PartData, PartEnd, PartStart, read_form

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="%\\"), min_size=1, max_size=20)


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def parse(content_type: str, data: bytes, size: int = 65536) -> list[tuple[str, str | None, str | None, bytes]]:
    parts: list[tuple[str, str | None, str | None, bytes]] = []
    async for event in read_form(content_type, pieces(data, size)):
        match event:
            case PartStart():
                parts.append((event.name, event.file_name, event.content_type, b""))
            case PartData():
                name, file_name, content_type, body = parts[-1]
                parts[-1] = (name, file_name, content_type, body + event.data)
            case PartEnd():
                pass
    return parts


def encoded(files: list[tuple[str, str, bytes]]) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://x", files=[(name, (file_name, body)) for name, file_name, body in files])
    return request.headers["content-type"], request.read()


@settings(max_examples=100, deadline=None)
@given(
    files=st.lists(st.tuples(NAMES, NAMES, st.binary(max_size=300)), min_size=1, max_size=4),
    size=st.integers(1, 200),
)
async def test_what_httpx_writes_is_read_back(files: list[tuple[str, str, bytes]], size: int) -> None:
    content_type, body = encoded(files)
    parts = await parse(content_type, body, size)
    assert [(name, file_name, data) for name, file_name, _, data in parts] == files


@pytest.mark.parametrize("name", ['plan "A".pdf', "two\r\nlines.pdf", "Grundriß 1. OG 図面.pdf", "a;b=c.pdf"])
async def test_odd_file_names(name: str) -> None:
    content_type, body = encoded([("file0", name, b"x")])
    assert (await parse(content_type, body))[0][1] == name


async def test_a_backslash_is_itself_as_browsers_send_it() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="C:\\plan.pdf"\r\n\r\n\r\n--b--\r\n'
    assert (await parse("multipart/form-data; boundary=b", body))[0][1] == "C:\\plan.pdf"


async def test_fields_have_no_file_name_and_extended_names_are_decoded() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n'
        b"--b\r\nContent-Disposition: form-data; name=file0; filename=x; filename*=UTF-8''gr%C3%BCn.pdf\r\n"
        b"Content-Type: application/pdf\r\n\r\n\r\n--b--\r\n"
    )
    parts = await parse('multipart/form-data; boundary="b"', body)
    assert parts == [("metadata", None, None, b"{}"), ("file0", "grün.pdf", "application/pdf", b"")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=b", b"no boundary at all"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut off'),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b""),
    ],
)
async def test_what_is_no_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(FormError):
        await parse(content_type, body)
