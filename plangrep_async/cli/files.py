"""Which files the paths of a command line mean."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import InvalidInputError

__all__ = ["collect_files"]


def collect_files(paths: Sequence[Path], include: Sequence[str]) -> list[Path]:
    """Files as they are named; of folders, at any depth, those whose name matches ``include``, in order of name.

    Hidden files and folders are left out. A file that is meant twice is taken once.

    Raises:
        InvalidInputError: a path does not exist, or a folder has no such file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = list(_walk(path, include))
            if not inside:
                raise InvalidInputError(
                    f"{path} holds no file that matches {' or '.join(include)}; choose others with --include, "
                    "for example --include '*.dwg'"
                )
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise InvalidInputError(f"{path} does not exist; nothing was sent")
    return list(found)


def _walk(folder: Path, include: Sequence[str]) -> list[Path]:
    files: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            Path(parent, name)
            for name in sorted(names)
            if not name.startswith(".") and any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in include)
        ]
    return files
