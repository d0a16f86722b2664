"""What is found in a folder or a manifest, and what is left out."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.errors import ConfigurationError, InvalidInputError
from plangrep_async.migrate import (
    FolderTarget,
    FolderTree,
    Manifest,
    Migration,
    PlanGridTarget,
    Problem,
    Source,
    feed,
    fingerprint,
)
from plangrep_async.migrate.document import Found
from plangrep_async.migrate.journal import Journal
from plangrep_async.migrate.sources import manifest, tree


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
        (["./Archive/*"], [], "Archive/2019/old.pdf Archive/A-101.pdf"),
        (["archive/"], [], "Archive/2019/old.pdf Archive/A-101.pdf"),
        (["*.pdf"], ["./archive/"], "A-101.pdf A-102.PDF MEP/M-1.pdf MEP/archive.pdf"),
        ([], ["archive*/"], "A-101.pdf A-102.PDF notes.txt MEP/M-1.pdf MEP/archive.pdf"),
        (["*.pdf"], ["Archive/2019/"], "A-101.pdf A-102.PDF Archive/A-101.pdf MEP/M-1.pdf MEP/archive.pdf"),
        ([], ["*/"], "A-101.pdf A-102.PDF notes.txt"),
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
    for name in (b"caf\xe9.pdf", b"caf\xe8.pdf", b"dir\xff/in.pdf", b"caf\\xe9.pdf"):
        path = drawings / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%PDF")
    found = await scanned(FolderTree(drawings, exclude=["Archive", "MEP", "*.txt"]))
    assert [(file.key, file.problem) for file in found] == [
        ("A-101.pdf", None),
        ("A-102.PDF", None),
        ("caf\\xe9.pdf", None),
        ("caf\\xe8.pdf (not UTF-8)", Problem.UNREADABLE),
        ("caf\\xe9.pdf (not UTF-8)", Problem.UNREADABLE),
        ("dir\\xff/in.pdf (not UTF-8)", Problem.UNREADABLE),
    ]
    async with Journal(location) as journal:
        assert await journal.discover(found) == 6
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


async def test_a_manifest_that_cannot_be_read_is_told(drawings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with pytest.raises(ConfigurationError, match=r"list\.csv does not exist"):
        await scanned(Manifest(drawings / "list.csv"))
    (drawings / "list.csv").mkdir()
    with pytest.raises(ConfigurationError, match=r"list\.csv cannot be read \(Is a directory\)"):
        await scanned(Manifest(drawings / "list.csv"))
    monkeypatch.setitem(manifest.__dict__, "open", refuse)
    with pytest.raises(ConfigurationError, match=r"list\.csv cannot be read \(Permission denied\)"):
        await scanned(Manifest(drawings / "list.csv"))


@pytest.mark.parametrize("between", [0, 1_500])
async def test_a_path_that_is_named_twice_is_one_document_as_it_is_named_last(
    between: int, drawings: Path, location: str
) -> None:
    others = [{"path": f"gone {number}.pdf"} for number in range(between)]
    lines = [{"path": "A-101.pdf", "name": "first"}, *others, {"path": "A-101.pdf", "name": "last"}]
    (drawings / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with Journal(location) as journal:
        for _ in range(2):
            async for batch in Manifest(drawings / "list.jsonl").scan():
                await journal.discover(batch)
            (document,) = [document async for document in journal.documents() if document.key == "A-101.pdf"]
            assert document.name == "last"


async def test_numbers_of_files_that_are_larger_than_a_journal_holds(
    drawings: Path, tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fingerprint.fingerprint

    def huge(status: os.stat_result) -> tuple[int, int, int]:
        return real(status.st_size, status.st_mtime_ns, 2**64 - 5 - status.st_ino)

    for module in (tree, manifest, feed):
        monkeypatch.setattr(module, "fingerprint_of", huge)
    (drawings / "list.csv").write_text("path\nA-101.pdf\n")
    for number, source in enumerate((FolderTree(drawings, include=["*.pdf"]), Manifest(drawings / "list.csv"))):
        migration = Migration(source, FolderTarget(tmp_path / f"export {number}"), journal=tmp_path / f"{number}.db")
        assert (await migration.run()).is_complete
    async with Journal(location) as journal:
        assert await journal.discover(await scanned(FolderTree(drawings))) == 8


def test_a_fingerprint_fits_whatever_the_file_system_says() -> None:
    most = 2**63 - 1
    assert fingerprint.fingerprint(7, -5, 9) == (7, -5, 9)
    assert fingerprint.fingerprint(7, 2**70, 2**64 - 1) == (7, most, most)
    assert fingerprint.fingerprint(7, -(2**70), 2**63 + 5) == (7, -most, 5)


async def test_an_export_of_an_export_tells_what_is_true_now(tmp_path: Path) -> None:
    source = tmp_path / "tree"
    source.mkdir()
    (source / "a.pdf").write_bytes(b"one")
    await Migration(FolderTree(source), FolderTarget(tmp_path / "1"), journal=tmp_path / "1.db").run()
    edited = tmp_path / "1" / "files" / "a.pdf"
    edited.write_bytes(b"another, edited")
    listed = Manifest(tmp_path / "1" / "manifest.jsonl")
    await Migration(listed, FolderTarget(tmp_path / "2"), journal=tmp_path / "2.db").run()
    (row,) = map(json.loads, (tmp_path / "2" / "manifest.jsonl").read_text().splitlines())
    digest = hashlib.sha256(b"another, edited").hexdigest()
    assert row == {"path": "files/a.pdf", "name": "a.pdf", "size": 15, "sha256": digest, "source": "files/a.pdf"}
    assert next(iter(row)) == "path"


async def test_a_manifests_name_needs_no_ending(drawings: Path, to_plangrid: PlanGridTarget) -> None:
    (drawings / "list.csv").write_text("path,name\nA-101.pdf,Ground floor\nnotes.txt,A-101.pdf\n")
    named, misnamed = [to_plangrid.adopt(found) for found in await scanned(Manifest(drawings / "list.csv"))]
    assert (named.kind, named.name, named.problem) == ("attachment", "Ground floor", None)
    assert (misnamed.kind, misnamed.problem) == ("attachment", None), "what it is shows when its first bytes are read"


async def test_json_without_an_end_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "deep.jsonl").write_text('{"path": "a.pdf"}\n' + "[" * 100_000 + "\n")
    with pytest.raises(InvalidInputError, match=r"deep\.jsonl: line 2 is no JSON"):
        await scanned(Manifest(tmp_path / "deep.jsonl"))
