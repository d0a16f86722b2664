"""The example documents, and the script that writes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pypdf import PdfReader

DOCUMENTS = Path(__file__).parents[2] / "examples" / "documents"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_documents", DOCUMENTS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [page.extract_text() for page in PdfReader(file, strict=True).pages]


def test_the_committed_documents_are_what_the_script_writes(make: ModuleType, tmp_path: Path) -> None:
    make.write_sheet_set(tmp_path / "sheet-set.pdf", sheets=5, seed=1)
    make.write_spec_book(tmp_path / "spec-book.pdf", sections=4, seed=1)
    for name in ("sheet-set.pdf", "spec-book.pdf"):
        assert (DOCUMENTS / name).read_bytes() == (tmp_path / name).read_bytes()


def test_sheets_and_sections_can_be_read() -> None:
    sheets = texts(DOCUMENTS / "sheet-set.pdf")
    assert len(sheets) == 5
    assert "SHEET A1.01" in sheets[0].splitlines()
    assert "TITLE FIRST FLOOR PLAN" in sheets[0].splitlines()
    book = "\n".join(texts(DOCUMENTS / "spec-book.pdf"))
    assert book.count("END OF SECTION") == 4
    assert "SECTION 03 30 00 - CAST-IN-PLACE CONCRETE" in book.splitlines()


@pytest.mark.parametrize("size", [10_000, 99_999, 100_000, 100_001, 1_048_576, 3_000_001])
@pytest.mark.parametrize("name", ["a.pdf", "spec.pdf"])
def test_sizes_are_exact_and_the_file_is_valid(make: ModuleType, tmp_path: Path, size: int, name: str) -> None:
    make.write_document(tmp_path / name, size=size, seed=size)
    assert (tmp_path / name).stat().st_size == size
    assert texts(tmp_path / name)


def test_a_size_that_no_page_fits_into_is_refused(make: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="size"):
        make.write_document(tmp_path / "a.pdf", size=500, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_sets_are_unique_and_repeatable(make: ModuleType, tmp_path: Path) -> None:
    first = make.write_set(tmp_path / "a", files=6, smallest=10_000, largest=200_000, seed=3)
    again = make.write_set(tmp_path / "b", files=6, smallest=10_000, largest=200_000, seed=3)
    other = make.write_set(tmp_path / "c", files=6, smallest=10_000, largest=200_000, seed=4)
    contents = [path.read_bytes() for path in first]
    assert contents == [path.read_bytes() for path in again]
    assert len({*contents, *(path.read_bytes() for path in other)}) == 12
    assert (first[0].stat().st_size, first[-1].stat().st_size) == (10_000, 200_000)


@pytest.mark.parametrize(
    ("text", "size"), [("300MB", 300_000_000), ("1.5 gib", 1_610_612_736), ("4096", 4096), ("2k", None)]
)
def test_sizes_on_the_command_line(make: ModuleType, text: str, size: int | None) -> None:
    if size is None:
        with pytest.raises(Exception, match="not a size"):
            make.parse_size(text)
    else:
        assert make.parse_size(text) == size
