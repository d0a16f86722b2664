from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from plangrep_async.emulator.content import Blob, Content
from plangrep_async.emulator.plangrep.inspection import inspect


def content(data: bytes, *, kept: bool = True) -> Content:
    return Content.of(Blob(len(data), hashlib.sha256(data).hexdigest(), data=data if kept else None))


def pdf(*sizes: tuple[float, float]) -> bytes:
    writer = PdfWriter()
    for width, height in sizes:
        writer.add_blank_page(width, height)
    out = BytesIO()
    writer.write(out)
    writer.close()
    return out.getvalue()


def test_pages_sizes_and_text(sheet_set: bytes) -> None:
    found = inspect(content(sheet_set), "application/pdf")
    assert [page.number for page in found.pages] == [1, 2, 3, 4, 5]
    assert all(page.width == 2592 and page.large and not page.failed for page in found.pages)
    assert "SHEET A1.01" in found.pages[0].text


@pytest.mark.parametrize(
    ("sizes", "guess"),
    [([(2592, 1728)], "plans"), ([(612, 792)], "documents"), ([(612, 792), (1224, 792)], "mixed")],
)
def test_the_guess_by_page_size(sizes: list[tuple[float, float]], guess: str) -> None:
    assert inspect(content(pdf(*sizes)), "application/pdf").guess == guess


def test_the_guess_by_text(spec_book: bytes) -> None:
    assert inspect(content(spec_book), "application/pdf").guess == "specifications"


def test_what_is_no_pdf_is_one_page() -> None:
    found = inspect(content(b"\x00" * 5_000_000), "application/octet-stream")
    assert (len(found.pages), found.problem, found.guess) == (1, None, "other")
    text = inspect(content(b"hello"), "text/plain")
    assert (text.pages[0].text, text.guess) == ("hello", "documents")


def test_bytes_that_were_not_kept_are_one_page(sheet_set: bytes) -> None:
    assert len(inspect(content(sheet_set, kept=False), "application/pdf").pages) == 1


def test_a_pdf_in_parts_is_read_as_one(sheet_set: bytes) -> None:
    pieces = [sheet_set[:5000], sheet_set[5000:9000], sheet_set[9000:]]
    joined = Content.joined(tuple(Blob(len(piece), "", data=piece) for piece in pieces))
    assert len(inspect(joined, "application/pdf").pages) == 5


def test_a_page_that_cannot_be_read_fails_alone() -> None:
    data = pdf((612, 792), (612, 792))
    broken = data.replace(b"/MediaBox", b"/MediaFox", 1)
    found = inspect(content(broken), "application/pdf")
    assert len(found.pages) == 2
    assert sum(page.failed for page in found.pages) <= 1


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_files_never_raise(data: st.DataObject) -> None:
    original = (Path(__file__).parents[3] / "examples" / "documents" / "sheet-set.pdf").read_bytes()
    start = data.draw(st.integers(0, len(original) - 1))
    length = data.draw(st.integers(1, 2000))
    damage = data.draw(st.binary(max_size=50))
    found = inspect(content(original[:start] + damage + original[start + length :]), "application/pdf")
    assert found.pages


def test_the_example_is_what_pypdf_counts(sheet_set: bytes) -> None:
    assert len(PdfReader(BytesIO(sheet_set)).pages) == len(inspect(content(sheet_set), "application/pdf").pages)
