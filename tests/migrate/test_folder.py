"""An export into a folder: what lies there is what the lists name, whenever the run was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plangrep_async.migrate import FolderTarget, FolderTree, Migration, State
from plangrep_async.migrate.targets import folder

KILLED = """
import asyncio, os, pathlib, sys
from plangrep_async.migrate import FolderTarget, FolderTree, Migration
from plangrep_async.migrate.targets import folder

when, tree, export, journal = sys.argv[1:]
place, unlink = folder._place, pathlib.Path.unlink

def killed_before_place(*arguments):
    os._exit(9)

def killed_after_place(*arguments):
    place(*arguments)
    os._exit(9)

def killed_at_removal(path, **options):
    if ".parts" in path.parts:
        os._exit(9)
    unlink(path, **options)

if when == "a duplicate is removed":
    pathlib.Path.unlink = killed_at_removal
else:
    folder._place = killed_before_place if when == "a file is put in its place" else killed_after_place
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
    assert there(export) == listed(export) | {"manifest.jsonl", "manifest.csv", "records.jsonl"}
    assert not (export / ".parts").exists()


def test_a_file_from_another_file_system_is_copied(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(source).parent == documents:
            raise OSError(18, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    part = tmp_path / "export" / ".parts" / "1"
    whole, sha256, size = folder._copy(str(documents / "a.pdf"), part, move=True)
    assert (whole, size, len(sha256)) == (documents / "a.pdf", 3, 64)
    folder._place(whole, tmp_path / "export" / "files" / "a.pdf", part)
    assert (tmp_path / "export" / "files" / "a.pdf").read_bytes() == b"one"
    assert not part.exists()
    with pytest.raises(OSError, match="No such file"):
        folder._place(part, tmp_path / "export" / "files" / "b.pdf", part)
