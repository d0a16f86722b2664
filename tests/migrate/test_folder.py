"""An export into a folder: what lies there is what the lists name, whenever the run was killed."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.errors import ConfigurationError
from plangrep_async.migrate import (
    FolderTarget,
    FolderTree,
    Manifest,
    Migration,
    MigrationOptions,
    MigrationStopped,
    Problem,
    State,
)
from plangrep_async.migrate.targets import disk, folder

LISTS = {"manifest.jsonl", "manifest.csv", "records.jsonl", ".plangrep-export"}

KILLED = """
import asyncio, os, pathlib, sys
from plangrep_async.migrate import FolderTarget, FolderTree, Migration
from plangrep_async.migrate.targets import folder

when, tree, export, journal = sys.argv[1:]
place, unlink = folder.place, pathlib.Path.unlink

def killed_before_place(*arguments, **options):
    os._exit(9)

def killed_after_place(*arguments, **options):
    place(*arguments, **options)
    os._exit(9)

def killed_at_removal(path, **options):
    if ".parts" in path.parts:
        os._exit(9)
    unlink(path, **options)

if when == "a duplicate is removed":
    pathlib.Path.unlink = killed_at_removal
else:
    folder.place = killed_before_place if when == "a file is put in its place" else killed_after_place
asyncio.run(Migration(FolderTree(tree), FolderTarget(export), journal=journal).run())
"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Two files, a copy of the first under another name, and one with the name of the first."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    for name, text in {"a.pdf": b"one", "b.pdf": b"two", "copy.pdf": b"one", "sub/a.pdf": b"three"}.items():
        (tree / name).write_bytes(text)
    return tree


def listed(export: Path) -> set[str]:
    return {json.loads(line)["path"] for line in (export / "manifest.jsonl").read_text().splitlines()}


def there(export: Path) -> set[str]:
    found = {str(path.relative_to(export)) for path in export.rglob("*")}
    return {name for name in found if not (export / name).is_dir()}


@pytest.mark.parametrize("when", ["a duplicate is removed", "a file is put in its place", "a file is in its place"])
async def test_killed_while(when: str, documents: Path, tmp_path: Path) -> None:
    export, journal = tmp_path / "export", tmp_path / "journal.db"
    command = [sys.executable, "-c", KILLED, when, str(documents), str(export), str(journal)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, env=environment).returncode == 9
    migration = Migration(FolderTree(documents), FolderTarget(export), journal=journal)
    if when == "a file is in its place":
        # What the killed run had put there counts, whatever has become of its source.
        placed = [
            path for path in documents.rglob("*.pdf") if (export / "files" / path.relative_to(documents)).exists()
        ]
        assert placed
        for path in placed:
            path.unlink()
    tally = (await migration.run()).tally
    assert (tally.count(State.COMPLETED), tally.count(State.SKIPPED)) == (3, 1)
    assert {(export / name).read_bytes() for name in listed(export)} == {b"one", b"two", b"three"}
    assert there(export) == listed(export) | LISTS
    assert not (export / ".parts").exists()


# Files that change


@pytest.mark.parametrize("change", ["at the start", "in the middle"])
async def test_a_file_that_changes_while_it_is_copied_is_copied_again(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    source = tree / "a.pdf"
    source.write_bytes(b"A" * (3 << 20))
    real, copies = folder.copy, 0

    class Meddling(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            block = super().read(size)
            if self.tell() == 1 << 20:
                meddle()
            return block

    def meddle() -> None:
        with source.open("r+b") as file:
            file.write(b"B" * (3 << 20))
        os.utime(source, (5, 5))

    def opened(path: str, how: str) -> Any:
        return Meddling(path) if how == "rb" else open(path, how)

    def copy(*arguments: Any, **options: Any) -> tuple[str, int]:
        nonlocal copies
        copies += 1
        if copies > 1:
            return real(*arguments, **options)
        if change == "at the start":
            meddle()
            return real(*arguments, **options)
        with monkeypatch.context() as patch:
            patch.setitem(disk.__dict__, "open", opened)
            return real(*arguments, **options)

    monkeypatch.setattr(folder, "copy", copy)
    migration = Migration(FolderTree(tree), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    status = await migration.run()
    assert (status.is_complete, copies) == (True, 2)
    assert (tmp_path / "export" / "files" / "a.pdf").read_bytes() == b"B" * (3 << 20)


async def test_a_new_version_takes_the_place_of_the_old_one(documents: Path, tmp_path: Path) -> None:
    options = MigrationOptions(on_changed="send-again", dedupe="keep")

    def migration() -> Migration:
        journal = tmp_path / "journal.db"
        return Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=journal, options=options)

    await migration().run()
    (documents / "a.pdf").write_bytes(b"a newer one")
    assert (await migration().run()).is_complete
    found = {path.name: path.read_bytes() for path in (tmp_path / "export" / "files").glob("*.pdf")}
    assert found == {"a.pdf": b"a newer one", "b.pdf": b"two", "copy.pdf": b"one"}


# Others' files


async def test_the_export_of_another_journal_is_refused(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.pdf").write_bytes(name.encode())
    export = tmp_path / "export"
    first = Migration(FolderTree(tmp_path / "first"), FolderTarget(export), journal=tmp_path / "1.db")
    await first.run()
    with pytest.raises(ConfigurationError, match=r"holds the export of another journal.*name another folder"):
        await Migration(FolderTree(tmp_path / "second"), FolderTarget(export), journal=tmp_path / "2.db").run()
    assert (await first.verify()).ok
    # Nothing has begun, so that the same journal can go with another folder.
    other = Migration(FolderTree(tmp_path / "second"), FolderTarget(tmp_path / "other"), journal=tmp_path / "2.db")
    assert (await other.run()).is_complete
    assert (await first.run()).is_complete


async def test_an_export_from_before_there_were_marks_goes_on(documents: Path, tmp_path: Path) -> None:
    def migration(number: int) -> Migration:
        return Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=tmp_path / f"{number}.db")

    await migration(1).run()
    (tmp_path / "export" / ".plangrep-export").unlink()
    with pytest.raises(ConfigurationError, match=r"holds manifest\.jsonl and manifest\.csv and records\.jsonl that"):
        await migration(2).run()
    assert (await migration(1).run()).is_complete
    assert (tmp_path / "export" / ".plangrep-export").exists()


async def test_files_that_somebody_has_put_there_stay(documents: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    (export / "files" / "sub").mkdir(parents=True)
    (export / "files" / "a.pdf").write_bytes(b"mine")
    (export / "files" / "sub" / "a.pdf").symlink_to(tmp_path / "nowhere")
    (export / "files" / "b.pdf").mkdir()
    migration = Migration(
        FolderTree(documents),
        FolderTarget(export),
        journal=tmp_path / "journal.db",
        options=MigrationOptions(dedupe="keep"),
    )
    assert (await migration.run()).is_complete
    assert (export / "files" / "a.pdf").read_bytes() == b"mine"
    assert (export / "files" / "sub" / "a.pdf").is_symlink()
    assert {(export / name).read_bytes() for name in listed(export)} == {b"one", b"two", b"three"}
    assert (await migration.verify()).ok


async def test_a_file_and_a_folder_may_have_one_name(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"one")
    (tmp_path / "y.pdf").write_bytes(b"two")
    lines = [{"path": "x.pdf", "name": "Plans.pdf"}, {"path": "y.pdf", "folder": "Plans.pdf"}]
    for order in (lines, lines[::-1]):
        (tmp_path / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in order))
        export, journal = tmp_path / f"export {order[0]['path']}", tmp_path / f"{order[0]['path']}.db"
        migration = Migration(
            Manifest(tmp_path / "list.jsonl"),
            FolderTarget(export),
            journal=journal,
            options=MigrationOptions(transfers=1),
        )
        assert (await migration.run()).is_complete
        assert {(export / name).read_bytes() for name in listed(export)} == {b"one", b"two"}


async def test_names_that_a_file_system_takes_for_the_same_overwrite_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(path: str | Path) -> Path | None:
        alike = unicodedata.normalize("NFC", str(path)).casefold()
        found = [
            one for one in Path(path).parent.iterdir() if unicodedata.normalize("NFC", str(one)).casefold() == alike
        ]
        return found[0] if found else None

    monkeypatch.setattr(os.path, "lexists", lambda path: same(path) is not None)
    names = ("Plan.pdf", "PLAN.pdf", "Etage\u0301.pdf", "Etag\u00e9.pdf")
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in names:
        (tree / name).write_bytes(name.encode())
    migration = Migration(FolderTree(tree), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    assert (await migration.run()).is_complete
    placed = [unicodedata.normalize("NFC", name).casefold() for name in listed(tmp_path / "export")]
    assert len(set(placed)) == len(names)
    assert {(tmp_path / "export" / name).read_bytes() for name in listed(tmp_path / "export")} == {
        name.encode() for name in names
    }


# What goes wrong


@pytest.mark.parametrize("function", ["copy", "place", "write_manifests"])
async def test_a_disk_that_is_away_ends_the_run_and_no_document(
    function: str, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "/mnt/nas/export")

    migration = Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    with monkeypatch.context() as patch:
        patch.setattr(folder, function, away)
        with pytest.raises(
            MigrationStopped, match=r"export cannot be written \(Input/output error\)\. Nothing is lost"
        ):
            await migration.run()
    status = await migration.run()
    assert (status.is_complete, status.tally.count(State.COMPLETED)) == (True, 3)
    assert there(tmp_path / "export") == listed(tmp_path / "export") | LISTS


async def test_a_source_that_cannot_be_read_is_that_documents_failure(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, how: str, **options: Any) -> Any:
        if str(path) == str(documents / "b.pdf"):
            raise OSError(errno.EIO, "Input/output error")
        return open(path, how, **options)

    monkeypatch.setitem(disk.__dict__, "open", refuse)
    migration = Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    status = await migration.run()
    assert (status.tally.count(State.FAILED), status.tally.count(State.COMPLETED)) == (1, 2)
    assert status.tally.problems[Problem.UNREADABLE] == 1


async def test_a_document_that_can_have_no_name_fails_by_itself(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder.place

    def place(part: Path, target: Path, *, replace: bool = False) -> None:
        if target.name.startswith("b"):
            raise OSError(errno.EILSEQ, "Invalid or incomplete multibyte or wide character")
        real(part, target, replace=replace)

    monkeypatch.setattr(folder, "place", place)
    migration = Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    status = await migration.run()
    assert (status.tally.count(State.FAILED), status.tally.count(State.COMPLETED)) == (1, 2)
    assert not (tmp_path / "export" / ".parts").exists()


async def test_a_root_that_cannot_be_is_told(documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match="is no folder; name another"):
            await Migration(FolderTree(documents), FolderTarget(root), journal=tmp_path / "1.db").run()

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigurationError, match=r"cannot be written \(Permission denied\)"):
        await Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=tmp_path / "1.db").run()


async def test_a_full_disk_is_named_before_there_is_a_file_on_it(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claim(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "claim_folder", claim)
    migration = Migration(FolderTree(documents), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db")
    with pytest.raises(MigrationStopped, match=f"disk that holds {tmp_path}/export is full"):
        await migration.run()


async def test_what_lies_in_the_place_of_a_file_is_different(documents: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    migration = Migration(FolderTree(documents), FolderTarget(export), journal=tmp_path / "journal.db")
    await migration.run()
    (export / "files" / "b.pdf").unlink()
    (export / "files" / "b.pdf").mkdir()
    (export / "files" / "sub" / "a.pdf").unlink()
    (export / "files" / "sub").rmdir()
    (export / "files" / "sub").write_text("")
    verified = await migration.verify()
    assert (verified.good, verified.missing) == (1, ("sub/a.pdf",))
    assert verified.different == {"b.pdf": "it cannot be read: Is a directory"}


async def test_a_long_folder_of_few_letters_goes_into_the_export(tmp_path: Path) -> None:
    source = tmp_path / "tree" / ("1. " + "x" * 240)
    source.mkdir(parents=True)
    (source / "a.pdf").write_bytes(b"x")
    migration = Migration(
        FolderTree(tmp_path / "tree"), FolderTarget(tmp_path / "export"), journal=tmp_path / "journal.db"
    )
    assert (await migration.run()).is_complete
