"""Files on their way into a folder, step by step."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.migrate import State
from plangrep_async.migrate.document import Document
from plangrep_async.migrate.fingerprint import fingerprint_of
from plangrep_async.migrate.targets import disk


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    path = tmp_path / "tree" / "a.pdf"
    path.write_bytes(b"one")
    return path


def document(path: Path, **values: Any) -> Document:
    size, mtime_ns, inode = fingerprint_of(path.stat()) if path.exists() else (0, 0, 0)
    known = {"id": 1, "key": path.name, "name": path.name, "path": str(path), "state": State.DISCOVERED, **values}
    return Document(size=size, mtime_ns=mtime_ns, inode=inode, **known)


def test_a_file_from_another_file_system_is_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tree = os.replace, source.parent

    def replace(source: Path, target: Path) -> None:
        if Path(source).parent == tree:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    part = tmp_path / "export" / ".parts" / "1"
    assert disk.copy(document(source), str(source), part, move=True) == disk.digest(source)
    target = tmp_path / "export" / "files" / "a.pdf"
    disk.place(part, target)
    assert (target.read_bytes(), part.exists()) == (b"one", False)
    with pytest.raises(OSError, match="No such file"):
        disk.place(part, tmp_path / "export" / "files" / "b.pdf")


def test_rights_that_the_disk_does_not_take_cost_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copystat(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(disk.shutil, "copystat", copystat)
    assert disk.copy(document(source), str(source), tmp_path / "part", move=False)[1] == 3


def test_names_are_durable_before_the_journal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str]] = []
    real = {"replace": os.replace, "fsync": os.fsync}

    def replace(source: Path, target: Path) -> None:
        real["replace"](source, target)
        done.append(("replace", str(target)))

    def fsync(descriptor: int) -> None:
        real["fsync"](descriptor)
        done.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "part").write_bytes(b"x")
    folder = tmp_path / "export" / "files" / "a"
    disk.place(tmp_path / "part", folder / "b.pdf")
    above = [("fsync", str(made)) for made in (tmp_path, tmp_path / "export", tmp_path / "export" / "files")]
    assert done == [*above, ("replace", str(folder / "b.pdf")), ("fsync", str(folder))]
