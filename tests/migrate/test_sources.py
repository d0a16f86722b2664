"""What is found in a folder or a manifest, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from plangrep_async.errors import InvalidInputError
from plangrep_async.migrate import FolderTree, Manifest, Problem, Source
from plangrep_async.migrate.document import Found
from plangrep_async.migrate.journal import Journal


async def scanned(source: Source) -> list[Found]:
    return [found async for batch in source.scan() for found in batch]


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    root = tmp_path / "drawings"
    for name in (
        "A-101.pdf",
        "A-102.PDF",
        "notes.txt",
        "Archive/A-101.pdf",
        "Archive/2019/old.pdf",
        "MEP/M-1.pdf",
        "MEP/archive.pdf",
        ".hidden/x.pdf",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"%PDF")
    return root


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([], [], "A-101.pdf A-102.PDF notes.txt Archive/2019/old.pdf Archive/A-101.pdf MEP/M-1.pdf MEP/archive.pdf"),
        (["*.pdf"], ["Archive/*"], "A-101.pdf A-102.PDF MEP/M-1.pdf MEP/archive.pdf"),
        (["*.pdf"], ["archive"], "A-101.pdf A-102.PDF MEP/M-1.pdf MEP/archive.pdf"),
        (["mep/*", "*.TXT"], [], "notes.txt MEP/M-1.pdf MEP/archive.pdf"),
        (["A-*.pdf"], ["*102*"], "A-101.pdf Archive/A-101.pdf"),
        (["*.dwg"], [], ""),
        ([], ["*"], ""),
    ],
)
async def test_patterns_choose_by_name_and_by_path(
    drawings: Path, include: Sequence[str], exclude: Sequence[str], expected: str
) -> None:
    found = await scanned(FolderTree(drawings, include=include, exclude=exclude))
    assert sorted(file.key for file in found) == sorted(expected.split())


async def test_since_takes_what_was_modified_from_then_on(drawings: Path) -> None:
    moment = datetime(2024, 3, 1, 12, 0).astimezone()
    for path, seconds in ((drawings / "A-101.pdf", -1), (drawings / "A-102.PDF", 0), (drawings / "notes.txt", 1)):
        os.utime(path, (0, moment.timestamp() + seconds))
    found = await scanned(FolderTree(drawings, since=moment, exclude=["Archive", "MEP"]))
    assert [file.key for file in found] == ["A-102.PDF", "notes.txt"]


async def test_a_name_that_is_not_utf8_is_told_and_stops_nothing(drawings: Path, location: str) -> None:
    for name in (b"caf\xe9.pdf", b"caf\xe8.pdf", b"dir\xff/in.pdf"):
        path = drawings / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%PDF")
    found = await scanned(FolderTree(drawings, exclude=["Archive", "MEP", "*.txt"]))
    assert [(file.key, file.problem) for file in found] == [
        ("A-101.pdf", None),
        ("A-102.PDF", None),
        ("caf\\xe8.pdf", Problem.UNREADABLE),
        ("caf\\xe9.pdf", Problem.UNREADABLE),
        ("dir\\xff/in.pdf", Problem.UNREADABLE),
    ]
    async with Journal(location) as journal:
        assert await journal.discover(found) == 5
        assert [document.key async for document in journal.documents()] == [file.key for file in found]


async def test_a_manifest_of_csv_keeps_what_it_does_not_know(drawings: Path) -> None:
    (drawings / "list.csv").write_text(
        "\ufeffpath,name,folder,discipline,kind\nA-101.pdf,Plan A,Floor 1,arch,attachment\n"
        "./A-101.pdf,,,,\ngone.pdf,,,,\n"
    )
    first, second, gone = await scanned(Manifest(drawings / "list.csv"))
    assert (first.name, first.folder, first.kind, first.size) == ("Plan A", "Floor 1", "attachment", 4)
    assert first.attributes == {"discipline": "arch"}
    assert (second.name, second.kind, second.problem) == ("A-101.pdf", "file", None)
    assert gone.problem is Problem.VANISHED


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "name\nx\n", "path must be one of them"),
        ("a.csv", "path\nx,y\n", "line 2 has more values"),
        ("a.jsonl", "{}\n", "a line has no path"),
        ("a.jsonl", '{"path": "x"}\n{"path"\n', "line 2 is no JSON"),
        ("a.jsonl", "[]\n", "line 1 is no JSON object"),
        ("a.jsonl", '{"path": "x", "kind": "poem"}', "'poem' is none of attachment, photo, sheet"),
        ("a.jsonl", '{"path": "x\\udce9"}', "its path has a character that is no text"),
        ("a.jsonl", '{"path": "x", "title": "a\\u0000b"}', "its title has a character that is no text"),
    ],
)
async def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInputError, match=f"{name}: .*{words}"):
        await scanned(Manifest(tmp_path / name))
